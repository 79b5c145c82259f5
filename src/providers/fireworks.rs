//! Fireworks AI.
//!
//! <https://docs.fireworks.ai/api-reference/post-chatcompletions>

use super::compatible::{BASE, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = ChatSpec {
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
