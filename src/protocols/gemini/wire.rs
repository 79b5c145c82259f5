//! A provider of the Gemini API as a value, and the engine that speaks for it.

use std::sync::Arc;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::body::BodyInput;
use super::decode::ContentDecoder;
use super::messages::Dialect;
use super::{completion, errors};
use crate::Error;
use crate::answer_format::FormatSupport;
use crate::auth::TokenSource;
use crate::context::{ClientIdentity, Context};
use crate::driver::{Call, Failure, WholeResponse, Wire};
use crate::json::{Object, Value};
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{HeaderValue, Headers, HttpRequest, RequestOptions, javascript};

/// The facts of one provider.
pub(crate) struct GeminiSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// The model that the settings name.
    pub(crate) model: fn(&ProviderSettings) -> Model,
    /// Where requests go and how they are authorised.
    pub(crate) endpoint: fn(&ProviderSettings, &Context) -> Endpoint,
}

/// Where requests go and how they are authorised.
pub(crate) struct Endpoint {
    /// The URL up to the model, as text: one that cannot be parsed fails each call.
    pub(crate) base: String,
    pub(crate) dialect: Dialect,
    pub(crate) authorization: Authorization,
}

/// How requests are authorised.
pub(crate) enum Authorization {
    /// `x-goog-api-key`.
    Key(String),
    /// A bearer token that is fetched first.
    Token(Arc<dyn TokenSource>),
}

/// The engine: one provider with its settings.
pub(crate) struct Gemini {
    spec: &'static GeminiSpec,
    settings: ProviderSettings,
    endpoint: Endpoint,
    model: Model,
    identity: Arc<ClientIdentity>,
}

impl Gemini {
    pub(crate) fn new(spec: &'static GeminiSpec, settings: &ProviderSettings, context: &Context) -> Self {
        Self {
            spec,
            settings: settings.clone(),
            endpoint: (spec.endpoint)(settings, context),
            model: (spec.model)(settings),
            identity: context.identity.clone(),
        }
    }

    fn input(&self) -> BodyInput<'_> {
        BodyInput { dialect: self.endpoint.dialect, settings: &self.settings, model: &self.model }
    }

    fn request(&self, method: &str, body: Object) -> Result<HttpRequest, Error> {
        let is_empty = body.get("contents").and_then(Value::as_array).is_none_or(Vec::is_empty);
        if is_empty {
            return Err(Error::new(crate::ErrorKind::Unsupported, "contents are required"));
        }
        let body = Bytes::from(Value::from(body).to_json());
        let url = self.url(method)?;
        let agent =
            format!("google-genai-sdk/1.29.1 gl-{}/{}", self.identity.runtime, self.identity.runtime_version);
        let mut own = Headers::new();
        own.append("User-Agent", agent.clone());
        own.append("x-goog-api-client", agent);
        own.append("Content-Type", "application/json");
        if let Authorization::Key(key) = &self.endpoint.authorization {
            if key.starts_with("auth_tokens/") {
                return Err(Error::configuration("Ephemeral tokens are only supported by the live API."));
            }
            own.append("x-goog-api-key", HeaderValue::secret(javascript::fetch_value(key)?));
        }
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&url, &own, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions::default(),
        })
    }

    fn url(&self, method: &str) -> Result<Url, Error> {
        let text = format!("{}/{}:{method}", self.endpoint.base, self.resource());
        let mut url = Url::parse(&text)
            .map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
        let streams = method.ends_with(SSE);
        if streams && !url.query_pairs().any(|(name, value)| name == "alt" && value == "sse") {
            // A base URL with a query swallows the path and what belongs behind it.
            let own = url.query_pairs().into_owned().filter(|(name, _)| name != "alt");
            let own: Vec<(String, String)> = own.collect();
            url.query_pairs_mut().clear().extend_pairs(own).append_pair("alt", "sse");
        }
        Ok(url)
    }

    /// The model as the service names it.
    fn resource(&self) -> String {
        let id = &self.model.id;
        match (self.endpoint.dialect, id.split_once('/')) {
            (Dialect::Developer, _) => format!("models/{id}"),
            (Dialect::Cloud, None) => format!("publishers/google/models/{id}"),
            (Dialect::Cloud, Some((publisher, model))) => {
                let model = model.split('/').next().unwrap_or_default();
                format!("publishers/{publisher}/models/{model}")
            }
        }
    }
}

impl Wire for Gemini {
    fn id(&self) -> &'static str {
        self.spec.id
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn format_support(&self) -> FormatSupport {
        FormatSupport::Schema
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        // The conversation is converted outside of what the handler wraps.
        let body = self.input().chat(request)?;
        self.request(STREAMED, body).map_err(|error| errors::wrapped(Call::Chat, error))
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        Box::new(ContentDecoder::new(self.model.clone(), self.input().uses_signatures(request)))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let body = self.input().completion(&request.prompt);
        self.request("generateContent", body).map_err(|error| errors::wrapped(Call::Completion, error))
    }

    fn encode_completion_stream(&self, request: &CompletionRequest) -> Option<Result<HttpRequest, Error>> {
        let body = self.input().completion(&request.prompt);
        Some(self.request(STREAMED, body).map_err(|error| errors::wrapped(Call::Completion, error)))
    }

    fn authenticate<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let Authorization::Token(source) = &self.endpoint.authorization else { return Ok(()) };
            let fetched = source.access(context).await;
            fetched.map(drop).map_err(|error| errors::wrapped(call, error))
        })
    }

    fn authorize(&self, request: &mut HttpRequest, call: Call) -> Result<(), Error> {
        let Authorization::Token(source) = &self.endpoint.authorization else { return Ok(()) };
        let Some(access) = source.known() else { return Ok(()) };
        let lines = access.headers().map_err(|error| errors::wrapped(call, error))?;
        request.headers.insert_behind("content-type", lines);
        Ok(())
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion::text(response).map_err(|error| errors::wrapped(Call::Completion, error))
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        errors::wrapped(call, errors::explain(failure))
    }
}

const SSE: &str = "?alt=sse";
const STREAMED: &str = "streamGenerateContent?alt=sse";
