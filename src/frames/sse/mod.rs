//! Server-sent events, as the two vendor SDK families of the reference read them.
//!
//! Wire format: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
//! The SDKs differ from it in ways that can be seen: an event is delivered once a blank line of the
//! *same* line ending closed its block, `id` and `retry` mean nothing, and a named event without data
//! is an event. Not supported: reconnection, which these streams do not have.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::chunks::Chunks;
use crate::Text;

mod common;
mod line;
mod lines;
#[cfg(test)]
mod tests;

use common::{CommonEvent, Shape};
use lines::{Lines, TooLarge};

/// Cuts a body into events: push chunks, take events.
///
/// An event's data is a slice of the received chunk; only an event that a chunk edge cut, and the lines
/// of one with several `data` lines, are copied. Work is linear in the bytes received. Bytes that
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
    limit: usize,
    chunk: Chunks,
    /// How many bytes of the chunk the event takes that was lent last.
    lent: usize,
    /// Whether what is in front of us is the start of an event, with nothing left from before nor lent from elsewhere.
    is_between_events: bool,
    /// The start of an event that a chunk edge cut.
    cut: BytesMut,
    /// The room used before the one at hand: its last event was given out a while ago, and is rarely kept still.
    spare: BytesMut,
    /// One that was put together again, while it is lent.
    mended: Bytes,
    /// The name that a common event had last. A copy, so that it keeps no chunk alive.
    name: Text,
    /// Reads whatever is no common event.
    lines: Lines,
    /// What came of that, while it is lent.
    uncommon: Option<SseEvent>,
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

impl SseEvent {
    fn lend(&self) -> LentEvent<'_> {
        LentEvent { name: self.name.as_ref(), data: self.data.as_bytes(), buffer: self.data.buffer() }
    }
}

/// One event as the decoder lends it, until it is asked for the next.
#[derive(Clone, Copy, Debug)]
pub struct LentEvent<'a> {
    name: Option<&'a Text>,
    data: &'a [u8],
    buffer: &'a Bytes,
}

impl<'a> LentEvent<'a> {
    #[inline]
    fn common(event: CommonEvent, buffer: &'a Bytes, last_name: &'a mut Text) -> Self {
        if event.has_new_name {
            *last_name = String::from_utf8_lossy(&buffer[event.name()]).into_owned().into();
        }
        let name = event.has_name().then_some(&*last_name);
        Self { name, data: &buffer[event.data()], buffer }
    }

    /// The value of its last `event` line; `None` if there was none or it was empty.
    pub fn name(&self) -> Option<&'a str> {
        self.name.map(Text::as_str)
    }

    /// Its `data` lines joined by LF, as they were received; empty also if there was none.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// What [`data`](Self::data) is a slice of.
    pub(crate) fn buffer(&self) -> &'a Bytes {
        self.buffer
    }

    /// A part of [`data`](Self::data) as text to keep, which shares the buffer of the event. Bytes that are not
    /// UTF-8 become U+FFFD.
    ///
    /// # Panics
    ///
    /// If `part` is not a slice of the data.
    pub fn text(&self, part: &[u8]) -> Text {
        Text::part_of(self.buffer, part)
    }
}

