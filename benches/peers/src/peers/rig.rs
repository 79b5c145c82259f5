//! rig-core.

use futures_util::StreamExt;
use rig_core::Model;
use rig_core::completion::CompletionRequest;
use rig_core::providers::openai::{OpenAIConfig, wire::Chat};
use rig_core::streaming::{Item, StreamEvent};

use super::{PROMPT, Peer, Received, SYSTEM};

pub(crate) struct Rig(Model<Chat>);

impl Rig {
    pub(crate) fn new(url: &str) -> Self {
        Self(OpenAIConfig::new("k").with_base_url(url).client().chat("gpt-4o"))
    }
}

fn request() -> CompletionRequest {
    CompletionRequest::new(PROMPT).preamble(SYSTEM.to_owned())
}

impl Peer for Rig {
    async fn small(&self) -> usize {
        self.0.call(request()).await.expect("an answer").text().len()
    }

    async fn stream(&self) -> Received {
        let mut items = self.0.stream(request()).expect("a request");
        let mut received = Received::default();
        while let Some(item) = items.next().await {
            if let Item::Event(StreamEvent::Text { text, .. }) = item.expect("a good item") {
                received.add(&text);
            }
        }
        received
    }
}
