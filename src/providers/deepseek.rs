//! DeepSeek, as a child of the generic OpenAI provider whose other settings leak in.
//!
//! <https://api-docs.deepseek.com/api/create-chat-completion>

use super::compatible::{key_or_placeholder, table_or_kept_model, with_parameters};
use super::kind::{Kind, Provider};
use super::openai::{self, ExtendedSettings};
use crate::catalog::parameters::Format;
use crate::json::{Value, object};
use crate::model::Model;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::{ChatSpec, r1, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("deepseek", "DeepSeek", "DeepSeek models from their maker")
        .at("https://api.deepseek.com")
        .key("deepSeekApiKey", "DEEPSEEK_API_KEY")
        .base_setting("deepSeekBaseUrl")
        .documented("https://api-docs.deepseek.com/api/create-chat-completion"),
    kind: Kind::Extended(spec),
};

static SPEC: ChatSpec = ChatSpec {
    id: "deepseek",
    name: "DeepSeek",
    // Errors of completions name OpenAI, twice.
    completion_name: "OpenAI",
    model: |settings, _| model(settings),
    default_temperature: 0.3,
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("thinking", thinking),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", openai::max_completion_tokens),
    ],
    steps: &[steps::plain_text, steps::reasoning_content_in, steps::tool_calls, steps::keep_usage],
    end: &[steps::usage_with_detail_counts],
    list: None,
    ..openai::STREAMED
};

/// The spec, and the settings in the generic provider's names.
fn spec(settings: &ProviderSettings) -> (&'static ChatSpec, ProviderSettings) {
    let extended = settings.extended(
        key_or_placeholder(settings, "deepSeekApiKey"),
        settings.text("deepSeekBaseUrl").unwrap_or("https://api.deepseek.com"),
        &model(settings).id,
    );
    (&SPEC, extended)
}

/// The temperature told here is 0 where the settings name none, although requests carry 0.3.
fn model(settings: &ProviderSettings) -> Model {
    with_parameters(table_or_kept_model("deepseek", settings), Format::OpenAi, settings, 0.0)
}

fn is_reasoner(input: &BodyInput<'_>) -> bool {
    input.model.id.contains("deepseek-reasoner")
}

fn messages(input: &BodyInput<'_>) -> Option<Value> {
    let turns = r1::with_system_as_user(&input.request.system_prompt, &input.request.messages);
    Some(r1::convert(&turns, is_reasoner(input)).into())
}

fn thinking(input: &BodyInput<'_>) -> Option<Value> {
    is_reasoner(input).then(|| object! { "type": "enabled" }.into())
}
