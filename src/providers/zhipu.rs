//! Zhipu AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("zhipu", "Zhipu AI", "GLM models from their maker, on its Chinese platform")
        .at("https://open.bigmodel.cn/api/paas/v4")
        .key("zhipuApiKey", "ZHIPU_API_KEY")
        .documented("https://docs.bigmodel.cn/cn/guide/develop/openai/introduction"),
);
