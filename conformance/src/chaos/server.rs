//! The server: listens, finds the answer to a request, and says which fault strikes it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::tls::{Identity, Slow};
use super::{Fault, http1, http2};
use crate::fixture::{Case, Response};
use crate::server::PREFACE;

/// A loopback server that answers as recorded, and lets something go wrong.
///
/// Whoever asks gets the recorded answer whose method and target fit, the first time the first, the second time
/// the second; a request that fits none gets the last one, so that a client with settings of its own is served
/// too. The faults strike the last exchange of the case, which is the conversation itself: the first request
/// for it gets the first fault, the next the next, and the last fault stays.
///
/// Dropping the server closes everything.
pub struct ChaosServer {
    address: SocketAddr,
    state: Arc<State>,
    certificate: Option<String>,
    listening: JoinHandle<()>,
}

/// What the connections share.
pub(super) struct State {
    case: Case,
    faults: Vec<Fault>,
    /// How often each target was asked for.
    asked: Mutex<HashMap<String, usize>>,
    struck: AtomicUsize,
    sent: AtomicU64,
    tell: Box<Tell>,
}

type Tell = dyn Fn(&str) + Send + Sync;

impl ChaosServer {
    /// Listens at an address, such as `127.0.0.1:0` for any free port. Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the address cannot be had, or a certificate not be made.
    pub async fn start(case: Case, faults: &[Fault], address: &str) -> io::Result<Self> {
        Self::start_telling(case, faults, address, |_| {}).await
    }

    /// The same, telling of each request in a line: what was asked and what goes wrong with the answer.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_telling(
        case: Case,
        faults: &[Fault],
        address: &str,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let speaks_http2 = case.speaks_http2();
        let identity = if faults.iter().any(|fault| fault.needs_tls()) {
            Some(Identity::new(if speaks_http2 { &["h2"] } else { &["http/1.1"] })?)
        } else {
            None
        };
        let certificate = identity.as_ref().map(|identity| identity.pem.clone());
        let state = Arc::new(State {
            case,
            faults: faults.to_vec(),
            asked: Mutex::default(),
            struck: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            tell: Box::new(tell),
        });
        let listening = tokio::spawn(listen(listener, state.clone(), identity.map(Arc::new)));
        Ok(Self { address, state, certificate, listening })
    }

    /// `http://127.0.0.1:port`, or `https://localhost:port` where a fault needs TLS.
    pub fn url(&self) -> String {
        let port = self.address.port();
        match self.certificate {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://{}:{port}", self.address.ip()),
        }
    }

    /// The certificate to trust, as PEM, where a fault needs TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// What the recorded client asked, as `POST /v1/messages`; each line once, the conversation last.
    pub fn recorded_requests(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for exchange in &self.state.case.exchanges {
            let line = format!("{} {}", exchange.request.method, exchange.request.target);
            lines.retain(|known| *known != line);
            lines.push(line);
        }
        lines
    }

    /// How many requests got a fault so far.
    pub fn struck(&self) -> usize {
        self.state.struck.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies were handed to sockets so far.
    pub fn sent_bytes(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }
}

impl Drop for ChaosServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl State {
    /// The answer to a request, and what goes wrong with it.
    pub(super) fn answer(&self, method: &str, target: &str) -> Option<(Response, Fault)> {
        let exchanges = &self.case.exchanges;
        let fitting: Vec<usize> = (0..exchanges.len())
            .filter(|index| {
                let request = &exchanges[*index].request;
                request.method == method && request.target == target
            })
            .collect();
        let turn = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let turns = asked.entry(format!("{method} {target}")).or_default();
            std::mem::replace(turns, *turns + 1)
        };
        let last = exchanges.len().checked_sub(1)?;
        let index = fitting.get(turn).or(fitting.last()).copied().unwrap_or(last);
        let fault = if index == last { self.strike() } else { Fault::None };
        let elsewhere = if fitting.is_empty() { ", which the recorded client did not ask" } else { "" };
        // A redirect loop makes targets long.
        let shown: String = target.chars().take(LONGEST_TOLD).collect();
        (self.tell)(&format!("{method} {shown}{elsewhere}: {fault}"));
        Some((exchanges[index].response.clone(), fault))
    }

    pub(super) fn count(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn strike(&self) -> Fault {
        let turn = self.struck.fetch_add(1, Ordering::Relaxed);
        self.faults.get(turn).or(self.faults.last()).copied().unwrap_or(Fault::None)
    }
}

async fn listen(listener: TcpListener, state: Arc<State>, identity: Option<Arc<Identity>>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(accept(socket, state.clone(), identity.clone()));
                }
                // Out of descriptors, say: others may end and leave some.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(socket: TcpStream, state: Arc<State>, identity: Option<Arc<Identity>>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if state.faults.iter().any(|fault| matches!(fault, Fault::Reset(_))) {
        socket.set_zero_linger()?;
    }
    let Some(identity) = identity else { return serve(socket, state).await };
    if state.faults.contains(&Fault::TlsSilence) {
        // Reads what the client says and never answers.
        let mut socket = socket;
        let fault = state.strike();
        (state.tell)(&format!("a connection: {fault}"));
        while socket.read(&mut [0; 1024]).await? > 0 {}
        return Ok(());
    }
    let secured = identity.acceptor.accept(Slow::new(socket)).await?;
    match secured.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2::serve(secured, state).await.map_err(io::Error::other),
        _ => http1::serve(secured, state).await,
    }
}

async fn serve(socket: TcpStream, state: Arc<State>) -> io::Result<()> {
    let mut start = [0; PREFACE.len()];
    // HTTP/2 begins with a preface that no HTTP/1.1 request begins with.
    while socket.peek(&mut start).await? > 0 {
        if !start.starts_with(&PREFACE[..3]) {
            return http1::serve(socket, state).await;
        }
        if start == *PREFACE {
            return serve_http2(socket, state).await;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn serve_http2(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    state: Arc<State>,
) -> io::Result<()> {
    http2::serve(socket, state).await.map_err(io::Error::other)
}

const LONGEST_TOLD: usize = 100;
