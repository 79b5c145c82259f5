//! Answers as JSON: how a request asks for it, and how that is told to each kind of service.

use crate::json::{Value, object};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::settings::ProviderSettings;
use crate::tool::{Tool, ToolChoice};
use crate::{Error, Text};

mod strict;

pub use strict::strict_schema;

/// The form that an answer must have.
///
/// Services that hold answers to a schema are given it in their own field; those that only know JSON are given
/// that and are told the schema in the system prompt; Anthropic's models get it as a tool that they must call, and
/// [`AiProvider::chat`](crate::AiProvider::chat) gives the call's arguments as the answer's text; every other is
/// told in words. The setting `answerFormat` says which of these a service can do where we know it wrong:
/// `schema`, `json` or `prompt`.
///
/// # Example: a schema on the wire
///
/// ```
/// use samewire::json::{Value, object};
/// use samewire::{AiProvider, AnswerFormat, ChatRequest, Message, ProviderSettings, build_provider};
///
/// let schema = object! { "type": "object", "properties": object! { "age": object! { "type": "integer" } } };
/// let request = ChatRequest::new("", [Message::user("How old is Ann?")])
///     .with_answer_format(AnswerFormat::schema("person", schema));
/// let settings = ProviderSettings::new("openai").with("openAiApiKey", "k").with("openAiModelId", "gpt-4o");
/// let body = Value::parse_bytes(build_provider(&settings)?.encode(&request)?.body)?;
/// let format = body.get("response_format").unwrap();
/// assert_eq!(format.get("type").and_then(Value::as_str), Some("json_schema"));
/// assert!(format.to_json().contains(r#""required":["age"],"additionalProperties":false"#));
/// # Ok::<(), samewire::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnswerFormat {
    /// Any JSON object.
    Json,
    /// JSON that is valid against a schema.
    Schema(AnswerSchema),
}

/// A JSON schema for answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnswerSchema {
    /// Its name: letters, digits, `_` and `-`.
    pub name: Text,
    /// What the answer is, for the model.
    pub description: Option<Text>,
    /// The schema.
    pub schema: Value,
    /// Whether the service must hold the answer to it, for which it is [prepared](strict_schema). A schema with
    /// `additionalProperties` of some form cannot be, and is sent as it is.
    pub strict: bool,
}

impl AnswerFormat {
    /// JSON that the service must hold to that schema.
    pub fn schema(name: impl Into<Text>, schema: impl Into<Value>) -> Self {
        Self::Schema(AnswerSchema {
            name: name.into(),
            description: None,
            schema: schema.into(),
            strict: true,
        })
    }

    /// `response_format` of Chat Completions.
    ///
    /// <https://platform.openai.com/docs/api-reference/chat/create#chat-create-response_format>
    pub(crate) fn for_chat_completions(&self) -> Value {
        match self {
            Self::Json => object! { "type": "json_object" }.into(),
            Self::Schema(schema) => object! { "type": "json_schema", "json_schema": schema.named() }.into(),
        }
    }

    /// `text.format` of the Responses API.
    ///
    /// <https://platform.openai.com/docs/api-reference/responses/create#responses-create-text>
    pub(crate) fn for_responses(&self) -> Value {
        match self {
            Self::Json => object! { "type": "json_object" }.into(),
            Self::Schema(schema) => {
                let mut format = object! { "type": "json_schema" };
                format.extend(schema.named());
                format.into()
            }
        }
    }

    /// `format` of Ollama.
    ///
    /// <https://github.com/ollama/ollama/blob/main/docs/api.md#request-structured-outputs>
    pub(crate) fn for_ollama(&self) -> Value {
        match self {
            Self::Json => "json".into(),
            Self::Schema(schema) => schema.schema.clone(),
        }
    }

    /// What a model is told in words.
    fn instruction(&self) -> String {
        match self {
            Self::Json => {
                "Answer with one JSON object and nothing else: no code fence, no explanation.".into()
            }
            Self::Schema(schema) => format!(
                "Answer with one JSON value and nothing else: no code fence, no explanation. It must be valid \
                 against this JSON schema:\n{}",
                schema.schema.to_json()
            ),
        }
    }
}

impl AnswerSchema {
    fn named(&self) -> crate::json::Object {
        let mut named = object! { "name": self.name.clone() };
        named.insert_some("description", self.description.clone());
        // A map from any key has no strict form; without it the service still sees the schema.
        let strict = self.strict && !strict::has_open_objects(&self.schema);
        named.insert("schema", if strict { strict_schema(&self.schema) } else { self.schema.clone() });
        named.insert("strict", strict);
        named
    }
}

/// What a service can do about the form of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatSupport {
    /// It holds answers to a schema.
    Schema,
    /// It gives JSON; the schema must be told.
    Json,
    /// It gives the arguments of a tool.
    Tool,
    /// It can be told.
    Words,
}

impl FormatSupport {
    /// What a service of Chat Completions can do: the setting, else what its documentation says.
    pub(crate) fn of_chat_completions(provider: &str, settings: &ProviderSettings) -> Self {
        let known = if HOLD_TO_SCHEMAS.contains(&provider) { Self::Schema } else { Self::Json };
        Self::set(settings).unwrap_or(known)
    }

