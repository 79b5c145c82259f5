//! Makes new inputs of old ones: flips, cuts, repeats, splices, and words that decoders know.

use fastrand::Rng;

/// The longest input.
pub const LONGEST: usize = 16 << 10;

/// Changes an input in a few places; `other` lends it a piece.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = input[..input.len().min(LONGEST)].to_vec();
    for _ in 0..=random.usize(..6) {
        change(&mut bytes, other, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let at = random.usize(..=bytes.len());
    let end = (at + random.usize(..=32)).min(bytes.len());
    match random.u8(..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
        1 if at < bytes.len() => bytes[at] = random.u8(..),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        5 if !other.is_empty() => {
            let from = random.usize(..other.len());
            let piece = &other[from..(from + random.usize(..=256)).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        6 => {
            let piece: Vec<u8> = (0..random.usize(..=8)).map(|_| random.u8(..)).collect();
            bytes.splice(at..at, piece);
        }
        _ => {
            let word = WORDS[random.usize(..WORDS.len())];
            bytes.splice(at..end, word.iter().copied());
        }
    }
}

const WORDS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"data: ",
    b"data:",
    b"event: ",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"[DONE]",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"0",
    b"-0",
    b"1e999",
    b"1e-999",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud83d",
    b"\\ud83d\\ude00",
    b"\\",
    b"\"",
    b"{\"",
    b"\":",
    b",",
    b"}",
    b"]",
    b"[[[[[[[[",
    b"{\"a\":",
    b"__proto__",
    b"\xff",
    b"\xf0\x9f\x99\x82",
    b"\xf0\x9f",
    b"error",
    b"choices",
    b"delta",
    b"index",
    b"content",
    b"tool_calls",
    b"arguments",
    b"usage",
    b"finish_reason",
    b"type",
    b"\0\0\0\x10",
    b"\xff\xff\xff\xff",
    b"<think>",
    b"</think>",
    b"6m0s",
    b"1ms",
    b"-1",
    b"Wed, 21 Oct 2026 07:28:00 GMT",
    b"9999999999999999999999999999",
];
