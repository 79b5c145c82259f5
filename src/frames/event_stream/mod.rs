//! Messages of `application/vnd.amazon.eventstream`, the binary framing of AWS.
//!
//! Wire format: <https://smithy.io/2.0/aws/amazon-eventstream.html>. A message is a prelude (its length,
//! the length of its headers, a CRC-32 of both), typed headers, a payload, and a CRC-32 of all before it.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::chunks::Chunks;
use crate::Text;

mod headers;

pub use headers::EventHeader;

/// Cuts a body into messages: push chunks, take messages.
///
/// A message's payload and texts are slices of the received chunk; only a message that a chunk edge cut is
/// copied, once. Both checksums are verified. Work is linear in the bytes received.
///
/// # Example: read a stream as it arrives
///
/// ```
/// use samewire::frames::EventStreamDecoder;
///
/// let (start, rest) = (b"\0\0\0\x1d\0\0\0\x0bj\x80U", b"\xd2\x05:type\x07\0\x02hi{}\x81\xabY\xe6");
/// let mut decoder = EventStreamDecoder::new();
/// decoder.push(start[..].into());
/// assert!(decoder.next_event().is_none());
/// decoder.push(rest[..].into());
/// let message = decoder.next_event().unwrap()?;
/// assert_eq!(message.text(":type").unwrap(), "hi");
/// assert_eq!(message.payload, "{}");
/// decoder.finish()?;
/// # Ok::<(), samewire::frames::EventStreamError>(())
/// ```
#[derive(Debug)]
pub struct EventStreamDecoder {
    limit: usize,
    chunk: Chunks,
    /// The start of a message that a chunk edge cut.
    carry: BytesMut,
    /// Bytes of a message above the limit that were counted instead of kept.
    skipped: usize,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct EventMessage {
    headers: Vec<(Text, EventHeader)>,
    /// The payload as it came; often JSON.
    pub payload: Bytes,
}

impl EventMessage {
    /// The value of the header of that name; the last one if there are several.
    pub fn header(&self, name: &str) -> Option<&EventHeader> {
        self.headers.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The value of a header that is text.
    pub fn text(&self, name: &str) -> Option<&Text> {
        match self.header(name)? {
            EventHeader::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All headers in order.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &EventHeader)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Why a stream of messages cannot be read further. The decoder gives it once and then nothing more.
///
/// The words of the first five are those of the AWS SDK for JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventStreamError {
    /// The body ended inside a message.
    Truncated,
    /// A message says that it is shorter than its own frame.
    TooShort,
    /// The checksum of the two lengths is wrong.
    PreludeChecksum {
        /// What the message says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The checksum of the message is wrong.
    MessageChecksum {
        /// What the message says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// A header is of a type that the format does not have.
    HeaderType {
        /// The number of the type.
        tag: u8,
    },
    /// The headers are longer than the message, or a header is longer than the headers.
    HeaderLength,
    /// A message is larger than the limit.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for EventStreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("Truncated event message received."),
            Self::TooShort => {
                f.write_str("Provided message too short to accommodate event stream message overhead")
            }
            Self::PreludeChecksum { stated, computed } => write!(
                f,
                "The prelude checksum specified in the message ({stated}) does not match the calculated CRC32 checksum ({computed})"
            ),
            Self::MessageChecksum { stated, computed } => {
                write!(f, "The message checksum ({computed}) did not match the expected value of {stated}")
            }
            Self::HeaderType { .. } => f.write_str("Unrecognized header type tag"),
            Self::HeaderLength => f.write_str("the headers of an event message are longer than their place"),
            Self::TooLarge { limit } => {
                write!(f, "an event message is larger than the limit of {limit} bytes")
            }
        }
    }
}

impl std::error::Error for EventStreamError {}

impl Default for EventStreamDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl EventStreamDecoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self { limit: DEFAULT_LIMIT, chunk: Chunks::default(), carry: BytesMut::new(), skipped: 0 }
    }

    /// The same decoder with another limit on the size of one message, 64 MiB by default.
    ///
    /// A message that claims to be larger is not kept in memory. It fails once more than the limit of it has
    /// arrived; if the body ends before, it was truncated.
    #[must_use]
    pub fn with_message_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Takes the next chunk of the body. Chunks behind an error or [`finish`](Self::finish) are ignored.
    pub fn push(&mut self, chunk: Bytes) {
        self.chunk.push(chunk);
    }

