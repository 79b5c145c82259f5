//! Answering from recordings.

use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use samewire::json::{Object, Value, object};

use tokio::net::TcpStream;

use super::Tell;
use super::redact::Secrets;
use crate::fixture::{Disconnect, Exchange, Request, Response};
use crate::server::http1::Connection;

/// The recorded exchanges, and which of them were played.
pub(super) struct Player {
    exchanges: Mutex<Vec<(Exchange, bool)>>,
}

impl Player {
    pub(super) fn new(exchanges: Vec<Exchange>) -> Self {
        let exchanges = exchanges.into_iter().map(|exchange| (exchange, false)).collect();
        Self { exchanges: Mutex::new(exchanges) }
    }

    /// Answers a request; says whether the connection can go on.
    pub(super) async fn exchange(
        &self,
        connection: &mut Connection<TcpStream>,
        mut request: Request,
        tell: &Tell,
    ) -> io::Result<bool> {
        // Recordings hold no keys, so they are found without them.
        Secrets::default().remove_from_request(&mut request);
        let line = format!("{} {}", request.method, request.target);
        let Some(response) = self.answer(&request) else {
            tell(&format!("{line}: nothing recorded fits"));
            connection.write_response(&nothing_fits(&line), false).await?;
            return Ok(true);
        };
        tell(&format!("{line}: {} from the recordings", response.status));
        if response.disconnect != Some(Disconnect::Before) {
            connection.write_response(&response, false).await?;
        }
        Ok(response.disconnect.is_none())
    }

    fn answer(&self, request: &Request) -> Option<Response> {
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |e: &Exchange| e.request.method == request.method && e.request.target == request.target;
        let same = |e: &Exchange| fits(e) && e.request.body == request.body;
        let find = |exchanges: &[(Exchange, bool)], again: bool| {
            let by = |rule: &dyn Fn(&Exchange) -> bool| {
                exchanges.iter().position(|(exchange, played)| *played == again && rule(exchange))
            };
            by(&same).or_else(|| by(&fits))
        };
        let place = find(exchanges.as_slice(), false).or_else(|| {
            for (exchange, played) in exchanges.iter_mut() {
                *played &= !fits(exchange);
            }
            find(exchanges.as_slice(), false)
        })?;
        exchanges[place].1 = true;
        Some(exchanges[place].0.response.clone())
    }
}

fn nothing_fits(line: &str) -> Response {
    let message = format!("samewire record --replay: no recording of {line}");
    Response::made(404, object! { "error": object! { "message": message, "type": "no_recording" } })
}

impl Response {
    /// An answer of the proxy's own.
    pub(super) fn made(status: u16, body: Object) -> Self {
        Self {
            status,
            reason: String::new(),
            headers: vec![("content-type".into(), b"application/json".to_vec())],
            body: Bytes::from(Value::from(body).to_json()),
            chunked: false,
            split_at: Vec::new(),
            truncate_at: None,
            disconnect: None,
        }
    }
}
