//! PPIO.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("ppio", "PPIO", "Open models in a Chinese edge cloud")
        .at("https://api.ppio.com/openai/v1")
        .key("ppioApiKey", "PPIO_API_KEY")
        .documented("https://github.com/PPIO/ppio-skills/blob/main/skills/ppio-docs/references/llm-guide.md"),
);
