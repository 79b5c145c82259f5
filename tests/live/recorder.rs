//! A transport that remembers what passes through it.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use samewire::transport::{Headers, HttpRequest, HttpResponse, Transport, TransportError};

/// Remembers every exchange of the transport behind it.
pub(crate) struct Recorder {
    inner: Arc<dyn Transport>,
    exchanges: Arc<Mutex<Vec<Recorded>>>,
}

/// A request and its answer.
#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) request: HttpRequest,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Headers,
    body: Arc<Mutex<Vec<u8>>>,
}

impl Recorded {
    /// The part of the body that has arrived.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.body.lock().unwrap().clone()
    }
}

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, exchanges: Arc::default() }
    }

    pub(crate) fn exchanges(&self) -> Vec<Recorded> {
        self.exchanges.lock().unwrap().clone()
    }
}

impl Transport for Recorder {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let mut response = self.inner.send(request.clone()).await?;
            let body: Arc<Mutex<Vec<u8>>> = Arc::default();
            self.exchanges.lock().unwrap().push(Recorded {
                request,
                status: response.status,
                reason: response.reason.to_string(),
                headers: response.headers.clone(),
                body: body.clone(),
            });
            response.body = Box::pin(response.body.inspect(move |chunk| {
                if let Ok(chunk) = chunk {
                    body.lock().unwrap().extend_from_slice(chunk);
                }
            }));
            Ok(response)
        })
    }
}
