//! Claude Code: `claude -p --output-format stream-json`.
//!
//! Flags: <https://code.claude.com/docs/en/cli-reference>; events:
//! <https://code.claude.com/docs/en/headless> and <https://platform.claude.com/docs/en/agent-sdk/typescript>.

use super::decode::{Codec, Flow, told};
use super::program::{Invocation, Question, Spec, fits_argument};
use super::prompt;
use crate::json::{Object, Value, object};
use crate::stream::{StreamSummary, TokenQueue};
use crate::{Error, ErrorKind, Field, StreamToken, Text, Usage};

pub(super) static SPEC: Spec = Spec {
    id: "claude-code",
    name: "Claude Code",
    command: "claude",
    install: "Install it with `npm install -g @anthropic-ai/claude-code` (https://code.claude.com/docs/en/setup).",
    folders: &[".claude/local"],
    environment: &[
        "ANTHROPIC_*",
        "CLAUDE_*",
        "AWS_PROFILE",
        "AWS_REGION",
        "CLOUD_ML_REGION",
        "DISABLE_*",
        "MAX_THINKING_TOKENS",
    ],
    invocation,
    codec: || Box::new(ClaudeCode::default()),
    takes_images: true,
    takes_tools: false,
};

fn invocation(question: &Question<'_>) -> Invocation {
    let mut arguments = question.arguments([]);
    arguments.extend(["-p", "--output-format", "stream-json", "--verbose"].map(str::to_owned));
    if question.partial {
        arguments.push("--include-partial-messages".into());
    }
    arguments.extend(question.model("--model"));
    if let Some(session) = question.session {
        arguments.extend(["--resume".into(), session.to_owned()]);
    }
    let system = question.request.system_prompt.as_str();
    let said = if system.trim().is_empty() {
        prompt::of_messages(question.news)
    } else if fits_argument(system) {
        arguments.extend(["--append-system-prompt".into(), system.to_owned()]);
        prompt::of_messages(question.news)
    } else {
        prompt::with_system(system, question.news)
    };
    if prompt::images(question.news).next().is_some() {
        arguments.extend(["--input-format", "stream-json"].map(str::to_owned));
        return Invocation { arguments, input: Some(message_with_images(said, question).into()) };
    }
    if fits_argument(&said) && !said.is_empty() {
        arguments.push(said);
        return Invocation { arguments, input: None };
    }
    Invocation { arguments, input: Some(said.into()) }
}

/// A user message in the form of its JSON input: the text, then the images.
fn message_with_images(said: String, question: &Question<'_>) -> String {
    let text = Some(said).filter(|said| !said.is_empty());
    let text = text.map(|text| Value::from(object! { "type": "text", "text": text }));
    let content: Vec<Value> = text.into_iter().chain(prompt::images(question.news).cloned()).collect();
    let message = object! { "role": "user", "content": content };
    Value::from(object! { "type": "user", "message": message }).to_json() + "\n"
}

#[derive(Default)]
struct ClaudeCode {
    session: Option<Text>,
    finish_reason: Option<Text>,
    response_id: Option<Text>,
    /// The message that arrives in parts.
    partial: Option<Text>,
    /// The message that said something last; a new one begins a paragraph.
    speaker: Option<Text>,
}

impl Codec for ClaudeCode {
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        if let Some(session) = event.get("session_id").and_then(Value::as_text) {
            self.session = Some(session.clone());
        }
        // What a sub-agent says is the input of the agent, not the answer.
        let of_sub_agent = event.get("parent_tool_use_id").is_some_and(Value::is_string);
        match kind {
            "stream_event" if !of_sub_agent => self.part(event.get("event"), tokens),
            "assistant" if !of_sub_agent => self.message(event.get("message"), tokens),
            "result" => return self.result(event, tokens),
            _ => {}
        }
        Ok(Flow::More)
    }

    fn summary(&self) -> StreamSummary {
        StreamSummary {
            finish_reason: self.finish_reason.clone(),
            response_id: self.response_id.clone(),
            session_id: self.session.clone(),
            ..StreamSummary::default()
        }
    }
}

