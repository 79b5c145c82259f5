//! Conversations put in order for the upstreams behind OpenRouter.

use crate::json::{Object, Value, object};
use crate::protocols::openai_chat::body::BodyInput;
use crate::protocols::openai_chat::messages::{self, Conversion};
use crate::protocols::openai_chat::{body, cache};

/// The messages of a conversation.
pub(super) fn messages(input: &BodyInput<'_>) -> Option<Value> {
    let id = input.model.id.as_str();
    let mut list = if is_r1(id) {
        body::r1_messages(input)?.as_array()?.clone()
    } else {
        let is_mistral = id.to_lowercase().contains("mistral");
        let tool_call_id = is_mistral.then_some(mistral_tool_call_id as fn(&str) -> String);
        let conversion = Conversion { tool_call_id, ..Conversion::default() };
        let mut list = messages::convert(&input.request.messages, conversion);
        list.insert(0, messages::system(&input.request.system_prompt));
        list
    };
    if id.starts_with("google/gemini") {
        list = only_signed_tool_calls(list);
        list.iter_mut().for_each(sign_tool_calls);
    }
    if CACHED.contains(&id) {
        cache::mark_system(&mut list);
        cache::spread_users(&mut list);
        if id.starts_with("google/") {
            cache::mark_every_tenth_user(&mut list);
        } else {
            cache::mark_last_two_users(&mut list);
        }
    }
    Some(list.into())
}

/// Whether the model wants the history of DeepSeek's R1.
pub(super) fn is_r1(id: &str) -> bool {
    id.starts_with("deepseek/deepseek-r1") || id == "perplexity/sonar-reasoning"
}

/// Mistral takes ids of nine letters and digits.
fn mistral_tool_call_id(id: &str) -> String {
    let kept = id.chars().filter(char::is_ascii_alphanumeric).chain(std::iter::repeat('0'));
    kept.take(9).collect()
}

/// Gemini refuses tool calls whose reasoning is missing: they go, and so do their results.
fn only_signed_tool_calls(list: Vec<Value>) -> Vec<Value> {
    let mut dropped: Vec<Value> = Vec::new();
    let mut kept = Vec::with_capacity(list.len());
    for message in list {
        let calls = message.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
        if !calls.is_empty() {
            kept.extend(with_signed_calls(&message, calls, &mut dropped));
        } else if message.get("tool_call_id").is_none_or(|id| !id.is_truthy() || !dropped.contains(id)) {
            kept.push(message);
        }
    }
    kept
}

