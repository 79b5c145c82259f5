//! LM Studio, a local server.
//!
//! <https://lmstudio.ai/docs/app/api/endpoints/openai>
//!
//! Longer than most: usage is counted here, and every error becomes one fixed message.

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, data};
use super::kind::{Kind, Provider};
use super::plain;
use crate::catalog::fetch::{ListFailure, axios_get};
use crate::catalog::lists::ModelList;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::json::javascript::to_text;
use crate::model::{Model, ModelInfo};
use crate::protocols::blocks::{is, text_of};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{
    ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, join, steps,
};
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;
use crate::tokenizer;
use crate::transport::Headers;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("lmstudio", "LM Studio", "Local models in LM Studio")
        .at("http://localhost:1234")
        .model("lmStudioModelId")
        .base_setting("lmStudioBaseUrl")
        .started_by("`lms server start`")
        .documented("https://lmstudio.ai/docs/app/api/endpoints/openai"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "lmstudio",
    name: "LM Studio",
    endpoint: |settings, context| {
        let mut headers = HeaderBlock::sdk(context);
        headers.bearer("noop");
        headers.content_type();
        Ok(Endpoint { url: join(&format!("{}/v1", base_url(settings)), "/chat/completions"), headers })
    },
    model: |settings, list| {
        let id = settings.text("lmStudioModelId").unwrap_or_default();
        let info = list.and_then(|list| list.get(id));
        Model::new(id, info.unwrap_or_else(|| table("openai").default_info()))
    },
    chat: &[
        ("model", body::model),
        ("messages", body::system_and_messages),
        ("temperature", body::plain_temperature),
        ("stream", body::stream),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("draft_model", draft_model),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("temperature", body::plain_temperature),
        ("stream", body::no_stream),
        ("draft_model", draft_model),
    ],
    begin: |state, input| state.estimated_input = input_tokens(input.request),
    steps: &[
        steps::require_choices,
        remember_text,
        steps::text_with_think_tags,
        steps::tool_calls,
        steps::end_tracked_calls,
    ],
    end: &[steps::flush_think_tags, counted_usage],
    wrap: Wrap { chat: true, completion: Prefix::Once },
    fixed_message: Some(CHECK_LOGS),
    stream_error: |error| error.without_status_and_code().with_message(CHECK_LOGS),
    list: Some(Listing { fetch: list_models, needed: Needed::Never, key: ListKey::AsSet }),
    health: Some(sign_of_life),
    // A model may have to be loaded first.
    head_timeout: None,
    ..ROUTER
};

const CHECK_LOGS: &str = "Please check the LM Studio developer logs to debug what went wrong. You may need to load the model with a larger context length to work with Roo Code's prompts.";

fn base_url(settings: &ProviderSettings) -> &str {
    settings.non_empty("lmStudioBaseUrl").unwrap_or("http://localhost:1234")
}

fn draft_model(input: &BodyInput<'_>) -> Option<Value> {
    let wanted = input.settings.is_truthy("lmStudioSpeculativeDecodingEnabled");
    input.settings.non_empty("lmStudioDraftModelId").filter(|_| wanted).map(Value::from)
}

/// Tokens of the system prompt and of every text of the conversation; nothing else is counted.
fn input_tokens(request: &ChatRequest) -> u64 {
    let mut texts = vec![request.system_prompt.as_str()];
    for message in &request.messages {
        match message.content() {
            Some(Value::String(text)) => texts.push(text),
            Some(Value::Array(blocks)) => {
                texts.extend(blocks.iter().filter(|block| is(block, "text")).map(text_of));
            }
            _ => {}
        }
    }
    tokenizer::count_texts(texts)
}

fn remember_text(state: &mut ChatState, event: Event<'_>, _: &mut TokenQueue) -> Result<(), Error> {
    let content = event.delta.get("content");
    if let Some(text) = content.as_cow() {
        state.content.push_str(&text);
    } else if content.is_truthy() {
        state.content.push_str(&to_text(&content.to_value()));
    }
    Ok(())
}

/// The server's own usage is ignored.
fn counted_usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let output = tokenizer::count_texts([state.content.as_str()]);
    let token = usage_object(state.estimated_input.into(), output.into());
    tokens.push_back(StreamToken::from_object(token));
}

/// The ids of the loaded models; every problem gives an empty list.
fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let url = format!("{}/v1/models", base_url(settings));
        let answer = axios_get(context, &url, &Headers::new(), None).await.unwrap_or_default();
        Ok(ids(&answer))
    })
}

fn ids(answer: &Value) -> ModelList {
    let id = |entry: &Value| Some((entry.get("id")?.as_text()?.clone(), ModelInfo::default()));
    data(answer).iter().filter_map(id).collect()
}

fn sign_of_life<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let base = base_url(settings);
        match axios_get(context, &format!("{base}/v1/models"), &Headers::new(), None).await {
            Ok(answer) => Ok(ids(&answer)),
            Err(ListFailure::NoResponse) => {
                Err(Error::new(ErrorKind::Connection, PROVIDER.info.nothing_answers(&plain::shown(base))))
            }
            Err(failure) => Err(failure.into_axios_error()),
        }
    })
}
