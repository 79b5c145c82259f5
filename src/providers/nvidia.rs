//! NVIDIA NIM.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("nvidia", "NVIDIA NIM", "Open models on NVIDIA's own cloud")
        .at("https://integrate.api.nvidia.com/v1")
        .key("nvidiaApiKey", "NVIDIA_API_KEY")
        .documented("https://docs.api.nvidia.com/nim/reference/llm-apis"),
);
