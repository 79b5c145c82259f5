//! The whole answer of a completion.

use crate::Error;
use crate::driver::WholeResponse;
use crate::json::Document;
use crate::response::CompletionResponse;

/// The text of a completion; empty where there is none.
pub(crate) fn text(response: &WholeResponse) -> Result<CompletionResponse, Error> {
    let mut document = Document::new();
    let text = response.text();
    let root = document.parse(text.trim_start_matches('\u{feff}').into())?;
    if root.is_null() {
        return Err(Error::malformed("the body is null"));
    }
    let content = root.get("message").get("content");
    Ok(CompletionResponse::of(content))
}
