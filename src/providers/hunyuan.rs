//! Tencent Hunyuan.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("hunyuan", "Tencent Hunyuan", "Hunyuan models from their maker")
        .at("https://api.hunyuan.cloud.tencent.com/v1")
        .key("hunyuanApiKey", "HUNYUAN_API_KEY")
        .documented("https://cloud.tencent.com/document/product/1729/111007"),
);
