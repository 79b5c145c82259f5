//! OpenRouter's model and endpoint lists.
//!
//! <https://openrouter.ai/docs/api-reference/list-available-models>

use futures_core::future::BoxFuture;

use crate::catalog::fetch::{axios_get, price_per_million};
use crate::catalog::lists::ModelList;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::json::javascript::to_number;
use crate::model::ModelInfo;
use crate::providers::compatible::{data, facts};
use crate::settings::ProviderSettings;
use crate::transport::Headers;

pub(super) use crate::providers::requesty::with_patch_tools;

/// Always this host, without a key, whatever the settings say.
const LIST_URL: &str = "https://openrouter.ai/api/v1/models";

/// Asks for the models; failures give an empty list.
pub(super) fn fetch<'a>(
    _: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let answer = axios_get(context, LIST_URL, &Headers::new(), None).await.unwrap_or_default();
        let listed = data(&answer).iter().filter_map(|entry| {
            let id = entry.get("id")?.as_text()?;
            let limit = entry.get("top_provider").and_then(|top| top.get("max_completion_tokens"));
            let parameters = match entry.get("supported_parameters") {
                Some(Value::Array(supported)) => Parameters::Listed(supported),
                Some(nothing) if !nothing.is_truthy() => Parameters::Inherited(None),
                _ => Parameters::Listed(&[]),
            };
            let info = info(id, entry, entry.get("architecture"), limit, &parameters)?;
            Some((id.clone(), info))
        });
        Ok(listed.collect())
    })
}

/// Asks for the endpoints of a model; `None` when there is no usable answer.
pub(super) async fn fetch_endpoints(id: &str, context: &Context) -> Option<Value> {
    let url = format!("{LIST_URL}/{id}/endpoints");
    let answer = axios_get(context, &url, &Headers::new(), None).await.ok()?;
    let any = !endpoints(&answer, &ModelList::new()).is_empty();
    any.then_some(answer)
}

/// The facts of each endpoint by its tag, else by its upstream's name; the model's abilities carry over.
pub(super) fn endpoints(answer: &Value, models: &ModelList) -> ModelList {
    let Some(data) = answer.get("data") else { return ModelList::new() };
    let id = data.get("id").and_then(Value::as_str).unwrap_or_default();
    let parent = models.get(id);
    let list = data.get("endpoints").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let entries = list.iter().filter_map(|endpoint| {
        let name =
            endpoint.get("tag").filter(|tag| tag.is_truthy()).or_else(|| endpoint.get("provider_name"))?;
        let parameters = Parameters::Inherited(parent.as_ref());
        let limit = endpoint.get("max_completion_tokens");
        Some((name.as_text()?.clone(), info(id, endpoint, data.get("architecture"), limit, &parameters)?))
    });
    entries.collect()
}

/// Where the supported parameters come from.
enum Parameters<'a> {
    Listed(&'a [Value]),
    Inherited(Option<&'a ModelInfo>),
}

/// Facts of a list entry; `None` for models that make images.
fn info(
    id: &str,
    entry: &Value,
    architecture: Option<&Value>,
    limit: Option<&Value>,
    parameters: &Parameters<'_>,
) -> Option<ModelInfo> {
    let has = |side: &str| {
        let modalities = architecture.and_then(|a| a.get(side)).and_then(Value::as_array);
        modalities.is_some_and(|list| list.iter().any(|modality| modality.as_str() == Some("image")))
    };
    if has("output_modalities") {
        return None;
    }
    let price = |key: &str| price_per_million(entry.get("pricing").and_then(|pricing| pricing.get(key)));
    let window = entry.get("context_length");
    let fifth = (window.map_or(f64::NAN, to_number) * 0.2).ceil();
    let reads = price("input_cache_read");
    let (effort, supported) = match parameters {
        Parameters::Listed(list) => {
            let has = |name: &str| list.iter().any(|known| known.as_str() == Some(name));
            let kept: Value = list
                .iter()
                .filter(|known| known.as_str().is_some_and(|name| KEPT_PARAMETERS.contains(&name)))
                .cloned()
                .collect();
            (Some(has("reasoning").into()), Some(kept))
        }
        Parameters::Inherited(parent) => {
            let of_parent = |fact: &str| parent.and_then(|parent| parent.get(fact)).cloned();
            (of_parent("supportsReasoningEffort"), of_parent("supportedParameters"))
        }
    };
    let info = facts([
        ("maxTokens", limit.filter(|limit| limit.is_truthy()).cloned().or(Some(fifth.into()))),
        ("contextWindow", window.cloned()),
        ("supportsImages", Some(has("input_modalities").into())),
        ("supportsPromptCache", Some(reads.is_some().into())),
        ("inputPrice", price("prompt")),
        ("outputPrice", price("completion")),
        ("cacheWritesPrice", price("input_cache_write")),
        ("cacheReadsPrice", reads),
        ("description", entry.get("description").cloned()),
        ("supportsReasoningEffort", effort),
        ("supportedParameters", supported),
    ]);
    Some(overridden(id, info))
}

/// What the reference knows better than the list.
fn overridden(id: &str, mut info: ModelInfo) -> ModelInfo {
    let facts = info.as_object_mut();
    if BUDGET.contains(&id) {
        facts.insert("supportsReasoningBudget", true);
    }
    if REQUIRED_BUDGET.contains(&id) {
        facts.insert("requiredReasoningBudget", true);
    }
    match id {
        "anthropic/claude-3.7-sonnet" => {
            facts.insert("maxTokens", 8192);
            facts.insert("supportsReasoningBudget", false);
            facts.insert("supportsReasoningEffort", false);
        }
        "anthropic/claude-3.7-sonnet:thinking" => drop(facts.insert("maxTokens", 128_000)),
        "anthropic/claude-opus-4.1" => {
            let own = table("anthropic").get("claude-opus-4-1-20250805").and_then(|info| info.max_tokens());
            facts.insert("maxTokens", own.unwrap_or(32_000.0));
        }
        "anthropic/claude-haiku-4.5" => {
            facts.insert("supportsReasoningBudget", true);
            facts.insert("supportsReasoningEffort", false);
        }
        "openrouter/horizon-alpha" | "openrouter/horizon-beta" => drop(facts.insert("maxTokens", 32_768)),
        _ => {}
    }
    info
}

const KEPT_PARAMETERS: &[&str] = &["max_tokens", "temperature", "reasoning", "include_reasoning"];

/// Models whose reasoning takes a token budget.
const BUDGET: &[&str] = &[
    "anthropic/claude-3.7-sonnet:beta",
    "anthropic/claude-3.7-sonnet:thinking",
    "anthropic/claude-haiku-4.5",
    "anthropic/claude-opus-4",
    "anthropic/claude-opus-4.1",
    "anthropic/claude-opus-4.5",
    "anthropic/claude-sonnet-4",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-flash",
    "google/gemini-2.5-flash-lite-preview-06-17",
    "google/gemini-2.5-flash-preview-05-20",
    "google/gemini-2.5-flash-preview-05-20:thinking",
    "google/gemini-2.5-pro",
    "google/gemini-2.5-pro-preview",
];

/// Models that cannot do without one.
const REQUIRED_BUDGET: &[&str] = &[
    "anthropic/claude-3.7-sonnet:thinking",
    "google/gemini-2.5-flash-preview-05-20:thinking",
    "google/gemini-2.5-pro",
];
