//! PPIO.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("ppio", "PPIO", "Open models in a Chinese edge cloud")
        .at("https://api.ppinfra.com/v3/openai")
        .key("ppioApiKey", "PPIO_API_KEY")
        .documented("https://ppio.com/docs/model/llm"),
);
