//! Xiaomi MiMo.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("xiaomi", "Xiaomi MiMo", "MiMo models from their maker")
        .at("https://api.xiaomimimo.com/v1")
        .key("xiaomiApiKey", "MIMO_API_KEY")
        .documented("https://platform.xiaomimimo.com/#/docs"),
);