    /// The next complete message, or `None` until more is pushed.
    pub fn next_event(&mut self) -> Option<Result<EventMessage, EventStreamError>> {
        let message = self.next_message().transpose()?;
        if message.is_err() {
            self.chunk.fail();
            self.carry = BytesMut::new();
        }
        Some(message)
    }

    /// Says that the body ended, whether properly or not.
    ///
    /// # Errors
    ///
    /// [`Truncated`](EventStreamError::Truncated) inside a message whose length is known. Up to three bytes
    /// behind the last message are ignored, as the reference ignores them.
    pub fn finish(&mut self) -> Result<(), EventStreamError> {
        let was_open = self.chunk.are_open();
        self.chunk.end();
        if was_open && self.carry.len() >= LENGTH { Err(EventStreamError::Truncated) } else { Ok(()) }
    }

    fn next_message(&mut self) -> Result<Option<EventMessage>, EventStreamError> {
        loop {
            let kept = self.carry.len();
            let Some(total) = self.length() else {
                if self.chunk.is_empty() {
                    return Ok(None);
                }
                // The length may be cut like everything else.
                if kept > 0 || self.chunk.len() < LENGTH {
                    self.carry_some(LENGTH - kept);
                }
                continue;
            };
            if total < LENGTH {
                return Err(EventStreamError::TooShort);
            }
            if total > self.limit {
                self.skip()?;
            } else if let Some(missing) = total.checked_sub(kept + self.chunk.len()).filter(|n| *n > 0) {
                if kept <= LENGTH {
                    self.carry.reserve((missing + self.chunk.len()).min(LARGEST_RESERVE));
                }
                self.carry_some(self.chunk.len());
            } else if kept == 0 {
                return read(&self.chunk.take(total)).map(Some);
            } else {
                self.carry_some(total - kept);
                return read(&self.carry.split().freeze()).map(Some);
            }
            if self.chunk.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The length of the message at hand, once four bytes of it are there.
    fn length(&self) -> Option<usize> {
        let start = if self.carry.is_empty() { &self.chunk[..] } else { &self.carry[..] };
        (start.len() >= LENGTH).then(|| word_at(start, 0) as usize)
    }

    fn carry_some(&mut self, bytes: usize) {
        let bytes = bytes.min(self.chunk.len());
        self.carry.extend_from_slice(&self.chunk[..bytes]);
        self.chunk.advance(bytes);
    }

    /// Counts the bytes of a message that is above the limit.
    fn skip(&mut self) -> Result<(), EventStreamError> {
        if self.carry.is_empty() {
            self.carry_some(LENGTH);
        }
        let rest = self.chunk.len();
        self.skipped += rest;
        self.chunk.advance(rest);
        if LENGTH + self.skipped > self.limit {
            return Err(EventStreamError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

/// Reads a whole message; the prelude is checked with the rest, as the reference does.
fn read(message: &Bytes) -> Result<EventMessage, EventStreamError> {
    if message.len() < OVERHEAD {
        return Err(EventStreamError::TooShort);
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&message[..2 * LENGTH]);
    let (stated, computed) = (word_at(message, 2 * LENGTH), crc.clone().finalize());
    if stated != computed {
        return Err(EventStreamError::PreludeChecksum { stated, computed });
    }
    let body_end = message.len() - LENGTH;
    crc.update(&message[2 * LENGTH..body_end]);
    let (stated, computed) = (word_at(message, body_end), crc.finalize());
    if stated != computed {
        return Err(EventStreamError::MessageChecksum { stated, computed });
    }
    let headers_length = word_at(message, LENGTH) as usize;
    let payload_start = PRELUDE.saturating_add(headers_length);
    if payload_start > body_end {
        return Err(EventStreamError::HeaderLength);
    }
    Ok(EventMessage {
        headers: headers::read(message.slice(PRELUDE..payload_start))?,
        payload: message.slice(payload_start..body_end),
    })
}

/// The big-endian number at `at`; there must be four bytes.
fn word_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + LENGTH].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

const LENGTH: usize = 4;
const PRELUDE: usize = 3 * LENGTH;
const OVERHEAD: usize = PRELUDE + LENGTH;
const DEFAULT_LIMIT: usize = 64 << 20;
/// A claim of more is believed when the bytes have come.
const LARGEST_RESERVE: usize = 1 << 20;

#[cfg(test)]
mod tests;
