//! Baichuan.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("baichuan", "Baichuan", "Baichuan models from their maker")
        .at("https://api.baichuan-ai.com/v1")
        .key("baichuanApiKey", "BAICHUAN_API_KEY")
        .documented("https://platform.baichuan-ai.com/docs/api"),
);
