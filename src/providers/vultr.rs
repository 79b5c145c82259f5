//! Vultr.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("vultr", "Vultr", "Serverless inference in Vultr's cloud")
        .at("https://api.vultrinference.com/v1")
        .key("vultrApiKey", "VULTR_INFERENCE_API_KEY")
        .documented("https://docs.vultr.com/vultr-serverless-inference"),
);
