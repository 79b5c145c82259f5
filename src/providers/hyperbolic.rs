//! Hyperbolic.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("hyperbolic", "Hyperbolic", "Open models on a marketplace of processors")
        .at("https://api.hyperbolic.xyz/v1")
        .key("hyperbolicApiKey", "HYPERBOLIC_API_KEY")
        .documented("https://docs.hyperbolic.xyz/docs/rest-api"),
);
