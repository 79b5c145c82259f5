//! Inception.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("inception", "Inception", "Mercury, diffusion models from their maker")
        .at("https://api.inceptionlabs.ai/v1")
        .key("inceptionApiKey", "INCEPTION_API_KEY")
        .documented("https://docs.inceptionlabs.ai"),
);
