//! Nous Research.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("nous", "Nous Research", "Hermes models from their maker, and others")
        .at("https://inference-api.nousresearch.com/v1")
        .key("nousApiKey", "NOUS_API_KEY")
        .documented("https://portal.nousresearch.com/api-docs"),
);
