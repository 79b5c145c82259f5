//! Codex: `codex exec --json`.
//!
//! <https://developers.openai.com/codex/noninteractive>

use std::collections::BTreeMap;

use super::decode::{Codec, Flow, told};
use super::program::{Invocation, Question, Spec, fits_argument};
use super::prompt;
use crate::json::Value;
use crate::stream::{StreamSummary, TokenQueue};
use crate::{Error, Field, StreamToken, Text, Usage};

pub(super) static SPEC: Spec = Spec {
    id: "codex",
    name: "Codex",
    command: "codex",
    install: "Install it with `npm install -g @openai/codex` (https://developers.openai.com/codex/cli).",
    folders: &[],
    environment: &["OPENAI_*", "CODEX_*", "AZURE_OPENAI_API_KEY"],
    invocation,
    codec: || Box::new(Codex::default()),
    takes_images: false,
    takes_tools: false,
};

fn invocation(question: &Question<'_>) -> Invocation {
    let mut arguments = question.arguments(["exec"]);
    arguments.push("--json".into());
    arguments.extend(question.model("--model"));
    let said = match question.session {
        Some(session) => {
            arguments.extend(["resume".into(), session.to_owned()]);
            prompt::of_messages(question.news)
        }
        None => prompt::with_system(&question.request.system_prompt, question.news),
    };
    if fits_argument(&said) && !said.is_empty() {
        arguments.push(said);
        return Invocation { arguments, input: None };
    }
    arguments.push("-".into());
    Invocation { arguments, input: Some(said.into()) }
}

#[derive(Default)]
struct Codex {
    session: Option<Text>,
    /// What was said of each message that is not complete yet.
    open: BTreeMap<String, String>,
    spoke: bool,
    finished: bool,
}

impl Codec for Codex {
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        match kind {
            "thread.started" => self.session = event.get("thread_id").and_then(Value::as_text).cloned(),
            "item.started" | "item.updated" => self.item(event.get("item"), false, tokens),
            "item.completed" => self.item(event.get("item"), true, tokens),
            "turn.completed" => {
                tokens.extend(event.get("usage").map(usage));
                self.finished = true;
                return Ok(Flow::Done);
            }
            // `error` alone also tells of another try to connect; a turn that fails says so.
            "turn.failed" => {
                let message =
                    event.get("error").and_then(|error| error.get("message")).and_then(Value::as_str);
                return Err(told(format!("Codex failed: {}", message.unwrap_or("it does not say why"))));
            }
            _ => {}
        }
        Ok(Flow::More)
    }

    fn summary(&self) -> StreamSummary {
        StreamSummary {
            finish_reason: self.finished.then(|| Text::from_static("stop")),
            session_id: self.session.clone(),
            ..StreamSummary::default()
        }
    }
}

impl Codex {
    fn item(&mut self, item: Option<&Value>, is_complete: bool, tokens: &mut TokenQueue) {
        let Some(item) = item else { return };
        let field = |name: &str| item.get(name).and_then(Value::as_str);
        let Some(text) = field("text") else { return };
        match field("type").or_else(|| field("item_type")) {
            Some("agent_message" | "assistant_message") => {
                let id = field("id").unwrap_or_default();
                self.say(id, text, tokens);
                if is_complete {
                    self.open.remove(id);
                }
            }
            Some("reasoning") if is_complete && !text.is_empty() => {
                tokens.push_back(StreamToken::Reasoning(text.into()));
            }
            _ => {}
        }
    }

    /// Says what is new of a message, which is told from its start each time.
    fn say(&mut self, id: &str, text: &str, tokens: &mut TokenQueue) {
        let begins = !self.open.contains_key(id);
        let known = self.open.entry(id.to_owned()).or_default();
        let Some(new) = text.strip_prefix(known.as_str()).filter(|new| !new.is_empty()) else { return };
        if begins && self.spoke {
            tokens.push_back(StreamToken::Text("\n\n".into()));
        }
        self.spoke = true;
        tokens.push_back(StreamToken::Text(new.into()));
        text.clone_into(known);
    }
}

/// Cached tokens are part of the input, those of reasoning part of the output.
fn usage(counts: &Value) -> StreamToken {
    let count = |name: &str| counts.get(name).and_then(Value::as_f64).map(|n| n as u64);
    StreamToken::Usage(Usage {
        input_tokens: count("input_tokens").unwrap_or(0),
        output_tokens: count("output_tokens").unwrap_or(0),
        cache_write_tokens: Field::of(count("cache_write_input_tokens")),
        cache_read_tokens: Field::of(count("cached_input_tokens")),
        reasoning_tokens: Field::of(count("reasoning_output_tokens")),
        ..Usage::default()
    })
}
