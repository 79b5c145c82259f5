//! The SDK's event stream to tokens.

use bytes::Bytes;

use super::events::{Handled, Memory};
use super::lines::LineDecoder;
use crate::Error;
use crate::frames::{SseDecoder, SseDialect, SseEvent};
use crate::json::Document;
use crate::protocols::openai_chat::errors;
use crate::protocols::tokens::push_truthy;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::transport::TransportError;

/// Reads the answer to the SDK's request. Its errors are the SDK's; the reference shows them to nobody, as
/// each leads to the fallback.
pub(super) struct EventDecoder {
    events: SseDecoder,
    document: Document,
    /// `[DONE]` was read: the rest is read but means nothing.
    done: bool,
    memory: Memory,
}

impl EventDecoder {
    pub(super) fn new(memory: Memory) -> Self {
        let events = SseDecoder::new(SseDialect::BomPerLine);
        Self { events, document: Document::new(), done: false, memory }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while let Some(event) = self.events.next_event() {
            let event = event.map_err(|error| Error::invalid_response(error.to_string()))?;
            if self.done {
                continue;
            }
            if event.data.starts_with("[DONE]") {
                self.done = true;
                continue;
            }
            self.event(event, tokens)?;
        }
        Ok(())
    }

    fn event(&mut self, event: SseEvent, tokens: &mut TokenQueue) -> Result<(), Error> {
        // Events of the Assistants API reach the reference's reader wrapped, so that it finds nothing in them.
        let is_wrapped = event.name.is_some_and(|name| name.starts_with("thread."));
        let event = self.document.parse(event.data)?;
        if is_wrapped {
            return Ok(());
        }
        if event.get("error").is_truthy() {
            return Err(errors::in_stream(event.get("error")));
        }
        self.memory.note(event);
        if self.memory.event(event, tokens) == Handled::Yes {
            return Ok(());
        }
        let content = event.get("choices").at(0).get("delta").get("content");
        if content.is_truthy() {
            push_truthy("text", content, tokens);
        } else {
            self.memory.usage(event.get("usage"), tokens);
        }
        Ok(())
    }
}

impl Decode for EventDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        if head.status == 204 {
            return Err(Error::invalid_response("Attempted to iterate over a response with no body"));
        }
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.push(chunk);
        self.drain(tokens)?;
        self.document.clear();
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.finish();
        self.drain(tokens)?;
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err(errors::interrupted())
    }

    fn summary(&self) -> StreamSummary {
        self.memory.summary.clone()
    }

    fn into_fallback(self: Box<Self>) -> Box<dyn Decode> {
        Box::new(LineDecoder::new(self.memory))
    }
}
