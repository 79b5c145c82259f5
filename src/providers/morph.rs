//! Morph.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("morph", "Morph", "Models that apply code edits fast")
        .at("https://api.morphllm.com/v1")
        .key("morphApiKey", "MORPH_API_KEY")
        .documented("https://docs.morphllm.com/api-reference/introduction"),
);
