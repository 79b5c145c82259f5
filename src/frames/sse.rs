//! Server-sent events, as the two vendor SDK families of the reference read them.
//!
//! Wire format: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
//! The SDKs differ from it in ways that can be seen: an event is delivered once a blank line of the
//! *same* line ending closed its block, `id` and `retry` mean nothing, and a named event without data
//! is an event. Not supported: reconnection, which these streams do not have.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use super::chunks::Chunks;
use crate::Text;

mod line;

use line::{Field, Names, Partial};

/// Cuts a body into events: push chunks, take events.
///
/// An event's data is a slice of the received chunk; only a line that a chunk edge cut, and the lines
/// of an event with several `data` lines, are copied. Work is linear in the bytes received. Bytes that
/// are not UTF-8 become U+FFFD.
///
/// Events become visible when their block is complete: at LF LF, CR CR or CRLF CRLF. A blank line
/// behind another line ending (LF CRLF) closes the event, but it is delivered only with the next
/// complete block or at [`finish`](Self::finish). A body that is cut off simply gets no `finish`.
///
/// # Example: read a stream as it arrives
///
/// ```
/// use samewire::frames::{SseDecoder, SseDialect};
///
/// let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
/// decoder.push("event: greeting\ndata: hel".into());
/// assert!(decoder.next_event().is_none());
/// decoder.push("lo\n\ndata: [DONE]\n\n".into());
///
/// let event = decoder.next_event().unwrap()?;
/// assert_eq!(event.name.as_deref(), Some("greeting"));
/// assert_eq!(event.data, "hello");
/// assert_eq!(decoder.next_event().unwrap()?.data, "[DONE]");
///
/// decoder.finish();
/// assert!(decoder.next_event().is_none());
/// # Ok::<(), samewire::frames::SseError>(())
/// ```
#[derive(Debug)]
pub struct SseDecoder {
    dialect: SseDialect,
    limit: usize,
    chunk: Chunks,
    /// The start of a line that a chunk edge cut.
    carry: BytesMut,
    /// How much room to make for it: the longest line so far, within reason.
    carry_size: usize,
    previous: LineEnd,
    cr: Cr,
    event: Partial,
    names: Names,
    /// Dispatched events in order; the first `released` of them are visible.
    events: VecDeque<SseEvent>,
    released: usize,
    state: State,
}

/// What the SDK families do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SseDialect {
    /// A byte order mark at the start of *any* line vanishes (OpenAI's SDK).
    BomPerLine,
    /// A byte order mark is part of the field name, whose line therefore means nothing (Anthropic's SDK).
    BomKept,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// The value of its last `event` line; `None` if there was none or it was empty.
    pub name: Option<Text>,
    /// Its `data` lines joined by LF; empty also if there was none, as long as the event has a name.
    pub data: Text,
}

/// Why a stream of events cannot be read further. The decoder gives it once and then nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SseError {
    /// One event is larger than the limit.
    EventTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for SseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventTooLarge { limit } => {
                write!(f, "an event of the stream is larger than the limit of {limit} bytes")
            }
        }
    }
}

impl std::error::Error for SseError {}

impl SseDecoder {
    /// A decoder at the start of a body, with an event limit of 64 MiB.
    pub fn new(dialect: SseDialect) -> Self {
        Self {
            dialect,
            limit: DEFAULT_EVENT_LIMIT,
            chunk: Chunks::default(),
            carry: BytesMut::new(),
            carry_size: SMALLEST_CARRY,
            previous: LineEnd::Other,
            cr: Cr::No,
            event: Partial::default(),
            names: Names::default(),
            events: VecDeque::new(),
            released: 0,
            state: State::Open,
        }
    }

    /// Changes how many bytes one event may hold before the decoder gives up.
    ///
    /// Counted are the values kept for the event plus the line being read.
    #[must_use]
    pub fn with_event_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Takes the next chunk of the body. Chunks behind an error or [`finish`](Self::finish) are ignored.
    pub fn push(&mut self, chunk: Bytes) {
        if self.state != State::Open || chunk.is_empty() {
            return;
        }
        self.chunk.push(chunk);
    }

