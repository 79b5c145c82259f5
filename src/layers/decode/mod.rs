//! Undoes content encodings as the reference's HTTP clients do.
//!
//! Standard: <https://www.rfc-editor.org/rfc/rfc9110#section-8.4>; gzip is
//! <https://www.rfc-editor.org/rfc/rfc1952>, deflate RFC 1950 and 1951, br RFC 7932. Not supported: zstd
//! and dictionaries, for which no client of the reference asks.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress};
use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::transport::{
    Body, ClientKind, Headers, HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind,
};

mod gzip;

use gzip::{GZIP_MAGIC, Gzip};

/// Decodes the body of every response, as [`RequestOptions::client`](crate::transport::RequestOptions::client) does.
///
/// Header lines stay as received. Output comes in chunks of at most 64 KiB, made only when they are
/// asked for, so a small body that unpacks to gigabytes costs no memory; how much of it is read is up
/// to the reader. A body that is not what its head declares ends with
/// [`TransportErrorKind::Encoding`].
#[derive(Clone)]
pub struct DecodeLayer(Arc<dyn Transport>);

impl DecodeLayer {
    /// Wraps a transport that gives bodies as received.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self(inner)
    }
}

impl Transport for DecodeLayer {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let client = request.options.client;
        // Out here, so that the future need not keep the request.
        let sent = self.0.send(request);
        Box::pin(async move {
            let mut response = sent.await?;
            response.body = decoded(response.body, &response.headers, client);
            Ok(response)
        })
    }
}

/// The body without the content encodings that `headers` declare and `client` knows.
pub fn decoded(body: Body, headers: &Headers, client: ClientKind) -> Body {
    let Some(declared) = headers.joined("content-encoding") else { return body };
    let codings = codings(&declared, client);
    if codings.len() > MOST_CODINGS {
        let many = format!(
            "{} content encodings on top of each other, at most {MOST_CODINGS} are undone",
            codings.len()
        );
        return Box::pin(futures_util::stream::iter([Err(encoding_error(&many))]));
    }
    codings.into_iter().rev().fold(body, |body, coding| {
        let may_be_cut = client != ClientKind::NodeFetch || coding == Coding::Gzip;
        Box::pin(Decoding::new(body, coding, may_be_cut))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    /// gzip or zlib, whatever comes.
    Unzip,
    Brotli,
}

/// The codings to undo, in the order in which they were applied; none if the client passes the body on.
fn codings(declared: &str, client: ClientKind) -> Vec<Coding> {
    match client {
        ClientKind::Plain => Vec::new(),
        ClientKind::Fetch => {
            let known = declared.split(',').map(|name| match &*name.trim().to_ascii_lowercase() {
                "gzip" | "x-gzip" => Some(Coding::Gzip),
                "deflate" => Some(Coding::Deflate),
                "br" => Some(Coding::Brotli),
                _ => None,
            });
            known.collect::<Option<_>>().unwrap_or_default()
        }
        ClientKind::NodeFetch => match declared {
            "gzip" | "x-gzip" => vec![Coding::Gzip],
            "deflate" | "x-deflate" => vec![Coding::Deflate],
            "br" => vec![Coding::Brotli],
            _ => Vec::new(),
        },
        ClientKind::Axios => match &*declared.to_ascii_lowercase() {
            "gzip" | "x-gzip" | "compress" | "x-compress" => vec![Coding::Unzip],
            "deflate" => vec![Coding::Deflate],
            "br" => vec![Coding::Brotli],
            _ => Vec::new(),
        },
    }
}

/// A body with one coding undone.
struct Decoding {
    /// `None` once it ended.
    body: Option<Body>,
    input: Bytes,
    codec: Codec,
    /// The codec may hold output that did not fit.
    pending: bool,
    started: bool,
    may_be_cut: bool,
    output: Box<[u8]>,
}

impl Decoding {
    fn new(body: Body, coding: Coding, may_be_cut: bool) -> Self {
        Self {
            body: Some(body),
            input: Bytes::new(),
            codec: Codec::new(coding),
            pending: false,
            started: false,
            may_be_cut,
            output: vec![0; OUTPUT_CHUNK].into(),
        }
    }

    fn end(&mut self, outcome: Option<TransportError>) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.body = None;
        Poll::Ready(outcome.map(Err))
    }
}

impl Stream for Decoding {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            while this.pending || !this.input.is_empty() {
                let (consumed, made) = match this.codec.run(&this.input, &mut this.output) {
                    Ok(progress) => progress,
                    Err(what) => return this.end(Some(encoding_error(what))),
                };
                this.input.advance(consumed);
                this.pending = made == this.output.len();
                if made > 0 {
                    return Poll::Ready(Some(Ok(Bytes::copy_from_slice(&this.output[..made]))));
                }
                if consumed == 0 {
                    break;
                }
            }
            match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    this.started |= !chunk.is_empty();
                    this.input = chunk;
                }
                Some(Err(error)) => return this.end(Some(error)),
                None if this.may_be_cut || !this.started || this.codec.ended() => return this.end(None),
                None => return this.end(Some(encoding_error("unexpected end of file"))),
            }
        }
    }
}

