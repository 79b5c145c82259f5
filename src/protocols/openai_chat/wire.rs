//! A provider of Chat Completions as a value, and the engine that speaks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::body::{self, BodyField, BodyInput};
use super::completion;
use super::decode::{ChatDecoder, ChatState, EndStep, Step};
use super::errors::{self, SdkError};
use super::headers::HeaderBlock;
use super::whole::WholeDecoder;
use crate::answer_format::FormatSupport;
use crate::catalog::lists::ModelList;
use crate::context::Context;
use crate::driver::{Call, Failure, WholeResponse, Wire, nothing_to_do};
use crate::image::{GeneratedImage, ImageRequest};
use crate::json::Node;
use crate::lock::Shared;
use crate::model::Model;
use crate::provider::HealthStatus;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{
    CONTENT_LENGTH, ClientKind, HeaderValue, Headers, HttpRequest, RequestOptions, RetryPolicy, javascript,
};
use crate::{Error, ErrorKind};

/// The facts of one provider.
pub(crate) struct ChatSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// The name in messages.
    pub(crate) name: &'static str,
    /// The name in messages of completions, where it is another; else empty.
    pub(crate) completion_name: &'static str,
    /// Where requests go and how they are authorised.
    pub(crate) endpoint: fn(&ProviderSettings, &Context) -> Result<Endpoint, Error>,
    /// The model that the settings name, given the service's list as far as it is known.
    pub(crate) model: fn(&ProviderSettings, Option<&ModelList>) -> Model,
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
    /// Finds the text in the answer of a completion.
    pub(crate) completion_text: fn(&ChatSpec, Node<'_>) -> Result<CompletionResponse, Error>,
    /// Which errors get the handlers' prefix.
    pub(crate) wrap: Wrap,
    /// What stands before the SDK's message of an error before the stream, in place of the wrapper; the
    /// status is lost.
    pub(crate) chat_prefix: Option<&'static str>,
    /// The one message that every error becomes, with nothing else of the error kept.
    pub(crate) fixed_message: Option<&'static str>,
    /// Headers of a request behind the content type.
    pub(crate) request_headers: fn(Call, &BodyInput<'_>) -> Vec<(&'static str, String)>,
    /// What the decoder's state begins with.
    pub(crate) begin: fn(&mut ChatState, &BodyInput<'_>),
    /// What becomes of an error in the stream.
    pub(crate) stream_error: fn(Error) -> Error,
    /// How images are made, if they can be.
    pub(crate) images: Option<GenerateImage>,
    /// How the service's models are listed; `None` gives the built-in table.
    pub(crate) list: Option<Listing>,
    /// Asks for a sign of life where the list keeps problems to itself; else the list is asked for.
    pub(crate) health: Option<FetchList>,
    /// What must hold before a request is made.
    pub(crate) check: fn(&BodyInput<'_>) -> Result<(), Error>,
    /// Which failures are tried again.
    pub(crate) retry: RetryPolicy,
    /// The longest wait for the response head; `None` waits for ever.
    pub(crate) head_timeout: Option<Duration>,
    /// What to say when nobody listens, where there is more to say than that the connection failed.
    pub(crate) unreachable: Option<fn(&ProviderSettings) -> String>,
}

/// How a service's models are listed and what for.
#[derive(Clone, Copy)]
pub(crate) struct Listing {
    /// Asks the service.
    pub(crate) fetch: FetchList,
    /// When calls need the list.
    pub(crate) needed: Needed,
    /// What calls do with the key when they ask for the list.
    pub(crate) key: ListKey,
}

/// The key with which a call asks for the list; people ask with theirs.
#[derive(Clone, Copy)]
pub(crate) enum ListKey {
    /// As the settings have it.
    AsSet,
    /// The placeholder stands in for a missing one.
    OrElse { setting: &'static str, placeholder: &'static str },
    /// The same, and for an empty one too.
    OrElseIfEmpty { setting: &'static str, placeholder: &'static str },
    /// None.
    Dropped { setting: &'static str },
}

/// Asks a service for its models.
pub(crate) type FetchList =
    for<'a> fn(&'a ProviderSettings, &'a Context) -> BoxFuture<'a, Result<ModelList, Error>>;

/// Asks a service for an image.
pub(crate) type GenerateImage = for<'a> fn(
    &'a ProviderSettings,
    &'a Context,
    &'a ImageRequest,
) -> BoxFuture<'a, Result<GeneratedImage, Error>>;

/// When a call needs the service's model list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Never: the list is for people.
    Never,
    /// Before the first call; whatever goes wrong is ignored.
    OnceIfPossible,
    /// Before each call, through the cache; a conversation tries so often while it is empty.
    BeforeCalls { tries: u8 },
}

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
    pub(crate) completion: Prefix,
}

