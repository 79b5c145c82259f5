//! The received chunks that a decoder has not read yet.

use std::collections::VecDeque;
use std::ops::Deref;

use bytes::{Buf, Bytes};

/// Chunks in the order of arrival. It reads as the one at hand; those behind it wait.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    current: Bytes,
    waiting: VecDeque<Bytes>,
}

impl Chunks {
    pub(super) fn push(&mut self, chunk: Bytes) {
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

    pub(super) fn clear(&mut self) {
        self.current = Bytes::new();
        self.waiting.clear();
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
