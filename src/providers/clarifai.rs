//! Clarifai.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("clarifai", "Clarifai", "Open and own models on Clarifai's compute")
        .at("https://api.clarifai.com/v2/ext/openai/v1")
        .key("clarifaiApiKey", "CLARIFAI_PAT")
        .documented("https://docs.clarifai.com/compute/inference/open-ai"),
);
