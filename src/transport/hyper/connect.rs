//! How connections come about: directly or by a proxy, in the clear or by TLS.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tower_service::Service;

use super::link::Link;
use super::platform;
use super::trust::Trust;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting = BoxFuture<'static, Result<Link, BoxError>>;

/// Connects to services, by the proxy that is for them; clones share everything, as hyper makes one for each request.
#[derive(Clone)]
pub(super) struct Connector(Arc<Ways>);

struct Ways {
    direct: Direct,
    proxies: Arc<Proxies>,
    timeout: Option<Duration>,
}

/// Which proxy is for which host.
pub(super) enum Proxies {
    /// None at all.
    Off,
    /// The settings' one.
    Fixed(Matcher),
    /// The environment's and the system's, looked up by the first request; `None` if they have none.
    System(OnceLock<Option<Matcher>>),
}

/// Connects without a proxy, or to one.
#[derive(Clone)]
struct Direct {
    tcp: HttpConnector,
    trust: Arc<Trust>,
    /// The protocol that TLS asks for.
    alpn: &'static [u8],
}

impl Connector {
    pub(super) fn new(
        trust: Arc<Trust>,
        proxies: Arc<Proxies>,
        alpn: &'static [u8],
        timeout: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Ways { direct: Direct { tcp: tcp(), trust, alpn }, proxies, timeout }))
    }

    async fn connect(self, service: Uri) -> Result<Link, BoxError> {
        let Ways { direct, proxies, .. } = &*self.0;
        let Some(proxy) = proxies.of(&service) else { return direct.clone().connect(service).await };
        let over_tls = service.scheme() == Some(&Scheme::HTTPS);
        let link = match proxy.uri().scheme_str() {
            Some("socks4" | "socks4a" | "socks5" | "socks5h") => {
                Link::tcp(by_socks(&proxy, &service, direct.tcp.clone()).await?)
            }
            _ if over_tls => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), direct.to_proxy());
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                tunnel.call(service.clone()).await?
            }
            _ => return Ok(direct.to_proxy().connect(proxy.uri().clone()).await?.forwarded()),
        };
        if over_tls { direct.secured(link, &service).await } else { Ok(link) }
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, service: Uri) -> Connecting {
        let connecting = self.clone().connect(service);
        match self.0.timeout {
            None => Box::pin(connecting),
            Some(time) => Box::pin(async move {
                tokio::time::timeout(time, connecting)
                    .await
                    .unwrap_or_else(|_| Err(format!("no connection within {time:?}").into()))
            }),
        }
    }
}

impl Proxies {
    /// One proxy for all hosts but some, in the form of the `NO_PROXY` variable; `None` if its URL cannot be read.
    pub(super) fn fixed(url: String, no: Option<String>) -> Option<Self> {
        of_some_use(Matcher::builder().all(url.clone()).build())?;
        Some(Self::Fixed(Matcher::builder().all(url).no(no.unwrap_or_default()).build()))
    }

    pub(super) fn system() -> Self {
        Self::System(OnceLock::new())
    }

    fn of(&self, service: &Uri) -> Option<Intercept> {
        match self {
            Self::Off => None,
            Self::Fixed(matcher) => matcher.intercept(service),
            Self::System(matcher) => {
                matcher.get_or_init(|| of_some_use(Matcher::from_system())).as_ref()?.intercept(service)
            }
        }
    }

    /// How each request to that service tells its proxy who asks. Tunnels are told once, when they are dug.
    pub(super) fn authorization(&self, service: &Uri) -> Option<HeaderValue> {
        if service.scheme() == Some(&Scheme::HTTPS) {
            return None;
        }
        self.of(service)?.basic_auth().cloned()
    }
}

/// The same if it has a proxy at all.
fn of_some_use(matcher: Matcher) -> Option<Matcher> {
    let services = ["http://a-service.invalid", "https://a-service.invalid"].map(Uri::from_static);
    services.iter().any(|service| matcher.intercept(service).is_some()).then_some(matcher)
}

impl Direct {
    /// The same for a proxy, which is spoken to in HTTP/1.1 whatever its service speaks.
    fn to_proxy(&self) -> Self {
        Self { alpn: b"http/1.1", ..self.clone() }
    }

    async fn connect(mut self, to: Uri) -> Result<Link, BoxError> {
        let link = Link::tcp(self.tcp.call(to.clone()).await?);
        if to.scheme() == Some(&Scheme::HTTPS) { self.secured(link, &to).await } else { Ok(link) }
    }

    /// TLS with a service, over a link that leads to it.
    async fn secured(&self, link: Link, service: &Uri) -> Result<Link, BoxError> {
        let host = host(service)?.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| "no name or address of a host")?;
        let tls = self.trust.connector().await?.with_alpn(vec![self.alpn.to_vec()]);
        Ok(Link::tls(tls.connect(name, TokioIo::new(link)).await?))
    }
}

impl Service<Uri> for Direct {
    type Response = Link;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        Box::pin(self.clone().connect(to))
    }
}

/// A connection through a SOCKS proxy. By `socks4:` and `socks5:` we look the host up, by the others the proxy does.
async fn by_socks(
    proxy: &Intercept,
    service: &Uri,
    tcp: HttpConnector,
) -> Result<TokioIo<tokio::net::TcpStream>, BoxError> {
    let scheme = proxy.uri().scheme_str().unwrap_or_default();
    let port = service.port_u16().unwrap_or(if service.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
    let mut authority = format!("{}:{port}", host(service)?);
    if matches!(scheme, "socks4" | "socks5") {
        let found = tokio::net::lookup_host(&authority).await?.next();
        authority = found.ok_or("the host has no address")?.to_string();
    }
    let service: Uri = format!("tcp://{authority}").parse()?;
    let entrance = match proxy.uri().port() {
        Some(_) => proxy.uri().clone(),
        None => format!("{scheme}://{}:{SOCKS_PORT}", host(proxy.uri())?).parse()?,
    };
    if scheme.starts_with("socks4") {
        return Ok(SocksV4::new(entrance, tcp).call(service).await?);
    }
    let mut socks = SocksV5::new(entrance, tcp);
    if let Some((user, password)) = proxy.raw_auth() {
        socks = socks.with_auth(user.to_owned(), password.to_owned());
    }
    Ok(socks.call(service).await?)
}

fn host(uri: &Uri) -> Result<&str, BoxError> {
    uri.host().ok_or_else(|| "the URL has no host".into())
}

/// TCP without delays, which finds out within a minute that its peer is gone.
fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PROBE_EVERY));
    tcp.set_keepalive_interval(Some(PROBE_EVERY));
    tcp.set_keepalive_retries(Some(3));
    platform::give_up_on_silent_peers(&mut tcp);
    tcp
}

const PROBE_EVERY: Duration = Duration::from_secs(15);
/// <https://www.rfc-editor.org/rfc/rfc1928#section-3>
const SOCKS_PORT: u16 = 1080;
