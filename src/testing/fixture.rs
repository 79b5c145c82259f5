//! Recordings as answers for tests.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::context;
use crate::Error;
use crate::context::Context;
use crate::json::Value;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::transport::{Disconnect, Exchange, HeaderValue, ReplayTransport};

/// A recorded case: what was asked, what went over the wire, and what came out.
///
/// The format is that of the project's recordings
/// (<https://github.com/samewire/samewire/blob/main/fixtures/README.md>). `samewire record` writes it too: its
/// files have exchanges only.
///
/// # Example: a provider answers as it was recorded
///
/// ```
/// use samewire::testing::Fixture;
/// use samewire::build_provider_in;
///
/// # let text = r#"{ "id": "groq/hello", "call": "createMessage",
/// #   "input": { "settings": { "apiProvider": "groq", "groqApiKey": "k" }, "systemPrompt": "",
/// #     "messages": [{ "role": "user", "content": "Hi" }] },
/// #   "exchanges": [{ "request": { "scheme": "https", "http": "1.1", "method": "POST",
/// #       "target": "/openai/v1/chat/completions", "headers": [], "body": "{}" },
/// #     "response": { "status": 200, "reason": "OK", "headers": [["content-type", "text/event-stream"]],
/// #       "chunked": true, "body": "data: {\"choices\":[{\"delta\":{\"content\":\"Hello!\"}}]}\n\n" } }],
/// #   "stream": [{ "type": "text", "text": "Hello!" }] }"#;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("hello.json");
/// # std::fs::write(&path, text).unwrap();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let fixture = Fixture::load(&path)?;
/// let settings = fixture.settings().expect("recorded with settings")?;
/// let provider = build_provider_in(&settings, &fixture.context())?;
/// assert_eq!(provider.chat(fixture.request()).await?.text, "Hello!");
/// assert_eq!(fixture.tokens(), [r#"{"type":"text","text":"Hello!"}"#]);
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Fixture {
    id: String,
    value: Value,
    exchanges: Vec<Exchange>,
}

impl Fixture {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming the file and what is wrong in it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let named = |problem: String| Error::configuration(format!("{}: {problem}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        Self::read(&text).map_err(named)
    }

    /// Reads every `.json` file in a folder and the folders in it, in the order of their paths.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming the folder or file.
    pub fn load_all(folder: impl AsRef<Path>) -> Result<Vec<Self>, Error> {
        let mut paths = Vec::new();
        find(folder.as_ref(), &mut paths)?;
        paths.sort();
        paths.iter().map(Self::load).collect()
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), saying what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(Error::configuration)
    }

    fn read(text: &str) -> Result<Self, String> {
        let value = Value::parse(text).map_err(|error| error.to_string())?;
        let id = value.get("id").and_then(Value::as_str).ok_or("`id` must be text")?.to_owned();
        let recorded =
            value.get("exchanges").and_then(Value::as_array).ok_or("`exchanges` must be a list")?;
        let exchanges = recorded.iter().enumerate().map(|(index, exchange)| {
            read_exchange(exchange).map_err(|problem| format!("exchanges[{index}]: {problem}"))
        });
        Ok(Self { id, exchanges: exchanges.collect::<Result<_, _>>()?, value })
    }

    /// `<provider>/<case>`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The settings that were recorded, if there are any.
    pub fn settings(&self) -> Option<Result<ProviderSettings, Error>> {
        self.input("settings").cloned().map(ProviderSettings::from_value)
    }

    /// The conversation that was recorded; an empty one where there is none.
    pub fn request(&self) -> ChatRequest {
        let messages = self.input("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let prompt = self.input("systemPrompt").and_then(Value::as_str).unwrap_or_default();
        ChatRequest::from_reference(prompt, messages, self.input("metadata"))
    }

    /// The tokens that came out, each as [`StreamToken::to_json`](crate::StreamToken::to_json) prints it.
    pub fn tokens(&self) -> Vec<String> {
        let tokens = self.value.get("stream").and_then(Value::as_array);
        tokens.map(|tokens| tokens.iter().map(Value::to_json).collect()).unwrap_or_default()
    }

    /// The whole file.
    pub fn as_json(&self) -> &Value {
        &self.value
    }

    /// The answers, each to requests of its method and target.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.clone()
    }

