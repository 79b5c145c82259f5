//! One line of a result file.

use bytes::Bytes;

use super::BatchKind;
use crate::json::Value;
use crate::response::AssembledToolCall;
use crate::token::Field;
use crate::{ChatResponse, Error, ErrorKind, Text};

/// The id of the request, and its answer or why there is none.
pub(super) fn of_line(kind: BatchKind, line: &Bytes) -> Result<(Text, Result<ChatResponse, Error>), Error> {
    let line = Value::parse_bytes(line.clone())
        .map_err(|error| Error::invalid_response(format!("a line of the results is no JSON: {error}")))?;
    let id = text(line.get("custom_id"));
    let answer = match kind {
        BatchKind::OpenAi => openai(&line),
        BatchKind::Anthropic => anthropic(&line),
    };
    Ok((id, answer))
}

fn openai(line: &Value) -> Result<ChatResponse, Error> {
    if let Some(error) = line.get("error").filter(|error| error.is_truthy()) {
        return Err(failure(error, None));
    }
    let response = line.get("response");
    let status = response.and_then(|response| response.get("status_code")).and_then(Value::as_f64);
    let body = response.and_then(|response| response.get("body")).cloned().unwrap_or_default();
    if let Some(status) = status.filter(|status| *status >= 400.0) {
        return Err(failure(body.get("error").unwrap_or(&body), Some(status as u16)));
    }
    let mut answer = ChatResponse::default();
    let choice = body.get("choices").and_then(|choices| choices.at(0)).cloned().unwrap_or_default();
    let message = choice.get("message").cloned().unwrap_or_default();
    answer.text = text(message.get("content")).to_string();
    answer.reasoning = text(message.get("reasoning_content")).to_string();
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let function = call.get("function").cloned().unwrap_or_default();
        let arguments = text(function.get("arguments")).to_string();
        answer.tool_calls.push(tool_call(text(call.get("id")), text(function.get("name")), arguments));
    }
    let usage = body.get("usage");
    answer.usage.input_tokens = count(usage, "prompt_tokens").unwrap_or(0);
    answer.usage.output_tokens = count(usage, "completion_tokens").unwrap_or(0);
    let details = usage.and_then(|usage| usage.get("prompt_tokens_details"));
    answer.usage.cache_read_tokens = Field::of(count(details, "cached_tokens"));
    answer.summary.finish_reason = choice.get("finish_reason").and_then(Value::as_text).cloned();
    answer.summary.response_id = body.get("id").and_then(Value::as_text).cloned();
    Ok(answer)
}

fn anthropic(line: &Value) -> Result<ChatResponse, Error> {
    let result = line.get("result").cloned().unwrap_or_default();
    let kind = text(result.get("type"));
    if kind != "succeeded" {
        // An error stands in an envelope of its own: `{"type": "error", "error": {...}}`.
        let error = result.get("error").map(|error| error.get("error").unwrap_or(error));
        return Err(error.map_or_else(
            || Error::new(ErrorKind::InStream, format!("the request was {kind}")),
            |error| failure(error, None),
        ));
    }
    let message = result.get("message").cloned().unwrap_or_default();
    let mut answer = ChatResponse::default();
    for block in message.get("content").and_then(Value::as_array).into_iter().flatten() {
        match block.get("type").and_then(Value::as_str) {
            Some("text") => answer.text.push_str(&text(block.get("text"))),
            Some("thinking") => answer.reasoning.push_str(&text(block.get("thinking"))),
            Some("tool_use") => {
                let input = block.get("input").map(Value::to_json).unwrap_or_default();
                answer.tool_calls.push(tool_call(text(block.get("id")), text(block.get("name")), input));
            }
            _ => {}
        }
    }
    let usage = message.get("usage");
    answer.usage.input_tokens = count(usage, "input_tokens").unwrap_or(0);
    answer.usage.output_tokens = count(usage, "output_tokens").unwrap_or(0);
    answer.usage.cache_write_tokens = Field::of(count(usage, "cache_creation_input_tokens"));
    answer.usage.cache_read_tokens = Field::of(count(usage, "cache_read_input_tokens"));
    answer.summary.finish_reason = message.get("stop_reason").and_then(Value::as_text).cloned();
    answer.summary.response_id = message.get("id").and_then(Value::as_text).cloned();
    Ok(answer)
}

fn tool_call(id: Text, name: Text, raw_arguments: String) -> AssembledToolCall {
    let arguments = match raw_arguments.trim() {
        "" => Ok(crate::json::Object::new().into()),
        text => Value::parse(text).map_err(|error| error.to_string()),
    };
    AssembledToolCall { id, name, raw_arguments, arguments }
}

fn failure(error: &Value, status: Option<u16>) -> Error {
    let said = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_json(), str::to_owned);
    let mut failure = match status {
        Some(status) => Error::status_error(status, said),
        None => Error::new(ErrorKind::InStream, said),
    };
    if let Some(code) = error.get("code").filter(|code| !code.is_null()) {
        failure = failure.with_code(code.clone());
    }
    match error.get("type").and_then(Value::as_str) {
        Some(name) => failure.with_vendor_type(name),
        None => failure,
    }
}

fn text(value: Option<&Value>) -> Text {
    value.and_then(Value::as_text).cloned().unwrap_or_default()
}

fn count(counts: Option<&Value>, key: &str) -> Option<u64> {
    counts?.get(key)?.as_f64().map(|count| count as u64)
}
