//! Text Generation Inference.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("tgi", "Text Generation Inference", "Models in Hugging Face's inference server")
        .at("http://localhost:8080/v1")
        .key("tgiApiKey", "TGI_API_KEY")
        .documented("https://huggingface.co/docs/text-generation-inference/messages_api")
        .started_by("`docker run --gpus all -p 8080:80 ghcr.io/huggingface/text-generation-inference --model-id MODEL`"),
);
