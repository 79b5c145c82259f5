//! The one trait over all providers.

use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::image::{GeneratedImage, ImageRequest};
use crate::json::Value;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::{StreamProcessor, TokenStream};
use crate::transport::HttpRequest;
use crate::{Error, ErrorKind, Model};

/// A service that answers conversations, ready to be called.
///
/// [`build_provider`](crate::build_provider) makes one from settings. The trait is object safe: keep an
/// `Arc<dyn AiProvider>` and swap providers at run time.
///
/// Every future and stream cancels its work when it is dropped: the request is aborted and its
/// connection closed or given back. Nothing runs in the background.
///
/// # Example: stream an answer
///
/// ```no_run
/// use futures_util::StreamExt;
/// use samewire::{ChatRequest, Message, ProviderSettings, build_provider};
///
/// # async fn run() -> Result<(), samewire::Error> {
/// let settings = ProviderSettings::new("anthropic").with("apiKey", std::env::var("ANTHROPIC_API_KEY").unwrap());
/// let provider = build_provider(&settings)?;
/// let request = ChatRequest::new("Answer briefly.", [Message::user("What is a tape parser?")]);
/// let mut tokens = provider.chat_stream(request).await?;
/// while let Some(token) = tokens.next().await {
///     if let Some(text) = token?.text() {
///         print!("{text}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub trait AiProvider: Send + Sync + 'static {
    /// The provider's id, such as `anthropic`.
    fn name(&self) -> &str;

    /// The model that calls will use, with what is known about it: the reference's `getModel`.
    fn model(&self) -> Model;

    /// Continues a conversation, token by token.
    ///
    /// # Errors
    ///
    /// Before the stream: whatever kept the response from starting. Within it: the last item, after
    /// every token that arrived.
    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>>;

    /// Completes one prompt: the reference's `completePrompt`.
    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>>;

    /// What calls can do with the current model.
    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::of_model(&self.model())
    }

    /// Continues a conversation and collects the answer: [`chat_stream`](Self::chat_stream) read to its end.
    ///
    /// # Errors
    ///
    /// As the stream's; what arrived before the error is dropped, so use the stream to keep it.
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        Box::pin(crate::response::whole(self, request))
    }

    /// Completes one prompt as a stream. Unless a provider overrides it, the whole text comes as one token,
    /// since the reference has no streamed completion.
    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            self.complete(request).await.map(|completion| TokenStream::of_text(completion.text))
        })
    }

    /// The models that the service offers.
    ///
    /// # Errors
    ///
    /// As the service's. Where the reference asks no service, the built-in table is the answer; providers of
    /// your own that do not implement it give [`Unsupported`](ErrorKind::Unsupported).
    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, Error>> {
        Box::pin(async move { Err(unsupported(self.name(), "a model list")) })
    }

    /// Estimates the tokens of content blocks as the reference counts them: o200k_base times 1.5, counted
    /// locally for every provider.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when the tokenizer is compiled out.
    fn count_tokens<'a>(&'a self, content: &'a [Value]) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move { crate::tokenizer::count(content) })
    }

    /// Makes an image.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) for providers without images.
    fn generate_image(&self, request: ImageRequest) -> BoxFuture<'_, Result<GeneratedImage, Error>> {
        let _ = request;
        Box::pin(async move { Err(unsupported(self.name(), "image generation")) })
    }

    /// Asks the service for a sign of life, as cheaply as it allows: its model list where there is one,
    /// else nothing is sent and the answer is [`HealthStatus::Unknown`].
    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        Box::pin(async move { HealthStatus::of_list(self.list_models().await) })
    }

    /// Prepares what the first call would otherwise wait for (model lists, access tokens). Optional.
    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Releases what the provider holds; later calls may fail. Optional: dropping it is enough.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// The request that [`chat_stream`](Self::chat_stream) would send, without sending it: no I/O, for
    /// other transports, tests and diagnostics. Facts that a real call fetches first (model lists, access
    /// tokens) are used as far as they are known.
    fn encode(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let _ = request;
        Err(unsupported(self.name(), "encoding without I/O"))
    }

    /// A decoder for the body that answers [`encode`](Self::encode)'s request: bytes in, tokens out.
    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        let _ = request;
        Err(unsupported(self.name(), "decoding without I/O"))
    }
}