fn with_signed_calls(message: &Value, calls: Vec<Value>, dropped: &mut Vec<Value>) -> Option<Value> {
    let content = message.get("content").cloned();
    let details =
        message.get("reasoning_details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut turn = object! { "role": "assistant" };
    if details.is_empty() {
        dropped.extend(calls.iter().filter_map(|call| call.get("id")).filter(|id| id.is_truthy()).cloned());
        turn.insert("content", content.filter(Value::is_truthy)?);
        return Some(turn.into());
    }
    let mut kept_details = Vec::new();
    let mut kept_calls = Vec::new();
    for call in calls {
        let matching: Vec<&Value> =
            details.iter().filter(|detail| detail.get("id") == call.get("id")).collect();
        if matching.is_empty() {
            dropped.extend(call.get("id").filter(|id| id.is_truthy()).cloned());
        } else {
            kept_details.extend(matching.into_iter().cloned());
            kept_calls.push(call);
        }
    }
    let nameless = |detail: &&Value| !detail.get("id").is_some_and(Value::is_truthy);
    kept_details.extend(details.iter().filter(nameless).cloned());
    turn.insert("content", content.filter(|content| !content.is_null()).unwrap_or_else(|| "".into()));
    if !kept_details.is_empty() {
        turn.insert("reasoning_details", consolidate(&kept_details));
    }
    if !kept_calls.is_empty() {
        turn.insert("tool_calls", kept_calls);
    }
    Some(turn.into())
}

/// A turn with tool calls and no encrypted reasoning gets words that make Gemini accept it.
fn sign_tool_calls(message: &mut Value) {
    let first_id =
        message.get("tool_calls").and_then(|calls| calls.at(0)).map(|call| call.get("id").cloned());
    let Some(first_id) = first_id else { return };
    let Some(turn) = message.as_object_mut() else { return };
    let mut details = turn.get("reasoning_details").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_encrypted =
        |detail: &Value| detail.get("type").and_then(Value::as_str) == Some("reasoning.encrypted");
    if details.iter().any(is_encrypted) {
        return;
    }
    let mut words = object! { "type": "reasoning.encrypted", "data": "skip_thought_signature_validator" };
    words.insert_some("id", first_id);
    words.insert("format", "google-gemini-v1");
    words.insert("index", 0);
    details.push(words.into());
    turn.insert("reasoning_details", details);
}

/// Details of one index become one text or summary, and the last encrypted entry.
pub(super) fn consolidate(details: &[Value]) -> Vec<Value> {
    let truthy = |detail: &Value, key: &str| detail.get(key).filter(|value| value.is_truthy()).cloned();
    let mut groups: Vec<(Value, Vec<&Value>)> = Vec::new();
    for detail in details {
        let is_encrypted = detail.get("type").and_then(Value::as_str) == Some("reasoning.encrypted");
        if is_encrypted && truthy(detail, "data").is_none() {
            continue;
        }
        let index = detail.get("index").filter(|index| !index.is_null()).cloned().unwrap_or(0.into());
        match groups.iter_mut().find(|(known, _)| *known == index) {
            Some((_, group)) => group.push(detail),
            None => groups.push((index, vec![detail])),
        }
    }
    let mut consolidated = Vec::new();
    for (index, group) in groups {
        let last = |key: &str| group.iter().rev().find_map(|detail| truthy(detail, key));
        let all =
            |key: &str| -> String { group.iter().filter_map(|detail| detail.get(key)?.as_str()).collect() };
        let (text, summary) = (all("text"), all("summary"));
        let said = if text.is_empty() { ("summary", summary) } else { ("text", text) };
        if !said.1.is_empty() {
            let mut entry = Object::with_capacity(6);
            entry.insert("type", last("type").unwrap_or_else(|| "reasoning.text".into()));
            entry.insert(said.0, said.1);
            entry.insert_some("signature", last("signature"));
            entry.insert_some("id", last("id"));
            entry.insert("format", last("format").unwrap_or_else(|| "unknown".into()));
            entry.insert("index", index.clone());
            consolidated.push(entry.into());
        }
        if let Some(encrypted) = group.iter().rev().find(|detail| truthy(detail, "data").is_some()) {
            let mut entry = Object::with_capacity(6);
            for key in ["type", "data", "signature", "id", "format"] {
                entry.insert_some(key, encrypted.get(key).cloned());
            }
            entry.insert("index", index);
            consolidated.push(entry.into());
        }
    }
    consolidated
}

/// Models whose prompts are cached at marks.
const CACHED: &[&str] = &[
    "anthropic/claude-3-haiku",
    "anthropic/claude-3-haiku:beta",
    "anthropic/claude-3-opus",
    "anthropic/claude-3-opus:beta",
    "anthropic/claude-3-sonnet",
    "anthropic/claude-3-sonnet:beta",
    "anthropic/claude-3.5-haiku",
    "anthropic/claude-3.5-haiku-20241022",
    "anthropic/claude-3.5-haiku-20241022:beta",
    "anthropic/claude-3.5-haiku:beta",
    "anthropic/claude-3.5-sonnet",
    "anthropic/claude-3.5-sonnet-20240620",
    "anthropic/claude-3.5-sonnet-20240620:beta",
    "anthropic/claude-3.5-sonnet:beta",
    "anthropic/claude-3.7-sonnet",
    "anthropic/claude-3.7-sonnet:beta",
    "anthropic/claude-3.7-sonnet:thinking",
    "anthropic/claude-sonnet-4",
    "anthropic/claude-sonnet-4.5",
    "anthropic/claude-opus-4",
    "anthropic/claude-opus-4.1",
    "anthropic/claude-haiku-4.5",
    "anthropic/claude-opus-4.5",
    "google/gemini-2.5-flash-preview",
    "google/gemini-2.5-flash-preview:thinking",
    "google/gemini-2.5-flash-preview-05-20",
    "google/gemini-2.5-flash-preview-05-20:thinking",
    "google/gemini-2.5-flash",
    "google/gemini-2.5-flash-lite-preview-06-17",
    "google/gemini-2.0-flash-001",
    "google/gemini-flash-1.5",
    "google/gemini-flash-1.5-8b",
];
