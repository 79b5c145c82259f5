//! OpenAI, through its Responses API.
//!
//! <https://platform.openai.com/docs/api-reference/responses>

use std::sync::Arc;

use super::compatible::{key_or_placeholder, table_model};
use super::kind::{Kind, Provider};
use crate::catalog::parameters::{Format, Parameters};
use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::model::Model;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::join;
use crate::protocols::openai_responses::{Endpoint, Responses, ResponsesSpec, SESSION_ID};
use crate::provider::AiProvider;
use crate::registry::{Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("openai-native", "OpenAI", "OpenAI's models from their maker")
        .at("https://api.openai.com")
        .key("openAiNativeApiKey", "OPENAI_API_KEY")
        .speaks(Protocol::Responses)
        .base_setting("openAiNativeBaseUrl")
        .documented("https://platform.openai.com/docs/api-reference/responses"),
    kind: Kind::Own(build),
};

#[expect(clippy::unnecessary_wraps, reason = "a Build")]
fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    Ok(Arc::new(Driver::new(Responses::new(&SPEC, settings, context), context)))
}

static SPEC: ResponsesSpec = ResponsesSpec {
    id: "openai-native",
    name: "OpenAI Native",
    endpoint,
    model,
    tier: |settings| settings.non_empty("openAiNativeServiceTier"),
    summaries: |settings| {
        settings.get("enableResponsesReasoningSummary").is_none_or(|set| set.is_null() || set.is_truthy())
    },
    status_text,
};

const DEFAULT_HOST: &str = "https://api.openai.com";

fn endpoint(settings: &ProviderSettings, context: &Context) -> Endpoint {
    let identity = &context.identity;
    let system = format!("{} {}; {}", identity.platform(), identity.os_release, identity.arch);
    let runtime = format!("{}/{}", identity.runtime, identity.runtime_version.trim_start_matches('v'));
    let origin = [
        ("originator", "roo-code".to_owned()),
        (SESSION_ID, context.ids.uuid_v7(context.clock.now())),
        ("User-Agent", format!("roo-code/{} ({system}) {runtime}", identity.version)),
    ];
    let key = key_or_placeholder(settings, "openAiNativeApiKey");
    let mut headers = HeaderBlock::sdk(context);
    headers.bearer(key);
    for (name, value) in &origin {
        headers.set(name, value);
    }
    headers.content_type();
    let mut fallback_headers = HeaderBlock::default();
    fallback_headers.set("Content-Type", "application/json");
    fallback_headers.set_secret("Authorization", &format!("Bearer {key}"));

    let custom = settings.get("openAiNativeBaseUrl").map(|url| url.as_str().unwrap_or_default());
    let environment = || context.env("OPENAI_BASE_URL").map_or("", str::trim);
    let base = match custom.unwrap_or_else(environment) {
        "" => format!("{DEFAULT_HOST}/v1"),
        base => base.to_owned(),
    };
    // The reference appends the version here even to a base that has one.
    let fallback_base = custom.filter(|base| !base.is_empty()).unwrap_or(DEFAULT_HOST);
    Endpoint {
        url: join(&base, "/responses"),
        headers,
        fallback_url: format!("{fallback_base}/v1/responses"),
        fallback_headers,
        origin,
    }
}

/// Two ids of the table stand for one model at different efforts.
fn model(settings: &ProviderSettings) -> Model {
    let model = table_model("openai-native", settings);
    let parameters = Parameters::derive(Format::OpenAi, &model.id, model.info(), settings, 0.0).to_object();
    let id = if model.id.starts_with("o3-mini") { "o3-mini".into() } else { model.id.clone() };
    Model { id, parameters, ..model }
}

fn status_text(status: u16) -> Option<&'static str> {
    Some(match status {
        400 => "Invalid request to Responses API. Please check your input parameters.",
        401 => "Authentication failed. Please check your OpenAI API key.",
        403 => "Access denied. Your API key may not have access to this endpoint.",
        404 => {
            "Responses API endpoint not found. The endpoint may not be available yet or requires a different configuration."
        }
        429 => "Rate limit exceeded. Please try again later.",
        500 | 502 | 503 => "OpenAI service error. Please try again later.",
        _ => return None,
    })
}
