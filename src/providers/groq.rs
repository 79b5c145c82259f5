//! Groq Cloud.
//!
//! <https://console.groq.com/docs/api-reference>

use super::compatible::{Compatible, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = Compatible {
    id: "groq",
    name: "Groq",
    default_temperature: 0.5,
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://api.groq.com/openai/v1", required_key(settings, "groqApiKey")?, context))
    },
    model: |settings| table_model("groq", settings),
}
.spec();