/// How often an error of a completion gets the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    Never,
    Once,
    /// Once, but not where the answer is read.
    OnceAroundRequest,
    /// The SDK's message behind the prefix; status and code are lost.
    Plain,
    /// The wrapper is wrapped again, which loses status and code.
    Twice,
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

    /// As [`bearer`](Self::bearer), with the user's `openAiHeaders` over the application's.
    pub(crate) fn bearer_and_custom(
        base: &str,
        key: &str,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Self {
        let mut headers = HeaderBlock::sdk(context);
        headers.bearer(key);
        headers.application_and_custom(&context.identity, settings);
        headers.content_type();
        Self { url: join(base, "/chat/completions"), headers }
    }
}

/// An endpoint, and what its requests share.
struct Place {
    endpoint: Endpoint,
    /// Made for the first request: what cannot be sent fails each call, not the construction.
    head: OnceLock<Head>,
}

/// What the requests of an endpoint share.
struct Head {
    url: Url,
    /// All lines in wire order, with a content length to be replaced.
    headers: Headers,
}

impl From<Endpoint> for Place {
    fn from(endpoint: Endpoint) -> Self {
        Self { endpoint, head: OnceLock::new() }
    }
}

impl Place {
    fn head(&self) -> Result<&Head, Error> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let mut url = Url::parse(&self.endpoint.url).map_err(|_| errors::invalid_url())?;
        url.set_fragment(None);
        let headers = javascript::fetch_headers(&url, &self.endpoint.headers.build()?, Some(b"")).for_many();
        Ok(self.head.get_or_init(|| Head { url, headers }))
    }

    /// The lines of one request, some of them its own.
    fn headers(&self, head: &Head, own: Vec<(&'static str, String)>) -> Result<Headers, Error> {
        if own.is_empty() {
            return Ok(head.headers.clone());
        }
        let mut headers = self.endpoint.headers.build()?;
        for (name, value) in own {
            headers.replace(name, HeaderValue::new(javascript::fetch_value(&value)?));
        }
        Ok(javascript::fetch_headers(&head.url, &headers, Some(b"")))
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
    /// Changes when the credentials do.
    place: RwLock<Place>,
    /// Changes when the service's list arrives.
    model: RwLock<Model>,
    listed: AtomicBool,
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
        let known = spec.list.and_then(|_| context.model_lists.known(spec.id, context));
        Ok(Self {
            spec,
            settings: settings.clone(),
            place: RwLock::new(Place::from((spec.endpoint)(settings, context)?)),
            model: RwLock::new((spec.model)(settings, known.as_deref())),
            listed: AtomicBool::new(false),
        })
    }

    fn current_model(&self) -> Model {
        self.model.reading().clone()
    }

    /// Sends the next requests elsewhere, or with another key.
    pub(crate) fn use_endpoint(&self, endpoint: Endpoint) {
        *self.place.writing() = endpoint.into();
    }

    fn use_list(&self, list: &ModelList) {
        self.use_model((self.spec.model)(&self.settings, Some(list)));
    }

    /// Knows more about the model from now on.
    pub(crate) fn use_model(&self, model: Model) {
        *self.model.writing() = model;
    }

    fn name_of(&self, call: Call) -> &'static str {
        match call {
            Call::Completion if !self.spec.completion_name.is_empty() => self.spec.completion_name,
            Call::Chat | Call::Completion => self.spec.name,
        }
    }

    fn encode(&self, call: Call, request: &ChatRequest, prompt: &str) -> Result<HttpRequest, Error> {
        let place = self.place.reading();
        let head = place.head()?;
        let fields = match call {
            Call::Chat => self.spec.chat,
            Call::Completion => self.spec.completion,
        };
        let model = self.current_model();
        let input = BodyInput { spec: self.spec, settings: &self.settings, model: &model, request, prompt };
        (self.spec.check)(&input)?;
        let mut headers = place.headers(head, (self.spec.request_headers)(call, &input))?;
        let mut body = body::build(fields, &input);
        if let (Some(format), Some(body)) = (&request.answer_format, body.as_object_mut()) {
            body.insert("response_format", format.for_chat_completions());
        }
        let body = Bytes::from(body.to_json());
        headers.set(CONTENT_LENGTH, body.len().to_string());
        Ok(HttpRequest {
            method: "POST",
            headers,
            url: head.url.as_str().to_owned(),
            body,
            options: RequestOptions {
                retry: self.spec.retry,
                client: ClientKind::Fetch,
                head_timeout: self.spec.head_timeout,
                ..RequestOptions::default()
            },
        })
    }

    fn explain(&self, call: Call, error: SdkError) -> Error {
        if let Some(message) = self.spec.fixed_message {
            return error.error.without_status_and_code().with_message(message);
        }
        if let (Call::Chat, Some(prefix)) = (call, self.spec.chat_prefix) {
            return error.prefixed(prefix);
        }
        let prefix = match call {
            Call::Chat if self.spec.wrap.chat => Prefix::Once,
            Call::Chat => Prefix::Never,
            Call::Completion => self.spec.wrap.completion,
        };
        let name = self.name_of(call);
        match prefix {
            Prefix::Never => error.error,
            Prefix::Once | Prefix::OnceAroundRequest => error.wrapped(name),
            Prefix::Plain => error.prefixed(&format!("{name} completion error: ")),
            Prefix::Twice => SdkError::from(error.wrapped(name).without_status_and_code()).wrapped(name),
        }
    }
}

