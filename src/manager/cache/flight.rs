//! One request in the air, read by many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_core::future::BoxFuture;
use futures_util::StreamExt;

use crate::lock::Locked;
use crate::stream::{StreamSummary, TokenStream};
use crate::{Error, StreamToken};

/// A call that several readers share. It has no task of its own: whoever reads drives it, and it is dropped
/// with its last reader, which aborts the request.
pub(crate) struct Flight {
    state: Mutex<State>,
    readers: Arc<Readers>,
    /// Called once, at the end.
    landed: Box<Landed>,
}

/// Takes the whole answer if it ended well.
type Landed = dyn Fn(Option<(&[StreamToken], &StreamSummary)>) + Send + Sync;

struct State {
    source: Source,
    log: Vec<StreamToken>,
}

enum Source {
    Opening(BoxFuture<'static, Result<TokenStream, Error>>),
    /// In a box, as it is much larger than the others.
    Open(Box<TokenStream>),
    Landed(Box<StreamSummary>),
    /// Whether the call failed before there was a stream, and how.
    Failed {
        opening: bool,
        error: Error,
    },
}

/// The wakers of all readers that wait, by the number of the reader.
#[derive(Default)]
struct Readers(Mutex<(u64, BTreeMap<u64, Waker>)>);

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut self.0.locked().1);
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Flight {
    pub(crate) fn new(
        opening: BoxFuture<'static, Result<TokenStream, Error>>,
        landed: impl Fn(Option<(&[StreamToken], &StreamSummary)>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { source: Source::Opening(opening), log: Vec::new() }),
            readers: Arc::default(),
            landed: Box::new(landed),
        })
    }

    pub(crate) fn reader(self: &Arc<Self>) -> FlightReader {
        let mut readers = self.readers.0.locked();
        readers.0 += 1;
        FlightReader { flight: self.clone(), number: readers.0, position: 0, ended: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    /// Goes one step on: the stream is open, or has one more token, or is at its end.
    fn advance(&self, state: &mut State) -> Poll<()> {
        let waker = Waker::from(self.readers.clone());
        let mut cx = Context::from_waker(&waker);
        match &mut state.source {
            Source::Opening(opening) => {
                state.source = match ready!(opening.as_mut().poll(&mut cx)) {
                    Ok(tokens) => Source::Open(Box::new(tokens)),
                    Err(error) => {
                        (self.landed)(None);
                        Source::Failed { opening: true, error }
                    }
                };
            }
            Source::Open(tokens) => match ready!(tokens.poll_next_unpin(&mut cx)) {
                Some(Ok(token)) => state.log.push(token),
                Some(Err(error)) => {
                    (self.landed)(None);
                    state.source = Source::Failed { opening: false, error };
                }
                None => {
                    let summary = tokens.summary();
                    (self.landed)(Some((&state.log, &summary)));
                    state.source = Source::Landed(Box::new(summary));
                }
            },
            Source::Landed(_) | Source::Failed { .. } => return Poll::Ready(()),
        }
        // Others may have waited for this step.
        self.readers.clone().wake();
        Poll::Ready(())
    }
}

/// One reader of a flight.
pub(crate) struct FlightReader {
    flight: Arc<Flight>,
    number: u64,
    position: usize,
    ended: bool,
}

impl FlightReader {
    /// Waits until there is a stream to read.
    pub(crate) async fn open(self) -> Result<Self, Error> {
        std::future::poll_fn(|cx| {
            loop {
                let mut state = self.flight.state();
                match &state.source {
                    Source::Opening(_) => {}
                    Source::Failed { opening: true, error } => return Poll::Ready(Err(error.clone())),
                    _ => return Poll::Ready(Ok(())),
                }
                self.wait(cx);
                ready!(self.flight.advance(&mut state));
            }
        })
        .await?;
        Ok(self)
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<StreamToken, Error>>> {
        loop {
            let mut state = self.flight.state();
            if let Some(token) = state.log.get(self.position) {
                self.position += 1;
                return Poll::Ready(Some(Ok(token.clone())));
            }
            match &state.source {
                Source::Landed(_) => return Poll::Ready(None),
                Source::Failed { .. } if self.ended => return Poll::Ready(None),
                Source::Failed { error, .. } => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error.clone())));
                }
                _ => {}
            }
            self.wait(cx);
            ready!(self.flight.advance(&mut state));
        }
    }

    pub(crate) fn summary(&self) -> StreamSummary {
        match &self.flight.state().source {
            Source::Open(tokens) => tokens.summary(),
            Source::Landed(summary) => StreamSummary::clone(summary),
            _ => StreamSummary::default(),
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        let mut readers = self.flight.readers.0.locked();
        readers.1.insert(self.number, cx.waker().clone());
    }
}

impl Drop for FlightReader {
    fn drop(&mut self) {
        self.flight.readers.0.locked().1.remove(&self.number);
    }
}
