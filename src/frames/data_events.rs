//! Streams of `data:` lines, as @google/genai reads them.
//!
//! This is not the event stream of the HTML standard: the reference matches one regular expression,
//! `^\s*data: (.*)(?:\n\n|\r\r|\r\n\r\n)`, against the start of what it has received. So an event is one
//! line, the blank line behind it must follow at once, and U+2028 and U+2029 end lines too. Text that
//! cannot become such an event (a comment, an `event:` line, a lone line break) blocks everything behind
//! it for good.

use std::fmt;

use bytes::{Bytes, BytesMut};
use memchr::memchr3;

use crate::Text;

/// Cuts a body into the texts of its events: push a chunk, take all events, push the next.
///
/// An event that arrives whole is a slice of its chunk. Work is linear in the bytes received.
#[derive(Debug)]
pub(crate) struct DataEvents {
    /// What is left of the chunk being read; empty while `carry` is not.
    chunk: Bytes,
    /// What chunk edges cut, and what cannot be read.
    carry: BytesMut,
    /// How much of it need not be looked at again.
    searched: usize,
    blocked: bool,
    limit: usize,
}

/// An event is larger than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTooLarge {
    limit: usize,
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of the stream is larger than the limit of {} bytes", self.limit)
    }
}

impl DataEvents {
    pub(crate) fn new() -> Self {
        Self {
            chunk: Bytes::new(),
            carry: BytesMut::new(),
            searched: 0,
            blocked: false,
            limit: DEFAULT_EVENT_LIMIT,
        }
    }

    /// Takes the next chunk of the body; every event of the last one must have been taken.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.carry.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.carry.extend_from_slice(&std::mem::take(&mut self.chunk));
            self.carry.extend_from_slice(&chunk);
        }
    }

    /// The next complete event.
    pub(crate) fn next_event(&mut self) -> Option<Result<Text, EventTooLarge>> {
        if !self.blocked {
            let carried = !self.carry.is_empty();
            let pending: &[u8] = if carried { &self.carry } else { &self.chunk };
            match find(pending, self.searched) {
                Found::Event { start, end, next } => {
                    self.searched = 0;
                    let event =
                        if carried { self.carry.split_to(next).freeze() } else { self.chunk.split_to(next) };
                    return Some(Ok(Text::from_utf8_lossy(event.slice(start..end))));
                }
                Found::Unfinished { searched } => self.searched = searched,
                Found::Blocked => self.blocked = true,
            }
        }
        if self.carry.is_empty() {
            self.carry.extend_from_slice(&std::mem::take(&mut self.chunk));
        }
        if self.carry.len() > self.limit {
            self.carry = BytesMut::new();
            self.blocked = true;
            return Some(Err(EventTooLarge { limit: self.limit }));
        }
        None
    }

    /// What stands behind the last event, `None` if it is only white space. Half a character at the end
    /// does not count, as the reference's text decoder keeps it back.
    pub(crate) fn rest(&self) -> Option<Text> {
        let bytes: &[u8] = if self.carry.is_empty() { &self.chunk } else { &self.carry };
        let half = match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
            _ => 0,
        };
        let whole = Bytes::copy_from_slice(&bytes[..bytes.len() - half]);
        Some(Text::from_utf8_lossy(whole)).filter(|text| !text.trim_matches(is_space).is_empty())
    }
}

/// What stands at the start of a buffer.
enum Found {
    /// An event's text at `start..end`; the next begins at `next`.
    Event { start: usize, end: usize, next: usize },
    /// Nothing yet; up to `searched` there is no line end.
    Unfinished { searched: usize },
    /// Nothing that could become an event.
    Blocked,
}

fn find(bytes: &[u8], searched: usize) -> Found {
    let Some(at) = skip_space(bytes) else { return Found::Unfinished { searched: 0 } };
    let behind = &bytes[at..];
    let Some(text) = behind.strip_prefix(PREFIX) else {
        let may_follow = PREFIX.starts_with(behind);
        return if may_follow { Found::Unfinished { searched: 0 } } else { Found::Blocked };
    };
    let start = bytes.len() - text.len();
    let mut from = start.max(searched);
    loop {
        let Some(found) = memchr3(b'\n', b'\r', SEPARATOR[0], &bytes[from..]) else {
            return Found::Unfinished { searched: bytes.len() };
        };
        let end = from + found;
        let tail = &bytes[end..];
        if tail[0] != SEPARATOR[0] {
            return match BLANK_LINES.iter().find(|blank| tail.starts_with(blank)) {
                Some(blank) => Found::Event { start, end, next: end + blank.len() },
                None if BLANK_LINES.iter().any(|blank| blank.starts_with(tail)) => {
                    Found::Unfinished { searched: end }
                }
                None => Found::Blocked,
            };
        }
        // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
        match tail {
            [_, 0x80, 0xA8 | 0xA9, ..] => return Found::Blocked,
            [_] | [_, 0x80] => return Found::Unfinished { searched: end },
            _ => from = end + 1,
        }
    }
}

