//! Infini-AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("infini", "Infini-AI", "Open models on Infinigence's GenStudio")
        .at("https://cloud.infini-ai.com/maas/v1")
        .key("infiniApiKey", "INFINI_API_KEY")
        .documented("https://docs.infini-ai.com/gen-studio/api/maas.html"),
);
