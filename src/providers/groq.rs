//! Groq Cloud.
//!
//! <https://console.groq.com/docs/api-reference>

use super::compatible::{BASE, required_key, table_model};
use super::kind::{Kind, Provider};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("groq", "Groq", "Open models on language processing units")
        .at("https://api.groq.com/openai/v1")
        .key("groqApiKey", "GROQ_API_KEY")
        .documented("https://console.groq.com/docs/api-reference"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "groq",
    name: "Groq",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://api.groq.com/openai/v1", required_key(settings, "groqApiKey")?, context))
    },
    model: |settings, _| table_model("groq", settings),
    default_temperature: 0.5,
    ..BASE
};
