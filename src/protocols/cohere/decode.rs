//! Events of a streamed answer to tokens.
//!
//! <https://docs.cohere.com/docs/streaming>

use bytes::Bytes;

use super::errors;
use crate::frames::{SseDecoder, SseDialect};
use crate::json::javascript::{defined, or_zero};
use crate::json::{Document, Node, Object};
use crate::protocols::tokens::{partial_of, push_truthy, usage_object};
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue};
use crate::token::Source;
use crate::transport::TransportError;
use crate::{Error, StreamToken, Text};

/// Decodes one answer.
pub(crate) struct EventDecoder {
    events: SseDecoder,
    document: Document,
    /// The tool call that is being told.
    call: Option<Text>,
    done: bool,
    summary: StreamSummary,
}

impl EventDecoder {
    pub(crate) fn new() -> Self {
        Self {
            events: SseDecoder::new(SseDialect::BomPerLine),
            document: Document::new(),
            call: None,
            done: false,
            summary: StreamSummary::default(),
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

    /// An event says in `type` what it is; types that are not known mean nothing.
    fn event(&mut self, data: Text, tokens: &mut TokenQueue) -> Result<(), Error> {
        let event = self.document.parse(data)?;
        let (delta, message) = (event.get("delta"), event.get("delta").get("message"));
        let kind = event.get("type").as_cow().unwrap_or_default();
        match &*kind {
            "message-start" => self.summary.response_id = event.get("id").to_text(),
            "content-start" | "content-delta" => {
                push_truthy("reasoning", message.get("content").get("thinking"), tokens);
                push_truthy("text", message.get("content").get("text"), tokens);
            }
            "tool-plan-delta" => push_truthy("reasoning", message.get("tool_plan"), tokens),
            "tool-call-start" | "tool-call-delta" => {
                let call = message.get("tool_calls");
                self.call = call.get("id").as_text().or(self.call.take());
                let function = call.get("function");
                let token = partial_of(
                    event.get("index"),
                    call.get("id"),
                    function.get("name"),
                    function.get("arguments"),
                );
                tokens.push_back(token);
            }
            "tool-call-end" => {
                tokens.extend(self.call.take().map(|id| StreamToken::ToolCallEnd { id }));
            }
            "citation-start" => tokens.extend(grounding(message.get("citations"))),
            "message-end" => {
                tokens.extend(usage(delta.get("usage")));
                self.summary.finish_reason = delta.get("finish_reason").to_text();
                if delta.get("error").is_truthy() {
                    return Err(errors::in_stream(delta.get("error")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Decode for EventDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.push(chunk);
        self.drain(tokens)?;
        self.document.clear();
        Ok(if self.done { Progress::Complete } else { Progress::More })
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
        self.summary.clone()
    }
}

/// The sources of a citation: documents, and results of tools. One without a title has the words that cite
/// it, one without an address its id.
fn grounding(citation: Node<'_>) -> Option<StreamToken> {
    let filled = |node: Node<'_>| node.as_text().filter(|text| !text.is_empty());
    let sources: Vec<Source> = citation
        .get("sources")
        .items()
        .filter_map(|source| {
            let (document, output) = (source.get("document"), source.get("tool_output"));
            let of = |key: &str| filled(document.get(key)).or_else(|| filled(output.get(key)));
            let url = of("url").or_else(|| filled(source.get("id")))?;
            let title = of("title").or_else(|| filled(citation.get("text")));
            Some(Source { title: title.unwrap_or_else(|| url.clone()), url })
        })
        .collect();
    (!sources.is_empty()).then_some(StreamToken::Grounding(sources))
}

/// The tokens that the model saw and made; those billed where only they are told.
fn usage(usage: Node<'_>) -> Option<StreamToken> {
    let counts =
        [usage.get("tokens"), usage.get("billed_units")].into_iter().find(|node| node.is_object())?;
    let count = |key: &str| or_zero(defined(counts.get(key)).as_ref());
    let mut token: Object = usage_object(count("input_tokens"), count("output_tokens"));
    let cached = usage.get("cached_tokens");
    token.insert_some("cacheReadTokens", cached.is_truthy().then(|| cached.to_value()));
    Some(StreamToken::from_object(token))
}
