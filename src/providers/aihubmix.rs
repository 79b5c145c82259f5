//! AIHubMix.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("aihubmix", "AIHubMix", "Models of many makers behind one key")
        .at("https://aihubmix.com/v1")
        .key("aihubmixApiKey", "AIHUBMIX_API_KEY")
        .documented("https://docs.aihubmix.com"),
);
