//! Baseten's Model APIs.
//!
//! <https://docs.baseten.co/development/model-apis/overview>

use super::compatible::{BASE, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = ChatSpec {
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
