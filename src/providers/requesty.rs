//! Requesty's router.
//!
//! <https://docs.requesty.ai>
//!
//! Longer than most: models come from a list, and parameters follow Anthropic's rules.

use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::{ROUTER, data, facts, kept_model, key_or_placeholder, list_headers, with_parameters};
use super::kind::{Kind, Provider};
use crate::Text;
use crate::catalog::fetch::{axios_get, key_of, price_per_million};
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::Format;
use crate::context::Context;
use crate::error::Error;
use crate::json::javascript::or_zero;
use crate::json::{Object, Value};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::ChatState;
use crate::protocols::openai_chat::messages::text_message;
use crate::protocols::openai_chat::steps::Zeros;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("requesty", "Requesty", "Models of many makers behind one key")
        .at("https://router.requesty.ai/v1")
        .key("requestyApiKey", "REQUESTY_API_KEY")
        .model("requestyModelId")
        .base_setting("requestyBaseUrl")
        .documented("https://docs.requesty.ai"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "requesty",
    name: "Requesty",
    endpoint: |settings, context| {
        let key = key_or_placeholder(settings, "requestyApiKey");
        Ok(Endpoint::bearer(&base_url(settings), key, context))
    },
    model,
    chat: &[
        ("messages", body::system_and_messages),
        ("model", body::model),
        ("max_tokens", body::parameter_max_tokens),
        ("temperature", body::parameter_temperature),
        ("reasoning_effort", reasoning_effort),
        ("thinking", thinking),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("requesty", trace),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
    ],
    completion: &[
        ("model", body::model),
        ("max_tokens", body::parameter_max_tokens),
        // The prompt goes out as a system message.
        ("messages", |input| Some(vec![text_message("system", input.prompt)].into())),
        ("temperature", body::parameter_temperature),
    ],
    steps: &[
        steps::require_choices,
        steps::plain_text,
        steps::reasoning_content,
        steps::listed_tool_calls,
        steps::keep_usage,
    ],
    end: &[usage],
    wrap: Wrap { chat: true, completion: Prefix::Once },
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::BeforeCalls { tries: 1 },
        key: ListKey::Dropped { setting: "requestyApiKey" },
    }),
    ..ROUTER
};

const BASE_URL: &str = "https://router.requesty.ai/v1";

/// The URL of the settings as a URL parser prints it; anything else gives the service's own.
fn base_url(settings: &ProviderSettings) -> String {
    let own = settings.text("requestyBaseUrl").map(str::trim).and_then(|base| Url::parse(base).ok());
    own.map_or_else(|| BASE_URL.to_owned(), String::from)
}

fn model(settings: &ProviderSettings, list: Option<&ModelList>) -> Model {
    let mut model = kept_model("requesty", settings.text("requestyModelId"), list);
    if model.id.contains("openai") {
        model.info = model.info.map(with_patch_tools);
    }
    with_parameters(model, Format::Anthropic, settings, 0.0)
}

/// OpenAI's models edit by patches, not by diffs or whole files.
pub(super) fn with_patch_tools(mut info: ModelInfo) -> ModelInfo {
    let add = |info: &ModelInfo, fact: &str, tools: &[&str]| -> Value {
        let mut known: Vec<Value> = info.get(fact).and_then(Value::as_array).cloned().unwrap_or_default();
        for tool in tools {
            if !known.iter().any(|known| known.as_str() == Some(tool)) {
                known.push((*tool).into());
            }
        }
        known.into()
    };
    let excluded = add(&info, "excludedTools", &["apply_diff", "write_to_file"]);
    let included = add(&info, "includedTools", &["apply_patch"]);
    info.as_object_mut().insert("excludedTools", excluded);
    info.as_object_mut().insert("includedTools", included);
    info
}

fn reasoning_effort(input: &BodyInput<'_>) -> Option<Value> {
    let effort = body::parameter_effort(input)?;
    matches!(effort.as_str(), Some("low" | "medium" | "high")).then_some(effort)
}

fn thinking(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameters.get("reasoning").cloned()
}

fn trace(input: &BodyInput<'_>) -> Option<Value> {
    let mut extra = Object::with_capacity(1);
    extra.insert_some("mode", input.request.metadata.get("mode").cloned());
    let mut trace = Object::with_capacity(2);
    trace.insert_some("trace_id", input.request.task_id.clone());
    trace.insert("extra", extra);
    Some(trace.into())
}

fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let details = usage.get("prompt_tokens_details");
    let detail = |key: &str| or_zero(details.and_then(|details| details.get(key)));
    let counts = [detail("caching_tokens"), detail("cached_tokens")];
    tokens.push_back(steps::priced_usage(state, &usage, counts, Zeros::Kept));
}

/// Calls ask without a key, people with theirs; failures give an empty list.
fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let headers = list_headers(None, settings.non_empty("requestyApiKey"));
        let Some(url) = Url::parse(&base_url(settings)).ok().and_then(|base| base.join("v1/models").ok())
        else {
            return Ok(ModelList::new());
        };
        let answer = axios_get(context, url.as_str(), &headers.build()?, None).await.unwrap_or_default();
        // What cannot be read ends the list.
        Ok(data(&answer).iter().map_while(listed).collect())
    })
}

fn listed(entry: &Value) -> Option<(Text, ModelInfo)> {
    if entry.is_null() {
        return None;
    }
    let id = key_of(entry.get("id"));
    // Ids are looked into only where a model reasons.
    let reasons = entry.get("supports_reasoning");
    if reasons.is_some_and(Value::is_truthy) && !entry.get("id").is_some_and(Value::is_string) {
        return None;
    }
    let has = |names: &[&str]| {
        let reasons = reasons?;
        let found = names.iter().any(|name| id.contains(name));
        Some(if reasons.is_truthy() { found.into() } else { reasons.clone() })
    };
    let price = |key: &str| price_per_million(entry.get(key));
    let info = facts([
        ("maxTokens", entry.get("max_output_tokens").cloned()),
        ("contextWindow", entry.get("context_window").cloned()),
        ("supportsPromptCache", entry.get("supports_caching").cloned()),
        ("supportsImages", entry.get("supports_vision").cloned()),
        ("supportsReasoningBudget", has(&["claude", "coding/gemini-2.5", "vertex/gemini-2.5"])),
        ("supportsReasoningEffort", has(&["openai", "google/gemini-2.5"])),
        ("inputPrice", price("input_price")),
        ("outputPrice", price("output_price")),
        ("description", entry.get("description").cloned()),
        ("cacheWritesPrice", price("caching_price")),
        ("cacheReadsPrice", price("cached_price")),
    ]);
    Some((id, info))
}
