//! Scaleway.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("scaleway", "Scaleway", "Open models in a European cloud")
        .at("https://api.scaleway.ai/v1")
        .key("scalewayApiKey", "SCW_SECRET_KEY")
        .documented("https://www.scaleway.com/en/developers/api/generative-apis/"),
);
