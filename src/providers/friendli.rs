//! FriendliAI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("friendli", "FriendliAI", "Open models on a fast inference engine")
        .at("https://api.friendli.ai/serverless/v1")
        .key("friendliApiKey", "FRIENDLI_TOKEN")
        .documented("https://friendli.ai/docs/guides/serverless_endpoints/introduction"),
);
