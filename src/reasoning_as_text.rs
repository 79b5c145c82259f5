//! The setting `reasoningAsText`.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::image::{GeneratedImage, ImageRequest};
use crate::json::Value;
use crate::provider::{AiProvider, HealthStatus, ProviderCapabilities};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::{StreamProcessor, TokenStream};
use crate::transport::HttpRequest;
use crate::{Error, Model};

/// A provider whose whole answers are their reasoning where they have no text; streams are as they were.
pub(crate) struct ReasoningAsText(pub(crate) Arc<dyn AiProvider>);

#[deny(clippy::missing_trait_methods)]
impl AiProvider for ReasoningAsText {
    fn chat(&self, mut request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        request.reasoning_as_text = true;
        self.0.chat(request)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn model(&self) -> Model {
        self.0.model()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.0.capabilities()
    }

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        self.0.chat_stream(request)
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        self.0.complete(request)
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        self.0.complete_stream(request)
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, Error>> {
        self.0.list_models()
    }

    fn count_tokens<'a>(&'a self, content: &'a [Value]) -> BoxFuture<'a, Result<u64, Error>> {
        self.0.count_tokens(content)
    }

    fn generate_image(&self, request: ImageRequest) -> BoxFuture<'_, Result<GeneratedImage, Error>> {
        self.0.generate_image(request)
    }

    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        self.0.health_check()
    }

    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.initialize()
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.shutdown()
    }

    fn encode(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.0.encode(request)
    }

    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        self.0.decoder(request)
    }
}
