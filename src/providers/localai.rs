//! LocalAI.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("localai", "LocalAI", "Local models in LocalAI")
        .at("http://localhost:8080/v1")
        .key("localaiApiKey", "LOCALAI_API_KEY")
        .documented("https://localai.io/basics/getting_started/")
        .started_by("`local-ai run`"),
);
