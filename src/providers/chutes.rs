//! Chutes.
//!
//! <https://chutes.ai/docs>
//!
//! Longer than most: models come from a list, and DeepSeek-R1 has messages and a stream of its own.

use futures_core::future::BoxFuture;

use super::compatible::{ROUTER, facts, key_or_placeholder, list_headers, listed_model, with_fact};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::axios_get;
use crate::catalog::lists::ModelList;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("chutes", "Chutes", "Open models on decentralised machines")
        .at("https://llm.chutes.ai/v1")
        .key("chutesApiKey", "CHUTES_API_KEY")
        .documented("https://chutes.ai/docs"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "chutes",
    name: "Chutes",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer_and_custom(
            BASE_URL,
            key_or_placeholder(settings, "chutesApiKey"),
            settings,
            context,
        ))
    },
    model: |settings, list| {
        let mut model = listed_model("chutes", settings.text("apiModelId"), list);
        let temperature = if is_r1(&model) { 0.3 } else { 0.5 };
        model.info = model.info.map(|info| with_fact(info, "temperature", temperature));
        model
    },
    chat: &[
        ("model", body::model),
        ("max_tokens", body::clamped_max_tokens),
        ("messages", messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("tools", body::plain_tools),
        ("tool_choice", body::tool_choice),
        ("temperature", temperature),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("max_tokens", body::clamped_max_tokens),
        ("temperature", completion_temperature),
    ],
    steps: &[steps::require_choices, text, reasoning, steps::listed_tool_calls, steps::usage_at_once],
    end: &[steps::flush_think_tags],
    wrap: Wrap { chat: false, completion: Prefix::Plain },
    list: Some(Listing {
        fetch: list_models,
        needed: Needed::BeforeCalls { tries: 1 },
        key: ListKey::OrElse { setting: "chutesApiKey", placeholder: "not-provided" },
    }),
    ..ROUTER
};

const BASE_URL: &str = "https://llm.chutes.ai/v1";

fn is_r1(model: &Model) -> bool {
    model.id.contains("DeepSeek-R1")
}

fn messages(input: &BodyInput<'_>) -> Option<Value> {
    if is_r1(input.model) { body::r1_messages(input) } else { body::system_and_messages(input) }
}

fn temperature(input: &BodyInput<'_>) -> Option<Value> {
    body::takes_temperature(input).then(|| completion_temperature(input))?
}

fn completion_temperature(input: &BodyInput<'_>) -> Option<Value> {
    let own = input.settings.number("modelTemperature");
    own.or_else(|| input.model.info().number("temperature")).map(Value::from)
}

fn text(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let step = if is_r1(&state.model) { steps::text_with_think_tags } else { steps::plain_text };
    step(state, event, tokens)
}

fn reasoning(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    if is_r1(&state.model) { Ok(()) } else { steps::reasoning_content(state, event, tokens) }
}

/// The built-in table, overlaid with what the service lists; the service's failures are ignored.
fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move {
        let mut list: ModelList =
            table("chutes").models().map(|(id, info)| (crate::Text::from_static(id), info)).collect();
        let headers = list_headers(Some(&context.identity), settings.non_empty("chutesApiKey"));
        let answer = match headers.build() {
            Ok(headers) => axios_get(context, &format!("{BASE_URL}/models"), &headers, None).await.ok(),
            Err(_) => None,
        };
        let data = answer.as_ref().and_then(|answer| answer.get("data")).and_then(Value::as_array);
        for entry in data.map(Vec::as_slice).unwrap_or_default() {
            if let Some((id, info)) = listed(entry) {
                // What cannot be read ends the list.
                let modalities = entry.get("input_modalities");
                if modalities.is_some_and(|m| m.is_truthy() && !m.is_array() && !m.is_string()) {
                    break;
                }
                list.insert(id, info);
            }
        }
        Ok(list)
    })
}

fn listed(entry: &Value) -> Option<(&str, ModelInfo)> {
    let id = entry.get("id")?.as_str().filter(|id| !id.is_empty())?;
    let window =
        entry.get("context_length")?.as_f64().filter(|length| length.is_finite() && *length != 0.0)?;
    let limit = entry.get("max_model_len").and_then(Value::as_f64).unwrap_or_else(|| (window * 0.2).ceil());
    let modalities = entry.get("input_modalities").and_then(Value::as_array);
    let sees = modalities.is_some_and(|list| list.iter().any(|modality| modality.as_str() == Some("image")));
    let info = facts([
        ("maxTokens", Some(limit.into())),
        ("contextWindow", Some(window.into())),
        ("supportsImages", Some(sees.into())),
        ("supportsPromptCache", Some(false.into())),
        ("inputPrice", Some(0.into())),
        ("outputPrice", Some(0.into())),
        ("description", Some(format!("Chutes AI model: {id}").into())),
    ]);
    Some((id, info))
}
