//! A JSON value that can be built and changed.

use std::borrow::Cow;

use bytes::Bytes;

use super::document::Document;
use super::object::Object;
use super::syntax_error::SyntaxError;
use super::write::Writer;
use crate::Text;

/// A JSON value as JavaScript holds it. A missing value (`undefined`) is an `Option`, not a `Value`.
///
/// # Example: change and write
///
/// ```
/// use samewire::json::Value;
///
/// let mut value = Value::parse(r#"{"b": 1.0, "a": [true, null]}"#)?;
/// *value.get_mut("a").unwrap() = Value::from("x");
/// assert_eq!(value.to_json(), r#"{"b":1,"a":"x"}"#);
/// # Ok::<(), samewire::json::SyntaxError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; written as `null` if it is infinite or not a number.
    Number(f64),
    /// A string.
    String(Text),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// Reads `text` as `JSON.parse` does, nesting up to the limit of [`Node::to_value`].
    ///
    /// [`Node::to_value`]: super::Node::to_value
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Ok(Document::new().parse(text.into())?.to_value())
    }

    /// Reads UTF-8 as `JSON.parse(decoder.decode(bytes))` does, without taking off a byte order mark.
    /// Invalid parts become U+FFFD. Strings share the bytes.
    pub fn parse_bytes(bytes: Bytes) -> Result<Self, SyntaxError> {
        Ok(Document::new().parse(Text::from_utf8_lossy(bytes))?.to_value())
    }

    /// What `JSON.stringify(value)` gives.
    pub fn to_json(&self) -> String {
        self.write(Writer::compact(self.room(None)))
    }

    /// What `JSON.stringify(value, null, 2)` gives.
    pub fn to_json_pretty(&self) -> String {
        self.write(Writer::pretty(self.room(Some(0))))
    }

    /// The value of `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The value of `key`, if this is an object that has it, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_object_mut()?.get_mut(key)
    }

    /// The item at `index`, if this is an array that has it.
    pub fn at(&self, index: usize) -> Option<&Self> {
        self.as_array()?.get(index)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(Text::as_str)
    }

    /// The string, if it is one.
    pub const fn as_text(&self) -> Option<&Text> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one.
    pub const fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The boolean, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self { Some(*bool) } else { None }
    }

    /// The items, if it is an array.
    pub const fn as_array(&self) -> Option<&Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The items, if it is an array, to change them.
    pub const fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The object, if it is one.
    pub const fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The object, if it is one, to change it.
    pub const fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// Whether the value is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value is a string.
    pub const fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// Whether the value is an array.
    pub const fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// Whether the value is an object. An array is none.
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether JavaScript's `if` takes the value for true: all but `null`, `false`, 0, NaN and "".
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(bool) => *bool,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::String(text) => !text.is_empty(),
            Self::Array(_) | Self::Object(_) => true,
        }
    }

    fn write(&self, mut writer: Writer) -> String {
        writer.value(self);
        writer.finish()
    }

    /// About as many bytes as writing takes, with `depth` as far as lines are indented. Looking at each text's length costs
    /// less than to move a growing body, whose old places nobody has in his cache.
    fn room(&self, depth: Option<usize>) -> usize {
        let line = depth.map_or(0, |depth| 3 + 2 * depth);
        let inner = depth.map(|depth| depth + 1);
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 5,
            // Texts of some length have lines, and their ends are escaped.
            Self::String(text) => text.len() + text.len() / 16 + 2,
            Self::Array(items) => {
                items.iter().map(|item| line + item.room(inner) + 1).sum::<usize>() + line + 2
            }
            Self::Object(object) => {
                let entries = object.iter().map(|(key, value)| line + key.len() + value.room(inner) + 5);
                entries.sum::<usize>() + line + 2
            }
        }
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// The nearest float: integers beyond 2^53 are rounded, as in JavaScript.
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number as f64)
    }
}

/// The nearest float: integers beyond 2^53 are rounded, as in JavaScript.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

/// The nearest float: integers beyond 2^53 are rounded, as in JavaScript.
impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::String(text.into())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Self {
        Self::String(text.into_owned().into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::Array(items.into_iter().collect())
    }
}
