//! Follows redirects as the reference's HTTP clients do.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::{Position, Url};

use crate::transport::{
    ClientKind, Headers, HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind,
};

/// Follows redirects, and acts on 407 and 421, as [`RequestOptions::client`](crate::transport::RequestOptions::client) does.
///
/// `fetch` sends nothing to a URL with credentials or another scheme than http and https.
///
/// 301, 302 and 303 turn a POST into a GET without body; 307 and 308 repeat it. After 20 redirects (21
/// with axios) the outcome is [`TransportErrorKind::Redirect`]; an answer without `location` is final.
/// [`HttpResponse::url`] is the URL that answered.
///
/// One deliberate difference from the reference: when the origin (scheme, host or port) changes, *every*
/// secret header is dropped, not only `authorization`. The reference hands keys in headers such as
/// `x-api-key` to whatever host an answer names.
///
/// Rules: <https://fetch.spec.whatwg.org/#http-redirect-fetch>.
#[derive(Clone)]
pub struct RedirectLayer(Arc<dyn Transport>);

impl RedirectLayer {
    /// Wraps a transport that does not follow redirects itself.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self(inner)
    }

    /// Where else the answer sends a request, and what `fetch` makes of the statuses that mean something to itself.
    async fn follow(
        &self,
        request: &mut HttpRequest,
        mut response: HttpResponse,
    ) -> Result<HttpResponse, TransportError> {
        let client = request.options.client;
        let mut followed = 0;
        loop {
            let status = response.status;
            if client == ClientKind::Fetch && matches!(status, 407 | 421) {
                drop(response);
                response = self.fetch_quirk(status, request).await?;
            }
            let Some(location) = location(&response) else { return Ok(response) };
            if followed == limit(client) {
                return Err(error(TransportErrorKind::Redirect, "too many redirects"));
            }
            followed += 1;
            redirect(request, response.status, &location)?;
            response = self.0.send(request.clone()).await?;
        }
    }

    /// What comes of 407 and 421.
    async fn fetch_quirk(&self, status: u16, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        if status == 407 {
            return Err(error(TransportErrorKind::Connect, "proxy authentication required"));
        }
        if request.body.is_empty() {
            return self.0.send(request.clone()).await;
        }
        // `fetch` tries again on a new connection, but its body is used up: it sends an empty one, and fails
        // whatever the answer.
        let mut again = request.clone();
        again.body = Bytes::new();
        again.headers.set("content-length", "0");
        let _ = self.0.send(again).await;
        Err(error(TransportErrorKind::Connect, "misdirected request"))
    }
}

impl Transport for RedirectLayer {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let client = request.options.client;
        if client == ClientKind::Plain {
            return self.0.send(request);
        }
        if client == ClientKind::Fetch
            && let Err(refused) = check_url(&request.url)
        {
            return Box::pin(ready(Err(refused)));
        }
        let sent = self.0.send(request.clone());
        Box::pin(async move {
            let response = sent.await?;
            if !matters(response.status) {
                return Ok(response);
            }
            // In a box, since it is rare: each call would have to keep room for it.
            Box::pin(self.follow(&mut request, response)).await
        })
    }
}

/// Whether the status may lead to another request.
fn matters(status: u16) -> bool {
    is_redirect(status) || matches!(status, 407 | 421)
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl fmt::Debug for RedirectLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedirectLayer")
    }
}

/// `fetch` refuses other schemes and credentials in the URL as if there were no connection.
fn check_url(url: &str) -> Result<(), TransportError> {
    // Nearly every URL, without parsing it.
    if (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('@') {
        return Ok(());
    }
    let refuse = |what| Err(error(TransportErrorKind::Connect, what));
    match Url::parse(url) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            refuse("the URL's scheme is not http or https")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            refuse("the URL holds a user name or password")
        }
        _ => Ok(()),
    }
}

fn location(response: &HttpResponse) -> Option<String> {
    if !is_redirect(response.status) {
        return None;
    }
    let value = response.headers.get("location")?.as_bytes();
    Some(String::from_utf8_lossy(value).into_owned())
}

fn redirect(request: &mut HttpRequest, status: u16, location: &str) -> Result<(), TransportError> {
    let bad = |what| error(TransportErrorKind::Redirect, what);
    let old = Url::parse(&request.url).map_err(|_| bad("redirect from an invalid URL"))?;
    let mut new = old.join(location).map_err(|_| bad("redirect to an invalid URL"))?;
    if !matches!(new.scheme(), "http" | "https") {
        return Err(bad("redirect to a scheme other than http and https"));
    }
    if new.fragment().is_none() {
        new.set_fragment(old.fragment());
    }
    if matches!((status, request.method), (301 | 302, "POST") | (303, _)) && request.method != "HEAD" {
        request.method = "GET";
        request.body = Bytes::new();
        drop_body_headers(&mut request.headers, request.options.client);
    }
    if old.origin() != new.origin() {
        change_origin(&mut request.headers, &new);
    }
    request.url = new.into();
    Ok(())
}

fn drop_body_headers(headers: &mut Headers, client: ClientKind) {
    headers.remove("content-length");
    if client != ClientKind::NodeFetch {
        for name in ["content-encoding", "content-language", "content-location", "content-type"] {
            headers.remove(name);
        }
    }
}

