//! Request bodies.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion>

use crate::answer_format::AnswerFormat;
use crate::json::{Object, Value, object};
use crate::message::Message;
use crate::protocols::blocks::{is, text_of};
use crate::protocols::openai_chat::messages::{system, text_message};
use crate::request::ChatRequest;
use crate::tool::Tool;

/// What a request asks of the model beside its messages.
pub(crate) struct Options {
    pub(crate) temperature: f64,
    /// The context to be loaded; `null` is sent too.
    pub(crate) context: Option<Value>,
}

/// The body of a conversation.
pub(crate) fn chat(model: &str, request: &ChatRequest, options: &Options) -> Value {
    let mut messages = vec![system(&request.system_prompt)];
    convert(&request.messages, &mut messages);
    let mut body = body(model, messages, true, options);
    let tools = request.tools.as_deref().filter(|tools| !tools.is_empty());
    body.insert_some("tools", tools.map(convert_tools));
    body.insert_some("format", request.answer_format.as_ref().map(AnswerFormat::for_ollama));
    body.into()
}

/// The body of a completion.
pub(crate) fn completion(model: &str, prompt: &str, options: &Options) -> Value {
    body(model, vec![text_message("user", prompt)], false, options).into()
}

fn body(model: &str, messages: Vec<Value>, stream: bool, options: &Options) -> Object {
    let mut settings = object! { "temperature": options.temperature };
    settings.insert_some("num_ctx", options.context.clone());
    let mut body = Object::with_capacity(5);
    body.insert("model", model);
    body.insert("messages", messages);
    body.insert("stream", stream);
    body.insert("options", settings);
    body
}

fn convert(messages: &[Message], converted: &mut Vec<Value>) {
    for message in messages {
        match (message.content(), message.role()) {
            (Some(Value::Array(blocks)), "user") => user(blocks, converted),
            (Some(Value::Array(blocks)), "assistant") => converted.push(assistant(blocks)),
            (Some(Value::Array(_)), _) => {}
            (content, role) => {
                let mut plain = Object::with_capacity(2);
                plain.insert("role", role);
                plain.insert_some("content", content.cloned());
                converted.push(plain.into());
            }
        }
    }
}

fn user(blocks: &[Value], converted: &mut Vec<Value>) {
    let results: Vec<&Value> = blocks.iter().filter(|block| is(block, "tool_result")).collect();
    // All results of a turn share one list, which the reference fills while it sends it: each result from
    // the first one with an image on has the images of all.
    let shared: Vec<Value> = results.iter().flat_map(|result| parts_of(result)).filter_map(image).collect();
    let mut has_begun = false;
    for result in &results {
        has_begun |= parts_of(result).iter().any(|part| image(part).is_some());
        let mut message = Object::with_capacity(3);
        message.insert("role", "user");
        message.insert_some("images", has_begun.then(|| shared.clone()));
        message.insert("content", result_text(result));
        converted.push(message.into());
    }
    let said: Vec<&Value> = blocks.iter().filter(|block| is(block, "text") || is(block, "image")).collect();
    if said.is_empty() {
        return;
    }
    let texts: Vec<&str> =
        said.iter().filter(|block| is(block, "text")).map(|block| text_of(block)).collect();
    let images: Vec<Value> = said.iter().filter_map(|block| image(block)).collect();
    let mut message = Object::with_capacity(3);
    message.insert("role", "user");
    message.insert("content", texts.join("\n"));
    message.insert_some("images", Some(images).filter(|images| !images.is_empty()));
    converted.push(message.into());
}

fn parts_of(result: &Value) -> &[Value] {
    result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn result_text(result: &Value) -> String {
    match result.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => {
            let line = |part| {
                if is(part, "image") { "(see following user message for image)" } else { text_of(part) }
            };
            parts.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The data of an image in base64; one that is elsewhere is dropped.
fn image(block: &Value) -> Option<Value> {
    let source = block.get("source").filter(|_| is(block, "image"))?;
    source.get("data").filter(|_| is(source, "base64")).cloned()
}

fn assistant(blocks: &[Value]) -> Value {
    let said = blocks.iter().filter(|block| is(block, "text") || is(block, "image"));
    let texts: Vec<&str> = said.map(text_of).collect();
    let calls: Vec<Value> = blocks.iter().filter(|block| is(block, "tool_use")).map(call).collect();
    let mut message = Object::with_capacity(3);
    message.insert("role", "assistant");
    message.insert("content", texts.join("\n"));
    message.insert_some("tool_calls", Some(calls).filter(|calls| !calls.is_empty()));
    message.into()
}

/// A tool call; it has no id here.
fn call(block: &Value) -> Value {
    let mut function = Object::with_capacity(2);
    function.insert_some("name", block.get("name").cloned());
    function.insert_some("arguments", block.get("input").cloned());
    object! { "function": function }.into()
}

/// The functions among the tools.
fn convert_tools(tools: &[Tool]) -> Value {
    let function = |given: &Value| {
        let mut function = Object::with_capacity(3);
        for key in ["name", "description", "parameters"] {
            function.insert_some(key, given.get(key).cloned());
        }
        Value::from(object! { "type": "function", "function": function })
    };
    tools.iter().filter_map(Tool::as_function).map(function).collect()
}