impl ClaudeCode {
    /// An event of the Messages API's stream.
    fn part(&mut self, event: Option<&Value>, tokens: &mut TokenQueue) {
        let Some(event) = event else { return };
        match event.get("type").and_then(Value::as_str) {
            Some("message_start") => {
                self.partial =
                    event.get("message").and_then(|m| m.get("id")).and_then(Value::as_text).cloned();
                self.response_id.clone_from(&self.partial);
            }
            Some("message_delta") => self.stop_reason(event.get("delta")),
            Some("content_block_delta") => {
                let Some(delta) = event.get("delta") else { return };
                let speaker = self.partial.clone();
                self.say(speaker, delta.get("text"), tokens);
                think(delta.get("thinking"), tokens);
            }
            _ => {}
        }
    }

    /// A message, or a block of one, that came whole.
    fn message(&mut self, message: Option<&Value>, tokens: &mut TokenQueue) {
        let Some(message) = message else { return };
        let id = message.get("id").and_then(Value::as_text).cloned();
        self.stop_reason(Some(message));
        if id.is_some() && id == self.partial {
            return;
        }
        self.response_id.clone_from(&id);
        for block in message.get("content").and_then(Value::as_array).into_iter().flatten() {
            self.say(id.clone(), block.get("text"), tokens);
            think(block.get("thinking"), tokens);
        }
    }

    fn say(&mut self, speaker: Option<Text>, text: Option<&Value>, tokens: &mut TokenQueue) {
        let Some(text) = text.and_then(Value::as_text).filter(|text| !text.is_empty()) else { return };
        if self.speaker.is_some() && self.speaker != speaker {
            tokens.push_back(StreamToken::Text("\n\n".into()));
        }
        self.speaker = Some(speaker.unwrap_or_default());
        tokens.push_back(StreamToken::Text(text.clone()));
    }

    fn stop_reason(&mut self, source: Option<&Value>) {
        let reason = source.and_then(|source| source.get("stop_reason")).and_then(Value::as_text);
        if let Some(reason) = reason {
            self.finish_reason = Some(reason.clone());
        }
    }

    fn result(&mut self, result: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        let text = result.get("result").and_then(Value::as_text);
        let subtype = result.get("subtype").and_then(Value::as_str).unwrap_or_default();
        let usage = usage(result);
        if result.get("is_error").is_some_and(Value::is_truthy) || subtype.starts_with("error") {
            tokens.extend(usage);
            return Err(failure(result, text.map(Text::as_str), subtype));
        }
        if self.speaker.is_none() {
            self.say(None, result.get("result"), tokens);
        }
        tokens.extend(usage);
        Ok(Flow::Done)
    }
}

fn think(thought: Option<&Value>, tokens: &mut TokenQueue) {
    if let Some(thought) = thought.and_then(Value::as_text).filter(|thought| !thought.is_empty()) {
        tokens.push_back(StreamToken::Reasoning(thought.clone()));
    }
}

fn failure(result: &Value, text: Option<&str>, subtype: &str) -> Error {
    let errors = result.get("errors").and_then(Value::as_array);
    let list: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    let text = text.filter(|text| !text.is_empty());
    let words = text.map_or_else(|| list.join("; "), str::to_owned);
    let message = match (words.as_str(), subtype) {
        ("", "error_max_turns") => "Claude Code reached its limit of turns".to_owned(),
        ("", subtype) => format!("Claude Code failed: {subtype}"),
        (words, _) => format!("Claude Code failed: {words}"),
    };
    let status = result.get("api_error_status").and_then(Value::as_f64).map(|status| status as u16);
    let error = told(message);
    match status {
        Some(status) if status >= 400 => error.with_kind(ErrorKind::of_status(status)).with_status(status),
        _ => error,
    }
}

fn usage(result: &Value) -> Option<StreamToken> {
    let counts = result.get("usage").and_then(Value::as_object);
    let count = |name: &str| counts.and_then(|counts: &Object| counts.get(name)?.as_f64()).map(|n| n as u64);
    let cost = result.get("total_cost_usd").and_then(Value::as_f64);
    if counts.is_none() && cost.is_none() {
        return None;
    }
    Some(StreamToken::Usage(Usage {
        input_tokens: count("input_tokens").unwrap_or(0),
        output_tokens: count("output_tokens").unwrap_or(0),
        cache_write_tokens: Field::of(count("cache_creation_input_tokens")),
        cache_read_tokens: Field::of(count("cache_read_input_tokens")),
        total_cost: Field::of(cost),
        ..Usage::default()
    }))
}
