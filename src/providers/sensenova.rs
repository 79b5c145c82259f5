//! SenseNova.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("sensenova", "SenseNova", "SenseTime's models from their maker")
        .at("https://api.sensenova.cn/compatible-mode/v1")
        .key("sensenovaApiKey", "SENSENOVA_API_KEY")
        .documented("https://www.sensecore.cn/help/docs/model-as-a-service/nova/overview/compatible-mode"),
);