fn change_origin(headers: &mut Headers, url: &Url) {
    *headers = headers
        .iter()
        .filter(|(name, value)| {
            let named = ["authorization", "proxy-authorization", "cookie"];
            !value.is_secret() && !named.iter().any(|secret| name.eq_ignore_ascii_case(secret))
        })
        .map(|(name, value)| (name, value.clone()))
        .collect();
    if headers.get("host").is_some() {
        headers.set("host", url[Position::BeforeHost..Position::AfterPort].to_owned());
    }
}

fn limit(client: ClientKind) -> u32 {
    if client == ClientKind::Axios { 21 } else { 20 }
}

fn error(kind: TransportErrorKind, detail: &str) -> TransportError {
    TransportError { kind, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Exchange, HeaderValue, ReplayTransport, RequestOptions};

    fn post(client: ClientKind) -> HttpRequest {
        let mut headers = Headers::from_iter([("host", "a.example"), ("x", "1")]);
        headers.append("x-api-key", HeaderValue::secret("k"));
        headers.append("Authorization", "Bearer k");
        headers.append("content-type", "application/json");
        headers.append("content-length", "2");
        HttpRequest {
            method: "POST",
            url: "https://a.example/v1/chat".to_owned(),
            headers,
            body: "{}".into(),
            options: RequestOptions { client, ..RequestOptions::default() },
        }
    }

    async fn run(
        client: ClientKind,
        exchanges: impl IntoIterator<Item = Exchange>,
    ) -> (Result<HttpResponse, TransportErrorKind>, Vec<HttpRequest>) {
        let replay = Arc::new(ReplayTransport::new(exchanges));
        let outcome = RedirectLayer::new(replay.clone()).send(post(client)).await;
        assert_eq!(replay.left(), 0);
        (outcome.map_err(|error| error.kind), replay.requests())
    }

    fn moved(status: u16, location: &'static str) -> Exchange {
        Exchange::new(status).header("Location", location)
    }

    fn names(request: &HttpRequest) -> Vec<&str> {
        request.headers.iter().map(|(name, _)| name).collect()
    }

    #[tokio::test]
    async fn a_post_becomes_a_get() {
        for status in [301, 302, 303] {
            let exchanges = || [moved(status, "/moved/here?x=1"), Exchange::new(200)];
            let (response, requests) = run(ClientKind::Fetch, exchanges()).await;
            assert_eq!(response.unwrap().url, "https://a.example/moved/here?x=1");
            assert_eq!((requests[1].method, &requests[1].body[..]), ("GET", &b""[..]));
            assert_eq!(names(&requests[1]), ["host", "x", "x-api-key", "Authorization"]);

            let (_, requests) = run(ClientKind::NodeFetch, exchanges()).await;
            assert_eq!(names(&requests[1]), ["host", "x", "x-api-key", "Authorization", "content-type"]);
        }
    }

    #[tokio::test]
    async fn a_post_is_repeated_elsewhere_without_secrets() {
        for status in [307, 308] {
            let exchanges = [moved(status, "https://b.example:8443/v2"), Exchange::new(200)];
            let (response, requests) = run(ClientKind::NodeFetch, exchanges).await;
            assert_eq!(response.unwrap().url, "https://b.example:8443/v2");
            assert_eq!((requests[1].method, &requests[1].body[..]), ("POST", &b"{}"[..]));
            assert_eq!(names(&requests[1]), ["host", "x", "content-type", "content-length"]);
            assert_eq!(requests[1].headers.joined("host").unwrap(), "b.example:8443");
        }
        let (_, requests) = run(ClientKind::Fetch, [moved(307, "//a.example/x"), Exchange::new(200)]).await;
        assert_eq!(names(&requests[1]).len(), 6);
    }

    #[tokio::test]
    async fn ends() {
        let (response, _) = run(ClientKind::Fetch, [Exchange::new(307)]).await;
        assert_eq!(response.unwrap().status, 307);
        let (response, _) = run(ClientKind::Plain, [moved(307, "/x")]).await;
        assert_eq!(response.unwrap().status, 307);
        let (response, requests) = run(ClientKind::Fetch, vec![moved(308, "/x"); 21]).await;
        assert_eq!((response.unwrap_err(), requests.len()), (TransportErrorKind::Redirect, 21));
        let (response, _) = run(ClientKind::Fetch, [moved(307, "ftp://x/")]).await;
        assert_eq!(response.unwrap_err(), TransportErrorKind::Redirect);
    }

    #[tokio::test]
    async fn statuses_of_fetch() {
        let (response, requests) = run(ClientKind::Fetch, [421, 200].map(Exchange::new)).await;
        assert_eq!(response.unwrap_err(), TransportErrorKind::Connect);
        assert_eq!(requests[1].body, "");
        assert_eq!(requests[1].headers.joined("content-length").unwrap(), "0");
        assert_eq!(names(&requests[1]), names(&requests[0]));
        let (response, _) = run(ClientKind::Fetch, [Exchange::new(407)]).await;
        assert_eq!(response.unwrap_err(), TransportErrorKind::Connect);
        for status in [407, 421] {
            let (response, _) = run(ClientKind::NodeFetch, [Exchange::new(status)]).await;
            assert_eq!(response.unwrap().status, status);
        }
    }
}
