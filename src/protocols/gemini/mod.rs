//! The Gemini API, as @google/genai 1.29.1 speaks it.
//!
//! <https://ai.google.dev/api/generate-content>,
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>
//!
//! A provider of this protocol is a [`GeminiSpec`]: which model, and where requests go.

mod body;
mod completion;
mod decode;
mod errors;
mod messages;
mod wire;

pub(crate) use messages::Dialect;
pub(crate) use wire::{Authorization, Endpoint, Gemini, GeminiSpec};
