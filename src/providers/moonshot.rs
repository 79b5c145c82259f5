//! Moonshot AI's Kimi, as a child of the generic OpenAI provider.
//!
//! <https://platform.moonshot.ai/docs/api/chat>

use super::compatible::{key_or_placeholder, table_or_kept_model, with_parameters};
use super::kind::{Kind, Provider};
use super::openai::{self, ExtendedSettings};
use crate::catalog::parameters::Format;
use crate::json::Value;
use crate::json::javascript::or_zero;
use crate::model::Model;
use crate::protocols::openai_chat::ChatSpec;
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::ChatState;
use crate::protocols::openai_chat::steps;
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("moonshot", "Moonshot AI", "Kimi models from their maker")
        .at("https://api.moonshot.ai/v1")
        .key("moonshotApiKey", "MOONSHOT_API_KEY")
        .base_setting("moonshotBaseUrl")
        .documented("https://platform.moonshot.ai/docs/api/chat"),
    kind: Kind::Extended(spec),
};

const STREAMED: ChatSpec = ChatSpec {
    id: "moonshot",
    model: |settings, _| model(settings),
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", openai::messages_with_marks),
        ("stream", body::stream),
        ("stream_options", openai::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_tokens", max_tokens),
    ],
    completion: &[("model", body::model), ("messages", body::prompt), ("max_tokens", max_tokens)],
    end: &[steps::flush_think_tags, usage],
    list: None,
    ..openai::STREAMED
};

static SPEC: ChatSpec = STREAMED;

static REASONER: ChatSpec = ChatSpec {
    default_temperature: 0.3,
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", body::r1_messages),
        ("stream", body::stream),
        ("stream_options", openai::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_tokens", max_tokens),
    ],
    ..STREAMED
};

static O_SERIES: ChatSpec = ChatSpec {
    chat: &[
        ("model", body::model),
        ("messages", openai::developer_messages),
        ("stream", body::stream),
        ("stream_options", openai::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_tokens", max_tokens),
    ],
    steps: openai::O_SERIES_STEPS,
    end: &[],
    ..STREAMED
};

/// The spec for the model that the settings name, and the settings in the generic provider's names.
fn spec(settings: &ProviderSettings) -> (&'static ChatSpec, ProviderSettings) {
    let extended = settings.extended(
        key_or_placeholder(settings, "moonshotApiKey"),
        settings.text("moonshotBaseUrl").unwrap_or("https://api.moonshot.ai/v1"),
        &model(settings).id,
    );
    (openai::choose(&extended, &SPEC, &REASONER, &O_SERIES), extended)
}

/// Unknown ids are kept with the numbers of the default.
fn model(settings: &ProviderSettings) -> Model {
    with_parameters(table_or_kept_model("moonshot", settings), Format::OpenAi, settings, 0.0)
}

fn max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    let own = input.settings.get("modelMaxTokens").filter(|limit| limit.is_truthy()).cloned();
    own.or_else(|| body::table_max_tokens(input))
}

fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let count = |key: &str| or_zero(usage.get(key));
    let mut token = usage_object(count("prompt_tokens"), count("completion_tokens"));
    token.insert("cacheWriteTokens", 0);
    token.insert_some("cacheReadTokens", usage.get("cached_tokens").cloned());
    tokens.push_back(StreamToken::from_object(token));
}
