//! Chunks of a streamed answer to tokens.

use bytes::Bytes;

use super::errors;
use crate::catalog::cost;
use crate::driver::Call;
use crate::frames::data_events::DataEvents;
use crate::json::javascript::{defined, to_number};
use crate::json::{Document, Kind, Node, Object, Value};
use crate::model::Model;
use crate::protocols::tokens::{push_truthy, usage_object};
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue};
use crate::token::{Field, Source, StreamToken, ToolCallPartial};
use crate::transport::TransportError;
use crate::{Error, ErrorKind, Text};

pub(super) struct ContentDecoder {
    events: DataEvents,
    document: Document,
    state: State,
}

/// What the chunks have said so far.
struct State {
    model: Model,
    /// Whether thought signatures are kept.
    signatures: bool,
    calls: u64,
    sources: Vec<Source>,
    usage: Option<Usage>,
    /// The id of the last chunk with a finish reason; it counts once the stream has ended well.
    response_id: Option<Text>,
    summary: StreamSummary,
}

/// The counts of one chunk; the last replace all before.
struct Usage {
    prompt: Option<Value>,
    candidates: Option<Value>,
    cached: Option<Value>,
    thoughts: Option<Value>,
}

impl ContentDecoder {
    pub(super) fn new(model: Model, signatures: bool) -> Self {
        Self {
            events: DataEvents::new(),
            document: Document::new(),
            state: State {
                model,
                signatures,
                calls: 0,
                sources: Vec::new(),
                usage: None,
                response_id: None,
                summary: StreamSummary::default(),
            },
        }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while let Some(event) = self.events.next_event() {
            let event = event.map_err(|error| Error::invalid_response(error.to_string()))?;
            let event = event.strip_prefix('\u{feff}').map_or(event.clone(), |rest| event.slice(rest));
            self.state.chunk(self.document.parse(event)?, tokens)?;
        }
        Ok(())
    }

    /// What the end of the body says about bytes that no event took.
    ///
    /// The SDK looks for an error in every network chunk that is JSON by itself, as the service sends it.
    /// Where the network cuts a body must not matter here, so what is left over at the end is looked at.
    fn left_over(&mut self) -> Result<(), Error> {
        let Some(rest) = self.events.rest() else { return Ok(()) };
        let text = rest.strip_prefix('\u{feff}').map_or(rest.clone(), |text| rest.slice(text));
        if let Ok(root) = self.document.parse(text) {
            let error = root.get("error");
            let code = defined(error.get("code")).map_or(f64::NAN, |code| to_number(&code));
            if (400.0..600.0).contains(&code) {
                let status = shown(error.get("status"));
                let message = format!("got status: {status}. {}", root.to_json());
                let kind = ErrorKind::of_status(code as u16);
                return Err(Error::new(kind, message));
            }
        }
        Err(Error::new(ErrorKind::Interrupted, "Incomplete JSON segment at the end"))
    }
}

impl Decode for ContentDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.push(chunk);
        self.drain(tokens).map_err(|error| errors::wrapped(Call::Chat, error))?;
        self.document.clear();
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.left_over().map_err(|error| errors::wrapped(Call::Chat, error))?;
        self.state.end(tokens);
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        let error = match self.left_over() {
            Err(error) if error.kind() != ErrorKind::Interrupted => error,
            _ => errors::interrupted(),
        };
        Err(errors::wrapped(Call::Chat, error))
    }

    fn summary(&self) -> StreamSummary {
        self.state.summary.clone()
    }
}

impl State {
    fn chunk(&mut self, chunk: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
        let candidate = chunk.get("candidates").at(0);
        let reason = candidate.get("finishReason");
        if reason.is_truthy() {
            self.summary.finish_reason = reason.to_text();
            self.response_id = chunk.get("responseId").to_text().filter(|id| !id.is_empty());
        }
        let grounding = candidate.get("groundingMetadata");
        if grounding.is_truthy() {
            self.sources = sources(grounding);
        }
        let parts = candidate.get("content").get("parts");
        match parts.kind() {
            Kind::Array => {
                for part in parts.items() {
                    self.part(part, tokens)?;
                }
            }
            _ if !parts.is_truthy() || parts.is_string() => {}
            _ => return Err(Error::malformed("`parts` is no list")),
        }
        let usage = chunk.get("usageMetadata");
        if usage.is_truthy() {
            self.usage = Some(Usage {
                prompt: defined(usage.get("promptTokenCount")),
                candidates: defined(usage.get("candidatesTokenCount")),
                cached: defined(usage.get("cachedContentTokenCount")),
                thoughts: defined(usage.get("thoughtsTokenCount")),
            });
        }
        Ok(())
    }

