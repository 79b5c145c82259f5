//! Limits the time that an exchange may take.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::transport::{Body, HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};

/// Limits the wait for the response head, and the whole exchange up to the last byte of its body.
///
/// Put it around [`standard`](crate::layers::standard) to limit a call with all its retries. Put inside
/// it, the total would begin anew with each attempt.
///
/// # Example: a local model that may think for an hour
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use samewire::layers::{HeadLimit, TimeoutLayer};
/// use samewire::transport::ReplayTransport;
///
/// let inner = Arc::new(ReplayTransport::new([]));
/// let transport = TimeoutLayer::new(inner).head(HeadLimit::Off).total(Some(Duration::from_secs(3600)));
/// # let _ = transport;
/// ```
#[derive(Clone)]
#[must_use]
pub struct TimeoutLayer {
    inner: Arc<dyn Transport>,
    head: HeadLimit,
    total: Option<Duration>,
}

/// The longest wait for the response head of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadLimit {
    /// What the request asks for: 600 s for most providers, as in the reference.
    #[default]
    AsRequested,
    /// No limit.
    Off,
    /// This long.
    At(Duration),
}

impl TimeoutLayer {
    /// Limits nothing yet.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, head: HeadLimit::AsRequested, total: None }
    }

    /// Limits the wait for the response head of each attempt.
    pub fn head(mut self, limit: HeadLimit) -> Self {
        self.head = limit;
        self
    }

    /// Limits the exchange from the request to the last byte of the body, retries and their waits included;
    /// `None` limits nothing. A body that is cut off so ends with [`TransportErrorKind::Interrupted`].
    pub fn total(mut self, limit: Option<Duration>) -> Self {
        self.total = limit;
        self
    }

    async fn send_in_time(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self.head {
            HeadLimit::AsRequested => {}
            HeadLimit::Off => request.options.head_timeout = None,
            HeadLimit::At(time) => request.options.head_timeout = Some(time),
        }
        let Some(total) = self.total else { return self.inner.send(request).await };
        let deadline = Instant::now() + total;
        let sent = tokio::time::timeout_at(deadline, self.inner.send(request)).await;
        let mut response = sent.map_err(|_| TransportError {
            kind: TransportErrorKind::HeadTimeout,
            detail: format!("no answer within {total:?}"),
        })??;
        let body =
            TimedBody { body: response.body, end: Box::pin(tokio::time::sleep_until(deadline)), total };
        response.body = Box::pin(body);
        Ok(response)
    }
}

impl Transport for TimeoutLayer {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.send_in_time(request))
    }
}

impl fmt::Debug for TimeoutLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutLayer")
            .field("head", &self.head)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// A body that breaks off at its deadline.
struct TimedBody {
    body: Body,
    end: Pin<Box<Sleep>>,
    total: Duration,
}

impl Stream for TimedBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(chunk) = self.body.as_mut().poll_next(cx) {
            return Poll::Ready(chunk);
        }
        if self.end.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(TransportError {
            kind: TransportErrorKind::Interrupted,
            detail: format!("the answer took longer than {:?}", self.total),
        })))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::transport::{Headers, RequestOptions};

    /// Answers after a second, then trickles one byte a second for ever.
    struct Slow;

    impl Transport for Slow {
        fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let limit = request.options.head_timeout.map_or("off".into(), |time| format!("{time:?}"));
                let trickle = stream::repeat(()).then(|()| async {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(Bytes::from_static(b"x"))
                });
                Ok(HttpResponse {
                    status: 200,
                    reason: limit.into(),
                    headers: Headers::new(),
                    url: request.url,
                    body: Box::pin(trickle),
                })
            })
        }
    }

    fn request() -> HttpRequest {
        HttpRequest {
            method: "GET",
            url: "https://slow.example.com/".into(),
            headers: Headers::new(),
            body: Bytes::new(),
            options: RequestOptions::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_exchange_ends_at_its_limit() {
        let layer = TimeoutLayer::new(Arc::new(Slow)).total(Some(Duration::from_millis(4500)));
        let response = layer.send(request()).await.unwrap();
        let chunks: Vec<_> = response.body.take(10).collect().await;
        let arrived = chunks.iter().take_while(|chunk| chunk.is_ok()).count();
        assert_eq!(arrived, 3);
        assert_eq!(chunks[3].as_ref().unwrap_err().kind, TransportErrorKind::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_begin_in_time_is_a_head_timeout() {
        let layer = TimeoutLayer::new(Arc::new(Slow)).total(Some(Duration::from_millis(500)));
        assert_eq!(layer.send(request()).await.unwrap_err().kind, TransportErrorKind::HeadTimeout);
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_limit_of_the_request_can_be_replaced_or_switched_off() {
        let layer = TimeoutLayer::new(Arc::new(Slow));
        assert_eq!(layer.send(request()).await.unwrap().reason, "600s");
        let off = layer.clone().head(HeadLimit::Off);
        assert_eq!(off.send(request()).await.unwrap().reason, "off");
        let at = layer.head(HeadLimit::At(Duration::from_secs(7)));
        assert_eq!(at.send(request()).await.unwrap().reason, "7s");
    }
}
