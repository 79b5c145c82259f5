//! W&B Inference.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("wandb", "W&B Inference", "Open models beside the records of Weights & Biases")
        .at("https://api.inference.wandb.ai/v1")
        .key("wandbApiKey", "WANDB_API_KEY")
        .documented("https://docs.wandb.ai/guides/inference/api-reference/"),
);
