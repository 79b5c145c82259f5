//! The provider layer of TypeScript AI coding tools in Rust: **the same bytes on the wire, the same tokens
//! out**.
//!
//! Every service is an [`AiProvider`]. [`build_provider`] makes one from [`ProviderSettings`], which are the
//! JSON that the TypeScript stores.
//!
//! `docs/guide.md` (in these pages: `guide`) goes on from the examples here: pictures, reasoning, tests, a provider
//! of your own; `docs/migration.md` is for those who come from another client.
//!
//! # Example: stream an answer
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use samewire::{ChatRequest, Message, ProviderSettings, StreamToken, build_provider};
//!
//! # async fn run() -> Result<(), samewire::Error> {
//! let settings = ProviderSettings::new("openai").with("openAiApiKey", "sk-...").with("openAiModelId", "gpt-4o");
//! let provider = build_provider(&settings)?;
//! let mut tokens = provider.chat_stream(ChatRequest::new("", [Message::user("Hello!")])).await?;
//! while let Some(token) = tokens.next().await {
//!     match token? {
//!         StreamToken::Text(text) => print!("{text}"),
//!         StreamToken::Reasoning(text) => eprint!("{text}"),
//!         StreamToken::Usage(usage) => eprintln!("{} tokens in", usage.input_tokens),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Example: call tools
//!
//! [`AiProvider::chat`] collects a stream: text, reasoning, tool calls with parsed arguments, usage.
//!
//! ```no_run
//! use samewire::json::object;
//! use samewire::{AiProvider, ChatRequest, ContentBlock, Message, Tool};
//!
//! # async fn run(provider: &dyn AiProvider) -> Result<(), samewire::Error> {
//! let schema = object! { "type": "object", "properties": object! { "path": object! { "type": "string" } } };
//! let tools = [Tool::function("read_file", "Reads a text file", schema)];
//! let mut history = vec![Message::user("What is in README.md?")];
//! loop {
//!     let request = ChatRequest::new("You are careful.", history.clone()).with_tools(tools.clone());
//!     let answer = provider.chat(request).await?;
//!     if answer.tool_calls.is_empty() {
//!         println!("{}", answer.text);
//!         return Ok(());
//!     }
//!     history.extend(answer.to_messages());
//!     let results = answer.tool_calls.iter().map(|call| ContentBlock::tool_result(call.id.clone(), "the file's text"));
//!     history.push(Message::user_blocks(results));
//! }
//! # }
//! ```
//!
//! # Example: a second provider for when the first is down
//!
//! A [`ProviderManager`](manager::ProviderManager) is a provider itself.
//!
//! ```no_run
//! use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, Route};
//! use samewire::{Context, ProviderSettings};
//!
//! let claude = ProviderSettings::new("anthropic").with("apiKey", "sk-ant-...");
//! let groq = ProviderSettings::new("groq").with("groqApiKey", "gsk_...");
//! let config = ManagerConfig::new()
//!     .provider(ProviderConfig::new("claude", claude))
//!     .provider(ProviderConfig::new("groq", groq))
//!     .route(Route::ordered("chat", ["claude", "groq"]))
//!     .default_target("chat");
//! let manager = ProviderManager::new(config, Context::system())?;
//! # Ok::<(), samewire::Error>(())
//! ```
//!
//! # Example: encode and decode without I/O
//!
//! ```
//! use samewire::{ChatRequest, Message, ProviderSettings, build_provider};
//!
//! let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk-test");
//! let provider = build_provider(&settings)?;
//! let request = ChatRequest::new("Be brief.", [Message::user("Hi")]);
//! let http = provider.encode(&request)?;
//! assert_eq!(http.url, "https://api.groq.com/openai/v1/chat/completions");
//! let body = br#"data: {"choices":[{"delta":{"content":"Hello!"}}]}"#;
//! let mut decoder = provider.decoder(&request)?;
//! assert_eq!(decoder.process_chunk(body).count(), 0);
//! let tokens: Vec<_> = decoder.process_chunk(b"\n\n").collect::<Result<_, _>>()?;
//! assert_eq!(tokens[0].text(), Some("Hello!"));
//! # Ok::<(), samewire::Error>(())
//! ```
//!
//! # What holds everywhere
//!
//! - Any cut of a response gives the same tokens; an error comes behind every token that arrived.
//! - Dropping a future or a stream cancels its request. Nothing runs in the background.
//! - [`Error`] has the reference's exact message, and kind, status, retry advice, headers and body for programs.
//! - No key occurs in an error, a log line or `Debug` output.
//!
//! # Features
//!
//! - `http` (default): [`transport::HyperTransport`], and [`build_provider`] with [`Context::system`].
//! - `reqwest`: `transport::ReqwestTransport`, for applications that have a client of reqwest's already.
//! - `manager` (default): [`manager`], many providers behind one, with limits, circuit breakers and failover.
//! - `tokenizer` (default): [`AiProvider::count_tokens`]; brings the o200k_base vocabulary.
//! - `metrics`: spans of `tracing` and figures for the `metrics` facade, in OpenTelemetry's names.
//! - `config`: `config`, one file that says which providers there are and how to reach them.
//! - `headless`: command-line programs as providers, `headless`.
//! - `structured`: answers as Rust types, `structured`; brings schemars.
//! - `testing`: `testing`, scripted services and recordings for the tests of programs.
//! - `cache`: answers kept in memory, `manager::CachedProvider`.
//! - `redis`: limits, breakers and cooldowns of keys that many machines share, `manager::RedisSharedState`.
//!
//! # Not supported
//!
//! Embeddings, audio, and everything above a single call: prompts, agents, memory.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer_format;
mod auth;
mod context;
mod driver;
mod error;
mod files;
mod image;
mod lock;
mod message;
mod model;
#[cfg(feature = "http")]
mod network;
mod protocols;
mod provider;
mod providers;
mod reasoning_as_text;
mod registry;
mod request;
mod response;
mod secrets;
mod settings;
mod shared_list;
#[cfg(test)]
mod shared_recordings;
mod stream;
mod text;
mod token;
mod tokenizer;
mod tool;
mod tool_calls;

