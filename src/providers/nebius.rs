//! Nebius Token Factory.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("nebius", "Nebius Token Factory", "Open models in a European cloud")
        .at("https://api.tokenfactory.nebius.com/v1")
        .key("nebiusApiKey", "NEBIUS_API_KEY")
        .documented("https://docs.tokenfactory.nebius.com/api-reference/introduction"),
);
