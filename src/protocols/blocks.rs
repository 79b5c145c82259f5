//! The blocks of a conversation, as they are read to be written in a protocol's form.
//!
//! <https://docs.anthropic.com/en/api/messages>

use crate::json::Value;

/// The data URL of an image block; a source without data spells `undefined`, as the reference does.
pub(crate) fn data_url(block: &Value) -> String {
    let source = block.get("source");
    let field = |name: &str| source.and_then(|s| s.get(name)).and_then(Value::as_str).unwrap_or("undefined");
    format!("data:{};base64,{}", field("media_type"), field("data"))
}

/// Whether a block is of that type.
pub(crate) fn is(block: &Value, kind: &str) -> bool {
    block.get("type").and_then(Value::as_str) == Some(kind)
}

/// A block's text; empty for any other block.
pub(crate) fn text_of(block: &Value) -> &str {
    block.get("text").and_then(Value::as_str).unwrap_or_default()
}
