//! 302.AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("302ai", "302.AI", "A marketplace of models and tools, paid by use")
        .at("https://api.302.ai/v1")
        .key("302aiApiKey", "AI302_API_KEY")
        .documented("https://doc.302.ai"),
);
