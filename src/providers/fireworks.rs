//! Fireworks AI.
//!
//! <https://docs.fireworks.ai/api-reference/post-chatcompletions>

use super::compatible::{Compatible, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = Compatible {
    id: "fireworks",
    name: "Fireworks",
    default_temperature: 0.5,
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://api.fireworks.ai/inference/v1", required_key(settings, "fireworksApiKey")?, context))
    },
    model: |settings| table_model("fireworks", settings),
}
.spec();
