//! The stream that a manager hands out: one attempt's answer, minded to its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep};

use super::config::ProviderConfig;
use super::report::Sample;
use super::telemetry::traffic::Traffic;
use crate::response::Collector;
use crate::stream::{Minded, StreamSummary, TokenStream};
use crate::transport::Headers;
use crate::{Error, ErrorKind, StreamToken};

/// An answer that has begun. Whatever happens to it now is final: it ends whole, or with an error of kind
/// [`Interrupted`](ErrorKind::Interrupted) that carries what arrived. It never begins again.
pub(super) struct Answer {
    tokens: TokenStream,
    provider: String,
    /// `None` once it is over.
    open: Option<Open>,
    idle: Option<Idle>,
    /// Of an answer that broke off.
    broken_off: Option<Box<StreamSummary>>,
    require_finish_reason: bool,
}

/// The longest silence. It counts only while somebody listens.
struct Idle {
    time: Duration,
    until: Pin<Box<Sleep>>,
    listening: bool,
}

struct Open {
    sample: Sample,
    collected: Collector,
}

impl Answer {
    pub(super) fn new(tokens: TokenStream, config: &ProviderConfig, sample: Sample) -> Self {
        let idle = config.idle_timeout.map(|time| {
            let until = Box::pin(tokio::time::sleep(time));
            Idle { time, until, listening: false }
        });
        let open = Some(Open { sample, collected: Collector::default() });
        Self {
            tokens,
            provider: config.id.clone(),
            open,
            idle,
            broken_off: None,
            require_finish_reason: config.require_finish_reason,
        }
    }

    fn break_off(&mut self, cause: Error) -> Option<Error> {
        let Open { sample, collected } = self.open.take()?;
        sample.failure(&cause);
        let summary = self.tokens.summary();
        let partial = collected.finish(summary.clone());
        self.broken_off = Some(Box::new(summary));
        // Closes the connection at once, whoever keeps the stream.
        self.tokens = TokenStream::from_tokens(futures_util::stream::empty());
        let message = format!("the answer of {} broke off: {}", self.provider, cause.message());
        let error = Error::new(ErrorKind::Interrupted, message).with_provider(self.provider.clone());
        Some(error.with_partial(partial).with_cause(cause))
    }

    fn finish(&mut self) -> Option<Error> {
        if self.require_finish_reason && self.tokens.summary().finish_reason.is_none() {
            return self.break_off(Error::invalid_response("the stream ended without a finish reason"));
        }
        self.open.take()?.sample.success();
        None
    }
}

impl Stream for Answer {
    type Item = Result<StreamToken, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(open) = &mut this.open else { return Poll::Ready(None) };
        let tokens = &mut this.tokens;
        match Traffic::during(open.sample.traffic(), || Pin::new(tokens).poll_next(cx)) {
            Poll::Ready(Some(Ok(token))) => {
                open.collected.add(&token);
                if let Some(idle) = &mut this.idle {
                    idle.listening = false;
                }
                Poll::Ready(Some(Ok(token)))
            }
            Poll::Ready(Some(Err(cause))) => Poll::Ready(this.break_off(cause).map(Err)),
            Poll::Ready(None) => Poll::Ready(this.finish().map(Err)),
            Poll::Pending => {
                let Some(idle) = &mut this.idle else { return Poll::Pending };
                if !idle.listening {
                    idle.listening = true;
                    idle.until.as_mut().reset(Instant::now() + idle.time);
                }
                if idle.until.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                let silence = format!("nothing came for {} s", idle.time.as_secs_f64());
                Poll::Ready(this.break_off(Error::new(ErrorKind::Timeout, silence)).map(Err))
            }
        }
    }
}

impl Minded for Answer {
    fn summary(&self) -> StreamSummary {
        let known = self.broken_off.as_deref().cloned().unwrap_or_else(|| self.tokens.summary());
        StreamSummary { provider: Some(self.provider.as_str().into()), ..known }
    }

    fn headers(&self) -> Option<&Headers> {
        self.tokens.headers()
    }
}
