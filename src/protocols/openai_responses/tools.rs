//! Tool definitions in the form of the Responses API.
//!
//! <https://platform.openai.com/docs/guides/function-calling>

use crate::json::{Object, Value};
use crate::protocols::openai_chat::tools::MCP_PREFIX;
use crate::tool::Tool;

/// The functions among the tools; others have no form here.
pub(super) fn convert(tools: &[Tool]) -> Value {
    tools.iter().filter_map(Tool::as_function).map(function).collect()
}

fn function(function: &Value) -> Value {
    let name = function.get("name");
    let is_mcp = name.and_then(Value::as_str).is_some_and(|name| name.starts_with(MCP_PREFIX));
    let mut parameters = function.get("parameters").cloned();
    if let Some(schema) = &mut parameters {
        close(schema, if is_mcp { Required::AsGiven } else { Required::All });
    }
    let mut tool = Object::with_capacity(5);
    tool.insert("type", "function");
    tool.insert_some("name", name.cloned());
    tool.insert_some("description", function.get("description").cloned());
    tool.insert_some("parameters", parameters);
    tool.insert("strict", !is_mcp);
    tool.into()
}

/// Which properties of an object schema are required.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    /// Every one, as strict schemas want it.
    All,
    /// Those that the schema names.
    AsGiven,
}

/// Forbids properties that an object schema does not name, down through properties and the items of arrays;
/// other schemas stay as they are.
fn close(schema: &mut Value, required: Required) {
    let Some(object) = schema.as_object_mut().filter(|object| is_type(object, "object")) else { return };
    object.insert("additionalProperties", false);
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let names: Value = properties.keys().map(|name| Value::from(name.clone())).collect();
    for (_, property) in properties.iter_mut() {
        let Some(schema) = property.as_object_mut() else { continue };
        if is_type(schema, "object") {
            close(property, required);
        } else if is_type(schema, "array")
            && let Some(items) = schema.get_mut("items")
        {
            close(items, required);
        }
    }
    if required == Required::All {
        object.insert("required", names);
    }
}

fn is_type(schema: &Object, kind: &str) -> bool {
    schema.get("type").and_then(Value::as_str) == Some(kind)
}
