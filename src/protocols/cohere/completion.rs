//! The whole answer of a completion.

use crate::driver::WholeResponse;
use crate::json::Document;
use crate::response::CompletionResponse;
use crate::{Error, Text};

/// The text of a completion: thoughts are left out.
pub(crate) fn text(response: &WholeResponse) -> Result<CompletionResponse, Error> {
    let mut document = Document::new();
    let root = document.parse(response.shared_text())?;
    let parts = root.get("message").get("content").items();
    let texts = parts.filter(|part| part.get("type").str_eq("text"));
    Ok(Text::from(texts.filter_map(|part| part.get("text").as_cow()).collect::<String>()).into())
}
