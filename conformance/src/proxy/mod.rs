//! A server between a client and a service: it records what passes as fixtures, or answers from them.

mod forward;
mod play;
mod recording;
mod redact;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use samewire::transport::HyperTransport;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fixture::Case;
use crate::server::http1::Connection;
use crate::suite::find_cases;
use forward::Recorder;
use play::Player;

/// A server that any client can be pointed at, over HTTP/1.1 without TLS.
///
/// It records what the client and a service say to each other, or answers from such recordings.
///
/// # Example: record a client
///
/// ```no_run
/// # async fn example() -> Result<(), String> {
/// use samewire_conformance::Proxy;
///
/// let listen = "127.0.0.1:8080".parse().expect("an address");
/// let proxy = Proxy::record(listen, "https://api.openai.com", "recordings".into()).await?;
/// // Now a client with the base URL http://127.0.0.1:8080/v1 is recorded.
/// proxy.serve(|line| eprintln!("{line}")).await;
/// # Ok(()) }
/// ```
pub struct Proxy {
    listener: TcpListener,
    role: Role,
}

#[derive(Clone)]
enum Role {
    Record(Arc<Recorder>),
    Play(Arc<Player>),
}

impl Proxy {
    /// Passes requests on to a service and keeps each exchange as a fixture below a folder, without secrets.
    ///
    /// Answers pass as they come; what is kept is kept when they end.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address or the upstream.
    pub async fn record(listen: SocketAddr, upstream: &str, out: PathBuf) -> Result<Self, String> {
        let transport = HyperTransport::builder()
            // A model may think for long before it says something.
            .body_idle_timeout(None)
            .build()
            .map_err(|error| error.to_string())?;
        let recorder = Recorder::new(upstream, out, transport)?;
        Ok(Self { listener: bind(listen).await?, role: Role::Record(Arc::new(recorder)) })
    }

    /// Answers from the fixtures below a folder, and asks nobody.
    ///
    /// A request gets the answer that was recorded for the same method, target and body; else the next one
    /// for the same method and target; else 404 with an explanation. When all have been given, they are
    /// given again.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address, the folder or a file.
    pub async fn replay(listen: SocketAddr, folder: &Path) -> Result<Self, String> {
        let mut exchanges = Vec::new();
        for (_, path) in find_cases(folder)? {
            exchanges.extend(Case::load(&path).map_err(|error| error.to_string())?.exchanges);
        }
        if exchanges.is_empty() {
            return Err(format!("{}: no recordings here; expected <host>/<case>.json", folder.display()));
        }
        Ok(Self { listener: bind(listen).await?, role: Role::Play(Arc::new(Player::new(exchanges))) })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped, and tells of each exchange in a line.
    pub async fn serve(self, tell: impl Fn(&str) + Send + Sync + 'static) {
        let tell: Arc<Tell> = Arc::new(tell);
        // Dropped with this future, and the connections with it.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((socket, _)) = accepted {
                        connections.spawn(serve(socket, self.role.clone(), tell.clone()));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

type Tell = dyn Fn(&str) + Send + Sync;

async fn bind(listen: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(listen).await.map_err(|error| format!("cannot listen at {listen}: {error}"))
}

/// Serves one connection until either side closes it.
async fn serve(socket: TcpStream, role: Role, tell: Arc<Tell>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut connection = Connection::new(socket);
    while let Some(request) = connection.read_request().await? {
        let goes_on = match &role {
            Role::Record(recorder) => recorder.exchange(&mut connection, request, &*tell).await?,
            Role::Play(player) => player.exchange(&mut connection, request, &*tell).await?,
        };
        if !goes_on {
            break;
        }
    }
    connection.close().await
}

#[cfg(test)]
mod tests;
