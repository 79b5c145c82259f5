//! From body chunks to tokens: the pure half and the stream around it.

use std::collections::{VecDeque, vec_deque};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;

use crate::json::Value;
#[cfg(feature = "manager")]
use crate::manager::KeyId;
use crate::transport::{Body, Headers, TransportError};
use crate::{Error, StreamToken, Text, Usage};

/// Turns the chunks of one response body into tokens, without I/O. Every cut of the body gives the same
/// tokens.
///
/// # Example: decode a recorded body
///
/// ```
/// use samewire::{AiProvider, ChatRequest, Message, ProviderSettings, StreamToken, build_provider};
///
/// let settings = ProviderSettings::new("xai").with("xaiApiKey", "key");
/// let provider = build_provider(&settings)?;
/// let mut processor = provider.decoder(&ChatRequest::new("", [Message::user("hi")]))?;
/// let body = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";
/// let tokens = processor.process_chunk(body).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(tokens, [StreamToken::Text("Hello".into())]);
/// # Ok::<(), samewire::Error>(())
/// ```
pub struct StreamProcessor {
    decoder: Box<dyn Decode>,
    tokens: VecDeque<StreamToken>,
    error: Option<Error>,
    ended: bool,
}

impl StreamProcessor {
    pub(crate) fn new(decoder: Box<dyn Decode>) -> Self {
        Self { decoder, tokens: VecDeque::new(), error: None, ended: false }
    }

    /// Takes the next chunk of the body and gives the tokens that it completes, an error last if the body
    /// holds one. After an error every further chunk is ignored.
    pub fn process_chunk(&mut self, chunk: &[u8]) -> Tokens<'_> {
        self.process_bytes(Bytes::copy_from_slice(chunk))
    }

    /// As [`process_chunk`](Self::process_chunk), for a chunk that can be shared: texts are slices of it.
    pub fn process_bytes(&mut self, chunk: Bytes) -> Tokens<'_> {
        self.push(chunk);
        Tokens { tokens: self.tokens.drain(..), error: &mut self.error }
    }

    /// Says that the body ended properly, and gives the last tokens.
    pub fn finish(&mut self) -> Tokens<'_> {
        self.end();
        Tokens { tokens: self.tokens.drain(..), error: &mut self.error }
    }

    /// What is known beside the tokens: complete once the body has ended.
    pub fn summary(&self) -> StreamSummary {
        self.decoder.summary()
    }

    fn push(&mut self, chunk: Bytes) {
        if !self.ended {
            let outcome = self.decoder.push(chunk, &mut self.tokens);
            self.settle(outcome);
        }
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            let outcome = self.decoder.finish(&mut self.tokens);
            self.settle(outcome);
        }
    }

    fn interrupt(&mut self, failure: &TransportError) {
        if !self.ended {
            self.ended = true;
            let outcome = self.decoder.interrupted(failure, &mut self.tokens);
            self.settle(outcome);
        }
    }

    fn settle(&mut self, outcome: Result<Progress, Error>) {
        match outcome {
            Ok(Progress::More) => {}
            Ok(Progress::Complete) => self.end(),
            Err(error) => {
                self.ended = true;
                self.error = Some(error);
            }
        }
    }
}

impl fmt::Debug for StreamProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProcessor").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// The tokens of one chunk, then its error if there is one.
#[derive(Debug)]
pub struct Tokens<'a> {
    tokens: vec_deque::Drain<'a, StreamToken>,
    error: &'a mut Option<Error>,
}

impl Iterator for Tokens<'_> {
    type Item = Result<StreamToken, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.tokens.next().map(Ok).or_else(|| self.error.take().map(Err))
    }
}

/// An answer as it arrives. After an error, or after its end, it stays at its end.
///
/// Dropping it aborts the request and closes its connection.
pub struct TokenStream {
    source: Source,
    /// Read ahead and not given out yet.
    ahead: VecDeque<Result<StreamToken, Error>>,
    observers: Vec<Box<dyn Observe>>,
    /// The whole stream tells one error, in its text too.
    #[cfg_attr(
        not(feature = "manager"),
        expect(dead_code, reason = "for those who choose another provider")
    )]
    announces: bool,
    #[cfg(feature = "manager")]
    key: Option<KeyId>,
    cached: bool,
}

