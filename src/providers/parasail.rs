//! Parasail.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("parasail", "Parasail", "Open models, serverless")
        .at("https://api.parasail.io/v1")
        .key("parasailApiKey", "PARASAIL_API_KEY")
        .documented("https://docs.parasail.io/parasail-docs/cookbooks/chat-completions"),
);
