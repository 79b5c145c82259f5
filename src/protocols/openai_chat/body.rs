//! The fields of a request body, as rules that providers list in their order.
//!
//! A provider's list is at once the allow-list of its parameters and the order of its bytes.

use super::messages::{self, Conversion};
use super::wire::ChatSpec;
use super::{r1, tools};
use crate::Text;
use crate::catalog::parameters::{self, Format};
use crate::json::{Object, Value};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;

/// A body field: its name, and the rule that gives its value; `None` leaves it out.
pub(crate) type BodyField = (&'static str, fn(&BodyInput<'_>) -> Option<Value>);

/// What a rule may look at.
pub(crate) struct BodyInput<'a> {
    pub(crate) spec: &'a ChatSpec,
    pub(crate) settings: &'a ProviderSettings,
    pub(crate) model: &'a Model,
    pub(crate) request: &'a ChatRequest,
    /// The prompt of a completion; empty in a conversation.
    pub(crate) prompt: &'a str,
}

/// Writes the fields in their order.
pub(crate) fn build(fields: &[BodyField], input: &BodyInput<'_>) -> Value {
    let mut body = Object::with_capacity(fields.len());
    for (name, rule) in fields {
        body.insert_some(Text::from_static(name), rule(input));
    }
    body.into()
}

pub(crate) fn model(input: &BodyInput<'_>) -> Option<Value> {
    Some(input.model.id.clone().into())
}

pub(crate) fn stream(_: &BodyInput<'_>) -> Option<Value> {
    Some(true.into())
}

pub(crate) fn no_stream(_: &BodyInput<'_>) -> Option<Value> {
    Some(false.into())
}

/// Asks for a last event with the token counts.
pub(crate) fn include_usage(_: &BodyInput<'_>) -> Option<Value> {
    Some(crate::json::object! { "include_usage": true }.into())
}

/// The system prompt, then the conversation.
pub(crate) fn system_and_messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut list = messages::convert(&input.request.messages, Conversion::default());
    list.insert(0, messages::system(&input.request.system_prompt));
    Some(list.into())
}

/// The conversation with the system prompt as its first user turn, neighbours merged.
pub(crate) fn r1_messages(input: &BodyInput<'_>) -> Option<Value> {
    let turns = r1::with_system_as_user(&input.request.system_prompt, &input.request.messages);
    Some(r1::convert(&turns, false).into())
}

/// A completion's one user message.
pub(crate) fn prompt(input: &BodyInput<'_>) -> Option<Value> {
    Some(vec![messages::text_message("user", input.prompt)].into())
}

/// The setting, else the model's default, else the provider's.
pub(crate) fn temperature(input: &BodyInput<'_>) -> Option<Value> {
    let own = input.settings.number("modelTemperature");
    let default = own.or_else(|| input.model.info().number("defaultTemperature"));
    Some(default.unwrap_or(input.spec.default_temperature).into())
}

/// The model's limit, at most a fifth of its context.
pub(crate) fn clamped_max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    let info = input.model.info();
    parameters::max_output_tokens(&input.model.id, info, input.settings, Some(Format::OpenAi))
        .map(Value::from)
}

/// The model's limit as the table has it.
pub(crate) fn table_max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    input.model.info().get("maxTokens").cloned()
}

pub(crate) fn strict_tools(input: &BodyInput<'_>) -> Option<Value> {
    tools::strict(input.request.tools.as_deref())
}

/// The tools as they were given.
pub(crate) fn plain_tools(input: &BodyInput<'_>) -> Option<Value> {
    let tools = input.request.tools.as_deref()?;
    Some(tools.iter().map(|tool| tool.as_json().clone()).collect())
}

/// The limit that follows from model and settings.
pub(crate) fn parameter_max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameter("maxTokens").cloned()
}

/// The temperature that follows from model and settings.
pub(crate) fn parameter_temperature(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameter("temperature").cloned()
}

/// The effort that follows from model and settings.
pub(crate) fn parameter_effort(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameter("reasoningEffort").cloned()
}

/// The setting, else the provider's own; the model's facts are not asked.
pub(crate) fn plain_temperature(input: &BodyInput<'_>) -> Option<Value> {
    Some(input.settings.number("modelTemperature").unwrap_or(input.spec.default_temperature).into())
}

/// As [`plain_temperature`], but not for the one family that routers know to refuse it.
pub(crate) fn router_temperature(input: &BodyInput<'_>) -> Option<Value> {
    takes_temperature(input).then(|| plain_temperature(input))?
}

pub(crate) fn takes_temperature(input: &BodyInput<'_>) -> bool {
    !input.model.id.starts_with("openai/o3-mini")
}

pub(crate) fn tool_choice(input: &BodyInput<'_>) -> Option<Value> {
    input.request.tool_choice.as_ref().map(crate::tool::ToolChoice::to_json)
}

/// Sent even without tools, and `false` unless asked for.
pub(crate) fn parallel_tool_calls(input: &BodyInput<'_>) -> Option<Value> {
    Some(input.request.parallel_tool_calls.unwrap_or(false).into())
}

/// `{type: "enabled"}` for models that reason or not, when reasoning is switched on.
pub(crate) fn binary_thinking(input: &BodyInput<'_>) -> Option<Value> {
    let on = input.settings.is_truthy("enableReasoningEffort")
        && input.model.info().flag("supportsReasoningBinary");
    on.then(|| crate::json::object! { "type": "enabled" }.into())
}
