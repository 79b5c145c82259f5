//! Request bodies: keys in the alphabetical order in which the SDK's models have them.

use super::errors::Thrown;
use super::schema;
use crate::json::{Object, Value, object};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::tool::{Tool, ToolChoice};

/// What the service passes on to the model: thinking and beta features.
pub(super) fn additional_fields(model: &Model, request: &ChatRequest, betas: &[&str]) -> Option<Value> {
    let mut fields = Object::new();
    if let Some(budget) = thinking_budget(model, request) {
        fields.insert("thinking", object! { "type": "enabled", "budget_tokens": budget });
    }
    if !betas.is_empty() {
        fields.insert("anthropic_beta", betas.iter().map(|beta| Value::from(*beta)).collect::<Value>());
    }
    (!fields.is_empty()).then(|| fields.into())
}

fn thinking_budget(model: &Model, request: &ChatRequest) -> Option<Value> {
    if !model.info().flag("supportsReasoningBudget") {
        return None;
    }
    let asked = request.metadata.get("thinking").filter(|t| t.get("enabled").is_some_and(Value::is_truthy));
    let by_settings = model.parameters.get("reasoningBudget");
    if asked.is_none() && by_settings.is_none() {
        return None;
    }
    let own = asked.or_else(|| request.metadata.get("thinking")).and_then(|t| t.get("maxThinkingTokens"));
    let budget = own.filter(|budget| budget.is_truthy()).or(by_settings).cloned();
    Some(budget.unwrap_or(DEFAULT_BUDGET.into()))
}

pub(super) fn inference(model: &Model) -> Value {
    let mut inference = Object::with_capacity(2);
    let parameter = |key: &str| model.parameters.get(key).cloned();
    inference
        .insert_some("maxTokens", parameter("maxTokens").or_else(|| model.info().get("maxTokens").cloned()));
    inference.insert_some("temperature", parameter("temperature"));
    inference.into()
}

pub(super) fn message(role: &'static str, content: Vec<Value>) -> Value {
    object! { "content": content, "role": role }.into()
}

/// The tools and which of them must be called; sent without tools too.
pub(super) fn tool_config(request: &ChatRequest) -> Result<Value, Thrown> {
    let mut config = Object::with_capacity(2);
    config.insert_some("toolChoice", tool_choice(request.tool_choice.as_ref().unwrap_or(&ToolChoice::Auto)));
    let tools = request.tools.as_deref().unwrap_or_default();
    let specs: Result<Vec<Value>, Thrown> =
        tools.iter().filter_map(Tool::as_function).map(tool_spec).collect();
    config.insert("tools", specs?);
    Ok(config.into())
}

fn tool_spec(function: &Value) -> Result<Value, Thrown> {
    let get = |key: &str| function.get(key);
    let Some(parameters) = get("parameters") else {
        let name = get("name").and_then(Value::as_str).unwrap_or_default();
        return Err(Thrown::unsendable(format!("the tool `{name}` has no parameters")));
    };
    let mut spec = Object::with_capacity(3);
    spec.insert_some("description", get("description").filter(|text| !text.is_null()).cloned());
    spec.insert("inputSchema", object! { "json": schema::normalise(parameters) });
    spec.insert_some("name", get("name").filter(|name| !name.is_null()).cloned());
    Ok(object! { "toolSpec": spec }.into())
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    let auto = || object! { "auto": Object::new() };
    let tool = |name: Option<Value>| {
        let mut tool = Object::with_capacity(1);
        tool.insert_some("name", name);
        object! { "tool": tool }
    };
    let choice = match choice {
        ToolChoice::None => return None,
        ToolChoice::Auto => auto(),
        ToolChoice::Required => object! { "any": Object::new() },
        ToolChoice::Function(name) => tool(Some(name.clone().into())),
        ToolChoice::Other(value) => match value.get("function") {
            Some(function) => tool(function.get("name").cloned()),
            None => auto(),
        },
    };
    Some(choice.into())
}

/// The thinking budget where neither request nor settings name one.
const DEFAULT_BUDGET: f64 = 4096.0;
