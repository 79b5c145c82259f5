//! Passing requests on to the service, and answers back as they come.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use futures_util::StreamExt;
use samewire::json::object;
use samewire::transport::{
    HeaderValue, Headers, HttpRequest, HttpResponse, HyperTransport, RequestOptions, Transport,
    TransportError,
};

use tokio::net::TcpStream;

use super::Tell;
use super::recording::save;
use super::redact::Secrets;
use crate::fixture::{Disconnect, Exchange, Request, Response};
use crate::server::http1::Connection;

/// Passes requests on and keeps what passes.
pub(super) struct Recorder {
    scheme: String,
    authority: String,
    out: PathBuf,
    transport: HyperTransport,
    /// Every secret that was seen so far: a service may quote it later.
    secrets: Mutex<Secrets>,
    /// The last number given in each folder.
    numbers: Arc<Mutex<BTreeMap<PathBuf, usize>>>,
}

/// How an answer came to its end.
enum End {
    Whole,
    /// The service broke off.
    Broken,
    /// The client left: what it would have got is not known.
    ClientLeft,
}

impl Recorder {
    pub(super) fn new(upstream: &str, out: PathBuf, transport: HyperTransport) -> Result<Self, String> {
        let parts = upstream.trim_end_matches('/').split_once("://");
        let is_origin = |authority: &str| {
            !authority.is_empty() && !authority.contains(['/', '?', '#', '@', ' ', '\r', '\n'])
        };
        let (scheme, authority) = parts
            .filter(|(scheme, authority)| ["http", "https"].contains(scheme) && is_origin(authority))
            .ok_or_else(|| {
                format!(
                    "the upstream {upstream:?} must be scheme and host, such as https://api.openai.com; the \
                     path belongs into the client's base URL"
                )
            })?;
        Ok(Self {
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            out,
            transport,
            secrets: Mutex::default(),
            numbers: Arc::default(),
        })
    }

    /// Answers a request with what the service says; says whether the connection can go on.
    pub(super) async fn exchange(
        &self,
        connection: &mut Connection<TcpStream>,
        mut request: Request,
        tell: &Tell,
    ) -> io::Result<bool> {
        self.scheme.clone_into(&mut request.scheme);
        for (name, value) in &mut request.headers {
            if name.eq_ignore_ascii_case("host") {
                *value = self.authority.clone().into_bytes();
            }
        }
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).learn(&request);
        let mut line = format!("{} {}", request.method, request.target);
        self.without_secrets(&mut line);
        let sent = match self.outgoing(&request) {
            Ok(outgoing) => self.transport.send(outgoing).await.map_err(|error| explain(&error)),
            Err(problem) => Err(problem),
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(mut problem) => {
                self.without_secrets(&mut problem);
                tell(&format!("{line}: not recorded, {problem}"));
                let message = format!("samewire record: {problem}");
                let response = Response::made(502, object! { "error": object! { "message": message } });
                connection.write_response(&response, false).await?;
                return Ok(true);
            }
        };
        let is_head = request.method == "HEAD";
        let (response, end) = relay(connection, answer, is_head).await?;
        let goes_on = matches!(end, End::Whole);
        self.keep(request, response, &end, &line, tell).await;
        Ok(goes_on)
    }

    /// The request as it goes to the service. Compression is not asked for: secrets could hide in it.
    fn outgoing(&self, request: &Request) -> Result<HttpRequest, String> {
        let method = METHODS.iter().find(|method| **method == request.method);
        let method = *method.ok_or_else(|| format!("the method {} is not known", request.method))?;
        if !request.target.starts_with('/') {
            return Err("the target must begin with a slash".into());
        }
        let mut headers = Headers::new();
        for (name, value) in &request.headers {
            if !is_of_the_hop(name) && !name.eq_ignore_ascii_case("accept-encoding") {
                headers.append(name.as_str(), HeaderValue::secret(value.clone()));
            }
        }
        headers.append("accept-encoding", "identity");
        Ok(HttpRequest {
            method,
            url: format!("{}://{}{}", self.scheme, self.authority, request.target),
            headers,
            body: request.body.clone(),
            options: RequestOptions::default(),
        })
    }

    async fn keep(&self, request: Request, response: Response, end: &End, line: &str, tell: &Tell) {
        let status = response.status;
        let is_packed = response.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-encoding") && !value.eq_ignore_ascii_case(b"identity")
        });
        let reason = match end {
            End::ClientLeft => Some("the client left before the end"),
            _ if is_packed => Some("the answer is compressed, and secrets could hide in it"),
            _ => None,
        };
        if let Some(reason) = reason {
            return tell(&format!("{line}: {status}, not recorded: {reason}"));
        }
        let mut exchange = Exchange { request, response };
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove_from(&mut exchange);
        let (out, authority, numbers) = (self.out.clone(), self.authority.clone(), self.numbers.clone());
        let saved = tokio::task::spawn_blocking(move || save(&out, &authority, &numbers, &exchange)).await;
        match saved {
            Ok(Ok(id)) => tell(&format!("{line}: {status}, kept as {id}")),
            Ok(Err(problem)) => tell(&format!("{line}: {status}, not recorded: {problem}")),
            Err(problem) => tell(&format!("{line}: {status}, not recorded: {problem}")),
        }
    }

    fn without_secrets(&self, text: &mut String) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove_from_text(text);
    }
}

