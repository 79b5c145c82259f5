//! Roo Code Cloud.
//!
//! <https://docs.roocode.com/roo-code-cloud/overview>
//!
//! Longer than most: models come from a list whose entries carry settings by version, and reasoning
//! details are put together here.

use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::{BASE, facts};
use super::kind::{Kind, Provider};
use super::{reasoning_details, roo_images};
use crate::catalog::fetch::{ListFailure, price_per_million, send};
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::{Format, Parameters};
use crate::catalog::schema::{absent_or, is_flag, is_number, is_texts};
use crate::context::Context;
use crate::driver::Call;
use crate::error::Error;
use crate::json::javascript::{or_zero, to_number};
use crate::json::{Object, Value, object};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, steps};
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("roo", "Roo Code Cloud", "Models chosen by Roo Code, with its login")
        .at("https://api.roocode.com/proxy")
        .key("rooApiKey", "ROO_API_KEY")
        .documented("https://docs.roocode.com/roo-code-cloud/overview"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "roo",
    name: "Roo Code Cloud",
    endpoint: |settings, context| match settings.text("rooApiKey").unwrap_or("unauthenticated") {
        "" => Err(Error::configuration("API key is required")),
        key => Ok(Endpoint::bearer(&base_url(context), key, context)),
    },
    model,
    chat: &[
        ("model", body::model),
        ("max_tokens", body::parameter_max_tokens),
        ("temperature", body::parameter_temperature),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("reasoning", reasoning),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
    ],
    request_headers: |call, input| {
        let mut headers = Vec::new();
        if call == Call::Chat {
            headers.push(("X-Roo-App-Version", APP_VERSION.to_owned()));
            let task = input.request.task_id.clone().filter(|id| !id.is_empty());
            headers.extend(task.map(|id| ("X-Roo-Task-ID", id)));
        }
        headers
    },
    steps: &[
        steps::require_choices,
        details,
        plain_reasoning,
        steps::listed_tool_calls,
        steps::plain_text,
        steps::end_tracked_calls,
        steps::keep_usage,
    ],
    end: &[keep_details, usage],
    images: Some(roo_images::generate),
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::OnceIfPossible,
        key: ListKey::OrElse { setting: "rooApiKey", placeholder: "unauthenticated" },
    }),
    ..BASE
};

/// The application's version, which also decides which of a model's settings apply.
const APP_VERSION: &str = "3.43.0";

pub(super) fn base_url(context: &Context) -> String {
    let base = context.env("ROO_CODE_PROVIDER_URL").unwrap_or("https://api.roocode.com/proxy");
    if base.ends_with("/v1") { base.to_owned() } else { format!("{base}/v1") }
}

fn model(settings: &ProviderSettings, list: Option<&ModelList>) -> Model {
    let id = settings.non_empty("apiModelId").unwrap_or("xai/grok-code-fast-1");
    let info = list.and_then(|list| list.get(id)).unwrap_or_else(|| {
        facts([
            ("maxTokens", Some(16384.into())),
            ("contextWindow", Some(262_144.into())),
            ("supportsImages", Some(false.into())),
            ("supportsReasoningEffort", Some(false.into())),
            ("supportsPromptCache", Some(true.into())),
            ("inputPrice", Some(0.into())),
            ("outputPrice", Some(0.into())),
            ("isFree", Some(false.into())),
        ])
    });
    let derived = Parameters::derive(Format::OpenAi, id, &info, settings, 0.0);
    // `getModel` prints no parameters, but the request needs them.
    Model { hidden: derived.to_object(), ..Model::new(id, info) }
}

/// Whether and how much to reason; models that must reason cannot be told not to.
fn reasoning(input: &BodyInput<'_>) -> Option<Value> {
    let info = input.model.info();
    if !info.flag("supportsReasoningEffort") {
        return None;
    }
    let effort = body::parameter_effort(input);
    let enabled = |effort: Option<Value>| {
        let mut reasoning = object! { "enabled": true };
        reasoning.insert_some("effort", effort);
        Some(reasoning.into())
    };
    let is_minimal = effort.as_ref().and_then(Value::as_str) == Some("minimal");
    if info.flag("requiredReasoningEffort") {
        return enabled(effort.filter(|_| !is_minimal));
    }
    match effort {
        _ if input.settings.is_false("enableReasoningEffort") => Some(object! { "enabled": false }.into()),
        None => Some(object! { "enabled": false }.into()),
        Some(_) if is_minimal => None,
        effort => enabled(effort),
    }
}

