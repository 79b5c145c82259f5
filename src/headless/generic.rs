//! Any program that reads one JSON request and prints JSON lines; the form is told at
//! [`Program::Generic`](super::Program::Generic).

use super::decode::{Codec, Flow, told};
use super::program::{Invocation, Question, Spec};
use crate::json::{Value, object};
use crate::stream::{StreamSummary, TokenQueue};
use crate::{Error, Source, StreamToken, Text};

pub(super) static SPEC: Spec = Spec {
    id: "headless",
    name: "the program",
    command: "",
    install: "It is a program of your own.",
    folders: &[],
    environment: &[],
    invocation,
    codec: || Box::new(Generic::default()),
    takes_images: true,
    takes_tools: true,
};

fn invocation(question: &Question<'_>) -> Invocation {
    let request = question.request;
    let mut line = object! { "version": 1 };
    line.insert_some("model", question.config.model.clone());
    line.insert_some("sessionId", question.session);
    line.insert_some(
        "systemPrompt",
        Some(request.system_prompt.as_str()).filter(|system| !system.is_empty()),
    );
    line.insert("messages", question.news.iter().map(|message| message.as_json().clone()).collect::<Value>());
    let tools = request.tools.as_deref();
    line.insert_some(
        "tools",
        tools.map(|tools| tools.iter().map(|tool| tool.as_json().clone()).collect::<Value>()),
    );
    line.insert_some("toolChoice", request.tool_choice.as_ref().map(crate::ToolChoice::to_json));
    line.insert_some("parallelToolCalls", request.parallel_tool_calls);
    line.insert_some("taskId", request.task_id.as_deref());
    line.insert_some("metadata", Some(request.metadata.clone()).filter(|metadata| !metadata.is_empty()));
    let input = Value::from(line).to_json() + "\n";
    Invocation { arguments: question.arguments([]), input: Some(input.into()) }
}

#[derive(Default)]
struct Generic {
    session: Option<Text>,
    finish_reason: Option<Text>,
}

impl Codec for Generic {
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error> {
        match kind {
            "session" => self.session = event.get("id").and_then(Value::as_text).cloned(),
            "result" => {
                self.finish_reason = event.get("finishReason").and_then(Value::as_text).cloned();
                return Ok(Flow::Done);
            }
            "error" => {
                let message = event.get("message").and_then(Value::as_str).unwrap_or("the program failed");
                return Err(told(message));
            }
            "grounding" => tokens.extend(grounding(event)),
            _ => tokens.extend(event.as_object().and_then(StreamToken::of_any_order)),
        }
        Ok(Flow::More)
    }

    fn ended(&mut self, _: &mut TokenQueue) -> Result<(), Error> {
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

fn grounding(event: &Value) -> Option<StreamToken> {
    let source = |source: &Value| {
        let field = |name: &str| source.get(name).and_then(Value::as_text).cloned();
        Some(Source { title: field("title").unwrap_or_default(), url: field("url")? })
    };
    Some(StreamToken::Grounding(event.get("sources")?.as_array()?.iter().filter_map(source).collect()))
}
