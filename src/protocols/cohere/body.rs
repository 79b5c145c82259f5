//! Request bodies.
//!
//! <https://docs.cohere.com/reference/chat>

use crate::json::{Object, Value, object};
use crate::message::Message;
use crate::protocols::blocks::{is, text_of};
use crate::protocols::openai_chat::messages::{image_part, join_texts, text_message};
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::tool::{Tool, ToolChoice};

/// The body of a conversation.
pub(crate) fn chat(model: &str, settings: &ProviderSettings, request: &ChatRequest) -> Value {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system_prompt.is_empty() {
        messages.push(text_message("system", request.system_prompt.as_str()));
    }
    convert(&request.messages, &mut messages);
    let (tools, choice) = tools(request);
    let mut body = sampled(model, settings);
    body.insert("messages", messages);
    body.insert_some("tools", tools);
    body.insert_some("tool_choice", choice);
    body.insert_some("documents", setting(settings, "cohereDocuments"));
    let citations = setting(settings, "cohereCitationMode");
    body.insert_some("citation_options", citations.map(|mode| object! { "mode": mode }));
    body.insert_some("safety_mode", setting(settings, "cohereSafetyMode"));
    body.insert_some("thinking", thinking(settings));
    body.insert("stream", true);
    body.into()
}

/// The body of a completion.
pub(crate) fn completion(model: &str, settings: &ProviderSettings, prompt: &str) -> Value {
    let mut body = sampled(model, settings);
    body.insert("messages", vec![text_message("user", prompt)]);
    body.insert("stream", false);
    body.into()
}

fn sampled(model: &str, settings: &ProviderSettings) -> Object {
    let mut body = Object::with_capacity(11);
    body.insert("model", model);
    body.insert_some("max_tokens", settings.number("modelMaxTokens").filter(|limit| *limit > 0.0));
    body.insert_some("temperature", settings.number("modelTemperature"));
    body
}

fn setting(settings: &ProviderSettings, name: &str) -> Option<Value> {
    settings.get(name).filter(|value| !value.is_null()).cloned()
}

/// Models that can think do so unless told otherwise.
fn thinking(settings: &ProviderSettings) -> Option<Value> {
    if settings.is_false("enableReasoningEffort") {
        return Some(object! { "type": "disabled" }.into());
    }
    let budget = settings.number("modelMaxThinkingTokens").filter(|budget| *budget > 0.0)?;
    Some(object! { "type": "enabled", "token_budget": budget }.into())
}

// ---- messages ----

fn convert(messages: &[Message], converted: &mut Vec<Value>) {
    for message in messages {
        match (message.role(), message.content()) {
            ("user", Some(Value::Array(blocks))) => user(blocks, converted),
            ("assistant", Some(Value::Array(blocks))) => converted.push(assistant(blocks)),
            ("user", Some(content)) => converted.push(text_message("user", content.clone())),
            ("assistant", Some(content)) => converted.push(text_message("assistant", content.clone())),
            _ => {}
        }
    }
}

/// Tool results first, each as a message of its own, then what the user says.
fn user(blocks: &[Value], converted: &mut Vec<Value>) {
    converted.extend(blocks.iter().filter(|block| is(block, "tool_result")).map(tool_message));
    let parts: Vec<Value> = blocks.iter().filter_map(part).collect();
    if !parts.is_empty() {
        let mut content = Value::from(parts);
        join_texts(&mut content);
        converted.push(text_message("user", content));
    }
}

fn part(block: &Value) -> Option<Value> {
    if is(block, "image") {
        return Some(image_part(block));
    }
    let text = Some(text_of(block)).filter(|text| is(block, "text") && !text.is_empty())?;
    Some(object! { "type": "text", "text": text }.into())
}

fn tool_message(result: &Value) -> Value {
    let content = match result.get("content") {
        Some(Value::Array(parts)) => parts.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        Some(content) => content.as_str().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    let mut message = Object::with_capacity(3);
    message.insert("role", "tool");
    message.insert("content", content);
    message.insert_some("tool_call_id", result.get("tool_use_id").cloned());
    message.into()
}

/// What is said beside tool calls is their plan.
fn assistant(blocks: &[Value]) -> Value {
    let text: String = blocks.iter().filter(|block| is(block, "text")).map(text_of).collect();
    let calls: Vec<Value> = blocks.iter().filter(|block| is(block, "tool_use")).map(tool_call).collect();
    if calls.is_empty() {
        return text_message("assistant", text);
    }
    let mut message = Object::with_capacity(3);
    message.insert("role", "assistant");
    message.insert("tool_calls", calls);
    message.insert_some("tool_plan", Some(text).filter(|plan| !plan.is_empty()));
    message.into()
}

fn tool_call(block: &Value) -> Value {
    let mut function = Object::with_capacity(2);
    function.insert_some("name", block.get("name").cloned());
    function.insert("arguments", block.get("input").map_or_else(|| "{}".to_owned(), Value::to_json));
    let mut call = Object::with_capacity(3);
    call.insert_some("id", block.get("id").cloned());
    call.insert("type", "function");
    call.insert("function", function);
    call.into()
}

// ---- tools ----

/// The tools and the choice among them. The service cannot be told to call a certain tool: it is offered
/// alone, and some tool is demanded.
fn tools(request: &ChatRequest) -> (Option<Value>, Option<Value>) {
    let Some(given) = request.tools.as_deref().filter(|tools| !tools.is_empty()) else { return (None, None) };
    let (only, choice) = match &request.tool_choice {
        Some(ToolChoice::None) => (None, Some("NONE")),
        Some(ToolChoice::Required) => (None, Some("REQUIRED")),
        Some(ToolChoice::Function(name)) => (Some(name), Some("REQUIRED")),
        Some(ToolChoice::Auto | ToolChoice::Other(_)) | None => (None, None),
    };
    let offered = given.iter().filter(|tool| only.is_none_or(|name| tool.name() == Some(name.as_str())));
    (Some(offered.filter_map(function).collect()), choice.map(Value::from))
}

fn function(tool: &Tool) -> Option<Value> {
    let given = tool.as_function()?;
    let mut function = Object::with_capacity(3);
    for key in ["name", "description"] {
        function.insert_some(key, given.get(key).cloned());
    }
    // A function without arguments has a schema all the same.
    let parameters = given.get("parameters").cloned();
    function.insert("parameters", parameters.unwrap_or_else(|| object! { "type": "object" }.into()));
    Some(object! { "type": "function", "function": function }.into())
}
