//! Alibaba DashScope.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("dashscope", "Alibaba DashScope", "Qwen models from their maker, in Model Studio")
        .at("https://dashscope.aliyuncs.com/compatible-mode/v1")
        .key("dashscopeApiKey", "DASHSCOPE_API_KEY")
        .also_called(&["qwen"])
        .documented(
            "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        ),
);
