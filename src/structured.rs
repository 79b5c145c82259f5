//! Answers as Rust types.

use schemars::JsonSchema;
use serde_core::de::DeserializeOwned;

use crate::json::Value;
use crate::provider::AiProvider;
use crate::request::ChatRequest;
use crate::response::ChatResponse;
use crate::{AnswerFormat, Error};

/// An answer that was asked for as a type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Typed<T> {
    /// The answer.
    pub value: T,
    /// The whole response: usage, reasoning, and the text that the value was read from.
    pub response: ChatResponse,
}

/// Conversations whose answers are values of a type. Every provider has it.
///
/// # Example: a value instead of text
///
/// ```no_run
/// use samewire::structured::StructuredChat;
/// use samewire::{AiProvider, ChatRequest, Message};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Person {
///     name: String,
///     /// In years, if it is told.
///     age: Option<u32>,
/// }
///
/// # async fn run(provider: &dyn AiProvider) -> Result<(), samewire::Error> {
/// let request = ChatRequest::new("Extract the person.", [Message::user("Ann turned 30.")]);
/// let answer = provider.chat_as::<Person>(request).await?;
/// println!("{}: {:?} ({} tokens)", answer.value.name, answer.value.age, answer.response.usage.output_tokens);
/// # Ok(())
/// # }
/// ```
pub trait StructuredChat: AiProvider {
    /// Continues a conversation and reads the answer as a `T`, whose schema the service is told.
    ///
    /// # Errors
    ///
    /// As [`chat`](AiProvider::chat)'s; [`InvalidResponse`](crate::ErrorKind::InvalidResponse) for an answer that
    /// is no `T`, with the answer as its [`body`](Error::body).
    fn chat_as<T: JsonSchema + DeserializeOwned>(
        &self,
        request: ChatRequest,
    ) -> impl Future<Output = Result<Typed<T>, Error>> + Send {
        let format = schema_of::<T>();
        async move {
            let response = self.chat(request.with_answer_format(format?)).await?;
            match read(&response.text) {
                Ok(value) => Ok(Typed { value, response }),
                Err(reason) => {
                    let message = format!("the answer is not what was asked for: {reason}");
                    let error = Error::invalid_response(message).with_provider(self.name());
                    Err(error.with_response(crate::transport::Headers::new(), response.text))
                }
            }
        }
    }
}

impl<P: AiProvider + ?Sized> StructuredChat for P {}

/// The format of answers that are a `T`.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration) for a schema that is no JSON of ours.
pub fn schema_of<T: JsonSchema>() -> Result<AnswerFormat, Error> {
    let schema = schemars::schema_for!(T);
    let name: String =
        T::schema_name().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
    let schema = Value::parse(&schema.as_value().to_string())
        .map_err(|error| Error::configuration(format!("the schema of {name}: {error}")))?;
    Ok(AnswerFormat::schema(name, schema))
}

/// Reads an answer; a code fence around it is taken off. A property that is `null` because a strict schema
/// knows nothing optional may also be meant to be missing.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = without_fence(text);
    let first = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut answer: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    drop_nulls(&mut answer);
    serde_json::from_value(answer).map_err(|_| first.to_string())
}

fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else { return text };
    inner.split_once('\n').map_or(inner, |(_, answer)| answer).trim()
}

fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
