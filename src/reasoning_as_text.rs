//! The setting `reasoningAsText`.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::Error;
use crate::provider::{AiProvider, left_to};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::TokenStream;

/// A provider whose whole answers are their reasoning where they have no text; streams are as they were.
pub(crate) struct ReasoningAsText(pub(crate) Arc<dyn AiProvider>);

#[deny(clippy::missing_trait_methods)]
impl AiProvider for ReasoningAsText {
    left_to!(0);

    fn chat(&self, mut request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        request.reasoning_as_text = true;
        self.0.chat(request)
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
}
