//! Real connections, over reqwest.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::reqwest::header::{ACCEPT, CONNECTION, HeaderMap, HeaderName};
use ::reqwest::{Certificate, Client, Method, NoProxy, Proxy, Url, Version};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use hyper::ext::ReasonPhrase;
use tokio::time::{Instant, Sleep};

use super::lanes::{Lanes, Seat};
use super::{Headers, HttpRequest, HttpResponse, HttpVersion, Transport, TransportError, TransportErrorKind};
use crate::Text;

/// Sends requests over sockets: HTTP/1.1 and HTTP/2, TLS by rustls with the system's trust store.
///
/// Header lines go out in the order given, names in lower case, lines of the same name side by side;
/// `host`, `connection` and `content-length` as given. Two things differ: HTTP/2 has no `connection` and
/// `host`, and an HTTP/1.1 request without `accept` gets `accept: */*` at its end, as reqwest insists.
///
/// Redirects, content encodings and retries are left to the layers: see [`standard`](crate::layers::standard).
/// Connections are made when the first request needs them, kept for the next, and shared by clones.
/// Needs a Tokio runtime. Dropping a response's body closes its HTTP/1.1 connection, or resets its
/// HTTP/2 stream.
#[derive(Clone, Debug)]
pub struct ReqwestTransport(Arc<Inner>);

/// Settings of a [`ReqwestTransport`].
///
/// # Example: through a proxy, with a company's certificate
///
/// ```no_run
/// use samewire::transport::ReqwestTransport;
///
/// let transport = ReqwestTransport::builder()
///     .proxy("http://proxy.example.com:3128")
///     .no_proxy("localhost,.internal.example.com")
///     .ca_certificates(std::fs::read("company-ca.pem")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ReqwestTransportBuilder {
    proxy: Option<String>,
    no_proxy: Option<String>,
    system_proxy: bool,
    ca_certificates: Vec<Vec<u8>>,
    connect_timeout: Option<Duration>,
    body_idle_timeout: Option<Duration>,
    pool_idle_timeout: Option<Duration>,
    pool_max_idle_per_host: usize,
}

struct Inner {
    proxy: Option<Proxy>,
    ca_certificates: Vec<Certificate>,
    settings: ReqwestTransportBuilder,
    http11: OnceLock<Result<Client, TransportError>>,
    http2: Lanes,
}

impl ReqwestTransport {
    /// A transport with the default settings. Stacks no layers.
    pub fn new() -> Self {
        Self(Arc::new(Inner::new(ReqwestTransportBuilder::default(), None, Vec::new())))
    }

    /// Starts with the default settings.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let place = self.0.seat(request.options.version)?;
        let client = match &place {
            Some(seat) => seat.client(),
            None => self.0.http11()?,
        };
        let head_timeout = request.options.head_timeout;
        let (made, url) = to_reqwest(request)?;
        let sent = client.execute(made);
        let response = match head_timeout {
            Some(time) => tokio::time::timeout(time, sent).await.map_err(|_| {
                error(TransportErrorKind::HeadTimeout, "no response head within the time allowed")
            })?,
            None => sent.await,
        };
        let response = response.map_err(|error| failure(error, TransportErrorKind::Connect))?;
        let reason = match response.extensions().get::<ReasonPhrase>() {
            Some(reason) => Text::from(&*String::from_utf8_lossy(reason.as_bytes())),
            None if response.version() == Version::HTTP_2 => Text::new(),
            None => Text::from_static(response.status().canonical_reason().unwrap_or_default()),
        };
        let (status, headers) = (response.status().as_u16(), received(response.headers()));
        let body = response.bytes_stream().map(move |chunk| {
            // The place is held for as long as the body.
            let _ = &place;
            chunk
        });
        Ok(HttpResponse {
            status,
            reason,
            headers,
            url,
            body: Box::pin(ReceivedBody::new(body, self.0.settings.body_idle_timeout)),
        })
    }
}

impl Default for ReqwestTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

impl Default for ReqwestTransportBuilder {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: None,
            system_proxy: true,
            ca_certificates: Vec::new(),
            connect_timeout: Some(Duration::from_secs(10)),
            body_idle_timeout: Some(Duration::from_secs(300)),
            pool_idle_timeout: Some(Duration::from_secs(90)),
            pool_max_idle_per_host: usize::MAX,
        }
    }
}

