//! opencode: `opencode run --format json`.
//!
//! <https://opencode.ai/docs/cli/#run>

use super::decode::{Codec, Flow, told};
use super::program::{Invocation, Question, Spec};
use super::prompt;
use crate::json::Value;
use crate::stream::{StreamSummary, TokenQueue};
use crate::{Error, Field, StreamToken, Text, Usage};

pub(super) static SPEC: Spec = Spec {
    id: "opencode",
    name: "opencode",
    command: "opencode",
    install: "Install it with `npm install -g opencode-ai` (https://opencode.ai/docs/#install).",
    folders: &[".opencode/bin"],
    environment: &[
        "OPENCODE_*",
        "ANTHROPIC_*",
        "OPENAI_*",
        "GEMINI_*",
        "GOOGLE_*",
        "OPENROUTER_API_KEY",
        "GROQ_API_KEY",
        "XAI_API_KEY",
        "MISTRAL_API_KEY",
        "DEEPSEEK_API_KEY",
        "GITHUB_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
    ],
    invocation,
    codec: || Box::new(OpenCode::default()),
    takes_images: false,
    takes_tools: false,
};

/// The prompt is always input: as an argument it would be put into quotes.
fn invocation(question: &Question<'_>) -> Invocation {
    let mut arguments = question.arguments(["run"]);
    arguments.extend(["--format", "json"].map(str::to_owned));
    arguments.extend(question.model("--model"));
    let said = match question.session {
        Some(session) => {
            arguments.extend(["--session".into(), session.to_owned()]);
            prompt::of_messages(question.news)
        }
        None => prompt::with_system(&question.request.system_prompt, question.news),
    };
    Invocation { arguments, input: Some(said.into()) }
}

#[derive(Default)]
struct OpenCode {
    session: Option<Text>,
    finish_reason: Option<Text>,
    usage: Option<Usage>,
    spoke: bool,
}

impl Codec for OpenCode {
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        if let Some(session) = event.get("sessionID").and_then(Value::as_text) {
            self.session = Some(session.clone());
        }
        let part = event.get("part");
        let text = || {
            part.and_then(|part| part.get("text")).and_then(Value::as_text).filter(|text| !text.is_empty())
        };
        match kind {
            "text" => {
                if let Some(text) = text() {
                    if std::mem::replace(&mut self.spoke, true) {
                        tokens.push_back(StreamToken::Text("\n\n".into()));
                    }
                    tokens.push_back(StreamToken::Text(text.clone()));
                }
            }
            "reasoning" => tokens.extend(text().cloned().map(StreamToken::Reasoning)),
            "step_finish" => {
                let Some(part) = part else { return Ok(Flow::More) };
                self.usage.get_or_insert_default().add(&usage(part));
                self.finish_reason = part.get("reason").and_then(Value::as_text).cloned();
                // A step that ends with calls of tools is followed by another.
                if self.finish_reason.as_deref().is_some_and(|reason| reason != "tool-calls") {
                    tokens.extend(self.usage.take().map(StreamToken::Usage));
                    return Ok(Flow::Done);
                }
            }
            "error" => return Err(told(format!("opencode failed: {}", failure(event.get("error"))))),
            _ => {}
        }
        Ok(Flow::More)
    }

    fn ended(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        tokens.extend(self.usage.take().map(StreamToken::Usage));
        Ok(())
    }

    fn summary(&self) -> StreamSummary {
        StreamSummary {
            finish_reason: self.finish_reason.clone(),
            session_id: self.session.clone(),
            ..StreamSummary::default()
        }
    }
}

fn failure(error: Option<&Value>) -> String {
    let Some(error) = error else { return "it does not say why".into() };
    let of_data = error.get("data").and_then(|data| data.get("message"));
    let message =
        of_data.or_else(|| error.get("message")).or_else(|| error.get("name")).and_then(Value::as_str);
    message.map_or_else(|| error.to_json(), str::to_owned)
}

/// Counts of one step. Cached tokens stand beside the input. Those of reasoning are part of the output in some
/// versions and stand beside it in others; the total tells which.
fn usage(part: &Value) -> Usage {
    let tokens = part.get("tokens");
    let count =
        |name: &str| tokens.and_then(|tokens| tokens.get(name)).and_then(Value::as_f64).map(|n| n as u64);
    let cache = tokens.and_then(|tokens| tokens.get("cache"));
    let cached =
        |name: &str| cache.and_then(|cache| cache.get(name)).and_then(Value::as_f64).map(|n| n as u64);
    let (input, output, reasoning) =
        (count("input").unwrap_or(0), count("output").unwrap_or(0), count("reasoning").unwrap_or(0));
    let (reads, writes) = (cached("read"), cached("write"));
    let without_reasoning = input + output + reads.unwrap_or(0) + writes.unwrap_or(0);
    let beside = if count("total") == Some(without_reasoning) { 0 } else { reasoning };
    Usage {
        input_tokens: input,
        output_tokens: output + beside,
        cache_write_tokens: Field::of(writes),
        cache_read_tokens: Field::of(reads),
        reasoning_tokens: Field::of(count("reasoning")),
        total_cost: Field::of(part.get("cost").and_then(Value::as_f64)),
        ..Usage::default()
    }
}
