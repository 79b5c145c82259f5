//! SiliconFlow.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("siliconflow", "SiliconFlow", "Open models, served at scale")
        .at("https://api.siliconflow.com/v1")
        .key("siliconflowApiKey", "SILICONFLOW_API_KEY")
        .documented("https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions"),
);
