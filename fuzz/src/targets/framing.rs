//! Where a body was cut never changes its frames.

use bytes::Bytes;
use samewire::frames::EventStreamDecoder;
use samewire::frames::NdjsonDecoder;
use samewire::frames::{SseDecoder, SseDialect};

use super::pieces;

const LIMIT: usize = 4096;

/// Server-sent events, in both dialects.
pub fn sse(bytes: &[u8]) {
    for dialect in [SseDialect::BomPerLine, SseDialect::BomKept] {
        let read = |chunks: &[&[u8]]| {
            let mut decoder = SseDecoder::new(dialect).with_event_limit(LIMIT);
            let mut events = Vec::new();
            for chunk in chunks {
                decoder.push(Bytes::copy_from_slice(chunk));
                events.extend(std::iter::from_fn(|| decoder.next_event()));
            }
            decoder.finish();
            events.extend(std::iter::from_fn(|| decoder.next_event()));
            events
        };
        assert_eq!(read(&[bytes]), read(&pieces(bytes)));
    }
}

/// Messages of AWS.
pub fn event_stream(bytes: &[u8]) {
    let read = |chunks: &[&[u8]]| {
        let mut decoder = EventStreamDecoder::new().with_message_limit(LIMIT);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            events.extend(std::iter::from_fn(|| decoder.next_event()).map(|event| format!("{event:?}")));
        }
        (events, decoder.finish())
    };
    assert_eq!(read(&[bytes]), read(&pieces(bytes)));
}

/// Lines of JSON.
pub fn ndjson(bytes: &[u8]) {
    let read = |chunks: &[&[u8]]| {
        let mut decoder = NdjsonDecoder::new().with_line_limit(LIMIT);
        let mut lines = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            lines.extend(std::iter::from_fn(|| decoder.next_line()));
        }
        decoder.finish();
        lines.extend(std::iter::from_fn(|| decoder.next_line()));
        lines
    };
    assert_eq!(read(&[bytes]), read(&pieces(bytes)));
}
