//! StepFun.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("stepfun", "StepFun", "Step models from their maker")
        .at("https://api.stepfun.com/v1")
        .key("stepfunApiKey", "STEPFUN_API_KEY")
        .documented("https://platform.stepfun.com/docs/zh/api-reference/chat/chat-completion-create"),
);
