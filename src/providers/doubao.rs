//! ByteDance's Doubao on Volcengine Ark, as a child of the generic OpenAI provider.
//!
//! <https://www.volcengine.com/docs/82379/1298454>

use super::compatible::{key_or_placeholder, table_or_kept_model, with_parameters};
use super::kind::{Kind, Provider};
use super::openai::{self, ExtendedSettings};
use crate::catalog::parameters::Format;
use crate::model::Model;
use crate::protocols::openai_chat::body;
use crate::protocols::openai_chat::{ChatSpec, steps};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("doubao", "Doubao", "Doubao models in ByteDance's Volcano Engine")
        .at("https://ark.cn-beijing.volces.com/api/v3")
        .key("doubaoApiKey", "ARK_API_KEY")
        .base_setting("doubaoBaseUrl")
        .documented("https://www.volcengine.com/docs/82379/1298454"),
    kind: Kind::Extended(spec),
};

static SPEC: ChatSpec = ChatSpec {
    id: "doubao",
    model: |settings, _| model(settings),
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", openai::messages_with_marks),
        ("stream", body::stream),
        ("stream_options", openai::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", openai::max_completion_tokens),
    ],
    end: &[steps::flush_think_tags, steps::usage_with_detail_counts],
    list: None,
    ..openai::STREAMED
};

/// The spec, and the settings in the generic provider's names.
fn spec(settings: &ProviderSettings) -> (&'static ChatSpec, ProviderSettings) {
    let extended = settings.extended(
        key_or_placeholder(settings, "doubaoApiKey"),
        settings.text("doubaoBaseUrl").unwrap_or("https://ark.cn-beijing.volces.com/api/v3"),
        &model(settings).id,
    );
    (&SPEC, extended)
}

/// Unknown ids, such as those of one's own endpoints, are kept with the numbers of the default.
fn model(settings: &ProviderSettings) -> Model {
    with_parameters(table_or_kept_model("doubao", settings), Format::OpenAi, settings, 0.0)
}
