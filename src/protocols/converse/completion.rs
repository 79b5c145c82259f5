//! The whole answer of a completion.

use super::decode::{expect_text, union_member};
use super::errors::Thrown;
use crate::Text;
use crate::json::Node;
use crate::json::javascript::is_space;

/// The text of a whole answer: its first block if that is text and more than white space.
pub(super) fn text(answer: Node<'_>) -> Result<Text, Thrown> {
    let output = answer.get("output");
    union_member(output)?;
    let blocks = output.get("message").get("content").items().filter(|block| !block.is_null());
    let mut first = None;
    for (index, block) in blocks.enumerate() {
        union_member(block)?;
        if index == 0 {
            first = expect_text(block.get("text"))?;
        }
    }
    Ok(first.filter(|text| !text.chars().all(is_space)).unwrap_or_default())
}
