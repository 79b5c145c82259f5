//! What JavaScript makes of values: numbers, texts, white space, what counts as nothing.
//!
//! <https://tc39.es/ecma262/#sec-type-conversion>

use super::{Node, Value};
use crate::Text;

/// The items of a list one behind the other, as JavaScript joins them.
pub(crate) fn joined(list: Node<'_>) -> Text {
    list.items().map(|item| item_text(&item.to_value())).collect::<String>().into()
}

/// A value as JavaScript's string addition prints it.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Array(items) => items.iter().map(item_text).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_json(),
    }
}

/// The same inside a list, where null is nothing.
fn item_text(value: &Value) -> String {
    if value.is_null() { String::new() } else { to_text(value) }
}

/// White space as JavaScript's `trim` removes it: Rust's without U+0085, and the byte order mark.
pub(crate) fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// JavaScript's `value || 0`.
pub(crate) fn or_zero(value: Option<&Value>) -> Value {
    value.filter(|value| value.is_truthy()).cloned().unwrap_or(Value::Number(0.0))
}

/// A node's value unless it is undefined.
pub(crate) fn defined(node: Node<'_>) -> Option<Value> {
    (!node.is_undefined()).then(|| node.to_value())
}

/// A value as JavaScript's arithmetic takes it.
pub(crate) fn to_number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => *number,
        Value::Null => 0.0,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::String(text) if text.trim_matches(is_space).is_empty() => 0.0,
        Value::String(text) => text.trim_matches(is_space).parse().unwrap_or(f64::NAN),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// A value as JavaScript's template strings print it.
pub(crate) fn display(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}
