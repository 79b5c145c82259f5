//! Signs each attempt.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::clock::Clock;
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};

/// Lets [`RequestOptions::signer`](crate::transport::RequestOptions::signer) complete every request.
///
/// This is the innermost layer, as a signature covers the headers as they go on the wire and the time of
/// the attempt.
#[derive(Clone)]
pub struct SignLayer {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl SignLayer {
    /// Wraps a transport; the time of signing comes from the clock.
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock }
    }
}

impl Transport for SignLayer {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        if let Some(signer) = request.options.signer.clone() {
            signer.sign(&mut request, self.clock.now());
        }
        self.inner.send(request)
    }
}