/// The methods of [`AiProvider`] that a wrapper leaves to the provider inside it, in the field `$inner`: all but the
/// calls that make an answer. So a wrapper's own code is what it changes.
macro_rules! left_to {
    ($inner:tt) => {
        fn name(&self) -> &str {
            self.$inner.name()
        }

        fn model(&self) -> $crate::Model {
            self.$inner.model()
        }

        fn capabilities(&self) -> $crate::ProviderCapabilities {
            self.$inner.capabilities()
        }

        fn list_models(
            &self,
        ) -> ::futures_core::future::BoxFuture<'_, Result<Vec<$crate::Model>, $crate::Error>> {
            self.$inner.list_models()
        }

        fn count_tokens<'a>(
            &'a self,
            content: &'a [$crate::json::Value],
        ) -> ::futures_core::future::BoxFuture<'a, Result<u64, $crate::Error>> {
            self.$inner.count_tokens(content)
        }

        fn generate_image(
            &self,
            request: $crate::ImageRequest,
        ) -> ::futures_core::future::BoxFuture<'_, Result<$crate::GeneratedImage, $crate::Error>> {
            self.$inner.generate_image(request)
        }

        fn health_check(&self) -> ::futures_core::future::BoxFuture<'_, $crate::HealthStatus> {
            self.$inner.health_check()
        }

        fn initialize(&self) -> ::futures_core::future::BoxFuture<'_, Result<(), $crate::Error>> {
            self.$inner.initialize()
        }

        fn shutdown(&self) -> ::futures_core::future::BoxFuture<'_, Result<(), $crate::Error>> {
            self.$inner.shutdown()
        }

        fn encode(
            &self,
            request: &$crate::ChatRequest,
        ) -> Result<$crate::transport::HttpRequest, $crate::Error> {
            self.$inner.encode(request)
        }

        fn decoder(&self, request: &$crate::ChatRequest) -> Result<$crate::StreamProcessor, $crate::Error> {
            self.$inner.decoder(request)
        }
    };
}
pub(crate) use left_to;

pub(crate) fn unsupported(provider: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{provider} does not support {what}")).with_provider(provider)
}

/// What a provider can do with its current model. A missing figure is unknown, not zero.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each true or not")]
pub struct ProviderCapabilities {
    /// The most tokens of an answer.
    pub max_tokens: Option<u64>,
    /// The tokens that request and answer share.
    pub context_window: Option<u64>,
    /// Whether answers stream.
    pub streaming: bool,
    /// Whether tools can be offered.
    pub functions: bool,
    /// Whether images can be sent.
    pub vision: bool,
    /// Whether prompts are cached by the service.
    pub prompt_cache: bool,
    /// Whether embeddings can be had through this provider.
    pub embeddings: bool,
    /// The limits that apply, where they are known.
    pub rate_limits: Option<RateLimits>,
}

/// Limits of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Requests a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests at the same time.
    pub concurrent_requests: Option<u64>,
}

impl ProviderCapabilities {
    /// What the facts of a model say.
    pub fn of_model(model: &Model) -> Self {
        let positive = |n: f64| (n > 0.0).then_some(n as u64);
        Self {
            max_tokens: model.info().max_tokens().and_then(positive),
            context_window: model.info().context_window().and_then(positive),
            streaming: true,
            functions: true,
            vision: model.info().supports_images(),
            prompt_cache: model.info().supports_prompt_cache(),
            embeddings: false,
            rate_limits: None,
        }
    }
}

impl HealthStatus {
    /// What the answer to a request for models says.
    pub(crate) fn of_list(models: Result<Vec<Model>, Error>) -> Self {
        match models {
            Ok(models) if models.is_empty() => Self::Unknown,
            Ok(_) => Self::Healthy,
            Err(error) if error.kind() == ErrorKind::Unsupported => Self::Unknown,
            Err(error) => Self::Unhealthy(error),
        }
    }
}

/// The outcome of a health check.
#[derive(Debug)]
#[non_exhaustive]
pub enum HealthStatus {
    /// The service answered.
    Healthy,
    /// The service answered after a long wait.
    Degraded(Duration),
    /// The service failed.
    Unhealthy(Error),
    /// There is no cheap way to ask.
    Unknown,
}
