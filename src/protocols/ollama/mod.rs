//! Ollama's native API, as ollama-js 0.5.17 speaks it.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

pub(crate) mod body;
pub(crate) mod catalog;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod errors;
pub(crate) mod host;
pub(crate) mod pull;
