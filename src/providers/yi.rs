//! 01.AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("yi", "01.AI", "Yi models from their maker")
        .at("https://api.lingyiwanwu.com/v1")
        .key("yiApiKey", "YI_API_KEY")
        .documented("https://platform.lingyiwanwu.com/docs/api-reference"),
);
