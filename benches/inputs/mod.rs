//! What the benches work on: recordings of the repository, and conversations of known size.

#![allow(dead_code, reason = "each bench uses its part")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use samewire::frames::{SseDecoder, SseDialect};
use samewire::json::{Value, object};
use samewire::{
    AiProvider, ChatRequest, ContentBlock, Message, ProviderSettings, StreamToken, Tool, build_provider,
};

/// The body of a recorded answer, repeated to about `size` bytes. Only whole events without the end mark, so that
/// the repetition is one long stream.
pub(crate) fn recorded(case: &str, size: usize) -> Bytes {
    let repository =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join("fixtures").is_dir());
    let path = repository.expect("the bench is in the repository").join(format!("fixtures/{case}.json"));
    let text = std::fs::read_to_string(path).expect("the recording is in the repository");
    let case = Value::parse(&text).expect("recordings are JSON");
    let exchange = case.get("exchanges").and_then(|list| list.at(0)).expect("the case has an exchange");
    let body =
        exchange.get("response").and_then(|response| response.get("body")?.as_str()).expect("a text body");
    let events = body.replace("data: [DONE]\n\n", "");
    events.repeat((size / events.len()).max(1)).into()
}

/// A stream of text deltas in OpenAI's form as OpenAI sends them, 306 bytes an event; 2 % of the words hold an
/// escape.
pub(crate) fn openai_deltas(size: usize) -> Bytes {
    deltas(size, |text| {
        format!(
            "data: {{\"id\":\"chatcmpl-CabcdefghijklmnopqrstuvWXYZ01\",\"object\":\"chat.completion.chunk\",\
             \"created\":1767225600,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\
             \"system_fingerprint\":\"fp_0123456789\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"Qm7aXk2\"}}\n\n"
        )
    })
}

/// The same text in Anthropic's form, several words a delta.
pub(crate) fn anthropic_deltas(size: usize) -> Bytes {
    deltas(size, |text| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}{text}{text}\"}}}}\n\n"
        )
    })
}

fn deltas(size: usize, event: impl Fn(&str) -> String) -> Bytes {
    let words = [" the", " quick", " brown", " fox", " jumps", " over", " lazy", " dogs", " and", " more"];
    let mut body = String::with_capacity(size + 1024);
    for word in 0.. {
        if body.len() >= size {
            break;
        }
        body.push_str(&event(if word % 50 == 49 { "\\n" } else { words[word % words.len()] }));
    }
    body.into()
}

/// One message of AWS's event stream.
/// <https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html>
pub(crate) fn event_message(kind: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in
        [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")]
    {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let mut message = Vec::new();
    message.extend_from_slice(&((16 + headers.len() + payload.len()) as u32).to_be_bytes());
    message.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

pub(crate) fn cut(body: &Bytes, size: usize) -> Vec<Bytes> {
    (0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect()
}

/// A chunk for each event.
pub(crate) fn cut_by_event(body: &Bytes) -> Vec<Bytes> {
    let mut start = 0;
    let ends = memchr::memmem::find_iter(body, b"\n\n").map(|at| at + 2);
    ends.map(|end| body.slice(std::mem::replace(&mut start, end)..end)).collect()
}

pub(crate) fn provider(settings: &str) -> Arc<dyn AiProvider> {
    build_provider(&ProviderSettings::from_json(settings).expect("the settings are JSON"))
        .expect("they are whole")
}

pub(crate) fn openai() -> Arc<dyn AiProvider> {
    provider(r#"{"apiProvider":"openai","openAiApiKey":"sk","openAiModelId":"gpt-4o"}"#)
}

pub(crate) fn anthropic() -> Arc<dyn AiProvider> {
    provider(r#"{"apiProvider":"anthropic","apiKey":"sk","apiModelId":"claude-sonnet-4-5"}"#)
}

/// Cuts a stream into events as our decoders do, and counts them: framing alone.
pub(crate) fn count_events(chunks: &[Bytes]) -> usize {
    let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
    let mut events = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Some(event) = decoder.next_lent() {
            std::hint::black_box(event.expect("the stream is well formed"));
            events += 1;
        }
    }
    events
}

/// Decodes a stream and counts its tokens.
pub(crate) fn count_tokens(provider: &dyn AiProvider, chunks: &[Bytes]) -> usize {
    let mut decoder = provider.decoder(&small_chat()).expect("the request can be made");
    let mut count = 0;
    for chunk in chunks {
        for token in decoder.process_bytes(chunk.clone()) {
            count += usize::from(matches!(
                std::hint::black_box(token.expect("the stream is well formed")),
                StreamToken::Text(_) | StreamToken::Reasoning(_)
            ));
        }
    }
    count
}

pub(crate) fn small_chat() -> ChatRequest {
    ChatRequest::new("You are a helpful assistant.", [Message::user("What is the capital of France?")])
}

/// 200 messages with about 100,000 tokens, tool calls and results among them.
pub(crate) fn long_chat() -> ChatRequest {
    let text = "The quick brown fox jumps over the lazy dog, \"quoted\" and\nbroken.\n".repeat(28);
    let messages = (0..50).flat_map(|turn| {
        let id = format!("call_{turn:08}");
        let input = object! { "path": format!("src/file_{turn}.rs"), "lines": 2000.0 };
        [
            Message::user(text.as_str()),
            Message::assistant_blocks([
                ContentBlock::text(text.as_str()),
                ContentBlock::tool_use(id.as_str(), "read_file", input),
            ]),
            Message::user_blocks([ContentBlock::tool_result(id.as_str(), text.as_str())]),
            Message::assistant(text.as_str()),
        ]
    });
    ChatRequest::new("You are a careful engineer.", messages)
}

/// 50 tools with the schemas that coding tools have.
pub(crate) fn fifty_tools() -> Vec<Tool> {
    (0..50)
        .map(|n| {
            let text = object! { "type": "string", "description": "What this parameter is for, in a sentence." };
            let schema = object! {
                "type": "object",
                "properties": object! {
                    "path": text.clone(),
                    "content": text.clone(),
                    "line": object! { "type": "integer", "minimum": 1.0 },
                    "mode": object! { "type": "string", "enum": vec![Value::from("read"), Value::from("write")] },
                    "options": object! { "type": "object", "properties": object! { "flag": text } },
                },
                "required": vec![Value::from("path")],
            };
            Tool::function(format!("tool_{n}"), "Does one thing to one file, and says what it did.", schema)
        })
        .collect()
}
