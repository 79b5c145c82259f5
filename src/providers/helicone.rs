//! Helicone.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("helicone", "Helicone", "An AI gateway that records what goes through it")
        .at("https://ai-gateway.helicone.ai/v1")
        .key("heliconeApiKey", "HELICONE_API_KEY")
        .documented("https://docs.helicone.ai/rest/ai-gateway/post-v1-chat-completions"),
);
