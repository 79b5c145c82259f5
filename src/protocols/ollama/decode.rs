//! The lines of a streamed answer to tokens.

use bytes::Bytes;

use super::errors;
use crate::frames::NdjsonDecoder;
use crate::json::javascript::{defined, or_zero, to_number};
use crate::json::{Document, Node};
use crate::protocols::tokens::usage_object;
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue};
use crate::think::{Piece, PieceKind, TagMatcher};
use crate::token::{Field, ToolCallPartial};
use crate::transport::TransportError;
use crate::{Error, StreamToken, Text};

/// Decodes one answer. Every cut of the body gives the same tokens, also one inside a character, where the
/// reference makes U+FFFD of the halves.
pub(crate) struct ChatDecoder {
    lines: NdjsonDecoder,
    document: Document,
    tags: TagMatcher,
    /// How many tool calls there were.
    calls: u64,
    input: crate::json::Value,
    output: crate::json::Value,
    /// Whether the answer said that it is complete.
    done: bool,
    summary: StreamSummary,
    /// What becomes of an error in the stream.
    wrap: fn(Error) -> Error,
}

impl ChatDecoder {
    pub(crate) fn new(wrap: fn(Error) -> Error) -> Self {
        Self {
            lines: NdjsonDecoder::new(),
            document: Document::new(),
            tags: TagMatcher::new("think"),
            calls: 0,
            input: 0.0.into(),
            output: 0.0.into(),
            done: false,
            summary: StreamSummary::default(),
            wrap,
        }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while !self.done
            && let Some(line) = self.lines.next_line()
        {
            let line = line.map_err(|error| Error::invalid_response(error.to_string()))?;
            self.line(line, tokens)?;
        }
        Ok(())
    }

    fn line(&mut self, line: Text, tokens: &mut TokenQueue) -> Result<(), Error> {
        // A line that is no JSON is passed over.
        let Ok(line) = self.document.parse(line) else { return Ok(()) };
        if !line.get("error").is_undefined() {
            return Err(errors::in_stream(line.get("error")));
        }
        let message = line.get("message");
        if message.is_nullish() {
            return Err(Error::malformed("a line has no message"));
        }
        if let Some(text) = message.get("content").as_text().filter(|text| !text.is_empty()) {
            tokens.extend(self.tags.push(&text).map(token_of));
        }
        for call in message.get("tool_calls").items() {
            tokens.push_back(partial(self.calls, call)?);
            self.calls += 1;
        }
        for (count, key) in [(&mut self.input, "prompt_eval_count"), (&mut self.output, "eval_count")] {
            if line.get(key).is_truthy() {
                *count = line.get(key).to_value();
            }
        }
        if let Some(reason) = line.get("done_reason").as_text() {
            self.summary.finish_reason = Some(reason);
        }
        self.done = line.get("done").is_truthy() || line.get("status").str_eq("success");
        Ok(())
    }

    fn end(&mut self, tokens: &mut TokenQueue) {
        tokens.extend(self.tags.finish().map(token_of));
        tokens.extend((0..self.calls).map(|index| StreamToken::ToolCallEnd { id: call_id(index) }));
        let is_positive = |count| to_number(count) > 0.0;
        if is_positive(&self.input) || is_positive(&self.output) {
            let counts = [&self.input, &self.output].map(|count| or_zero(Some(count)));
            let [input, output] = counts;
            tokens.push_back(StreamToken::from_object(usage_object(input, output)));
        }
    }
}

impl Decode for ChatDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.lines.push(chunk);
        self.drain(tokens).map_err(self.wrap)?;
        self.document.clear();
        Ok(if self.done { Progress::Complete } else { Progress::More })
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.lines.finish();
        self.drain(tokens).map_err(self.wrap)?;
        if !self.done {
            return Err((self.wrap)(errors::incomplete()));
        }
        self.end(tokens);
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err((self.wrap)(errors::interrupted()))
    }

    fn summary(&self) -> StreamSummary {
        self.summary.clone()
    }
}

/// A tool call, which comes whole but is announced as a fragment; the server gives it no id.
fn partial(index: u64, call: Node<'_>) -> Result<StreamToken, Error> {
    let function = call.get("function");
    if function.is_nullish() {
        return Err(Error::malformed("a tool call has no function"));
    }
    let arguments = function.get("arguments");
    let arguments = (!arguments.is_undefined()).then(|| Text::from(arguments.to_json()));
    let name = function.get("name");
    if name.is_undefined() || name.is_string() {
        return Ok(StreamToken::ToolCallPartial(ToolCallPartial {
            index: Field::Value(index),
            id: Field::Value(call_id(index)),
            name: Field::of(name.as_text()),
            arguments: Field::of(arguments),
        }));
    }
    let mut token =
        crate::json::object! { "type": "tool_call_partial", "index": index, "id": call_id(index) };
    token.insert_some("name", defined(name));
    token.insert_some("arguments", arguments);
    Ok(StreamToken::from_object(token))
}

fn call_id(index: u64) -> Text {
    format!("ollama-tool-{index}").into()
}

fn token_of(piece: Piece) -> StreamToken {
    match piece.kind {
        PieceKind::Text => StreamToken::Text(piece.text),
        PieceKind::Reasoning => StreamToken::Reasoning(piece.text),
    }
}
