//! Vercel's AI Gateway.
//!
//! <https://vercel.com/docs/ai-gateway/openai-compat>
//!
//! Longer than most: models come from a list, and marks sit on messages.

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, data, facts, key_or_placeholder, listed_model};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::{axios_get, key_of, price_per_million};
use crate::catalog::lists::ModelList;
use crate::context::Context;
use crate::error::Error;
use crate::json::javascript::or_zero;
use crate::json::{Value, object};
use crate::model::ModelInfo;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::cache;
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;
use crate::transport::Headers;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("vercel-ai-gateway", "Vercel AI Gateway", "Models of many makers behind one key")
        .at("https://ai-gateway.vercel.sh/v1")
        .key("vercelAiGatewayApiKey", "AI_GATEWAY_API_KEY")
        .model("vercelAiGatewayModelId")
        .also_called(&["vercel"])
        .documented("https://vercel.com/docs/ai-gateway/openai-compat"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "vercel-ai-gateway",
    name: "Vercel AI Gateway",
    endpoint: |settings, context| {
        let key = key_or_placeholder(settings, "vercelAiGatewayApiKey");
        Ok(Endpoint::bearer_and_custom(BASE_URL, key, settings, context))
    },
    model: |settings, list| listed_model("vercel-ai-gateway", settings.text("vercelAiGatewayModelId"), list),
    default_temperature: 0.7,
    chat: &[
        ("model", body::model),
        ("messages", messages),
        ("temperature", body::router_temperature),
        ("max_completion_tokens", body::table_max_tokens),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("stream", body::no_stream),
        ("temperature", body::router_temperature),
        ("max_completion_tokens", body::table_max_tokens),
    ],
    steps: &[steps::require_choices, steps::plain_text, steps::tool_calls, usage],
    wrap: Wrap { chat: false, completion: Prefix::Plain },
    list: Some(Listing { fetch: list_models, needed: Needed::BeforeCalls { tries: 1 }, key: ListKey::AsSet }),
    ..ROUTER
};

const BASE_URL: &str = "https://ai-gateway.vercel.sh/v1";

/// The system message is marked as a whole, empty texts are never marked.
fn messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut messages = body::system_and_messages(input)?;
    let list = messages.as_array_mut()?;
    if CACHED.contains(&input.model.id.as_str()) && input.model.info().supports_prompt_cache() {
        if let Some(system) = list.first_mut().and_then(Value::as_object_mut) {
            system.insert("cache_control", object! { "type": "ephemeral" });
        }
        let users = list.iter_mut().rev().filter(|message| cache::is_user(message));
        users.take(2).for_each(cache::mark_filled_text);
    }
    Some(messages)
}

fn usage(_: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if usage.is_truthy() {
        let usage = usage.to_value();
        let cached = usage.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
        let truthy = |value: Option<&Value>| value.filter(|value| value.is_truthy()).cloned();
        let mut token =
            usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
        token.insert_some("cacheWriteTokens", truthy(usage.get("cache_creation_input_tokens")));
        token.insert_some("cacheReadTokens", truthy(cached));
        let cost = usage.get("cost").filter(|cost| !cost.is_null()).cloned();
        token.insert("totalCost", cost.unwrap_or(Value::Number(0.0)));
        tokens.push_back(StreamToken::from_object(token));
    }
    Ok(())
}

/// Language models only; failures give an empty list.
fn list_models<'a>(_: &'a ProviderSettings, context: &'a Context) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let answer = axios_get(context, &format!("{BASE_URL}/models"), &Headers::new(), None).await;
        let answer = answer.unwrap_or_default();
        let language = data(&answer)
            .iter()
            .filter(|entry| entry.get("type").and_then(Value::as_str) == Some("language"));
        Ok(language.map(|entry| (key_of(entry.get("id")), info(entry))).collect())
    })
}

fn info(entry: &Value) -> ModelInfo {
    let pricing = |key: &str| entry.get("pricing").and_then(|p| p.get(key)).filter(|p| p.is_truthy());
    let price = |key: &str| price_per_million(pricing(key));
    let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
    let caches = pricing("input_cache_read").is_some() && pricing("input_cache_write").is_some();
    facts([
        ("maxTokens", entry.get("max_tokens").cloned()),
        ("contextWindow", entry.get("context_window").cloned()),
        ("supportsImages", Some((VISION.contains(&id) || VISION_AND_TOOLS.contains(&id)).into())),
        ("supportsPromptCache", Some(caches.into())),
        ("inputPrice", price("input")),
        ("outputPrice", price("output")),
        ("cacheWritesPrice", price("input_cache_write")),
        ("cacheReadsPrice", price("input_cache_read")),
        ("description", entry.get("description").cloned()),
    ])
}

/// Models whose prompts the gateway caches.
const CACHED: &[&str] = &[
    "anthropic/claude-3-haiku",
    "anthropic/claude-3-opus",
    "anthropic/claude-3.5-haiku",
    "anthropic/claude-3.5-sonnet",
    "anthropic/claude-3.7-sonnet",
    "anthropic/claude-opus-4",
    "anthropic/claude-opus-4.1",
    "anthropic/claude-sonnet-4",
    "openai/gpt-4.1",
    "openai/gpt-4.1-mini",
    "openai/gpt-4.1-nano",
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "openai/gpt-5",
    "openai/gpt-5-mini",
    "openai/gpt-5-nano",
    "openai/o1",
    "openai/o3",
    "openai/o3-mini",
    "openai/o4-mini",
];

/// Models that see but take no tools.
const VISION: &[&str] = &[
    "alibaba/qwen-3-14b",
    "alibaba/qwen-3-235b",
    "alibaba/qwen-3-30b",
    "alibaba/qwen-3-32b",
    "alibaba/qwen3-coder",
    "amazon/nova-pro",
    "anthropic/claude-3.5-haiku",
    "google/gemini-1.5-flash-8b",
    "google/gemini-2.0-flash-thinking",
    "google/gemma-3-27b",
    "mistral/devstral-small",
    "xai/grok-vision-beta",
];

/// Models that see and take tools.
const VISION_AND_TOOLS: &[&str] = &[
    "amazon/nova-lite",
    "anthropic/claude-3-haiku",
    "anthropic/claude-3-opus",
    "anthropic/claude-3-sonnet",
    "anthropic/claude-3.5-sonnet",
    "anthropic/claude-3.7-sonnet",
    "anthropic/claude-opus-4",
    "anthropic/claude-opus-4.1",
    "anthropic/claude-sonnet-4",
    "google/gemini-1.5-flash",
    "google/gemini-1.5-pro",
    "google/gemini-2.0-flash",
    "google/gemini-2.0-flash-lite",
    "google/gemini-2.0-pro",
    "google/gemini-2.5-flash",
    "google/gemini-2.5-flash-lite",
    "google/gemini-2.5-pro",
    "google/gemini-exp",
    "meta/llama-3.2-11b",
    "meta/llama-3.2-90b",
    "meta/llama-3.3",
    "meta/llama-4-maverick",
    "meta/llama-4-scout",
    "mistral/pixtral-12b",
    "mistral/pixtral-large",
    "moonshotai/kimi-k2",
    "openai/gpt-4-turbo",
    "openai/gpt-4.1",
    "openai/gpt-4.1-mini",
    "openai/gpt-4.1-nano",
    "openai/gpt-4.5-preview",
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "openai/gpt-oss-120b",
    "openai/gpt-oss-20b",
    "openai/o3",
    "openai/o3-pro",
    "openai/o4-mini",
    "vercel/v0-1.0-md",
    "xai/grok-2-vision",
    "zai/glm-4.5v",
];
