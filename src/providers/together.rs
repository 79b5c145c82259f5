//! Together AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("together", "Together AI", "Open models, served at scale")
        .at("https://api.together.xyz/v1")
        .key("togetherApiKey", "TOGETHER_API_KEY")
        .documented("https://docs.together.ai/docs/openai-api-compatibility"),
);
