//! Baseten's Model APIs.
//!
//! <https://docs.baseten.co/development/model-apis/overview>

use super::compatible::{BASE, required_key, table_model};
use super::kind::{Kind, Provider};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("baseten", "Baseten", "Open models on Baseten's inference platform")
        .at("https://inference.baseten.co/v1")
        .key("basetenApiKey", "BASETEN_API_KEY")
        .documented("https://docs.baseten.co/development/model-apis/overview"),
    kind: Kind::Chat(&SPEC),
};

static SPEC: ChatSpec = ChatSpec {
    id: "baseten",
    name: "Baseten",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer(
            "https://inference.baseten.co/v1",
            required_key(settings, "basetenApiKey")?,
            context,
        ))
    },
    model: |settings, _| table_model("baseten", settings),
    default_temperature: 0.5,
    ..BASE
};
