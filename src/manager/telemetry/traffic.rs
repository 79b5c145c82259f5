//! How many bytes an attempt sends and receives.
//!
//! A provider serves many calls at once through one transport. Which of them a request belongs to is told by the task that
//! works for the attempt: [`Traffic::around`] is in force while it asks, [`Traffic::during`] while its answer is read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_core::future::BoxFuture;
use futures_util::StreamExt;

use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};

tokio::task_local! {
    static CURRENT: Arc<Traffic>;
}

/// The bytes of an attempt's bodies, as far as they have gone.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    any: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Counts what is sent within, and what comes back.
    pub(crate) async fn around<T>(traffic: Option<Arc<Self>>, work: Pin<&mut impl Future<Output = T>>) -> T {
        match traffic {
            Some(traffic) => CURRENT.scope(traffic, work).await,
            None => work.await,
        }
    }

    /// The same for one step.
    pub(crate) fn during<T>(traffic: Option<&Arc<Self>>, work: impl FnOnce() -> T) -> T {
        match traffic {
            Some(traffic) => CURRENT.sync_scope(traffic.clone(), work),
            None => work(),
        }
    }

    /// Bytes sent and received; `None` if nothing went through the manager's transport.
    pub(crate) fn bytes(&self) -> Option<(u64, u64)> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.any.load(Ordering::Relaxed).then(|| (count(&self.sent), count(&self.received)))
    }
}

/// Counts for the attempt that sends, if one does. Outside of all layers, so that a body counts as it was before
/// compression, and once however often it was sent.
pub(crate) struct Counted(Arc<dyn Transport>);

impl Counted {
    pub(crate) fn new(inner: Arc<dyn Transport>) -> Self {
        Self(inner)
    }
}

impl Transport for Counted {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let Ok(traffic) = CURRENT.try_with(Arc::clone) else { return self.0.send(request) };
        traffic.any.store(true, Ordering::Relaxed);
        traffic.sent.fetch_add(request.body.len() as u64, Ordering::Relaxed);
        let sent = self.0.send(request);
        Box::pin(async move {
            let mut response = sent.await?;
            response.body = Box::pin(response.body.inspect(move |chunk| {
                let arrived = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                traffic.received.fetch_add(arrived, Ordering::Relaxed);
            }));
            Ok(response)
        })
    }
}
