//! A provider of Chat Completions as a value, and the engine that speaks for it.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::decode::{ChatDecoder, ChatState, EndStep, Step};
use super::errors::{self, SdkError};
use super::{headers, steps, whole};
use crate::context::Context;
use crate::driver::{Call, Failure, WholeResponse, Wire};
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, RetryPolicy};
use crate::{Error, ErrorKind};

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
    /// What is done with every event.
    pub(crate) steps: &'static [Step],
    /// What is done when the answer has ended.
    pub(crate) end: &'static [EndStep],
    /// Which errors get the handlers' prefix.
    pub(crate) wrap: Wrap,
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
    /// The URL of chat completions, not yet parsed.
    pub(crate) url: String,
    /// The SDK's headers, the key and the application's, before those of the request.
    pub(crate) headers: Headers,
    /// Headers that stand behind the content type.
    pub(crate) last_headers: Headers,
}

impl Endpoint {
    /// `<base>/chat/completions` with a bearer key and the application's headers.
    pub(crate) fn bearer(base: &str, key: &str, context: &Context) -> Result<Self, Error> {
        let mut block = headers::sdk(context);
        headers::bearer(&mut block, key)?;
        headers::application(&mut block, &context.identity);
        Ok(Self { url: join(base, "/chat/completions"), headers: block, last_headers: Headers::new() })
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
    /// A header or URL that cannot be sent fails each call, not the construction, as in the reference.
    endpoint: Result<(Url, Endpoint), CallError>,
    model: Model,
}

/// An error that every call reports.
struct CallError {
    kind: ErrorKind,
    message: String,
    code: Option<crate::json::Value>,
}

impl OpenAiChat {
    pub(crate) fn new(spec: &'static ChatSpec, settings: &ProviderSettings, context: &Context) -> Self {
        let endpoint = (spec.endpoint)(settings, context).and_then(|endpoint| {
            Ok((Url::parse(&endpoint.url).map_err(|_| errors::invalid_url())?, endpoint))
        });
        Self {
            spec,
            settings: settings.clone(),
            endpoint: endpoint.map_err(|error| CallError {
                kind: error.kind(),
                message: error.message().to_owned(),
                code: error.code().cloned(),
            }),
            model: (spec.model)(settings),
        }
    }

    fn encode(&self, fields: &[BodyField], request: &ChatRequest, prompt: &str) -> Result<HttpRequest, Error> {
        let (url, endpoint) = self.endpoint.as_ref().map_err(|problem| {
            let error = Error::new(problem.kind, problem.message.clone());
            problem.code.clone().map_or(error, |code| {
                Error::new(problem.kind, problem.message.clone()).with_code(code)
            })
        })?;
        let input =
            BodyInput { spec: self.spec, settings: &self.settings, model: &self.model, request, prompt };
        let body = Bytes::from(body::build(fields, &input).to_json());
        let mut own = endpoint.headers.clone();
        own.replace("content-type", "application/json");
        for (name, value) in endpoint.last_headers.iter() {
            own.replace(name, value.clone());
        }
        Ok(HttpRequest {
            method: "POST",
            url: url.to_string(),
            headers: headers::complete(url, &own, Some(&body)),
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

    fn list_models<'a>(&'a self, _: &'a Context) -> BoxFuture<'a, Result<Vec<Model>, Error>> {
        Box::pin(async move {
            let table = crate::catalog::tables::table(self.spec.id);
            Ok(table.ids().filter_map(|id| Some(Model::new(id, table.get(id)?))).collect())
        })
    }
}