/// A stream of tokens that decides itself what its reader gets, and knows what a [`TokenStream`] tells beside.
#[cfg(feature = "manager")]
pub(crate) trait Minded: Stream<Item = Result<StreamToken, Error>> + Send {
    /// See [`TokenStream::summary`].
    fn summary(&self) -> StreamSummary;

    /// See [`TokenStream::headers`].
    fn headers(&self) -> Option<&Headers>;
}

/// Watches a stream while it is read: accounting, permits, measurements. It is dropped with the stream, or
/// right after its end; whatever must settle in every case settles in its `Drop`.
pub(crate) trait Observe: Send {
    /// The reader is given this item.
    fn item(&mut self, item: &Result<StreamToken, Error>);

    /// The stream ended without an error, with this summary.
    fn end(&mut self, summary: StreamSummary) {
        let _ = summary;
    }
}

enum Source {
    Decoded {
        body: Option<Body>,
        processor: StreamProcessor,
        response: ResponseHead,
        reopen: Option<Reopen>,
    },
    /// The answer broke off and is asked for once more.
    Reopening {
        stream: BoxFuture<'static, Result<TokenStream, Error>>,
        summary: StreamSummary,
    },
    /// Another stream, minded by somebody: a manager.
    #[cfg(feature = "manager")]
    Wrapped(Pin<Box<dyn Minded>>),
    Ready {
        tokens: Pin<Box<dyn Stream<Item = Result<StreamToken, Error>> + Send>>,
        summary: StreamSummary,
    },
    #[cfg(feature = "cache")]
    Shared(crate::manager::FlightReader),
}

impl TokenStream {
    pub(crate) fn decode(response: ResponseHead, body: Body, processor: StreamProcessor) -> Self {
        Self::of_source(Source::Decoded { body: Some(body), processor, response, reopen: None })
    }

    /// The same stream; if it fails, it goes on with what `reopen` gives instead. What it gave before stays.
    pub(crate) fn or_reopen(mut self, with: Reopen) -> Self {
        if let Source::Decoded { reopen, .. } = &mut self.source {
            *reopen = Some(with);
        }
        self
    }

    /// A stream of tokens from elsewhere, for providers of your own.
    pub fn from_tokens(tokens: impl Stream<Item = Result<StreamToken, Error>> + Send + 'static) -> Self {
        Self::of_source(Source::Ready { tokens: Box::pin(tokens.fuse()), summary: StreamSummary::default() })
    }

    /// A stream that several readers share; `cached` for those who did not ask first.
    #[cfg(feature = "cache")]
    pub(crate) fn of_flight(reader: crate::manager::FlightReader, cached: bool) -> Self {
        Self { cached, ..Self::of_source(Source::Shared(reader)) }
    }

    /// The stream of an answer that was given before.
    #[cfg(feature = "cache")]
    pub(crate) fn of_answer(tokens: Vec<StreamToken>, summary: StreamSummary) -> Self {
        let tokens = Box::pin(futures_util::stream::iter(tokens.into_iter().map(Ok)));
        Self { cached: true, ..Self::of_source(Source::Ready { tokens, summary }) }
    }

    /// Whether the answer came from a cache, or from a request that somebody else paid for. Its usage tokens
    /// are those of the answer when it was first given.
    pub fn is_cached(&self) -> bool {
        self.cached
    }

