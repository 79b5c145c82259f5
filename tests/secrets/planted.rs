//! The keys that are planted, who gets them, and the search for them.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use samewire::transport::{Exchange, HttpRequest, HttpResponse, ReplayTransport, Transport, TransportError};
use samewire::{
    AiProvider, ChatRequest, Context, Error, Message, ProviderInfo, ProviderSettings, build_provider_in,
};
/// What is looked for; every planted secret holds it.
const MARK: &str = "pl4nted";
pub(crate) const KEY: &str = "sk-pl4nted-0123456789abcdef";

pub(crate) fn settings(info: &ProviderInfo) -> ProviderSettings {
    settings_with(info, KEY)
}

/// What a provider needs, with that key.
pub(crate) fn settings_with(info: &ProviderInfo, key: &str) -> ProviderSettings {
    // The id of an AWS key is no secret: the service quotes it.
    let keys = ["awsSecretKey", "awsSessionToken", "openAiApiKey", "apiKey"];
    let settings =
        keys.into_iter().fold(ProviderSettings::new(info.id), |settings, name| settings.with(name, key));
    let settings = settings
        .with("awsAccessKey", "AKIDEXAMPLE")
        .with("awsRegion", "us-east-1")
        .with(info.model_setting, "some-model");
    match info.key_setting {
        Some(name) => settings.with(name, key),
        None => settings,
    }
}

pub(crate) fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("hi")])
}

pub(crate) fn context(transport: Arc<dyn Transport>) -> Context {
    Context { home: None, cache_dir: None, environment: Arc::default(), ..Context::with_transport(transport) }
}

pub(crate) fn build(info: &ProviderInfo, transport: Arc<dyn Transport>) -> Option<Arc<dyn AiProvider>> {
    // Some want settings of their own (an endpoint, a folder of credentials) and send nothing without.
    build_provider_in(&settings(info), &context(transport)).ok()
}

/// Everything that an error can be made to tell.
pub(crate) fn told(error: &Error) -> String {
    let mut told = format!("{error} {error:?} {error:#?} {:?} {:?}", error.headers(), error.details());
    let _ =
        write!(told, "{:?} {:?} {:?} {:?}", error.body(), error.code(), error.vendor_type(), error.partial());
    if let Some(cause) = error.cause() {
        told += &self::told(cause);
    }
    told
}

pub(crate) fn assert_silent(who: &str, told: &str) {
    let at = told.find(MARK).map(|at| &told[at.saturating_sub(120)..told.len().min(at + 60)]);
    assert!(at.is_none(), "{who} tells a key: {at:?}");
}

/// Answers with that status and a body that quotes the URL, every header and the body of the request.
pub(crate) struct Echo {
    status: u16,
    pub(crate) requests: Mutex<Vec<HttpRequest>>,
}

impl Echo {
    pub(crate) fn new(status: u16) -> Arc<Self> {
        Arc::new(Self { status, requests: Mutex::default() })
    }
}

impl Transport for Echo {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let values = request.headers.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()));
        let quoted: Vec<_> = values.chain([String::from_utf8_lossy(&request.body)]).collect();
        let quoted = samewire::json::Value::from(format!("{} {}", request.url, quoted.join(" "))).to_json();
        let event = if self.status == 200 { "data: " } else { "" };
        let error = format!(
            "{event}{{\"type\":\"error\",\"message\":{quoted},\"error\":{{\"message\":{quoted},\"code\":{quoted}}}}}\n\n"
        );
        let exchange = Exchange::new(self.status)
            .header("content-type", if self.status == 200 { "text/event-stream" } else { "application/json" })
            .header("x-echo", quoted)
            .header("location", "https://elsewhere.example/v1")
            .body(error);
        self.requests.lock().unwrap().push(request.clone());
        Box::pin(async move { ReplayTransport::new([exchange]).send(request).await })
    }
}
