//! Real connections, over hyper: its client and its pool, and what connects them to services and proxies.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{self, Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use http::header::PROXY_AUTHORIZATION;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::connect::{Connector, Proxies};
use self::lanes::{Lanes, Seat};
use self::trust::Trust;
use super::failure::{error, failure};
use super::silence::UnlessSilent;
use super::{HttpRequest, HttpResponse, HttpVersion, Transport, TransportError, TransportErrorKind, heads};

mod connect;
mod lanes;
mod link;
mod platform;
mod trust;

/// Sends requests over sockets: HTTP/1.1 and HTTP/2, TLS by rustls with the system's trust store.
///
/// Header lines go out in the order given, names in lower case, lines of the same name side by side;
/// `host`, `connection` and `content-length` as given, but that HTTP/2 has no `connection` and no `host`.
///
/// Redirects, content encodings and retries are left to the layers: see [`standard`](crate::layers::standard).
/// Connections are made when the first request needs them, kept for the next, and shared by clones; certificates are
/// read when the first one speaks TLS. Needs a Tokio runtime. Dropping a response's body closes its HTTP/1.1
/// connection, or resets its HTTP/2 stream.
#[derive(Clone, Debug)]
pub struct HyperTransport(Arc<Inner>);

/// Settings of a [`HyperTransport`].
///
/// # Example: through a proxy, with a company's certificate
///
/// ```no_run
/// use samewire::transport::HyperTransport;
///
/// let transport = HyperTransport::builder()
///     .proxy("http://proxy.example.com:3128")
///     .no_proxy("localhost,.internal.example.com")
///     .ca_certificates(std::fs::read("company-ca.pem")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct HyperTransportBuilder {
    proxy: Option<String>,
    no_proxy: Option<String>,
    system_proxy: bool,
    ca_certificates: Vec<Vec<u8>>,
    times: Times,
}

#[derive(Clone)]
struct Times {
    connect: Option<Duration>,
    body_idle: Option<Duration>,
    pool_idle: Option<Duration>,
    pool_max_idle_per_host: usize,
}

type HttpClient = Client<Connector, Full<Bytes>>;

struct Inner {
    proxies: Arc<Proxies>,
    trust: Arc<Trust>,
    times: Times,
    http11: OnceLock<HttpClient>,
    http2: Lanes<HttpClient>,
}

impl HyperTransport {
    /// A transport with the default settings. Stacks no layers.
    pub fn new() -> Self {
        Self(Arc::new(Inner::new(Proxies::system(), Trust::default(), Times::default())))
    }

    /// Starts with the default settings.
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }
}

impl Default for HyperTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for HyperTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let head_timeout = request.options.head_timeout;
        let seat = self.0.seat(request.options.version);
        let client = seat.as_ref().map_or_else(|| self.0.http11(), Seat::client);
        // Out here, so that the future need not keep the request.
        let (answering, url) = match self.0.made(request) {
            Ok((made, url)) => (client.request(made), url),
            Err(refused) => return Box::pin(ready(Err(refused))),
        };
        Box::pin(async move {
            let response = match head_timeout {
                None => answering.await,
                Some(time) => tokio::time::timeout(time, answering).await.map_err(|_| {
                    error(TransportErrorKind::HeadTimeout, "no response head within the time allowed")
                })?,
            };
            let response = response.map_err(|error| failure(&error, TransportErrorKind::Connect))?;
            let (head, body) = response.into_parts();
            let body = UnlessSilent::new(ReceivedBody { body, _seat: seat }, self.0.times.body_idle);
            Ok(HttpResponse {
                status: head.status.as_u16(),
                reason: heads::reason(head.status, head.version, &head.extensions),
                headers: heads::received(&head.headers),
                url,
                body: Box::pin(body),
            })
        })
    }
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: None,
            system_proxy: true,
            ca_certificates: Vec::new(),
            times: Times::default(),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(10)),
            body_idle: Some(Duration::from_secs(300)),
            pool_idle: Some(Duration::from_secs(90)),
            pool_max_idle_per_host: usize::MAX,
        }
    }
}

