//! A case for a person to read.

use std::fmt::Write;
use std::path::Path;

use samewire::ChatRequest;
use samewire::json::Value;
use samewire::transport::ReplayTransport;

use crate::calls::chat_request;
use crate::fixture::{Case, Exchange};
use crate::levels::replay;
use crate::suite::{find_cases, own_fixtures};

/// The case of that id, as text: what was asked, each exchange, and what came out.
///
/// # Errors
///
/// Says that there is no such case, or what is wrong with its file.
pub fn show(fixtures: Option<&Path>, id: &str) -> Result<String, String> {
    Ok(print(&load_case(fixtures, id)?))
}

/// Reads the case of that id.
///
/// # Errors
///
/// Says that there is no such case, or what is wrong with its file.
pub fn load_case(fixtures: Option<&Path>, id: &str) -> Result<Case, String> {
    let folder = fixtures.map_or_else(own_fixtures, Path::to_owned);
    let found = find_cases(&folder)?.into_iter().find(|(name, _)| name == id);
    let Some((_, path)) = found else { return Err(no_such_case(id, &folder)) };
    Case::load(&path).map_err(|error| error.to_string())
}

/// Says that there is no such case, and which ones begin alike.
fn no_such_case(id: &str, folder: &Path) -> String {
    let provider = id.split('/').next().unwrap_or_default();
    let all: Vec<String> = find_cases(folder).unwrap_or_default().into_iter().map(|(id, _)| id).collect();
    let begins = |part: &str| -> Vec<&str> {
        all.iter().filter(|known| known.starts_with(part)).map(String::as_str).take(5).collect()
    };
    let alike = [id, &format!("{provider}/")].into_iter().map(begins).find(|alike| !alike.is_empty());
    let hint =
        alike.filter(|_| !id.is_empty()).map(|alike| format!("; {} ... begin alike", alike.join(", ")));
    format!("there is no case {id:?} in {}{}", folder.display(), hint.unwrap_or_default())
}

impl Case {
    /// Whether the conversation was recorded over HTTP/2.
    pub fn speaks_http2(&self) -> bool {
        self.exchanges.last().is_some_and(|exchange| exchange.request.http2)
    }

    /// The provider settings that were recorded; none for calls without settings.
    pub fn settings(&self) -> Option<&Value> {
        self.input.get("settings")
    }

    /// The conversation that was recorded.
    pub fn request(&self) -> ChatRequest {
        chat_request(&self.input, true)
    }

    /// A transport that answers with what was recorded, without layers.
    pub fn replay(&self) -> ReplayTransport {
        replay(self, None)
    }
}

fn print(case: &Case) -> String {
    let mut out = format!("{}  ({})\n", case.id, case.call);
    if let Some(about) = &case.about {
        let _ = writeln!(out, "{about}");
    }
    section(&mut out, "asked", &case.input.to_json_pretty());
    for (index, exchange) in case.exchanges.iter().enumerate() {
        print_exchange(&mut out, index + 1, exchange);
    }
    let expected = &case.expected;
    if !expected.retry_delays.is_empty() {
        section(&mut out, "waits between attempts, in ms", &format!("{:?}", expected.retry_delays));
    }
    if let Some(stream) = &expected.stream {
        section(&mut out, "tokens", &stream.join("\n"));
    }
    for (name, value) in
        [("value", &expected.value), ("error", &expected.error), ("afterwards", &expected.after)]
    {
        if let Some(value) = value {
            section(&mut out, name, &value.to_json_pretty());
        }
    }
    out
}

fn print_exchange(out: &mut String, number: usize, exchange: &Exchange) {
    let Exchange { request, response } = exchange;
    let version = if request.http2 { "HTTP/2" } else { "HTTP/1.1" };
    let mut text = format!("{} {} {version} ({})\n", request.method, request.target, request.scheme);
    print_message(&mut text, &request.headers, &request.body);
    section(out, &format!("request {number}"), &text);
    let mut text = format!("{} {}\n", response.status, response.reason);
    print_message(&mut text, &response.headers, &response.sent_body());
    if let Some(disconnect) = response.disconnect {
        let _ = write!(text, "\nbroken off: {disconnect:?}");
    }
    section(out, &format!("response {number}"), &text);
}

fn print_message(out: &mut String, headers: &[(String, Vec<u8>)], body: &[u8]) {
    for (name, value) in headers {
        let _ = writeln!(out, "{name}: {}", String::from_utf8_lossy(value));
    }
    let text = String::from_utf8_lossy(body);
    let pretty = Value::parse(&text).map(|value| value.to_json_pretty());
    let _ = write!(out, "\n{}", pretty.unwrap_or_else(|_| text.into_owned()));
}

fn section(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "\n── {name} ──\n{}\n", text.trim_end());
}
