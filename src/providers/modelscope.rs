//! ModelScope.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("modelscope", "ModelScope", "Open models of Alibaba's model community")
        .at("https://api-inference.modelscope.cn/v1")
        .key("modelscopeApiKey", "MODELSCOPE_API_KEY")
        .documented("https://modelscope.cn/docs/model-service/API-Inference/intro"),
);
