//! Fireworks AI.
//!
//! <https://docs.fireworks.ai/api-reference/post-chatcompletions>

use super::compatible::{BASE, required_key, table_model};
use super::kind::{Kind, Provider};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("fireworks", "Fireworks AI", "Open models on a fast inference platform")
        .at("https://api.fireworks.ai/inference/v1")
        .key("fireworksApiKey", "FIREWORKS_API_KEY")
        .documented("https://docs.fireworks.ai/api-reference/post-chatcompletions"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "fireworks",
    name: "Fireworks",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer(
            "https://api.fireworks.ai/inference/v1",
            required_key(settings, "fireworksApiKey")?,
            context,
        ))
    },
    model: |settings, _| table_model("fireworks", settings),
    default_temperature: 0.5,
    ..BASE
};
