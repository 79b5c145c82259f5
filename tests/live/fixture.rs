//! What was sent and received, as `fixtures/README.md` defines a case, without the key.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;
use samewire::json::{Object, Value, object};
use samewire::transport::{Headers, HttpVersion};
use samewire::{ChatRequest, StreamToken};

use crate::Live;
use crate::recorder::Recorded;

/// The case as text.
pub(crate) fn case(
    id: &str,
    live: &Live,
    request: &ChatRequest,
    exchanges: &[Recorded],
    tokens: &[StreamToken],
) -> String {
    let mut settings = Object::new();
    for (key, value) in live.settings.iter() {
        settings.insert(key, value.clone());
    }
    let mut metadata = Object::new();
    if let Some(tools) = &request.tools {
        metadata.insert("tools", tools.iter().map(|tool| tool.as_json().clone()).collect::<Value>());
    }
    if let Some(choice) = &request.tool_choice {
        metadata.insert("tool_choice", choice.to_json());
    }
    let messages: Value = request.messages.iter().map(|message| message.as_json().clone()).collect();
    let case = object! {
        "id": id,
        "about": "recorded from the live service",
        "call": "createMessage",
        "input": object! {
            "settings": settings,
            "systemPrompt": request.system_prompt.as_str(),
            "messages": messages,
            "metadata": metadata,
        },
        "exchanges": exchanges.iter().map(exchange).collect::<Value>(),
        "stream": tokens.iter().map(|token| Value::from(token.to_object())).collect::<Value>(),
    };
    redacted(&Value::from(case).to_json_pretty(), &live.key)
}

/// Writes a case below a folder.
pub(crate) fn save(folder: &Path, id: &str, case: &str) -> Result<(), Failed> {
    let path = folder.join(format!("{id}.json"));
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    fs::write(&path, format!("{case}\n"))?;
    eprintln!("{id}: saved as {}", path.display());
    Ok(())
}

fn exchange(recorded: &Recorded) -> Value {
    let sent = &recorded.request;
    let (scheme, rest) = sent.url.split_once("://").unwrap_or(("https", &sent.url));
    let target = rest.find('/').map_or("/", |start| &rest[start..]);
    let version = if sent.options.version == HttpVersion::Http2 { "2" } else { "1.1" };
    let mut request = object! {
        "scheme": scheme,
        "http": version,
        "method": sent.method,
        "target": target,
        "headers": lines(&sent.headers),
    };
    insert_body(&mut request, &sent.body);
    let mut response = object! {
        "status": f64::from(recorded.status),
        "reason": recorded.reason.as_str(),
        "headers": lines(&recorded.headers),
    };
    insert_body(&mut response, &recorded.body());
    object! { "request": request, "response": response }.into()
}

fn insert_body(message: &mut Object, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok("") => {}
        Ok(text) => drop(message.insert("body", text)),
        Err(_) => drop(message.insert("bodyBase64", STANDARD.encode(body))),
    }
}

/// Header lines, without those that tell whose account it was, and without those of the transfer itself: the
/// body is kept whole.
fn lines(headers: &Headers) -> Value {
    let is_kept = |name: &str| {
        let name = name.to_ascii_lowercase();
        !["set-cookie", "organization", "project", "transfer-encoding", "account"]
            .iter()
            .any(|part| name.contains(part))
    };
    let lines = headers.iter().filter(|(name, _)| is_kept(name));
    let line = |(name, value): (&str, &samewire::transport::HeaderValue)| {
        let value: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        Value::Array(vec![name.into(), value.as_str().into()])
    };
    lines.map(line).collect()
}

/// The text with another key in place of the real one, wherever a service echoed it.
fn redacted(text: &str, key: &str) -> String {
    let escaped = Value::from(key).to_json();
    text.replace(&escaped[1..escaped.len() - 1], "redacted-key")
}
