//! Leads every request to the loopback server, whatever host it was meant for.

use std::sync::{Mutex, PoisonError};

use futures_core::future::BoxFuture;
use samewire::transport::{HttpRequest, HttpResponse, HyperTransport, Transport, TransportError};

use crate::fixture::Request;

/// Changes scheme and authority of the URL and nothing else: the `host` header stays as it was.
pub(crate) struct RewriteTransport {
    http: HyperTransport,
    /// Scheme and authority of the server.
    origin: String,
    authority: String,
    /// Where each request was meant to go, in the order of sending.
    meant: Mutex<Vec<Meant>>,
}

struct Meant {
    method: &'static str,
    target: String,
    scheme: String,
    authority: String,
}

impl RewriteTransport {
    /// Leads everything to a server's URL, such as `http://127.0.0.1:8080`.
    pub(crate) fn new(http: HyperTransport, server: &str) -> Self {
        let authority = server.split_once("://").map_or(server, |(_, authority)| authority);
        Self { http, origin: server.to_owned(), authority: authority.to_owned(), meant: Mutex::default() }
    }

    /// Puts back into the requests that the server saw what the rewriting took from them: the scheme, and
    /// HTTP/2's `:scheme` and `:authority`.
    pub(crate) fn restore(&self, mut seen: Vec<Request>) -> Vec<Request> {
        let mut meant = self.meant.lock().unwrap_or_else(PoisonError::into_inner);
        for request in &mut seen {
            let fits = |meant: &Meant| meant.method == request.method && meant.target == request.target;
            let Some(found) = meant.iter().position(fits) else { continue };
            let meant = meant.remove(found);
            for (name, value) in &mut request.headers {
                match name.as_str() {
                    ":scheme" => *value = meant.scheme.clone().into_bytes(),
                    ":authority" if *value == self.authority.as_bytes() => {
                        *value = meant.authority.clone().into_bytes();
                    }
                    _ => {}
                }
            }
            request.scheme = meant.scheme;
        }
        seen
    }

    async fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let meant = request.url.clone();
        let (scheme, rest) = meant.split_once("://").unwrap_or(("", &meant));
        let path = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path);
        let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        request.url = format!("{}{target}", self.origin);
        self.meant.lock().unwrap_or_else(PoisonError::into_inner).push(Meant {
            method: request.method,
            target,
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
        });
        let response = self.http.send(request).await?;
        Ok(HttpResponse { url: meant, ..response })
    }
}

impl Transport for RewriteTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }
}
