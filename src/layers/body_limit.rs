//! Limits how large a body may become.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::transport::{Body, HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};

/// Ends a body that grows beyond a limit with [`TransportErrorKind::TooLarge`], so that no answer, good or bad,
/// can fill the memory of whoever collects it.
///
/// Its place is around the [decoding](crate::layers::DecodeLayer) of contents: what counts is what a
/// body unpacks to.
///
/// # Example: answers of at most a megabyte
///
/// ```
/// use std::sync::Arc;
/// use samewire::layers::{BodyLimitLayer, DecodeLayer};
/// use samewire::transport::ReplayTransport;
///
/// let inner = Arc::new(ReplayTransport::new([]));
/// let transport = BodyLimitLayer::new(Arc::new(DecodeLayer::new(inner)), 1 << 20);
/// # let _ = transport;
/// ```
#[derive(Clone)]
pub struct BodyLimitLayer {
    inner: Arc<dyn Transport>,
    bytes: u64,
}

/// The limit unless another is set: 256 MiB. The largest answers known, images in base64, have tens of them.
pub const DEFAULT_BODY_LIMIT: u64 = 256 << 20;

impl BodyLimitLayer {
    /// Lets bodies of up to that many bytes through.
    pub fn new(inner: Arc<dyn Transport>, bytes: u64) -> Self {
        Self { inner, bytes }
    }
}

impl Transport for BodyLimitLayer {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let (limit, left) = (self.bytes, self.bytes);
        // Out here, so that the future need not keep the request.
        let sent = self.inner.send(request);
        Box::pin(async move {
            let mut response = sent.await?;
            response.body = Box::pin(LimitedBody { body: Some(response.body), limit, left });
            Ok(response)
        })
    }
}

impl fmt::Debug for BodyLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyLimitLayer").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

struct LimitedBody {
    /// `None` once the limit was passed.
    body: Option<Body>,
    limit: u64,
    left: u64,
}

impl Stream for LimitedBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let item = ready!(body.as_mut().poll_next(cx));
        if let Some(Ok(chunk)) = &item {
            let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
                self.body = None;
                return Poll::Ready(Some(Err(TransportError {
                    kind: TransportErrorKind::TooLarge,
                    detail: format!(
                        "the answer is larger than the limit of {} bytes (setting `bodyLimitBytes`)",
                        self.limit
                    ),
                })));
            };
            self.left = left;
        }
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::transport::{Exchange, Headers, ReplayTransport, RequestOptions};

    async fn read(limit: u64) -> (usize, Option<TransportErrorKind>) {
        let exchange = Exchange::new(200).body("0123456789").cut_at([4, 8]);
        let layer = BodyLimitLayer::new(Arc::new(ReplayTransport::new([exchange])), limit);
        let request = HttpRequest {
            method: "GET",
            url: "https://large.example.com/".into(),
            headers: Headers::new(),
            body: Bytes::new(),
            options: RequestOptions::default(),
        };
        let mut body = layer.send(request).await.unwrap().body;
        let (mut bytes, mut failed) = (0, None);
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => bytes += chunk.len(),
                Err(error) => failed = Some(error.kind),
            }
        }
        (bytes, failed)
    }

    #[tokio::test]
    async fn a_body_at_its_limit_passes_and_one_above_it_ends_with_one_error() {
        assert_eq!(read(10).await, (10, None));
        assert_eq!(read(9).await, (8, Some(TransportErrorKind::TooLarge)));
        assert_eq!(read(0).await, (0, Some(TransportErrorKind::TooLarge)));
    }
}
