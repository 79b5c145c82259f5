//! A conversation in Anthropic form to the items of the Responses API.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create#responses-create-input>

use md5::{Digest, Md5};

use crate::json::{Object, Value};
use crate::message::Message;
use crate::protocols::blocks::{data_url, is, text_of};

/// Converts a conversation without its system prompt. Reasoning items of earlier answers stand in it as
/// messages of their own and pass unchanged.
pub(super) fn convert(messages: &[Message]) -> Vec<Value> {
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        if message.get("type").and_then(Value::as_str) == Some("reasoning") {
            items.push(message.as_json().clone());
        } else if message.role() == "user" {
            user(message.content(), &mut items);
        } else if message.role() == "assistant" {
            assistant(message.content(), &mut items);
        }
    }
    items
}

/// A user turn of one text.
pub(super) fn user_text(text: &str) -> Value {
    turn("user", vec![text_part("input_text", Some(text.into()))])
}

/// What the user says comes first, even if it stood behind the tool results.
fn user(content: Option<&Value>, items: &mut Vec<Value>) {
    let mut parts = Vec::new();
    let mut results = Vec::new();
    match content {
        Some(Value::String(text)) => parts.push(text_part("input_text", Some(text.clone().into()))),
        Some(Value::Array(blocks)) => {
            for block in blocks {
                if is(block, "text") {
                    parts.push(text_part("input_text", block.get("text").cloned()));
                } else if is(block, "image") {
                    let mut part = Object::with_capacity(2);
                    part.insert("type", "input_image");
                    part.insert("image_url", data_url(block));
                    parts.push(part.into());
                } else if is(block, "tool_result") {
                    results.push(call_output(block));
                }
            }
        }
        _ => {}
    }
    if !parts.is_empty() {
        items.push(turn("user", parts));
    }
    items.append(&mut results);
}

fn assistant(content: Option<&Value>, items: &mut Vec<Value>) {
    let mut parts = Vec::new();
    let mut calls = Vec::new();
    match content {
        Some(Value::String(text)) => parts.push(text_part("output_text", Some(text.clone().into()))),
        Some(Value::Array(blocks)) => {
            for block in blocks {
                if is(block, "text") {
                    parts.push(text_part("output_text", block.get("text").cloned()));
                } else if is(block, "tool_use") {
                    let mut call = Object::with_capacity(4);
                    call.insert("type", "function_call");
                    call.insert_some("call_id", call_id(block.get("id")));
                    call.insert_some("name", block.get("name").cloned());
                    call.insert_some("arguments", block.get("input").map(Value::to_json));
                    calls.push(call.into());
                }
            }
        }
        _ => {}
    }
    if !parts.is_empty() {
        items.push(turn("assistant", parts));
    }
    items.append(&mut calls);
}

fn turn(role: &'static str, parts: Vec<Value>) -> Value {
    let mut turn = Object::with_capacity(2);
    turn.insert("role", role);
    turn.insert("content", parts);
    turn.into()
}

fn text_part(kind: &'static str, text: Option<Value>) -> Value {
    let mut part = Object::with_capacity(2);
    part.insert("type", kind);
    part.insert_some("text", text);
    part.into()
}

/// A tool result; its images are lost, as in the reference.
fn call_output(block: &Value) -> Value {
    let output = match block.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => parts.iter().filter(|part| is(part, "text")).map(text_of).collect(),
        _ => String::new(),
    };
    let mut item = Object::with_capacity(3);
    item.insert("type", "function_call_output");
    item.insert_some("call_id", call_id(block.get("tool_use_id")));
    item.insert("output", output);
    item.into()
}

/// The most that the service takes as a call id.
const LONGEST_CALL_ID: usize = 64;

/// How much of a longer one is kept, so that `_` and eight digits fit behind it.
const KEPT_OF_LONG_ID: usize = 55;

/// A call id as the service takes it: letters, digits, `_` and `-`. A long one ends with a piece of its MD5
/// digest, so that different ones stay different.
fn call_id(id: Option<&Value>) -> Option<Value> {
    let Some(Value::String(id)) = id else { return id.cloned() };
    let is_allowed = |unit: u16| {
        u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let clean: String =
        id.encode_utf16().map(|unit| if is_allowed(unit) { char::from(unit as u8) } else { '_' }).collect();
    if clean.len() <= LONGEST_CALL_ID {
        return Some(clean.into());
    }
    let digest = Md5::digest(clean.as_bytes());
    let [a, b, c, d] = [digest[0], digest[1], digest[2], digest[3]];
    Some(format!("{}_{a:02x}{b:02x}{c:02x}{d:02x}", &clean[..KEPT_OF_LONG_ID]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> String {
        call_id(Some(&text.into())).and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default()
    }

    #[test]
    fn call_ids_are_made_acceptable() {
        assert_eq!(id("call_1-A"), "call_1-A");
        assert_eq!(id("a/é🙂"), "a____");
        assert_eq!(id(&"a".repeat(64)), "a".repeat(64));
        let long = id(&"b".repeat(65));
        assert_eq!(long, format!("{}_9462294d", "b".repeat(55)));
    }
}
