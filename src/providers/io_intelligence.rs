//! IO Intelligence by io.net.
//!
//! <https://docs.io.net/reference/get-started-with-io-intelligence-api>

use std::time::Duration;

use futures_core::future::BoxFuture;

use super::compatible::{BASE, facts, kept_model};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::axios_get;
use crate::catalog::lists::ModelList;
use crate::catalog::schema::{absent_or, is_flag, is_number};
use crate::catalog::tables::table;
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("io-intelligence", "IO Intelligence", "Open models on io.net's machines")
        .at("https://api.intelligence.io.solutions/api/v1")
        .key("ioIntelligenceApiKey", "IOINTELLIGENCE_API_KEY")
        .model("ioIntelligenceModelId")
        .documented("https://docs.io.net/reference/get-started-with-io-intelligence-api"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "io-intelligence",
    name: "IO Intelligence",
    endpoint: |settings, context| Ok(Endpoint::bearer(BASE_URL, key(settings)?, context)),
    model: |settings, _| {
        let id = settings.non_empty("ioIntelligenceModelId");
        match id.and_then(|id| Some((id, table("io-intelligence").get(id)?))) {
            Some((id, info)) => crate::Model::new(id, info),
            None => kept_model("io-intelligence", id, None),
        }
    },
    default_temperature: 0.7,
    list: Some(Listing { fetch: list_models, needed: Needed::Never, key: ListKey::AsSet }),
    ..BASE
};

const BASE_URL: &str = "https://api.intelligence.io.solutions/api/v1";
const NAME: &str = "IO Intelligence";
const DEFAULT_WINDOW: f64 = 8192.0;

/// Models that see; the list does not say.
const VISION: &[&str] = &[
    "Qwen/Qwen2.5-VL-32B-Instruct",
    "meta-llama/Llama-3.2-90B-Vision-Instruct",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
];

fn key(settings: &ProviderSettings) -> Result<&str, Error> {
    settings
        .non_empty("ioIntelligenceApiKey")
        .ok_or_else(|| Error::configuration("IO Intelligence API key is required"))
}

fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let mut headers = HeaderBlock::default();
        headers.set("Content-Type", "application/json");
        let key = key(settings).map_err(|error| {
            let message = format!("Failed to fetch {NAME} models: {}", error.message());
            error.with_message(message)
        })?;
        headers.set_secret("Authorization", &format!("Bearer {key}"));
        let url = format!("{BASE_URL}/models");
        let answer = axios_get(context, &url, &headers.build()?, Some(Duration::from_secs(10)))
            .await
            .map_err(|failure| failure.explained(NAME, "", "Check your internet connection."))?;
        let entries = answer.get("data").and_then(Value::as_array);
        let valid = entries.filter(|entries| is_list(&answer) && entries.iter().all(is_model));
        let entries = valid.ok_or_else(|| {
            Error::invalid_response(format!(
                "Failed to fetch {NAME} models: Invalid response format from {NAME} API"
            ))
        })?;
        Ok(entries.iter().filter_map(model).collect())
    })
}

fn is_list(answer: &Value) -> bool {
    answer.get("object").and_then(Value::as_str) == Some("list")
}

fn is_model(entry: &Value) -> bool {
    let is_text = |key: &str| entry.get(key).is_some_and(Value::is_string);
    let permissions = entry.get("permission").and_then(Value::as_array);
    is_text("id")
        && is_text("owned_by")
        && entry.get("object").and_then(Value::as_str) == Some("model")
        && entry.get("created").and_then(Value::as_f64).is_some()
        && ["root", "parent"]
            .into_iter()
            .all(|key| absent_or(entry.get(key), |v| v.is_string() || v.is_null()))
        && absent_or(entry.get("max_model_len"), |value| is_number(value) || value.is_null())
        && permissions.is_some_and(|list| list.iter().all(is_permission))
}

fn is_permission(entry: &Value) -> bool {
    let is = |key: &str, kind: fn(&Value) -> bool| entry.get(key).is_some_and(kind);
    let flags = [
        "allow_create_engine",
        "allow_sampling",
        "allow_logprobs",
        "allow_search_indices",
        "allow_view",
        "allow_fine_tuning",
        "is_blocking",
    ];
    is("id", Value::is_string)
        && entry.get("object").and_then(Value::as_str) == Some("model_permission")
        && is("created", is_number)
        && is("organization", Value::is_string)
        && is("group", |value| value.is_string() || value.is_null())
        && flags.into_iter().all(|flag| is(flag, is_flag))
}

fn model(entry: &Value) -> Option<(crate::Text, crate::ModelInfo)> {
    let id = entry.get("id")?.as_text()?.clone();
    let known = table("io-intelligence").get(&id).and_then(|info| info.context_window());
    let window = known.unwrap_or(DEFAULT_WINDOW);
    let info = facts([
        ("maxTokens", Some(window.min((window * 0.2).ceil()).min(32768.0).into())),
        ("contextWindow", Some(window.into())),
        ("supportsImages", Some(VISION.contains(&id.as_str()).into())),
        ("supportsPromptCache", Some(false.into())),
        ("supportsComputerUse", None),
        ("description", Some(format!("{id} via {NAME}").into())),
    ]);
    Some((id, info))
}
