//! Synthetic.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("synthetic", "Synthetic", "Open models behind a subscription")
        .at("https://api.synthetic.new/openai/v1")
        .key("syntheticApiKey", "SYNTHETIC_API_KEY")
        .documented("https://dev.synthetic.new/docs/openai/chat-completions"),
);