    /// The next complete event, or `None` until more is pushed.
    pub fn next_event(&mut self) -> Option<Result<SseEvent, SseError>> {
        loop {
            if self.released > 0 {
                self.released -= 1;
                return self.events.pop_front().map(Ok);
            }
            if let Some(event) = self.whole_event() {
                return Some(Ok(event));
            }
            if self.chunk.is_empty() {
                if self.state != State::Ended {
                    return None;
                }
                self.end();
                if self.released == 0 {
                    return None;
                }
            } else if self.read_line().is_err() {
                self.state = State::Failed;
                self.chunk.clear();
                self.carry = BytesMut::new();
                return Some(Err(SseError::EventTooLarge { limit: self.limit }));
            }
        }
    }

    /// The event in front of us if it is of the common kind: whole within the chunk, one `data` line behind at most
    /// one `event` line, all of them ended by LF. What the general way would do, in one step.
    fn whole_event(&mut self) -> Option<SseEvent> {
        let is_between = self.carry.is_empty() && self.cr == Cr::No && self.events.is_empty();
        if !is_between || self.event.is_begun() {
            return None;
        }
        let chunk: &[u8] = &self.chunk;
        let line_length = |bytes: &[u8]| memchr2(b'\n', b'\r', bytes);
        let name = match chunk.strip_prefix(EVENT) {
            Some(rest) => Some(EVENT.len()..EVENT.len() + line_length(rest).filter(|length| *length > 0)?),
            None => None,
        };
        let line = match &name {
            Some(name) => chunk[name.end..].strip_prefix(b"\n")?,
            None => chunk,
        };
        let value = line.strip_prefix(DATA)?;
        let start = chunk.len() - value.len();
        let end = start + line_length(value)?;
        if !chunk[end..].starts_with(b"\n\n") || end > self.limit {
            return None;
        }
        let name = name.map(|name| self.names.get(&self.chunk, name));
        let data = Text::from_utf8_lossy(self.chunk.slice(start..end));
        self.previous = LineEnd::Other;
        self.event.last_dispatched = false;
        self.chunk.advance(end + 2);
        Some(SseEvent { name, data })
    }

    /// Says that the body ended properly, which makes the events of the unfinished block visible.
    ///
    /// An event without its blank line is lost, as in the reference.
    pub fn finish(&mut self) {
        if self.state == State::Open {
            self.state = State::Ended;
        }
    }

    /// Reads to the end of the current line, or of the chunk.
    fn read_line(&mut self) -> Result<(), TooLarge> {
        let lf_of_crlf = self.after_cr();
        if lf_of_crlf {
            self.chunk.advance(1);
            return Ok(());
        }
        let end = match self.chunk[0] {
            b'\n' | b'\r' => 0,
            _ => match memchr2(b'\n', b'\r', &self.chunk) {
                Some(end) => end,
                None => return self.carry_on(),
            },
        };
        self.check(self.carry.len() + end)?;
        let ending = self.chunk[end];
        let blank = if self.carry.is_empty() {
            let field = Field::of(&self.chunk[..end], self.dialect);
            self.event.take(field, &self.chunk, &mut self.events);
            end == 0
        } else {
            self.carry.extend_from_slice(&self.chunk[..end]);
            self.carried_line();
            false
        };
        self.end_line(ending, blank);
        self.chunk.advance(end + 1);
        Ok(())
    }

    /// Learns what a CR at the end of the last line was; true if the LF in front of us belongs to it.
    fn after_cr(&mut self) -> bool {
        let lf = self.chunk[0] == b'\n';
        match std::mem::replace(&mut self.cr, Cr::No) {
            Cr::No => return false,
            Cr::Line { border_if_lf: true } if lf => self.border(),
            Cr::Line { .. } => self.previous = if lf { LineEnd::CrLf } else { LineEnd::Cr },
            // The reference starts its next block with this LF, so it may be half of an LF LF.
            Cr::Border => self.previous = if lf { LineEnd::Lf } else { LineEnd::Other },
        }
        lf
    }

