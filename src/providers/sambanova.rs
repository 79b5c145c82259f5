//! SambaNova Cloud.
//!
//! <https://docs.sambanova.ai/docs/en/api-reference/overview>

use super::compatible::{BASE, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = ChatSpec {
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
