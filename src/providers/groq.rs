//! Groq Cloud.
//!
//! <https://console.groq.com/docs/api-reference>

use super::compatible::{BASE, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = ChatSpec {
    id: "groq",
    name: "Groq",
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://api.groq.com/openai/v1", required_key(settings, "groqApiKey")?, context))
    },
    model: |settings, _| table_model("groq", settings),
    default_temperature: 0.5,
    ..BASE
};
