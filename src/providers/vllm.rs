//! vLLM.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("vllm", "vLLM", "Local models in vLLM")
        .at("http://localhost:8000/v1")
        .key("vllmApiKey", "VLLM_API_KEY")
        .documented("https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html")
        .started_by("`vllm serve MODEL`"),
);