    /// This stream in somebody's care; whose key it is and whether it is cached still show.
    #[cfg(feature = "manager")]
    pub(crate) fn minded_by<M: Minded + 'static>(self, mind: impl FnOnce(Self) -> M) -> Self {
        let (key, cached) = (self.key.clone(), self.cached);
        Self { key, cached, ..Self::of_source(Source::Wrapped(Box::pin(mind(self)))) }
    }

    fn of_source(source: Source) -> Self {
        Self {
            source,
            ahead: VecDeque::new(),
            observers: Vec::new(),
            announces: false,
            #[cfg(feature = "manager")]
            key: None,
            cached: false,
        }
    }

    /// A stream of one text.
    pub(crate) fn of_text(text: Text) -> Self {
        Self::from_tokens(futures_util::stream::iter([Ok(StreamToken::Text(text))]))
    }

    /// The stream of an error that is told in the text too.
    pub(crate) fn of_announced(error: Error) -> Self {
        let tokens = announcement(error.message()).map(Ok).into_iter().chain([Err(error)]);
        Self { announces: true, ..Self::from_tokens(futures_util::stream::iter(tokens)) }
    }

    /// The same stream, watched: every item from here on passes the observer first.
    #[cfg(feature = "manager")]
    #[must_use]
    pub(crate) fn observed(mut self, observer: impl Observe + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Reads ahead up to the first token that says something, or to the end. Nothing is lost: what was read
    /// is given out later, and observers see it only then. The error, if the stream failed before it said
    /// anything; it stays in the stream.
    #[cfg(feature = "manager")]
    pub(crate) async fn start(&mut self) -> Option<&Error> {
        while !self.ahead.back().is_some_and(|item| self.announces_or_says(item)) {
            let Some(item) = std::future::poll_fn(|cx| self.source.poll(cx)).await else { break };
            self.announces |= self.source.is_announcing();
            self.ahead.push_back(item);
        }
        self.ahead.back().and_then(|item| item.as_ref().err())
    }

    /// The same stream once it has started, or its error if it failed before it said anything and the error
    /// is of a kind that calls for another try.
    #[cfg(feature = "manager")]
    pub(crate) async fn started_unless(mut self, another_try: fn(&Error) -> bool) -> Result<Self, Error> {
        if !self.start().await.is_some_and(another_try) {
            return Ok(self);
        }
        match self.ahead.pop_back() {
            Some(Err(error)) if self.announces => Err(error.announced()),
            Some(Err(error)) => Err(error),
            _ => Ok(self),
        }
    }

    /// Whether nothing that was read ahead is part of an answer, nor counts what one cost: the stream of a
    /// service that hung up politely.
    #[cfg(feature = "manager")]
    pub(crate) fn is_blank(&self) -> bool {
        let is_blank = |token: &StreamToken| !token.is_semantic() && !matches!(token, StreamToken::Usage(_));
        self.ahead.iter().all(|item| item.as_ref().is_ok_and(is_blank))
            && self.summary().finish_reason.is_none()
    }

    /// Whether reading ahead stops at this item.
    #[cfg(feature = "manager")]
    fn announces_or_says(&self, item: &Result<StreamToken, Error>) -> bool {
        item.as_ref().map_or(true, |token| token.is_semantic() && !self.announces)
    }

    /// The fingerprint of the key that the answer was asked for with, where one of several was chosen; see
    /// [`RotatingProvider`](crate::manager::RotatingProvider).
    #[cfg(feature = "manager")]
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key.as_ref()
    }

    #[cfg(feature = "manager")]
    #[must_use]
    pub(crate) fn with_key(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }

    /// How the answer ended and what to carry into the next turn; complete once the stream has ended.
    pub fn summary(&self) -> StreamSummary {
        match &self.source {
            Source::Decoded { processor, .. } => processor.summary(),
            #[cfg(feature = "manager")]
            Source::Wrapped(stream) => stream.summary(),
            Source::Ready { summary, .. } | Source::Reopening { summary, .. } => summary.clone(),
            #[cfg(feature = "cache")]
            Source::Shared(reader) => reader.summary(),
        }
    }

    /// The headers of the response, where there was one: request ids, rate limits.
    pub fn headers(&self) -> Option<&Headers> {
        match &self.source {
            Source::Decoded { response, .. } => Some(&response.headers),
            #[cfg(feature = "manager")]
            Source::Wrapped(stream) => stream.headers(),
            Source::Ready { .. } | Source::Reopening { .. } => None,
            #[cfg(feature = "cache")]
            Source::Shared(_) => None,
        }
    }
}

