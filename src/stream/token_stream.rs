//! The stream around a decoder, and what can be done to it on its way to the reader.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;

#[cfg(feature = "manager")]
use super::Minded;
use super::{Exhausted, Observe, Reopen, ResponseHead, StreamProcessor, StreamSummary, announcement};
#[cfg(feature = "manager")]
use crate::manager::KeyId;
use crate::transport::{Body, Headers};
use crate::{Error, StreamToken, Text};

/// An answer as it arrives. After an error, or after its end, it stays at its end.
///
/// Dropping it aborts the request and closes its connection.
///
/// # Example: show an answer, then why it ended
///
/// ```no_run
/// use futures_util::StreamExt;
/// use samewire::{AiProvider, ChatRequest, Message};
///
/// # async fn run(provider: &dyn AiProvider) -> Result<(), samewire::Error> {
/// let mut tokens = provider.chat_stream(ChatRequest::new("", [Message::user("Hello!")])).await?;
/// while let Some(token) = tokens.next().await {
///     if let Some(text) = token?.text() {
///         print!("{text}");
///     }
/// }
/// println!("\n({})", tokens.summary().finish_reason.unwrap_or_default());
/// # Ok(())
/// # }
/// ```
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
    Minded(Pin<Box<dyn Minded>>),
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
        Self { key, cached, ..Self::of_source(Source::Minded(Box::pin(mind(self)))) }
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

    /// The same stream, watched: the observer sees every item as soon as it arrives, whether or not somebody
    /// reads it in the end.
    #[cfg(feature = "manager")]
    #[must_use]
    pub(crate) fn observed(mut self, mut observer: impl Observe + 'static) -> Self {
        self.ahead.iter().for_each(|item| observer.item(item));
        self.observers.push(Box::new(observer));
        self
    }

    /// Reads ahead up to the first token that says something, or to the end. Nothing is lost: what was read
    /// is given out later. The error, if the stream failed before it said anything; it stays in the stream.
    #[cfg(feature = "manager")]
    pub(crate) async fn start(&mut self) -> Option<&Error> {
        while !self.ahead.back().is_some_and(|item| self.announces_or_says(item)) {
            let Some(item) = std::future::poll_fn(|cx| self.arrived(cx)).await else { break };
            self.announces |= self.source.is_announcing();
            self.ahead.push_back(item);
        }
        self.ahead.back().and_then(|item| item.as_ref().err())
    }

    /// [Starts](Self::start), or gives the error if the stream failed before it said anything and the error
    /// is of a kind that calls for another try.
    #[cfg(feature = "manager")]
    pub(crate) async fn start_unless(&mut self, another_try: fn(&Error) -> bool) -> Result<(), Error> {
        if !self.start().await.is_some_and(another_try) {
            return Ok(());
        }
        match self.ahead.pop_back() {
            Some(Err(error)) if self.announces => Err(error.announced()),
            Some(Err(error)) => Err(error),
            _ => Ok(()),
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
            Source::Minded(stream) => stream.summary(),
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
            Source::Minded(stream) => stream.headers(),
            Source::Ready { .. } | Source::Reopening { .. } => None,
            #[cfg(feature = "cache")]
            Source::Shared(_) => None,
        }
    }
}

impl Stream for TokenStream {
    type Item = Result<StreamToken, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = self.ahead.pop_front() {
            return Poll::Ready(Some(item));
        }
        let item = ready!(self.arrived(cx));
        if item.is_none() && !self.observers.is_empty() {
            let summary = self.summary();
            self.observers.drain(..).for_each(|mut observer| observer.end(summary.clone()));
        }
        Poll::Ready(item)
    }
}

impl TokenStream {
    /// The next item of the source, once the observers have seen it.
    fn arrived(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<StreamToken, Error>>> {
        let item = ready!(self.source.poll(cx));
        if let Some(item) = &item {
            self.observers.iter_mut().for_each(|observer| observer.item(item));
        }
        Poll::Ready(item)
    }
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<StreamToken, Error>>> {
        loop {
            match self {
                Self::Ready { tokens, .. } => return tokens.as_mut().poll_next(cx),
                #[cfg(feature = "manager")]
                Self::Minded(stream) => return stream.as_mut().poll_next(cx),
                #[cfg(feature = "cache")]
                Self::Shared(reader) => return reader.poll(cx),
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
}

#[cfg(feature = "manager")]
impl Source {
    /// Whether the rest of what was decoded is the end of an error that the text tells too.
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
