//! Events of a streamed answer to tokens.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use bytes::Bytes;

use super::errors;
use crate::frames::{LentEvent, SseDecoder, SseDialect};
use crate::json::javascript::is_space;
use crate::json::{Document, Node, Object, Repetition, Value};
use crate::model::Model;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::think::TagMatcher;
use crate::tool_calls::ToolCallAssembler;
use crate::transport::TransportError;
use crate::{Error, StreamToken, Text};

/// One thing that a provider does with every event.
pub(crate) type Step = fn(&mut ChatState, Event<'_>, &mut TokenQueue) -> Result<(), Error>;

/// One thing that a provider does when the answer has ended.
pub(crate) type EndStep = fn(&mut ChatState, &mut TokenQueue);

/// One event of the stream.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) root: Node<'a>,
    /// `choices[0]`.
    pub(crate) choice: Node<'a>,
    /// `choices[0].delta`.
    pub(crate) delta: Node<'a>,
}

/// What the steps of one stream remember.
pub(crate) struct ChatState {
    /// The provider's name in messages.
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    pub(crate) tags: TagMatcher,
    /// Ids of tool calls not yet ended, in order; a service may send other things than text.
    pub(crate) tool_ids: Vec<Value>,
    /// Follows the calls, if the reader of the stream is to be served so.
    pub(crate) tracker: Option<ToolCallAssembler>,
    /// The last usage object.
    pub(crate) usage: Option<Value>,
    /// Whether reasoning details were shown, which silences the plainer fields.
    pub(crate) details_shown: bool,
    /// Reasoning details, one entry for each that the service streams in parts.
    pub(crate) details: Vec<(String, Object)>,
    /// What a provider's own steps remember of the content.
    pub(crate) content: String,
    /// Addresses of the sources that were shown.
    pub(crate) sources: Vec<Text>,
    /// Tokens of the request, counted here for services that do not count.
    pub(crate) estimated_input: u64,
    pub(crate) summary: StreamSummary,
}

impl ChatState {
    pub(crate) fn new(name: &'static str, model: Model, track_tool_calls: bool) -> Self {
        Self {
            name,
            model,
            tags: TagMatcher::new("think"),
            tool_ids: Vec::new(),
            tracker: track_tool_calls.then(ToolCallAssembler::new),
            usage: None,
            details_shown: false,
            details: Vec::new(),
            content: String::new(),
            sources: Vec::new(),
            estimated_input: 0,
            summary: StreamSummary::default(),
        }
    }

    /// Whether an event that says nothing but one string would say nothing else with another string there.
    fn forgets_text(&self) -> bool {
        self.content.is_empty() && self.details.is_empty() && self.tags.is_transparent()
    }
}

/// `choices[0]`; JavaScript also finds the key "0" of an object.
pub(crate) fn first_choice(root: Node<'_>) -> Node<'_> {
    let choices = root.get("choices");
    if choices.is_object() { choices.get("0") } else { choices.at(0) }
}

/// Decodes the SDK's event stream with a provider's steps.
pub(crate) struct ChatDecoder {
    events: SseDecoder,
    reader: EventReader,
    end: &'static [EndStep],
    /// What becomes of an error in the stream.
    on_error: fn(Error) -> Error,
}

/// What is done with each event.
struct EventReader {
    document: Document,
    /// The last event with nothing but text, and the last with nothing but reasoning.
    text: Repetition,
    reasoning: Repetition,
    /// `[DONE]` was read: the rest is read but means nothing.
    done: bool,
    state: ChatState,
    steps: &'static [Step],
}

impl ChatDecoder {
    pub(crate) fn new(
        state: ChatState,
        steps: &'static [Step],
        end: &'static [EndStep],
        on_error: fn(Error) -> Error,
    ) -> Self {
        let reader = EventReader {
            document: Document::new(),
            text: Repetition::default(),
            reasoning: Repetition::default(),
            done: false,
            state,
            steps,
        };
        Self { events: SseDecoder::new(SseDialect::BomPerLine), reader, end, on_error }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while let Some(event) = self.events.next_lent() {
            let event = event.map_err(|error| Error::invalid_response(error.to_string()))?;
            self.reader.read(event, tokens)?;
        }
        Ok(())
    }
}

impl EventReader {
    fn read(&mut self, event: LentEvent<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
        if self.done || event.data().starts_with(b"[DONE]") {
            self.done = true;
            return Ok(());
        }
        if event.name().is_none()
            && let Some(token) = self.repeated(event)
        {
            tokens.push_back(token);
            return Ok(());
        }
        let (known, is_named) = (tokens.len(), event.name().is_some());
        let parsed = self.document.parse(event.text(event.data()))?;
        // Events of the Assistants API reach the handlers wrapped, so that they find nothing in them.
        let is_thread = event.name().is_some_and(|name| name.starts_with("thread."));
        let root = if is_thread { Node::undefined() } else { parsed };
        if root.is_null() {
            return Err(Error::malformed("an event is null"));
        }
        let error = root.get("error");
        if error.is_truthy() {
            return Err(errors::in_stream(error));
        }
        let choice = first_choice(root);
        let event = Event { root, choice, delta: choice.get("delta") };
        for step in self.steps {
            step(&mut self.state, event, tokens)?;
        }
        note_summary(&mut self.state.summary, event);
        if !is_named && tokens.len() == known + 1 && self.state.forgets_text() {
            let is = |key: &str, text: &Text| Some(event.delta.get(key)).filter(|node| node.str_eq(text));
            let (pattern, string) = match &tokens[known] {
                StreamToken::Text(text) => (&mut self.text, is("content", text)),
                StreamToken::Reasoning(text) => {
                    (&mut self.reasoning, is("reasoning_content", text).or_else(|| is("reasoning", text)))
                }
                _ => return Ok(()),
            };
            if let Some(string) = string {
                pattern.learn(string, Some("obfuscation"));
            }
        }
        Ok(())
    }

    /// The token of an event that repeats an earlier one but for its text.
    fn repeated(&self, event: LentEvent<'_>) -> Option<StreamToken> {
        if !self.state.tags.is_transparent() {
            return None;
        }
        if let Some(text) = self.text.content(event.data(), event.buffer()) {
            return (!text.is_empty()).then_some(StreamToken::Text(text));
        }
        // Blank reasoning means something else to some providers.
        let reasoning = self.reasoning.content(event.data(), event.buffer())?;
        let is_blank = reasoning.trim_matches(is_space).is_empty();
        (!is_blank).then_some(StreamToken::Reasoning(reasoning))
    }
}

impl Decode for ChatDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        if head.status == 204 {
            let error = Error::invalid_response("Attempted to iterate over a response with no body");
            return Err((self.on_error)(error));
        }
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.push(chunk);
        self.drain(tokens).map_err(self.on_error)?;
        self.reader.document.clear();
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.finish();
        self.drain(tokens).map_err(self.on_error)?;
        for step in self.end {
            step(&mut self.reader.state, tokens);
        }
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err((self.on_error)(errors::interrupted()))
    }

    fn summary(&self) -> StreamSummary {
        self.reader.state.summary.clone()
    }
}

fn note_summary(summary: &mut StreamSummary, event: Event<'_>) {
    if let Some(reason) = event.choice.get("finish_reason").to_text().filter(|reason| !reason.is_empty()) {
        summary.finish_reason = Some(reason);
    }
    if summary.response_id.is_none() {
        summary.response_id = event.root.get("id").to_text().filter(|id| !id.is_empty());
    }
}
