//! A provider of Chat Completions as a value, and the engine that speaks for it.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::decode::{ChatDecoder, ChatState, EndStep, Step};
use super::errors::{self, SdkError};
use super::headers::{self, HeaderBlock};
use super::whole::{self, WholeDecoder};
use super::steps;
use crate::context::Context;
use crate::driver::{Call, Failure, WholeResponse, Wire};
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, RetryPolicy, javascript};
use crate::Error;

/// The facts of one provider.
pub(crate) struct ChatSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// The name in messages.
    pub(crate) name: &'static str,
    /// Where requests go and how they are authorised.
    pub(crate) endpoint: fn(&ProviderSettings, &Context) -> Result<Endpoint, Error>,
    /// The model that the settings name.
    pub(crate) model: fn(&ProviderSettings) -> Model,
    /// The temperature that neither settings nor model decide.
    pub(crate) default_temperature: f64,
    /// The body of a conversation.
    pub(crate) chat: &'static [BodyField],
    /// The body of a completion.
    pub(crate) completion: &'static [BodyField],
    /// How an answer of the conversation comes.
    pub(crate) answer: Answer,
    /// What is done with every event.
    pub(crate) steps: &'static [Step],
    /// What is done when the answer has ended.
    pub(crate) end: &'static [EndStep],
    /// Which errors get the handlers' prefix.
    pub(crate) wrap: Wrap,
    /// How the service's models are listed; `None` gives the built-in table.
    pub(crate) list: Option<ListModels>,
}

/// Asks a service for its models.
pub(crate) type ListModels =
    for<'a> fn(&'a ProviderSettings, &'a Context) -> BoxFuture<'a, Result<Vec<Model>, Error>>;

/// How the answer of a conversation comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As a stream of events.
    Streamed,
    /// Whole: `steps` and `end` are not used.
    Whole,
}

/// Which errors get the prefix `<name> completion error: `.
#[derive(Clone, Copy)]
pub(crate) struct Wrap {
    /// Those of a conversation that come before its stream.
    pub(crate) chat: bool,
    /// Those of a completion.
    pub(crate) completion: bool,
}

/// Where requests go and how they are authorised.
pub(crate) struct Endpoint {
    /// The URL of chat completions, as text: one that cannot be parsed fails each call.
    pub(crate) url: String,
    /// The header block, before fetch completes it.
    pub(crate) headers: HeaderBlock,
}

impl Endpoint {
    /// `<base>/chat/completions` with a bearer key and the application's headers.
    pub(crate) fn bearer(base: &str, key: &str, context: &Context) -> Self {
        let mut headers = HeaderBlock::sdk(context);
        headers.bearer(key);
        headers.application(&context.identity);
        headers.content_type();
        Self { url: join(base, "/chat/completions"), headers }
    }
}

/// Appends a path to a base URL; one slash at the base's end is dropped.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.strip_suffix('/').unwrap_or(base))
}

/// The engine: one provider with its settings.
pub(crate) struct OpenAiChat {
    spec: &'static ChatSpec,
    settings: ProviderSettings,
    endpoint: Endpoint,
    model: Model,
}

impl OpenAiChat {
    /// # Errors
    ///
    /// What the reference throws when it constructs the provider.
    pub(crate) fn new(
        spec: &'static ChatSpec,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Result<Self, Error> {
        Ok(Self {
            spec,
            settings: settings.clone(),
            endpoint: (spec.endpoint)(settings, context)?,
            model: (spec.model)(settings),
        })
    }

    fn encode(&self, fields: &[BodyField], request: &ChatRequest, prompt: &str) -> Result<HttpRequest, Error> {
        let url = Url::parse(&self.endpoint.url).map_err(|_| errors::invalid_url())?;
        let own = self.endpoint.headers.build()?;
        let input =
            BodyInput { spec: self.spec, settings: &self.settings, model: &self.model, request, prompt };
        let body = Bytes::from(body::build(fields, &input).to_json());
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&url, &own, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions {
                retry: RetryPolicy::Stainless { count_header: Some(headers::RETRY_COUNT) },
                client: ClientKind::Fetch,
                ..RequestOptions::default()
            },
        })
    }

    fn explain(&self, call: Call, error: SdkError) -> Error {
        let wrapped = match call {
            Call::Chat => self.spec.wrap.chat,
            Call::Completion => self.spec.wrap.completion,
        };
        if wrapped { error.wrapped(self.spec.name) } else { error.error }
    }
}

impl Wire for OpenAiChat {
    fn id(&self) -> &'static str {
        self.spec.id
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.encode(self.spec.chat, request, "").map_err(|error| self.explain(Call::Chat, error.into()))
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        if self.spec.answer == Answer::Whole {
            return Box::new(WholeDecoder::new(self.spec.name));
        }
        let state = ChatState::new(self.spec.name, self.model.clone(), request.track_tool_calls);
        Box::new(ChatDecoder::new(state, self.spec.steps, self.spec.end))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.encode(self.spec.completion, &ChatRequest::default(), &request.prompt)
            .map_err(|error| self.explain(Call::Completion, error.into()))
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        let decoded = whole::parse(response).and_then(|document| {
            steps::base_resp(self.spec.name, document.root())?;
            whole::completion_text(document.root())
        });
        decoded.map_err(|error| self.explain(Call::Completion, error.into()))
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        self.explain(call, SdkError::of(failure))
    }

    fn list_models<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Vec<Model>, Error>> {
        if let Some(list) = self.spec.list {
            return list(&self.settings, context);
        }
        Box::pin(async move {
            let table = crate::catalog::tables::table(self.spec.id);
            Ok(table.ids().filter_map(|id| Some(Model::new(id, table.get(id)?))).collect())
        })
    }
}
