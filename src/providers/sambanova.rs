//! SambaNova Cloud.
//!
//! <https://docs.sambanova.ai/docs/en/api-reference/overview>

use super::compatible::{BASE, required_key, table_model};
use super::kind::{Kind, Provider};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("sambanova", "SambaNova", "Open models on reconfigurable dataflow units")
        .at("https://api.sambanova.ai/v1")
        .key("sambaNovaApiKey", "SAMBANOVA_API_KEY")
        .documented("https://docs.sambanova.ai/docs/en/api-reference/overview"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "sambanova",
    name: "SambaNova",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer(
            "https://api.sambanova.ai/v1",
            required_key(settings, "sambaNovaApiKey")?,
            context,
        ))
    },
    model: |settings, _| table_model("sambanova", settings),
    default_temperature: 0.7,
    ..BASE
};
