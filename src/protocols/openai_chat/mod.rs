//! OpenAI's Chat Completions API, as the openai SDK 5.12.2 speaks it.
//!
//! <https://platform.openai.com/docs/api-reference/chat>
//!
//! A provider of this protocol is a [`ChatSpec`]: facts, an ordered list of body fields, an ordered list of
//! decoding steps. The engine branches on no provider's name.

pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod errors;
pub(crate) mod headers;
pub(crate) mod messages;
pub(crate) mod r1;
pub(crate) mod steps;
pub(crate) mod tools;
pub(crate) mod whole;
mod wire;

pub(crate) use wire::{Answer, ChatSpec, Endpoint, ListKey, Listing, Needed, OpenAiChat, Prefix, Wrap, join};