impl From<LentEvent<'_>> for SseEvent {
    fn from(event: LentEvent<'_>) -> Self {
        Self { name: event.name.cloned(), data: event.text(event.data) }
    }
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
            limit: DEFAULT_EVENT_LIMIT,
            chunk: Chunks::default(),
            lent: 0,
            is_between_events: true,
            cut: BytesMut::new(),
            spare: BytesMut::new(),
            mended: Bytes::new(),
            name: Text::new(),
            lines: Lines::new(dialect),
            uncommon: None,
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
        self.chunk.push(chunk);
    }

    /// The next complete event, or `None` until more is pushed.
    pub fn next_event(&mut self) -> Option<Result<SseEvent, SseError>> {
        self.next_lent().map(|event| event.map(SseEvent::from))
    }

    /// As [`next_event`](Self::next_event), but the event is lent: what is only looked at costs neither a share
    /// of the buffer in which it stands nor a check of its encoding.
    ///
    /// # Example: look at events, keep a part of one
    ///
    /// ```
    /// use samewire::frames::{SseDecoder, SseDialect};
    ///
    /// let mut decoder = SseDecoder::new(SseDialect::BomKept);
    /// decoder.push("data: ping\n\ndata: text: hello\n\n".into());
    /// let mut kept = Vec::new();
    /// while let Some(event) = decoder.next_lent() {
    ///     let event = event?;
    ///     if let Some(text) = event.data().strip_prefix(b"text: ") {
    ///         kept.push(event.text(text));
    ///     }
    /// }
    /// assert_eq!(kept, ["hello"]);
    /// # Ok::<(), samewire::frames::SseError>(())
    /// ```
    #[expect(clippy::inline_always, reason = "half of the cost of an event is the call (`scripts/compare`)")]
    #[inline(always)]
    pub fn next_lent(&mut self) -> Option<Result<LentEvent<'_>, SseError>> {
        self.chunk.advance(std::mem::take(&mut self.lent));
        let mut is_cut = false;
        if self.is_between_events {
            if self.chunk.is_empty() && !self.chunk.have_ended() {
                return None;
            }
            match Shape::of(&self.chunk, &self.name) {
                Shape::Common(event) if event.end() <= self.limit => {
                    self.lent = event.end();
                    self.lines.skip_block();
                    return Some(Ok(LentEvent::common(event, &self.chunk, &mut self.name)));
                }
                shape => is_cut = matches!(shape, Shape::Cut),
            }
        }
        self.next_other(is_cut)
    }

    /// The next event where it is not simply in front of us; `is_cut` if its start is.
    #[inline(never)]
    fn next_other(&mut self, is_cut: bool) -> Option<Result<LentEvent<'_>, SseError>> {
        self.uncommon = None;
        self.mended = Bytes::new();
        if is_cut && self.may_wait() {
            self.cut_off(self.chunk.len());
        }
        let found = self.find();
        let is_none_lent = self.uncommon.is_none() && self.mended.is_empty();
        self.is_between_events = is_none_lent && self.cut.is_empty() && self.lines.are_between_events();
        match found {
            Ok(Some(Found::InChunk(event))) => {
                self.lent = event.end();
                self.lines.skip_block();
                Some(Ok(LentEvent::common(event, &self.chunk, &mut self.name)))
            }
            Ok(Some(Found::Mended(event))) => {
                self.lines.skip_block();
                Some(Ok(LentEvent::common(event, &self.mended, &mut self.name)))
            }
            Ok(Some(Found::Uncommon)) => self.uncommon.as_ref().map(|event| Ok(event.lend())),
            Ok(None) => None,
            Err(TooLarge) => {
                self.chunk.fail();
                self.lines.clear();
                self.cut = BytesMut::new();
                self.spare = BytesMut::new();
                Some(Err(SseError::EventTooLarge { limit: self.limit }))
            }
        }
    }

    /// Says that the body ended properly, which makes the events of the unfinished block visible.
    ///
    /// An event without its blank line is lost, as in the reference.
    pub fn finish(&mut self) {
        self.chunk.end();
    }

    fn find(&mut self) -> Result<Option<Found>, TooLarge> {
        loop {
            if let Some(event) = self.lines.next_event() {
                self.uncommon = Some(event);
                return Ok(Some(Found::Uncommon));
            }
            if !self.cut.is_empty() {
                let Some(event) = self.mend() else { return Ok(None) };
                if event.len() > LARGEST_CUT {
                    self.cut = BytesMut::new();
                }
                match Shape::of(&event, &self.name) {
                    Shape::Common(common) if common.end() <= self.limit => {
                        self.mended = event;
                        return Ok(Some(Found::Mended(common)));
                    }
                    _ => self.chunk.push_front(event),
                }
            } else if self.chunk.is_empty() {
                if !self.chunk.have_ended() || !self.lines.end() {
                    return Ok(None);
                }
                continue;
            } else if self.lines.are_between_events() {
                match Shape::of(&self.chunk, &self.name) {
                    Shape::Common(event) if event.end() <= self.limit => {
                        return Ok(Some(Found::InChunk(event)));
                    }
                    Shape::Cut if self.may_wait() => {
                        self.cut_off(self.chunk.len());
                        continue;
                    }
                    _ => {}
                }
            }
            let read = self.lines.read(&self.chunk, self.limit)?;
            self.chunk.advance(read);
        }
    }

    /// Whether what is in front of us may be set aside until there is more.
    fn may_wait(&self) -> bool {
        self.chunk.are_open() && !self.chunk.is_empty() && self.chunk.len() <= self.limit
    }

    fn cut_off(&mut self, bytes: usize) {
        if self.cut.is_empty() && self.cut.capacity() < bytes {
            std::mem::swap(&mut self.cut, &mut self.spare);
            self.cut.reserve(bytes.max(CUT_ROOM));
        }
        self.cut.extend_from_slice(&self.chunk[..bytes]);
        self.chunk.advance(bytes);
    }

    /// Puts the event that a chunk edge cut together again. `None` if its end is not here yet.
    fn mend(&mut self) -> Option<Bytes> {
        let mut is_whole = !self.chunk.are_open();
        while !is_whole && !self.chunk.is_empty() {
            let end = common::end_behind(&self.cut, &self.chunk);
            self.cut_off(end.unwrap_or(self.chunk.len()));
            is_whole = end.is_some() || self.cut.len() > self.limit;
        }
        is_whole.then(|| self.cut.split().freeze())
    }
}

/// Where the next event is.
enum Found {
    InChunk(CommonEvent),
    Mended(CommonEvent),
    Uncommon,
}

/// Room for the events that chunk edges cut. It is used again when nobody keeps a slice of them, unless it had to
/// grow far for one.
const CUT_ROOM: usize = 1 << 10;
const LARGEST_CUT: usize = 64 << 10;
const DEFAULT_EVENT_LIMIT: usize = 64 << 20;
