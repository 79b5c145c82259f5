//! The received chunks that a decoder has not read yet, and whether more may come.

use std::collections::VecDeque;
use std::ops::Deref;

use bytes::{Buf, Bytes};

/// Chunks in the order of arrival. It reads as the one at hand; those behind it wait.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    current: Bytes,
    waiting: VecDeque<Bytes>,
    intake: Intake,
}

/// Whether chunks are still taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Intake {
    #[default]
    Open,
    Ended,
    Failed,
}

impl Chunks {
    /// Takes the next chunk, unless the body ended or the decoder failed.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if !self.are_open() || chunk.is_empty() {
            return;
        }
        if self.current.is_empty() {
            self.current = chunk;
        } else {
            self.waiting.push_back(chunk);
        }
    }

    /// Puts a chunk before all others.
    pub(super) fn push_front(&mut self, chunk: Bytes) {
        let behind = std::mem::replace(&mut self.current, chunk);
        if !behind.is_empty() {
            self.waiting.push_front(behind);
        }
    }

    /// Passes over bytes of the chunk at hand, and goes on to the next when it is used up.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.current.advance(bytes);
        self.refill();
    }

    /// Takes bytes off the front of the chunk at hand without copying them.
    pub(super) fn take(&mut self, bytes: usize) -> Bytes {
        let taken = self.current.split_to(bytes);
        self.refill();
        taken
    }

    /// The body ended.
    pub(super) fn end(&mut self) {
        if self.are_open() {
            self.intake = Intake::Ended;
        }
    }

    /// The decoder cannot read on: forgets what is here, takes no more.
    pub(super) fn fail(&mut self) {
        *self = Self { intake: Intake::Failed, ..Self::default() };
    }

    /// Whether more may come.
    #[inline]
    pub(super) fn are_open(&self) -> bool {
        self.intake == Intake::Open
    }

    /// Whether the body ended, and no failure came first.
    #[inline]
    pub(super) fn have_ended(&self) -> bool {
        self.intake == Intake::Ended
    }

    #[inline]
    fn refill(&mut self) {
        if self.current.is_empty() {
            self.current = self.waiting.pop_front().unwrap_or_default();
        }
    }
}

impl Deref for Chunks {
    type Target = Bytes;

    #[inline]
    fn deref(&self) -> &Bytes {
        &self.current
    }
}
