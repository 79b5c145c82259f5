//! Events of any form, read line by line.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use super::line::{Field, Partial};
use super::{SseDialect, SseEvent};

/// Reads a body line by line: all line endings, all fields, wherever chunk edges cut.
#[derive(Debug)]
pub(super) struct Lines {
    dialect: SseDialect,
    /// The start of a line that a chunk edge cut.
    carry: BytesMut,
    previous: LineEnd,
    cr: Cr,
    event: Partial,
    /// Dispatched events in order; the first `released` of them are visible.
    events: VecDeque<SseEvent>,
    released: usize,
}

impl Lines {
    pub(super) fn new(dialect: SseDialect) -> Self {
        Self {
            dialect,
            carry: BytesMut::new(),
            previous: LineEnd::Other,
            cr: Cr::No,
            event: Partial::default(),
            events: VecDeque::new(),
            released: 0,
        }
    }

    #[inline]
    pub(super) fn next_event(&mut self) -> Option<SseEvent> {
        self.released = self.released.checked_sub(1)?;
        self.events.pop_front()
    }

    /// Whether all that was read is events that were taken.
    #[inline]
    pub(super) fn are_between_events(&self) -> bool {
        self.carry.is_empty() && self.cr == Cr::No && self.events.is_empty() && !self.event.is_begun()
    }

    /// A block that ended with LF LF was read elsewhere.
    #[inline]
    pub(super) fn skip_block(&mut self) {
        self.previous = LineEnd::Other;
        self.event.last_dispatched = false;
    }

    /// Reads to the end of the current line, or of the chunk; gives the number of bytes.
    pub(super) fn read(&mut self, chunk: &Bytes, limit: usize) -> Result<usize, TooLarge> {
        let lf_of_crlf = self.after_cr(chunk[0] == b'\n');
        if lf_of_crlf {
            return Ok(1);
        }
        let end = match chunk[0] {
            b'\n' | b'\r' => Some(0),
            _ => memchr2(b'\n', b'\r', chunk),
        };
        let length = end.unwrap_or(chunk.len());
        if self.event.size + self.carry.len() + length > limit {
            return Err(TooLarge);
        }
        let Some(end) = end else {
            self.carry.extend_from_slice(chunk);
            return Ok(length);
        };
        let blank = if self.carry.is_empty() {
            self.event.take(Field::of(&chunk[..end], self.dialect), chunk, &mut self.events);
            end == 0
        } else {
            self.carry.extend_from_slice(&chunk[..end]);
            self.carried_line();
            false
        };
        self.end_line(chunk[end], blank);
        Ok(end + 1)
    }

    /// The body ended: reads what was carried, and makes all events visible. False if there are none.
    pub(super) fn end(&mut self) -> bool {
        if !self.carry.is_empty() {
            self.carried_line();
        }
        self.border();
        self.released > 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.dialect);
    }

    /// Learns what a CR at the end of the last line was; true if the LF in front of us belongs to it.
    fn after_cr(&mut self, lf: bool) -> bool {
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

    fn carried_line(&mut self) {
        let line = self.carry.split().freeze();
        self.event.take(Field::of(&line, self.dialect), &line, &mut self.events);
    }
}

#[derive(Debug)]
pub(super) struct TooLarge;

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