/// Where the first character that is no white space begins; `None` if it is not here yet.
fn skip_space(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let first = *bytes.get(at)?;
        if first.is_ascii() {
            if !is_space(char::from(first)) {
                return Some(at);
            }
            at += 1;
            continue;
        }
        let head = &bytes[at..bytes.len().min(at + 4)];
        let valid = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) if error.valid_up_to() > 0 => {
                std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(error) if error.error_len().is_none() => return None,
            Err(_) => return Some(at),
        };
        match valid.chars().next() {
            Some(character) if is_space(character) => at += character.len_utf8(),
            _ => return Some(at),
        }
    }
}

/// White space as JavaScript's `\s` and `trim` know it.
fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

const PREFIX: &[u8] = b"data: ";
const BLANK_LINES: [&[u8]; 3] = [b"\n\n", b"\r\r", b"\r\n\r\n"];
const SEPARATOR: &[u8] = "\u{2028}".as_bytes();
const DEFAULT_EVENT_LIMIT: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::cuts::assert_same_for_every_cut;

    fn read(body: &str) -> (Vec<String>, Option<String>) {
        assert_same_for_every_cut(body.as_bytes(), |chunks| {
            let mut events = DataEvents::new();
            let mut texts = Vec::new();
            for chunk in chunks {
                events.push(chunk);
                while let Some(event) = events.next_event() {
                    texts.push(event.unwrap().to_string());
                }
            }
            (texts, events.rest().map(String::from))
        })
    }

    #[track_caller]
    fn check(body: &str, texts: &[&str], rest: Option<&str>) {
        let (got, left) = read(body);
        assert_eq!(
            (got.iter().map(String::as_str).collect::<Vec<_>>(), left.as_deref()),
            (texts.to_vec(), rest)
        );
    }

    #[test]
    fn one_line_and_a_blank_line_make_an_event() {
        check("data: a\n\ndata: b\r\rdata: c\r\n\r\n", &["a", "b", "c"], None);
        check("data: \n\n", &[""], None);
        check("data: é🙂\u{2027}\n\n", &["é🙂\u{2027}"], None);
        check("\u{feff} \u{2028}\n\t\u{3000}data: a\n\n\n\n", &["a"], None);
    }

    #[test]
    fn anything_else_blocks() {
        check("data: a\n\n: hello\n\ndata: b\n\n", &["a"], Some(": hello\n\ndata: b\n\n"));
        check("event: x\ndata: b\n\n", &[], Some("event: x\ndata: b\n\n"));
        check("data:a\n\n", &[], Some("data:a\n\n"));
        check("data: a\ndata: b\n\n", &[], Some("data: a\ndata: b\n\n"));
        check("data: a\r\n\n", &[], Some("data: a\r\n\n"));
        check("data: a\u{2028}b\n\ndata: c\n\n", &[], Some("data: a\u{2028}b\n\ndata: c\n\n"));
        check("data: a\u{2029}\n\n", &[], Some("data: a\u{2029}\n\n"));
        check("\u{85}data: a\n\n", &[], Some("\u{85}data: a\n\n"));
    }

    #[test]
    fn what_is_left_over() {
        check("data: a\r\n\r\ndata: b", &["a"], Some("data: b"));
        check("data: a\r\n\r", &[], Some("data: a\r\n\r"));
        check("data: a\n\n \n", &["a"], None);
        check("", &[], None);
    }

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        let mut events = DataEvents::new();
        events.push(Bytes::from_static(b"data: \xE2\x80x\xFF\n\n\xE2\x82"));
        assert_eq!(events.next_event().unwrap().unwrap(), "\u{fffd}x\u{fffd}");
        assert!(events.next_event().is_none());
        assert_eq!(events.rest(), None);
    }

    #[test]
    fn a_whole_event_is_not_copied() {
        let chunk = Bytes::from_static(b"data: abc\n\ndata: d\n\n");
        let mut events = DataEvents::new();
        events.push(chunk.clone());
        let first = events.next_event().unwrap().unwrap();
        assert!(chunk.as_ptr_range().contains(&first.as_ptr()));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut events = DataEvents { limit: 10, ..DataEvents::new() };
        events.push(Bytes::from_static(b"data: abcdefgh"));
        assert_eq!(events.next_event(), Some(Err(EventTooLarge { limit: 10 })));
        assert_eq!(events.next_event(), None);
    }
}
