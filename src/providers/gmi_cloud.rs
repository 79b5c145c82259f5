//! GMI Cloud.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("gmi-cloud", "GMI Cloud", "Open models on GMI's inference engine")
        .at("https://api.gmi-serving.com/v1")
        .key("gmiCloudApiKey", "GMI_CLOUD_API_KEY")
        .documented("https://docs.gmicloud.ai/inference-engine/api-reference/llm-api-reference"),
);
