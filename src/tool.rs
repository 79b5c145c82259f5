//! Tools that a model may call, in the form of OpenAI's Chat Completions API.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::Text;
use crate::json::{Object, Value, object};
use crate::protocols::openai_chat::tools::strict_tool;

/// A tool definition, kept as the JSON that the reference takes.
///
/// # Example: a function with one argument
///
/// ```
/// use samewire::Tool;
/// use samewire::json::object;
///
/// let path = object! { "path": object! { "type": "string", "description": "relative to the project" } };
/// let schema = object! { "type": "object", "properties": path, "required": vec!["path".into()] };
/// let tool = Tool::function("read_file", "Reads a text file", schema);
/// assert_eq!(tool.name(), Some("read_file"));
/// ```
#[derive(Clone)]
pub struct Tool(Arc<Definition>);

struct Definition {
    json: Value,
    /// Made once: each turn of a conversation sends the same tools.
    strict: OnceLock<Value>,
}

impl Tool {
    /// A function with a JSON schema for its arguments.
    pub fn function(
        name: impl Into<Text>,
        description: impl Into<Text>,
        parameters: impl Into<Value>,
    ) -> Self {
        let function = object! {
            "name": name.into(),
            "description": description.into(),
            "parameters": parameters.into(),
        };
        Value::from(object! { "type": Text::from_static("function"), "function": function }).into()
    }

    /// The definition as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0.json
    }

    /// The definition in OpenAI's strict form.
    pub(crate) fn as_strict_json(&self) -> &Value {
        self.0.strict.get_or_init(|| strict_tool(&self.0.json))
    }

    /// The `function` part, if this tool is a function.
    pub fn as_function(&self) -> Option<&Value> {
        let json = self.as_json();
        (json.get("type")?.as_str()? == "function").then(|| json.get("function"))?
    }

    /// The function's name.
    pub fn name(&self) -> Option<&str> {
        self.as_function()?.get("name")?.as_str()
    }
}

impl PartialEq for Tool {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(self.as_json()).finish()
    }
}

impl From<Value> for Tool {
    fn from(definition: Value) -> Self {
        Self(Arc::new(Definition { json: definition, strict: OnceLock::new() }))
    }
}

/// Whether and which tool the model must call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This function.
    Function(Text),
    /// Anything else, as it is.
    Other(Value),
}

impl ToolChoice {
    /// The choice in the form of OpenAI's Chat Completions API.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Auto => "auto".into(),
            Self::None => "none".into(),
            Self::Required => "required".into(),
            Self::Function(name) => {
                let mut function = Object::with_capacity(1);
                function.insert("name", name.clone());
                let mut choice = Object::with_capacity(2);
                choice.insert("type", "function");
                choice.insert("function", function);
                choice.into()
            }
            Self::Other(value) => value.clone(),
        }
    }
}

impl From<Value> for ToolChoice {
    fn from(value: Value) -> Self {
        let named = value.get("function").and_then(|function| function.get("name")).and_then(Value::as_text);
        let choice = match (value.as_str(), named) {
            (Some("auto"), _) => Self::Auto,
            (Some("none"), _) => Self::None,
            (Some("required"), _) => Self::Required,
            (None, Some(name)) => Self::Function(name.clone()),
            _ => return Self::Other(value),
        };
        // Key order and further keys are kept by falling back to the JSON itself.
        if choice.to_json().to_json() == value.to_json() { choice } else { Self::Other(value) }
    }
}
