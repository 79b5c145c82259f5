//! One recorded case, as `fixtures/README.md` defines it.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use samewire::json::Value;

use crate::surrogates::{Depth, has_lone, replace_lone};

/// One recorded case: what was asked, every exchange, and what came out.
#[derive(Clone, Debug)]
pub struct Case {
    pub(crate) id: String,
    pub(crate) about: Option<String>,
    pub(crate) call: String,
    pub(crate) input: Value,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) expected: Expected,
    /// Whether the file holds the escape of half a surrogate pair, however deep.
    pub(crate) lone_surrogate: bool,
}

/// A request and the answer that it was given.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) response: Response,
}

/// A request as it went over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) scheme: String,
    pub(crate) http2: bool,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
}

/// A canned answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The whole body, also where it was not sent to its end.
    pub(crate) body: Bytes,
    pub(crate) chunked: bool,
    pub(crate) split_at: Vec<usize>,
    pub(crate) truncate_at: Option<usize>,
    pub(crate) disconnect: Option<Disconnect>,
}

/// How an exchange broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// The connection was closed instead of an answer.
    Before,
    /// The connection was closed inside the body.
    Mid,
    /// HTTP/2: the stream was reset inside the body.
    MidReset,
}

impl Response {
    /// The bytes of the body that were sent.
    pub(crate) fn sent_body(&self) -> Bytes {
        self.body.slice(..self.truncate_at.unwrap_or(self.body.len()).min(self.body.len()))
    }

    /// An answer that never came: the connection was closed instead.
    fn none() -> Self {
        Self {
            status: 200,
            reason: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            chunked: false,
            split_at: Vec::new(),
            truncate_at: None,
            disconnect: Some(Disconnect::Before),
        }
    }
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// Each chunk as `JSON.stringify` prints it.
    pub(crate) stream: Option<Vec<String>>,
    pub(crate) value: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) retry_delays: Vec<f64>,
    /// Whether one of these texts holds half a surrogate pair.
    pub(crate) lone_surrogate: bool,
}

/// A fixture that cannot be read.
#[derive(Debug)]
pub struct FixtureError {
    path: PathBuf,
    problem: String,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for FixtureError {}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    ///
    /// Names the file, and the line or the key that is wrong.
    pub fn load(path: &Path) -> Result<Self, FixtureError> {
        let fail = |problem: String| FixtureError { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        Self::parse(&text).map_err(fail)
    }

    /// Reads a case from its text. The message of an error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value =
            Value::parse(text).map_err(|error| located(text, error.position(), &error.to_string()))?;
        let exchanges = match value.get("exchanges") {
            Some(Value::Array(exchanges)) => exchanges.iter().enumerate().map(Exchange::read).collect(),
            _ => Err("`exchanges` must be a list".to_owned()),
        }?;
        let mut expected = Expected::read(&value)?;
        let lone_surrogate = has_lone(text);
        if lone_surrogate {
            let marked = Value::parse(&replace_lone(text, Depth::Own, MARK)).unwrap_or_default();
            expected.lone_surrogate =
                ["stream", "value", "error", "after"].iter().any(|key| value.get(key) != marked.get(key));
        }
        Ok(Self {
            id: text_of(&value, "id")?,
            about: value.get("about").and_then(Value::as_str).map(str::to_owned),
            call: text_of(&value, "call")?,
            input: value.get("input").cloned().ok_or("`input` is missing")?,
            exchanges,
            expected,
            lone_surrogate,
        })
    }

    /// `<provider>/<case>`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first part of the id.
    pub fn provider(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// The provider that the settings or the options name.
    pub(crate) fn api_provider(&self) -> Option<&str> {
        let of = |place: &str, key: &str| self.input.get(place)?.get(key)?.as_str();
        of("settings", "apiProvider").or_else(|| of("options", "provider"))
    }
}

impl Exchange {
    fn read((index, value): (usize, &Value)) -> Result<Self, String> {
        let within = |problem: String| format!("exchanges[{index}]: {problem}");
        let request = value.get("request").ok_or_else(|| within("`request` is missing".into()))?;
        let response = match value.get("response") {
            Some(response) => Response::read(response).map_err(within)?,
            None => Response::none(),
        };
        Ok(Self { request: Request::read(request).map_err(within)?, response })
    }
}

impl Request {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(Self {
            scheme: text_of(value, "scheme")?,
            http2: text_of(value, "http")? == "2",
            method: text_of(value, "method")?,
            target: text_of(value, "target")?,
            headers: headers_of(value)?,
            body: body_of(value)?,
        })
    }
}

