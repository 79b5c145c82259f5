//! From fragments of tool calls to calls that start, grow and end.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::stream::TokenStream;
use crate::token::{Field, ToolCallPartial};
use crate::{Error, StreamToken, Text};

/// Follows the fragments of tool calls and says when each call starts, grows and ends.
///
/// Calls are told apart by their index; the first fragment of a call must have its id, and a call starts
/// when its name is known. The state belongs to the assembler, so streams do not disturb each other.
///
/// # Example: one call in three fragments
///
/// ```
/// use samewire::{StreamToken, ToolCallAssembler, ToolCallPartial};
///
/// let mut assembler = ToolCallAssembler::new();
/// let first = ToolCallPartial { index: 0.into(), id: "call_1".into(), name: "read".into(), ..Default::default() };
/// let more = ToolCallPartial { index: 0.into(), arguments: "{}".into(), ..Default::default() };
/// assert_eq!(assembler.push(&first), [StreamToken::ToolCallStart { id: "call_1".into(), name: "read".into() }]);
/// assert_eq!(assembler.push(&more), [StreamToken::ToolCallDelta { id: "call_1".into(), delta: "{}".into() }]);
/// assert_eq!(assembler.finish(), [StreamToken::ToolCallEnd { id: "call_1".into() }]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ToolCallAssembler {
    calls: Vec<TrackedCall>,
}

#[derive(Clone, Debug)]
struct TrackedCall {
    index: Field<u64>,
    id: Text,
    name: Option<Text>,
    started: bool,
    held: Vec<Text>,
}

impl ToolCallAssembler {
    /// An assembler that knows no call.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next fragment and gives what it brought about.
    pub fn push(&mut self, part: &ToolCallPartial) -> Vec<StreamToken> {
        let mut events = Vec::new();
        let position = self.calls.iter().position(|call| call.index == part.index).or_else(|| {
            let id = part.id.value().filter(|id| !id.is_empty())?.clone();
            self.calls.push(TrackedCall {
                index: part.index,
                id,
                name: None,
                started: false,
                held: Vec::new(),
            });
            Some(self.calls.len() - 1)
        });
        let Some(call) = position.and_then(|position| self.calls.get_mut(position)) else { return events };
        if let Some(name) = part.name.value().filter(|name| !name.is_empty()) {
            call.name = Some(name.clone());
        }
        if let (false, Some(name)) = (call.started, &call.name) {
            call.started = true;
            events.push(StreamToken::ToolCallStart { id: call.id.clone(), name: name.clone() });
            let held = call.held.drain(..);
            events.extend(held.map(|delta| StreamToken::ToolCallDelta { id: call.id.clone(), delta }));
        }
        if let Some(delta) = part.arguments.value().filter(|arguments| !arguments.is_empty()) {
            if call.started {
                events.push(StreamToken::ToolCallDelta { id: call.id.clone(), delta: delta.clone() });
            } else {
                call.held.push(delta.clone());
            }
        }
        events
    }

    /// Takes the finish reason of the answer: `tool_calls` ends every call that is known, any other none.
    pub fn finish_reason(&mut self, reason: Option<&str>) -> Vec<StreamToken> {
        if reason == Some("tool_calls") { self.ends(|_| true) } else { Vec::new() }
    }

    /// Ends every call that has started and forgets all.
    pub fn finish(&mut self) -> Vec<StreamToken> {
        let ends = self.ends(|call| call.started);
        self.calls.clear();
        ends
    }

    fn ends(&self, which: impl Fn(&TrackedCall) -> bool) -> Vec<StreamToken> {
        let ended = self.calls.iter().filter(|call| which(call));
        ended.map(|call| StreamToken::ToolCallEnd { id: call.id.clone() }).collect()
    }
}

/// A [`TokenStream`] whose tool calls start, grow and end; see [`TokenStream::assemble_tool_calls`].
#[derive(Debug)]
pub struct AssembledStream {
    tokens: TokenStream,
    assembler: ToolCallAssembler,
    ready: VecDeque<StreamToken>,
    ended: Vec<Text>,
}

impl TokenStream {
    /// Replaces the fragments of tool calls by [`ToolCallStart`](StreamToken::ToolCallStart),
    /// [`ToolCallDelta`](StreamToken::ToolCallDelta) and one [`ToolCallEnd`](StreamToken::ToolCallEnd) for
    /// each call, at the latest when the stream ends. A stream that ends with an error ends no call: its
    /// arguments may be cut off.
    pub fn assemble_tool_calls(self) -> AssembledStream {
        AssembledStream {
            tokens: self,
            assembler: ToolCallAssembler::new(),
            ready: VecDeque::new(),
            ended: Vec::new(),
        }
    }
}

impl AssembledStream {
    /// What is known beside the tokens, as [`TokenStream::summary`].
    pub fn summary(&self) -> crate::StreamSummary {
        self.tokens.summary()
    }

    fn end_once(&mut self, id: Text) -> Option<StreamToken> {
        if self.ended.contains(&id) {
            return None;
        }
        self.ended.push(id.clone());
        Some(StreamToken::ToolCallEnd { id })
    }
}

impl Stream for AssembledStream {
    type Item = Result<StreamToken, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(token) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(token)));
            }
            match ready!(Pin::new(&mut this.tokens).poll_next(cx)) {
                Some(Ok(StreamToken::ToolCallPartial(part))) => this.ready.extend(this.assembler.push(&part)),
                Some(Ok(StreamToken::ToolCallEnd { id })) => {
                    let end = this.end_once(id);
                    this.ready.extend(end);
                }
                None => {
                    let ids = this.assembler.finish();
                    if ids.is_empty() {
                        return Poll::Ready(None);
                    }
                    for token in ids {
                        if let StreamToken::ToolCallEnd { id } = token {
                            let end = this.end_once(id);
                            this.ready.extend(end);
                        }
                    }
                }
                other => return Poll::Ready(other),
            }
        }
    }
}
