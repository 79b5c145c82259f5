//! Upstage.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("upstage", "Upstage", "Solar models from their maker")
        .at("https://api.upstage.ai/v1")
        .key("upstageApiKey", "UPSTAGE_API_KEY")
        .documented("https://console.upstage.ai/api/chat"),
);
