//! DigitalOcean.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new(
        "digitalocean",
        "DigitalOcean",
        "Serverless inference on DigitalOcean's Gradient platform",
    )
    .at("https://inference.do-ai.run/v1")
    .key("digitaloceanApiKey", "DIGITALOCEAN_ACCESS_TOKEN")
    .documented(
        "https://docs.digitalocean.com/products/gradient-ai-platform/how-to/use-serverless-inference/",
    ),
);
