//! Prompt-cache marks in the messages of Chat Completions, for services that pass them on to Anthropic.

use crate::json::{Value, object};

/// Turns the system message at the front into a marked text part.
pub(crate) fn mark_system(messages: &mut [Value]) {
    let Some(content) = messages.first_mut().and_then(|system| system.get_mut("content")) else { return };
    let text = std::mem::take(content);
    *content = vec![Value::from(object! { "type": "text", "text": text, "cache_control": ephemeral() })].into();
}

/// Marks the last text of each of the last two user messages.
pub(crate) fn mark_last_two_users(messages: &mut [Value]) {
    messages.iter_mut().rev().filter(|message| is_user(message)).take(2).for_each(mark);
}

/// Marks the last text part of a message; a message without text gets a part of three dots to be marked.
pub(crate) fn mark(message: &mut Value) {
    let Some(content) = message.get_mut("content") else { return };
    if content.is_string() {
        let text = std::mem::take(content);
        *content = vec![text_part(text)].into();
    }
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

pub(crate) fn is_user(message: &Value) -> bool {
    message.get("role").and_then(Value::as_str) == Some("user")
}

fn text_part(text: Value) -> Value {
    object! { "type": "text", "text": text }.into()
}

fn ephemeral() -> Value {
    object! { "type": "ephemeral" }.into()
}
