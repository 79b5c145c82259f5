//! Cohere's Chat API, version 2.
//!
//! <https://docs.cohere.com/reference/chat-stream>
//!
//! Two TypeScript clients speak it, and bodies here are in the order of both: cohere-ai 7.21.0 and
//! @ai-sdk/cohere 2.0.44.

pub(crate) mod body;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod errors;
