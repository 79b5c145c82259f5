//! What the lines of an event mean, and the event that they make.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{SseDialect, SseEvent};
use crate::Text;

/// What one line means.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Blank,
    Data(usize, usize),
    Name(usize, usize),
    Ignored,
}

impl Field {
    pub(super) fn of(line: &[u8], dialect: SseDialect) -> Self {
        let start = match dialect {
            SseDialect::BomPerLine if line.starts_with(BOM) => BOM.len(),
            _ => 0,
        };
        let bare = &line[start..];
        let (name, rest) = if let Some(rest) = bare.strip_prefix(b"data") {
            (Self::Data as fn(usize, usize) -> Self, rest)
        } else if let Some(rest) = bare.strip_prefix(b"event") {
            (Self::Name as fn(usize, usize) -> Self, rest)
        } else if bare.is_empty() {
            return Self::Blank;
        } else {
            return Self::Ignored;
        };
        let value = match rest {
            [] => line.len(),
            [b':', b' ', value @ ..] | [b':', value @ ..] => line.len() - value.len(),
            _ => return Self::Ignored,
        };
        name(value, line.len())
    }
}

/// The event whose lines are being read.
#[derive(Debug, Default)]
pub(super) struct Partial {
    name: Option<Bytes>,
    /// The first `data` line.
    data: Option<Bytes>,
    /// All `data` lines joined, once there are two.
    joined: Option<BytesMut>,
    /// How many bytes of values are kept.
    pub(super) size: usize,
    /// Whether the last line dispatched an event.
    pub(super) last_dispatched: bool,
}

impl Partial {
    /// Whether a line of it was read that counts; a name may have been taken back since.
    pub(super) fn is_begun(&self) -> bool {
        self.name.is_some() || self.data.is_some() || self.size > 0
    }

    pub(super) fn take(&mut self, field: Field, line: &Bytes, events: &mut VecDeque<SseEvent>) {
        self.last_dispatched = false;
        match field {
            Field::Blank => {
                if let Some(event) = self.dispatch() {
                    self.last_dispatched = true;
                    events.push_back(event);
                }
            }
            Field::Data(start, end) => {
                self.size += end - start;
                match (&self.data, &mut self.joined) {
                    (None, _) => self.data = Some(line.slice(start..end)),
                    (Some(first), None) => {
                        let mut joined = BytesMut::with_capacity(first.len() + 1 + end - start);
                        joined.extend_from_slice(first);
                        joined.extend_from_slice(b"\n");
                        joined.extend_from_slice(&line[start..end]);
                        self.joined = Some(joined);
                    }
                    (Some(_), Some(joined)) => {
                        joined.extend_from_slice(b"\n");
                        joined.extend_from_slice(&line[start..end]);
                    }
                }
            }
            Field::Name(start, end) => {
                self.size += end - start;
                self.name = if start == end { None } else { Some(line.slice(start..end)) };
            }
            Field::Ignored => {}
        }
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        if self.name.is_none() && self.data.is_none() {
            return None;
        }
        self.size = 0;
        let first = self.data.take().unwrap_or_default();
        let data = self.joined.take().map_or(first, BytesMut::freeze);
        Some(SseEvent {
            name: self.name.take().map(Text::from_utf8_lossy),
            data: Text::from_utf8_lossy(data),
        })
    }
}

const BOM: &[u8] = "\u{feff}".as_bytes();
