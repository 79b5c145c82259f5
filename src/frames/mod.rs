//! Framing before meaning: decoders that cut received bytes into whole frames, without I/O.
//!
//! Each takes chunks as they come (`push`), gives frames (`next_event`), and is told when the body
//! ended properly (`finish`). Where the chunks were cut never changes the result.

mod chunks;
pub(crate) mod data_events;
mod event_stream;
mod ndjson;
mod sse;

pub use event_stream::{EventHeader, EventMessage, EventStreamDecoder, EventStreamError};
pub use ndjson::{NdjsonDecoder, NdjsonError};
pub use sse::{LentEvent, SseDecoder, SseDialect, SseError, SseEvent};

#[cfg(test)]
pub(crate) mod cuts;
