//! OpenRouter.
//!
//! <https://openrouter.ai/docs/api-reference/chat-completion>
//!
//! A folder: the router has model and endpoint lists ([`models`]), and histories that its upstreams accept
//! only when they are put in order ([`history`]).

mod history;
mod models;

use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::future::join;
use tokio::sync::Mutex;

use super::compatible::{ROUTER, key_or_placeholder};
use super::kind::{Kind, Provider};
use super::reasoning_details;
use crate::answer_format::FormatSupport;
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::{Format, Parameters};
use crate::catalog::tables::table;
use crate::context::Context;
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire};
use crate::error::{Error, ErrorKind};
use crate::json::javascript::{or_zero, to_number};
use crate::json::{Node, Object, Value, object};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::{
    ChatSpec, Endpoint, ListKey, Listing, Needed, OpenAiChat, Prefix, Wrap, completion, steps,
};
use crate::protocols::tokens::usage_object;
use crate::provider::AiProvider;
use crate::registry::ProviderInfo;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::{Decode, TokenQueue};
use crate::token::StreamToken;
use crate::transport::HttpRequest;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("openrouter", "OpenRouter", "Hundreds of models of many makers behind one key")
        .at("https://openrouter.ai/api/v1")
        .key("openRouterApiKey", "OPENROUTER_API_KEY")
        .model("openRouterModelId")
        .base_setting("openRouterBaseUrl")
        .documented("https://openrouter.ai/docs/api-reference/chat-completion"),
    kind: Kind::Own(build),
};

static SPEC: ChatSpec = ChatSpec {
    id: "openrouter",
    name: "OpenRouter",
    endpoint: |settings, context| {
        let base = settings.non_empty("openRouterBaseUrl").unwrap_or("https://openrouter.ai/api/v1");
        Ok(Endpoint::bearer(base, key_or_placeholder(settings, "openRouterApiKey"), context))
    },
    model: |settings, list| model(settings, list, None),
    chat: &[
        ("model", body::model),
        ("max_tokens", max_tokens),
        ("temperature", body::parameter_temperature),
        ("top_p", |input| input.model.parameter("topP").cloned()),
        ("messages", history::messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("provider", only_provider),
        ("reasoning", reasoning),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
    ],
    completion: &[
        ("model", body::model),
        ("max_tokens", max_tokens),
        ("temperature", body::parameter_temperature),
        ("messages", body::prompt),
        ("stream", body::no_stream),
        ("provider", only_provider),
        ("reasoning", |input| input.model.parameter("reasoning").cloned()),
    ],
    request_headers: |_, input| {
        let is_anthropic = input.model.id.starts_with("anthropic/");
        let beta = ("x-anthropic-beta", "fine-grained-tool-streaming-2025-05-14".to_owned());
        is_anthropic.then_some(beta).into_iter().collect()
    },
    steps: &[
        null_error,
        steps::require_choices,
        details,
        plain_reasoning,
        steps::listed_tool_calls,
        steps::plain_text,
        steps::keep_usage,
    ],
    end: &[keep_details, usage],
    completion_text,
    wrap: Wrap { chat: true, completion: Prefix::OnceAroundRequest },
    list: Some(Listing { fetch: models::fetch, needed: Needed::Never, key: ListKey::AsSet }),
    ..ROUTER
};

fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let wire = OpenRouter {
        chat: OpenAiChat::new(&SPEC, settings, context)?,
        settings: settings.clone(),
        endpoints: Mutex::default(),
    };
    Ok(Arc::new(Driver::new(wire, context)))
}

struct OpenRouter {
    chat: OpenAiChat,
    settings: ProviderSettings,
    /// The endpoints of the model, once they are known; an empty list is asked for again.
    endpoints: Mutex<Option<Arc<Value>>>,
}

impl OpenRouter {
    /// The endpoints' answer, if the settings want one upstream and name the model.
    async fn endpoints(&self, context: &Context) -> Option<Arc<Value>> {
        let id = self.settings.non_empty("openRouterModelId")?;
        self.settings.non_empty("openRouterSpecificProvider")?;
        let mut known = self.endpoints.lock().await;
        if known.is_none() {
            *known = models::fetch_endpoints(id, context).await.map(Arc::new);
        }
        known.clone()
    }
}

impl Wire for OpenRouter {
    fn id(&self) -> &'static str {
        self.chat.id()
    }

    fn model(&self) -> Model {
        self.chat.model()
    }

    fn prepare<'a>(&'a self, context: &'a Context, _: Call) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let list = context.model_lists.get(SPEC.id, context, models::fetch(&self.settings, context));
            let (list, endpoints) = join(list, self.endpoints(context)).await;
            let list = list.unwrap_or_default();
            let endpoints = endpoints.map(|answer| models::endpoints(&answer, &list));
            self.chat.use_model(model(&self.settings, Some(&list), endpoints.as_ref()));
            Ok(())
        })
    }

    fn format_support(&self) -> FormatSupport {
        self.chat.format_support()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.chat.encode_chat(request)
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        self.chat.chat_decoder(request)
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.chat.encode_completion(request)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        self.chat.decode_completion(response)
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        self.chat.failure(call, failure)
    }

    fn list_models<'a>(&'a self, context: &'a Context) -> Option<BoxFuture<'a, Result<Vec<Model>, Error>>> {
        self.chat.list_models(context)
    }
}

