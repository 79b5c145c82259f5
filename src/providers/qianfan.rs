//! Baidu Qianfan.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("qianfan", "Baidu Qianfan", "ERNIE models from their maker, and others")
        .at("https://qianfan.baidubce.com/v2")
        .key("qianfanApiKey", "QIANFAN_API_KEY")
        .documented("https://cloud.baidu.com/doc/qianfan-api/s/3m7of64lb"),
);
