//! The whole answer of a completion.

use super::hosting::Answer;
use crate::Error;
use crate::driver::WholeResponse;
use crate::json::{Document, Node, Value};
use crate::response::CompletionResponse;

/// The text of a whole message; empty if it has none.
pub(super) fn text(response: &WholeResponse, answer: Answer) -> Result<CompletionResponse, Error> {
    let body = response.shared_text();
    let mut document = Document::new();
    let source = if response.is_json() { body } else { Value::from(body).to_json().into() };
    let url = &response.url;
    let message = document.parse(source).map_err(|error| {
        Error::invalid_response(format!("invalid json response body at {url} reason: {error}"))
    })?;
    if !message.get("content").is_array() {
        return Err(Error::invalid_response("the response is malformed: the message has no content"));
    }
    let mut blocks = message.get("content").items();
    let is_text = |block: &Node<'_>| block.get("type").str_eq("text");
    let block = match answer {
        Answer::FirstText => blocks.find(is_text),
        Answer::FirstBlock => {
            let first = blocks.next().filter(|block| !block.is_null());
            let first = first.ok_or_else(|| {
                Error::invalid_response("the response is malformed: the message's content is empty")
            })?;
            Some(first).filter(is_text)
        }
    };
    Ok(block.and_then(|block| block.get("text").as_text()).unwrap_or_default().into())
}
