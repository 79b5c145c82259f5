//! The few rules by which the reference checks what services list.

use crate::json::Value;

/// Whether a field is missing or of that kind; a field that is null is not missing.
pub(crate) fn absent_or(field: Option<&Value>, kind: impl Fn(&Value) -> bool) -> bool {
    field.is_none_or(kind)
}

pub(crate) fn is_flag(value: &Value) -> bool {
    value.as_bool().is_some()
}

pub(crate) fn is_number(value: &Value) -> bool {
    value.as_f64().is_some()
}

/// A list of texts and nothing else.
pub(crate) fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}
