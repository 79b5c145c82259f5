//! A conversation in Anthropic form to the messages of Chat Completions.

use crate::Text;
use crate::json::{Object, Value, entry, object};
use crate::message::Message;
use crate::protocols::blocks::{data_url, is, text_of};

/// How a conversation is converted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conversion {
    /// Texts that follow tool results join the last tool message instead of making a user message.
    pub(crate) merge_tool_result_text: bool,
    /// Rewrites tool call ids.
    pub(crate) tool_call_id: Option<fn(&str) -> String>,
}

/// Converts a conversation without its system prompt.
pub(crate) fn convert(messages: &[Message], conversion: Conversion) -> Vec<Value> {
    let mut converted = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        match (message.content(), message.role()) {
            (Some(Value::Array(blocks)), "user") => user(blocks, conversion, &mut converted),
            (Some(Value::Array(blocks)), "assistant") => {
                converted.push(assistant(message, blocks, conversion));
            }
            // A role of neither kind survives with plain text only.
            (Some(Value::Array(_)), _) => {}
            _ if is_plain(message) => converted.push(message.as_json().clone()),
            (content, role) => {
                let shared = message.get("role").and_then(Value::as_text).cloned().unwrap_or_default();
                let details = if role == "assistant" { reasoning_details(message) } else { None };
                let plain = Object::of([
                    entry("role", Some(shared)),
                    entry("content", content.cloned()),
                    entry("reasoning_details", details),
                ]);
                converted.push(plain.into());
            }
        }
    }
    converted
}

/// Whether a message has a role and a content and nothing else, so that it needs no conversion.
fn is_plain(message: &Message) -> bool {
    let keys = message.as_json().as_object().map(Object::keys);
    !message.role().is_empty() && keys.is_some_and(|keys| keys.eq(["role", "content"].iter()))
}

/// `{role: "system", content}`.
pub(crate) fn system(prompt: &str) -> Value {
    text_message("system", prompt)
}

/// `{role, content}`.
pub(crate) fn text_message(role: &'static str, content: impl Into<Value>) -> Value {
    object! { "role": Text::from_static(role), "content": content }.into()
}

fn user(blocks: &[Value], conversion: Conversion, converted: &mut Vec<Value>) {
    let before = converted.len();
    converted.extend(blocks.iter().filter(|b| is(b, "tool_result")).map(|b| tool_message(b, conversion)));
    let has_results = converted.len() > before;
    // Empty texts are dropped, images never.
    let is_part =
        |b: &&Value| is(b, "image") || (is(b, "text") && b.get("text").is_some_and(Value::is_truthy));
    let parts: Vec<&Value> = blocks.iter().filter(is_part).collect();
    if parts.is_empty() {
        return;
    }
    if conversion.merge_tool_result_text && has_results && parts.iter().all(|b| is(b, "text")) {
        let texts: Vec<&str> = parts.iter().map(|b| text_of(b)).collect();
        append_to_last(converted, &texts.join("\n"));
        return;
    }
    converted.push(text_message("user", parts.into_iter().map(part).collect::<Value>()));
}

/// Appends text to the content of the last message, behind an empty line.
pub(super) fn append_to_last(messages: &mut [Value], text: &str) {
    if let Some(content) = messages.last_mut().and_then(|last| last.get_mut("content")) {
        *content = format!("{}\n\n{text}", content.as_str().unwrap_or_default()).into();
    }
}

fn tool_message(result: &Value, conversion: Conversion) -> Value {
    let content = match result.get("content") {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Array(parts)) => {
            let lines: Vec<&str> = parts
                .iter()
                // The reference announces the image and then never sends it.
                .map(|b| if is(b, "image") { "(see following user message for image)" } else { text_of(b) })
                .collect();
            lines.join("\n").into()
        }
        _ => Text::new(),
    };
    let message = Object::of([
        entry("role", Some(Text::from_static("tool"))),
        entry("tool_call_id", tool_call_id(result.get("tool_use_id"), conversion)),
        entry("content", Some(if content.is_empty() { Text::from_static("(empty)") } else { content })),
    ]);
    message.into()
}

fn assistant(message: &Message, blocks: &[Value], conversion: Conversion) -> Value {
    let calls: Vec<Value> =
        blocks.iter().filter(|b| is(b, "tool_use")).map(|b| tool_call(b, conversion)).collect();
    let converted = Object::of([
        entry("role", Some(Text::from_static("assistant"))),
        entry("content", Some(lines(blocks.iter().filter(|b| is_content(b))))),
        entry("reasoning_details", reasoning_details(message)),
        entry("tool_calls", Some(calls).filter(|calls| !calls.is_empty())),
    ]);
    converted.into()
}

/// The texts of blocks as lines of one; a single one is shared.
fn lines<'a>(mut blocks: impl Iterator<Item = &'a Value>) -> Text {
    let Some(first) = blocks.next() else { return Text::new() };
    let Some(second) = blocks.next() else {
        return first.get("text").and_then(Value::as_text).cloned().unwrap_or_default();
    };
    let texts: Vec<&str> = [first, second].into_iter().chain(blocks).map(text_of).collect();
    texts.join("\n").into()
}

/// A `tool_use` block as an entry of `tool_calls`.
pub(super) fn tool_call(block: &Value, conversion: Conversion) -> Value {
    let function = Object::of([
        entry("name", block.get("name").cloned()),
        entry("arguments", block.get("input").map(Value::to_json)),
    ]);
    let call = Object::of([
        entry("id", tool_call_id(block.get("id"), conversion)),
        entry("type", Some(Text::from_static("function"))),
        entry("function", Some(function)),
    ]);
    call.into()
}

fn tool_call_id(id: Option<&Value>, conversion: Conversion) -> Option<Value> {
    match (id, conversion.tool_call_id) {
        (Some(Value::String(id)), Some(rewrite)) => Some(rewrite(id).into()),
        (id, _) => id.cloned(),
    }
}

/// A message's `reasoning_details`; those of the Responses API lose their ids, which belong to one deployment.
fn reasoning_details(message: &Message) -> Option<Value> {
    let details = message.get("reasoning_details")?.as_array()?;
    let without_foreign_ids = details.iter().map(|detail| {
        let mut detail = detail.clone();
        let foreign = detail.get("format").and_then(Value::as_str) == Some("openai-responses-v1");
        if foreign
            && detail.get("id").is_some_and(Value::is_truthy)
            && let Some(object) = detail.as_object_mut()
        {
            object.remove("id");
        }
        detail
    });
    Some(without_foreign_ids.collect())
}

/// A text or image block as a content part.
fn part(block: &Value) -> Value {
    if is(block, "image") {
        return image_part(block);
    }
    let kind = entry("type", Some(Text::from_static("text")));
    Object::of([kind, entry("text", block.get("text").cloned())]).into()
}

/// Makes one text of content that is a list of texts and nothing else.
pub(crate) fn join_texts(content: &mut Value) {
    if let Value::Array(parts) = content
        && parts.iter().all(|part| is(part, "text"))
    {
        *content = parts.iter().map(text_of).collect::<String>().into();
    }
}

/// An image block as an `image_url` part.
pub(crate) fn image_part(block: &Value) -> Value {
    let url = object! { "url": data_url(block) };
    object! { "type": Text::from_static("image_url"), "image_url": url }.into()
}

fn is_content(block: &Value) -> bool {
    is(block, "text") || is(block, "image")
}
