//! AI21 Labs.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("ai21", "AI21 Labs", "Jamba models from their maker")
        .at("https://api.ai21.com/studio/v1")
        .key("ai21ApiKey", "AI21_API_KEY")
        .documented("https://docs.ai21.com/reference/jamba-1-6-api-ref"),
);
