//! The older InvokeModel API: each family of models with a body and a stream of its own.
//!
//! An extension of ours, switched on by the setting `awsInvokeModel`; the reference has nothing like it.
//! Families: Claude (Messages API), Titan Text, Llama 3. The latter two take text only, so tools and images
//! are refused rather than left out.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>

use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;

use super::errors::Thrown;
use crate::json::javascript::defined;
use crate::json::{Document, Node, Object, Value, object};
use crate::model::Model;
use crate::protocols::anthropic::{Counting, MessageDecoder, body as anthropic_body};
use crate::protocols::tokens::usage_object;
use crate::request::ChatRequest;
use crate::stream::{Decode, StreamSummary, TokenQueue};
use crate::token::StreamToken;
use crate::{Error, ErrorKind, Text};

/// A family of models with a form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Claude,
    Titan,
    Llama,
}

impl Family {
    fn of(model: &Model) -> Option<Self> {
        let id = model.id.to_lowercase();
        let families = [("claude", Self::Claude), ("titan-text", Self::Titan), ("llama", Self::Llama)];
        families.into_iter().find(|(name, _)| id.contains(name)).map(|(_, family)| family)
    }
}

/// The body for the model's family.
pub(super) fn body(model: &Model, betas: &[&str], request: &ChatRequest) -> Result<Value, Error> {
    let unsupported = |what: &str| Error::new(ErrorKind::Unsupported, format!("awsInvokeModel: {what}"));
    let family = Family::of(model).ok_or_else(|| {
        unsupported("only Claude, Titan Text and Llama models are supported; switch it off for others")
    })?;
    if family == Family::Claude {
        return claude(model, betas, request);
    }
    if request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(unsupported("this family takes no tools"));
    }
    let parameter = |key: &str| model.parameters.get(key).cloned();
    let turns = turns(request).ok_or_else(|| unsupported("this family takes text only"))?;
    let mut config = Object::with_capacity(3);
    if family == Family::Llama {
        config.insert("prompt", llama_prompt(request, &turns));
        config.insert_some("max_gen_len", parameter("maxTokens"));
        config.insert_some("temperature", parameter("temperature"));
        return Ok(config.into());
    }
    config.insert_some("maxTokenCount", parameter("maxTokens"));
    config.insert_some("temperature", parameter("temperature"));
    Ok(object! { "inputText": titan_prompt(request, &turns), "textGenerationConfig": config }.into())
}

fn claude(model: &Model, betas: &[&str], request: &ChatRequest) -> Result<Value, Error> {
    let mut fields = object! { "anthropic_version": "bedrock-2023-05-31" };
    if !betas.is_empty() {
        fields.insert("anthropic_beta", betas.iter().map(|beta| Value::from(*beta)).collect::<Value>());
    }
    let input = anthropic_body::BodyInput { model, request, prompt: "" };
    let rest = anthropic_body::build(CLAUDE_FIELDS, &input)?;
    fields.extend(rest.as_object().cloned().unwrap_or_default());
    Ok(fields.into())
}

const CLAUDE_FIELDS: &[anthropic_body::BodyField] = &[
    ("max_tokens", anthropic_body::max_tokens),
    ("temperature", anthropic_body::temperature),
    ("thinking", anthropic_body::thinking),
    ("system", anthropic_body::system),
    ("messages", anthropic_body::messages),
    ("tools", anthropic_body::tools),
    ("tool_choice", |input| match input.request.tools.as_deref() {
        None | Some([]) => Ok(None),
        Some(_) => anthropic_body::tool_choice_and_parallel(input),
    }),
];

/// Role and text of each message; `None` if one holds anything but text.
fn turns(request: &ChatRequest) -> Option<Vec<(&str, String)>> {
    request
        .messages
        .iter()
        .map(|message| {
            let text = match message.content()? {
                Value::String(text) => text.to_string(),
                Value::Array(blocks) => {
                    let texts: Option<Vec<&str>> =
                        blocks.iter().map(|block| block.get("text").and_then(Value::as_str)).collect();
                    texts?.join("\n")
                }
                _ => return None,
            };
            Some((message.role(), text))
        })
        .collect()
}

