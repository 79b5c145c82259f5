//! Event-stream messages to tokens.

use std::borrow::Cow;

use bytes::Bytes;

use super::errors::{Explainer, Thrown, error_message};
use super::invoke::ModelReader;
use crate::driver::Call;
use crate::frames::{EventMessage, EventStreamDecoder, EventStreamError};
use crate::json::javascript::defined;
use crate::json::{Document, Kind, Node, Object};
use crate::protocols::tokens::usage_object;
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue, announcement};
use crate::token::StreamToken;
use crate::transport::{TransportError, TransportErrorKind};
use crate::{Error, ErrorKind, Text};

pub(super) struct ConverseDecoder {
    messages: EventStreamDecoder,
    document: Document,
    explainer: Explainer,
    /// Whether a stream that the peer resets is an error; if not, it is an end.
    resets_fail: bool,
    /// Reads the events of the older API.
    model_reader: Option<ModelReader>,
    summary: StreamSummary,
}

impl ConverseDecoder {
    pub(super) fn new(explainer: Explainer, resets_fail: bool, model_reader: Option<ModelReader>) -> Self {
        Self {
            messages: EventStreamDecoder::new(),
            document: Document::new(),
            explainer,
            resets_fail,
            model_reader,
            summary: StreamSummary::default(),
        }
    }

    /// Explains the error, and tells it in the text if the reference does.
    fn fail(&self, thrown: Thrown, tokens: &mut TokenQueue) -> Error {
        let error = self.explainer.explain(Call::Chat, thrown);
        if error.is_announced() {
            tokens.extend(announcement(error.message()));
        }
        error
    }

    fn message(&mut self, message: &EventMessage, tokens: &mut TokenQueue) -> Result<(), Thrown> {
        match message.text(":message-type").map(Text::as_str) {
            Some("event") => self.event(message, tokens),
            Some("exception") => Err(self.exception(message)?),
            Some("error") => Err(Thrown::new(
                ErrorKind::InStream,
                message.text(":error-code").cloned().unwrap_or_default(),
                message
                    .text(":error-message")
                    .filter(|text| !text.is_empty())
                    .cloned()
                    .unwrap_or(Text::from_static("UnknownError")),
            )),
            Some(_) => {
                let kind = message.text(":event-type").map_or("undefined", Text::as_str);
                Err(Thrown::malformed("Error", format!("Unrecognizable event type: {kind}")))
            }
            None => Err(Thrown::malformed("TypeError", "an event message has no `:message-type`")),
        }
    }

    fn exception(&mut self, message: &EventMessage) -> Result<Thrown, Thrown> {
        let Some(kind) = message.text(":exception-type").cloned() else {
            return Err(Thrown::malformed("TypeError", "an exception message has no `:exception-type`"));
        };
        let body = Text::from_utf8_lossy(message.payload.clone());
        let Some(name) = EXCEPTIONS.iter().find(|name| uncapitalised(name) == kind.as_str()) else {
            return Ok(Thrown::new(ErrorKind::InStream, kind, body));
        };
        let body = read(&mut self.document, body)?;
        Ok(Thrown::new(ErrorKind::InStream, *name, error_message(body)))
    }

    fn event(&mut self, message: &EventMessage, tokens: &mut TokenQueue) -> Result<(), Thrown> {
        let Self { document, summary, model_reader, .. } = self;
        let body = || Text::from_utf8_lossy(message.payload.clone());
        match (message.text(":event-type").map_or("", Text::as_str), model_reader) {
            ("chunk", Some(reader)) => reader.chunk(read(document, body())?, tokens),
            (_, Some(_)) => Ok(()),
            ("contentBlockDelta", _) => delta(read(document, body())?, tokens),
            ("contentBlockStart", _) => {
                block_start(read(document, body())?, tokens);
                Ok(())
            }
            ("metadata", _) => {
                metadata(read(document, body())?, tokens);
                Ok(())
            }
            ("messageStop", _) => {
                summary.finish_reason = read(document, body())?.get("stopReason").to_text();
                Ok(())
            }
            ("messageStart" | "contentBlockStop", _) => read(document, body()).map(drop),
            _ => Ok(()),
        }
    }

