//! Byte pair encoding of one word: the number of its tokens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::rank;

/// How many tokens a word has. Work grows as n log n, so that a word of a million letters is no trap.
pub(super) fn count(word: &[u8]) -> usize {
    if rank(word).is_some() {
        return 1;
    }
    Merging::new(word).run()
}

/// A word in parts; parts are named by their first byte.
struct Merging<'a> {
    word: &'a [u8],
    /// The part behind each part; the word's length behind the last.
    next: Vec<u32>,
    /// The part in front of each part.
    previous: Vec<u32>,
    /// Neighbours that make a token together: its rank, where it begins, where it ends. Those that no longer stand
    /// so are passed over.
    pairs: BinaryHeap<Reverse<(u32, u32, u32)>>,
    parts: usize,
}

impl<'a> Merging<'a> {
    fn new(word: &'a [u8]) -> Self {
        let length = word.len() as u32;
        let next = (1..=length).collect();
        let previous = (0..=length).map(|at| at.wrapping_sub(1)).collect();
        let mut merging = Self { word, next, previous, pairs: BinaryHeap::new(), parts: word.len() };
        (0..length).for_each(|part| merging.consider(part));
        merging
    }

    /// The oldest pair first, of equal ones the leftmost, until no pair is a token.
    fn run(mut self) -> usize {
        while let Some(Reverse((_, start, end))) = self.pairs.pop() {
            let middle = self.next[start as usize];
            let stands = middle != GONE && middle < end && self.next[middle as usize] == end;
            if !stands {
                continue;
            }
            self.next[start as usize] = end;
            self.next[middle as usize] = GONE;
            self.previous[end as usize] = start;
            self.parts -= 1;
            self.consider(start);
            let before = self.previous[start as usize];
            if before != GONE {
                self.consider(before);
            }
        }
        self.parts
    }

    /// Looks whether a part and the one behind it make a token.
    fn consider(&mut self, part: u32) {
        let middle = self.next[part as usize];
        let Some(&end) = self.next.get(middle as usize) else { return };
        if let Some(rank) = rank(&self.word[part as usize..end as usize]) {
            self.pairs.push(Reverse((rank, part, end)));
        }
    }
}

/// No part.
const GONE: u32 = u32::MAX;
