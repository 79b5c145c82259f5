//! Conversations in the form of the Converse API.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::errors::Thrown;
use crate::Error;
use crate::ErrorKind;
use crate::json::{Object, Value, object};
use crate::message::Message;

/// Messages in the wire's form, and what keeps them from being sent although the reference converts them.
#[derive(Default)]
pub(super) struct Converted {
    /// Role and content of each message.
    pub(super) messages: Vec<(&'static str, Vec<Value>)>,
    pub(super) unsendable: Option<Thrown>,
}

impl Converted {
    /// # Errors
    ///
    /// For images that the reference refuses before it calls the service.
    pub(super) fn of(messages: &[Message]) -> Result<Self, Error> {
        let mut converted = Self::default();
        for message in messages {
            let role = if message.role() == "assistant" { "assistant" } else { "user" };
            let content = match message.content() {
                Some(Value::Array(blocks)) => {
                    blocks.iter().map(|block| converted.block(block)).collect::<Result<_, _>>()?
                }
                Some(Value::String(text)) => vec![text_block(text.clone())],
                _ => return Err(Error::new(ErrorKind::Unsupported, "a message has no content")),
            };
            converted.messages.push((role, content));
        }
        Ok(converted)
    }

    fn block(&mut self, block: &Value) -> Result<Value, Error> {
        let get = |key: &str| block.get(key);
        Ok(match get("type").and_then(Value::as_str) {
            Some("text") => text_block(or_empty(get("text"))),
            Some("image") if get("source").is_some_and(Value::is_truthy) => {
                self.image(get("source").unwrap_or(&Value::Null))?
            }
            Some("tool_use") => tool_use(block),
            Some("tool_result") => tool_result(block),
            Some("video") => self.video(block),
            _ => text_block("[Unknown Block Type]"),
        })
    }

    fn image(&mut self, source: &Value) -> Result<Value, Error> {
        let bytes = match source.get("data") {
            Some(Value::String(data)) => Some(decode_base64(data)?),
            _ => None,
        };
        let Some(media_type) = source.get("media_type").and_then(Value::as_str) else {
            return Err(Error::new(ErrorKind::Unsupported, "an image has no media type; send it in base64"));
        };
        let format = media_type.split('/').nth(1).unwrap_or("undefined");
        if !["png", "jpeg", "gif", "webp"].contains(&format) {
            return Err(Error::new(ErrorKind::Unsupported, format!("Unsupported image format: {format}")));
        }
        let Some(bytes) = bytes else {
            self.unsendable.get_or_insert_with(|| Thrown::unsendable("an image has no data"));
            return Ok(Value::Null);
        };
        let bytes = base64::prelude::BASE64_STANDARD.encode(bytes);
        Ok(object! { "image": object! { "format": format, "source": object! { "bytes": bytes } } }.into())
    }

    fn video(&mut self, block: &Value) -> Value {
        let location = block
            .get("s3Location")
            .filter(|location| location.is_truthy())
            .or_else(|| block.get("source")?.get("s3Location"));
        let Some(location) = location else {
            self.unsendable.get_or_insert_with(|| {
                Thrown::unsendable("a video must be named by its place in S3 (`s3Location`)")
            });
            return Value::Null;
        };
        let mut place = Object::with_capacity(2);
        for key in ["uri", "bucketOwner"] {
            place.insert_some(key, location.get(key).filter(|value| !value.is_null()).cloned());
        }
        object! { "video": object! { "format": "mp4", "source": object! { "s3Location": place } } }.into()
    }
}

fn tool_use(block: &Value) -> Value {
    let input = block.get("input").filter(|input| input.is_truthy()).cloned();
    object! {
        "toolUse": object! {
            "input": input.unwrap_or_else(|| Object::new().into()),
            "name": or_empty(block.get("name")),
            "toolUseId": or_empty(block.get("id")),
        },
    }
    .into()
}

/// The status is always good news, as in the reference.
fn tool_result(block: &Value) -> Value {
    let get = |key: &str| block.get(key).filter(|value| value.is_truthy());
    let content = get("content").filter(|content| content.is_string() || content.is_array());
    let content: Vec<Value> = match (content, get("output")) {
        (Some(Value::Array(items)), _) => items.iter().map(|item| text_block(item_text(item))).collect(),
        (None, Some(Value::Array(parts))) => parts.iter().map(|part| text_block(output_text(part))).collect(),
        (Some(text), _) | (None, Some(text)) => vec![text_block(to_text(text))],
        (None, None) => vec![text_block("")],
    };
    object! {
        "toolResult": object! {
            "content": content,
            "status": "success",
            "toolUseId": or_empty(block.get("tool_use_id")),
        },
    }
    .into()
}

fn item_text(item: &Value) -> Value {
    match item {
        Value::String(_) => item.clone(),
        _ => item.get("text").filter(|text| text.is_truthy()).cloned().unwrap_or_else(|| to_text(item)),
    }
}

fn output_text(part: &Value) -> Value {
    match part.get("text") {
        Some(text) => text.clone(),
        None if part.get("type").and_then(Value::as_str) == Some("image") => {
            "(see following message for image)".into()
        }
        None => to_text(part),
    }
}

/// JavaScript's `String(value)`.
fn to_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Object(_) => "[object Object]".into(),
        Value::Array(items) => {
            let texts: Vec<String> = items
                .iter()
                .map(|item| match item {
                    Value::Null => String::new(),
                    item => to_text(item).as_str().unwrap_or_default().to_owned(),
                })
                .collect();
            texts.join(",").into()
        }
        other => other.to_json().into(),
    }
}

fn text_block(text: impl Into<Value>) -> Value {
    object! { "text": text.into() }.into()
}

fn or_empty(value: Option<&Value>) -> Value {
    value.filter(|value| value.is_truthy()).cloned().unwrap_or_else(|| "".into())
}

/// Node's `atob`: <https://infra.spec.whatwg.org/#forgiving-base64-decode>.
fn decode_base64(data: &str) -> Result<Vec<u8>, Error> {
    let refuse = |message: &str| Error::new(ErrorKind::Unsupported, message).with_code(5);
    let is_space = |c: char| matches!(c, '\t' | '\n' | '\x0C' | '\r' | ' ');
    let data: String = data.chars().filter(|c| !is_space(*c)).collect();
    let bare = data.trim_end_matches('=');
    let padding = data.len() - bare.len();
    let good = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if !good || padding > 2 || (padding > 0 && !data.len().is_multiple_of(4)) {
        return Err(refuse("Invalid character"));
    }
    if bare.len() % 4 == 1 {
        return Err(refuse("The string to be decoded is not correctly encoded."));
    }
    FORGIVING.decode(bare).map_err(|_| refuse("Invalid character"))
}

const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