    fn end(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.messages.finish().map_err(|error| self.fail(framing(error), tokens))?;
        if let Some(reader) = &mut self.model_reader {
            reader.finish(tokens)?;
        }
        Ok(Progress::Complete)
    }
}

impl Decode for ConverseDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.messages.push(chunk);
        while let Some(message) = self.messages.next_event() {
            let outcome = message.map_err(framing).and_then(|message| self.message(&message, tokens));
            outcome.map_err(|thrown| self.fail(thrown, tokens))?;
        }
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.end(tokens)
    }

    /// A connection that breaks between two messages looks like an end, as in the reference.
    fn interrupted(&mut self, cause: &TransportError, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        if cause.kind == TransportErrorKind::StreamReset && self.resets_fail {
            return Err(self.fail(Thrown::reset(cause), tokens));
        }
        self.end(tokens)
    }

    fn summary(&self) -> StreamSummary {
        match &self.model_reader {
            Some(reader) => reader.summary(),
            None => self.summary.clone(),
        }
    }
}

fn framing(error: EventStreamError) -> Thrown {
    let kind = match error {
        EventStreamError::Truncated => ErrorKind::Interrupted,
        _ => ErrorKind::InvalidResponse,
    };
    Thrown::new(kind, "Error", error.to_string())
}

/// A payload; none is an empty object.
fn read(document: &mut Document, body: Text) -> Result<Node<'_>, Thrown> {
    let body = if body.is_empty() { Text::from_static("{}") } else { body };
    document.parse(body).map_err(|error| Thrown::malformed("SyntaxError", error.to_string()))
}

fn block_start(event: Node<'_>, tokens: &mut TokenQueue) {
    let index = event.get("contentBlockIndex");
    let (block, other_block, start) =
        (event.get("contentBlock"), event.get("content_block"), event.get("start"));
    let continues = index.as_f64().is_some_and(|index| index > 0.0);
    let mut new_line = || {
        if continues {
            tokens.push_back(StreamToken::Reasoning(Text::from_static("\n")));
        }
    };
    let thinks = |block: Node<'_>| block.get("type").str_eq("thinking");
    let reasoning = block.get("reasoningContent");
    if reasoning.is_truthy() {
        new_line();
        let text = reasoning.get("text");
        let empty = StreamToken::Reasoning(Text::new());
        tokens.push_back(if text.is_truthy() { piece("reasoning", text) } else { empty });
    } else if thinks(block) || thinks(other_block) {
        new_line();
        let block = if block.is_truthy() { block } else { other_block };
        let text = block.get("thinking");
        if text.is_truthy() {
            tokens.push_back(piece("reasoning", text));
        }
    } else if start.get("toolUse").is_truthy() || block.get("toolUse").is_truthy() {
        let tool = Some(start.get("toolUse")).filter(|tool| tool.is_truthy()).unwrap_or(block.get("toolUse"));
        let mut token = tool_token(index);
        token.insert_some("id", defined(tool.get("toolUseId")));
        token.insert_some("name", defined(tool.get("name")));
        tokens.push_back(StreamToken::from_object(token));
    } else if start.get("text").is_truthy() {
        tokens.push_back(piece("text", start.get("text")));
    }
}

/// The delta is a union, which the SDK checks: exactly one member.
fn delta(event: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Thrown> {
    let index = event.get("contentBlockIndex");
    check_index(index)?;
    let delta = event.get("delta");
    let Some(member) = union_member(delta)? else { return Ok(()) };
    let value = delta.get(&member);
    match &*member {
        "reasoningContent" => {
            if union_member(value)?.as_deref() == Some("text")
                && let Some(text) = expect_text(value.get("text"))?.filter(|text| !text.is_empty())
            {
                tokens.push_back(StreamToken::Reasoning(text));
            }
        }
        "text" => {
            if let Some(text) = expect_text(value)?.filter(|text| !text.is_empty()) {
                tokens.push_back(StreamToken::Text(text));
            }
        }
        "toolUse" => {
            let input = value.get("input");
            if input.is_truthy() {
                let mut token = tool_token(index);
                token.insert_some("arguments", defined(input));
                tokens.push_back(StreamToken::from_object(token));
            }
        }
        _ => {}
    }
    Ok(())
}

fn metadata(event: Node<'_>, tokens: &mut TokenQueue) {
    let usage = event.get("usage");
    if !usage.is_truthy() {
        return;
    }
    let first = |keys: &[&str]| {
        let found = keys.iter().map(|key| usage.get(key)).find(|count| count.is_truthy());
        found.and_then(defined).unwrap_or(0.0.into())
    };
    let mut token = usage_object(first(&["inputTokens"]), first(&["outputTokens"]));
    token.insert("cacheReadTokens", first(&["cacheReadInputTokens", "cacheReadInputTokenCount"]));
    token.insert("cacheWriteTokens", first(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]));
    tokens.push_back(StreamToken::from_object(token));
}