// ---- reasoning ----

/// Shows the text of each detail and adds it to what its key has so far.
fn details(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    for detail in event.delta.get("reasoning_details").items() {
        state.details_shown |= reasoning_details::show(detail, tokens);
        let detail = detail.to_value();
        let id = detail.get("id").filter(|id| !id.is_null());
        let key = id.map_or_else(|| reasoning_details::key(&detail), |id| reasoning_details::print(Some(id)));
        reasoning_details::add(&mut state.details, key, &detail);
    }
    Ok(())
}

/// The plainer fields, while no detail was shown.
fn plain_reasoning(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    if state.details_shown {
        return Ok(());
    }
    let reasoning = event.delta.get("reasoning").as_text().filter(|text| !text.is_empty());
    // An empty `reasoning_content` is shown as an empty token.
    if let Some(text) = reasoning.or_else(|| event.delta.get("reasoning_content").as_text()) {
        tokens.push_back(StreamToken::Reasoning(text));
    }
    Ok(())
}

/// What must travel back with the next turn.
fn keep_details(state: &mut ChatState, _: &mut TokenQueue) {
    state.summary.reasoning_details = reasoning_details::in_order(&state.details).map(Value::from);
}

// ---- usage ----

/// The service's own cost; Anthropic's models report input without cached tokens.
fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let details = usage.get("prompt_tokens_details");
    let writes = or_zero(usage.get("cache_creation_input_tokens"));
    let reads = or_zero(details.and_then(|details| details.get("cached_tokens")));
    let mut input = or_zero(usage.get("prompt_tokens"));
    if state.model.id.to_lowercase().starts_with("anthropic/") {
        let number = to_number;
        input = (number(&input) - number(&writes) - number(&reads)).max(0.0).into();
    }
    let cost = if state.model.info().flag("isFree") {
        Value::Number(0.0)
    } else {
        usage.get("cost").filter(|cost| !cost.is_null()).cloned().unwrap_or(Value::Number(0.0))
    };
    let mut token = usage_object(input, or_zero(usage.get("completion_tokens")));
    token.insert("cacheWriteTokens", writes);
    token.insert("cacheReadTokens", reads);
    token.insert("totalCost", cost);
    tokens.push_back(StreamToken::from_object(token));
}

// ---- the model list ----

fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let base = base_url(context);
        let root = base.trim_end_matches('/').strip_suffix("/v1").unwrap_or(&base);
        let url = Url::parse(&format!("{root}/v1/models")).map_err(|_| explain(ListFailure::InvalidUrl))?;
        let mut block = HeaderBlock::default();
        block.set("Content-Type", "application/json");
        block.application(&context.identity);
        if let Some(key) = settings.non_empty("rooApiKey") {
            block.set_secret("Authorization", &format!("Bearer {key}"));
        }
        let request = HttpRequest {
            method: "GET",
            headers: javascript::fetch_headers(&url, &block.build()?, None),
            url: url.into(),
            body: Bytes::new(),
            options: RequestOptions {
                client: ClientKind::Fetch,
                head_timeout: Some(Duration::from_secs(10)),
                ..RequestOptions::default()
            },
        };
        let answer = send(context, request).await.map_err(explain)?;
        let data = answer.get("data").and_then(Value::as_array);
        let is_list = answer.get("object").and_then(Value::as_str) == Some("list");
        let data = data.filter(|data| is_list && data.iter().all(is_model)).ok_or_else(|| {
            let prefix = "Failed to fetch Roo Code Cloud models: ";
            Error::invalid_response(format!("{prefix}{prefix}Unexpected response format."))
        })?;
        let named = data.iter().filter_map(|entry| Some((entry.get("id")?.as_text()?, entry)));
        let named = named.filter(|(id, _)| !id.is_empty());
        Ok(named.map(|(id, entry)| (id.clone(), info(entry))).collect())
    })
}

