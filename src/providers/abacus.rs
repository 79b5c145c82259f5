//! Abacus.AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("abacus", "Abacus.AI", "RouteLLM: a router that picks a model of many makers")
        .at("https://routellm.abacus.ai/v1")
        .key("abacusApiKey", "ABACUS_API_KEY")
        .documented("https://abacus.ai/help/api"),
);
