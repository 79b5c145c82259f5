//! Llama API.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("llama-api", "Llama API", "Llama models from their maker, Meta")
        .at("https://api.llama.com/compat/v1")
        .key("llamaApiApiKey", "LLAMA_API_KEY")
        .documented("https://llama.developer.meta.com/docs/features/compatibility"),
);