    /// A transport that plays the answers.
    pub fn replay(&self) -> ReplayTransport {
        ReplayTransport::new(self.exchanges())
    }

    /// A [`context`] over [`replay`](Self::replay).
    pub fn context(&self) -> Context {
        context(std::sync::Arc::new(self.replay()))
    }

    fn input(&self, key: &str) -> Option<&Value> {
        self.value.get("input")?.get(key)
    }
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let named = |error: std::io::Error| Error::configuration(format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn read_exchange(value: &Value) -> Result<Exchange, String> {
    let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let request = value.get("request").ok_or("`request` is missing")?;
    let method = text(request, "method").ok_or("`request.method` must be text")?;
    let target = text(request, "target").ok_or("`request.target` must be text")?;
    let Some(response) = value.get("response") else {
        return Ok(Exchange::new(200).on(method, target).disconnect(Disconnect::Before));
    };
    let status =
        response.get("status").and_then(Value::as_f64).ok_or("`response.status` must be a number")?;
    let mut exchange = Exchange::new(status as u16).on(method, target);
    let is_http1 = text(request, "http").is_none_or(|version| version != "2");
    let body = match text(response, "bodyBase64") {
        Some(encoded) => BASE64.decode(encoded).map_err(|error| format!("`response.bodyBase64`: {error}"))?,
        None => text(response, "body").unwrap_or_default().into_bytes(),
    };
    if is_http1 {
        exchange = exchange.reason(text(response, "reason").unwrap_or_default());
        exchange = if response.get("chunked").is_some_and(Value::is_truthy) {
            exchange.header("transfer-encoding", "chunked")
        } else {
            exchange.header("content-length", body.len().to_string())
        };
    }
    for line in response.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |at| line.at(at).and_then(Value::as_str).ok_or("a header must be [name, value]");
        // One character a byte, as it was recorded.
        let bytes: Vec<u8> = part(1)?.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        exchange = exchange.header(part(0)?.to_owned(), HeaderValue::new(bytes));
    }
    let number = |key: &str| response.get(key).and_then(Value::as_f64).map(|number| number as usize);
    let sent = number("truncateAt").unwrap_or(body.len()).min(body.len());
    let cuts = response.get("splitAt").and_then(Value::as_array).into_iter().flatten();
    let cuts = cuts.filter_map(Value::as_f64).map(|at| at as usize);
    exchange = exchange.body(body[..sent].to_vec()).cut_at(cuts);
    Ok(match text(response, "disconnect").as_deref() {
        None => exchange,
        Some("before") => exchange.disconnect(Disconnect::Before),
        Some("mid") => exchange.disconnect(Disconnect::Mid),
        Some("mid-reset") => exchange.disconnect(Disconnect::ResetMid),
        Some(other) => return Err(format!("unknown `response.disconnect`: {other}")),
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn recordings(provider: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(provider)
    }

    #[tokio::test]
    async fn recordings_replay_as_they_were() {
        let all = Fixture::load_all(recordings("groq")).unwrap();
        assert!(all.len() > 10 && all.iter().all(|fixture| fixture.id().starts_with("groq/")));
        let fixture = all.iter().find(|fixture| fixture.id() == "groq/stream-think-tag").unwrap();
        let provider =
            crate::build_provider_in(&fixture.settings().unwrap().unwrap(), &fixture.context()).unwrap();
        let tokens: Vec<_> = provider.chat_stream(fixture.request()).await.unwrap().collect().await;
        let told: Vec<String> = tokens.into_iter().map(|token| token.unwrap().to_json()).collect();
        assert_eq!(told, fixture.tokens());
    }

    #[test]
    fn errors_name_the_file_and_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.json");
        std::fs::write(&path, r#"{"id":"a/b","exchanges":[{"request":{"method":"GET"}}]}"#).unwrap();
        let message = Fixture::load(&path).unwrap_err().message().to_owned();
        assert!(message.ends_with("broken.json: exchanges[0]: `request.target` must be text"), "{message}");
        let missing = Fixture::load_all(folder.path().join("none")).unwrap_err();
        assert!(missing.message().contains("none: "), "{missing}");
    }
}
