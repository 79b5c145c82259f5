//! What the OpenAI-compatible providers share: the reference's base class as a template for specs.
//!
//! A provider fills in its five facts; the rest is the same for all of them.

use crate::Error;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::model::Model;
use crate::protocols::openai_chat::body::{self, BodyField};
use crate::protocols::openai_chat::decode::{EndStep, Step};
use crate::protocols::openai_chat::{Answer, ChatSpec, Endpoint, Wrap, steps};
use crate::settings::ProviderSettings;

/// The facts that tell one compatible provider from another.
pub(super) struct Compatible {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) default_temperature: f64,
    pub(super) endpoint: fn(&ProviderSettings, &Context) -> Result<Endpoint, Error>,
    pub(super) model: fn(&ProviderSettings) -> Model,
}

impl Compatible {
    /// The whole spec.
    pub(super) const fn spec(self) -> ChatSpec {
        ChatSpec {
            id: self.id,
            name: self.name,
            endpoint: self.endpoint,
            model: self.model,
            default_temperature: self.default_temperature,
            chat: CHAT,
            completion: COMPLETION,
            answer: Answer::Streamed,
            steps: STEPS,
            end: END,
            wrap: Wrap { chat: false, completion: true },
            list: None,
        }
    }
}

/// The body of a conversation.
pub(super) const CHAT: &[BodyField] = &[
    ("model", body::model),
    ("max_tokens", body::clamped_max_tokens),
    ("temperature", body::temperature),
    ("messages", body::system_and_messages),
    ("stream", body::stream),
    ("stream_options", body::include_usage),
    ("tools", body::strict_tools),
    ("tool_choice", body::tool_choice),
    ("parallel_tool_calls", body::parallel_tool_calls),
    ("thinking", body::binary_thinking),
];

/// The body of a completion.
pub(super) const COMPLETION: &[BodyField] =
    &[("model", body::model), ("messages", body::prompt), ("thinking", body::binary_thinking)];

/// What is done with every event.
pub(super) const STEPS: &[Step] = &[
    steps::check_base_resp,
    steps::text_with_think_tags,
    steps::first_reasoning_key,
    steps::tool_calls_remembered,
    steps::end_own_calls,
    steps::keep_usage,
];

/// The usage comes before what the tag matcher still holds.
pub(super) const END: &[EndStep] = &[steps::usage_with_cost, steps::flush_think_tags];

/// The key of that setting, which must not be empty.
pub(super) fn required_key<'a>(settings: &'a ProviderSettings, setting: &str) -> Result<&'a str, Error> {
    settings.non_empty(setting).ok_or_else(|| Error::configuration("API key is required"))
}

/// The key of that setting; `not-provided` stands in for a missing one, an empty one stays empty.
pub(super) fn key_or_placeholder<'a>(settings: &'a ProviderSettings, setting: &str) -> &'a str {
    settings.text(setting).unwrap_or("not-provided")
}

/// The model of `apiModelId` if the provider's table knows it, else the table's default.
pub(super) fn table_model(provider: &str, settings: &ProviderSettings) -> Model {
    let table = table(provider);
    let wanted = settings.non_empty("apiModelId").and_then(|id| Some((id, table.get_in(id)?)));
    match wanted {
        Some((id, Some(info))) => Model::new(id, info),
        Some((id, None)) => Model::without_info(id),
        None => Model::new(table.default_id.as_str(), table.default_info()),
    }
}