/// Writes the answer to the client as it comes, and gives what there was of it.
async fn relay(
    connection: &mut Connection<TcpStream>,
    answer: HttpResponse,
    is_head: bool,
) -> io::Result<(Response, End)> {
    let header = |name: &str| answer.headers.get(name).map(|value| value.as_bytes().to_vec());
    let length = header("content-length");
    let has_body = !is_head && !matches!(answer.status, 204 | 304);
    let mut response = Response {
        status: answer.status,
        reason: answer.reason.to_string(),
        headers: answer
            .headers
            .iter()
            .filter(|(name, _)| !is_of_the_hop(name))
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: bytes::Bytes::new(),
        chunked: length.is_none() && has_body,
        split_at: Vec::new(),
        truncate_at: None,
        disconnect: None,
    };
    let framing = match (&length, has_body) {
        (Some(length), _) => Some(("content-length", length.as_slice())),
        (None, true) => Some(("transfer-encoding", b"chunked".as_slice())),
        (None, false) => None,
    };
    connection.write_head(&response, framing).await?;
    let mut body = BytesMut::new();
    let mut chunks = answer.body;
    let end = loop {
        let chunk = tokio::select! {
            chunk = chunks.next() => chunk,
            gone = connection.peer_gone() => {
                gone?;
                break End::ClientLeft;
            }
        };
        match chunk {
            Some(Ok(chunk)) if chunk.is_empty() => {}
            Some(Ok(chunk)) => {
                if !body.is_empty() {
                    response.split_at.push(body.len());
                }
                body.extend_from_slice(&chunk);
                if has_body && connection.write_piece(&chunk, response.chunked).await.is_err() {
                    break End::ClientLeft;
                }
            }
            Some(Err(_)) => {
                response.disconnect = Some(Disconnect::Mid);
                break End::Broken;
            }
            None => break End::Whole,
        }
    };
    if matches!(end, End::Whole) && response.chunked {
        connection.write_end().await?;
    }
    response.body = body.freeze();
    Ok((response, end))
}

fn explain(error: &TransportError) -> String {
    format!("the service could not be reached: {}", error.detail)
}

/// Headers that belong to one connection, not to the message:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>; and the length, which is told anew.
fn is_of_the_hop(name: &str) -> bool {
    HOP.iter().any(|known| name.eq_ignore_ascii_case(known))
}

const HOP: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
