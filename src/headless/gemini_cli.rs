//! Gemini CLI: `gemini -p --output-format stream-json`.
//!
//! <https://geminicli.com/docs/cli/headless/>

use super::decode::{Codec, Flow, told};
use super::program::{Invocation, Question, Spec, fits_argument};
use super::prompt;
use crate::json::Value;
use crate::stream::{StreamSummary, TokenQueue};
use crate::{Error, Field, StreamToken, Text, Usage};

pub(super) static SPEC: Spec = Spec {
    id: "gemini-cli",
    name: "Gemini CLI",
    command: "gemini",
    install: "Install it with `npm install -g @google/gemini-cli` (https://geminicli.com/docs/get-started/installation/).",
    folders: &[],
    environment: &["GEMINI_*", "GOOGLE_*"],
    invocation,
    codec: || Box::new(GeminiCli::default()),
    takes_images: false,
    takes_tools: false,
};

fn invocation(question: &Question<'_>) -> Invocation {
    let mut arguments = question.arguments([]);
    arguments.extend(["--output-format", "stream-json"].map(str::to_owned));
    arguments.extend(question.model("--model"));
    let said = match question.session {
        Some(session) => {
            arguments.extend(["--resume".into(), session.to_owned()]);
            prompt::of_messages(question.news)
        }
        None => prompt::with_system(&question.request.system_prompt, question.news),
    };
    if fits_argument(&said) && !said.is_empty() {
        arguments.extend(["-p".into(), said]);
        return Invocation { arguments, input: None };
    }
    // Input that is no terminal is the prompt.
    Invocation { arguments, input: Some(said.into()) }
}

#[derive(Default)]
struct GeminiCli {
    session: Option<Text>,
    finish_reason: Option<Text>,
}

impl Codec for GeminiCli {
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        match kind {
            "init" => self.session = event.get("session_id").and_then(Value::as_text).cloned(),
            "message" if event.get("role").and_then(Value::as_str) == Some("assistant") => {
                let text = event.get("content").and_then(Value::as_text).filter(|text| !text.is_empty());
                tokens.extend(text.cloned().map(StreamToken::Text));
            }
            "result" => {
                self.finish_reason = event.get("status").and_then(Value::as_text).cloned();
                tokens.extend(event.get("stats").map(usage));
                if self.finish_reason.as_deref() != Some("success") {
                    let error =
                        event.get("error").and_then(|error| error.get("message")).and_then(Value::as_str);
                    return Err(told(format!(
                        "Gemini CLI failed: {}",
                        error.unwrap_or("it does not say why")
                    )));
                }
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::More)
    }

    fn summary(&self) -> StreamSummary {
        StreamSummary {
            finish_reason: self.finish_reason.clone(),
            session_id: self.session.clone(),
            ..StreamSummary::default()
        }
    }
}

/// What the total has beyond input and output are thoughts.
fn usage(stats: &Value) -> StreamToken {
    let count = |name: &str| stats.get(name).and_then(Value::as_f64).map(|n| n as u64);
    let (input, output) = (count("input_tokens").unwrap_or(0), count("output_tokens").unwrap_or(0));
    let thoughts = count("total_tokens").and_then(|total| total.checked_sub(input + output));
    StreamToken::Usage(Usage {
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: Field::of(count("cached")),
        reasoning_tokens: Field::of(thoughts.filter(|thoughts| *thoughts > 0)),
        ..Usage::default()
    })
}
