//! The wire forms in which the server streams text: a beginning, a delta for each piece of text, an end.

use crate::inputs::{self, event_message};

/// A protocol's stream, recognized by the path that its clients ask for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    OpenAi,
    Anthropic,
    Gemini,
    Converse,
    Ollama,
}

impl Form {
    pub(crate) fn of_path(path: &str) -> Self {
        match path {
            _ if path.contains("/converse-stream") => Self::Converse,
            _ if path.contains("streamGenerateContent") => Self::Gemini,
            _ if path.ends_with("messages") => Self::Anthropic,
            _ if path.ends_with("api/chat") => Self::Ollama,
            _ => Self::OpenAi,
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Converse => "application/vnd.amazon.eventstream",
            Self::Ollama => "application/x-ndjson",
            _ => "text/event-stream",
        }
    }

    pub(crate) fn begin(self) -> Vec<u8> {
        match self {
            Self::OpenAi => openai(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
            Self::Anthropic => [
                anthropic(r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}}"#),
                anthropic(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#),
            ]
            .concat(),
            Self::Converse => event_message("messageStart", r#"{"role":"assistant"}"#),
            Self::Gemini | Self::Ollama => Vec::new(),
        }
    }

    /// One piece of text, which must need no escaping.
    pub(crate) fn delta(self, text: &str) -> Vec<u8> {
        match self {
            Self::OpenAi => openai(&format!(r#"{{"content":"{text}"}}"#), "null"),
            Self::Anthropic => anthropic(&format!(
                r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
            )),
            Self::Gemini => data(&format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"index":0}}],"modelVersion":"gemini-2.5-pro"}}"#
            )),
            Self::Converse => event_message(
                "contentBlockDelta",
                &format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{text}"}},"p":"abcdefghij"}}"#),
            ),
            Self::Ollama => format!(
                "{{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n"
            )
            .into(),
        }
    }

    pub(crate) fn end(self) -> Vec<u8> {
        match self {
            Self::OpenAi => [
                openai("{}", r#""stop""#),
                data(r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":25,"completion_tokens":9,"total_tokens":34}}"#),
                data("[DONE]"),
            ]
            .concat(),
            Self::Anthropic => [
                anthropic(r#"{"type":"content_block_stop","index":0}"#),
                anthropic(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#),
                anthropic(r#"{"type":"message_stop"}"#),
            ]
            .concat(),
            Self::Gemini => data(
                r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":9,"totalTokenCount":34}}"#,
            ),
            Self::Converse => [
                event_message("contentBlockStop", r#"{"contentBlockIndex":0}"#),
                event_message("messageStop", r#"{"stopReason":"end_turn"}"#),
                event_message("metadata", r#"{"usage":{"inputTokens":25,"outputTokens":9,"totalTokens":34}}"#),
            ]
            .concat(),
            Self::Ollama => b"{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":25,\"eval_count\":9}\n".to_vec(),
        }
    }

    /// A whole stream of about `size` bytes of text deltas, as a list of events.
    pub(crate) fn stream_of(self, size: usize) -> Vec<bytes::Bytes> {
        let deltas = match self {
            Self::Anthropic => inputs::anthropic_deltas(size),
            _ => inputs::openai_deltas(size),
        };
        let mut events = vec![self.begin().into()];
        events.extend(inputs::cut_by_event(&deltas));
        events.push(self.end().into());
        events
    }
}

/// The whole answer to a request that does not stream.
pub(crate) fn whole_reply(form: Form) -> String {
    match form {
        Form::Anthropic => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{{"type":"text","text":"{SMALL_TEXT}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":25,"output_tokens":60}}}}"#
        ),
        _ => format!(
            r#"{{"id":"chatcmpl-CabcdefghijklmnopqrstuvWXYZ01","object":"chat.completion","created":1767225600,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":"{SMALL_TEXT}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":25,"completion_tokens":60,"total_tokens":85,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_0123456789"}}"#
        ),
    }
}

/// The text of the small whole reply.
pub(crate) const SMALL_TEXT: &str = "The capital of France is Paris, which lies on the Seine in the north of the country and has been its capital, with interruptions, for more than a thousand years.";

fn openai(delta: &str, finish: &str) -> Vec<u8> {
    data(&format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
    ))
}

fn data(json: &str) -> Vec<u8> {
    format!("data: {json}\n\n").into()
}

/// An event is named as its type says.
fn anthropic(json: &str) -> Vec<u8> {
    let name = json.split('"').nth(3).expect("the type comes first");
    format!("event: {name}\ndata: {json}\n\n").into()
}
