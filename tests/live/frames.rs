//! Which frames of an event stream are known, by protocol.

use samewire::Protocol;
use samewire::json::Value;

/// The events of a body that its protocol's documentation does not name; bodies that are no event streams
/// are not looked into.
pub(crate) fn unknown(protocol: Protocol, body: &[u8]) -> Vec<String> {
    let Ok(body) = std::str::from_utf8(body) else { return Vec::new() };
    let datas = body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    datas
        .filter(|data| !data.is_empty() && *data != "[DONE]" && !is_known(protocol, data))
        .map(shortened)
        .collect()
}

fn is_known(protocol: Protocol, data: &str) -> bool {
    let Ok(event) = Value::parse(data) else { return false };
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let has = |keys: &[&str]| keys.iter().any(|key| event.get(key).is_some());
    match protocol {
        // https://platform.openai.com/docs/api-reference/chat-streaming
        Protocol::ChatCompletions => has(&["choices", "usage", "error"]),
        // https://platform.openai.com/docs/api-reference/responses-streaming
        Protocol::Responses => kind.starts_with("response.") || kind == "error",
        // https://docs.anthropic.com/en/docs/build-with-claude/streaming
        Protocol::Messages => MESSAGES.contains(&kind),
        // https://ai.google.dev/api/generate-content#generatecontentresponse
        Protocol::Gemini => has(&["candidates", "usageMetadata", "promptFeedback", "error"]),
        _ => true,
    }
}

fn shortened(data: &str) -> String {
    data.chars().take(200).collect()
}

const MESSAGES: &[&str] = &[
    "content_block_delta",
    "content_block_start",
    "content_block_stop",
    "error",
    "message_delta",
    "message_start",
    "message_stop",
    "ping",
];