// ---- the model ----

fn model(settings: &ProviderSettings, list: Option<&ModelList>, endpoints: Option<&ModelList>) -> Model {
    let id = settings.text("openRouterModelId").unwrap_or(table("openrouter").default_id);
    let upstream = settings.non_empty("openRouterSpecificProvider");
    let info = upstream
        .and_then(|upstream| endpoints?.get(upstream))
        .or_else(|| list.and_then(|list| list.get(id)))
        .unwrap_or_else(|| table("openrouter").default_info());
    let info: ModelInfo = if id.contains("openai") { models::with_patch_tools(info) } else { info };
    let is_r1 = history::is_r1(id);
    let derived = Parameters::derive(Format::OpenRouter, id, &info, settings, if is_r1 { 0.3 } else { 0.0 });
    let mut parameters = Object::new();
    parameters.insert_some("topP", is_r1.then_some(0.95));
    parameters.extend(derived.to_object());
    Model { parameters, ..Model::new(id, info) }
}

// ---- the body's own rules ----

fn max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    body::parameter_max_tokens(input).filter(|limit| limit.as_f64().is_some_and(|limit| limit > 0.0))
}

/// The one upstream that the settings allow.
fn only_provider(input: &BodyInput<'_>) -> Option<Value> {
    let upstream = input.settings.non_empty("openRouterSpecificProvider")?;
    let list = || vec![Value::from(upstream)];
    (upstream != "[default]")
        .then(|| object! { "order": list(), "only": list(), "allow_fallbacks": false }.into())
}

/// Gemini 2.5 Pro cannot stop reasoning, but it can be told not to show it.
fn reasoning(input: &BodyInput<'_>) -> Option<Value> {
    let hides = ["google/gemini-2.5-pro", "google/gemini-2.5-pro-preview"].contains(&input.model.id.as_str());
    let own = input.model.parameter("reasoning").cloned();
    own.or_else(|| hides.then(|| object! { "exclude": true }.into()))
}

// ---- the stream ----

/// An `error` of `null` passes the SDK and is caught by the handler.
fn null_error(_: &mut ChatState, event: Event<'_>, _: &mut TokenQueue) -> Result<(), Error> {
    if event.root.get("error").is_undefined() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InStream, "OpenRouter API Error undefined: Unknown error"))
}

fn details(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    for detail in event.delta.get("reasoning_details").items() {
        state.details_shown |= reasoning_details::show(detail, tokens);
        let detail = detail.to_value();
        reasoning_details::add(&mut state.details, reasoning_details::key(&detail), &detail);
    }
    Ok(())
}

/// The plainer field, unless details were shown.
fn plain_reasoning(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let reasoning = event.delta.get("reasoning").as_text().filter(|text| !text.is_empty());
    if !state.details_shown {
        tokens.extend(reasoning.map(StreamToken::Reasoning));
    }
    Ok(())
}

fn keep_details(state: &mut ChatState, _: &mut TokenQueue) {
    let details = reasoning_details::in_order(&state.details);
    state.summary.reasoning_details = details.map(|details| history::consolidate(&details).into());
}

fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let inner = |outer: &str, key: &str| usage.get(outer).and_then(|outer| outer.get(key));
    let mut token =
        usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    token.insert_some("cacheReadTokens", inner("prompt_tokens_details", "cached_tokens").cloned());
    token.insert_some("reasoningTokens", inner("completion_tokens_details", "reasoning_tokens").cloned());
    let cost = |value: Option<&Value>| to_number(&or_zero(value));
    let upstream = inner("cost_details", "upstream_inference_cost");
    token.insert("totalCost", cost(upstream) + cost(usage.get("cost")));
    tokens.push_back(StreamToken::from_object(token));
}

// ---- completions ----

/// The text, unless the answer is an error under a good status.
fn completion_text(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    if !root.is_object() && !root.is_array() {
        return Err(Error::invalid_response("the response is malformed: the body is no JSON object"));
    }
    let error = root.get("error");
    if error.is_undefined() {
        return completion::text_of_optional_message(spec, root);
    }
    let code = error.get("code").to_value();
    let code = if error.get("code").is_undefined() {
        "undefined".into()
    } else {
        reasoning_details::print(Some(&code))
    };
    let message = upstream_message(error.get("metadata").get("raw"))
        .or_else(|| error.get("message").as_text().filter(|text| !text.is_empty()).map(String::from));
    let message = message.unwrap_or_else(|| "Unknown error".into());
    Err(Error::new(ErrorKind::InStream, format!("OpenRouter API Error {code}: {message}")))
}

/// What an upstream said: the message inside its JSON, else its text.
fn upstream_message(raw: Node<'_>) -> Option<String> {
    let raw = raw.as_text().filter(|raw| !raw.is_empty())?;
    let parsed = Value::parse(&raw).unwrap_or_default();
    let text =
        |value: Option<&Value>| value.and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    text(parsed.get("message"))
        .or_else(|| text(parsed.get("error").and_then(|error| error.get("message"))))
        .or_else(|| text(parsed.get("error")))
        .or_else(|| Some(raw.to_string()))
}
