//! From bodies to tokens: the same for every cut, and the same whatever shortcut a decoder takes.

use std::collections::HashSet;

use samewire::{
    AiProvider, ChatRequest, Field, Message, ProviderSettings, StreamToken, ToolCallAssembler,
    ToolCallPartial, build_provider_in,
};
use std::sync::Arc;

use super::pieces;
use crate::world::context;

thread_local! {
    static PROVIDERS: Vec<Arc<dyn AiProvider>> = PROTOCOLS.iter().map(|(settings, _)| provider(settings)).collect();
}

/// A provider of each protocol; whether it reads `data: {` lines.
const PROTOCOLS: &[(&str, bool)] = &[
    (r#"{"apiProvider":"openai","openAiApiKey":"k","openAiModelId":"m"}"#, true),
    (r#"{"apiProvider":"openai-native","openAiNativeApiKey":"k","apiModelId":"gpt-5"}"#, true),
    (r#"{"apiProvider":"anthropic","apiKey":"k","apiModelId":"claude-sonnet-4-5"}"#, true),
    (r#"{"apiProvider":"gemini","geminiApiKey":"k","apiModelId":"gemini-2.5-flash"}"#, false),
    (
        r#"{"apiProvider":"bedrock","awsRegion":"us-east-1","awsAccessKey":"a","awsSecretKey":"s","apiModelId":"anthropic.claude-sonnet-4-5-20250929-v1:0"}"#,
        false,
    ),
    (r#"{"apiProvider":"ollama","ollamaModelId":"m"}"#, false),
    (r#"{"apiProvider":"mistral","mistralApiKey":"k","apiModelId":"mistral-large-latest"}"#, true),
    (r#"{"apiProvider":"cohere","cohereApiKey":"k","apiModelId":"command-a-03-2025"}"#, true),
];

fn provider(settings: &str) -> Arc<dyn AiProvider> {
    let settings = ProviderSettings::from_json(settings).expect("settings of ours");
    build_provider_in(&settings, &context()).expect("a provider of ours")
}

struct Outcome {
    tokens: Vec<String>,
    error: Option<String>,
}

fn read(provider: &dyn AiProvider, chunks: &[&[u8]]) -> Outcome {
    let request = ChatRequest::new("", [Message::user("hi")]);
    let mut decoder = provider.decoder(&request).expect("a decoder");
    let mut outcome = Outcome { tokens: Vec::new(), error: None };
    let mut keep = |item: Result<StreamToken, samewire::Error>| match item {
        Ok(token) => outcome.tokens.push(token.to_json()),
        Err(error) => outcome.error = Some(error.message().to_owned()),
    };
    for chunk in chunks {
        decoder.process_chunk(chunk).for_each(&mut keep);
    }
    decoder.finish().for_each(&mut keep);
    outcome
}

/// Every protocol's decoder gives the same tokens and the same error for every cut.
pub fn decode(bytes: &[u8]) {
    PROVIDERS.with(|providers| {
        for (provider, (settings, _)) in providers.iter().zip(PROTOCOLS) {
            let (whole, cut) = (read(&**provider, &[bytes]), read(&**provider, &pieces(bytes)));
            assert_eq!((&whole.tokens, &whole.error), (&cut.tokens, &cut.error), "{settings}");
            assert!(whole.error.is_none_or(|error| !error.is_empty()), "an error without words: {settings}");
        }
    });
}

/// A stream whose events are each written with white space of their own cannot be taken for repetitions, and must
/// give the tokens of the stream that can.
pub fn repetition(bytes: &[u8]) {
    let body = repeated(bytes);
    let spaced = spaced(&body);
    PROVIDERS.with(|providers| {
        for (provider, (settings, _)) in providers.iter().zip(PROTOCOLS).filter(|(_, (_, lines))| *lines) {
            let (short, long) = (read(&**provider, &[&body]), read(&**provider, &[&spaced]));
            assert_eq!(short.tokens, long.tokens, "{settings}");
            assert_eq!(short.error.is_some(), long.error.is_some(), "{settings}");
        }
    });
}

/// Events of text, the first line of the input in the place of each event's own text; the rest follows as it is.
fn repeated(bytes: &[u8]) -> Vec<u8> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let (frame, texts) = (lines.next().unwrap_or_default(), lines);
    let (head, tail) = match frame.iter().position(|byte| *byte == b'@') {
        Some(at) => (&frame[..at], &frame[at + 1..]),
        None => (&br#"{"choices":[{"index":0,"delta":{"content":""#[..], &br#""}}]}"#[..]),
    };
    let mut body = Vec::new();
    for text in texts {
        if text.starts_with(b"data: ") || text.starts_with(b"event: ") {
            body.extend_from_slice(text);
            body.extend_from_slice(if text.starts_with(b"d") { b"\n\n" } else { b"\n" });
            continue;
        }
        for part in [&b"data: "[..], head, text, tail, b"\n\n"] {
            body.extend_from_slice(part);
        }
    }
    body
}

/// The same with a different amount of white space in each object's front.
fn spaced(body: &[u8]) -> Vec<u8> {
    let mut spaced = Vec::with_capacity(2 * body.len());
    for (index, line) in body.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match line.strip_prefix(b"data: {") {
            Some(rest) => {
                spaced.extend_from_slice(b"data: {");
                spaced.resize(spaced.len() + 1 + index % 7, b' ');
                spaced.extend_from_slice(rest);
            }
            None => spaced.extend_from_slice(line),
        }
    }
    spaced
}

/// No call goes on before it begins, and the last end is told once.
pub fn tool_calls(bytes: &[u8]) {
    let mut assembler = ToolCallAssembler::new();
    let mut tokens = Vec::new();
    let text = |byte: u8| ["", "a", "b", "{\"x\":", "1}"][usize::from(byte % 5)].into();
    for four in bytes.chunks_exact(4) {
        let field = |present: bool, value: samewire::Text| Field::of(present.then_some(value));
        let part = ToolCallPartial {
            index: Field::of((four[0] & 1 == 0).then_some(u64::from(four[0] >> 6))),
            id: field(four[0] & 2 == 0, text(four[1])),
            name: field(four[0] & 4 == 0, text(four[2])),
            arguments: field(four[0] & 8 == 0, text(four[3])),
        };
        tokens.extend(assembler.push(&part));
        if four[0] & 48 == 48 {
            tokens.extend(assembler.finish_reason(Some("tool_calls")));
        }
    }
    tokens.extend(assembler.finish());
    assert!(assembler.finish().is_empty(), "an end is told once");
    let mut begun = HashSet::new();
    for token in &tokens {
        match token {
            StreamToken::ToolCallStart { id, .. } => drop(begun.insert(id.clone())),
            // As in the reference, a finish reason ends also what has an id and never got a name.
            StreamToken::ToolCallEnd { .. } => {}
            StreamToken::ToolCallDelta { id, .. } => {
                assert!(begun.contains(id), "{id} goes on before it begins");
            }
            other => panic!("{other:?} is not of a tool call"),
        }
    }
}
