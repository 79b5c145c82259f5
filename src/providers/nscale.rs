//! Nscale.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("nscale", "Nscale", "Open models in a European cloud")
        .at("https://inference.api.nscale.com/v1")
        .key("nscaleApiKey", "NSCALE_SERVICE_TOKEN")
        .documented("https://docs.nscale.com/api-reference/inference/chat"),
);
