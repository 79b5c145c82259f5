//! What is promised for any bytes. A target panics if the promise is broken.

mod decoding;
mod framing;
mod reading;

pub use decoding::{decode, repetition, tool_calls};
pub use framing::{event_stream, ndjson, sse};
pub use reading::{config, json, rate_limits, retry_after, settings};

/// A target by its name.
pub const ALL: &[(&str, fn(&[u8]))] = &[
    ("sse", sse),
    ("event_stream", event_stream),
    ("ndjson", ndjson),
    ("json", json),
    ("decode", decode),
    ("repetition", repetition),
    ("settings", settings),
    ("config", config),
    ("retry_after", retry_after),
    ("rate_limits", rate_limits),
    ("tool_calls", tool_calls),
];

/// Cuts bytes at places that their own content chooses: one in four pieces is empty or a single byte.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    let mut state =
        bytes.iter().fold(bytes.len() as u32 | 1, |state, byte| state.rotate_left(5) ^ u32::from(*byte));
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = match state >> 30 {
            0 => (state >> 8 & 1) as usize,
            1 => 1 + (state >> 8 & 7) as usize,
            _ => 1 + (state >> 8 & 127) as usize,
        };
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