/// <https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-3/>
fn llama_prompt(request: &ChatRequest, turns: &[(&str, String)]) -> String {
    let mut prompt = String::from("<|begin_of_text|>");
    let system = Some(("system", &request.system_prompt)).filter(|(_, text)| !text.is_empty());
    for (role, text) in system.into_iter().chain(turns.iter().map(|(role, text)| (*role, text))) {
        let _ = write!(prompt, "<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>");
    }
    prompt.push_str("<|start_header_id|>assistant<|end_header_id|>\n\n");
    prompt
}

fn titan_prompt(request: &ChatRequest, turns: &[(&str, String)]) -> String {
    let mut prompt = String::new();
    if !request.system_prompt.is_empty() {
        let _ = writeln!(prompt, "{}\n", request.system_prompt);
    }
    for (role, text) in turns {
        let name = if *role == "assistant" { "Bot" } else { "User" };
        let _ = writeln!(prompt, "{name}: {text}");
    }
    prompt.push_str("Bot:");
    prompt
}

/// Reads the `chunk` events of one answer.
pub(super) enum ModelReader {
    /// Events of the Messages API.
    Claude(Box<MessageDecoder>),
    /// Pieces of text.
    Text(Box<TextReader>),
}

#[derive(Default)]
pub(super) struct TextReader {
    document: Document,
    summary: StreamSummary,
}

impl ModelReader {
    pub(super) fn new(model: &Model) -> Self {
        match Family::of(model) {
            Some(Family::Claude) => {
                Self::Claude(Box::new(MessageDecoder::new(model.clone(), Counting::WithoutCost)))
            }
            _ => Self::Text(Box::default()),
        }
    }

