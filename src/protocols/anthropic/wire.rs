//! A provider of the Messages API as a value, and the engine that speaks for it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::completion;
use super::decode::{Counting, MessageDecoder};
use super::errors;
use super::headers::{RETRY_COUNT, SdkHeaders};
use super::hosting::Hosting;
use crate::Error;
use crate::answer_format::FormatSupport;
use crate::auth::TokenSource;
use crate::context::{ClientIdentity, Context};
use crate::driver::{Call, Failure, WholeResponse, Wire, nothing_to_do};
use crate::json::Value;
use crate::lock::Locked;
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest, PromptFormat};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{
    CONTENT_LENGTH, ClientKind, HeaderValue, Headers, HttpRequest, RequestOptions, RetryPolicy, javascript,
};

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
    /// What the maker's own service and those of others do differently.
    pub(crate) hosting: &'static Hosting,
}

/// Where requests go and how they are authorised.
pub(crate) struct Endpoint {
    /// The URL of the Messages API, as text: one that cannot be parsed fails each call.
    pub(crate) url: String,
    /// `x-api-key` or `authorization` with its value; `None` fails each call, unless tokens are fetched.
    pub(crate) authorization: Option<(&'static str, String)>,
}

/// The engine: one provider with its settings.
pub(crate) struct Messages {
    spec: &'static MessagesSpec,
    settings: ProviderSettings,
    endpoint: Endpoint,
    tokens: Option<Arc<dyn TokenSource>>,
    model: Model,
    identity: Arc<ClientIdentity>,
    /// Of the kinds of requests that were made: with or without a stream, and with which betas.
    heads: Mutex<Vec<Arc<Head>>>,
}

/// What requests of one kind share.
struct Head {
    streams: bool,
    betas: String,
    url: Url,
    /// All lines in wire order, with a content length to be replaced.
    headers: Headers,
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
            tokens: (spec.hosting.tokens)(settings),
            model: (spec.model)(settings),
            identity: context.identity.clone(),
            heads: Mutex::default(),
        })
    }

    fn encode(&self, fields: &[BodyField], call: &CallInput<'_>) -> Result<HttpRequest, Error> {
        let input = BodyInput { model: &self.model, request: call.request, prompt: call.prompt };
        let body = body::build(fields, &input)?;
        let streams = body.get("stream").and_then(Value::as_bool) == Some(true);
        if !streams && body.get("max_tokens").and_then(Value::as_f64).is_some_and(|max| max > LONGEST_WHOLE) {
            return Err(Error::configuration(TOO_LONG_FOR_WHOLE));
        }
        // The SDK indents its bodies.
        let body = Bytes::from(body.to_json_pretty());
        let head = self.head(streams, call.betas)?;
        let mut headers = head.headers.clone();
        headers.set(CONTENT_LENGTH, body.len().to_string());
        let hosting = self.spec.hosting;
        Ok(HttpRequest {
            method: "POST",
            headers,
            url: head.url.as_str().to_owned(),
            body,
            options: RequestOptions {
                retry: RetryPolicy::Stainless { count_header: hosting.counts_retries.then_some(RETRY_COUNT) },
                client: ClientKind::NodeFetch,
                ..RequestOptions::default()
            },
        })
    }

    fn head(&self, streams: bool, betas: &str) -> Result<Arc<Head>, Error> {
        let mut known = self.heads.locked();
        if let Some(head) = known.iter().find(|head| head.streams == streams && head.betas == betas) {
            return Ok(head.clone());
        }
        let hosting = self.spec.hosting;
        let authorization = match (&self.endpoint.authorization, &self.tokens) {
            (Some((name, value)), _) => {
                vec![(*name, HeaderValue::secret(javascript::fetch_value(value)?))]
            }
            (None, Some(_)) => Vec::new(),
            (None, None) => return Err(Error::configuration(NO_AUTHENTICATION)),
        };
        let url = Url::parse(&(hosting.url)(&self.endpoint.url, &self.model.id, streams))
            .map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
        let headers = SdkHeaders {
            user_agent: hosting.user_agent,
            authorization: &authorization,
            version: hosting.version,
            betas,
        };
        let headers = headers.build(&url, &self.identity).for_many();
        let head = Arc::new(Head { streams, betas: betas.to_owned(), url, headers });
        known.push(head.clone());
        Ok(head)
    }

    /// The handler's wrapper around everything that goes wrong with a call.
    fn wrapped(&self, call: Call, error: Error) -> Error {
        match (call, self.spec.hosting.completion_error) {
            (Call::Completion, Some(words)) => {
                let message = format!("{words}{}", error.message());
                error.with_message(message).without_status_and_code()
            }
            _ => error,
        }
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

    fn format_support(&self) -> FormatSupport {
        FormatSupport::of_forced_tool(&self.settings, &self.model)
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let betas = (self.spec.betas)(&self.settings, &self.model);
        self.encode(self.spec.chat, &CallInput { request, prompt: "", betas: &betas })
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        Box::new(MessageDecoder::new(self.model.clone(), self.spec.counting))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.completion(self.spec.completion, request).map_err(|error| self.wrapped(Call::Completion, error))
    }

    fn encode_completion_stream(&self, request: &CompletionRequest) -> Option<Result<HttpRequest, Error>> {
        let encoded = self.completion(self.spec.hosting.completion_stream, request);
        Some(encoded.map_err(|error| self.wrapped(Call::Completion, error)))
    }

    fn authenticate<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        let Some(tokens) = &self.tokens else { return nothing_to_do() };
        Box::pin(
            async move { tokens.access(context).await.map(drop).map_err(|error| self.wrapped(call, error)) },
        )
    }

    fn authorize(&self, request: &mut HttpRequest, call: Call) -> Result<(), Error> {
        let Some(access) = self.tokens.as_ref().and_then(|tokens| tokens.known()) else { return Ok(()) };
        let wrapped = |error| self.wrapped(call, error);
        (self.spec.hosting.place)(&mut request.url, access.project()).map_err(wrapped)?;
        request.headers.insert_behind("x-stainless-runtime-version", access.headers().map_err(wrapped)?);
        Ok(())
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion::text(response, self.spec.hosting.answer)
            .map_err(|error| self.wrapped(Call::Completion, error))
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        self.wrapped(call, errors::explain(failure))
    }
}

impl Messages {
    fn completion(&self, fields: &[BodyField], request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let (prompt, betas) = match request.format {
            PromptFormat::Plain => (Cow::Borrowed(request.prompt.as_str()), ""),
            PromptFormat::HumanAssistant => {
                (format!("Human: {}\n\nAssistant:", request.prompt).into(), "prompt-caching-2024-07-31")
            }
        };
        self.encode(fields, &CallInput { request: &ChatRequest::default(), prompt: &prompt, betas })
    }
}

/// The SDK takes an answer of more tokens than this for one of more than ten minutes.
const LONGEST_WHOLE: f64 = 600.0 * 128_000.0 / 3600.0;
const TOO_LONG_FOR_WHOLE: &str = "Streaming is strongly recommended for operations that may take longer than 10 minutes. See https://github.com/anthropics/anthropic-sdk-python#streaming-responses for more details";

const NO_AUTHENTICATION: &str = "Could not resolve authentication method. Expected either apiKey or authToken to be set. Or for one of the \"X-Api-Key\" or \"Authorization\" headers to be explicitly omitted";