impl Stream for TokenStream {
    type Item = Result<StreamToken, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match self.ahead.pop_front() {
            Some(item) => Some(item),
            None => ready!(self.source.poll(cx)),
        };
        if let Some(item) = &item {
            self.observers.iter_mut().for_each(|observer| observer.item(item));
        } else if !self.observers.is_empty() {
            let summary = self.summary();
            self.observers.drain(..).for_each(|mut observer| observer.end(summary.clone()));
        }
        Poll::Ready(item)
    }
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<StreamToken, Error>>> {
        loop {
            match self {
                Self::Ready { tokens, .. } => return tokens.as_mut().poll_next(cx),
                #[cfg(feature = "cache")]
                Self::Shared(reader) => return reader.poll(cx),
                #[cfg(feature = "manager")]
                Self::Wrapped(stream) => return stream.as_mut().poll_next(cx),
                Self::Reopening { stream, summary } => match ready!(stream.as_mut().poll(cx)) {
                    Ok(stream) => *self = stream.source,
                    Err(error) => {
                        let tokens = Box::pin(futures_util::stream::iter([Err(error)]));
                        *self = Self::Ready { tokens, summary: std::mem::take(summary) };
                    }
                },
                Self::Decoded { body, processor, reopen, .. } => {
                    if let Some(token) = processor.tokens.pop_front() {
                        return Poll::Ready(Some(Ok(token)));
                    }
                    if let Some(error) = processor.error.take() {
                        *body = None;
                        let Some(reopen) = reopen.take() else { return Poll::Ready(Some(Err(error))) };
                        let summary = processor.summary();
                        let decoder = std::mem::replace(&mut processor.decoder, Box::new(Exhausted));
                        *self = Self::Reopening { stream: reopen(decoder), summary };
                        continue;
                    }
                    let Some(chunks) = body else { return Poll::Ready(None) };
                    if processor.ended {
                        *body = None;
                        continue;
                    }
                    match ready!(chunks.as_mut().poll_next(cx)) {
                        Some(Ok(chunk)) => processor.push(chunk),
                        Some(Err(failure)) => processor.interrupt(&failure),
                        None => processor.end(),
                    }
                }
            }
        }
    }

    /// Whether the rest of what was decoded is the end of an error that the text tells too.
    #[cfg(feature = "manager")]
    fn is_announcing(&self) -> bool {
        match self {
            Self::Decoded { processor, .. } => {
                processor.error.as_ref().is_some_and(Error::is_announced) && processor.tokens.len() <= 1
            }
            _ => false,
        }
    }
}

impl fmt::Debug for TokenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStream").finish_non_exhaustive()
    }
}

/// What stands in the answer before an error that is told there too.
pub(crate) fn announcement(message: &str) -> [StreamToken; 2] {
    [StreamToken::Text(format!("Error: {message}").into()), StreamToken::Usage(Usage::default())]
}

/// What a stream tells beside its tokens: how it ended, and what must travel back with the next turn.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// Why the model stopped, in the service's own word (`stop`, `end_turn`, `length`, `tool_calls`, ...).
    pub finish_reason: Option<Text>,
    /// The service's id of the response.
    pub response_id: Option<Text>,
    /// Opaque reasoning of OpenRouter's form, to be sent back as the message's `reasoning_details`.
    pub reasoning_details: Option<Value>,
    /// Encrypted reasoning of the Responses API: `encrypted_content` and its item's `id`.
    pub encrypted_reasoning: Option<Value>,
    /// Gemini's signature of its thoughts, to be sent back as a `thoughtSignature` block.
    pub thought_signature: Option<Text>,
}

/// Status and headers of a response whose body is still to come.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
}

/// Asks for an answer once more; takes the decoder of the one that failed.
pub(crate) type Reopen =
    Box<dyn FnOnce(Box<dyn Decode>) -> BoxFuture<'static, Result<TokenStream, Error>> + Send>;

/// One response body to tokens: a small state machine per protocol, without I/O.
pub(crate) trait Decode: Send {
    /// Looks at the response head before any chunk.
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        let _ = head;
        Ok(())
    }

    /// Takes the next chunk. Tokens found before an error stand in `tokens` when it returns.
    fn push(&mut self, chunk: Bytes, tokens: &mut VecDeque<StreamToken>) -> Result<Progress, Error>;

    /// The body ended properly.
    fn finish(&mut self, tokens: &mut VecDeque<StreamToken>) -> Result<Progress, Error>;

    /// The body broke off.
    fn interrupted(
        &mut self,
        failure: &TransportError,
        tokens: &mut VecDeque<StreamToken>,
    ) -> Result<Progress, Error>;

    /// What is known beside the tokens.
    fn summary(&self) -> StreamSummary {
        StreamSummary::default()
    }

    /// The decoder for the answer to the [fallback](crate::driver::Wire::fallback) request, which goes on
    /// with what this one knows.
    fn into_fallback(self: Box<Self>) -> Box<dyn Decode> {
        Box::new(Exhausted)
    }
}

/// Stands where a decoder was taken away.
struct Exhausted;

impl Decode for Exhausted {
    fn push(&mut self, _: Bytes, _: &mut VecDeque<StreamToken>) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }

    fn finish(&mut self, _: &mut VecDeque<StreamToken>) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut VecDeque<StreamToken>) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }
}

/// Whether a decoder wants more of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More may come.
    More,
    /// The answer is complete; the rest of the body is not read.
    Complete,
}
