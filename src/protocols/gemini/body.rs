//! Request bodies.

use super::messages::{self, Dialect};
use crate::answer_format::AnswerFormat;
use crate::json::{Object, Value, object};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::tool::{Tool, ToolChoice};
use crate::{Error, ErrorKind};

/// What a body is made of.
pub(super) struct BodyInput<'a> {
    pub(super) dialect: Dialect,
    pub(super) settings: &'a ProviderSettings,
    pub(super) model: &'a Model,
}

impl BodyInput<'_> {
    /// Whether thought signatures travel with this request and are kept from its answer.
    pub(super) fn uses_signatures(&self, request: &ChatRequest) -> bool {
        self.thinking().is_some() || request.tools.as_ref().is_some_and(|tools| !tools.is_empty())
    }

    /// The body of a conversation.
    pub(super) fn chat(&self, request: &ChatRequest) -> Result<Object, Error> {
        let signatures = self.uses_signatures(request);
        let contents = messages::convert(&request.messages, self.dialect, signatures)?;
        let tools = request.tools.as_deref().unwrap_or_default();
        let declarations: Vec<Value> =
            tools.iter().map(|tool| self.declaration(tool)).collect::<Result<_, _>>()?;
        let system = messages::text_part(request.system_prompt.as_str());
        let mut body = object! {
            "contents": contents,
            "systemInstruction": self.dialect.content("user", vec![system]),
            // Search and URL context cannot stand beside functions, so conversations go without them.
            "tools": vec![Value::from(object! { "functionDeclarations": declarations })],
        };
        body.insert_some("toolConfig", tool_config(request));
        let mut config = self.generation_config();
        if let Some(format) = &request.answer_format {
            hold_to(format, &mut config);
            // Functions and JSON exclude each other, even where none is declared.
            if tools.is_empty() {
                body.remove("tools");
            }
        }
        body.insert("generationConfig", config);
        Ok(body)
    }

    /// The body of a completion.
    pub(super) fn completion(&self, prompt: &str) -> Object {
        let mut body = object! {
            "contents": vec![self.dialect.content("user", vec![messages::text_part(prompt)])],
        };
        let tools = [("enableUrlContext", "urlContext"), ("enableGrounding", "googleSearch")];
        let tools: Vec<Value> = tools
            .into_iter()
            .filter(|(setting, _)| self.settings.is_truthy(setting))
            .map(|(_, tool)| object! { (tool): object! {} }.into())
            .collect();
        if !tools.is_empty() {
            body.insert("tools", tools);
        }
        let mut config = Object::with_capacity(1);
        config.insert_some("temperature", self.temperature());
        body.insert("generationConfig", config);
        body
    }

    fn generation_config(&self) -> Object {
        let mut config = Object::with_capacity(3);
        config.insert_some("temperature", self.temperature());
        config.insert_some("maxOutputTokens", self.max_output_tokens());
        config.insert_some("thinkingConfig", self.thinking().cloned());
        config
    }

    /// Not forced to 1 where a budget is in use, unlike the model's own parameter of that name.
    fn temperature(&self) -> Option<f64> {
        let info = self.model.info();
        let default = info.number("defaultTemperature");
        if info.get("supportsTemperature").and_then(Value::as_bool) == Some(false) {
            return default;
        }
        self.settings.number("modelTemperature").or(default).or(Some(1.0))
    }

    /// A limit in the settings counts for models with a thinking budget only, thinking or not.
    fn max_output_tokens(&self) -> Option<f64> {
        let info = self.model.info();
        let has_budget = info.flag("supportsReasoningBudget") || info.flag("requiredReasoningBudget");
        let own = self.settings.number("modelMaxTokens").filter(|_| has_budget);
        own.or_else(|| self.model.parameters.get("maxTokens").and_then(Value::as_f64))
    }

    fn thinking(&self) -> Option<&Value> {
        self.model.parameters.get("reasoning")
    }

    fn declaration(&self, tool: &Tool) -> Result<Value, Error> {
        let function = tool.as_json().get("function").ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "a tool is no function: only functions can be offered")
        })?;
        let name = ("name", function.get("name"));
        let description = ("description", function.get("description"));
        let parameters = ("parametersJsonSchema", function.get("parameters"));
        let fields = match self.dialect {
            Dialect::Developer => [name, description, parameters],
            Dialect::Cloud => [description, name, parameters],
        };
        let mut declaration = Object::with_capacity(3);
        for (key, value) in fields {
            let kept = value.filter(|value| !value.is_null() || self.dialect == Dialect::Developer);
            declaration.insert_some(key, kept.cloned());
        }
        Ok(declaration.into())
    }
}

/// Asks for JSON.
///
/// <https://ai.google.dev/gemini-api/docs/structured-output>
fn hold_to(format: &AnswerFormat, config: &mut Object) {
    config.insert("responseMimeType", "application/json");
    if let AnswerFormat::Schema(schema) = format {
        config.insert("responseJsonSchema", schema.schema.clone());
    }
}

/// Which functions may or must be called: the allowed names win over the tool choice.
fn tool_config(request: &ChatRequest) -> Option<Value> {
    let allowed = request.metadata.get("allowedFunctionNames").filter(|names| match names {
        Value::Array(names) => !names.is_empty(),
        _ => false,
    });
    let (mode, names) = match (allowed, request.tool_choice.as_ref()) {
        (Some(names), _) => ("ANY", Some(names.clone())),
        (None, None) => return None,
        (None, Some(ToolChoice::Auto)) => ("AUTO", None),
        (None, Some(ToolChoice::None)) => ("NONE", None),
        (None, Some(ToolChoice::Required)) => ("ANY", None),
        (None, Some(ToolChoice::Function(name))) => ("ANY", Some(vec![name.clone().into()].into())),
        (None, Some(ToolChoice::Other(choice))) if !choice.is_truthy() => return None,
        (None, Some(ToolChoice::Other(choice))) => match choice.get("function") {
            Some(function) if choice.get("type").and_then(Value::as_str) == Some("function") => {
                let name = function.get("name").cloned().unwrap_or_default();
                ("ANY", Some(vec![name].into()))
            }
            _ => ("AUTO", None),
        },
    };
    let mut config = object! { "mode": mode };
    config.insert_some("allowedFunctionNames", names);
    Some(object! { "functionCallingConfig": config }.into())
}
