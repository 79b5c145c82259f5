//! The answer to the fallback request to tokens, line by line.

use bytes::Bytes;

use super::errors;
use super::events::{Handled, Memory};
use crate::frames::NdjsonDecoder;
use crate::json::javascript::{display, is_space};
use crate::json::{Document, Node};
use crate::protocols::tokens::push_truthy;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::transport::TransportError;
use crate::{Error, ErrorKind, StreamToken, Text};

/// Reads `data: ` lines, and lines of bare JSON that hold some text. Other lines are passed over, and so is
/// a last one without its end.
pub(super) struct LineDecoder {
    lines: NdjsonDecoder,
    document: Document,
    memory: Memory,
}

impl LineDecoder {
    pub(super) fn new(memory: Memory) -> Self {
        Self { lines: NdjsonDecoder::new(), document: Document::new(), memory }
    }

    fn line(&mut self, line: &Text, tokens: &mut TokenQueue) -> Result<(), Error> {
        let Some(data) = line.strip_prefix("data: ") else {
            self.bare_line(line, tokens);
            return Ok(());
        };
        let data = data.trim_matches(is_space);
        if data == "[DONE]" {
            return Ok(());
        }
        let Ok(event) = self.document.parse(line.slice(data)) else { return Ok(()) };
        if event.is_null() {
            return Err(Error::malformed("an event is null"));
        }
        self.memory.note(event);
        if self.memory.event(event, tokens) == Handled::Yes {
            return Ok(());
        }
        let response = event.get("response");
        if response.get("output").is_array() {
            whole_output(response.get("output"), tokens)?;
            self.memory.usage(response.get("usage"), tokens);
            return Ok(());
        }
        other_event(&self.memory, event, tokens)
    }

    fn bare_line(&mut self, line: &Text, tokens: &mut TokenQueue) {
        if line.starts_with(':') {
            return;
        }
        let Ok(value) = self.document.parse(line.clone()) else { return };
        let words = ["content", "text", "message"].into_iter().map(|key| value.get(key));
        if let Some(words) = words.into_iter().find(|words| words.is_truthy()) {
            push_truthy("text", words, tokens);
        }
    }
}

/// Texts and summaries of an output that came whole.
fn whole_output(output: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    for item in output.items() {
        if item.is_null() {
            return Err(Error::malformed("an output item is null"));
        }
        if item.get("type").str_eq("text") {
            for part in item.get("content").items().filter(|part| part.get("type").str_eq("text")) {
                push_truthy("text", part.get("text"), tokens);
            }
        }
        if item.get("type").str_eq("reasoning") {
            for part in item.get("summary").items().filter(|part| part.get("type").str_eq("summary_text")) {
                tokens.extend(part.get("text").as_text().map(StreamToken::Reasoning));
            }
        }
    }
    Ok(())
}

/// Events that only this reader understands.
fn other_event(memory: &Memory, event: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let kind = event.get("type").as_cow().unwrap_or_default();
    match &*kind {
        "response.audio_transcript.delta" => push_truthy("text", event.get("delta"), tokens),
        "response.content_part.added" => {
            if event.get("part").get("type").str_eq("text") {
                push_truthy("text", event.get("part").get("text"), tokens);
            }
        }
        "response.error" | "error" => return failure("Responses API error", event),
        "response.failed" => return failure("Response failed", event),
        kind if is_meaningless(kind) => {}
        _ => {
            let content = event.get("choices").at(0).get("delta").get("content");
            let text = event.get("item").get("text").as_text().filter(|text| !text.is_empty());
            match text {
                _ if content.is_truthy() => push_truthy("text", content, tokens),
                Some(text) => tokens.push_back(StreamToken::Text(text)),
                None => memory.usage(event.get("usage"), tokens),
            }
        }
    }
    Ok(())
}

/// Whether an event is about something that the reference knows and does not show.
fn is_meaningless(kind: &str) -> bool {
    MEANINGLESS.contains(&kind) || MEANINGLESS_FAMILIES.iter().any(|family| kind.starts_with(family))
}

const MEANINGLESS: &[&str] = &[
    "response.created",
    "response.in_progress",
    "response.queued",
    "response.incomplete",
    "response.content_part.done",
    "response.output_text.done",
    "response.text.done",
];

const MEANINGLESS_FAMILIES: &[&str] = &[
    "response.audio.",
    "response.audio_transcript.",
    "response.mcp_call",
    "response.mcp_list_tools.",
    "response.web_search_call.",
    "response.code_interpreter_call",
    "response.file_search_call.",
    "response.image_gen_call.",
    "response.computer_tool_call.",
    "response.output_text_annotation.",
    "response.text_annotation.",
    "response.reasoning",
    "response.refusal.",
];

/// The error that an event reports, if it says anything at all.
fn failure(what: &str, event: Node<'_>) -> Result<(), Error> {
    let (error, message) = (event.get("error"), event.get("message"));
    if !error.is_truthy() && !message.is_truthy() {
        return Ok(());
    }
    let words = [error.get("message"), message].into_iter().find(|words| words.is_truthy());
    let words = words.map_or_else(|| "Unknown error".into(), |words| display(&words.to_value()));
    let error = Error::new(ErrorKind::InStream, format!("{what}: {words}"));
    Err(match event.get("code").as_text().or_else(|| event.get("error").get("code").as_text()) {
        Some(code) => error.with_vendor_type(code),
        None => error,
    })
}

impl Decode for LineDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        if head.status == 204 {
            return Err(Error::invalid_response("Responses API error: No response body"));
        }
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.lines.push(chunk);
        while let Some(line) = self.lines.next_line() {
            let line = line.map_err(|error| Error::invalid_response(error.to_string()));
            line.and_then(|line| self.line(&line, tokens)).map_err(errors::in_stream)?;
        }
        Ok(Progress::More)
    }

    fn finish(&mut self, _: &mut TokenQueue) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err(errors::in_stream(Error::new(ErrorKind::Interrupted, "terminated")))
    }

    fn summary(&self) -> StreamSummary {
        self.memory.summary.clone()
    }
}
