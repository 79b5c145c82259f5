//! Real connections, over a [`reqwest::Client`](::reqwest::Client) that the application has.

use std::time::Duration;

use ::reqwest::header::{ACCEPT, CONNECTION, HeaderValue};
use ::reqwest::redirect::Policy;
use ::reqwest::{Client, ClientBuilder, Method, Request, Url, retry};
use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;

use super::failure::{error, failure};
use super::silence::UnlessSilent;
use super::{HttpRequest, HttpResponse, HttpVersion, Transport, TransportError, TransportErrorKind, heads};

/// Sends requests through a [`reqwest::Client`](::reqwest::Client): for what only that can do, such as a resolver, an
/// interface or a client certificate of one's own. Where nothing of it is needed,
/// [`HyperTransport`](super::HyperTransport) takes half of the time and of the memory for it.
///
/// Start with [`client_builder`](Self::client_builder), since the layers redirect, retry and decode, and a client that
/// does it too would send other requests than the reference. Header lines go out in the order given, with two
/// differences: HTTP/2 has no `connection` and no `host`, and an HTTP/1.1 request without `accept` gets `accept: */*` at its
/// end, as reqwest insists. A body that is silent for 300 s fails. Dropping a response's body closes its HTTP/1.1
/// connection, or resets its HTTP/2 stream.
///
/// # Example: a provider that connects from one address only
///
/// ```
/// use std::net::Ipv4Addr;
/// use std::sync::Arc;
///
/// use samewire::clock::SystemClock;
/// use samewire::transport::ReqwestTransport;
/// use samewire::{Context, layers};
///
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let from = Ipv4Addr::new(127, 0, 0, 1);
/// let client = ReqwestTransport::client_builder().local_address(Some(from.into())).build()?;
/// let http = layers::standard(Arc::new(ReqwestTransport::new(client)), Arc::new(SystemClock));
/// let context = Context::with_transport(http);
/// # Ok::<(), reqwest::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    http11: Client,
    http2: Option<Client>,
    body_idle_timeout: Option<Duration>,
}

impl ReqwestTransport {
    /// What a client needs for this: no redirects, no retries, no content encodings of its own, and HTTP/1.1.
    ///
    /// As with all of reqwest's clients that bring no cryptography, building one wants a rustls provider to be
    /// installed: `rustls::crypto::ring::default_provider().install_default()`.
    pub fn client_builder() -> ClientBuilder {
        Client::builder()
            .redirect(Policy::none())
            // `never` alone still copies each request for a second try.
            .retry(retry::never().max_retries_per_request(0))
            .referer(false)
            // Another crate may have switched them on.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_only()
    }

    /// A transport over this client. Stacks no layers.
    pub fn new(client: Client) -> Self {
        Self { http11: client, http2: None, body_idle_timeout: Some(Duration::from_secs(300)) }
    }

    /// Sends what wants HTTP/2 (Amazon Bedrock) through this client, which is to be built with
    /// [`http2_prior_knowledge`](ClientBuilder::http2_prior_knowledge). Without one, such requests fail with
    /// [`TransportErrorKind::Request`].
    #[must_use]
    pub fn with_http2(mut self, client: Client) -> Self {
        self.http2 = Some(client);
        self
    }

    /// The longest silence inside a body; `None` waits for ever.
    #[must_use]
    pub fn with_body_idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.body_idle_timeout = time;
        self
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = match request.options.version {
            HttpVersion::Http11 => &self.http11,
            HttpVersion::Http2 => self.http2.as_ref().ok_or_else(|| {
                error(TransportErrorKind::Request, "the transport was given no client for HTTP/2")
            })?,
        };
        let head_timeout = request.options.head_timeout;
        let (made, url) = made(request)?;
        let sent = client.execute(made);
        let response = match head_timeout {
            None => sent.await,
            Some(time) => tokio::time::timeout(time, sent).await.map_err(|_| {
                error(TransportErrorKind::HeadTimeout, "no response head within the time allowed")
            })?,
        };
        let response = response.map_err(|error| in_our_words(error, TransportErrorKind::Connect))?;
        let status = response.status();
        let (reason, headers) = (
            heads::reason(status, response.version(), response.extensions()),
            heads::received(response.headers()),
        );
        let interrupted = |error| in_our_words(error, TransportErrorKind::Interrupted);
        let chunks = response.bytes_stream().map_err(interrupted);
        let body = Box::pin(UnlessSilent::new(chunks, self.body_idle_timeout));
        Ok(HttpResponse { status: status.as_u16(), reason, headers, url, body })
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

/// The request in reqwest's form, and its URL.
fn made(request: HttpRequest) -> Result<(Request, String), TransportError> {
    let bad = |what| error(TransportErrorKind::Request, what);
    let version = request.options.version;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| bad("invalid method"))?;
    let url = Url::parse(&request.url).map_err(|_| bad("invalid URL"))?;
    let mut made = Request::new(method, url);
    *made.headers_mut() = heads::sent(&request.headers, version)?;
    if version == HttpVersion::Http2 && !made.headers().contains_key(ACCEPT) {
        // reqwest adds an `accept` where there is none. hyper takes away, on HTTP/2, `connection` and
        // the headers that it names. Both must be last, since a removal moves the last line.
        made.headers_mut().append(ACCEPT, HeaderValue::from_static("*/*"));
        made.headers_mut().append(CONNECTION, HeaderValue::from_static("accept"));
    }
    *made.version_mut() = heads::version(version);
    if !request.body.is_empty() {
        *made.body_mut() = Some(request.body.into());
    }
    Ok((made, request.url))
}

fn in_our_words(failed: ::reqwest::Error, otherwise: TransportErrorKind) -> TransportError {
    let kind = if failed.is_builder() { TransportErrorKind::Request } else { otherwise };
    failure(&failed.without_url(), kind)
}
