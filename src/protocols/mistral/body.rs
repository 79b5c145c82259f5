//! Request bodies, in the order of the SDK's schemas: its serialiser puts `role` last and fills in defaults.
//!
//! <https://docs.mistral.ai/api/#tag/chat/operation/chat_completion_v1_chat_completions_post>

use crate::json::{Object, Value, object};
use crate::message::Message;
use crate::protocols::blocks::{data_url, is, text_of};
use crate::request::ChatRequest;
use crate::tool::Tool;

/// The body of a conversation. A tool is always demanded.
pub(crate) fn chat(
    model: &str,
    temperature: f64,
    max_tokens: Option<&Value>,
    request: &ChatRequest,
) -> Value {
    let mut messages = vec![message(&request.system_prompt, "system")];
    convert(&request.messages, &mut messages);
    let mut body = Object::with_capacity(7);
    body.insert("model", model);
    body.insert("temperature", temperature);
    body.insert_some("max_tokens", max_tokens.cloned());
    body.insert("stream", true);
    body.insert("messages", messages);
    body.insert("tools", convert_tools(request.tools.as_deref().unwrap_or_default()));
    body.insert("tool_choice", "any");
    if let Some(format) = &request.answer_format {
        // No tool can be demanded of an answer that is JSON.
        body.remove("tool_choice");
        body.insert("response_format", format.for_chat_completions());
    }
    body.into()
}

/// The body of a completion.
pub(crate) fn completion(model: &str, temperature: f64, prompt: &str) -> Value {
    let mut body = Object::with_capacity(4);
    body.insert("model", model);
    body.insert("temperature", temperature);
    body.insert("stream", false);
    body.insert("messages", vec![message(prompt, "user")]);
    body.into()
}

fn message(content: impl Into<Value>, role: &'static str) -> Value {
    let mut message = Object::with_capacity(2);
    message.insert("content", content);
    message.insert("role", role);
    message.into()
}

fn convert(messages: &[Message], converted: &mut Vec<Value>) {
    for turn in messages {
        match (turn.role(), turn.content()) {
            ("user", Some(Value::Array(blocks))) => user(blocks, converted),
            ("user", Some(content)) => converted.push(message(content.clone(), "user")),
            ("assistant", Some(Value::Array(blocks))) => converted.push(assistant(blocks)),
            ("assistant", content) => converted.push(assistant_message(content.cloned(), Vec::new())),
            _ => {}
        }
    }
}

/// A turn with tool results is nothing else: what the user says beside them is lost, as in the reference.
fn user(blocks: &[Value], converted: &mut Vec<Value>) {
    let results: Vec<Value> = blocks.iter().filter(|block| is(block, "tool_result")).map(result).collect();
    if !results.is_empty() {
        converted.extend(results);
        return;
    }
    let parts: Vec<Value> = blocks.iter().filter_map(part).collect();
    if !parts.is_empty() {
        converted.push(message(parts, "user"));
    }
}

fn part(block: &Value) -> Option<Value> {
    let mut part = Object::with_capacity(2);
    if is(block, "text") {
        part.insert_some("text", block.get("text").cloned());
        part.insert("type", "text");
    } else if is(block, "image") {
        part.insert("image_url", object! { "url": data_url(block) });
        part.insert("type", "image_url");
    } else {
        return None;
    }
    Some(part.into())
}

fn result(block: &Value) -> Value {
    let content = match block.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter(|part| is(part, "text")).map(text_of);
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    let mut message = Object::with_capacity(3);
    message.insert("content", content);
    message.insert("tool_call_id", call_id(block.get("tool_use_id")));
    message.insert("role", "tool");
    message.into()
}

fn assistant(blocks: &[Value]) -> Value {
    let said = || blocks.iter().filter(|block| is(block, "text") || is(block, "image"));
    let content = said().next().map(|_| said().map(text_of).collect::<Vec<_>>().join("\n").into());
    assistant_message(content, blocks.iter().filter(|block| is(block, "tool_use")).map(call).collect())
}

fn assistant_message(content: Option<Value>, calls: Vec<Value>) -> Value {
    let mut message = Object::with_capacity(4);
    message.insert_some("content", content);
    message.insert_some("tool_calls", Some(calls).filter(|calls| !calls.is_empty()));
    message.insert("prefix", false);
    message.insert("role", "assistant");
    message.into()
}

fn call(block: &Value) -> Value {
    let mut function = Object::with_capacity(2);
    function.insert_some("name", block.get("name").cloned());
    let arguments = match block.get("input") {
        Some(Value::String(text)) => Some(text.to_string()),
        input => input.map(Value::to_json),
    };
    function.insert_some("arguments", arguments);
    let mut call = Object::with_capacity(4);
    call.insert("id", call_id(block.get("id")));
    call.insert("type", "function");
    call.insert("function", function);
    call.insert("index", 0.0);
    call.into()
}

/// The length that the service demands of a call id.
const CALL_ID_LENGTH: usize = 9;

/// A call id as the service takes it: nine letters or digits.
fn call_id(id: Option<&Value>) -> String {
    let id = id.and_then(Value::as_str).unwrap_or_default();
    let mut id: String = id.chars().filter(char::is_ascii_alphanumeric).take(CALL_ID_LENGTH).collect();
    id.extend(std::iter::repeat_n('0', CALL_ID_LENGTH - id.len()));
    id
}

/// The functions among the tools.
fn convert_tools(tools: &[Tool]) -> Value {
    let tool = |given: &Value| {
        let mut function = Object::with_capacity(3);
        for key in ["name", "description"] {
            function.insert_some(key, given.get(key).cloned());
        }
        let parameters = given.get("parameters").cloned();
        function.insert("parameters", parameters.unwrap_or_else(|| Object::new().into()));
        Value::from(object! { "type": "function", "function": function })
    };
    tools.iter().filter_map(Tool::as_function).map(tool).collect()
}
