//! KoboldCpp.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("koboldcpp", "KoboldCpp", "Local models in KoboldCpp")
        .at("http://localhost:5001/v1")
        .key("koboldcppApiKey", "KOBOLDCPP_API_KEY")
        .documented("https://github.com/LostRuins/koboldcpp/wiki")
        .started_by("`koboldcpp --model model.gguf`"),
);
