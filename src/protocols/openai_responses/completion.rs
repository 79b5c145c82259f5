//! The whole answer of a completion.

use crate::Error;
use crate::json::Node;
use crate::response::CompletionResponse;

/// The first text of the answer's messages, else its `text`, whatever that is.
pub(super) fn text(root: Node<'_>) -> Result<CompletionResponse, Error> {
    if !root.is_object() && !root.is_array() {
        return Err(Error::malformed("the body is no object"));
    }
    let output = root.get("output");
    let messages = || output.items().filter(|item| item.get("type").str_eq("message"));
    if root.get("object").str_eq("response") {
        // The SDK collects the texts and stumbles over what has none.
        let is_sound = output.is_array()
            && !output.items().any(Node::is_null)
            && messages().all(|message| {
                let content = message.get("content");
                content.is_string() || (content.is_array() && !content.items().any(Node::is_null))
            });
        if !is_sound {
            return Err(Error::malformed("the output is incomplete"));
        }
    }
    let texts = messages().flat_map(|message| message.get("content").items());
    let mut texts = texts.filter(|part| part.get("type").str_eq("output_text")).map(|part| part.get("text"));
    let found = texts.find(|text| text.is_truthy()).unwrap_or_else(|| root.get("text"));
    Ok(CompletionResponse::of(found))
}