    /// What a model of Anthropic's can do: it cannot be made to call a tool while it thinks.
    pub(crate) fn of_forced_tool(settings: &ProviderSettings, model: &Model) -> Self {
        let thinks = model.parameter("reasoning").is_some() || model.parameter("reasoningBudget").is_some();
        let told = thinks || Self::set(settings) == Some(Self::Words);
        if told { Self::Words } else { Self::Tool }
    }

    fn set(settings: &ProviderSettings) -> Option<Self> {
        match settings.text("answerFormat")? {
            "schema" => Some(Self::Schema),
            "json" => Some(Self::Json),
            "prompt" => Some(Self::Words),
            _ => None,
        }
    }

    /// Brings the request into a form that a codec for such a service can write.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for a name that no service takes.
    pub(crate) fn prepare(self, request: &mut ChatRequest) -> Result<(), Error> {
        let Some(format) = request.answer_format.take() else { return Ok(()) };
        if let AnswerFormat::Schema(schema) = &format {
            check_name(&schema.name)?;
        }
        match (self, &format) {
            (Self::Schema, _) | (Self::Json, AnswerFormat::Json) => request.answer_format = Some(format),
            (Self::Json, AnswerFormat::Schema(_)) => {
                tell(&format, request);
                request.answer_format = Some(AnswerFormat::Json);
            }
            (Self::Tool, AnswerFormat::Schema(schema)) => {
                let description = schema.description.clone().unwrap_or_else(|| "Gives the answer.".into());
                let tool = Tool::function(schema.name.clone(), description, schema.schema.clone());
                request.tools.get_or_insert_default().push(tool);
                request.tool_choice = Some(ToolChoice::Function(schema.name.clone()));
            }
            (Self::Tool | Self::Words, _) => tell(&format, request),
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "the name of an answer's schema must be 1 to 64 letters, digits, `_` or `-`, not `{name}`"
    )))
}

fn tell(format: &AnswerFormat, request: &mut ChatRequest) {
    if !request.system_prompt.is_empty() {
        request.system_prompt.push_str("\n\n");
    }
    request.system_prompt.push_str(&format.instruction());
}

/// Services of Chat Completions that document `json_schema`; the others are taken to know `json_object`.
const HOLD_TO_SCHEMAS: &[&str] = &[
    "azure",
    "baseten",
    "deepinfra",
    "fireworks",
    "groq",
    "huggingface",
    "litellm",
    "lmstudio",
    "openai",
    "openrouter",
    "perplexity",
    "requesty",
    "sambanova",
    "together",
    "unbound",
    "vercel-ai-gateway",
    "vllm",
    "xai",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;
    use crate::catalog::tables::table;

    fn request() -> ChatRequest {
        let schema =
            object! { "type": "object", "properties": object! { "a": object! { "type": "string" } } };
        ChatRequest::new("Be kind.", [Message::user("?")])
            .with_answer_format(AnswerFormat::schema("thing", schema))
    }

    fn prepared(support: FormatSupport, mut request: ChatRequest) -> ChatRequest {
        support.prepare(&mut request).unwrap();
        request
    }

    #[test]
    fn what_a_service_cannot_hold_to_is_told() {
        let told = prepared(FormatSupport::Json, request());
        assert_eq!(told.answer_format, Some(AnswerFormat::Json));
        assert!(told.system_prompt.starts_with("Be kind.\n\nAnswer with one JSON value"));
        assert!(told.system_prompt.ends_with(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#));
        assert_eq!(prepared(FormatSupport::Words, request()).answer_format, None);
        let plain = ChatRequest::new("", [Message::user("?")]);
        assert_eq!(prepared(FormatSupport::Words, plain.clone()), plain);
    }

    #[test]
    fn a_tool_stands_in_for_a_schema_unless_the_model_thinks() {
        let forced = prepared(FormatSupport::Tool, request());
        assert_eq!(forced.tool_choice, Some(ToolChoice::Function("thing".into())));
        assert_eq!(forced.tools.unwrap()[0].name(), Some("thing"));
        let model = Model::new("m", table("anthropic").default_info());
        let settings = ProviderSettings::new("anthropic");
        assert_eq!(FormatSupport::of_forced_tool(&settings, &model), FormatSupport::Tool);
        let mut thinking = model;
        thinking.parameters.insert("reasoning", object! { "type": "enabled" });
        assert_eq!(FormatSupport::of_forced_tool(&settings, &thinking), FormatSupport::Words);
    }

    #[test]
    fn a_map_is_not_closed() {
        let map = object! { "type": "object", "additionalProperties": object! { "type": "integer" } };
        let format = AnswerFormat::schema("map", map.clone()).for_responses();
        assert_eq!(format.get("strict"), Some(&Value::Bool(false)));
        assert_eq!(format.get("schema"), Some(&Value::from(map)));
    }

    #[test]
    fn a_name_that_services_refuse_is_refused_here() {
        for name in ["", "a b", "é", &"x".repeat(65)] {
            let mut request = request().with_answer_format(AnswerFormat::schema(name, object! {}));
            let error = FormatSupport::Schema.prepare(&mut request).unwrap_err();
            assert!(error.message().contains("letters, digits"), "{error}");
        }
    }
}
