//! HTTP/1.1 from the raw bytes: <https://www.rfc-editor.org/rfc/rfc9112>.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{State, pieces};
use crate::fixture::{Disconnect, Request, Response};

/// Serves one connection until either side closes it.
pub(super) async fn serve(socket: TcpStream, state: &State) -> io::Result<()> {
    let mut connection = Connection::new(socket);
    while let Some(request) = connection.read_request().await? {
        let close = request.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case(b"close")
        });
        let Some(response) = state.answer(request) else { break };
        if response.disconnect == Some(Disconnect::Before) {
            break;
        }
        connection.write_response(&response, close).await?;
        if close || response.disconnect.is_some() {
            break;
        }
    }
    connection.close().await
}

/// One side of a connection, with what arrived and was not read yet.
pub(crate) struct Connection<S> {
    pub(crate) socket: S,
    received: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, received: BytesMut::new() }
    }

    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.socket.shutdown().await
    }

    /// Comes back when the peer has closed the connection; whatever else it sends is kept.
    pub(crate) async fn peer_gone(&mut self) -> io::Result<()> {
        while self.receive().await? {}
        Ok(())
    }

    /// The next request; `None` when the peer has closed the connection instead.
    pub(crate) async fn read_request(&mut self) -> io::Result<Option<Request>> {
        let head = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break self.received.split_to(end + 4);
            }
            if !self.receive().await? {
                return Ok(None);
            }
        };
        let mut lines = head[..head.len() - 4].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let mut words = start.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers: Vec<_> = lines.map(header).collect();
        let body = self.read_body(&headers).await?;
        Ok(Some(Request {
            scheme: "http".into(),
            http2: false,
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        }))
    }

    async fn read_body(&mut self, headers: &[(String, Vec<u8>)]) -> io::Result<Bytes> {
        let value = |wanted: &str| {
            let line = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            line.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        if value("transfer-encoding").is_some() {
            return self.read_chunks().await;
        }
        let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        self.fill(length).await?;
        Ok(self.received.split_to(length).freeze())
    }

    async fn read_chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.received, b"\r\n") {
                    break end;
                }
                self.fill(self.received.len() + 1).await?;
            };
            let size = String::from_utf8_lossy(&self.received[..end]).into_owned();
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            self.received.advance(end + 2);
            self.fill(size + 2).await?;
            body.extend_from_slice(&self.received[..size]);
            self.received.advance(size + 2);
            if size == 0 {
                return Ok(body.freeze());
            }
        }
    }

    /// Writes the head of an answer, with the header line that tells where its body ends.
    pub(crate) async fn write_head(
        &mut self,
        response: &Response,
        framing: Option<(&str, &[u8])>,
    ) -> io::Result<()> {
        self.socket.write_all(&head(response, framing.as_slice())).await
    }

    /// Writes a part of a body and sends it at once.
    pub(crate) async fn write_piece(&mut self, piece: &[u8], chunked: bool) -> io::Result<()> {
        let framed = if chunked { chunk(piece) } else { piece.to_vec() };
        self.socket.write_all(&framed).await?;
        self.socket.flush().await
    }

    /// Writes the end mark of a chunked body.
    pub(crate) async fn write_end(&mut self) -> io::Result<()> {
        self.socket.write_all(b"0\r\n\r\n").await
    }

    /// Writes an answer, cut as it was recorded.
    pub(crate) async fn write_response(&mut self, response: &Response, close: bool) -> io::Result<()> {
        let length = response.body.len().to_string();
        let mut lines: Vec<(&str, &[u8])> = Vec::new();
        if close {
            lines.push(("connection", b"close"));
        }
        if response.chunked {
            lines.push(("transfer-encoding", b"chunked"));
        } else {
            lines.push(("content-length", length.as_bytes()));
        }
        self.socket.write_all(&head(response, &lines)).await?;
        let body = response.sent_body();
        for piece in pieces(&body, &response.split_at) {
            self.write_piece(piece, response.chunked).await?;
            // Lets the reader take this piece alone.
            tokio::task::yield_now().await;
        }
        if response.chunked && response.disconnect.is_none() {
            self.write_end().await?;
        }
        Ok(())
    }

    async fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.received.len() < length {
            if !self.receive().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> io::Result<bool> {
        Ok(self.socket.read_buf(&mut self.received).await? > 0)
    }
}

/// Status line and header lines, those of the answer and more.
fn head(response: &Response, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, response.reason).into_bytes();
    let own = response.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    for (name, value) in own.chain(more.iter().copied()) {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn header(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (name, value) = line.split_at(colon);
    let value = value.strip_prefix(b":").unwrap_or(value);
    (String::from_utf8_lossy(name).into_owned(), value.trim_ascii().to_vec())
}

/// A piece of a body in the chunked transfer coding.
pub(crate) fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
