//! Baseten's Model APIs.
//!
//! <https://docs.baseten.co/development/model-apis/overview>

use super::compatible::{Compatible, required_key, table_model};
use crate::protocols::openai_chat::{ChatSpec, Endpoint};

pub(super) static SPEC: ChatSpec = Compatible {
    id: "baseten",
    name: "Baseten",
    default_temperature: 0.5,
    endpoint: |settings, context| {
        Ok(Endpoint::bearer("https://inference.baseten.co/v1", required_key(settings, "basetenApiKey")?, context))
    },
    model: |settings| table_model("baseten", settings),
}
.spec();
