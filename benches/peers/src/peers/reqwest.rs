//! reqwest with eventsource-stream and serde_json on borrowed text: what one writes without a library.

use ::reqwest::Client;
use eventsource_stream::Eventsource;
use futures_util::StreamExt;

use super::{Peer, Received, bare};

pub(crate) struct BareReqwest {
    client: Client,
    url: String,
}

impl BareReqwest {
    pub(crate) fn new(url: &str) -> Self {
        Self { client: Client::new(), url: format!("{url}/chat/completions") }
    }

    async fn post(&self, stream: bool) -> ::reqwest::Response {
        let request = self.client.post(&self.url).header("content-type", "application/json").bearer_auth("k");
        let response = request.body(bare::request(stream)).send().await.expect("an answer");
        response.error_for_status().expect("a good one")
    }
}

impl Peer for BareReqwest {
    async fn small(&self) -> usize {
        let body = self.post(false).await.bytes().await.expect("a body");
        let reply: bare::Reply<'_> = serde_json::from_slice(&body).expect("JSON");
        reply.choices[0].message.content.as_deref().unwrap_or_default().len()
    }

    async fn stream(&self) -> Received {
        let mut events = self.post(true).await.bytes_stream().eventsource();
        let mut received = Received::default();
        while let Some(event) = events.next().await {
            bare::read_event(&event.expect("a whole body").data, &mut received);
        }
        received
    }
}
