//! The fields of a request body in their order.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create>

use super::{messages, tools};
use crate::answer_format::AnswerFormat;
use crate::catalog::parameters::selected_effort;
use crate::json::{Object, Value, object};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;

/// A body field: its name, and the rule that gives its value; `None` leaves it out.
pub(super) type BodyField = (&'static str, fn(&BodyInput<'_>) -> Option<Value>);

/// What a rule may look at.
pub(super) struct BodyInput<'a> {
    pub(super) settings: &'a ProviderSettings,
    pub(super) model: &'a Model,
    /// The service tier that the settings ask for.
    pub(super) tier: Option<&'a str>,
    /// Whether summaries of the reasoning are wanted.
    pub(super) summaries: bool,
    pub(super) request: &'a ChatRequest,
    /// The prompt of a completion; empty in a conversation.
    pub(super) prompt: &'a str,
}

pub(super) const CHAT: &[BodyField] = &[
    ("model", |body| Some(body.model.id.clone().into())),
    ("input", |body| Some(messages::convert(&body.request.messages).into())),
    ("stream", |_| Some(true.into())),
    ("store", |_| Some(false.into())),
    ("instructions", |body| Some(body.request.system_prompt.as_str().into())),
    ("include", include),
    ("reasoning", reasoning),
    ("temperature", temperature),
    ("max_output_tokens", max_output_tokens),
    ("service_tier", service_tier),
    ("prompt_cache_retention", prompt_cache_retention),
    ("tools", |body| Some(tools::convert(body.request.tools.as_deref().unwrap_or_default()))),
    ("tool_choice", |body| body.request.tool_choice.as_ref().map(crate::ToolChoice::to_json)),
    ("parallel_tool_calls", |body| Some(body.request.parallel_tool_calls.unwrap_or(false).into())),
    ("text", text),
];

pub(super) const COMPLETION: &[BodyField] = &[
    ("model", |body| Some(body.model.id.clone().into())),
    ("input", |body| Some(vec![messages::user_text(body.prompt)].into())),
    ("stream", |_| Some(false.into())),
    ("store", |_| Some(false.into())),
    ("include", include),
    ("service_tier", service_tier),
    ("reasoning", reasoning),
    ("temperature", temperature),
    ("max_output_tokens", max_output_tokens),
    ("text", text),
    ("prompt_cache_retention", prompt_cache_retention),
];

/// Writes the fields in their order.
pub(super) fn build(fields: &[BodyField], input: &BodyInput<'_>) -> Value {
    let mut body = Object::with_capacity(fields.len());
    for (name, rule) in fields {
        body.insert_some(*name, rule(input));
    }
    body.into()
}

/// Nothing is stored at the service, so reasoning must come back encrypted to travel with the next turn.
fn include(body: &BodyInput<'_>) -> Option<Value> {
    effort(body).map(|_| vec![Value::from("reasoning.encrypted_content")].into())
}

fn reasoning(body: &BodyInput<'_>) -> Option<Value> {
    let mut reasoning = object! { "effort": effort(body)? };
    reasoning.insert_some("summary", body.summaries.then_some("auto"));
    Some(reasoning.into())
}

/// The effort as it is named, whatever the model's own list says.
fn effort(body: &BodyInput<'_>) -> Option<Value> {
    selected_effort(body.model.info(), body.settings)
        .filter(|effort| effort.is_truthy() && effort.as_str() != Some("disable"))
}

fn temperature(body: &BodyInput<'_>) -> Option<Value> {
    let refused = body.model.info().get("supportsTemperature").and_then(Value::as_bool) == Some(false);
    (!refused).then(|| body.settings.number("modelTemperature").unwrap_or(0.0).into())
}

fn max_output_tokens(body: &BodyInput<'_>) -> Option<Value> {
    body.model.parameter("maxTokens").filter(|limit| limit.is_truthy()).cloned()
}

/// The tier that the settings ask for, if the model has it.
fn service_tier(body: &BodyInput<'_>) -> Option<Value> {
    let wanted = body.tier?;
    let tiers = body.model.info().get("tiers").and_then(Value::as_array);
    let named = |tier: &Value| tier.get("name").and_then(Value::as_str) == Some(wanted);
    let offered = wanted == "default" || tiers.is_some_and(|tiers| tiers.iter().any(named));
    offered.then(|| wanted.into())
}

fn prompt_cache_retention(body: &BodyInput<'_>) -> Option<Value> {
    let info = body.model.info();
    let retention = info.get("promptCacheRetention").filter(|retention| retention.as_str() == Some("24h"));
    retention.filter(|_| info.supports_prompt_cache()).cloned()
}

fn text(body: &BodyInput<'_>) -> Option<Value> {
    let mut text = Object::with_capacity(2);
    if body.model.info().flag("supportsVerbosity") {
        let wanted = body.settings.get("verbosity").filter(|verbosity| verbosity.is_truthy());
        text.insert("verbosity", wanted.cloned().unwrap_or_else(|| "medium".into()));
    }
    text.insert_some("format", body.request.answer_format.as_ref().map(AnswerFormat::for_responses));
    (!text.is_empty()).then(|| text.into())
}