fn tool_token(index: Node<'_>) -> Object {
    let mut token = Object::with_capacity(4);
    token.insert("type", "tool_call_partial");
    token.insert("index", defined(index).filter(|index| !index.is_null()).unwrap_or(0.0.into()));
    token
}

/// A text or reasoning token, also for a value that is no text.
fn piece(kind: &'static str, node: Node<'_>) -> StreamToken {
    let mut token = Object::with_capacity(2);
    token.insert("type", kind);
    token.insert_some("text", defined(node));
    StreamToken::from_object(token)
}

fn check_index(index: Node<'_>) -> Result<(), Thrown> {
    let wrong =
        |wanted: &str| Err(Thrown::malformed("TypeError", format!("Expected {wanted}: {}", index.to_json())));
    match (index.kind(), index.as_f64()) {
        (Kind::Undefined | Kind::Null, _) => Ok(()),
        (_, Some(number)) if number.fract() != 0.0 => wrong("integer, got number"),
        (_, Some(number)) if number.abs() > f64::from(i32::MAX) => {
            Err(Thrown::malformed("TypeError", format!("Expected 32-bit integer, got {}", index.to_json())))
        }
        (_, Some(_)) => Ok(()),
        (kind, None) => {
            let text = index.as_text().map_or_else(|| index.to_json(), String::from);
            let message = format!("Expected integer, got {}: {text}", type_of(kind));
            Err(Thrown::malformed("TypeError", message))
        }
    }
}

/// The name of the one member that is not null; `None` if there is no union.
pub(super) fn union_member(union: Node<'_>) -> Result<Option<Cow<'_, str>>, Thrown> {
    let wrong = |message: String| Err(Thrown::malformed("TypeError", message));
    match union.kind() {
        Kind::Undefined | Kind::Null => return Ok(None),
        Kind::Object => {}
        Kind::Array => return wrong("Expected object, got array".into()),
        kind => return wrong(format!("Expected object, got {}", type_of(kind))),
    }
    let mut members = union.entries().filter(|(_, value)| !value.is_null()).map(|(key, _)| key);
    match (members.next(), members.next()) {
        (None, _) => wrong("Unions must have exactly one non-null member. None were found.".into()),
        (one, None) => Ok(one),
        (Some(first), Some(second)) => {
            let keys: Vec<_> = [first, second].into_iter().chain(members).collect();
            let keys = keys.join(",");
            wrong(format!("Unions must have exactly one non-null member. Keys {keys} were not null."))
        }
    }
}

/// The SDK turns numbers and booleans into text.
pub(super) fn expect_text(node: Node<'_>) -> Result<Option<Text>, Thrown> {
    match node.kind() {
        Kind::String => Ok(node.as_text()),
        Kind::Undefined | Kind::Null => Ok(None),
        Kind::Number | Kind::Bool => Ok(Some(node.to_json().into())),
        kind => {
            let text = if kind == Kind::Object { "[object Object]".to_owned() } else { node.to_json() };
            Err(Thrown::malformed("TypeError", format!("Expected string, got {}: {text}", type_of(kind))))
        }
    }
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Undefined => "undefined",
        Kind::Bool => "boolean",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Null | Kind::Array | Kind::Object => "object",
    }
}

fn uncapitalised(name: &str) -> String {
    name[..1].to_ascii_lowercase() + &name[1..]
}

/// The exceptions that the SDK's model has.
const EXCEPTIONS: &[&str] = &[
    "InternalServerException",
    "ModelStreamErrorException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "ValidationException",
];
