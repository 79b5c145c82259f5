//! Messages of a conversation, in the form of Anthropic's Messages API.
//!
//! <https://docs.anthropic.com/en/api/messages>

use crate::Text;
use crate::json::{Object, Value, object};

/// One turn of a conversation.
///
/// A message is the JSON object that the reference takes, so whatever a provider put there (signatures,
/// encrypted reasoning, ids) travels unchanged. The constructors make the common ones.
///
/// # Example: answer a tool call
///
/// ```
/// use samewire::{ContentBlock, Message};
/// use samewire::json::object;
///
/// let history = [
///     Message::user("What is in README.md?"),
///     Message::assistant_blocks([ContentBlock::tool_use("call_1", "read_file", object! { "path": "README.md" })]),
///     Message::user_blocks([ContentBlock::tool_result("call_1", "# samewire")]),
/// ];
/// assert_eq!(history[1].role(), "assistant");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    json: Value,
    origin: Option<Text>,
}

impl Message {
    /// A user turn of plain text.
    pub fn user(text: impl Into<Text>) -> Self {
        Self::new("user", text.into().into())
    }

    /// A user turn of several blocks: text, images, tool results.
    pub fn user_blocks(blocks: impl IntoIterator<Item = ContentBlock>) -> Self {
        Self::new("user", blocks.into_iter().map(|block| block.0).collect())
    }

    /// An assistant turn of plain text.
    pub fn assistant(text: impl Into<Text>) -> Self {
        Self::new("assistant", text.into().into())
    }

    /// An assistant turn of several blocks: text, reasoning, tool calls.
    pub fn assistant_blocks(blocks: impl IntoIterator<Item = ContentBlock>) -> Self {
        Self::new("assistant", blocks.into_iter().map(|block| block.0).collect())
    }

    fn new(role: &'static str, content: Value) -> Self {
        Self::from(Value::from(object! { "role": Text::from_static(role), "content": content }))
    }

    /// `user` or `assistant`; empty if the message has no role.
    pub fn role(&self) -> &str {
        self.json.get("role").and_then(Value::as_str).unwrap_or_default()
    }

    /// The content: a string or a list of blocks.
    pub fn content(&self) -> Option<&Value> {
        self.json.get("content")
    }

    /// The value of any key of the message.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.json.get(key)
    }

    /// The same message with one more key, such as `reasoning_details`.
    #[must_use]
    pub fn with(mut self, key: impl Into<Text>, value: impl Into<Value>) -> Self {
        if let Some(object) = self.json.as_object_mut() {
            object.insert(key, value);
        }
        self
    }

    /// The same message with a note of who wrote it: a manager's id of the provider. The note is never sent. A
    /// [`ProviderManager`](crate::manager::ProviderManager) reads it, to keep signed and encrypted reasoning from
    /// services that did not make it; [`ChatResponse::to_messages`](crate::ChatResponse::to_messages) sets it.
    #[must_use]
    pub fn written_by(mut self, provider: impl Into<Text>) -> Self {
        self.origin = Some(provider.into());
        self
    }

    /// Who wrote it, as far as [`written_by`](Self::written_by) says.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The message as JSON.
    pub fn as_json(&self) -> &Value {
        &self.json
    }
}

impl From<Value> for Message {
    fn from(json: Value) -> Self {
        Self { json, origin: None }
    }
}

/// One block of a message's content.
///
/// # Example: a picture and a question about it
///
/// ```
/// use samewire::{ContentBlock, Message};
///
/// let question = Message::user_blocks([
///     ContentBlock::image("image/png", "iVBORw0KGgo="),
///     ContentBlock::text("What is in the picture?"),
/// ]);
/// assert_eq!(question.content().unwrap().at(1).unwrap().get("text").unwrap().as_str(), Some("What is in the picture?"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContentBlock(Value);

impl ContentBlock {
    /// Text.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::new("text", [("text", text.into().into())])
    }

    /// An image: its media type (`image/png`, ...) and its bytes in base64.
    pub fn image(media_type: impl Into<Text>, base64: impl Into<Text>) -> Self {
        let kind = Text::from_static("base64");
        let source = object! { "type": kind, "media_type": media_type.into(), "data": base64.into() };
        Self::new("image", [("source", source.into())])
    }

    /// A tool call that the model made.
    pub fn tool_use(id: impl Into<Text>, name: impl Into<Text>, input: impl Into<Value>) -> Self {
        Self::new(
            "tool_use",
            [("id", id.into().into()), ("name", name.into().into()), ("input", input.into())],
        )
    }

    /// The result of a tool call: text, or a list of blocks.
    pub fn tool_result(tool_use_id: impl Into<Text>, content: impl Into<Value>) -> Self {
        Self::new("tool_result", [("tool_use_id", tool_use_id.into().into()), ("content", content.into())])
    }

    fn new<const N: usize>(kind: &'static str, fields: [(&'static str, Value); N]) -> Self {
        let mut block = Object::with_capacity(N + 1);
        block.insert(Text::from_static("type"), Text::from_static(kind));
        for (key, value) in fields {
            block.insert(Text::from_static(key), value);
        }
        Self(block.into())
    }

    /// The block as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for ContentBlock {
    fn from(block: Value) -> Self {
        Self(block)
    }
}
