//! The whole answer of a completion.

use super::errors;
use crate::driver::WholeResponse;
use crate::json::Document;
use crate::response::CompletionResponse;
use crate::{Error, Text};

/// The text of a completion: thoughts are left out; empty where there is none.
pub(crate) fn text(response: &WholeResponse) -> Result<CompletionResponse, Error> {
    let text = response.text();
    if response.status != 200 || response.media_type() != "application/json" {
        let content_type = response.headers.joined("content-type").unwrap_or_default();
        return Err(errors::unexpected(response.status, &content_type, &text));
    }
    let mut document = Document::new();
    let root = document.parse(text.trim_start_matches('\u{feff}').into())?;
    if !root.is_object() {
        return Err(Error::malformed("the body is no object"));
    }
    let content = root.get("choices").at(0).get("message").get("content");
    if let Some(text) = content.as_text() {
        return Ok(text.into());
    }
    let texts = content.items().filter(|part| part.get("type").str_eq("text"));
    Ok(Text::from(texts.filter_map(|part| part.get("text").as_cow()).collect::<String>()).into())
}