impl Wire for OpenAiChat {
    fn id(&self) -> &'static str {
        self.spec.id
    }

    fn model(&self) -> Model {
        self.current_model()
    }

    fn prepare<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        let Some(Listing { fetch, needed, key }) = self.spec.list.filter(|list| list.needed != Needed::Never)
        else {
            return nothing_to_do();
        };
        Box::pin(async move {
            let mut settings = self.settings.clone();
            match key {
                ListKey::OrElse { setting, placeholder } if settings.text(setting).is_none() => {
                    settings = settings.with(setting, placeholder);
                }
                ListKey::OrElseIfEmpty { setting, placeholder } if settings.non_empty(setting).is_none() => {
                    settings = settings.with(setting, placeholder);
                }
                ListKey::Dropped { setting } => settings.set(setting, None),
                ListKey::OrElse { .. } | ListKey::OrElseIfEmpty { .. } | ListKey::AsSet => {}
            }
            let list = || context.model_lists.get(self.spec.id, context, fetch(&settings, context));
            match needed {
                Needed::Never => {}
                Needed::OnceIfPossible => {
                    if !self.listed.swap(true, Ordering::Relaxed)
                        && let Ok(list) = list().await
                    {
                        self.use_list(&list);
                    }
                }
                Needed::BeforeCalls { tries } => {
                    let tries = if call == Call::Chat { tries } else { 1 };
                    for _ in 0..tries {
                        let list = list().await?;
                        self.use_list(&list);
                        if !list.is_empty() {
                            break;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    fn format_support(&self) -> FormatSupport {
        FormatSupport::of_chat_completions(self.spec.id, &self.settings)
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.encode(Call::Chat, request, "").map_err(|error| self.explain(Call::Chat, error.into()))
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        if self.spec.answer == Answer::Whole {
            return Box::new(WholeDecoder::new(self.spec.name));
        }
        let model = self.current_model();
        let mut state = ChatState::new(self.spec.name, model.clone(), request.track_tool_calls);
        let input =
            BodyInput { spec: self.spec, settings: &self.settings, model: &model, request, prompt: "" };
        (self.spec.begin)(&mut state, &input);
        Box::new(ChatDecoder::new(state, self.spec.steps, self.spec.end, self.spec.stream_error))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.encode(Call::Completion, &ChatRequest::default(), &request.prompt)
            .map_err(|error| self.explain(Call::Completion, error.into()))
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        let document =
            completion::parse(response).map_err(|error| self.explain(Call::Completion, error.into()))?;
        let text = (self.spec.completion_text)(self.spec, document.root());
        let name = self.name_of(Call::Completion);
        text.map_err(|error| match self.spec.wrap.completion {
            _ if self.spec.fixed_message.is_some() => self.explain(Call::Completion, error.into()),
            Prefix::Never | Prefix::OnceAroundRequest => error,
            Prefix::Plain => SdkError::from(error).prefixed(&format!("{name} completion error: ")),
            Prefix::Once | Prefix::Twice => SdkError::from(error).wrapped(name),
        })
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        let error = self.explain(call, SdkError::of(failure));
        match self.spec.unreachable {
            Some(describe) if error.kind() == ErrorKind::Connection => {
                error.with_message(describe(&self.settings))
            }
            _ => error,
        }
    }

    fn generate_image<'a>(
        &'a self,
        context: &'a Context,
        request: &'a ImageRequest,
    ) -> Option<BoxFuture<'a, Result<GeneratedImage, Error>>> {
        self.spec.images.map(|generate| generate(&self.settings, context, request))
    }

    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, HealthStatus> {
        let Some(ask) = self.spec.health.or(self.spec.list.map(|listing| listing.fetch)) else {
            return Box::pin(async { HealthStatus::Unknown });
        };
        Box::pin(async move {
            HealthStatus::of_list(ask(&self.settings, context).await.map(|list| list.models()))
        })
    }

    fn list_models<'a>(&'a self, context: &'a Context) -> Option<BoxFuture<'a, Result<Vec<Model>, Error>>> {
        let listing = self.spec.list?;
        Some(Box::pin(async move { Ok((listing.fetch)(&self.settings, context).await?.models()) }))
    }
}