    /// One event: what the model sent, in base64.
    pub(super) fn chunk(&mut self, event: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Thrown> {
        let bytes = event.get("bytes").as_cow().unwrap_or_default();
        let bytes = base64::prelude::BASE64_STANDARD
            .decode(bytes.as_bytes())
            .map_err(|_| Thrown::malformed("Error", "a chunk of the stream is not in base64"))?;
        let data = Bytes::from(bytes);
        let malformed = |message: String| Thrown::malformed("SyntaxError", message);
        match self {
            Self::Claude(decoder) => {
                decoder.message(&data, tokens).map_err(|error| malformed(error.message().to_owned()))
            }
            Self::Text(reader) => {
                let TextReader { document, summary } = &mut **reader;
                let piece = document
                    .parse(Text::from_utf8_lossy(data))
                    .map_err(|error| malformed(error.to_string()))?;
                text_piece(piece, summary, tokens);
                Ok(())
            }
        }
    }

    pub(super) fn finish(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        match self {
            Self::Claude(decoder) => decoder.finish(tokens).map(drop),
            Self::Text(_) => Ok(()),
        }
    }

    pub(super) fn summary(&self) -> StreamSummary {
        match self {
            Self::Claude(decoder) => decoder.summary(),
            Self::Text(reader) => reader.summary.clone(),
        }
    }
}

/// A piece of Titan's (`outputText`) or Llama's (`generation`) answer; the last has the service's counts.
fn text_piece(piece: Node<'_>, summary: &mut StreamSummary, tokens: &mut TokenQueue) {
    let text = piece.get("outputText").as_text().or_else(|| piece.get("generation").as_text());
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        tokens.push_back(StreamToken::Text(text));
    }
    let reason = piece.get("completionReason").as_text().or_else(|| piece.get("stop_reason").as_text());
    if reason.is_some() {
        summary.finish_reason = reason;
    }
    let metrics = piece.get("amazon-bedrock-invocationMetrics");
    if metrics.is_object() {
        let count = |key: &str| defined(metrics.get(key)).unwrap_or(0.0.into());
        let usage = usage_object(count("inputTokenCount"), count("outputTokenCount"));
        tokens.push_back(StreamToken::from_object(usage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Value;
    use crate::message::{ContentBlock, Message};
    use crate::model::ModelInfo;
    use crate::tool::Tool;

    fn model(id: &str) -> Model {
        let mut model = Model::new(id, ModelInfo::default());
        model.parameters = object! { "maxTokens": 512.0, "temperature": 0.3 };
        model
    }

    fn body_of(id: &str, request: &ChatRequest) -> Result<String, Error> {
        body(&model(id), &["beta"], request).map(|body| body.to_json())
    }

    fn conversation() -> ChatRequest {
        ChatRequest::new(
            "Be brief.",
            [Message::user("Hi"), Message::assistant("Hello"), Message::user("Bye")],
        )
    }

    #[test]
    fn bodies_of_each_family() {
        let request = conversation();
        assert_eq!(
            body_of("us.meta.llama3-8b-instruct-v1:0", &request).unwrap(),
            r#"{"prompt":"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n","max_gen_len":512,"temperature":0.3}"#
        );
        assert_eq!(
            body_of("amazon.titan-text-express-v1:0", &request).unwrap(),
            r#"{"inputText":"Be brief.\n\nUser: Hi\nBot: Hello\nUser: Bye\nBot:","textGenerationConfig":{"maxTokenCount":512,"temperature":0.3}}"#
        );
        assert_eq!(
            body_of("anthropic.claude-3-haiku-20240307-v1:0", &request).unwrap(),
            r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["beta"],"max_tokens":512,"temperature":0.3,"system":[{"text":"Be brief.","type":"text"}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}],"tools":[]}"#
        );
    }

    #[test]
    fn what_a_family_cannot_say_is_refused() {
        let tools = conversation().with_tools([Tool::function("f", "", Object::new())]);
        assert!(body_of("meta.llama3-8b-instruct-v1:0", &tools).is_err());
        let image = ChatRequest::new("", [Message::user_blocks([ContentBlock::image("image/png", "AAAA")])]);
        assert!(body_of("amazon.titan-text-lite-v1:0", &image).is_err());
        assert!(body_of("deepseek.r1-v1:0", &conversation()).is_err());
        assert!(body_of("anthropic.claude-3-haiku-20240307-v1:0", &tools).unwrap().contains("tool_choice"));
    }

    fn tokens_of(id: &str, events: &[&str]) -> Result<Vec<String>, Thrown> {
        let mut reader = ModelReader::new(&model(id));
        let mut tokens = TokenQueue::new();
        let mut document = Document::new();
        for event in events {
            let bytes = base64::prelude::BASE64_STANDARD.encode(event);
            let payload = Value::from(object! { "bytes": bytes, "p": "abc" }).to_json();
            reader.chunk(document.parse(payload.into()).unwrap(), &mut tokens)?;
        }
        Ok(tokens.iter().map(StreamToken::to_json).collect())
    }

    #[test]
    fn chunks_of_each_family() {
        let metrics = r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":2}"#;
        let text = [
            r#"{"type":"text","text":"Hel"}"#,
            r#"{"type":"text","text":"lo"}"#,
            r#"{"type":"usage","inputTokens":5,"outputTokens":2}"#,
        ];
        let last = format!(r#"{{"generation":"lo","stop_reason":"stop",{metrics}}}"#);
        let llama =
            tokens_of("meta.llama3-8b-instruct-v1:0", &[r#"{"generation":"Hel","stop_reason":null}"#, &last]);
        assert_eq!(llama.unwrap(), text);
        let last = format!(r#"{{"outputText":"lo","completionReason":"FINISH",{metrics}}}"#);
        let titan = tokens_of("amazon.titan-text-lite-v1:0", &[r#"{"outputText":"Hel","index":0}"#, &last]);
        assert_eq!(titan.unwrap(), text);
        let claude = tokens_of(
            "anthropic.claude-3-haiku-20240307-v1:0",
            &[
                r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":5,"output_tokens":1}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        );
        assert_eq!(
            claude.unwrap(),
            [r#"{"type":"usage","inputTokens":5,"outputTokens":1}"#, r#"{"type":"text","text":"Hello"}"#]
        );
    }

    #[test]
    fn chunks_that_cannot_be_read() {
        assert!(tokens_of("meta.llama3-8b-instruct-v1:0", &["no json"]).is_err());
        let mut document = Document::new();
        let event = document.parse(r#"{"bytes":"***"}"#.into()).unwrap();
        let mut reader = ModelReader::new(&model("amazon.titan-text-lite-v1:0"));
        assert!(reader.chunk(event, &mut TokenQueue::new()).is_err());
    }
}