impl ReqwestTransportBuilder {
    /// Sends everything through this proxy: `http:`, `https:`, `socks5:` or `socks5h:`, with user and
    /// password in the URL if it wants them.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Hosts that [`proxy`](Self::proxy) is not for, in the form of the `NO_PROXY` variable.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.no_proxy = Some(hosts.into());
        self
    }

    /// Whether the system's proxy settings and `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`
    /// count, if no [`proxy`](Self::proxy) is set. They do by default.
    pub fn system_proxy(mut self, used: bool) -> Self {
        self.system_proxy = used;
        self
    }

    /// Trusts these certificates too (one or several, PEM), beside the system's.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// The longest wait for a connection, 10 s by default; `None` leaves it to the system.
    pub fn connect_timeout(mut self, time: Option<Duration>) -> Self {
        self.connect_timeout = time;
        self
    }

    /// The longest silence inside a body, 300 s by default; `None` waits for ever.
    pub fn body_idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.body_idle_timeout = time;
        self
    }

    /// How long an unused connection is kept, 90 s by default; `None` keeps it as long as it lives.
    pub fn pool_idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.pool_idle_timeout = time;
        self
    }

    /// How many unused connections are kept per host, without limit by default; 0 keeps none.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool_max_idle_per_host = connections;
        self
    }

    /// Makes the transport, without connecting.
    ///
    /// # Errors
    ///
    /// [`TransportErrorKind::Request`] if the proxy URL or a certificate cannot be read.
    pub fn build(mut self) -> Result<ReqwestTransport, TransportError> {
        let bad = |what: &str| error(TransportErrorKind::Request, what);
        let proxy = match self.proxy.take() {
            None => None,
            Some(url) => {
                let proxy = Proxy::all(url).map_err(|_| bad("the proxy URL cannot be read"))?;
                Some(proxy.no_proxy(self.no_proxy.as_deref().and_then(NoProxy::from_string)))
            }
        };
        let mut certificates = Vec::new();
        for pem in std::mem::take(&mut self.ca_certificates) {
            let bundle = Certificate::from_pem_bundle(&pem);
            let bundle = bundle.map_err(|_| bad("a CA certificate cannot be read as PEM"))?;
            if bundle.is_empty() {
                return Err(bad("there is no PEM certificate in the CA certificates"));
            }
            certificates.extend(bundle);
        }
        Ok(ReqwestTransport(Arc::new(Inner::new(self, proxy, certificates))))
    }
}

impl Inner {
    fn new(
        settings: ReqwestTransportBuilder,
        proxy: Option<Proxy>,
        ca_certificates: Vec<Certificate>,
    ) -> Self {
        Self { proxy, ca_certificates, settings, http11: OnceLock::new(), http2: Lanes::default() }
    }

    fn http11(&self) -> Result<&Client, TransportError> {
        self.http11.get_or_init(|| self.connectable(HttpVersion::Http11)).as_ref().map_err(Clone::clone)
    }

    /// Where one stream of HTTP/2 belongs; HTTP/1.1 needs no such thing.
    fn seat(&self, version: HttpVersion) -> Result<Option<Seat>, TransportError> {
        match version {
            HttpVersion::Http11 => Ok(None),
            HttpVersion::Http2 => self.http2.seat(|| self.connectable(version)).map(Some),
        }
    }

    fn connectable(&self, version: HttpVersion) -> Result<Client, TransportError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails only if another thread was faster, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut client = Client::builder()
            .redirect(::reqwest::redirect::Policy::none())
            // `never` alone still copies each request for a second try.
            .retry(::reqwest::retry::never().max_retries_per_request(0))
            .referer(false)
            .tls_certs_merge(self.ca_certificates.iter().cloned())
            .pool_idle_timeout(self.settings.pool_idle_timeout)
            .pool_max_idle_per_host(self.settings.pool_max_idle_per_host);
        if let Some(time) = self.settings.connect_timeout {
            client = client.connect_timeout(time);
        }
        client = match &self.proxy {
            Some(proxy) => client.proxy(proxy.clone()),
            None if self.settings.system_proxy => client,
            None => client.no_proxy(),
        };
        client = match version {
            HttpVersion::Http11 => client.http1_only(),
            HttpVersion::Http2 => client.http2_prior_knowledge(),
        };
        client.build().map_err(|error| failure(error, TransportErrorKind::Connect))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The request in reqwest's form, and its URL.
fn to_reqwest(request: HttpRequest) -> Result<(::reqwest::Request, String), TransportError> {
    let bad = |what: &str| error(TransportErrorKind::Request, what);
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| bad("invalid method"))?;
    let url = Url::parse(&request.url).map_err(|_| bad("invalid URL"))?;
    let mut made = ::reqwest::Request::new(method, url);
    *made.headers_mut() = header_map(&request.headers, request.options.version)?;
    *made.version_mut() = match request.options.version {
        HttpVersion::Http11 => Version::HTTP_11,
        HttpVersion::Http2 => Version::HTTP_2,
    };
    if !request.body.is_empty() {
        *made.body_mut() = Some(request.body.into());
    }
    Ok((made, request.url))
}

