//! Venice.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("venice", "Venice", "Open models without records of what was said")
        .at("https://api.venice.ai/api/v1")
        .key("veniceApiKey", "VENICE_API_KEY")
        .documented("https://docs.venice.ai/api-reference/endpoint/chat/completions"),
);
