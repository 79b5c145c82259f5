//! From a recorded answer and a fault to the steps that a connection plays.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Fault;
use crate::fixture::{Disconnect, Response};

/// What a connection does for one request.
pub(super) struct Script {
    /// The wait before the head; `None` sends none, ever.
    pub(super) wait: Option<Duration>,
    pub(super) status: u16,
    pub(super) reason: String,
    /// Without those that frame the body.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) framing: Framing,
    /// One byte at a time.
    pub(super) trickle: bool,
    pub(super) body: Vec<Step>,
    pub(super) end: End,
}

/// How HTTP/1.1 tells the end of the body; HTTP/2 only has lengths that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    Length(usize),
    WrongLength(usize),
}

pub(super) enum Step {
    Send(Bytes),
    /// Sends it that many times; `None` for ever.
    Repeat(Bytes, Option<usize>),
    /// HTTP/2: says that no new streams are taken.
    Farewell,
}

/// What follows the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The end mark; the connection is kept.
    Proper,
    /// Silence.
    Stall,
    /// The connection is closed, or reset if it was made so.
    Close,
    /// HTTP/2: the stream is reset.
    ResetStream,
    /// HTTP/2: the connection is given up with an error.
    GiveUp,
}

/// The script for an answer to a request for `target`.
pub(super) fn script(response: &Response, fault: Fault, target: &str) -> Script {
    let body = response.sent_body();
    let at = |place: Option<usize>| place.unwrap_or(body.len() / 2).min(body.len());
    let mut script = plain(response, &body);
    let cut = |script: &mut Script, at: usize, end: End| {
        script.body = vec![Step::Send(body.slice(..at))];
        script.end = end;
    };
    match fault {
        Fault::None | Fault::SlowTls | Fault::TlsSilence => {}
        Fault::Delay(time) => script.wait = Some(time),
        Fault::Silence => script.wait = None,
        Fault::Stall(place) => cut(&mut script, at(place), End::Stall),
        Fault::Trickle => script.trickle = true,
        Fault::Cut(place) | Fault::Reset(place) => cut(&mut script, at(place), End::Close),
        Fault::Duplicate(place) => script.send(duplicated(&body, at(place))),
        Fault::Flip(seed) => script.send(flipped(&body, seed)),
        Fault::LengthTooLong => {
            script.framing = Framing::WrongLength(2 * body.len() + 1);
            script.end = End::Close;
        }
        Fault::LengthTooShort => {
            script.framing = Framing::WrongLength(body.len() / 2);
            script.end = End::Close;
        }
        Fault::Endless => {
            script.framing = Framing::Chunked;
            script.body = vec![Step::Send(body.slice(..at(None))), Step::Repeat(filler(), None)];
        }
        Fault::Headers => script.headers.extend(
            (0..EXTRA_HEADERS).map(|index| (format!("x-chaos-{index}"), b"one of very many".to_vec())),
        ),
        Fault::GoAway => {
            let (first, rest) = (body.slice(..at(None)), body.slice(at(None)..));
            script.body = vec![Step::Send(first), Step::Farewell, Step::Send(rest)];
        }
        Fault::GoAwayError => cut(&mut script, at(None), End::GiveUp),
        Fault::ResetStream => cut(&mut script, at(None), End::ResetStream),
        Fault::RedirectLoop => {
            let mark = if target.contains('?') { '&' } else { '?' };
            script.status = 307;
            script.reason = "Temporary Redirect".into();
            script.headers.push(("location".into(), format!("{target}{mark}again").into_bytes()));
            script.send(Bytes::new());
        }
        Fault::GzipBomb => {
            script.framing = Framing::Chunked;
            script.headers.push(("content-encoding".into(), b"gzip".to_vec()));
            let first = gzip(&body.slice(..at(None)));
            script.body = vec![Step::Send(first), Step::Repeat(bomb(), Some(BOMB_MEMBERS))];
        }
    }
    script
}

fn plain(response: &Response, body: &Bytes) -> Script {
    let framing = if response.chunked { Framing::Chunked } else { Framing::Length(response.body.len()) };
    Script {
        wait: (response.disconnect != Some(Disconnect::Before)).then_some(Duration::ZERO),
        status: response.status,
        reason: response.reason.clone(),
        headers: response.headers.clone(),
        framing,
        trickle: false,
        body: vec![Step::Send(body.clone())],
        end: if response.disconnect.is_some() { End::Close } else { End::Proper },
    }
}

impl Script {
    /// The whole body, its length stated right.
    fn send(&mut self, body: Bytes) {
        if matches!(self.framing, Framing::Length(_)) {
            self.framing = Framing::Length(body.len());
        }
        self.body = vec![Step::Send(body)];
    }
}

fn duplicated(body: &Bytes, at: usize) -> Bytes {
    let end = (at + DUPLICATED).min(body.len());
    let mut twice = BytesMut::from(&body[..end]);
    twice.extend_from_slice(&body[at..]);
    twice.freeze()
}

fn flipped(body: &Bytes, seed: u64) -> Bytes {
    let mut state = seed.max(1);
    let mut flipped = BytesMut::from(&body[..]);
    for byte in flipped.iter_mut() {
        // Xorshift: <https://www.jstatsoft.org/article/view/v008i14>.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(32) {
            *byte ^= 1 << (state >> 8 & 7);
        }
    }
    flipped.freeze()
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail; a short body would show as a broken one.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

/// A megabyte that never ends a line.
fn bomb() -> Bytes {
    static BOMB: OnceLock<Bytes> = OnceLock::new();
    BOMB.get_or_init(|| gzip(&vec![b'x'; 1 << 20])).clone()
}

fn filler() -> Bytes {
    Bytes::from_static(&[b'x'; 16 << 10])
}

const DUPLICATED: usize = 16;
const EXTRA_HEADERS: usize = 10_000;
const BOMB_MEMBERS: usize = 1024;