fn explain(failure: ListFailure) -> Error {
    if let ListFailure::Status(status, reason) = failure {
        let message = format!(
            "Failed to fetch Roo Code Cloud models: HTTP {status}: {reason}. Check base URL and API key."
        );
        return Error::new(crate::ErrorKind::of_status(status), message);
    }
    failure.explained("Roo Code Cloud", "", "Check Roo Code Cloud server status and base URL.")
}

fn is_model(entry: &Value) -> bool {
    let text = |key: &str| entry.get(key).is_some_and(Value::is_string);
    let number = |key: &str| entry.get(key).and_then(Value::as_f64).is_some();
    let pricing =
        |key: &str| entry.get("pricing").and_then(|pricing| pricing.get(key)).is_some_and(Value::is_string);
    ["id", "owned_by", "name", "description"].into_iter().all(text)
        && ["created", "context_window", "max_tokens"].into_iter().all(number)
        && entry.get("object").and_then(Value::as_str) == Some("model")
        && entry.get("type").and_then(Value::as_str) == Some("language")
        && ["input", "output"].into_iter().all(pricing)
        && ["input_cache_read", "input_cache_write"]
            .into_iter()
            .all(|key| absent_or(entry.get("pricing").and_then(|pricing| pricing.get(key)), Value::is_string))
        && absent_or(entry.get("tags"), is_texts)
        && absent_or(entry.get("deprecated"), is_flag)
        && absent_or(entry.get("default_temperature"), is_number)
        && absent_or(entry.get("settings"), Value::is_object)
        && absent_or(entry.get("versionedSettings"), |versions| {
            versions.as_object().is_some_and(|versions| versions.values().all(Value::is_object))
        })
}

fn info(entry: &Value) -> ModelInfo {
    let tags = entry.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let has = |tag: &str| tags.iter().any(|known| known.as_str() == Some(tag));
    let price = |key: &str| price_per_million(entry.get("pricing").and_then(|pricing| pricing.get(key)));
    let reads = price("input_cache_read");
    let description = entry.get("description").filter(|text| text.is_truthy()).or_else(|| entry.get("name"));
    let mut info = facts([
        ("maxTokens", entry.get("max_tokens").cloned()),
        ("contextWindow", entry.get("context_window").cloned()),
        ("supportsImages", Some(has("vision").into())),
        ("supportsReasoningEffort", Some(has("reasoning").into())),
        ("requiredReasoningEffort", Some(has("reasoning-required").into())),
        ("supportsPromptCache", Some(reads.is_some().into())),
        ("inputPrice", price("input")),
        ("outputPrice", price("output")),
        ("cacheWritesPrice", price("input_cache_write")),
        ("cacheReadsPrice", reads),
        ("description", description.cloned()),
        ("deprecated", Some(entry.get("deprecated").cloned().unwrap_or(false.into()))),
        ("isFree", Some(has("free").into())),
        ("defaultTemperature", entry.get("default_temperature").cloned()),
        ("isStealthModel", has("stealth").then(|| true.into())),
    ]);
    let versioned = entry.get("versionedSettings").and_then(Value::as_object).and_then(newest_applicable);
    let settings = versioned.or_else(|| entry.get("settings").and_then(Value::as_object));
    for (fact, value) in settings.into_iter().flat_map(Object::iter) {
        info.as_object_mut().insert(fact.clone(), value.clone());
    }
    info
}

/// The settings of the highest version that is not above the application's, unless they are empty.
fn newest_applicable(versions: &Object) -> Option<&Object> {
    let application = version(APP_VERSION);
    let applicable = versions.iter().filter(|(name, _)| version(name) <= application);
    let (_, settings) = applicable.max_by_key(|(name, _)| version(name))?;
    settings.as_object().filter(|settings| !settings.is_empty())
}

/// The numbers of a version; what follows a hyphen does not count.
fn version(text: &str) -> Vec<u64> {
    let release = text.split('-').next().unwrap_or_default();
    release.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
