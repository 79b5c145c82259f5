//! genai, in OpenAI's form and in Anthropic's.

use ::genai::adapter::AdapterKind;
use ::genai::chat::{ChatMessage, ChatRequest, ChatStreamEvent};
use ::genai::resolver::{AuthData, Endpoint, Error, ServiceTargetResolver};
use ::genai::{Client, ModelIden, ServiceTarget};
use futures_util::StreamExt;

use super::{PROMPT, Peer, Received, SYSTEM};

pub(crate) struct Genai(Client);

impl Genai {
    pub(crate) fn openai(url: &str) -> Self {
        Self::new(url, AdapterKind::OpenAI)
    }

    pub(crate) fn anthropic(url: &str) -> Self {
        Self::new(url, AdapterKind::Anthropic)
    }

    fn new(url: &str, kind: AdapterKind) -> Self {
        let url = format!("{url}/");
        let resolver = ServiceTargetResolver::from_resolver_fn(
            move |target: ServiceTarget| -> Result<ServiceTarget, Error> {
                Ok(ServiceTarget {
                    endpoint: Endpoint::from_owned(url.clone()),
                    auth: AuthData::from_single("k"),
                    model: ModelIden::new(kind, target.model.model_name),
                })
            },
        );
        Self(Client::builder().with_service_target_resolver(resolver).build().expect("a client"))
    }
}

fn request() -> ChatRequest {
    ChatRequest::new(vec![ChatMessage::system(SYSTEM), ChatMessage::user(PROMPT)])
}

impl Peer for Genai {
    async fn small(&self) -> usize {
        let reply = self.0.exec_chat("a-model", request(), None).await.expect("an answer");
        reply.first_text().unwrap_or_default().len()
    }

    async fn stream(&self) -> Received {
        let reply = self.0.exec_chat_stream("a-model", request(), None).await.expect("an answer");
        let (mut events, mut received) = (reply.stream, Received::default());
        while let Some(event) = events.next().await {
            if let ChatStreamEvent::Chunk(chunk) = event.expect("a good event") {
                received.add(&chunk.content);
            }
        }
        received
    }
}
