//! xAI's Grok.
//!
//! <https://docs.x.ai/docs/api-reference>

use super::compatible::{BASE, key_or_placeholder, table_model, with_parameters};
use super::kind::{Kind, Provider};
use crate::Error;
use crate::catalog::parameters::Format;
use crate::json::javascript::{defined, or_zero};
use crate::json::{Node, Value};
use crate::protocols::openai_chat::body::{self};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, Prefix, Wrap, completion, steps};
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::stream::TokenQueue;
use crate::token::StreamToken;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("xai", "xAI", "Grok models from their maker")
        .at("https://api.x.ai/v1")
        .key("xaiApiKey", "XAI_API_KEY")
        .documented("https://docs.x.ai/docs/api-reference"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "xai",
    name: "xAI",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://api.x.ai/v1", key_or_placeholder(settings, "xaiApiKey"), context))
    },
    model: |settings, _| with_parameters(table_model("xai", settings), Format::OpenAi, settings, 0.0),
    chat: &[
        ("model", body::model),
        ("max_tokens", body::table_max_tokens),
        ("temperature", body::temperature),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("reasoning_effort", body::parameter_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("reasoning_effort", body::parameter_effort),
    ],
    steps: &[
        steps::require_choices,
        steps::plain_text,
        steps::reasoning_content,
        steps::tool_calls,
        steps::end_tracked_calls,
        usage,
    ],
    end: &[],
    completion_text: completion::text_of_required_choices,
    wrap: Wrap { chat: true, completion: Prefix::Once },
    ..BASE
};

/// A usage token for each event that has usage; cached tokens stand in two places.
fn usage(_: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if !usage.is_truthy() {
        return Ok(());
    }
    let details = usage.get("prompt_tokens_details");
    let cached = details.get("cached_tokens");
    let value = |node: Node<'_>| defined(node);
    let reads =
        value(cached).filter(Value::is_truthy).or_else(|| value(usage.get("cache_read_input_tokens")));
    let mut token = usage_object(
        or_zero(value(usage.get("prompt_tokens")).as_ref()),
        or_zero(value(usage.get("completion_tokens")).as_ref()),
    );
    token.insert("cacheReadTokens", reads.unwrap_or(Value::Number(0.0)));
    token.insert(
        "cacheWriteTokens",
        value(usage.get("cache_creation_input_tokens")).unwrap_or(Value::Number(0.0)),
    );
    tokens.push_back(StreamToken::from_object(token));
    Ok(())
}
