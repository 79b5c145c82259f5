//! OpenAI's Responses API, as the openai SDK 5.12.2 speaks it, with the plain request that the reference
//! falls back to.
//!
//! <https://platform.openai.com/docs/api-reference/responses>

mod body;
mod completion;
mod decode;
mod errors;
mod events;
mod lines;
mod messages;
mod tools;
mod usage;
mod wire;

pub(crate) use wire::{Endpoint, Responses, ResponsesSpec, SESSION_ID};
