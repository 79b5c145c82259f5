//! The older InvokeModel API: each family of models with a body and a stream of its own.
//!
//! An extension of ours, switched on by the setting `awsInvokeModel`; the reference has nothing like it.
//! Families: Claude (Messages API), Titan Text, Llama 3. The latter two take text only, so tools and images
//! are refused rather than left out.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>

use std::collections::VecDeque;
use std::fmt::Write as _;

use base64::Engine as _;

use super::errors::Thrown;
use crate::json::{Document, Node, Object, Value, object};
use crate::model::Model;
use crate::protocols::anthropic::{Counting, MessageDecoder, body as anthropic_body};
use crate::protocols::openai_chat::steps::{defined, usage_object};
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::stream::{Decode, StreamSummary};
use crate::token::StreamToken;
use crate::{Error, ErrorKind, Text};

type Tokens = VecDeque<StreamToken>;

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
pub(super) fn body(
    settings: &ProviderSettings,
    model: &Model,
    betas: &[&str],
    request: &ChatRequest,
) -> Result<Value, Error> {
    let unsupported = |what: &str| Error::new(ErrorKind::Unsupported, format!("awsInvokeModel: {what}"));
    let family = Family::of(model).ok_or_else(|| {
        unsupported("only Claude, Titan Text and Llama models are supported; switch it off for others")
    })?;
    if family == Family::Claude {
        return claude(settings, model, betas, request);
    }
    if request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(unsupported("this family takes no tools"));
    }
    let parameter = |key: &str| model.parameters.get(key).cloned();
    let turns = turns(request).ok_or_else(|| unsupported("this family takes text only"))?;
    let mut config = Object::with_capacity(3);
    Ok(match family {
        Family::Llama => {
            config.insert("prompt", llama_prompt(request, &turns));
            config.insert_some("max_gen_len", parameter("maxTokens"));
            config.insert_some("temperature", parameter("temperature"));
            config.into()
        }
        _ => {
            config.insert_some("maxTokenCount", parameter("maxTokens"));
            config.insert_some("temperature", parameter("temperature"));
            object! { "inputText": titan_prompt(request, &turns), "textGenerationConfig": config }.into()
        }
    })
}

fn claude(
    settings: &ProviderSettings,
    model: &Model,
    betas: &[&str],
    request: &ChatRequest,
) -> Result<Value, Error> {
    let mut fields = object! { "anthropic_version": "bedrock-2023-05-31" };
    if !betas.is_empty() {
        fields.insert("anthropic_beta", betas.iter().map(|beta| Value::from(*beta)).collect::<Value>());
    }
    let input = anthropic_body::BodyInput { settings, model, request, prompt: "" };
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
    Text { document: Document, summary: StreamSummary },
}

impl ModelReader {
    pub(super) fn new(model: &Model) -> Self {
        match Family::of(model) {
            Some(Family::Claude) => {
                Self::Claude(Box::new(MessageDecoder::new(model.clone(), Counting::WithoutCost)))
            }
            _ => Self::Text { document: Document::new(), summary: StreamSummary::default() },
        }
    }

    /// One event: what the model sent, in base64.
    pub(super) fn chunk(&mut self, event: Node<'_>, tokens: &mut Tokens) -> Result<(), Thrown> {
        let bytes = event.get("bytes").as_cow().unwrap_or_default();
        let bytes = base64::prelude::BASE64_STANDARD
            .decode(bytes.as_bytes())
            .map_err(|_| Thrown::malformed("Error", "a chunk of the stream is not in base64"))?;
        let data = Text::from_utf8_lossy(bytes.into());
        let malformed = |message: String| Thrown::malformed("SyntaxError", message);
        match self {
            Self::Claude(decoder) => {
                decoder.message(data, tokens).map_err(|error| malformed(error.message().to_owned()))
            }
            Self::Text { document, summary } => {
                let piece = document.parse(data).map_err(|error| malformed(error.to_string()))?;
                text_piece(piece, summary, tokens);
                Ok(())
            }
        }
    }

    pub(super) fn finish(&mut self, tokens: &mut Tokens) -> Result<(), Error> {
        match self {
            Self::Claude(decoder) => decoder.finish(tokens).map(drop),
            Self::Text { .. } => Ok(()),
        }
    }

    pub(super) fn summary(&self) -> StreamSummary {
        match self {
            Self::Claude(decoder) => decoder.summary(),
            Self::Text { summary, .. } => summary.clone(),
        }
    }
}

/// A piece of Titan's (`outputText`) or Llama's (`generation`) answer; the last has the service's counts.
fn text_piece(piece: Node<'_>, summary: &mut StreamSummary, tokens: &mut Tokens) {
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
