//! A transport that answers from memory and remembers what it was asked.

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;

use super::{HeaderValue, Headers, HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};
use crate::Text;
use crate::lock::Locked;

/// Answers requests from a list of recorded exchanges, without sockets.
///
/// A request takes the first exchange left that fits its method and target, and uses it up; a request
/// that none fits fails with [`TransportErrorKind::Connect`]. Bodies are given as recorded: wrap the
/// replay in [`standard`](crate::layers::standard) to have content encodings undone, redirects followed and
/// failures tried again, exactly as around a real connection.
///
/// # Example: answer one request
///
/// ```
/// use samewire::transport::{Exchange, Headers, HttpRequest, ReplayTransport, RequestOptions, Transport};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let replay = ReplayTransport::new([
///     Exchange::new(200).on("POST", "/v1/chat").header("content-type", "text/plain").body("hello"),
/// ]);
/// let request = HttpRequest {
///     method: "POST",
///     url: "https://api.example.com/v1/chat".into(),
///     headers: Headers::new(),
///     body: "{}".into(),
///     options: RequestOptions::default(),
/// };
/// assert_eq!(replay.send(request).await?.status, 200);
/// assert_eq!(replay.requests()[0].body, "{}");
/// assert_eq!(replay.left(), 0);
/// # Ok::<(), samewire::transport::TransportError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReplayTransport(Mutex<State>);

/// One recorded answer, and the request that it belongs to.
#[derive(Clone)]
pub struct Exchange {
    method: Option<Text>,
    target: Option<Text>,
    status: u16,
    reason: String,
    headers: Headers,
    body: Bytes,
    cuts: Vec<usize>,
    disconnect: Option<Disconnect>,
}

/// How a recorded exchange broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// The connection was closed instead of an answer.
    Before,
    /// HTTP/2: the stream was reset instead of an answer.
    ResetBefore,
    /// The connection was closed after the body's bytes, without its end mark.
    Mid,
    /// HTTP/2: the stream was reset after the body's bytes.
    ResetMid,
}

#[derive(Debug)]
struct State {
    exchanges: Vec<Exchange>,
    requests: Vec<HttpRequest>,
}

impl ReplayTransport {
    /// A transport that plays these exchanges.
    pub fn new(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let exchanges = exchanges.into_iter().collect();
        Self(Mutex::new(State { exchanges, requests: Vec::new() }))
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.state().requests.clone()
    }

    /// How many exchanges were not asked for yet.
    pub fn left(&self) -> usize {
        self.state().exchanges.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.locked()
    }

    fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut state = self.state();
        let url = request.url.clone();
        let place = state.exchanges.iter().position(|exchange| exchange.fits(&request));
        state.requests.push(request);
        let Some(place) = place else {
            return Err(error(TransportErrorKind::Connect, "no recorded exchange fits this request"));
        };
        state.exchanges.remove(place).play(url)
    }
}

impl Transport for ReplayTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(std::future::ready(self.answer(request)))
    }
}

impl Exchange {
    /// An answer with this status, no headers and no body, to any request.
    pub fn new(status: u16) -> Self {
        Self {
            method: None,
            target: None,
            status,
            reason: String::new(),
            headers: Headers::new(),
            body: Bytes::new(),
            cuts: Vec::new(),
            disconnect: None,
        }
    }

    /// Answers only requests of this method and target (path and query).
    #[must_use]
    pub fn on(mut self, method: impl Into<Text>, target: impl Into<Text>) -> Self {
        self.method = Some(method.into());
        self.target = Some(target.into());
        self
    }

    /// Sets the reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Cuts the body into chunks at these offsets, which must ascend; those behind its end are ignored.
    #[must_use]
    pub fn cut_at(mut self, offsets: impl IntoIterator<Item = usize>) -> Self {
        self.cuts = offsets.into_iter().collect();
        self
    }

    /// Breaks the exchange off.
    #[must_use]
    pub fn disconnect(mut self, disconnect: Disconnect) -> Self {
        self.disconnect = Some(disconnect);
        self
    }

    fn fits(&self, request: &HttpRequest) -> bool {
        self.method.as_ref().is_none_or(|method| *method == request.method)
            && self.target.as_ref().is_none_or(|wanted| *wanted == target(&request.url))
    }

    fn play(self, url: String) -> Result<HttpResponse, TransportError> {
        let end = match self.disconnect {
            Some(Disconnect::Before) => {
                return Err(error(TransportErrorKind::Connect, "connection closed before the answer"));
            }
            Some(Disconnect::ResetBefore) => {
                return Err(error(TransportErrorKind::StreamReset, RESET));
            }
            Some(Disconnect::Mid) => {
                Some(Err(error(TransportErrorKind::Interrupted, "connection closed inside the body")))
            }
            Some(Disconnect::ResetMid) => Some(Err(error(TransportErrorKind::StreamReset, RESET))),
            None => None,
        };
        let mut rest = self.body;
        let mut at = 0;
        let mut chunks = Vec::new();
        for cut in self.cuts {
            if cut > at && cut - at < rest.len() {
                chunks.push(Ok(rest.split_to(cut - at)));
                at = cut;
            }
        }
        if !rest.is_empty() {
            chunks.push(Ok(rest));
        }
        chunks.extend(end);
        Ok(HttpResponse {
            status: self.status,
            reason: self.reason.into(),
            headers: self.headers,
            url,
            body: Box::pin(stream::iter(chunks)),
        })
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Path and query of an absolute URL.
fn target(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn error(kind: TransportErrorKind, detail: &str) -> TransportError {
    TransportError { kind, detail: detail.to_owned() }
}

/// In the words of the real transport.
const RESET: &str = "stream reset by the peer: INTERNAL_ERROR";

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::transport::RequestOptions;

    fn get(url: &str) -> HttpRequest {
        HttpRequest {
            method: "GET",
            url: url.to_owned(),
            headers: Headers::new(),
            body: Bytes::new(),
            options: RequestOptions::default(),
        }
    }

    #[tokio::test]
    async fn exchanges_are_found_by_method_and_target() {
        let replay = ReplayTransport::new([
            Exchange::new(201).on("GET", "/a?x=1"),
            Exchange::new(202).on("POST", "/b"),
            Exchange::new(203).on("GET", "/b"),
        ]);
        assert_eq!(replay.send(get("https://h/b")).await.unwrap().status, 203);
        assert_eq!(replay.send(get("https://h:1/a?x=1")).await.unwrap().status, 201);
        let error = replay.send(get("https://h/b")).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Connect);
        assert_eq!((replay.left(), replay.requests().len()), (1, 3));
    }

    #[tokio::test]
    async fn bodies_are_cut_and_broken_off() {
        let exchange = Exchange::new(200).body("abcdef").cut_at([2, 2, 3, 9]).disconnect(Disconnect::Mid);
        let replay = ReplayTransport::new([exchange]);
        let body = replay.send(get("https://h/")).await.unwrap().body;
        let chunks: Vec<_> = body.collect().await;
        let good: Vec<_> = chunks[..3].iter().map(|chunk| chunk.as_ref().unwrap().clone()).collect();
        assert_eq!(good, ["ab", "c", "def"]);
        assert_eq!(chunks[3].as_ref().unwrap_err().kind, TransportErrorKind::Interrupted);
    }
}
