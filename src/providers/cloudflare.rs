//! Cloudflare Workers AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new(
        "cloudflare",
        "Cloudflare Workers AI",
        "Open models at the edge of Cloudflare's network",
    )
    .at("https://api.cloudflare.com/client/v4/accounts/{cloudflareAccountId}/ai/v1")
    .key("cloudflareApiKey", "CLOUDFLARE_API_TOKEN")
    .documented("https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/"),
);
