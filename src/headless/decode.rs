//! From what a program prints to tokens.

use std::sync::Arc;

use bytes::Bytes;

use super::ansi;
use super::diagnostics::Run;
use super::program::Spec;
use super::session::Bookmark;
use crate::frames::NdjsonDecoder;
use crate::json::Value;
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue};
use crate::transport::{TransportError, TransportErrorKind};
use crate::{Error, ErrorKind, StreamToken};

/// The events of one program: a small state machine without I/O.
pub(super) trait Codec: Send {
    /// Reads an event; `kind` is its `type`.
    fn event(&mut self, kind: &str, event: &Value, tokens: &mut TokenQueue) -> Result<Flow, Error>;

    /// The program ended well without an event that says so.
    ///
    /// # Errors
    ///
    /// For programs that always tell their result.
    fn ended(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        let _ = tokens;
        Err(Error::invalid_response("the program ended without its result"))
    }

    /// What is known beside the tokens.
    fn summary(&self) -> StreamSummary;
}

/// Whether more events belong to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// More may come.
    More,
    /// This was the result.
    Done,
}

/// Decodes what a program prints: takes out escape sequences, picks out the events, and sees to it that an
/// answer is not empty.
pub(super) struct ProgramDecoder {
    spec: &'static Spec,
    lines: NdjsonDecoder,
    codec: Box<dyn Codec>,
    run: Run,
    /// Keeps the session for the next request, once the answer is complete.
    bookmark: Option<Arc<Bookmark>>,
    says_something: bool,
}

impl ProgramDecoder {
    pub(super) fn new(spec: &'static Spec, run: Run, bookmark: Option<Arc<Bookmark>>) -> Self {
        let codec = (spec.codec)();
        Self { spec, lines: NdjsonDecoder::new(), codec, run, bookmark, says_something: false }
    }

    fn read_lines(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while !self.run.is_done()
            && let Some(line) = self.lines.next_line()
        {
            let line =
                line.map_err(|error| Error::invalid_response(format!("{}: {error}", self.spec.name)))?;
            let plain = ansi::strip(&line);
            let event = Value::parse(plain.trim())
                .ok()
                .filter(|event| event.get("type").is_some_and(Value::is_string));
            let Some(event) = event else {
                self.run.note(plain.as_bytes());
                self.run.note(b"\n");
                continue;
            };
            let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
            let known = tokens.len();
            let flow = self.codec.event(kind, &event, tokens);
            self.says_something |= tokens.range(known..).any(answers);
            if flow? == Flow::Done {
                self.complete()?;
            }
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.run.finish();
        if !self.says_something {
            let message = format!("{} gave an empty answer", self.spec.name);
            return Err(Error::invalid_response(self.run.explain(&message)));
        }
        if let (Some(bookmark), Some(session)) = (&self.bookmark, self.codec.summary().session_id) {
            bookmark.keep(session);
        }
        Ok(())
    }

    /// Completes an error, and keeps it for whoever decides about another try.
    fn failed(&self, error: Error) -> Error {
        let message = self.run.mask(error.message());
        let error = error.with_message(message).with_provider(self.spec.id);
        self.run.fail(&error);
        error
    }

    fn end(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        self.lines.finish();
        self.read_lines(tokens)?;
        if self.run.is_done() {
            return Ok(());
        }
        let known = tokens.len();
        let ended = self.codec.ended(tokens);
        self.says_something |= tokens.range(known..).any(answers);
        ended.map_err(|error| {
            let message = self.run.explain(&format!("{}: {}", self.spec.name, error.message()));
            error.with_message(message)
        })?;
        self.complete()
    }

    fn break_off(&mut self, failure: &TransportError, tokens: &mut TokenQueue) -> Result<(), Error> {
        self.lines.finish();
        self.read_lines(tokens)?;
        if self.run.is_done() {
            return Ok(());
        }
        let kind = match failure.kind {
            TransportErrorKind::HeadTimeout => ErrorKind::Timeout,
            _ => kind_of(&failure.detail),
        };
        Err(Error::new(kind, failure.detail.clone()))
    }
}

impl Decode for ProgramDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.lines.push(chunk);
        // The body ends soon after the result: it gives the program a moment to leave by itself.
        self.read_lines(tokens).map_err(|error| self.failed(error)).map(|()| Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.end(tokens).map_err(|error| self.failed(error)).map(|()| Progress::Complete)
    }

    fn interrupted(&mut self, failure: &TransportError, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.break_off(failure, tokens).map_err(|error| self.failed(error)).map(|()| Progress::Complete)
    }

    fn summary(&self) -> StreamSummary {
        self.codec.summary()
    }
}

/// Whether a token is part of an answer; thoughts alone are none.
fn answers(token: &StreamToken) -> bool {
    match token {
        StreamToken::Text(text) => !text.trim().is_empty(),
        StreamToken::Reasoning(_) | StreamToken::Usage(_) => false,
        _ => true,
    }
}

/// An error that a program told in words.
pub(super) fn told(message: impl Into<String>) -> Error {
    let message = message.into();
    Error::new(kind_of(&message), message)
}

/// What kind of failure the words stand for, as far as services and programs use the same ones.
fn kind_of(message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let kinds: [(ErrorKind, &[&str]); 5] = [
        (
            ErrorKind::Authentication,
            &[
                "401",
                "unauthorized",
                "invalid api key",
                "api key not valid",
                "/login",
                "not logged in",
                "auth method",
            ],
        ),
        (ErrorKind::RateLimited, &["429", "rate limit", "usage limit", "quota", "too many requests"]),
        (ErrorKind::Overloaded, &["529", "503", "overloaded"]),
        (ErrorKind::InvalidRequest, &["prompt is too long", "context window", "input token count"]),
        (
            ErrorKind::Connection,
            &["econnrefused", "enotfound", "etimedout", "fetch failed", "socket hang up"],
        ),
    ];
    let of_words = kinds.iter().find(|(_, words)| words.iter().any(|word| message.contains(word)));
    of_words.map_or(ErrorKind::Server, |(kind, _)| *kind)
}
