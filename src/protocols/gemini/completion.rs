//! The whole answer of a completion.

use super::decode::sources;
use super::errors::without_mark;
use crate::driver::WholeResponse;
use crate::json::{Document, Node};
use crate::response::CompletionResponse;
use crate::{Error, Text};

/// The text of the first candidate without thoughts, and the pages that it rests on.
pub(super) fn text(response: &WholeResponse) -> Result<CompletionResponse, Error> {
    let mut document = Document::new();
    let root = document.parse(Text::from(without_mark(response.text())))?;
    if !root.is_object() && !root.is_array() {
        return Err(Error::malformed("it is no object"));
    }
    let candidate = root.get("candidates").at(0);
    let mut text = joined_parts(candidate)?;
    let links: Vec<String> = sources(candidate.get("groundingMetadata"))
        .iter()
        .enumerate()
        .map(|(index, source)| format!("[{}]({})", index + 1, source.url))
        .collect();
    if !links.is_empty() {
        text.push_str("\n\nSources: ");
        text.push_str(&links.join(", "));
    }
    Ok(Text::from(text).into())
}

fn joined_parts(candidate: Node<'_>) -> Result<String, Error> {
    let mut text = String::new();
    for part in candidate.get("content").get("parts").items() {
        if part.is_null() {
            return Err(Error::malformed("a part is null"));
        }
        if part.get("thought").as_bool() != Some(true) {
            text.push_str(&part.get("text").as_cow().unwrap_or_default());
        }
    }
    Ok(text)
}