fn header_map(headers: &Headers, version: HttpVersion) -> Result<HeaderMap, TransportError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers.iter() {
        if version == HttpVersion::Http2 && !travels_over_http2(name) {
            continue;
        }
        let bad = |what| error(TransportErrorKind::Request, &format!("invalid {what} of header {name:?}"));
        let made = header_name(name).ok_or_else(|| bad("name"))?;
        let mut bytes = ::reqwest::header::HeaderValue::from_maybe_shared(value.bytes().clone())
            .map_err(|_| bad("value"))?;
        bytes.set_sensitive(value.is_secret());
        map.append(made, bytes);
    }
    if version == HttpVersion::Http2 && !map.contains_key(ACCEPT) {
        // reqwest adds an `accept` where there is none. hyper takes away, on HTTP/2, `connection` and
        // the headers that it names. Both must be last, since a removal moves the last line.
        map.append(ACCEPT, ::reqwest::header::HeaderValue::from_static("*/*"));
        map.append(CONNECTION, ::reqwest::header::HeaderValue::from_static("accept"));
    }
    Ok(map)
}

/// The name in http's form, which copies all but the names that are there already.
fn header_name(name: &str) -> Option<HeaderName> {
    let known = SDK_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, made)| made.clone()).or_else(|| HeaderName::from_bytes(name.as_bytes()).ok())
}

/// What the SDKs send with every request and the crate `http` has no constants for.
static SDK_NAMES: [(&str, HeaderName); 15] = [
    sdk_name("x-stainless-lang"),
    sdk_name("x-stainless-package-version"),
    sdk_name("x-stainless-os"),
    sdk_name("x-stainless-arch"),
    sdk_name("x-stainless-runtime"),
    sdk_name("x-stainless-runtime-version"),
    sdk_name("x-stainless-retry-count"),
    sdk_name("x-stainless-timeout"),
    sdk_name("http-referer"),
    sdk_name("x-title"),
    sdk_name("sec-fetch-mode"),
    sdk_name("x-api-key"),
    sdk_name("anthropic-version"),
    sdk_name("anthropic-beta"),
    sdk_name("x-goog-api-key"),
];

const fn sdk_name(name: &'static str) -> (&'static str, HeaderName) {
    (name, HeaderName::from_static(name))
}

/// The lines of an answer, all in one buffer of their own: slices of hyper's would keep that from being used again.
fn received(lines: &HeaderMap) -> Headers {
    let length = lines.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut text = BytesMut::with_capacity(length);
    for (name, value) in lines {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    let mut text = text.freeze();
    let line = |(name, value): (&HeaderName, &::reqwest::header::HeaderValue)| {
        let name = Text::from_utf8_lossy(text.split_to(name.as_str().len()));
        (name, super::HeaderValue::new(text.split_to(value.len())))
    };
    lines.iter().map(line).collect()
}

fn travels_over_http2(name: &str) -> bool {
    let hop = ["connection", "host", "keep-alive", "transfer-encoding"];
    !name.starts_with(':') && !hop.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// A body as it arrives: fails if the peer falls silent, and ends after a failure.
struct ReceivedBody<S> {
    stream: Option<S>,
    /// The longest silence.
    idle: Option<Duration>,
    /// Its end; made for the first chunk that is not there yet.
    silent_until: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<S> ReceivedBody<S> {
    fn new(stream: S, idle: Option<Duration>) -> Self {
        Self { stream: Some(stream), idle, silent_until: None, waiting: false }
    }
}

impl<S: Stream<Item = ::reqwest::Result<Bytes>> + Unpin> Stream for ReceivedBody<S> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else { return Poll::Ready(None) };
        if let Poll::Ready(item) = Pin::new(stream).poll_next(cx) {
            this.waiting = false;
            return Poll::Ready(match item {
                Some(Ok(chunk)) => Some(Ok(chunk)),
                Some(Err(error)) => {
                    this.stream = None;
                    Some(Err(failure(error, TransportErrorKind::Interrupted)))
                }
                None => {
                    this.stream = None;
                    None
                }
            });
        }
        let Some(time) = this.idle else { return Poll::Pending };
        let sleep = this.silent_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        if !std::mem::replace(&mut this.waiting, true) {
            sleep.as_mut().reset(Instant::now() + time);
        }
        ready!(sleep.as_mut().poll(cx));
        this.stream = None;
        Poll::Ready(Some(Err(error(TransportErrorKind::Interrupted, "the body fell silent for too long"))))
    }
}

/// What a reqwest error means, in words without the URL.
fn failure(failed: ::reqwest::Error, otherwise: TransportErrorKind) -> TransportError {
    let failed = failed.without_url();
    let mut detail = failed.to_string();
    let mut source = failed.source();
    while let Some(cause) = source {
        if let Some(reset) = cause.downcast_ref::<h2::Error>().filter(|error| error.is_reset())
            && let Some(reason) = reset.reason()
        {
            return error(TransportErrorKind::StreamReset, &format!("stream reset by the peer: {reason:?}"));
        }
        let text = cause.to_string();
        if !detail.ends_with(&text) {
            detail.push_str(": ");
            detail.push_str(&text);
        }
        source = cause.source();
    }
    let kind = if failed.is_builder() { TransportErrorKind::Request } else { otherwise };
    TransportError { kind, detail }
}

fn error(kind: TransportErrorKind, detail: &str) -> TransportError {
    TransportError { kind, detail: detail.to_owned() }
}
