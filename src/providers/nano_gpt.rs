//! NanoGPT.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("nano-gpt", "NanoGPT", "Models of many makers, paid by use without an account")
        .at("https://nano-gpt.com/api/v1")
        .key("nanoGptApiKey", "NANOGPT_API_KEY")
        .documented("https://docs.nano-gpt.com"),
);
