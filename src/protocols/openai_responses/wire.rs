//! A provider of the Responses API as a value, and the engine that speaks for it.

use bytes::Bytes;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::completion;
use super::decode::EventDecoder;
use super::errors;
use super::events::Memory;
use crate::answer_format::FormatSupport;
use crate::context::Context;
use crate::driver::{Call, Failure, Fallback, WholeResponse, Wire};
use crate::model::Model;
use crate::protocols::openai_chat::completion::parse;
use crate::protocols::openai_chat::errors::{SdkError, invalid_url};
use crate::protocols::openai_chat::headers::{HeaderBlock, RETRY_COUNT};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HeaderValue, HttpRequest, RequestOptions, RetryPolicy, javascript};
use crate::{Error, Text};

/// The facts of one provider.
pub(crate) struct ResponsesSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// The name in messages of completions.
    pub(crate) name: &'static str,
    /// Where requests go and how they are authorised.
    pub(crate) endpoint: fn(&ProviderSettings, &Context) -> Endpoint,
    /// The model that the settings name.
    pub(crate) model: fn(&ProviderSettings) -> Model,
    /// The service tier that the settings ask for.
    pub(crate) tier: fn(&ProviderSettings) -> Option<&str>,
    /// Whether the settings want summaries of the reasoning.
    pub(crate) summaries: fn(&ProviderSettings) -> bool,
    /// What the fallback says about a status.
    pub(crate) status_text: fn(u16) -> Option<&'static str>,
}

/// Where requests go and how they are authorised.
pub(crate) struct Endpoint {
    /// The URL of the SDK's requests, as text: one that cannot be parsed fails each call.
    pub(crate) url: String,
    /// The SDK's header block, `origin` included.
    pub(crate) headers: HeaderBlock,
    /// The URL of the fallback.
    pub(crate) fallback_url: String,
    /// The fallback's header block, without `origin`.
    pub(crate) fallback_headers: HeaderBlock,
    /// Who asks, and in which session.
    pub(crate) origin: [(&'static str, String); 3],
}

/// The header that says which conversation a request belongs to; where a conversation has no id, the session
/// stands in.
pub(crate) const SESSION_ID: &str = "session_id";

/// The engine: one provider with its settings.
pub(crate) struct Responses {
    spec: &'static ResponsesSpec,
    settings: ProviderSettings,
    endpoint: Endpoint,
    model: Model,
}

impl Responses {
    pub(crate) fn new(spec: &'static ResponsesSpec, settings: &ProviderSettings, context: &Context) -> Self {
        Self {
            spec,
            settings: settings.clone(),
            endpoint: (spec.endpoint)(settings, context),
            model: (spec.model)(settings),
        }
    }

    fn body(&self, fields: &[BodyField], request: &ChatRequest, prompt: &str) -> Bytes {
        let input = BodyInput {
            settings: &self.settings,
            model: &self.model,
            tier: (self.spec.tier)(&self.settings),
            summaries: (self.spec.summaries)(&self.settings),
            request,
            prompt,
        };
        body::build(fields, &input).to_json().into()
    }

    /// A request to a URL; the origin of a conversation stands last.
    fn request(
        url: &Url,
        headers: &HeaderBlock,
        origin: &[(&'static str, &str)],
        retry: RetryPolicy,
        body: Bytes,
    ) -> Result<HttpRequest, Error> {
        let mut url = url.clone();
        url.set_fragment(None);
        let mut own = headers.build()?;
        for (name, value) in origin {
            own.replace(*name, HeaderValue::new(javascript::fetch_value(value)?));
        }
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&url, &own, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions { retry, client: ClientKind::Fetch, ..RequestOptions::default() },
        })
    }

    fn origin<'a>(&'a self, request: &'a ChatRequest) -> [(&'static str, &'a str); 3] {
        let task = request.task_id.as_deref().filter(|id| !id.is_empty());
        let value = |name: &str, own: &'a str| if name == SESSION_ID { task.unwrap_or(own) } else { own };
        self.endpoint.origin.each_ref().map(|(name, own)| (*name, value(name, own)))
    }

    fn fallback_request(
        &self,
        request: &ChatRequest,
        first: Option<&HttpRequest>,
    ) -> Result<HttpRequest, Error> {
        let endpoint = &self.endpoint;
        let url = Url::parse(&endpoint.fallback_url).map_err(|_| {
            Error::configuration(format!("Failed to parse URL from {}", endpoint.fallback_url))
        })?;
        let body = first.map_or_else(|| self.body(body::CHAT, request, ""), |first| first.body.clone());
        let origin = self.origin(request);
        Self::request(&url, &endpoint.fallback_headers, &origin, RetryPolicy::Never, body)
    }

    fn completion_error(&self, error: SdkError) -> Error {
        error.prefixed(&format!("{} completion error: ", self.spec.name))
    }
}

impl Wire for Responses {
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
        let url = Url::parse(&self.endpoint.url).map_err(|_| invalid_url())?;
        let body = self.body(body::CHAT, request, "");
        Self::request(&url, &self.endpoint.headers, &self.origin(request), SDK_RETRIES, body)
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        let tier = (self.spec.tier)(&self.settings).map(Text::from);
        Box::new(EventDecoder::new(Memory::new(self.model.clone(), tier)))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let url = Url::parse(&self.endpoint.url).map_err(|_| self.completion_error(invalid_url().into()))?;
        let body = self.body(body::COMPLETION, &ChatRequest::default(), &request.prompt);
        Self::request(&url, &self.endpoint.headers, &[], SDK_RETRIES, body)
            .map_err(|error| self.completion_error(error.into()))
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        let document = parse(response).map_err(|error| self.completion_error(error.into()))?;
        completion::text(document.root()).map_err(|error| self.completion_error(error.into()))
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        let error = SdkError::of(failure);
        match call {
            Call::Chat => error.error,
            Call::Completion => self.completion_error(error),
        }
    }

    fn fallback(&self, request: &ChatRequest, first: Option<&HttpRequest>) -> Option<Box<Fallback>> {
        let status_text = self.spec.status_text;
        Some(Box::new(Fallback {
            request: self.fallback_request(request, first).map_err(errors::connecting),
            explain: Box::new(move |failure| errors::explain(failure, status_text)),
        }))
    }
}

const SDK_RETRIES: RetryPolicy = RetryPolicy::Stainless { count_header: Some(RETRY_COUNT) };
