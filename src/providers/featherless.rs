//! Featherless AI.
//!
//! <https://featherless.ai/docs/api-overview-and-common-options>
//!
//! Longer than most: DeepSeek-R1 has a request and a stream of its own.

use super::compatible::{BASE, required_key, table_model, with_fact};
use super::kind::{Kind, Provider};
use crate::model::Model;
use crate::protocols::openai_chat::body::{self};
use crate::protocols::openai_chat::{ChatSpec, Endpoint, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("featherless", "Featherless", "Open models without servers of one's own")
        .at("https://api.featherless.ai/v1")
        .key("featherlessApiKey", "FEATHERLESS_API_KEY")
        .documented("https://featherless.ai/docs/api-overview-and-common-options"),
    kind: Kind::ChatBy(spec),
};

static SPEC: ChatSpec = ChatSpec {
    id: "featherless",
    name: "Featherless",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer(
            "https://api.featherless.ai/v1",
            required_key(settings, "featherlessApiKey")?,
            context,
        ))
    },
    model: |settings, _| model(settings),
    default_temperature: 0.5,
    ..BASE
};

pub(super) static R1: ChatSpec = ChatSpec {
    default_temperature: 0.3,
    chat: &[
        ("model", body::model),
        ("max_tokens", body::table_max_tokens),
        ("temperature", body::plain_temperature),
        ("messages", body::r1_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
    ],
    steps: &[steps::require_choices, steps::text_with_think_tags, steps::usage_at_once],
    end: &[steps::flush_think_tags],
    ..SPEC
};

/// The spec for the model that the settings name.
fn spec(settings: &ProviderSettings) -> &'static ChatSpec {
    if is_r1(&model(settings)) { &R1 } else { &SPEC }
}

fn model(settings: &ProviderSettings) -> Model {
    let mut model = table_model("featherless", settings);
    let temperature = if is_r1(&model) { 0.3 } else { 0.5 };
    model.info = model.info.map(|info| with_fact(info, "temperature", temperature));
    model
}

fn is_r1(model: &Model) -> bool {
    model.id.contains("DeepSeek-R1")
}
