//! Anthropic's Messages API, as @anthropic-ai/sdk 0.37.0 speaks it.
//!
//! <https://docs.anthropic.com/en/api/messages>, <https://docs.anthropic.com/en/api/messages-streaming>
//!
//! A provider of this protocol is a [`MessagesSpec`]: facts and an ordered list of body fields.

pub(crate) mod body;
mod completion;
mod decode;
pub(crate) mod errors;
mod headers;
mod hosting;
pub(crate) mod messages;
mod wire;

pub(crate) use decode::{Counting, MessageDecoder};
pub(crate) use hosting::{Answer, Hosting};
pub(crate) use wire::{Endpoint, Messages, MessagesSpec};