fn encoding_error(what: &str) -> TransportError {
    TransportError { kind: TransportErrorKind::Encoding, detail: what.to_owned() }
}

/// How many bytes were taken and made, or what is wrong with the data, in zlib's words.
type Progress = Result<(usize, usize), &'static str>;

enum Codec {
    Undecided(Coding),
    Gzip(Gzip),
    Inflate(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    /// What follows the end is ignored.
    Ended,
}

impl Codec {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Gzip::default()),
            Coding::Deflate | Coding::Unzip => Self::Undecided(coding),
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                Self::Brotli(Box::new(BrotliState::new(alloc(), alloc(), alloc())))
            }
        }
    }

    fn ended(&self) -> bool {
        match self {
            Self::Ended => true,
            Self::Gzip(gzip) => gzip.ended(),
            _ => false,
        }
    }

    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        match self {
            Self::Undecided(coding) => {
                let Some(&first) = input.first() else { return Ok((0, 0)) };
                *self = match coding {
                    Coding::Unzip if first == GZIP_MAGIC[0] => Self::new(Coding::Gzip),
                    Coding::Deflate if first & 0x0f != 8 => Self::Inflate(Decompress::new(false)),
                    _ => Self::Inflate(Decompress::new(true)),
                };
                self.run(input, output)
            }
            Self::Gzip(gzip) => gzip.run(input, output),
            Self::Inflate(inflate) => {
                let (consumed, made, end) = run_inflate(inflate, input, output)?;
                if end {
                    *self = Self::Ended;
                }
                Ok((consumed, made))
            }
            Self::Brotli(state) => {
                let (mut left, mut consumed) = (input.len(), 0);
                let (mut room, mut made, mut total) = (output.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut consumed,
                    input,
                    &mut room,
                    &mut made,
                    output,
                    &mut total,
                    state,
                );
                match result {
                    BrotliResult::ResultFailure => return Err("Decompression failed"),
                    BrotliResult::ResultSuccess => *self = Self::Ended,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                }
                Ok((consumed, made))
            }
            Self::Ended => Ok((input.len(), 0)),
        }
    }
}

fn run_inflate(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(usize, usize, bool), &'static str> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None);
    let status = status.map_err(|_| if before.1 == 0 { "incorrect header check" } else { "invalid data" })?;
    let consumed = (inflate.total_in() - before.0) as usize;
    let made = (inflate.total_out() - before.1) as usize;
    Ok((consumed, made, status == flate2::Status::StreamEnd))
}

impl fmt::Debug for DecodeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecodeLayer")
    }
}

const OUTPUT_CHUNK: usize = 64 << 10;

