//! The common event: one `data` line behind at most one `event` line, all of them and the blank line ended by LF.

use std::ops::Range;

use memchr::memchr2;

/// What stands at the start of the bytes in front of us, where an event may begin.
pub(super) enum Shape {
    Common(CommonEvent),
    /// All of it is the start of what may become a common event.
    Cut,
    Other,
}

/// Where the values of a common event stand.
#[derive(Clone, Copy)]
pub(super) struct CommonEvent {
    /// Whether it has another name than the last event that had one.
    pub(super) has_new_name: bool,
    /// Where its `data` line begins, behind the `event` line if there is one.
    line: usize,
    data_end: usize,
}

impl CommonEvent {
    pub(super) fn has_name(self) -> bool {
        self.line > 0
    }

    pub(super) fn name(self) -> Range<usize> {
        EVENT.len()..self.line - 1
    }

    pub(super) fn data(self) -> Range<usize> {
        self.line + DATA.len()..self.data_end
    }

    /// Where the next event begins.
    pub(super) fn end(self) -> usize {
        self.data_end + 2
    }
}

impl Shape {
    /// `last_name` is the name that an event had last: where it stands again, its line need not be searched for.
    #[inline]
    pub(super) fn of(bytes: &[u8], last_name: &str) -> Self {
        match bytes.strip_prefix(DATA) {
            Some(rest) => Self::behind(rest, false, 0),
            None => Self::of_named(bytes, last_name),
        }
    }

    /// The same for bytes that do not begin with a `data` line.
    #[inline(never)]
    fn of_named(bytes: &[u8], last_name: &str) -> Self {
        let Some(rest) = bytes.strip_prefix(EVENT) else {
            return if EVENT.starts_with(bytes) || DATA.starts_with(bytes) { Self::Cut } else { Self::Other };
        };
        let behind = rest.strip_prefix(last_name.as_bytes());
        let has_last_name = !last_name.is_empty() && behind.is_some_and(|rest| rest.starts_with(b"\n"));
        let name = if has_last_name {
            last_name.len()
        } else {
            match line_end(rest) {
                None => return Self::Cut,
                Some(end) if end == 0 || rest[end] != b'\n' => return Self::Other,
                Some(end) => end,
            }
        };
        let line = EVENT.len() + name + 1;
        match bytes[line..].strip_prefix(DATA) {
            Some(rest) => Self::behind(rest, !has_last_name, line),
            None if DATA.starts_with(&bytes[line..]) => Self::Cut,
            None => Self::Other,
        }
    }

    /// What `rest` is that stands behind the start of the `data` line at `line`.
    #[inline]
    fn behind(rest: &[u8], has_new_name: bool, line: usize) -> Self {
        let Some(length) = line_end(rest) else { return Self::Cut };
        match rest[length..] {
            [b'\n', b'\n', ..] => {
                Self::Common(CommonEvent { has_new_name, line, data_end: line + DATA.len() + length })
            }
            [b'\n'] => Self::Cut,
            _ => Self::Other,
        }
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr2(b'\n', b'\r', bytes)
}

/// How many bytes of `chunk` belong to the event that begins with `cut`: up to the blank line, or up to what shows that
/// it is no common one. `None` if neither is here.
pub(super) fn end_behind(cut: &[u8], chunk: &[u8]) -> Option<usize> {
    if let ([.., b'\n'], [b'\n', ..]) = (cut, chunk) {
        return Some(1);
    }
    let mut from = 0;
    while let Some(length) = line_end(&chunk[from..]) {
        match chunk[from + length..] {
            [b'\n', b'\n', ..] => return Some(from + length + 2),
            [b'\n', ..] => from += length + 1,
            _ => return Some(from + length + 1),
        }
    }
    None
}

const DATA: &[u8] = b"data: ";
const EVENT: &[u8] = b"event: ";
