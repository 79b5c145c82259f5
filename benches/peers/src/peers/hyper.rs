//! hyper-util's client, events split by hand, serde_json on borrowed text: the least that one can write.

use ::hyper::Request;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::{Peer, Received, bare};

pub(crate) struct BareHyper {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl BareHyper {
    pub(crate) fn new(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url: format!("{url}/chat/completions") }
    }

    fn request(&self, stream: bool) -> Request<Full<Bytes>> {
        Request::post(&self.url)
            .header("content-type", "application/json")
            .header("authorization", "Bearer k")
            .body(Full::new(bare::request(stream).into()))
            .expect("a well-formed request")
    }
}

impl Peer for BareHyper {
    async fn small(&self) -> usize {
        let response = self.client.request(self.request(false)).await.expect("an answer");
        assert!(response.status().is_success());
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let reply: bare::Reply<'_> = serde_json::from_slice(&body).expect("JSON");
        reply.choices[0].message.content.as_deref().unwrap_or_default().len()
    }

    async fn stream(&self) -> Received {
        let response = self.client.request(self.request(true)).await.expect("an answer");
        assert!(response.status().is_success());
        let (mut body, mut received) = (response.into_body(), Received::default());
        let mut pending = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.expect("a whole body").into_data() else { continue };
            pending.extend_from_slice(&chunk);
            while let Some(end) = memchr::memmem::find(&pending, b"\n\n") {
                let event = std::str::from_utf8(&pending[..end]).expect("UTF-8");
                bare::read_event(event.strip_prefix("data: ").unwrap_or_default(), &mut received);
                pending.advance(end + 2);
            }
        }
        received
    }
}