    fn end_line(&mut self, ending: u8, blank: bool) {
        if ending == b'\n' {
            if blank && matches!(self.previous, LineEnd::Lf | LineEnd::CrLf) {
                self.border();
            } else {
                self.previous = LineEnd::Lf;
            }
        } else if blank && self.previous == LineEnd::Cr {
            // The reference reads the blank line's CR only with the next block: its event stays hidden.
            self.border_before_last();
            self.cr = Cr::Border;
        } else {
            self.cr = Cr::Line { border_if_lf: blank && self.previous == LineEnd::CrLf };
        }
    }

    fn border(&mut self) {
        self.previous = LineEnd::Other;
        self.released = self.events.len();
        self.event.last_dispatched = false;
    }

    fn border_before_last(&mut self) {
        self.previous = LineEnd::Other;
        self.released = self.events.len() - usize::from(self.event.last_dispatched);
    }

    fn carry_on(&mut self) -> Result<(), TooLarge> {
        self.check(self.carry.len() + self.chunk.len())?;
        if self.carry.is_empty() {
            self.carry.reserve(self.carry_size);
        }
        self.carry.extend_from_slice(&self.chunk);
        self.chunk.advance(self.chunk.len());
        Ok(())
    }

    fn carried_line(&mut self) {
        self.carry_size = self.carry.len().clamp(self.carry_size, LARGEST_CARRY);
        let line = self.carry.split().freeze();
        let field = Field::of(&line, self.dialect);
        self.event.take(field, &line, &mut self.events);
    }

    fn end(&mut self) {
        if !self.carry.is_empty() {
            self.carried_line();
        }
        self.border();
    }

    fn check(&self, line: usize) -> Result<(), TooLarge> {
        if self.event.size + line > self.limit { Err(TooLarge) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct TooLarge;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

/// The line ending right before the current position, if it lies in the current block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Lf,
    CrLf,
    Cr,
    Other,
}

/// What the last byte was, if it was a CR: half of a CRLF perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cr {
    No,
    Line { border_if_lf: bool },
    Border,
}

const DATA: &[u8] = b"data: ";
const EVENT: &[u8] = b"event: ";
const SMALLEST_CARRY: usize = 1 << 10;
const LARGEST_CARRY: usize = 64 << 10;
const DEFAULT_EVENT_LIMIT: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::frames::cuts::assert_same_for_every_cut;

