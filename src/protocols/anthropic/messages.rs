//! Conversations: what is left out, and where prompt-cache marks go.

use crate::json::{Object, Value, object};
use crate::message::Message;

/// The block types that the API knows; others belong to other providers.
const KNOWN_BLOCKS: &[&str] =
    &["text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking", "document"];

/// The messages without foreign blocks; a message that holds no block is left out.
pub(crate) fn known_blocks_only(messages: &[Message]) -> Vec<Value> {
    let kept = messages.iter().filter_map(|message| {
        let mut kept = message.as_json().clone();
        if let Some(Value::Array(blocks)) = message.content() {
            if !blocks.iter().any(is_known) {
                return None;
            }
            // Only a message that changes is copied.
            if !blocks.iter().all(is_known)
                && let Some(blocks) = kept.get_mut("content").and_then(Value::as_array_mut)
            {
                blocks.retain(is_known);
            }
        }
        Some(kept)
    });
    kept.collect()
}

fn is_known(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str).is_some_and(|kind| KNOWN_BLOCKS.contains(&kind))
}

/// Which block of a message carries its cache mark.
#[derive(Clone, Copy)]
pub(crate) enum MarkedBlock {
    /// The last, whatever its type.
    Last,
    /// The last with text; none if there is none.
    LastText,
}

/// Marks the last two user messages.
pub(crate) fn mark_last_two_users(messages: &mut [Value], block: MarkedBlock) {
    let users = messages
        .iter_mut()
        .rev()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    users.take(2).for_each(|message| mark(message, block));
}

fn mark(message: &mut Value, marked: MarkedBlock) {
    let Some(content) = message.get_mut("content") else { return };
    match content {
        Value::String(_) => {
            let text = std::mem::take(content);
            *content = vec![marked_text(text)].into();
        }
        Value::Array(blocks) => {
            let position = match marked {
                MarkedBlock::Last => blocks.len().checked_sub(1),
                MarkedBlock::LastText => {
                    blocks.iter().rposition(|b| b.get("type").and_then(Value::as_str) == Some("text"))
                }
            };
            if let Some(block) = position.and_then(|at| blocks[at].as_object_mut()) {
                block.insert("cache_control", ephemeral());
            }
        }
        _ => {}
    }
}

/// A marked text block, its keys in the order for messages.
pub(crate) fn marked_text(text: impl Into<Value>) -> Value {
    object! { "type": "text", "text": text, "cache_control": ephemeral() }.into()
}

pub(crate) fn ephemeral() -> Object {
    object! { "type": "ephemeral" }
}
