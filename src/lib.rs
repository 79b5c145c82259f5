//! The provider layer of TypeScript AI coding tools in Rust: the same bytes on the wire, the same
//! tokens out.

mod auth;
mod catalog;
mod context;
mod driver;
mod error;
mod files;
mod message;
mod model;
mod protocols;
mod provider;
mod providers;
mod request;
mod response;
mod settings;
mod stream;
mod text;
mod token;
mod tokenizer;
mod tool;
mod tool_calls;

pub mod clock;
pub mod frames;
pub mod json;
pub mod layers;
pub mod think;
pub mod transport;

pub use catalog::lists::ModelLists;
pub use context::{ClientIdentity, Context, Ids};
pub use error::{Error, ErrorKind, RetryAdvice};
pub use frames::event_stream::EventStreamDecoder;
pub use frames::sse::SseDecoder;
pub use message::{ContentBlock, Message};
pub use model::{Model, ModelInfo};
pub use provider::{AiProvider, HealthStatus, ProviderCapabilities, RateLimits};
#[cfg(feature = "http")]
pub use providers::build_provider;
pub use providers::{build_provider_in, list_models_in, provider_ids};
pub use request::{ChatRequest, CompletionRequest, PromptFormat};
pub use response::{AssembledToolCall, ChatResponse, CompletionResponse};
pub use settings::ProviderSettings;
pub use stream::{StreamProcessor, StreamSummary, TokenStream, Tokens};
pub use text::Text;
pub use token::{Field, Source, StreamToken, ToolCall, ToolCallPartial, Usage};
pub use tool::{Tool, ToolChoice};
pub use tool_calls::{AssembledStream, ToolCallAssembler};
