//! OVHcloud AI Endpoints.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("ovhcloud", "OVHcloud AI Endpoints", "Open models in a European cloud")
        .at("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1")
        .key("ovhcloudApiKey", "OVH_AI_ENDPOINTS_ACCESS_TOKEN")
        .documented("https://help.ovhcloud.com/csm/en-public-cloud-ai-endpoints-getting-started"),
);
