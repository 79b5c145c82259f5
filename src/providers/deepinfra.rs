//! DeepInfra.
//!
//! <https://deepinfra.com/docs/openai_api>
//!
//! Longer than most: models come from a list.

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, data, facts, kept_model, list_headers, with_parameters};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::{axios_get, key_of};
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::Format;
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::model::ModelInfo;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::{
    ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, completion, join, steps,
};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("deepinfra", "DeepInfra", "Open models, served at scale")
        .at("https://api.deepinfra.com/v1/openai")
        .key("deepInfraApiKey", "DEEPINFRA_API_KEY")
        .model("deepInfraModelId")
        .base_setting("deepInfraBaseUrl")
        .documented("https://deepinfra.com/docs/openai_api"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "deepinfra",
    name: "DeepInfra",
    endpoint: |settings, context| {
        let key = settings.non_empty("deepInfraApiKey").unwrap_or("not-provided");
        let mut endpoint = Endpoint::bearer(base_url(settings), key, context);
        endpoint.headers.set("X-Deepinfra-Source", "roo-code");
        endpoint.headers.set("X-Deepinfra-Version", "2025-08-25");
        endpoint.headers.content_type();
        Ok(endpoint)
    },
    model: |settings, list| {
        let model = kept_model("deepinfra", settings.text("deepInfraModelId"), list);
        with_parameters(model, Format::OpenAi, settings, 0.0)
    },
    chat: &[
        ("model", body::model),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("reasoning_effort", body::parameter_effort),
        ("prompt_cache_key", prompt_cache_key),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("temperature", body::router_temperature),
        ("max_completion_tokens", max_completion_tokens),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("temperature", body::router_temperature),
        ("max_completion_tokens", max_completion_tokens),
    ],
    steps: &[
        steps::require_choices,
        steps::plain_text,
        steps::reasoning_content,
        steps::tool_calls,
        steps::keep_usage,
    ],
    end: &[steps::usage_with_cost],
    completion_text: completion::text_of_optional_message,
    wrap: Wrap { chat: false, completion: Prefix::Never },
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::BeforeCalls { tries: 2 },
        key: ListKey::OrElseIfEmpty { setting: "deepInfraApiKey", placeholder: "not-provided" },
    }),
    ..ROUTER
};

fn base_url(settings: &ProviderSettings) -> &str {
    settings.non_empty("deepInfraBaseUrl").unwrap_or("https://api.deepinfra.com/v1/openai")
}

fn prompt_cache_key(input: &BodyInput<'_>) -> Option<Value> {
    let task = input.request.task_id.as_deref().filter(|id| !id.is_empty())?;
    input.model.info().supports_prompt_cache().then(|| task.into())
}

fn max_completion_tokens(input: &BodyInput<'_>) -> Option<Value> {
    let included = input.settings.get("includeMaxTokens").and_then(Value::as_bool) == Some(true);
    let own = input.model.info().get("maxTokens").filter(|limit| included && limit.is_truthy())?;
    let asked = input.settings.get("modelMaxTokens").filter(|limit| limit.is_truthy());
    Some(asked.unwrap_or(own).clone())
}

fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let headers = list_headers(Some(&context.identity), settings.non_empty("deepInfraApiKey"));
        let url = join(base_url(settings), "/models");
        let answer = axios_get(context, &url, &headers.build()?, None)
            .await
            .map_err(crate::catalog::fetch::ListFailure::into_axios_error)?;
        let unreadable = |what: &str| Err(Error::invalid_response(format!("DeepInfra's model list: {what}")));
        match answer.get("data") {
            Some(Value::Array(_)) => {}
            Some(data) if data.is_truthy() => return unreadable("`data` is no list"),
            _ => {}
        }
        if !data(&answer).iter().all(has_readable_tags) {
            return unreadable("an entry cannot be read");
        }
        Ok(data(&answer).iter().map(|entry| (key_of(entry.get("id")), info(entry))).collect())
    })
}

fn has_readable_tags(entry: &Value) -> bool {
    let tags = entry.get("metadata").and_then(|metadata| metadata.get("tags"));
    let are_readable = tags.is_none_or(|tags| !tags.is_truthy() || tags.is_array() || tags.is_string());
    !entry.is_null() && are_readable
}

fn info(entry: &Value) -> ModelInfo {
    let metadata = |key: &str| entry.get("metadata").and_then(|metadata| metadata.get(key));
    let tags = metadata("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let has = |tag: &str| Some(tags.iter().any(|known| known.as_str() == Some(tag)).into());
    let price = |key: &str| metadata("pricing").and_then(|pricing| pricing.get(key)).cloned();
    let window = metadata("context_length").and_then(Value::as_f64).unwrap_or(8192.0);
    let limit = metadata("max_tokens").and_then(Value::as_f64).unwrap_or_else(|| (window * 0.2).ceil());
    facts([
        ("maxTokens", Some(limit.into())),
        ("contextWindow", Some(window.into())),
        ("supportsImages", has("vision")),
        ("supportsPromptCache", has("prompt_cache")),
        ("inputPrice", price("input_tokens")),
        ("outputPrice", price("output_tokens")),
        ("cacheReadsPrice", price("cache_read_tokens")),
        ("description", metadata("description").cloned()),
    ])
}
