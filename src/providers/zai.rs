//! Z.ai and BigModel.
//!
//! <https://docs.z.ai/api-reference/introduction>
//!
//! Longer than most: four lines of service, and one model that can be told to think.

use super::compatible::BASE;
use super::kind::{Kind, Provider};
use crate::catalog::parameters;
use crate::catalog::tables::table;
use crate::error::Error;
use crate::json::{Value, object};
use crate::model::Model;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, messages, r1};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("zai", "Z.ai", "GLM models from their maker")
        .at("https://api.z.ai/api/coding/paas/v4")
        .key("zaiApiKey", "ZAI_API_KEY")
        .documented("https://docs.z.ai/api-reference/introduction"),
    kind: Kind::ChatBy(spec),
};

static SPEC: ChatSpec = ChatSpec {
    id: "zai",
    name: "Z.ai",
    endpoint: |settings, context| match settings.text("zaiApiKey").unwrap_or("not-provided") {
        "" => Err(Error::configuration("API key is required")),
        _ if !is_known_line(settings) => Err(Error::configuration("zaiApiLine names no service line")),
        key => Ok(Endpoint::bearer(line(settings).0, key, context)),
    },
    model: |settings, _| model(settings),
    default_temperature: 0.6,
    ..BASE
};

/// For models that think unless told not to.
pub(super) static THINKING: ChatSpec = ChatSpec {
    chat: &[
        ("model", body::model),
        ("max_tokens", body::clamped_max_tokens),
        ("temperature", body::plain_temperature),
        ("messages", merged_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("thinking", thinking),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
    ],
    ..SPEC
};

/// The spec for the model that the settings name.
fn spec(settings: &ProviderSettings) -> &'static ChatSpec {
    let model = model(settings);
    let lists_efforts = matches!(model.info().get("supportsReasoningEffort"), Some(Value::Array(_)));
    if model.id == "glm-4.7" && lists_efforts { &THINKING } else { &SPEC }
}

/// Base URL and model table of the service line.
fn line(settings: &ProviderSettings) -> (&'static str, &'static str) {
    match settings.text("zaiApiLine") {
        Some("china_coding") => ("https://open.bigmodel.cn/api/coding/paas/v4", "zai-china"),
        Some("international_api") => ("https://api.z.ai/api/paas/v4", "zai"),
        Some("china_api") => ("https://open.bigmodel.cn/api/paas/v4", "zai-china"),
        _ => ("https://api.z.ai/api/coding/paas/v4", "zai"),
    }
}

fn is_known_line(settings: &ProviderSettings) -> bool {
    let line = settings.text("zaiApiLine");
    line.is_none_or(|line| {
        ["international_coding", "china_coding", "international_api", "china_api"].contains(&line)
    })
}

fn model(settings: &ProviderSettings) -> Model {
    let table = table(line(settings).1);
    let known = settings.non_empty("apiModelId").and_then(|id| table.model(id));
    known.unwrap_or_else(|| table.default_model())
}

fn merged_messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut list = r1::convert(&input.request.messages, true);
    list.insert(0, messages::system(&input.request.system_prompt));
    Some(list.into())
}

fn thinking(input: &BodyInput<'_>) -> Option<Value> {
    let on = parameters::uses_effort(input.model.info(), input.settings);
    Some(object! { "type": if on { "enabled" } else { "disabled" } }.into())
}
