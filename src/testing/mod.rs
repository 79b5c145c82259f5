//! For tests of programs that use samewire: services that answer from a script, from a list of exchanges, or
//! from recordings. No network, no key, no waiting.
//!
//! | what a test is about | what to use |
//! | --- | --- |
//! | what a program does with answers and errors | [`ScriptedProvider`] |
//! | what is sent, and how bytes become tokens | [`ReplayTransport`] in a [`context`](context()) |
//! | a service as it really answered | [`Fixture`] |
//!
//! Recordings of your own come from `samewire record`, a proxy for any client, or from the live tests.
//!
//! # Example: a loop over tools, without a model
//!
//! ```
//! use samewire::json::object;
//! use samewire::testing::{ScriptedProvider, Turn};
//! use samewire::{AiProvider, ChatRequest, ContentBlock, Error, Message};
//!
//! /// The program under test: answers every tool call with the weather.
//! async fn ask(provider: &dyn AiProvider, question: &str) -> Result<String, Error> {
//!     let mut request = ChatRequest::new("", [Message::user(question)]);
//!     loop {
//!         let answer = provider.chat(request.clone()).await?;
//!         if answer.tool_calls.is_empty() {
//!             return Ok(answer.text);
//!         }
//!         request.messages.extend(answer.to_messages());
//!         let results = answer.tool_calls.iter().map(|call| ContentBlock::tool_result(call.id.clone(), "rain"));
//!         request.messages.push(Message::user_blocks(results));
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let model = ScriptedProvider::new("model")
//!     .turn(Turn::new().tool_call("call-1", "weather", object! { "city": "Bremen" }))
//!     .turn(Turn::new().text("Take an ").text("umbrella."));
//! assert_eq!(ask(&model, "What do I wear?").await?, "Take an umbrella.");
//! let result = model.requests()[1].messages[2].as_json().to_json();
//! assert!(result.contains(r#""content":"rain""#), "{result}");
//! # Ok::<(), Error>(()) }).unwrap();
//! ```
//!
//! # Example: the bytes that a service would see
//!
//! ```
//! use std::sync::Arc;
//!
//! use samewire::testing::{Exchange, ReplayTransport, context};
//! use samewire::{ChatRequest, Message, ProviderSettings, build_provider_in};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let busy = Exchange::new(429).header("retry-after", "2");
//! let answer = Exchange::new(200).body("data: {\"choices\":[{\"delta\":{\"content\":\"Hi!\"}}]}\n\n");
//! let replay = Arc::new(ReplayTransport::new([busy, answer]));
//! let settings = ProviderSettings::new("groq").with("groqApiKey", "k").with("apiModelId", "llama-3.1-8b-instant");
//! let provider = build_provider_in(&settings, &context(replay.clone()))?;
//! let request = ChatRequest::new("", [Message::user("Hello")]);
//! assert_eq!(provider.chat(request).await?.text, "Hi!");
//! assert_eq!(replay.requests().len(), 2, "it tried again, without waiting");
//! # Ok::<(), samewire::Error>(()) }).unwrap();
//! ```

mod fixture;
mod scripted;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::future::BoxFuture;

pub use crate::transport::{Disconnect, Exchange, ReplayTransport};
pub use fixture::Fixture;
pub use scripted::{ScriptedProvider, Turn};

use crate::clock::Clock;
use crate::context::{Context, Ids};
use crate::layers::standard;
use crate::lock::Locked;
use crate::transport::Transport;

/// A context for tests over a transport: the standard layers, an [`InstantClock`], ids of zeros, no
/// environment variables, no folders.
pub fn context(transport: Arc<dyn Transport>) -> Context {
    context_at(transport, Arc::default())
}

/// As [`context`](context()), with a clock that the test keeps.
///
/// # Example: how long would it have waited?
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use samewire::testing::{Exchange, InstantClock, ReplayTransport, context_at};
/// use samewire::{ChatRequest, Message, ProviderSettings, build_provider_in};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = Arc::new(InstantClock::default());
/// let busy = Exchange::new(429).header("retry-after", "2");
/// let replay = Arc::new(ReplayTransport::new([busy, Exchange::new(200)]));
/// let settings = ProviderSettings::new("groq").with("groqApiKey", "k");
/// let provider = build_provider_in(&settings, &context_at(replay, clock.clone()))?;
/// provider.chat(ChatRequest::new("", [Message::user("Hello")])).await?;
/// assert_eq!(clock.waits(), [Duration::from_secs(2)]);
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
pub fn context_at(transport: Arc<dyn Transport>, clock: Arc<InstantClock>) -> Context {
    Context {
        transport: standard(transport, clock.clone()),
        clock,
        ids: Arc::new(Zeros),
        environment: Arc::default(),
        home: None,
        cache_dir: None,
        model_lists: Arc::default(),
        identity: Arc::default(),
    }
}

/// A clock that stands at 2026-01-15T12:00:00Z and goes on only by waits, which it remembers and does not
/// keep. It draws 0.5.
#[derive(Debug, Default)]
pub struct InstantClock(Mutex<Vec<Duration>>);

impl InstantClock {
    /// Every wait so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.0.locked().clone()
    }
}

impl Clock for InstantClock {
    fn now(&self) -> f64 {
        let waited: Duration = self.waits().iter().sum();
        START + waited.as_secs_f64() * 1000.0
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.locked().push(time);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// 2026-01-15T12:00:00Z, as in the recordings.
const START: f64 = 1_768_478_400_000.0;

struct Zeros;

impl Ids for Zeros {
    fn uuid_v4(&self) -> String {
        "00000000-0000-4000-8000-000000000000".into()
    }

    fn uuid_v7(&self, _: f64) -> String {
        "00000000-0000-7000-8000-000000000000".into()
    }
}
