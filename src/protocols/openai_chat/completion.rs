//! The whole answer of a completion, and what providers may find in it.
//!
//! <https://platform.openai.com/docs/api-reference/chat/object>

use super::ChatSpec;
use super::steps;
use crate::driver::WholeResponse;
use crate::json::{Document, Node, Value};
use crate::response::CompletionResponse;
use crate::{Error, Text};

/// The answer's JSON, as the SDK reads it: by content type, `null` for an empty 204, and plain text as a
/// JSON string in which handlers find nothing.
pub(crate) fn parse(response: &WholeResponse) -> Result<Document, Error> {
    let mut document = Document::new();
    let text = response.shared_text();
    let source = if response.status == 204 {
        Text::from_static("null")
    } else if response.is_json() {
        text.slice(text.strip_prefix('\u{feff}').unwrap_or(&text))
    } else {
        Value::from(text).to_json().into()
    };
    document.parse(source)?;
    Ok(document)
}

/// The text of a completion as the base class finds it, after a look for errors in disguise.
pub(crate) fn checked_text(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    steps::base_resp(spec.name, root)?;
    text(spec, root)
}

/// The text of a completion where the reference reads `choices` without a question mark.
pub(crate) fn text_of_required_choices(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    if root.get("choices").is_nullish() {
        return Err(Error::malformed("there are no `choices`"));
    }
    text(spec, root)
}

/// The same where the message may be missing.
pub(crate) fn text_of_optional_message(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    let choices = root.get("choices");
    if !choices.is_nullish() && choices.at(0).get("message").is_nullish() {
        return Ok(CompletionResponse::default());
    }
    text_of_required_choices(spec, root)
}

/// The text of a completion: `choices[0].message.content`, empty where there is none.
pub(crate) fn text(_: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    if root.is_null() {
        return Err(Error::malformed("the body is null"));
    }
    let choice = root.get("choices").at(0);
    let message = choice.get("message");
    if !choice.is_nullish() && message.is_nullish() {
        return Err(Error::malformed("`choices[0]` has no message"));
    }
    let content = message.get("content");
    Ok(CompletionResponse::of(content))
}
