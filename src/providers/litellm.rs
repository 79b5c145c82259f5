//! LiteLLM's proxy.
//!
//! <https://docs.litellm.ai/docs/proxy/user_keys>
//!
//! Longer than most: models come from a list, and Gemini and Anthropic models behind the proxy get marks.

use std::time::Duration;

use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::{ROUTER, facts, list_headers, listed_model};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::{ListFailure, axios_get, key_of};
use crate::catalog::lists::ModelList;
use crate::context::Context;
use crate::error::Error;
use crate::json::javascript::{or_zero, to_number};
use crate::json::{Value, object};
use crate::model::ModelInfo;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::cache;
use crate::protocols::openai_chat::decode::ChatState;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::steps::Zeros;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("litellm", "LiteLLM", "A LiteLLM proxy of your own")
        .at("http://localhost:4000")
        .key("litellmApiKey", "LITELLM_API_KEY")
        .optional()
        .model("litellmModelId")
        .base_setting("litellmBaseUrl")
        .documented("https://docs.litellm.ai/docs/proxy/user_keys"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "litellm",
    name: "LiteLLM",
    endpoint: |settings, context| {
        let key = settings.non_empty("litellmApiKey").unwrap_or("dummy-key");
        Ok(Endpoint::bearer_and_custom(base_url(settings), key, settings, context))
    },
    model: |settings, list| listed_model("litellm", settings.text("litellmModelId"), list),
    chat: &[
        ("model", body::model),
        ("messages", messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("max_tokens", max_tokens),
        ("max_completion_tokens", max_completion_tokens),
        ("temperature", body::router_temperature),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("temperature", body::router_temperature),
        ("max_tokens", max_tokens),
        ("max_completion_tokens", max_completion_tokens),
    ],
    steps: &[steps::require_choices, steps::plain_text, steps::tool_calls, steps::keep_usage],
    end: &[usage],
    wrap: Wrap { chat: true, completion: Prefix::Plain },
    chat_prefix: Some("LiteLLM streaming error: "),
    stream_error: |error| {
        let message = format!("LiteLLM streaming error: {}", error.message());
        error.without_status_and_code().with_message(message)
    },
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::BeforeCalls { tries: 1 },
        key: ListKey::OrElseIfEmpty { setting: "litellmApiKey", placeholder: "dummy-key" },
    }),
    ..ROUTER
};

fn base_url(settings: &ProviderSettings) -> &str {
    settings.non_empty("litellmBaseUrl").unwrap_or("http://localhost:4000")
}

fn messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut messages = body::system_and_messages(input)?;
    let list = messages.as_array_mut()?;
    if is_gemini(&input.model.id) {
        list.iter_mut().for_each(sign_tool_calls);
    }
    if input.settings.is_truthy("litellmUsePromptCache") && input.model.info().supports_prompt_cache() {
        cache::mark_system(list);
        let users = list.iter_mut().rev().filter(|message| cache::is_user(message));
        users.take(2).for_each(cache::mark_last_part);
    }
    Some(messages)
}

/// Gemini behind the proxy refuses tool calls without a thought signature.
fn sign_tool_calls(message: &mut Value) {
    let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) else { return };
    for call in calls.iter_mut().filter_map(Value::as_object_mut) {
        // The words `skip_thought_signature_validator` in base64.
        let signature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";
        call.insert("provider_specific_fields", object! { "thought_signature": signature });
    }
}

fn is_gemini(id: &str) -> bool {
    let id = id.to_lowercase();
    ["gemini-3", "gemini-2.5", "gemini 3", "gemini 2.5"].iter().any(|name| id.contains(name))
}

/// GPT-5 takes its limit under another name.
fn max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    if is_gpt_5(&input.model.id) { None } else { limit(input) }
}

fn max_completion_tokens(input: &BodyInput<'_>) -> Option<Value> {
    if is_gpt_5(&input.model.id) { limit(input) } else { None }
}

fn limit(input: &BodyInput<'_>) -> Option<Value> {
    input.model.info().get("maxTokens").filter(|limit| !limit.is_null()).cloned()
}

/// `gpt5` or `gpt-5` at the start of a word and not followed by a digit.
fn is_gpt_5(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    id.match_indices("gpt").any(|(at, word)| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = &id[at + word.len()..];
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        !id[..at].ends_with(is_word)
            && rest.strip_prefix('5').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// Cache counts stand under the names of three vendors.
fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let cached = usage.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
    let first =
        |values: [Option<&Value>; 3]| or_zero(values.into_iter().flatten().find(|value| value.is_truthy()));
    let writes =
        first([usage.get("cache_creation_input_tokens"), usage.get("prompt_cache_miss_tokens"), None]);
    let reads = first([cached, usage.get("cache_read_input_tokens"), usage.get("prompt_cache_hit_tokens")]);
    tokens.push_back(steps::priced_usage(state, &usage, [writes, reads], Zeros::LeftOut));
}

fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let mut headers = HeaderBlock::default();
        headers.set("Content-Type", "application/json");
        headers.append(list_headers(Some(&context.identity), settings.non_empty("litellmApiKey")));
        let explain = |failure: ListFailure| {
            failure.explained(
                "LiteLLM",
                ". Check base URL and API key.",
                "Check LiteLLM server status and base URL.",
            )
        };
        let mut url = Url::parse(base_url(settings)).map_err(|_| explain(ListFailure::InvalidUrl))?;
        let path = url.path().trim_end_matches('/').to_owned() + "/v1/model/info";
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        url.set_path(&parts.join("/"));
        let answer = axios_get(context, url.as_str(), &headers.build()?, Some(Duration::from_secs(5)))
            .await
            .map_err(explain)?;
        let data = answer.get("data").and_then(Value::as_array).ok_or_else(|| {
            let prefix = "Failed to fetch LiteLLM models: ";
            Error::invalid_response(format!("{prefix}{prefix}Unexpected response format."))
        })?;
        if data.iter().any(Value::is_null) {
            return Err(Error::invalid_response("Failed to fetch LiteLLM models: a model is null"));
        }
        Ok(data.iter().filter_map(listed).collect())
    })
}

fn listed(entry: &Value) -> Option<(crate::Text, ModelInfo)> {
    let name = key_of(Some(entry.get("model_name").filter(|name| name.is_truthy())?));
    let info = entry.get("model_info").filter(|info| info.is_truthy())?;
    entry.get("litellm_params")?.get("model").filter(|model| model.is_truthy())?;
    let truthy = |key: &str| info.get(key).filter(|value| value.is_truthy()).cloned();
    let flag = |key: &str| Some(info.get(key).is_some_and(Value::is_truthy).into());
    let price = |key: &str| truthy(key).map(|price| (to_number(&price) * 1_000_000.0).into());
    let facts = facts([
        ("maxTokens", truthy("max_output_tokens").or_else(|| truthy("max_tokens")).or(Some(8192.into()))),
        ("contextWindow", truthy("max_input_tokens").or(Some(200_000.into()))),
        ("supportsImages", flag("supports_vision")),
        ("supportsPromptCache", flag("supports_prompt_caching")),
        ("inputPrice", price("input_cost_per_token")),
        ("outputPrice", price("output_cost_per_token")),
        ("cacheWritesPrice", price("cache_creation_input_token_cost")),
        ("cacheReadsPrice", price("cache_read_input_token_cost")),
        ("description", Some(format!("{name} via LiteLLM proxy").into())),
    ]);
    Some((name, facts))
}
