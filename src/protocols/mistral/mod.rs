//! Mistral's Chat Completions API, as @mistralai/mistralai 1.9.18 speaks it.
//!
//! <https://docs.mistral.ai/api/#tag/chat>

pub(crate) mod body;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod errors;
mod validate;
