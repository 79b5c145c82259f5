//! Pictures and tools from files.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samewire::json::{Value, object};
use samewire::{ContentBlock, Tool};

use crate::failure::Failure;

/// A picture as a block of a message. What it is shows in its first bytes, not in its name.
pub(crate) fn image_block(file: &Path) -> Result<ContentBlock, Failure> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let Some(kind) = media_type(&bytes) else {
        return Err(Failure::Usage(format!("{}: is no PNG, JPEG, GIF or WebP picture", file.display())));
    };
    Ok(ContentBlock::image(kind, STANDARD.encode(bytes)))
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// Tools from a file: a JSON array in the form of OpenAI (`{"type": "function", "function": {...}}`), of
/// Anthropic (`{"name", "description", "input_schema"}`), or the bare functions.
pub(super) fn tools(file: &Path) -> Result<Vec<Tool>, Failure> {
    let fail = |problem: String| Failure::Usage(format!("{}: {problem}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
    let value = Value::parse(&text).map_err(|error| fail(format!("is no JSON: {error}")))?;
    let list = value.get("tools").unwrap_or(&value);
    let Value::Array(list) = list else {
        return Err(fail("must be a JSON array of tools".to_owned()));
    };
    list.iter().enumerate().map(|(index, tool)| one_tool(tool).ok_or_else(|| fail(no_tool(index)))).collect()
}

fn one_tool(tool: &Value) -> Option<Tool> {
    let is_named = |function: &Value| function.get("name").and_then(Value::as_str).is_some();
    if tool.get("type").and_then(Value::as_str) == Some("function") {
        return tool.get("function").is_some_and(is_named).then(|| Tool::from(tool.clone()));
    }
    let name = tool.get("name")?.as_str()?;
    let description = tool.get("description").and_then(Value::as_str).unwrap_or_default();
    let schema = tool.get("input_schema").or_else(|| tool.get("parameters")).cloned();
    Some(Tool::function(name, description, schema.unwrap_or_else(|| object! { "type": "object" }.into())))
}

fn no_tool(index: usize) -> String {
    format!(
        "[{index}] is no tool: it needs a `name`, as {{\"name\": \"read_file\", \"description\": \"...\", \"parameters\": {{...}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n"), Some("image/png"));
        assert_eq!(media_type(b"RIFF....WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type(b"<svg>"), None);
    }

    #[test]
    fn tools_come_in_three_forms() {
        let name = |json: &str| {
            one_tool(&Value::parse(json).unwrap()).and_then(|tool| tool.name().map(str::to_owned))
        };
        assert_eq!(name(r#"{"type":"function","function":{"name":"a"}}"#).as_deref(), Some("a"));
        assert_eq!(name(r#"{"name":"b","input_schema":{"type":"object"}}"#).as_deref(), Some("b"));
        assert_eq!(name(r#"{"name":"c","parameters":{"type":"object"}}"#).as_deref(), Some("c"));
        assert_eq!(name(r#"{"type":"function","function":{}}"#), None);
        assert_eq!(name(r#"{"description":"x"}"#), None);
    }
}
