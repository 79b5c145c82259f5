//! samewire as an application uses it: a manager with limiter, breaker and retries, and `tracing` on.

use ::samewire::manager::{LimiterConfig, ManagerConfig, ProviderConfig, ProviderManager};
use ::samewire::{AiProvider, ChatRequest, CompletionRequest, Context, Message, ProviderSettings};
use futures_util::StreamExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::{PROMPT, Peer, Received, SYSTEM};

pub(crate) struct Samewire(ProviderManager);

impl Samewire {
    pub(crate) fn openai(url: &str) -> Self {
        Self::new(openai_settings(url))
    }

    pub(crate) fn anthropic(url: &str) -> Self {
        Self::new(
            ProviderSettings::new("anthropic")
                .with("anthropicBaseUrl", url)
                .with("apiKey", "k")
                .with("apiModelId", "claude-sonnet-4-5"),
        )
    }

    fn new(settings: ProviderSettings) -> Self {
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO);
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
        let limits = LimiterConfig {
            requests_per_minute: Some(100_000_000),
            tokens_per_minute: Some(2_000_000_000),
            concurrent_requests: Some(100_000),
            ..LimiterConfig::default()
        };
        let config = ManagerConfig::new().provider(ProviderConfig::new("service", settings).limits(limits));
        Self(ProviderManager::new(config, Context::system()).expect("the configuration is whole"))
    }
}

impl Peer for Samewire {
    async fn small(&self) -> usize {
        let reply = self.0.complete(completion()).await.expect("an answer");
        reply.text.len()
    }

    async fn stream(&self) -> Received {
        let mut tokens = self.0.chat_stream(chat()).await.expect("an answer");
        let mut received = Received::default();
        while let Some(token) = tokens.next().await {
            received.add(token.expect("a good token").text().unwrap_or_default());
        }
        received
    }
}

pub(super) fn openai_settings(url: &str) -> ProviderSettings {
    ProviderSettings::new("openai")
        .with("openAiBaseUrl", url)
        .with("openAiApiKey", "k")
        .with("openAiModelId", "gpt-4o")
}

pub(super) fn completion() -> CompletionRequest {
    CompletionRequest::new(PROMPT)
}

pub(super) fn chat() -> ChatRequest {
    ChatRequest::new(SYSTEM, [Message::user(PROMPT)])
}
