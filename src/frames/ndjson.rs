//! Newline-delimited JSON: one value on each line.
//!
//! Wire format: <https://github.com/ndjson/ndjson-spec>. This decoder cuts a body into lines and leaves their
//! meaning to the reader, so that a line that is no JSON harms no other.

use std::fmt;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::chunks::Chunks;
use crate::Text;

/// Cuts a body into lines at LF: push chunks, take lines.
///
/// A line is a slice of the received chunk; only one that a chunk edge cut is copied. A CR in front of the
/// LF stays, as JSON takes it for white space; a byte order mark at the start of the body vanishes. Bytes
/// that are not UTF-8 become U+FFFD. Work is linear in the bytes received.
///
/// What stands behind the last LF becomes a line at [`finish`](Self::finish), unless it is empty. A body
/// that is cut off simply gets no `finish`.
///
/// # Example: read a stream as it arrives
///
/// ```
/// use samewire::frames::NdjsonDecoder;
///
/// let mut decoder = NdjsonDecoder::new();
/// decoder.push("{\"done\":fal".into());
/// assert!(decoder.next_line().is_none());
/// decoder.push("se}\n{\"done\":true}".into());
/// assert_eq!(decoder.next_line().unwrap()?, r#"{"done":false}"#);
/// assert!(decoder.next_line().is_none());
/// decoder.finish();
/// assert_eq!(decoder.next_line().unwrap()?, r#"{"done":true}"#);
/// # Ok::<(), samewire::frames::NdjsonError>(())
/// ```
#[derive(Debug)]
pub struct NdjsonDecoder {
    limit: usize,
    chunk: Chunks,
    /// The start of a line that a chunk edge cut.
    carry: BytesMut,
    /// Whether no line has been given yet.
    first: bool,
}

/// Why a stream of lines cannot be read further. The decoder gives it once and then nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NdjsonError {
    /// One line is longer than the limit.
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for NdjsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit } => {
                write!(f, "a line of the stream is longer than the limit of {limit} bytes")
            }
        }
    }
}

impl std::error::Error for NdjsonError {}

impl NdjsonDecoder {
    /// A decoder at the start of a body, with a line limit of 64 MiB.
    pub fn new() -> Self {
        Self { limit: DEFAULT_LINE_LIMIT, chunk: Chunks::default(), carry: BytesMut::new(), first: true }
    }

    /// Changes how long a line may be before the decoder gives up.
    #[must_use]
    pub fn with_line_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Takes the next chunk of the body. Chunks behind an error or [`finish`](Self::finish) are ignored.
    pub fn push(&mut self, chunk: Bytes) {
        self.chunk.push(chunk);
    }

    /// The next line without its LF, or `None` until more is pushed.
    pub fn next_line(&mut self) -> Option<Result<Text, NdjsonError>> {
        while !self.chunk.is_empty() {
            let end = memchr(b'\n', &self.chunk);
            if self.carry.len() + end.unwrap_or(self.chunk.len()) > self.limit {
                return Some(Err(self.fail()));
            }
            let Some(end) = end else {
                self.carry.extend_from_slice(&self.chunk);
                self.chunk.advance(self.chunk.len());
                continue;
            };
            let line = if self.carry.is_empty() {
                self.chunk.slice(..end)
            } else {
                self.carry.extend_from_slice(&self.chunk[..end]);
                self.carry.split().freeze()
            };
            self.chunk.advance(end + 1);
            return Some(Ok(self.line(line)));
        }
        if self.chunk.have_ended() && !self.carry.is_empty() {
            let line = self.carry.split().freeze();
            return Some(Ok(self.line(line)));
        }
        None
    }

    /// Says that the body ended properly, which makes an unfinished last line a line.
    pub fn finish(&mut self) {
        self.chunk.end();
    }

    fn line(&mut self, line: Bytes) -> Text {
        let line = Text::from_utf8_lossy(line);
        let is_first = std::mem::take(&mut self.first);
        match line.strip_prefix('\u{feff}').filter(|_| is_first) {
            Some(rest) => line.slice(rest),
            None => line,
        }
    }

    fn fail(&mut self) -> NdjsonError {
        self.chunk.fail();
        self.carry = BytesMut::new();
        NdjsonError::LineTooLong { limit: self.limit }
    }
}

impl Default for NdjsonDecoder {
    fn default() -> Self {
        Self::new()
    }
}

const DEFAULT_LINE_LIMIT: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::cuts::{XorShift, assert_same_for_every_cut};

    fn decode(
        limit: usize,
        finish: bool,
        chunks: &mut dyn Iterator<Item = Bytes>,
    ) -> Vec<Result<Text, NdjsonError>> {
        let mut decoder = NdjsonDecoder::new().with_line_limit(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            lines.extend(std::iter::from_fn(|| decoder.next_line()));
        }
        if finish {
            decoder.finish();
            lines.extend(std::iter::from_fn(|| decoder.next_line()));
        }
        lines
    }

    fn lines(input: &[u8], finish: bool) -> Vec<String> {
        let lines = assert_same_for_every_cut(input, |chunks| decode(usize::MAX, finish, chunks));
        lines.into_iter().map(|line| line.unwrap().to_string()).collect()
    }

    #[test]
    fn lines_end_at_lf_only() {
        assert_eq!(lines(b"a\r\nb\rc\n\n\nd\n", true), ["a\r", "b\rc", "", "", "d"]);
        assert_eq!(lines(b"a\nunfinished", true), ["a", "unfinished"]);
        assert_eq!(lines(b"a\nunfinished", false), ["a"]);
        assert!(lines(b"", true).is_empty());
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        assert_eq!(lines("é🙂\n日本\n".as_bytes(), true), ["é🙂", "日本"]);
        assert_eq!(lines(b"\xf0\x9f\x99\n\xff\n", true), ["\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn a_byte_order_mark_counts_at_the_start_only() {
        assert_eq!(lines("\u{feff}a\n\u{feff}b\n".as_bytes(), true), ["a", "\u{feff}b"]);
    }

    #[test]
    fn a_long_line_ends_the_stream_once() {
        for input in [&b"12345\nabcdef\nx\n"[..], b"12345\nabcdefgh"] {
            let lines = assert_same_for_every_cut(input, |chunks| decode(5, true, chunks));
            assert_eq!(lines, [Ok("12345".into()), Err(NdjsonError::LineTooLong { limit: 5 })]);
        }
    }

    #[test]
    fn random_bodies_agree_with_a_plain_split() {
        let mut random = XorShift(3);
        for _ in 0..50 {
            let body: Vec<u8> = (0..random.below(300)).map(|_| b"ab\n\r{}"[random.below(6)]).collect();
            let text = String::from_utf8(body).unwrap();
            let mut expected: Vec<&str> = text.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            assert_eq!(lines(text.as_bytes(), true), expected);
        }
    }

    #[test]
    fn whole_lines_are_not_copied() {
        let chunk = Bytes::from_static(b"one\ntwo\n");
        let range = chunk.as_ptr_range();
        let lines = decode(100, true, &mut std::iter::once(chunk.clone()));
        assert!(lines.iter().flatten().all(|line| range.contains(&line.as_ptr())));
    }
}
