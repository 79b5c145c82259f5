//! Tokens that decoders of several protocols make alike.

use crate::json::javascript::defined;
use crate::json::{Node, Object, Value};
use crate::stream::TokenQueue;
use crate::token::{Field, ToolCallPartial};
use crate::{StreamToken, Text};

/// A token of a truthy node: text, or the value as it came.
pub(crate) fn push_truthy(kind: &'static str, node: Node<'_>, tokens: &mut TokenQueue) {
    if !node.is_truthy() {
        return;
    }
    tokens.push_back(match (kind, node.as_text()) {
        ("text", Some(text)) => StreamToken::Text(text),
        ("reasoning", Some(text)) => StreamToken::Reasoning(text),
        _ => StreamToken::Irregular(
            [("type", Value::from(kind)), ("text", node.to_value())].into_iter().collect::<Object>(),
        ),
    });
}

/// A fragment of a tool call; fields of odd types are kept as they came.
pub(crate) fn partial_of(index: Node<'_>, id: Node<'_>, name: Node<'_>, arguments: Node<'_>) -> StreamToken {
    if let (Some(index), Some(id), Some(name), Some(arguments)) =
        (count(index), text(id), text(name), text(arguments))
    {
        return StreamToken::ToolCallPartial(ToolCallPartial { index, id, name, arguments });
    }
    let mut object = Object::with_capacity(5);
    object.insert("type", "tool_call_partial");
    for (key, node) in [("index", index), ("id", id), ("name", name), ("arguments", arguments)] {
        object.insert_some(key, defined(node));
    }
    StreamToken::Irregular(object)
}

fn text(node: Node<'_>) -> Option<Field<Text>> {
    if node.is_undefined() {
        return Some(Field::Absent);
    }
    if node.is_null() { Some(Field::Null) } else { node.as_text().map(Field::Value) }
}

fn count(node: Node<'_>) -> Option<Field<u64>> {
    if node.is_undefined() {
        return Some(Field::Absent);
    }
    if node.is_null() {
        return Some(Field::Null);
    }
    node.as_f64()
        .filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n))
        .map(|n| Field::Value(n as u64))
}

/// `{type: "usage", inputTokens, outputTokens}`, to be added to.
pub(crate) fn usage_object(input: Value, output: Value) -> Object {
    let mut token = Object::with_capacity(7);
    token.insert(Text::from_static("type"), Text::from_static("usage"));
    token.insert(Text::from_static("inputTokens"), input);
    token.insert(Text::from_static("outputTokens"), output);
    token
}