    fn part(&mut self, part: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
        if part.is_null() {
            return Err(Error::malformed("a part is null"));
        }
        let signature = part.get("thoughtSignature");
        if self.signatures && signature.is_truthy() {
            self.summary.thought_signature = signature.as_text();
        }
        let call = part.get("functionCall");
        if part.get("thought").is_truthy() {
            push_truthy("reasoning", part.get("text"), tokens);
        } else if call.is_truthy() {
            self.call(call, tokens);
        } else {
            push_truthy("text", part.get("text"), tokens);
        }
        Ok(())
    }

    /// A whole call, told in two fragments. The service's id, if it gives one, is not used.
    fn call(&mut self, call: Node<'_>, tokens: &mut TokenQueue) {
        let name = call.get("name");
        let id = Text::from(format!("{}-{}", shown(name), self.calls));
        let start =
            ToolCallPartial { index: self.calls.into(), id: id.clone().into(), ..ToolCallPartial::default() };
        let arguments = call.get("args");
        let arguments = (!arguments.is_undefined()).then(|| arguments.to_json().into());
        let rest = ToolCallPartial { arguments: Field::of(arguments), ..start.clone() };
        tokens.push_back(if let Some(name) = name.as_text() {
            StreamToken::ToolCallPartial(ToolCallPartial { name: name.into(), ..start })
        } else {
            let mut token = StreamToken::ToolCallPartial(start).to_object();
            token.insert_some("name", defined(name));
            StreamToken::from_object(token)
        });
        tokens.push_back(StreamToken::ToolCallPartial(rest));
        self.calls += 1;
    }

    fn end(&mut self, tokens: &mut TokenQueue) {
        self.summary.response_id = self.response_id.take();
        let sources = std::mem::take(&mut self.sources);
        if !sources.is_empty() {
            tokens.push_back(StreamToken::Grounding(sources));
        }
        if let Some(usage) = self.usage.take() {
            tokens.push_back(StreamToken::from_object(self.usage(usage)));
        }
    }

    fn usage(&self, usage: Usage) -> Object {
        let count = |value: Option<Value>| value.filter(|value| !value.is_null()).unwrap_or(0.0.into());
        let number = |value: Option<&Value>| value.map_or(0.0, to_number);
        let (input, output) = (count(usage.prompt), count(usage.candidates));
        let cost = cost::tiered(
            self.model.info(),
            cost::Tokens {
                input: to_number(&input),
                output: to_number(&output) + number(usage.thoughts.as_ref()),
                cache_reads: number(usage.cached.as_ref()),
                ..cost::Tokens::default()
            },
        );
        let mut token = usage_object(input, output);
        token.insert_some("cacheReadTokens", usage.cached);
        token.insert_some("reasoningTokens", usage.thoughts);
        token.insert_some("totalCost", cost);
        token
    }
}

/// The web pages that an answer rests on; those without an address are left out.
pub(super) fn sources(grounding: Node<'_>) -> Vec<Source> {
    let source = |chunk: Node<'_>| {
        let url = chunk.get("web").get("uri").as_text().filter(|url| !url.is_empty())?;
        let title = chunk.get("web").get("title").as_text().filter(|title| !title.is_empty());
        Some(Source { title: title.unwrap_or_else(|| url.clone()), url })
    };
    grounding.get("groundingChunks").items().filter_map(source).collect()
}

/// A value as JavaScript's template strings print it.
fn shown(node: Node<'_>) -> String {
    node.as_text().map_or_else(|| node.to_json(), String::from)
}
