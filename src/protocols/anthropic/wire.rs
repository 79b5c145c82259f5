//! A provider of the Messages API as a value, and the engine that speaks for it.

use bytes::Bytes;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::decode::{Counting, MessageDecoder};
use super::errors;
use super::headers::{RETRY_COUNT, SdkHeaders};
use crate::context::{ClientIdentity, Context};
use crate::driver::{Call, Failure, WholeResponse, Wire};
use crate::json::{Document, Value};
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest, PromptFormat};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HeaderValue, HttpRequest, RequestOptions, RetryPolicy, javascript};
use crate::{Error, Text};

/// The facts of one provider.
pub(crate) struct MessagesSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// Where requests go and how they are authorised.
    pub(crate) endpoint: fn(&ProviderSettings, &Context) -> Result<Endpoint, Error>,
    /// The model that the settings name.
    pub(crate) model: fn(&ProviderSettings) -> Model,
    /// The `anthropic-beta` list of a conversation; empty for none.
    pub(crate) betas: fn(&ProviderSettings, &Model) -> String,
    /// The body of a conversation.
    pub(crate) chat: &'static [BodyField],
    /// The body of a completion.
    pub(crate) completion: &'static [BodyField],
    /// How token counts are reported.
    pub(crate) counting: Counting,
}

/// Where requests go and how they are authorised.
pub(crate) struct Endpoint {
    /// The URL of the Messages API, as text: one that cannot be parsed fails each call.
    pub(crate) url: String,
    /// `x-api-key` or `authorization` with its value; `None` fails each call.
    pub(crate) authorization: Option<(&'static str, String)>,
}

/// The engine: one provider with its settings.
pub(crate) struct Messages {
    spec: &'static MessagesSpec,
    settings: ProviderSettings,
    endpoint: Endpoint,
    model: Model,
    identity: std::sync::Arc<ClientIdentity>,
}

impl Messages {
    /// # Errors
    ///
    /// What the reference throws when it constructs the provider.
    pub(crate) fn new(
        spec: &'static MessagesSpec,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Result<Self, Error> {
        Ok(Self {
            spec,
            settings: settings.clone(),
            endpoint: (spec.endpoint)(settings, context)?,
            model: (spec.model)(settings),
            identity: context.identity.clone(),
        })
    }

    fn encode(&self, fields: &[BodyField], call: &CallInput<'_>) -> Result<HttpRequest, Error> {
        let input = BodyInput {
            settings: &self.settings,
            model: &self.model,
            request: call.request,
            prompt: call.prompt,
        };
        // The SDK indents its bodies.
        let body = Bytes::from(body::build(fields, &input)?.to_json_pretty());
        let Some((name, value)) = &self.endpoint.authorization else {
            return Err(Error::configuration(NO_AUTHENTICATION));
        };
        let url = Url::parse(&self.endpoint.url)
            .map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
        let authorization = [(*name, HeaderValue::secret(javascript::fetch_value(value)?))];
        let headers = SdkHeaders {
            user_agent: "Anthropic/JS 0.37.0",
            authorization: &authorization,
            version: Some(API_VERSION),
            betas: call.betas,
        };
        Ok(HttpRequest {
            method: "POST",
            headers: headers.build(&url, &self.identity, &body),
            url: url.into(),
            body,
            options: RequestOptions {
                retry: RetryPolicy::Stainless { count_header: Some(RETRY_COUNT) },
                client: ClientKind::NodeFetch,
                ..RequestOptions::default()
            },
        })
    }
}

struct CallInput<'a> {
    request: &'a ChatRequest,
    prompt: &'a str,
    betas: &'a str,
}

impl Wire for Messages {
    fn id(&self) -> &'static str {
        self.spec.id
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let betas = (self.spec.betas)(&self.settings, &self.model);
        self.encode(self.spec.chat, &CallInput { request, prompt: "", betas: &betas })
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        Box::new(MessageDecoder::new(self.model.clone(), self.spec.counting))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.completion(self.spec.completion, request)
    }

    fn encode_completion_stream(&self, request: &CompletionRequest) -> Option<Result<HttpRequest, Error>> {
        Some(self.completion(STREAMED_COMPLETION, request))
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion_text(response)
    }

    fn failure(&self, _: Call, failure: Failure) -> Error {
        errors::explain(failure)
    }
}

impl Messages {
    fn completion(&self, fields: &[BodyField], request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let (prompt, betas) = match request.format {
            PromptFormat::Plain => (request.prompt.clone(), ""),
            PromptFormat::HumanAssistant => {
                (format!("Human: {}\n\nAssistant:", request.prompt), "prompt-caching-2024-07-31")
            }
        };
        self.encode(fields, &CallInput { request: &ChatRequest::default(), prompt: &prompt, betas })
    }
}

/// The text of the first text block of a whole message; empty if there is none.
pub(crate) fn completion_text(response: &WholeResponse) -> Result<CompletionResponse, Error> {
    let text = response.text();
    let media_type = response.media_type();
    let mut document = Document::new();
    let source = if media_type.contains("application/json") || media_type.ends_with("+json") {
        Text::from(text)
    } else {
        Value::from(text).to_json().into()
    };
    let url = &response.url;
    let message = document.parse(source).map_err(|error| {
        Error::invalid_response(format!("invalid json response body at {url} reason: {error}"))
    })?;
    if !message.get("content").is_array() {
        return Err(Error::invalid_response("the response is malformed: the message has no content"));
    }
    let block = message.get("content").items().find(|block| block.get("type").str_eq("text"));
    Ok(block.and_then(|block| block.get("text").as_text()).unwrap_or_default().into())
}

/// <https://docs.anthropic.com/en/api/versioning>
const API_VERSION: &str = "2023-06-01";

/// The reference has no streamed completion; this is its completion with the switch turned.
const STREAMED_COMPLETION: &[BodyField] = &[
    ("model", body::model),
    ("max_tokens", body::default_max_tokens),
    ("temperature", body::temperature),
    ("messages", body::prompt),
    ("stream", body::stream),
];

const NO_AUTHENTICATION: &str = "Could not resolve authentication method. Expected either apiKey or authToken to be set. Or for one of the \"X-Api-Key\" or \"Authorization\" headers to be explicitly omitted";
