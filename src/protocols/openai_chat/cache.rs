//! Prompt-cache marks in the messages of Chat Completions, for services that pass them on to Anthropic.

use crate::json::{Value, object};

/// Turns the system message at the front into a marked text part.
pub(crate) fn mark_system(messages: &mut [Value]) {
    let Some(content) = messages.first_mut().and_then(|system| system.get_mut("content")) else { return };
    let text = std::mem::take(content);
    *content =
        vec![Value::from(object! { "type": "text", "text": text, "cache_control": ephemeral() })].into();
}

/// Marks the last text of each of the last two user messages.
pub(crate) fn mark_last_two_users(messages: &mut [Value]) {
    messages.iter_mut().rev().filter(|message| is_user(message)).take(2).for_each(mark);
}

/// Marks the last text part of a message; a message without text gets a part of three dots to be marked.
pub(crate) fn mark(message: &mut Value) {
    let Some(content) = message.get_mut("content") else { return };
    spread(content);
    let Some(parts) = content.as_array_mut() else { return };
    let last_text = parts.iter().rposition(|part| part.get("type").and_then(Value::as_str) == Some("text"));
    let position = last_text.unwrap_or_else(|| {
        parts.push(text_part("...".into()));
        parts.len() - 1
    });
    if let Some(part) = parts[position].as_object_mut() {
        part.insert("cache_control", ephemeral());
    }
}

/// Marks the last part of a message, whatever its type.
pub(crate) fn mark_last_part(message: &mut Value) {
    let Some(content) = message.get_mut("content") else { return };
    spread(content);
    if let Some(part) =
        content.as_array_mut().and_then(|parts| parts.last_mut()).and_then(Value::as_object_mut)
    {
        part.insert("cache_control", ephemeral());
    }
}

/// Marks the last text part of a message unless that text is empty.
pub(crate) fn mark_filled_text(message: &mut Value) {
    let Some(content) = message.get_mut("content").filter(|content| content.is_truthy()) else { return };
    spread(content);
    let parts = content.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    let last_text =
        parts.iter_mut().rev().find(|part| part.get("type").and_then(Value::as_str) == Some("text"));
    let filled = last_text.filter(|part| part.get("text").is_some_and(Value::is_truthy));
    if let Some(part) = filled.and_then(Value::as_object_mut) {
        part.insert("cache_control", ephemeral());
    }
}

/// Turns the plain text of every user message into a text part.
pub(crate) fn spread_users(messages: &mut [Value]) {
    for content in messages.iter_mut().filter(|m| is_user(m)).filter_map(|m| m.get_mut("content")) {
        spread(content);
    }
}

/// Marks the 10th, 20th, ... user message.
pub(crate) fn mark_every_tenth_user(messages: &mut [Value]) {
    messages.iter_mut().filter(|message| is_user(message)).skip(9).step_by(10).for_each(mark);
}

/// Text content becomes a list of one text part.
fn spread(content: &mut Value) {
    if content.is_string() {
        let text = std::mem::take(content);
        *content = vec![text_part(text)].into();
    }
}

pub(crate) fn is_user(message: &Value) -> bool {
    message.get("role").and_then(Value::as_str) == Some("user")
}

fn text_part(text: Value) -> Value {
    object! { "type": "text", "text": text }.into()
}

fn ephemeral() -> Value {
    object! { "type": "ephemeral" }.into()
}
