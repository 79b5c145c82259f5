//! The wire protocols: request to bytes, frames to tokens. Pure: no I/O, clock, environment or random.

pub(crate) mod anthropic;
pub(crate) mod blocks;
pub(crate) mod cohere;
pub(crate) mod converse;
pub(crate) mod gemini;
pub(crate) mod mistral;
pub(crate) mod ollama;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
pub(crate) mod tokens;