impl HyperTransportBuilder {
    /// Sends everything through this proxy: `http:`, `https:`, `socks4:`, `socks4a:`, `socks5:` or `socks5h:`, with user
    /// and password in the URL if it wants them. By `socks4:` and `socks5:` hosts are looked up here, by the others there.
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
    pub fn system_proxy(mut self, on: bool) -> Self {
        self.system_proxy = on;
        self
    }

    /// Trusts the PEM certificates in this file's content beside the system's.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// The longest wait for a connection, TLS and proxies included, 10 s by default; `None` leaves it to the system.
    pub fn connect_timeout(mut self, time: Option<Duration>) -> Self {
        self.times.connect = time;
        self
    }

    /// The longest silence inside a body, 300 s by default; `None` waits for ever.
    pub fn body_idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.times.body_idle = time;
        self
    }

    /// How long an unused connection is kept, 90 s by default; `None` keeps it as long as it lives.
    pub fn pool_idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.times.pool_idle = time;
        self
    }

    /// How many unused connections are kept per host, without limit by default; 0 keeps none.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.times.pool_max_idle_per_host = connections;
        self
    }

    /// Makes the transport, without connecting.
    ///
    /// # Errors
    ///
    /// [`TransportErrorKind::Request`] if the proxy URL or a certificate cannot be read.
    pub fn build(self) -> Result<HyperTransport, TransportError> {
        let bad = |what| error(TransportErrorKind::Request, what);
        let proxies = match self.proxy {
            Some(url) => {
                Proxies::fixed(url, self.no_proxy).ok_or_else(|| bad("the proxy URL cannot be read"))?
            }
            None if self.system_proxy => Proxies::system(),
            None => Proxies::Off,
        };
        let trust = Trust::in_pem(&self.ca_certificates).map_err(bad)?;
        Ok(HyperTransport(Arc::new(Inner::new(proxies, trust, self.times))))
    }
}

impl Inner {
    fn new(proxies: Proxies, trust: Trust, times: Times) -> Self {
        let (proxies, trust) = (Arc::new(proxies), Arc::new(trust));
        Self { proxies, trust, times, http11: OnceLock::new(), http2: Lanes::default() }
    }

    fn http11(&self) -> &HttpClient {
        self.http11.get_or_init(|| self.client(HttpVersion::Http11))
    }

    /// Where one stream of HTTP/2 belongs; HTTP/1.1 needs no such thing.
    fn seat(&self, version: HttpVersion) -> Option<Seat<HttpClient>> {
        match version {
            HttpVersion::Http11 => None,
            HttpVersion::Http2 => Some(self.http2.seat(|| self.client(version))),
        }
    }

    fn client(&self, version: HttpVersion) -> HttpClient {
        let (only_http2, alpn): (_, &[u8]) = match version {
            HttpVersion::Http11 => (false, b"http/1.1"),
            HttpVersion::Http2 => (true, b"h2"),
        };
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.times.pool_idle)
            .pool_max_idle_per_host(self.times.pool_max_idle_per_host)
            .http2_only(only_http2)
            .build(Connector::new(self.trust.clone(), self.proxies.clone(), alpn, self.times.connect))
    }

    /// The request in hyper's form, and its URL.
    fn made(&self, request: HttpRequest) -> Result<(Request<Full<Bytes>>, String), TransportError> {
        let bad = |what| error(TransportErrorKind::Request, what);
        let version = request.options.version;
        let mut made = Request::new(Full::new(request.body));
        *made.method_mut() =
            Method::from_bytes(request.method.as_bytes()).map_err(|_| bad("invalid method"))?;
        let uri = Uri::try_from(request.url.as_str()).map_err(|_| bad("invalid URL"))?;
        if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(bad("the URL is not one of http: or https:"));
        }
        *made.headers_mut() = heads::sent(&request.headers, version)?;
        if let Some(value) = self.proxies.authorization(&uri) {
            made.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        *made.version_mut() = heads::version(version);
        *made.uri_mut() = uri;
        Ok((made, request.url))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The chunks of a body, which holds its place among the streams of HTTP/2.
struct ReceivedBody {
    body: Incoming,
    _seat: Option<Seat<HttpClient>>,
}

impl Stream for ReceivedBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(failure(&error, TransportErrorKind::Interrupted))));
                }
            };
            // The other frames are trailers.
            if let Ok(chunk) = frame.into_data() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }
}
