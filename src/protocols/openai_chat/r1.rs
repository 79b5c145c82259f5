//! The conversion for DeepSeek-style reasoning models: neighbours of one role are merged, and reasoning
//! travels back as `reasoning_content`.

use super::messages::{Conversion, append_to_last, image_part, text_message, tool_call};
use crate::json::{Object, Value};
use crate::message::Message;
use crate::protocols::blocks::{is, text_of};

/// Converts a conversation; `merge_tool_result_text` lets texts join the tool message before them.
pub(crate) fn convert(messages: &[Message], merge_tool_result_text: bool) -> Vec<Value> {
    let mut converted: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        match (message.content(), message.role()) {
            (Some(Value::Array(blocks)), "user") => user(blocks, merge_tool_result_text, &mut converted),
            (Some(Value::String(text)), "user") => merge_user(text.clone().into(), &mut converted),
            (content, "assistant") => assistant(message, content, &mut converted),
            _ => {}
        }
    }
    converted
}

/// The system prompt as a first user turn, as these models want it.
pub(crate) fn with_system_as_user(system_prompt: &str, messages: &[Message]) -> Vec<Message> {
    std::iter::once(Message::user(system_prompt)).chain(messages.iter().cloned()).collect()
}

fn user(blocks: &[Value], merge_tool_result_text: bool, converted: &mut Vec<Value>) {
    let texts: Vec<&str> = blocks.iter().filter(|b| is(b, "text")).map(text_of).collect();
    let images: Vec<Value> = blocks.iter().filter(|b| is(b, "image")).map(image_part).collect();
    let mut has_results = false;
    for result in blocks.iter().filter(|b| is(b, "tool_result")) {
        has_results = true;
        converted.push(tool_message(result));
    }
    if texts.is_empty() && images.is_empty() {
        return;
    }
    let text = texts.join("\n");
    if merge_tool_result_text && has_results && images.is_empty() {
        append_to_last(converted, &text);
        return;
    }
    if images.is_empty() {
        merge_user(text.into(), converted);
        return;
    }
    let mut parts = Vec::with_capacity(images.len() + 1);
    if !texts.is_empty() {
        parts.push(text_part(&text));
    }
    parts.extend(images);
    merge_user(parts.into(), converted);
}

fn tool_message(result: &Value) -> Value {
    let content = match result.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => {
            let lines: Vec<&str> =
                parts.iter().map(|b| if is(b, "image") { "(image)" } else { text_of(b) }).collect();
            lines.join("\n")
        }
        _ => String::new(),
    };
    let mut message = Object::with_capacity(3);
    message.insert("role", "tool");
    message.insert_some("tool_call_id", result.get("tool_use_id").cloned());
    message.insert("content", content);
    message.into()
}

/// Adds user content to a user message at the end, or makes one.
fn merge_user(content: Value, converted: &mut Vec<Value>) {
    let last = converted.last_mut().filter(|last| role(last) == "user");
    let Some(known) = last.and_then(|last| last.get_mut("content")) else {
        converted.push(text_message("user", content));
        return;
    };
    *known = match (std::mem::take(known), content) {
        (Value::String(a), Value::String(b)) => format!("{a}\n{b}").into(),
        (a, b) => into_parts(a).into_iter().chain(into_parts(b)).collect(),
    };
}

fn into_parts(content: Value) -> Vec<Value> {
    match content {
        Value::Array(parts) => parts,
        Value::String(text) => vec![text_part(&text)],
        _ => Vec::new(),
    }
}

fn text_part(text: &str) -> Value {
    let mut part = Object::with_capacity(2);
    part.insert("type", "text");
    part.insert("text", text);
    part.into()
}

fn assistant(message: &Message, content: Option<&Value>, converted: &mut Vec<Value>) {
    let blocks = content.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let calls: Vec<Value> =
        blocks.iter().filter(|b| is(b, "tool_use")).map(|b| tool_call(b, Conversion::default())).collect();
    let text: Value = match content {
        Some(Value::Array(_)) => {
            let texts: Vec<&str> = blocks.iter().filter(|b| is(b, "text")).map(text_of).collect();
            if texts.is_empty() { Value::Null } else { texts.join("\n").into() }
        }
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let block_reasoning = blocks
        .iter()
        .rev()
        .filter(|b| is(b, "reasoning"))
        .find_map(|b| b.get("text").filter(|t| t.is_truthy()));
    let reasoning = message.get("reasoning_content").filter(|r| r.is_truthy()).or(block_reasoning);

    let previous = converted
        .last_mut()
        .filter(|last| role(last) == "assistant" && last.get("tool_calls").is_none() && calls.is_empty())
        .and_then(Value::as_object_mut);
    if let Some(previous) = previous {
        let is_list = matches!(content, Some(Value::Array(_)));
        let merged = match (previous.get("content"), &text) {
            (Some(Value::String(a)), Value::String(b)) => Some(format!("{a}\n{b}").into()),
            (_, b) if !is_list => Some(b.clone()),
            (a, Value::String(b)) if !b.is_empty() => {
                Some(format!("{}\n{b}", a.and_then(Value::as_str).unwrap_or_default()).into())
            }
            _ => None,
        };
        if let Some(merged) = merged {
            previous.insert("content", Value::clone(&merged));
        }
        if let Some(reasoning) = reasoning {
            previous.insert("reasoning_content", reasoning.clone());
        }
        return;
    }
    let mut turn = Object::with_capacity(4);
    turn.insert("role", "assistant");
    turn.insert("content", text);
    if !calls.is_empty() {
        turn.insert("tool_calls", calls);
    }
    turn.insert_some("reasoning_content", reasoning.cloned());
    converted.push(turn.into());
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}
