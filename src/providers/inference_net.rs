//! Inference.net.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("inference-net", "Inference.net", "Open models on a network of processors")
        .at("https://api.inference.net/v1")
        .key("inferenceNetApiKey", "INFERENCE_API_KEY")
        .documented("https://docs.inference.net/api/api-quickstart"),
);