impl Response {
    fn read(value: &Value) -> Result<Self, String> {
        let disconnect = match value.get("disconnect").and_then(Value::as_str) {
            None => None,
            Some("before") => Some(Disconnect::Before),
            Some("mid") => Some(Disconnect::Mid),
            Some("mid-reset") => Some(Disconnect::MidReset),
            Some(other) => return Err(format!("unknown `disconnect`: {other}")),
        };
        let number = |value: &Value| value.as_f64().map(|number| number as usize);
        let status = value.get("status").and_then(number).and_then(|status| u16::try_from(status).ok());
        let cuts = value.get("splitAt").and_then(Value::as_array);
        Ok(Self {
            status: status.ok_or("`status` must be a number")?,
            reason: value.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned(),
            headers: headers_of(value)?,
            body: body_of(value)?,
            chunked: value.get("chunked").is_some_and(Value::is_truthy),
            split_at: cuts.map(|cuts| cuts.iter().filter_map(number).collect()).unwrap_or_default(),
            truncate_at: value.get("truncateAt").and_then(number),
            disconnect,
        })
    }
}

impl Expected {
    fn read(case: &Value) -> Result<Self, String> {
        let lines =
            |stream: &Value| stream.as_array().map(|chunks| chunks.iter().map(Value::to_json).collect());
        let stream = match case.get("stream") {
            None => None,
            Some(stream) => Some(lines(stream).ok_or("`stream` must be a list")?),
        };
        let delays = case.get("retryDelaysMs").and_then(Value::as_array);
        Ok(Self {
            stream,
            value: case.get("value").cloned(),
            error: case.get("error").cloned(),
            after: case.get("after").cloned(),
            retry_delays: delays.map(|d| d.iter().filter_map(Value::as_f64).collect()).unwrap_or_default(),
            lone_surrogate: false,
        })
    }
}

/// The bytes that a header's recorded text stands for: Latin-1, as Node gives them, else UTF-8.
pub(crate) fn header_bytes(text: &str) -> Vec<u8> {
    let latin1: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    latin1.unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn headers_of(value: &Value) -> Result<Vec<(String, Vec<u8>)>, String> {
    let Some(lines) = value.get("headers").and_then(Value::as_array) else {
        return Err("`headers` must be a list".into());
    };
    let line = |line: &Value| {
        let name = line.at(0).and_then(Value::as_str).ok_or("a header must be [name, value]")?;
        let value = line.at(1).and_then(Value::as_str).ok_or("a header must be [name, value]")?;
        Ok((name.to_owned(), header_bytes(value)))
    };
    lines.iter().map(line).collect()
}

fn body_of(value: &Value) -> Result<Bytes, String> {
    if let Some(encoded) = value.get("bodyBase64").and_then(Value::as_str) {
        return BASE64.decode(encoded).map(Bytes::from).map_err(|error| format!("`bodyBase64`: {error}"));
    }
    let text = value.get("body").and_then(Value::as_str).unwrap_or_default();
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

fn text_of(value: &Value, key: &str) -> Result<String, String> {
    let text = value.get(key).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("`{key}` must be text"))
}

fn located(text: &str, utf16_position: usize, problem: &str) -> String {
    let mut units = 0;
    let before = text.chars().take_while(|character| {
        units += character.len_utf16();
        units <= utf16_position
    });
    format!("line {}: {problem}", 1 + before.filter(|character| *character == '\n').count())
}

/// Stands for half a surrogate pair, to find where there was one: a private character.
const MARK: &str = "\u{e0ff}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_place() {
        let broken = "{\n  \"id\": \"a/b\",\n  \"call\" 1\n}";
        assert!(Case::parse(broken).unwrap_err().starts_with("line 3: "), "{:?}", Case::parse(broken));
        let wrong = r#"{"id":"a/b","call":"x","input":{},"exchanges":[{"request":{"scheme":"https"}}]}"#;
        assert_eq!(Case::parse(wrong).unwrap_err(), "exchanges[0]: `http` must be text");
    }

    #[test]
    fn half_pairs_are_noticed() {
        let case = |stream: &str, body: &str| {
            let text = format!(
                r#"{{"id":"a/b","call":"x","input":{{"about":"{body}"}},"exchanges":[],"stream":["{stream}"]}}"#
            );
            let case = Case::parse(&text).unwrap();
            (case.lone_surrogate, case.expected.lone_surrogate)
        };
        assert_eq!(case(r"\ud83d", ""), (true, true));
        assert_eq!(case(r"\ud83d\ude00", ""), (false, false));
        assert_eq!(case("", r"\\ud83d"), (true, false));
    }
}