pub mod batches;
pub mod catalog;
pub mod clock;
#[cfg(feature = "config")]
pub mod config;
pub mod frames;
#[cfg(all(any(doc, doctest), feature = "testing"))]
#[doc = include_str!("../docs/guide.md")]
pub mod guide {}
#[cfg(feature = "headless")]
pub mod headless;
pub mod json;
pub mod layers;
#[cfg(feature = "manager")]
pub mod manager;
#[cfg(all(any(doc, doctest), feature = "config"))]
#[doc = include_str!("../docs/migration.md")]
pub mod migration {}
pub mod ollama;
pub mod prompt_cache;
#[cfg(feature = "structured")]
pub mod structured;
#[cfg(feature = "testing")]
pub mod testing;
pub mod think;
pub mod transport;

pub use answer_format::{AnswerFormat, AnswerSchema, strict_schema};
pub use catalog::lists::ModelLists;
pub use context::{ClientIdentity, Context, Ids};
pub use error::{Error, ErrorKind, RetryAdvice};
pub use frames::EventStreamDecoder;
pub use frames::SseDecoder;
pub use image::{GeneratedImage, ImageMethod, ImageRequest};
pub use message::{ContentBlock, Message};
pub use model::{Model, ModelInfo};
pub use provider::{AiProvider, HealthStatus, ProviderCapabilities, RateLimits};
#[cfg(feature = "http")]
pub use providers::build_provider;
pub use providers::{build_provider_in, list_models_in, provider_ids};
pub use registry::{AuthStyle, Protocol, ProviderInfo, ProviderRegistry};
pub use request::{ChatRequest, CompletionRequest, PromptFormat};
pub use response::{AssembledToolCall, ChatResponse, CompletionResponse};
pub use settings::ProviderSettings;
pub use stream::{StreamProcessor, StreamSummary, TokenStream, Tokens};
pub use text::Text;
pub use token::{Field, Source, StreamToken, ToolCall, ToolCallPartial, Usage};
pub use tool::{Tool, ToolChoice};
pub use tool_calls::{AssembledStream, ToolCallAssembler};
