//! A conversation in Anthropic form to the messages of Chat Completions.

use crate::Text;
use crate::json::{Object, Value};
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
            (content, role) => {
                let mut plain = Object::with_capacity(3);
                plain.insert("role", role);
                plain.insert_some("content", content.cloned());
                if role == "assistant" {
                    plain.insert_some("reasoning_details", reasoning_details(message));
                }
                converted.push(plain.into());
            }
        }
    }
    converted
}

/// `{role: "system", content}`.
pub(crate) fn system(prompt: &str) -> Value {
    text_message("system", prompt)
}

/// `{role, content}`.
pub(crate) fn text_message(role: &'static str, content: impl Into<Value>) -> Value {
    let mut message = Object::with_capacity(2);
    message.insert("role", role);
    message.insert("content", content);
    message.into()
}

fn user(blocks: &[Value], conversion: Conversion, converted: &mut Vec<Value>) {
    let (results, rest): (Vec<_>, Vec<_>) =
        blocks.iter().filter(|b| is(b, "tool_result") || is_content(b)).partition(|b| is(b, "tool_result"));
    for result in &results {
        converted.push(tool_message(result, conversion));
    }
    // Empty texts are dropped, images never.
    let parts: Vec<&Value> =
        rest.into_iter().filter(|b| !is(b, "text") || b.get("text").is_some_and(Value::is_truthy)).collect();
    if parts.is_empty() {
        return;
    }
    if conversion.merge_tool_result_text && !results.is_empty() && parts.iter().all(|b| is(b, "text")) {
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
    let mut message = Object::with_capacity(3);
    message.insert("role", "tool");
    message.insert_some("tool_call_id", tool_call_id(result.get("tool_use_id"), conversion));
    message.insert("content", if content.is_empty() { Text::from_static("(empty)") } else { content });
    message.into()
}

fn assistant(message: &Message, blocks: &[Value], conversion: Conversion) -> Value {
    let texts: Vec<&str> = blocks.iter().filter(|b| is_content(b)).map(text_of).collect();
    let calls: Vec<Value> =
        blocks.iter().filter(|b| is(b, "tool_use")).map(|b| tool_call(b, conversion)).collect();
    let mut converted = Object::with_capacity(4);
    converted.insert("role", "assistant");
    converted.insert("content", texts.join("\n"));
    converted.insert_some("reasoning_details", reasoning_details(message));
    if !calls.is_empty() {
        converted.insert("tool_calls", calls);
    }
    converted.into()
}

/// A `tool_use` block as an entry of `tool_calls`.
pub(super) fn tool_call(block: &Value, conversion: Conversion) -> Value {
    let mut function = Object::with_capacity(2);
    function.insert_some("name", block.get("name").cloned());
    function.insert_some("arguments", block.get("input").map(Value::to_json));
    let mut call = Object::with_capacity(3);
    call.insert_some("id", tool_call_id(block.get("id"), conversion));
    call.insert("type", "function");
    call.insert("function", function);
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
    let mut part = Object::with_capacity(2);
    part.insert("type", "text");
    part.insert_some("text", block.get("text").cloned());
    part.into()
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
    let mut url = Object::with_capacity(1);
    url.insert("url", data_url(block));
    let mut part = Object::with_capacity(2);
    part.insert("type", "image_url");
    part.insert("image_url", url);
    part.into()
}

fn is_content(block: &Value) -> bool {
    is(block, "text") || is(block, "image")
}
