//! How a request travels: one trait with one method, plain data in and out.
//!
//! Codecs make an [`HttpRequest`] without I/O; a [`Transport`] carries it. Layers (retry, rate limit,
//! timeouts, tracing) are transports around a transport, so they hold for every call.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::Text;

#[cfg(feature = "http")]
mod failure;
mod headers;
#[cfg(feature = "http")]
mod heads;
#[cfg(feature = "http")]
mod hyper;
pub(crate) mod javascript;
mod replay;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "http")]
mod silence;

pub(crate) use headers::CONTENT_LENGTH;
pub use headers::{HeaderValue, Headers};
#[cfg(feature = "http")]
pub use hyper::{HyperTransport, HyperTransportBuilder};
pub use replay::{Disconnect, Exchange, ReplayTransport};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;

/// Carries one request and returns the response head with its body as a stream.
///
/// A status of 400 or above is a response like any other, not an error. Dropping the future or the
/// body cancels the exchange and closes or frees its connection.
///
/// # Example: a layer of your own
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use futures_core::future::BoxFuture;
/// use samewire::Context;
/// use samewire::transport::{HttpRequest, HttpResponse, HyperTransport, Transport, TransportError};
///
/// struct CountBytes {
///     inner: Arc<dyn Transport>,
///     sent: AtomicU64,
/// }
///
/// impl Transport for CountBytes {
///     fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
///         self.sent.fetch_add(request.body.len() as u64, Ordering::Relaxed);
///         self.inner.send(request)
///     }
/// }
///
/// let counting = CountBytes { inner: Arc::new(HyperTransport::new()), sent: AtomicU64::new(0) };
/// let context = Context::with_transport(Arc::new(counting)); // inside of retries and redirects
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and waits for the response head.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no response head arrived.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        (**self).send(request)
    }
}

/// One request, ready for the wire: what codecs give and transports take.
#[derive(Clone)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The absolute URL, already in the form of the WHATWG URL parser.
    pub url: String,
    /// Every header in wire order, `host`, `connection` and `content-length` included.
    pub headers: Headers,
    /// The body; empty for none.
    pub body: Bytes,
    /// How to carry it.
    pub options: RequestOptions,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &without_credentials(&self.url))
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A URL without its user, its password and its query, any of which may be secret.
fn without_credentials(url: &str) -> String {
    let address = url.split('?').next().unwrap_or_default();
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// How one request is to be carried: facts of the client that the reference uses for it.
#[derive(Clone, Debug)]
pub struct RequestOptions {
    /// The HTTP version to speak.
    pub version: HttpVersion,
    /// Which failures are tried again, and when.
    pub retry: RetryPolicy,
    /// Statuses that are never tried again: somebody outside has another key or provider.
    pub final_statuses: &'static [u16],
    /// How redirects and content encodings are treated.
    pub client: ClientKind,
    /// The longest wait for the response head; `None` waits for ever.
    pub head_timeout: Option<Duration>,
    /// Signs every attempt (AWS Signature Version 4), after all layers.
    pub signer: Option<Arc<dyn Sign>>,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            version: HttpVersion::Http11,
            retry: RetryPolicy::Never,
            final_statuses: &[],
            client: ClientKind::Fetch,
            head_timeout: Some(Duration::from_secs(600)),
            signer: None,
        }
    }
}

/// Adds the headers that depend on the attempt: signatures and dates.
pub trait Sign: Send + Sync + fmt::Debug {
    /// Completes the headers of one attempt. `now` is in milliseconds since the Unix epoch.
    fn sign(&self, request: &mut HttpRequest, now: f64);

    /// What must not be told by an error, whoever quotes it: secret keys, session tokens.
    fn secrets(&self) -> Vec<Bytes> {
        Vec::new()
    }

    /// Looks at the answer to a signed attempt, for a date that shows our clock to be wrong. True if
    /// the next signature will differ because of it, so that a refused request is worth another try.
    fn answered(&self, _response: &HttpResponse, _now: f64) -> bool {
        false
    }
}

/// The HTTP versions that the reference speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, with prior knowledge on plain `http:`.
    Http2,
}

/// Which JavaScript HTTP client the reference uses; it decides redirects and content decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// The `fetch` of Node 20 (undici).
    Fetch,
    /// The node-fetch 2 package.
    NodeFetch,
    /// The axios package.
    Axios,
    /// A bare HTTP client: no redirects, no decoding.
    Plain,
}

/// Which failures are tried again, and after what wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Every outcome is final.
    Never,
    /// Two more tries as the SDKs made by Stainless do it (OpenAI, Anthropic).
    Stainless {
        /// The header that counts the retries, if the attempt number is sent.
        count_header: Option<&'static str>,
    },
    /// Fixed waits, as Google's token exchange has them: the n-th failure waits the n-th time of the
    /// list that fits it, and is final if the list is shorter.
    Steps {
        /// The waits after an answer of 408, 429 or 500 to 599.
        answers: &'static [Duration],
        /// The waits after a connection that failed before the answer.
        drops: &'static [Duration],
    },
    /// The standard mode of the AWS SDKs: throttling and server errors, never connection failures.
    /// Rewrites the header `amz-sdk-request` for each attempt.
    AwsStandard {
        /// How often the request is sent at most.
        attempts: u8,
    },
}

/// A response head, and the body as it arrives.
pub struct HttpResponse {
    /// The status code, 100 to 599.
    pub status: u16,
    /// The reason phrase of HTTP/1.1; empty on HTTP/2.
    pub reason: Text,
    /// The header lines as received.
    pub headers: Headers,
    /// The URL that answered: after redirects, not always the one asked.
    pub url: String,
    /// The body, content encodings undone.
    pub body: Body,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A body as a stream of chunks; dropping it closes the exchange.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// What went wrong below HTTP's meaning.
#[derive(Clone, Debug)]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// The cause in words, without URL or secrets.
    pub detail: String,
}

/// The ways a transport can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No response head: refused, unreachable, TLS failure, or closed before the answer.
    Connect,
    /// No response head within the time allowed.
    HeadTimeout,
    /// The body ended before its end mark, or fell silent for too long.
    Interrupted,
    /// The body is not in the content encoding that its head declared.
    Encoding,
    /// HTTP/2: the peer reset the stream.
    StreamReset,
    /// The request cannot be sent: bad URL, scheme or header.
    Request,
    /// Too many redirects.
    Redirect,
    /// The body is larger than its limit.
    TooLarge,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for TransportError {}