    /// The reference's three stages, written plainly: cut into blocks, cut into lines, read the lines.
    fn model(input: &[u8], dialect: SseDialect, finished: bool) -> Vec<(Option<String>, String)> {
        let mut at = 0;
        let mut visible = Vec::new();
        let mut rest = input;
        while let Some(len) = border(rest) {
            at += len;
            rest = &rest[len..];
        }
        visible.extend_from_slice(if finished { input } else { &input[..at] });
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut bytes = visible.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.peek() == Some(&b'\n') => {
                    bytes.next();
                    lines.push(std::mem::take(&mut line));
                }
                b'\r' if bytes.peek().is_none() && !finished => line.push(b'\r'),
                b'\n' | b'\r' => lines.push(std::mem::take(&mut line)),
                other => line.push(other),
            }
        }
        if finished && !line.is_empty() {
            lines.push(line);
        }
        let mut events = Vec::new();
        let (mut name, mut data) = (String::new(), Vec::<String>::new());
        for line in lines {
            let line = String::from_utf8_lossy(&line).into_owned();
            let line = match dialect {
                SseDialect::BomPerLine => line.strip_prefix('\u{feff}').unwrap_or(&line),
                SseDialect::BomKept => &line,
            };
            if line.is_empty() {
                if !name.is_empty() || !data.is_empty() {
                    let name = std::mem::take(&mut name);
                    events.push(((!name.is_empty()).then_some(name), data.join("\n")));
                    data.clear();
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value.to_owned()),
                _ => {}
            }
        }
        events
    }

    fn border(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find_map(|i| match &bytes[i..] {
            [b'\n', b'\n', ..] | [b'\r', b'\r', ..] => Some(i + 2),
            [b'\r', b'\n', b'\r', b'\n', ..] => Some(i + 4),
            _ => None,
        })
    }

    type Outcome = Result<Vec<(Option<String>, String)>, SseError>;

    fn decode(mut decoder: SseDecoder, finished: bool, chunks: &mut dyn Iterator<Item = Bytes>) -> Outcome {
        let mut events = Vec::new();
        let mut drain = |decoder: &mut SseDecoder| {
            while let Some(event) = decoder.next_event() {
                let event = event?;
                events.push((event.name.map(String::from), String::from(event.data)));
            }
            Ok(())
        };
        for chunk in chunks {
            decoder.push(chunk);
            drain(&mut decoder)?;
        }
        if finished {
            decoder.finish();
            drain(&mut decoder)?;
        }
        drain(&mut decoder)?;
        Ok(events)
    }

    fn events_of(input: &[u8], dialect: SseDialect) -> Vec<(Option<String>, String)> {
        for finished in [false, true] {
            let got =
                assert_same_for_every_cut(input, |chunks| decode(SseDecoder::new(dialect), finished, chunks));
            assert_eq!(got, Ok(model(input, dialect, finished)), "{}", input.escape_ascii());
        }
        model(input, dialect, true)
    }

    fn data_of(input: &str) -> Vec<String> {
        events_of(input.as_bytes(), SseDialect::BomPerLine).into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn field_rules() {
        assert_eq!(data_of("data: a\ndata:b\ndata\ndata:  c\n\n"), ["a\nb\n\n c"]);
        assert_eq!(data_of("data:\ta\n\n: comment\n\nDATA: x\n\n data: x\n\ndata : x\n\n"), ["\ta"]);
        assert_eq!(data_of("id: 1\nretry: 2\ndatax: 3\neventual: 4\n\n"), [""; 0]);
        assert_eq!(data_of("data: \u{85}\u{2028}\u{b}\u{c}é\n\n"), ["\u{85}\u{2028}\u{b}\u{c}é"]);
        let events = events_of(
            b"event: a\n\nevent:\n\ndata: x\nevent: b\n\nevent: c\nevent:\ndata\n\n",
            SseDialect::BomKept,
        );
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(events, [(name("a"), String::new()), (name("b"), "x".into()), (None, String::new())]);
    }

    #[test]
    fn ends_of_the_body() {
        assert_eq!(data_of("data: a\n\ndata: b"), ["a"]);
        assert_eq!(data_of("data: a\n\ndata: b\n"), ["a"]);
        assert_eq!(data_of("data: a\n\ndata: b\r"), ["a"]);
        assert_eq!(data_of("data: a\r\n\r"), ["a"]);
        assert_eq!(data_of("data: a\n\r"), ["a"]);
        assert_eq!(data_of("data: a\r\r"), ["a"]);
        assert_eq!(data_of("\u{feff}data: a\n\n"), ["a"]);
    }

    #[test]
    fn a_byte_order_mark_vanishes_or_stays() {
        let input = "\u{feff}data: a\n\u{feff}\u{feff}data: b\n\u{feff}\ndata: c\n\n".as_bytes();
        let data = |dialect| events_of(input, dialect).into_iter().map(|(_, data)| data).collect::<Vec<_>>();
        assert_eq!(data(SseDialect::BomPerLine), ["a", "c"]);
        assert_eq!(data(SseDialect::BomKept), ["c"]);
    }

    #[test]
    fn every_short_mix_of_line_ends_agrees_with_the_reference() {
        let pieces: [&[u8]; 4] = [b"\n", b"\r", b"data: x", b"\xef\xbb\xbf"];
        for code in 0..4_usize.pow(8) {
            let mut input = Vec::new();
            for place in 0..8 {
                input.extend_from_slice(pieces[code >> (2 * place) & 3]);
            }
            for dialect in [SseDialect::BomPerLine, SseDialect::BomKept] {
                for finished in [false, true] {
                    let want = Ok(model(&input, dialect, finished));
                    let input = Bytes::copy_from_slice(&input);
                    let whole =
                        decode(SseDecoder::new(dialect), finished, &mut std::iter::once(input.clone()));
                    let bytes = &mut (0..input.len()).map(|i| input.slice(i..=i));
                    let bytewise = decode(SseDecoder::new(dialect), finished, bytes);
                    assert_eq!(whole, want, "{} finished {finished}", input.escape_ascii());
                    assert_eq!(bytewise, want, "{} finished {finished}, bytewise", input.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn invalid_utf8_is_replaced_per_maximal_part() {
        let got = events_of(b"data: a\xff\xe2\x82b\xf0\x9f\x98\xc3\n\n", SseDialect::BomKept);
        assert_eq!(got[0].1, "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_limit_holds_for_every_cut() {
        for (input, fits) in [
            (&b"data: 45678\n\n"[..], true),
            (b"data: 456789\n\n", false),
            (b"data: 1\ndata:2\ndata:\n\ndata: 45678\n\n", true),
            (b"data: 12345\ndata: 1\n\n", false),
            (b": 45678901234", false),
        ] {
            let got = assert_same_for_every_cut(input, |chunks| {
                decode(SseDecoder::new(SseDialect::BomKept).with_event_limit(11), true, chunks)
            });
            assert_eq!(got.is_ok(), fits, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn after_an_error_nothing_comes() {
        let mut decoder = SseDecoder::new(SseDialect::BomKept).with_event_limit(8);
        decoder.push("data: 12345\n\ndata: 1\n\n".into());
        assert_eq!(decoder.next_event(), Some(Err(SseError::EventTooLarge { limit: 8 })));
        decoder.push("data: 1\n\n".into());
        decoder.finish();
        assert_eq!(decoder.next_event(), None);
    }

    #[test]
    fn data_is_a_slice_of_the_chunk() {
        let chunk = Bytes::from("event: e\ndata: {\"a\":1}\n\n".to_owned());
        let range = chunk.as_ptr_range();
        let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
        decoder.push(chunk.clone());
        let event = decoder.next_event().unwrap().unwrap();
        assert!(range.contains(&event.data.as_ptr()));
    }

    #[test]
    fn a_name_that_comes_again_is_shared_and_keeps_no_chunk_alive() {
        let chunk = Bytes::from("event: e\ndata: 1\n\nevent: e\ndata: 2\n\n".to_owned());
        let range = chunk.as_ptr_range();
        let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
        decoder.push(chunk.clone());
        let names: [_; 2] = std::array::from_fn(|_| decoder.next_event().unwrap().unwrap().name.unwrap());
        assert_eq!(names[0].as_ptr(), names[1].as_ptr());
        assert!(!range.contains(&names[0].as_ptr()));
    }

    #[test]
    fn names_that_are_taken_back_do_not_add_up_to_the_limit() {
        let mut decoder = SseDecoder::new(SseDialect::BomPerLine).with_event_limit(40);
        decoder.push(Bytes::from("event: taken back\nevent:\ndata: x\n\n".repeat(100)));
        let events: Vec<_> = std::iter::from_fn(|| decoder.next_event()).map(Result::unwrap).collect();
        assert_eq!(events.len(), 100);
        assert!(events.iter().all(|event| event.name.is_none() && event.data == "x"));
    }

    #[test]
    fn a_large_event_arrives_byte_by_byte() {
        let mut body = String::from("data: ");
        while body.len() < 1 << 20 {
            write!(body, "{} ", body.len()).unwrap();
        }
        let want = body[6..].to_owned();
        body.push_str("\n\n");
        let body = Bytes::from(body);
        let chunks = &mut (0..body.len()).map(|i| body.slice(i..=i));
        let got = decode(SseDecoder::new(SseDialect::BomKept), false, chunks).unwrap();
        assert_eq!(got, [(None, want)]);
    }
}
