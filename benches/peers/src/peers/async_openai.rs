//! async-openai.

use ::async_openai::Client;
use ::async_openai::config::OpenAIConfig;
use ::async_openai::types::chat::{
    ChatCompletionRequestSystemMessageArgs, ChatCompletionRequestUserMessageArgs,
    CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;

use super::{PROMPT, Peer, Received, SYSTEM};

pub(crate) struct AsyncOpenAi(Client<OpenAIConfig>);

impl AsyncOpenAi {
    pub(crate) fn new(url: &str) -> Self {
        Self(Client::with_config(OpenAIConfig::new().with_api_key("k").with_api_base(url)))
    }
}

fn request() -> CreateChatCompletionRequest {
    let system = ChatCompletionRequestSystemMessageArgs::default().content(SYSTEM).build();
    let user = ChatCompletionRequestUserMessageArgs::default().content(PROMPT).build();
    CreateChatCompletionRequestArgs::default()
        .model("gpt-4o")
        .messages([system.expect("it is whole").into(), user.expect("it is whole").into()])
        .build()
        .expect("it is whole")
}

impl Peer for AsyncOpenAi {
    async fn small(&self) -> usize {
        let reply = self.0.chat().create(request()).await.expect("an answer");
        reply.choices[0].message.content.as_deref().unwrap_or_default().len()
    }

    async fn stream(&self) -> Received {
        let mut chunks = self.0.chat().create_stream(request()).await.expect("an answer");
        let mut received = Received::default();
        while let Some(chunk) = chunks.next().await {
            for choice in chunk.expect("a good chunk").choices {
                received.add(choice.delta.content.as_deref().unwrap_or_default());
            }
        }
        received
    }
}
