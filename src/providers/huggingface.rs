//! Hugging Face Inference Providers, through their router.
//!
//! <https://huggingface.co/docs/inference-providers/tasks/chat-completion>
//!
//! Longer than most: the list is asked for with a browser's headers and has entries by provider.

use std::time::Duration;

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, facts};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::axios_get;
use crate::catalog::lists::ModelList;
use crate::catalog::schema::{absent_or, is_flag, is_number};
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::transport::Headers;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("huggingface", "Hugging Face", "Open models through Hugging Face's router")
        .at("https://router.huggingface.co/v1")
        .key("huggingFaceApiKey", "HF_TOKEN")
        .model("huggingFaceModelId")
        .documented("https://huggingface.co/docs/inference-providers/tasks/chat-completion"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "huggingface",
    name: "HuggingFace",
    endpoint: |settings, context| {
        let key = settings
            .non_empty("huggingFaceApiKey")
            .ok_or_else(|| Error::configuration("Hugging Face API key is required"))?;
        Ok(Endpoint::bearer("https://router.huggingface.co/v1", key, context))
    },
    model: |settings, list| {
        let id = settings.non_empty("huggingFaceModelId").unwrap_or("meta-llama/Llama-3.3-70B-Instruct");
        Model::new(id, list.and_then(|list| list.get(id)).unwrap_or_else(unlisted))
    },
    default_temperature: 0.7,
    chat: &[
        ("model", body::model),
        ("temperature", body::temperature),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("max_tokens", max_tokens),
    ],
    completion: &[("model", body::model), ("messages", body::prompt)],
    steps: &[steps::require_choices, steps::plain_text, steps::usage_at_once],
    wrap: Wrap { chat: true, completion: Prefix::Once },
    list: Some(Listing { fetch: list_models, needed: Needed::OnceIfPossible, key: ListKey::AsSet }),
    ..ROUTER
};

fn unlisted() -> ModelInfo {
    facts([
        ("maxTokens", Some(8192.into())),
        ("contextWindow", Some(131_072.into())),
        ("supportsImages", Some(false.into())),
        ("supportsPromptCache", Some(false.into())),
    ])
}

fn max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    let wanted = input.settings.is_truthy("includeMaxTokens");
    input.settings.get("modelMaxTokens").filter(|limit| wanted && limit.is_truthy()).cloned()
}

fn list_models<'a>(_: &'a ProviderSettings, context: &'a Context) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let url = "https://router.huggingface.co/v1/models?collection=roocode";
        let headers: Headers = BROWSER_HEADERS.iter().copied().collect();
        let answer = axios_get(context, url, &headers, Some(Duration::from_secs(10)))
            .await
            .map_err(|failure| failure.explained("HuggingFace", "", "Check your internet connection."))?;
        let entries = answer.get("data").and_then(Value::as_array);
        let is_named = answer.get("object").is_some_and(Value::is_string);
        let entries =
            entries.filter(|entries| is_named && entries.iter().all(is_model)).ok_or_else(|| {
                Error::invalid_response(
                    "Failed to fetch HuggingFace models: Invalid response format from HuggingFace API",
                )
            })?;
        let mut list = ModelList::new();
        for entry in entries {
            add_entries(entry, &mut list);
        }
        Ok(list)
    })
}

fn is_model(entry: &Value) -> bool {
    let is_provider = |provider: &Value| {
        let status = provider.get("status").and_then(Value::as_str);
        provider.get("provider").is_some_and(Value::is_string)
            && matches!(status, Some("live" | "staging" | "error"))
            && absent_or(provider.get("supports_tools"), is_flag)
            && absent_or(provider.get("supports_structured_output"), is_flag)
            && absent_or(provider.get("context_length"), is_number)
            && absent_or(provider.get("pricing"), |pricing| {
                ["input", "output"].into_iter().all(|side| pricing.get(side).is_some_and(is_number))
            })
    };
    entry.get("id").is_some_and(Value::is_string)
        && entry.get("object").and_then(Value::as_str) == Some("model")
        && entry.get("created").and_then(Value::as_f64).is_some()
        && entry.get("owned_by").is_some_and(Value::is_string)
        && entry.get("providers").and_then(Value::as_array).is_some_and(|list| list.iter().all(is_provider))
}

/// One entry for the model, with what its first provider knows, and one for each live provider.
fn add_entries(entry: &Value, list: &mut ModelList) {
    let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
    let providers = entry.get("providers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if providers.is_empty() {
        return;
    }
    let first_window = providers.iter().find_map(window);
    let first_pricing =
        providers.iter().find_map(|provider| provider.get("pricing").filter(|p| p.is_truthy()));
    list.insert(id, info(first_window, first_pricing, &format!("{id} via HuggingFace")));
    for provider in providers.iter().filter(|p| p.get("status").and_then(Value::as_str) == Some("live")) {
        let name = provider.get("provider").and_then(Value::as_str).unwrap_or_default();
        let pricing = provider.get("pricing").filter(|p| p.is_truthy()).or(first_pricing);
        list.insert(
            format!("{id}:{name}"),
            info(window(provider).or(first_window), pricing, &format!("{id} via {name}")),
        );
    }
}

fn window(provider: &Value) -> Option<f64> {
    provider.get("context_length").and_then(Value::as_f64).filter(|length| *length != 0.0)
}

fn info(window: Option<f64>, pricing: Option<&Value>, description: &str) -> ModelInfo {
    let window = window.unwrap_or(128_000.0);
    let price = |key: &str| pricing.and_then(|pricing| pricing.get(key)).cloned();
    facts([
        ("maxTokens", Some(window.min(2048.0).into())),
        ("contextWindow", Some(window.into())),
        ("supportsImages", Some(false.into())),
        ("supportsPromptCache", Some(false.into())),
        ("inputPrice", price("input")),
        ("outputPrice", price("output")),
        ("description", Some(description.into())),
    ])
}

const BROWSER_HEADERS: &[(&str, &str)] = &[
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-User", "?1"),
    ("Priority", "u=0, i"),
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache"),
];
