//! Novita AI.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("novita", "Novita AI", "Open models, serverless")
        .at("https://api.novita.ai/openai/v1")
        .key("novitaApiKey", "NOVITA_API_KEY")
        .documented("https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion"),
);
