//! SGLang.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("sglang", "SGLang", "Local models in SGLang")
        .at("http://localhost:30000/v1")
        .key("sglangApiKey", "SGLANG_API_KEY")
        .documented("https://docs.sglang.ai/basic_usage/openai_api_completions.html")
        .started_by("`python -m sglang.launch_server --model-path MODEL`"),
);
