//! One test for every decoder: where the network cuts a body must not matter.

use std::fmt::Debug;

use bytes::Bytes;

/// Decodes `input` whole, bytewise, at odd sizes, with empty chunks and at seeded random cuts, and
/// returns the outcome, which must always be the same.
///
/// The chunks are slices of a buffer that goes on behind them, so a decoder that reads too far is
/// found out. `decode` makes a new decoder, pushes every chunk, and collects what came.
pub(crate) fn assert_same_for_every_cut<T: PartialEq + Debug>(
    input: &[u8],
    decode: impl Fn(&mut dyn Iterator<Item = Bytes>) -> T,
) -> T {
    let mut buffer = input.to_vec();
    buffer.extend_from_slice(b"\n\ndata: behind the end\n\n\r\n\r\n}]\"");
    let input = Bytes::from(buffer).slice(..input.len());

    let whole = decode(&mut std::iter::once(input.clone()));
    let check = |what: &str, sizes: &mut dyn FnMut() -> usize| {
        let mut rest = input.clone();
        let mut cuts = Vec::new();
        let mut chunks = std::iter::from_fn(|| {
            if rest.is_empty() {
                return None;
            }
            let size = sizes().min(rest.len());
            cuts.push(size);
            Some(rest.split_to(size))
        });
        let got = decode(&mut chunks);
        assert_eq!(got, whole, "{what}, cut as {cuts:?}: {}", input.escape_ascii());
    };
    for size in [1, 2, 3, 5, 7, 13, 61, 1400] {
        check("equal chunks", &mut || size);
    }
    if input.len() <= 2048 {
        for first in 1..input.len() {
            let mut cut = false;
            check("two chunks", &mut || if std::mem::replace(&mut cut, true) { usize::MAX } else { first });
        }
    }
    for seed in 1..=32 {
        let mut random = XorShift(seed);
        let longest = [4, 16, 200, 4000][random.below(4)];
        check("random chunks", &mut || random.below(longest));
    }
    whole
}

/// Marsaglia's xorshift64: the same cuts in every run.
pub(crate) struct XorShift(pub(crate) u64);

impl XorShift {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let mut x = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = x;
        (x >> 33) as usize % limit
    }
}
