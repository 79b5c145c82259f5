//! Poe.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("poe", "Poe", "Models and bots of many makers behind one subscription")
        .at("https://api.poe.com/v1")
        .key("poeApiKey", "POE_API_KEY")
        .documented("https://creator.poe.com/docs/external-applications/openai-compatible-api"),
);
