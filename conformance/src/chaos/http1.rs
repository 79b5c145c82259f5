//! Plays scripts over HTTP/1.1.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::script::{End, Framing, Script, Step, script};
use super::server::State;
use crate::server::http1::{Connection, chunk};

/// Serves one connection until either side closes it.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(socket: S, state: Arc<State>) -> io::Result<()> {
    let mut connection = Connection::new(socket);
    while let Some(request) = connection.read_request().await? {
        let Some((response, fault)) = state.answer(&request.method, &request.target) else { break };
        let script = script(&response, fault, &request.target);
        let mut player = Player { socket: &mut connection.socket, state: &state, trickle: script.trickle };
        match player.play(&script).await? {
            End::Proper => {}
            // Silent, until the peer goes.
            End::Stall => while connection.read_request().await?.is_some() {},
            End::Close | End::ResetStream | End::GiveUp => {
                // A reset takes away what the peer has not read yet.
                tokio::time::sleep(SETTLE).await;
                break;
            }
        }
    }
    // A socket that was made to reset does so here.
    Ok(())
}

struct Player<'a, S> {
    socket: &'a mut S,
    state: &'a State,
    trickle: bool,
}

impl<S: AsyncWrite + Unpin> Player<'_, S> {
    async fn play(&mut self, script: &Script) -> io::Result<End> {
        let Some(wait) = script.wait else { return Ok(End::Stall) };
        tokio::time::sleep(wait).await;
        self.write(&head(script)).await?;
        for step in &script.body {
            match step {
                Step::Send(bytes) => self.send(bytes, script.framing).await?,
                Step::Repeat(bytes, times) => {
                    let mut left = times.unwrap_or(usize::MAX);
                    while left > 0 {
                        self.send(bytes, script.framing).await?;
                        left -= 1;
                    }
                }
                Step::Farewell => {}
            }
        }
        if script.end == End::Proper && script.framing == Framing::Chunked {
            self.write(b"0\r\n\r\n").await?;
        }
        Ok(script.end)
    }

    async fn send(&mut self, bytes: &Bytes, framing: Framing) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.state.count(bytes.len());
        match framing {
            Framing::Chunked => self.write(&chunk(bytes)).await,
            Framing::Length(_) | Framing::WrongLength(_) => self.write(bytes).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = if self.trickle { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(size) {
            self.socket.write_all(piece).await?;
            self.socket.flush().await?;
            // Lets the reader take this piece alone.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn head(script: &Script) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", script.status, script.reason).into_bytes();
    let framing = match script.framing {
        Framing::Chunked => ("transfer-encoding".to_owned(), b"chunked".to_vec()),
        Framing::Length(bytes) | Framing::WrongLength(bytes) => {
            ("content-length".to_owned(), bytes.to_string().into_bytes())
        }
    };
    for (name, value) in script.headers.iter().chain([&framing]) {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Real time in which a small answer is read.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(250);
