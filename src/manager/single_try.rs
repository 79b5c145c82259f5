//! Leaves retries to the manager.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::transport::{HttpRequest, HttpResponse, RetryPolicy, Transport, TransportError};

/// Sends every request once. The outermost layer: inside of it nobody tries again, so that retries do not
/// multiply with the manager's. Token exchanges keep theirs.
pub(super) struct SingleTry(Arc<dyn Transport>);

impl SingleTry {
    pub(super) fn new(inner: Arc<dyn Transport>) -> Self {
        Self(inner)
    }
}

impl Transport for SingleTry {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        if !matches!(request.options.retry, RetryPolicy::Steps { .. }) {
            request.options.retry = RetryPolicy::Never;
        }
        self.0.send(request)
    }
}
