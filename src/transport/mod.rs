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

pub(crate) mod javascript;
#[cfg(feature = "http")]
mod lanes;
mod replay;
#[cfg(feature = "http")]
mod reqwest;

pub use replay::{Disconnect, Exchange, ReplayTransport};
#[cfg(feature = "http")]
pub use reqwest::{ReqwestTransport, ReqwestTransportBuilder};

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
/// use samewire::transport::{HttpRequest, HttpResponse, ReqwestTransport, Transport, TransportError};
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
/// let counting = CountBytes { inner: Arc::new(ReqwestTransport::new()), sent: AtomicU64::new(0) };
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

/// Header lines in wire order; names keep their spelling, and the same name may stand twice.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Text, HeaderValue)>);

/// The bytes of a header value, and whether they are a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderValue {
    bytes: Bytes,
    secret: bool,
}

impl HeaderValue {
    /// A value that may be shown.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: false }
    }

    /// A value that `Debug` output hides.
    pub fn secret(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: true }
    }

    /// The bytes as they go on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes, shared.
    #[cfg(feature = "http")]
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The bytes, to be shared.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the value is a key, a token or another secret.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl From<&'static str> for HeaderValue {
    fn from(value: &'static str) -> Self {
        Self::new(value)
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("[secret]") } else { self.bytes.fmt(f) }
    }
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, with room for that many lines.
    pub(crate) fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    /// Adds a line at the end, whatever stands there already.
    pub fn append(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        self.0.push((name.into(), value.into()));
    }

    /// Removes every line of that name (any case) and adds one at the end.
    pub fn replace(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        self.remove(&name);
        self.append(name, value);
    }

    /// Changes the value of the first line of that name in its place, or adds one at the end.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(&name)) {
            Some((_, old)) => *old = value.into(),
            None => self.append(name, value),
        }
    }

    /// Puts lines behind the first line of that name (any case), or at the end. Lines of the same names
    /// that stand there already go.
    pub fn insert_behind<N, V>(&mut self, name: &str, lines: impl IntoIterator<Item = (N, V)>)
    where
        N: Into<Text>,
        V: Into<HeaderValue>,
    {
        let lines: Vec<(Text, HeaderValue)> =
            lines.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.0.retain(|(n, _)| !lines.iter().any(|(new, _)| n.eq_ignore_ascii_case(new)));
        let at = self.0.iter().position(|(n, _)| n.eq_ignore_ascii_case(name));
        let at = at.map_or(self.0.len(), |at| at + 1);
        self.0.splice(at..at, lines);
    }

    /// Removes every line of that name (any case).
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// The value of the first line of that name (any case).
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All values of that name joined with `, `, as JavaScript's `Headers.get` gives them.
    pub fn joined(&self, name: &str) -> Option<String> {
        let mut values = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut joined = latin1(values.next()?.1.as_bytes());
        for (_, value) in values {
            joined.push_str(", ");
            joined.push_str(&latin1(value.as_bytes()));
        }
        Some(joined)
    }

    /// The lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The lines in order, whose clones share their text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Text, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The lines in order, without a copy.
    #[cfg(feature = "http")]
    pub(crate) fn into_lines(self) -> impl Iterator<Item = (Text, HeaderValue)> {
        self.0.into_iter()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<Text>, V: Into<HeaderValue>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        Self(lines.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
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
