//! The ways in which bodies are cut into chunks: every one must give the same tokens.

use std::fmt;

/// One way of cutting bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cutting {
    /// Not at all.
    Whole,
    /// Into chunks of this size.
    Every(usize),
    /// At places drawn from a generator that starts with this seed.
    Random(u64),
}

/// The cuttings to try; where there is no body, one is enough.
pub(crate) fn cuttings(has_bodies: bool) -> Vec<Cutting> {
    let sizes = [1, 3, 7, 1021].map(Cutting::Every);
    let random = (1..=3).map(Cutting::Random);
    let all = std::iter::once(Cutting::Whole).chain(sizes).chain(random);
    if has_bodies { all.collect() } else { all.take(1).collect() }
}

impl Cutting {
    /// The offsets at which a body of this length is cut, ascending.
    pub(crate) fn offsets(self, length: usize) -> Vec<usize> {
        match self {
            Self::Whole => Vec::new(),
            Self::Every(size) => (size..length).step_by(size).collect(),
            Self::Random(seed) => {
                let mut generator = SplitMix(seed);
                let steps = std::iter::from_fn(|| Some(1 + generator.next() % LONGEST));
                let ends = steps.scan(0, |at, step| {
                    *at += step as usize;
                    Some(*at)
                });
                ends.take_while(|at| *at < length).collect()
            }
        }
    }
}

impl fmt::Display for Cutting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("body whole"),
            Self::Every(1) => f.write_str("body byte by byte"),
            Self::Every(size) => write!(f, "body in chunks of {size} bytes"),
            Self::Random(seed) => write!(f, "body cut at random, seed {seed}"),
        }
    }
}

/// The SplitMix64 generator: <https://prng.di.unimi.it/splitmix64.c>.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The longest chunk of a random cutting.
const LONGEST: u64 = 97;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_stay_inside_and_ascend() {
        assert_eq!(Cutting::Every(3).offsets(7), [3, 6]);
        assert_eq!(Cutting::Every(3).offsets(6), [3]);
        assert!(Cutting::Whole.offsets(9).is_empty());
        let random = Cutting::Random(1).offsets(5000);
        assert!(random.len() > 50 && random.is_sorted() && random.iter().all(|at| (1..5000).contains(at)));
        assert_eq!(random, Cutting::Random(1).offsets(5000));
        assert_ne!(random, Cutting::Random(2).offsets(5000));
    }
}
