//! Tool definitions in OpenAI's strict form.
//!
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>

use crate::Text;
use crate::json::{Object, Value};
use crate::tool::Tool;

/// Tools whose names start so come from MCP servers; their schemas are not ours to change.
pub(crate) const MCP_PREFIX: &str = "mcp--";

/// All tools in strict form; `None` stays `None`.
pub(crate) fn strict(tools: Option<&[Tool]>) -> Option<Value> {
    Some(tools?.iter().map(|tool| tool.as_strict_json().clone()).collect())
}

/// One definition in strict form.
pub(crate) fn strict_tool(tool: &Value) -> Value {
    let mut tool = tool.clone();
    if tool.get("type").and_then(Value::as_str) != Some("function") {
        return tool;
    }
    if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
        let is_mcp = function.get("name").and_then(Value::as_str).is_some_and(|n| n.starts_with(MCP_PREFIX));
        function.insert(Text::from_static("strict"), !is_mcp);
        if !is_mcp && let Some(parameters) = function.get_mut("parameters") {
            strict_schema(parameters);
        }
    }
    tool
}

/// Makes every property of an object schema required and forbids others, down through properties and the
/// items of arrays; other schemas stay as they are.
pub(crate) fn strict_schema(schema: &mut Value) {
    let Some(object) = schema.as_object_mut().filter(|object| is_type(object, "object")) else { return };
    object.insert(Text::from_static("additionalProperties"), false);
    let Some(properties) = object.get_mut("properties").filter(|p| p.is_truthy()) else { return };
    let mut names = Vec::new();
    if let Some(properties) = properties.as_object_mut() {
        names.reserve(properties.len());
        for (name, property) in properties.iter_mut() {
            names.push(Value::from(name.clone()));
            strict_property(property);
        }
    }
    object.insert(Text::from_static("required"), names);
}

fn strict_property(property: &mut Value) {
    let Some(schema) = property.as_object_mut() else { return };
    drop_null_type(schema);
    if is_type(schema, "object") {
        strict_schema(property);
    } else if is_type(schema, "array")
        && let Some(items) = schema.get_mut("items")
    {
        strict_schema(items);
    }
}

/// `["string", "null"]` becomes `"string"`: strict schemas say "optional" otherwise.
fn drop_null_type(schema: &mut Object) {
    let Some(Value::Array(types)) = schema.get("type") else { return };
    if !types.iter().any(|kind| kind.as_str() == Some("null")) {
        return;
    }
    let mut rest: Vec<Value> = types.iter().filter(|kind| kind.as_str() != Some("null")).cloned().collect();
    let kind = if rest.len() == 1 { rest.remove(0) } else { rest.into() };
    schema.insert("type", kind);
}

fn is_type(schema: &Object, kind: &str) -> bool {
    schema.get("type").and_then(Value::as_str) == Some(kind)
}
