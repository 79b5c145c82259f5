//! Events of a streamed answer to tokens.
//!
//! <https://docs.mistral.ai/api/#tag/chat/operation/stream_chat>
//!
//! The SDK's filter for `[DONE]` loses track when several events arrive in one network chunk: it merges or
//! drops some. Here every event is read, wherever the network cuts.

use bytes::{Bytes, BytesMut};

use super::{errors, validate};
use crate::frames::{SseDecoder, SseDialect};
use crate::json::javascript::{defined, or_zero};
use crate::json::{Document, Node, object};
use crate::protocols::tokens::usage_object;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::token::{Field, ToolCallPartial};
use crate::transport::TransportError;
use crate::{Error, StreamToken, Text};

/// Decodes one answer.
pub(crate) struct EventDecoder {
    events: SseDecoder,
    document: Document,
    done: bool,
    /// Something else than a stream of events: its status, content type, and what came of it.
    unexpected: Option<(u16, String, BytesMut)>,
    summary: StreamSummary,
    /// What becomes of an error that comes before the first event.
    wrap: fn(Error) -> Error,
}

impl EventDecoder {
    pub(crate) fn new(wrap: fn(Error) -> Error) -> Self {
        Self {
            events: SseDecoder::new(SseDialect::BomPerLine),
            document: Document::new(),
            done: false,
            unexpected: None,
            summary: StreamSummary::default(),
            wrap,
        }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while !self.done
            && let Some(event) = self.events.next_event()
        {
            let event = event.map_err(|error| Error::invalid_response(error.to_string()))?;
            if event.data == "[DONE]" {
                self.done = true;
            } else {
                self.event(event.data, tokens)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, data: Text, tokens: &mut TokenQueue) -> Result<(), Error> {
        let event = self
            .document
            .parse(data)
            .map_err(|error| Error::invalid_response(format!("malformed json: {error}")))?;
        validate::event(event)?;
        let choice = event.get("choices").at(0);
        let delta = choice.get("delta");
        content(delta.get("content"), tokens);
        for (index, call) in delta.get("tool_calls").items().enumerate() {
            tokens.push_back(partial(index, call));
        }
        let usage = event.get("usage");
        if usage.is_object() {
            let count = |key: &str| or_zero(defined(usage.get(key)).as_ref());
            let token = usage_object(count("prompt_tokens"), count("completion_tokens"));
            tokens.push_back(StreamToken::from_object(token));
        }
        if let Some(reason) = choice.get("finish_reason").to_text() {
            self.summary.finish_reason = Some(reason);
        }
        if self.summary.response_id.is_none() {
            self.summary.response_id = event.get("id").to_text();
        }
        Ok(())
    }
}

impl Decode for EventDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        let content_type = head.headers.joined("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if head.status != 200 || !media_type.eq_ignore_ascii_case("text/event-stream") {
            self.unexpected = Some((head.status, content_type, BytesMut::new()));
        }
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        if let Some((_, _, body)) = &mut self.unexpected {
            body.extend_from_slice(&chunk);
            return Ok(Progress::More);
        }
        self.events.push(chunk);
        self.drain(tokens)?;
        self.document.clear();
        Ok(if self.done { Progress::Complete } else { Progress::More })
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        if let Some((status, content_type, body)) = &self.unexpected {
            let body = String::from_utf8_lossy(body);
            return Err((self.wrap)(errors::unexpected(*status, content_type, &body)));
        }
        self.events.finish();
        self.drain(tokens)?;
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        let error = errors::interrupted();
        Err(if self.unexpected.is_some() { (self.wrap)(error) } else { error })
    }

    fn summary(&self) -> StreamSummary {
        self.summary.clone()
    }
}

/// Text, or a list of parts of which texts and thoughts are shown.
fn content(content: Node<'_>, tokens: &mut TokenQueue) {
    let filled = |node: Node<'_>| node.as_text().filter(|text| !text.is_empty());
    if content.is_string() {
        tokens.extend(filled(content).map(StreamToken::Text));
        return;
    }
    for part in content.items() {
        if part.get("type").str_eq("thinking") {
            let is_text = |inner: &Node<'_>| {
                let kind = inner.get("type");
                kind.str_eq("text") || (kind.is_undefined() && !inner.get("reference_ids").is_array())
            };
            let thoughts = part.get("thinking").items().filter(is_text);
            tokens.extend(thoughts.filter_map(|inner| filled(inner.get("text"))).map(StreamToken::Reasoning));
        } else if part.get("type").str_eq("text") {
            tokens.extend(filled(part.get("text")).map(StreamToken::Text));
        }
    }
}

/// A tool call; its index is its place in this event. The SDK's word for a missing id is `null`.
fn partial(index: usize, call: Node<'_>) -> StreamToken {
    let id = call.get("id").as_text().unwrap_or(Text::from_static("null"));
    let function = call.get("function");
    let (name, arguments) = (function.get("name").as_text().unwrap_or_default(), function.get("arguments"));
    match arguments.as_text() {
        Some(arguments) => StreamToken::ToolCallPartial(ToolCallPartial {
            index: Field::Value(index as u64),
            id: Field::Value(id),
            name: Field::Value(name),
            arguments: Field::Value(arguments),
        }),
        None => StreamToken::Irregular(object! {
            "type": "tool_call_partial",
            "index": index,
            "id": id,
            "name": name,
            "arguments": arguments.to_value(),
        }),
    }
}
