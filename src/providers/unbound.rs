//! Unbound's gateway.
//!
//! <https://docs.getunbound.ai>
//!
//! Longer than most: models come from a list, and Anthropic's and Google's get cache marks.

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, facts, key_or_placeholder, list_headers, listed_model, with_parameters};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::{axios_get, leading_float, leading_integer};
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::Format;
use crate::context::Context;
use crate::error::Error;
use crate::json::{Object, Value, object};
use crate::model::ModelInfo;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::cache;
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("unbound", "Unbound", "A gateway for teams, to models of many makers")
        .at("https://api.getunbound.ai/v1")
        .key("unboundApiKey", "UNBOUND_API_KEY")
        .model("unboundModelId")
        .documented("https://docs.getunbound.ai"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "unbound",
    name: "Unbound",
    endpoint: |settings, context| {
        let key = key_or_placeholder(settings, "unboundApiKey");
        Ok(Endpoint::bearer_and_custom("https://api.getunbound.ai/v1", key, settings, context))
    },
    model: |settings, list| {
        let model = listed_model("unbound", settings.text("unboundModelId"), list);
        with_parameters(model, Format::OpenAi, settings, 0.0)
    },
    chat: &[
        ("model", model_of_vendor),
        ("max_tokens", anthropic_max_tokens),
        ("messages", messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("unbound_metadata", metadata),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("temperature", body::router_temperature),
    ],
    completion: &[
        ("model", model_of_vendor),
        ("messages", body::prompt),
        ("unbound_metadata", |_| Some(object! { "originApp": ORIGIN }.into())),
        ("temperature", body::router_temperature),
        ("max_tokens", anthropic_max_tokens),
    ],
    steps: &[steps::require_choices, steps::plain_text, steps::tool_calls, usage],
    wrap: Wrap { chat: false, completion: Prefix::Plain },
    request_headers: |_, _| {
        vec![("X-Unbound-Metadata", r#"{"labels":[{"key":"app","value":"roo-code"}]}"#.to_owned())]
    },
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::BeforeCalls { tries: 1 },
        key: ListKey::OrElse { setting: "unboundApiKey", placeholder: "not-provided" },
    }),
    ..ROUTER
};

const ORIGIN: &str = "roo-code";

/// What stands between the first and the second slash of the id.
fn model_of_vendor(input: &BodyInput<'_>) -> Option<Value> {
    input.model.id.split('/').nth(1).map(Value::from)
}

fn anthropic_max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    if input.model.id.starts_with("anthropic/") { body::table_max_tokens(input) } else { None }
}

fn messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut messages = body::system_and_messages(input)?;
    let list = messages.as_array_mut()?;
    if input.model.info().supports_prompt_cache() {
        if input.model.id.starts_with("anthropic/") {
            cache::mark_system(list);
            cache::spread_users(list);
            cache::mark_last_two_users(list);
        } else if input.model.id.starts_with("google/") {
            cache::mark_system(list);
            cache::spread_users(list);
            cache::mark_every_tenth_user(list);
        }
    }
    Some(messages)
}

fn metadata(input: &BodyInput<'_>) -> Option<Value> {
    let mut metadata = object! { "originApp": ORIGIN };
    metadata.insert_some("taskId", input.request.task_id.clone());
    metadata.insert_some("mode", input.request.metadata.get("mode").cloned());
    Some(metadata.into())
}

fn usage(_: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if usage.is_truthy() {
        tokens.push_back(StreamToken::from_object(steps::plain_usage(&usage.to_value())));
    }
    Ok(())
}

fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let headers = list_headers(None, settings.non_empty("unboundApiKey"));
        let answer = axios_get(context, "https://api.getunbound.ai/models", &headers.build()?, None)
            .await
            .map_err(|failure| {
                let error = failure.into_axios_error();
                let message = format!("Failed to fetch Unbound models: {}", error.message());
                error.without_status_and_code().with_message(message)
            })?;
        let empty = Object::new();
        let entries = answer.as_object().unwrap_or(&empty);
        Ok(entries.iter().map(|(id, entry)| (id.clone(), info(id, entry))).collect())
    })
}

fn info(id: &str, entry: &Value) -> ModelInfo {
    let set = |key: &str| entry.get(key).filter(|value| value.is_truthy());
    let whole = |key: &str| set(key).map(|value| leading_integer(value).unwrap_or(f64::NAN));
    let price = |key: &str| set(key).map(|price| leading_float(price).unwrap_or(f64::NAN).into());
    let flag = |key: &str| {
        let flag = entry.get(key).filter(|flag| !flag.is_null());
        Some(flag.cloned().unwrap_or(false.into()))
    };
    let mut limit = whole("maxTokens");
    if id.starts_with("anthropic/") && limit != Some(4096.0) {
        limit = Some(8192.0);
    }
    facts([
        ("maxTokens", limit.map(Value::from)),
        ("contextWindow", Some(whole("contextWindow").unwrap_or(0.0).into())),
        ("supportsImages", flag("supportsImages")),
        ("supportsPromptCache", flag("supportsPromptCaching")),
        ("inputPrice", price("inputTokenPrice")),
        ("outputPrice", price("outputTokenPrice")),
        ("description", entry.get("description").cloned()),
        ("cacheWritesPrice", price("cacheWritePrice")),
        ("cacheReadsPrice", price("cacheReadPrice")),
    ])
}
