//! An answer that came whole, not as a stream.
//!
//! <https://platform.openai.com/docs/api-reference/chat/object>

use super::errors::malformed;
use crate::driver::WholeResponse;
use crate::json::{Document, Node, Value};
use crate::response::CompletionResponse;
use crate::{Error, Text};

/// The answer's JSON, as the SDK reads it: by content type, `null` for an empty 204, and plain text as a
/// JSON string in which handlers find nothing.
pub(crate) fn parse(response: &WholeResponse) -> Result<Document, Error> {
    let mut document = Document::new();
    let media_type = response.media_type();
    let text = response.text();
    let source = if response.status == 204 {
        Text::from_static("null")
    } else if media_type.contains("application/json") || media_type.ends_with("+json") {
        Text::from(text.strip_prefix('\u{feff}').unwrap_or(&text))
    } else {
        Value::from(text).to_json().into()
    };
    document.parse(source)?;
    Ok(document)
}

/// The text of a completion: `choices[0].message.content`, empty where there is none.
pub(crate) fn completion_text(root: Node<'_>) -> Result<CompletionResponse, Error> {
    if root.is_null() {
        return Err(malformed("the body is null"));
    }
    let choice = root.get("choices").at(0);
    let message = choice.get("message");
    if !choice.is_nullish() && message.is_nullish() {
        return Err(malformed("`choices[0]` has no message"));
    }
    let content = message.get("content");
    Ok(match content.as_text() {
        Some(text) => text.into(),
        None if content.is_truthy() => {
            CompletionResponse { text: Text::new(), irregular: Some(content.to_value()) }
        }
        None => Text::new().into(),
    })
}
