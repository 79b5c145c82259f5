//! A loopback server that plays canned answers and keeps what arrived, byte for byte.
//!
//! It speaks HTTP/1.1 by itself, since a server library would hide the order, spelling and number of the
//! header lines, and HTTP/2 with prior knowledge through the h2 crate.

pub(crate) mod http1;
mod http2;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::fixture::{Exchange, Request, Response};

/// A running server.
pub(crate) struct Server {
    authority: String,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

/// What the connections share.
struct State {
    inner: Mutex<Inner>,
}

struct Inner {
    /// The exchanges that were not asked for yet.
    left: Vec<Exchange>,
    seen: Vec<Request>,
}

impl Server {
    /// Listens on a free port and answers each request with the first exchange left that has its method
    /// and target. A request that none fits is kept too, and its connection closed.
    pub(crate) async fn start(exchanges: Vec<Exchange>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let authority = listener.local_addr()?.to_string();
        let state = Arc::new(State { inner: Mutex::new(Inner { left: exchanges, seen: Vec::new() }) });
        let listening = tokio::spawn(listen(listener, state.clone()));
        Ok(Self { authority, state, listening })
    }

    /// `127.0.0.1:port`.
    pub(crate) fn authority(&self) -> String {
        self.authority.clone()
    }

    /// Closes every connection, and gives the requests in the order in which they arrived.
    pub(crate) async fn stop(self) -> Vec<Request> {
        self.listening.abort();
        // Aborted or not, it is over when this returns.
        let _ = self.listening.await;
        std::mem::take(&mut self.state.inner().seen)
    }
}

impl State {
    /// Keeps a request and finds the answer to it.
    fn answer(&self, request: Request) -> Option<Response> {
        let mut inner = self.inner();
        let fits = |e: &Exchange| e.request.method == request.method && e.request.target == request.target;
        // Of several that fit, the one with the same body: requests that are sent side by side overtake
        // each other.
        let same = |e: &Exchange| fits(e) && e.request.body == request.body;
        let place = inner.left.iter().position(same).or_else(|| inner.left.iter().position(fits));
        inner.seen.push(request);
        place.map(|place| inner.left.remove(place).response)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, state.clone()));
    }
}

async fn serve(socket: TcpStream, state: Arc<State>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut start = [0; PREFACE.len()];
    // HTTP/2 begins with a preface that no HTTP/1.1 request begins with.
    while socket.peek(&mut start).await? > 0 {
        if !start.starts_with(&PREFACE[..3]) {
            return http1::serve(socket, &state).await;
        }
        if start == *PREFACE {
            return http2::serve(socket, state).await.map_err(io::Error::other);
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// <https://www.rfc-editor.org/rfc/rfc9113#section-3.4>
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The parts of a body between the offsets at which it was cut.
fn pieces<'a>(body: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut at = 0;
    for cut in cuts.iter().copied().chain([body.len()]) {
        if cut > at && cut <= body.len() {
            parts.push(&body[at..cut]);
            at = cut;
        }
    }
    parts
}

#[cfg(test)]
mod tests;
