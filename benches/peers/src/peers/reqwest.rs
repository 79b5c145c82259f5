//! reqwest with eventsource-stream and serde_json on borrowed text: what one writes without a library; and the same
//! with the bytes that samewire sends, which is the least that they cost over reqwest.

use std::sync::{Arc, Mutex};

use ::reqwest::{Client, Method, Request, Response, Url};
use ::samewire::Context;
use ::samewire::transport::{HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::{Peer, Received, bare, samewire};

pub(crate) struct BareReqwest {
    client: Client,
    url: String,
}

impl BareReqwest {
    pub(crate) fn new(url: &str) -> Self {
        Self { client: Client::new(), url: format!("{url}/chat/completions") }
    }

    async fn post(&self, stream: bool) -> Response {
        let request = self.client.post(&self.url).header("content-type", "application/json").bearer_auth("k");
        request.body(bare::request(stream)).send().await.expect("an answer")
    }
}

impl Peer for BareReqwest {
    async fn small(&self) -> usize {
        text_of(self.post(false).await).await
    }

    async fn stream(&self) -> Received {
        deltas_of(self.post(true).await).await
    }
}

/// Sends what samewire sends, made once: each request costs a copy of its lines and a share of its body.
pub(crate) struct SameRequest {
    client: Client,
    whole: Request,
    streamed: Request,
}

impl SameRequest {
    pub(crate) async fn new(url: &str) -> Self {
        let sent = Arc::new(Mutex::new(None));
        let context = Context::with_transport(Arc::new(Keep(sent.clone())));
        let provider = ::samewire::build_provider_in(&samewire::openai_settings(url), &context);
        let provider = provider.expect("the settings are whole");
        let taken = || in_reqwests_form(sent.lock().expect("nobody panics").take().expect("it was sent"));
        provider.complete(samewire::completion()).await.expect_err("there is no answer");
        let whole = taken();
        provider.chat_stream(samewire::chat()).await.err().expect("there is no answer");
        // As our transport has it: without a copy of each request for a second try.
        let client = Client::builder().retry(::reqwest::retry::never().max_retries_per_request(0)).build();
        Self { client: client.expect("it can be built"), whole, streamed: taken() }
    }

    async fn post(&self, request: &Request) -> Response {
        let request = request.try_clone().expect("its body is in memory");
        self.client.execute(request).await.expect("an answer")
    }
}

impl Peer for SameRequest {
    async fn small(&self) -> usize {
        text_of(self.post(&self.whole).await).await
    }

    async fn stream(&self) -> Received {
        deltas_of(self.post(&self.streamed).await).await
    }
}

async fn text_of(response: Response) -> usize {
    let body = response.error_for_status().expect("a good one").bytes().await.expect("a body");
    let reply: bare::Reply<'_> = serde_json::from_slice(&body).expect("JSON");
    reply.choices[0].message.content.as_deref().unwrap_or_default().len()
}

async fn deltas_of(response: Response) -> Received {
    let mut events = response.error_for_status().expect("a good one").bytes_stream().eventsource();
    let mut received = Received::default();
    while let Some(event) = events.next().await {
        bare::read_event(&event.expect("a whole body").data, &mut received);
    }
    received
}

/// Keeps the request instead of sending it.
struct Keep(Arc<Mutex<Option<HttpRequest>>>);

impl Transport for Keep {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        *self.0.lock().expect("nobody panics") = Some(request);
        let error = TransportError { kind: TransportErrorKind::Request, detail: "it is kept".to_owned() };
        Box::pin(async { Err(error) })
    }
}

fn in_reqwests_form(sent: HttpRequest) -> Request {
    let url: Url = sent.url.parse().expect("it is a URL");
    let mut request = Request::new(Method::POST, url);
    for (name, value) in sent.headers.iter() {
        let name: ::reqwest::header::HeaderName = name.parse().expect("it is a name");
        let value = ::reqwest::header::HeaderValue::from_bytes(value.as_bytes()).expect("it is a value");
        request.headers_mut().append(name, value);
    }
    *request.body_mut() = Some(sent.body.into());
    request
}