/// Each costs memory of its own, and a head has room for thousands.
const MOST_CODINGS: usize = 5;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;
    use crate::frames::cuts::assert_same_for_every_cut;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes at every cut.
    fn decode(client: ClientKind, encoding: &'static str, body: &[u8]) -> Result<Vec<u8>, String> {
        assert_same_for_every_cut(body, |chunks| {
            let chunks: Vec<_> = chunks.map(Ok).collect();
            let headers = Headers::from_iter([("Content-Encoding", encoding)]);
            let mut body = decoded(Box::pin(stream::iter(chunks)), &headers, client);
            let mut text = Vec::new();
            while let Some(chunk) = body.next().now_or_never().unwrap() {
                text.extend_from_slice(&chunk.map_err(|error| error.detail)?);
            }
            Ok(text)
        })
    }

    const TEXT: &[u8] = b"data: the same bytes, the same bytes, the same tokens\n\n";
    /// `data: hello`, as Node's zlib makes it.
    const BROTLI: &[u8] = b"\x1b\x0a\x00\xf8\xa5\x75\xc2\xc8\xe8\xc4\x2a\x41\x50\x2e\x4f";

    #[test]
    fn every_coding_that_a_client_knows() {
        use ClientKind::{Axios, Fetch, NodeFetch, Plain};
        for client in [Fetch, NodeFetch, Axios] {
            assert_eq!(decode(client, "gzip", &gzip(TEXT)).unwrap(), TEXT);
            assert_eq!(decode(client, "x-gzip", &gzip(TEXT)).unwrap(), TEXT);
            assert_eq!(decode(client, "deflate", &zlib(TEXT)).unwrap(), TEXT);
            assert_eq!(decode(client, "deflate", &raw(TEXT)).unwrap(), TEXT);
            assert_eq!(decode(client, "br", BROTLI).unwrap(), b"data: hello");
            assert_eq!(decode(client, "zstd", TEXT).unwrap(), TEXT);
            assert_eq!(decode(client, "gzip", b"").unwrap(), b"");
        }
        assert_eq!(decode(Fetch, "GZip", &gzip(TEXT)).unwrap(), TEXT);
        assert_eq!(decode(NodeFetch, "GZip", &gzip(TEXT)).unwrap(), gzip(TEXT));
        assert_eq!(decode(Fetch, "deflate, gzip", &gzip(&zlib(TEXT))).unwrap(), TEXT);
        assert_eq!(decode(NodeFetch, "deflate, gzip", &gzip(TEXT)).unwrap(), gzip(TEXT));
        assert_eq!(decode(Fetch, "gzip, what", &gzip(TEXT)).unwrap(), gzip(TEXT));
        assert_eq!(decode(Axios, "compress", &zlib(TEXT)).unwrap(), TEXT);
        assert_eq!(decode(Plain, "gzip", TEXT).unwrap(), TEXT);
    }

    #[test]
    fn gzip_members_are_joined_and_fields_skipped() {
        let mut fields = flate2::GzBuilder::new()
            .extra(*b"12345")
            .filename("n")
            .comment("c")
            .write(Vec::new(), Compression::fast());
        fields.write_all(b"one ").unwrap();
        let mut body = fields.finish().unwrap();
        body.extend(gzip(b"two"));
        body.extend(b"\0\0\0junk");
        assert_eq!(decode(ClientKind::Fetch, "gzip", &body).unwrap(), b"one two");
    }

    #[test]
    fn damage() {
        let whole = gzip(TEXT);
        for client in [ClientKind::Fetch, ClientKind::NodeFetch] {
            assert_eq!(decode(client, "gzip", &whole[..whole.len() - 5]).unwrap(), TEXT);
            assert_eq!(decode(client, "gzip", TEXT).unwrap_err(), "incorrect header check");
        }
        let mut bad = whole.clone();
        let crc = bad.len() - 8;
        bad[crc] ^= 1;
        assert_eq!(decode(ClientKind::Fetch, "gzip", &bad).unwrap_err(), "incorrect data check");
        let cut = zlib(TEXT);
        let cut = &cut[..cut.len() - 2];
        assert_eq!(decode(ClientKind::Fetch, "deflate", cut).unwrap(), TEXT);
        assert_eq!(decode(ClientKind::NodeFetch, "deflate", cut).unwrap_err(), "unexpected end of file");
    }

    #[test]
    fn a_bomb_comes_in_small_chunks() {
        let bomb = gzip(&vec![0; 20 << 20]);
        let headers = Headers::from_iter([("content-encoding", "gzip")]);
        let mut body = decoded(Box::pin(stream::iter([Ok(bomb.into())])), &headers, ClientKind::Fetch);
        let mut total = 0;
        while let Some(chunk) = body.next().now_or_never().unwrap() {
            let chunk = chunk.unwrap();
            assert!(chunk.len() <= OUTPUT_CHUNK);
            total += chunk.len();
        }
        assert_eq!(total, 20 << 20);
    }
}
