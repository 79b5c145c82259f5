//! A body must not fall silent for too long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, Sleep};

use super::failure::error;
use super::{TransportError, TransportErrorKind};

/// A body as it arrives: fails if the peer falls silent, and ends after a failure.
pub(super) struct UnlessSilent<S> {
    chunks: Option<S>,
    /// The longest silence.
    limit: Option<Duration>,
    /// Its end; made for the first chunk that is not there yet.
    silent_until: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<S> UnlessSilent<S> {
    pub(super) fn new(chunks: S, limit: Option<Duration>) -> Self {
        Self { chunks: Some(chunks), limit, silent_until: None, waiting: false }
    }
}

impl<S: Stream<Item = Result<Bytes, TransportError>> + Unpin> Stream for UnlessSilent<S> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(chunks) = &mut this.chunks else { return Poll::Ready(None) };
        if let Poll::Ready(chunk) = Pin::new(chunks).poll_next(cx) {
            this.waiting = false;
            if !matches!(chunk, Some(Ok(_))) {
                this.chunks = None;
            }
            return Poll::Ready(chunk);
        }
        let Some(time) = this.limit else { return Poll::Pending };
        let sleep = this.silent_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        if !std::mem::replace(&mut this.waiting, true) {
            sleep.as_mut().reset(Instant::now() + time);
        }
        ready!(sleep.as_mut().poll(cx));
        this.chunks = None;
        Poll::Ready(Some(Err(error(TransportErrorKind::Interrupted, "the body fell silent for too long"))))
    }
}
