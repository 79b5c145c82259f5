//! Anthropic.
//!
//! <https://docs.anthropic.com/en/api/overview>

use super::compatible::table_model;
use super::kind::{Kind, Provider};
use crate::Error;
use crate::catalog::parameters::{Format, Parameters};
use crate::context::Context;
use crate::json::{Object, Value};
use crate::model::{Model, ModelInfo};
use crate::protocols::anthropic::{Counting, Endpoint, Hosting, MessagesSpec, body};
use crate::protocols::openai_chat::join;
use crate::registry::{AuthStyle, Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("anthropic", "Anthropic", "Claude models from their maker")
        .at("https://api.anthropic.com")
        .key("apiKey", "ANTHROPIC_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Messages)
        .base_setting("anthropicBaseUrl")
        .documented("https://docs.anthropic.com/en/api/overview"),
    kind: Kind::Messages(&SPEC),
};

static SPEC: MessagesSpec = MessagesSpec {
    id: "anthropic",
    endpoint,
    model,
    betas,
    chat: &[
        ("model", body::model),
        ("max_tokens", body::max_tokens),
        ("temperature", body::temperature),
        ("thinking", body::thinking),
        ("system", body::system),
        ("messages", body::messages),
        ("stream", body::stream),
        ("tools", body::tools),
        ("tool_choice", body::tool_choice_and_parallel),
    ],
    completion: &[
        ("model", body::model),
        ("max_tokens", body::default_max_tokens),
        ("temperature", body::temperature),
        ("messages", body::prompt),
        ("stream", body::no_stream),
    ],
    counting: Counting::WithCost,
    hosting: &Hosting::DIRECT,
};

/// The one model whose id in settings differs from the one on the wire.
const THINKING_SUFFIX: &str = ":thinking";

/// Models that have a window of a million tokens on request.
const LONG_CONTEXT_MODELS: &[&str] = &["claude-sonnet-4-5", "claude-sonnet-4-20250514"];

fn endpoint(settings: &ProviderSettings, context: &Context) -> Result<Endpoint, Error> {
    let own_base = settings.non_empty("anthropicBaseUrl");
    let wants_bearer = own_base.is_some() && settings.is_truthy("anthropicUseAuthToken");
    let own_key = settings.text("apiKey");
    let (key, token) = if wants_bearer { (None, own_key) } else { (own_key, None) };
    let base = own_base.or_else(|| trimmed(context, "ANTHROPIC_BASE_URL").filter(|base| !base.is_empty()));
    Ok(Endpoint {
        url: join(base.unwrap_or("https://api.anthropic.com"), "/v1/messages"),
        authorization: authorization(key, token, context),
    })
}

/// The SDK's choice: a key beats a token, an empty key blocks both.
pub(super) fn authorization(
    key: Option<&str>,
    token: Option<&str>,
    context: &Context,
) -> Option<(&'static str, String)> {
    let key = key.or_else(|| trimmed(context, "ANTHROPIC_API_KEY"));
    let token = token.or_else(|| trimmed(context, "ANTHROPIC_AUTH_TOKEN"));
    match (key, token) {
        (Some(""), _) | (None, None | Some("")) => None,
        (Some(key), _) => Some(("x-api-key", key.to_owned())),
        (None, Some(token)) => Some(("authorization", format!("Bearer {token}"))),
    }
}

fn trimmed<'a>(context: &'a Context, variable: &str) -> Option<&'a str> {
    context.env(variable).map(str::trim)
}

fn model(settings: &ProviderSettings) -> Model {
    let Model { id, info, .. } = table_model("anthropic", settings);
    let is_known = info.is_some();
    let mut info = info.unwrap_or_default();
    if settings.is_truthy("anthropicBeta1MContext") && LONG_CONTEXT_MODELS.contains(&id.as_str()) {
        use_long_context(&mut info);
    }
    let derived = Parameters::derive(Format::Anthropic, &id, &info, settings, 0.0);
    let mut parameters = Object::new();
    if id.ends_with(THINKING_SUFFIX) {
        parameters.insert("betas", vec![Value::from("output-128k-2025-02-19")]);
    }
    parameters.extend(derived.to_object());
    let id = id.strip_suffix(THINKING_SUFFIX).unwrap_or(&id);
    let model = if is_known { Model::new(id, info) } else { Model::without_info(id) };
    Model { parameters, ..model }
}

/// Takes window and prices of the first tier.
pub(super) fn use_long_context(info: &mut ModelInfo) {
    let Some(tier) = info.get("tiers").and_then(|tiers| tiers.at(0)).cloned() else { return };
    for fact in ["contextWindow", "inputPrice", "outputPrice", "cacheWritesPrice", "cacheReadsPrice"] {
        if let Some(value) = tier.get(fact) {
            info.as_object_mut().insert(fact, value.clone());
        }
    }
}

fn betas(settings: &ProviderSettings, model: &Model) -> String {
    if model.info.is_none() {
        return String::new();
    }
    let of_model = model.parameters.get("betas").and_then(|betas| betas.at(0)).and_then(Value::as_str);
    let mut betas = vec![of_model.unwrap_or("fine-grained-tool-streaming-2025-05-14")];
    if settings.is_truthy("anthropicBeta1MContext") && LONG_CONTEXT_MODELS.contains(&model.id.as_str()) {
        betas.push("context-1m-2025-08-07");
    }
    betas.push("prompt-caching-2024-07-31");
    betas.join(",")
}
