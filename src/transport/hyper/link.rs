//! One connection: TCP, or TLS over whatever leads there.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to a service or to its proxy.
pub(super) struct Link {
    stream: Stream,
    forwarded: bool,
}

enum Stream {
    Tcp(TokioIo<TcpStream>),
    /// Over a link, since a proxy may be asked over TLS itself.
    Tls(Box<TokioIo<TlsStream<TokioIo<Link>>>>),
}

impl Link {
    pub(super) fn tcp(stream: TokioIo<TcpStream>) -> Self {
        Self { stream: Stream::Tcp(stream), forwarded: false }
    }

    pub(super) fn tls(stream: TlsStream<TokioIo<Self>>) -> Self {
        Self { stream: Stream::Tls(Box::new(TokioIo::new(stream))), forwarded: false }
    }

    /// The same, to a proxy that forwards each request and so wants its whole URL.
    pub(super) fn forwarded(self) -> Self {
        Self { forwarded: true, ..self }
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(io) => Pin::new(io).poll_read(cx, buffer),
            Stream::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(io) => Pin::new(io).poll_write(cx, bytes),
            Stream::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(io) => Pin::new(io).poll_flush(cx),
            Stream::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Stream::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(io) => io.is_write_vectored(),
            Stream::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(io) => Pin::new(io).poll_write_vectored(cx, slices),
            Stream::Tls(io) => Pin::new(io).poll_write_vectored(cx, slices),
        }
    }
}
