//! A conversation in Anthropic form to `contents`.

use crate::json::{Object, Value, object};
use crate::message::Message;
use crate::{Error, ErrorKind, Text};

/// Which of the two services with this API is spoken to. They take the same JSON; the SDK writes it in
/// another key order for each, and drops nulls in other places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The developers' service.
    Developer,
    /// The cloud's service, with projects and regions.
    Cloud,
}

impl Dialect {
    /// `{role, parts}` in the dialect's order.
    pub(super) fn content(self, role: &'static str, parts: Vec<Value>) -> Value {
        match self {
            Self::Developer => object! { "parts": parts, "role": role },
            Self::Cloud => object! { "role": role, "parts": parts },
        }
        .into()
    }

    fn drops_nulls_of_parts(self) -> bool {
        self == Self::Developer
    }
}

/// Converts a conversation. `signatures` says whether thought signatures are sent.
pub(super) fn convert(messages: &[Message], dialect: Dialect, signatures: bool) -> Result<Vec<Value>, Error> {
    let names = ToolNames::of(messages);
    let mut contents = Vec::with_capacity(messages.len());
    for message in messages {
        // Reasoning of other providers stands between the messages.
        if message.get("type").and_then(Value::as_str) == Some("reasoning") {
            continue;
        }
        let parts = Parts { dialect, names: &names, signatures, list: Vec::new() }.of(message)?;
        if !parts.is_empty() {
            let role = if message.role() == "assistant" { "model" } else { "user" };
            contents.push(dialect.content(role, parts));
        }
    }
    Ok(contents)
}

/// A part with text.
pub(super) fn text_part(text: impl Into<Value>) -> Value {
    object! { "text": text }.into()
}

/// The names of the tools that were called, by the ids of the calls: results carry ids only.
struct ToolNames<'a>(Vec<(&'a str, Option<&'a Value>)>);

impl<'a> ToolNames<'a> {
    fn of(messages: &'a [Message]) -> Self {
        let mut names: Vec<(&str, Option<&Value>)> = Vec::new();
        let blocks = messages.iter().filter_map(|message| message.content()?.as_array()).flatten();
        for block in blocks.filter(|block| kind(block) == "tool_use") {
            let id = text(block, "id");
            let name = block.get("name");
            match names.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) => *known = name,
                None => names.push((id, name)),
            }
        }
        Self(names)
    }

    fn get(&self, id: &str) -> Result<&'a Value, Error> {
        let found = self.0.iter().find(|(known, _)| *known == id).and_then(|(_, name)| *name);
        found.filter(|name| name.is_truthy()).ok_or_else(|| {
            let ids: Vec<&str> = self.0.iter().map(|(id, _)| *id).collect();
            let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "Unable to find tool name for tool_use_id \"{id}\". This indicates the conversation history is missing the corresponding tool_use block. Available tool IDs: {ids}"
                ),
            )
        })
    }
}

/// The parts of one message.
struct Parts<'a> {
    dialect: Dialect,
    names: &'a ToolNames<'a>,
    signatures: bool,
    list: Vec<Object>,
}

impl Parts<'_> {
    fn of(mut self, message: &Message) -> Result<Vec<Value>, Error> {
        match message.content() {
            Some(Value::String(text)) => return Ok(vec![text_part(text.clone())]),
            Some(Value::Array(blocks)) => {
                for block in blocks {
                    self.add(block)?;
                }
                self.sign(blocks);
            }
            _ => return Err(unsupported("a message has neither text nor a list of blocks as its content")),
        }
        Ok(self.list.into_iter().map(Value::from).collect())
    }

    fn add(&mut self, block: &Value) -> Result<(), Error> {
        match kind(block) {
            "text" => {
                let mut part = Object::with_capacity(2);
                part.insert_some("text", self.allowed(block.get("text")));
                self.list.push(part);
            }
            "image" => {
                let image =
                    base64_source(block).ok_or_else(|| unsupported("Unsupported image source type"))?;
                self.add_image(image);
            }
            "tool_use" => {
                let mut call = Object::with_capacity(2);
                call.insert_some("name", block.get("name").cloned());
                call.insert_some("args", block.get("input").cloned());
                self.list.push(object! { "functionCall": call });
            }
            "tool_result" => self.add_result(block)?,
            _ => {}
        }
        Ok(())
    }

    fn add_result(&mut self, block: &Value) -> Result<(), Error> {
        let Some(content) = block.get("content").filter(|content| content.is_truthy()) else { return Ok(()) };
        let name = self.names.get(text(block, "tool_use_id"))?;
        let (content, images) = match content {
            Value::String(text) => (text.clone(), Vec::new()),
            Value::Array(items) => result_list(items),
            _ => return Ok(()),
        };
        let response = object! { "name": name.clone(), "content": content };
        let result = object! { "name": name.clone(), "response": response };
        self.list.push(object! { "functionResponse": result });
        for image in images {
            self.add_image(image);
        }
        Ok(())
    }

    fn add_image(&mut self, source: &Value) {
        let mut data = Object::with_capacity(2);
        data.insert_some("data", self.allowed(source.get("data")));
        data.insert_some("mimeType", self.allowed(source.get("media_type")));
        self.list.push(object! { "inlineData": data });
    }

    fn allowed(&self, value: Option<&Value>) -> Option<Value> {
        value.filter(|value| !value.is_null() || !self.dialect.drops_nulls_of_parts()).cloned()
    }

    /// Puts the message's thought signature on its first function call; one without a call carries it on
    /// its first part. Calls of other models' making get a word that the service takes instead.
    ///
    /// <https://ai.google.dev/gemini-api/docs/thought-signatures>
    fn sign(&mut self, blocks: &[Value]) {
        if !self.signatures {
            return;
        }
        let signature = blocks
            .iter()
            .filter(|block| kind(block) == "thoughtSignature")
            .find_map(|block| block.get("thoughtSignature").filter(|signature| signature.is_truthy()));
        let call = self.list.iter_mut().find(|part| part.contains_key("functionCall"));
        match (call, signature) {
            (Some(call), signature) => {
                let signature = signature.cloned().unwrap_or_else(|| NO_SIGNATURE.into());
                call.insert(SIGNATURE, signature);
            }
            (None, Some(signature)) => match self.list.first_mut() {
                Some(first) => drop(first.insert(SIGNATURE, signature.clone())),
                None => self.list.push(object! { "text": "", "thoughtSignature": signature.clone() }),
            },
            (None, None) => {}
        }
    }
}

/// The texts of a result's list with a blank line between them, and its images.
fn result_list(items: &[Value]) -> (Text, Vec<&Value>) {
    let texts: Vec<&str> =
        items.iter().filter(|item| kind(item) == "text").map(|item| text(item, "text")).collect();
    let images: Vec<&Value> =
        items.iter().filter(|item| kind(item) == "image").filter_map(base64_source).collect();
    let mut content = texts.join("\n\n");
    if !images.is_empty() {
        content.push_str("\n\n(See next part for image)");
    }
    (content.into(), images)
}

fn base64_source(image: &Value) -> Option<&Value> {
    image.get("source").filter(|source| kind(source) == "base64")
}

fn kind(block: &Value) -> &str {
    text(block, "type")
}

fn text<'a>(block: &'a Value, key: &str) -> &'a str {
    block.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn unsupported(message: &str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

const SIGNATURE: &str = "thoughtSignature";
const NO_SIGNATURE: &str = "skip_thought_signature_validator";
