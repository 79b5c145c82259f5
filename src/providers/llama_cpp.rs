//! llama.cpp server.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("llama-cpp", "llama.cpp server", "Local models in llama.cpp's server")
        .at("http://localhost:8080/v1")
        .key("llamaCppApiKey", "LLAMA_CPP_API_KEY")
        .documented("https://github.com/ggml-org/llama.cpp/tree/master/tools/server")
        .started_by("`llama-server -m model.gguf`"),
);
