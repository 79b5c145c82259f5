//! Counting tokens as the reference does: locally, with one tokenizer for every provider.

use crate::Error;
use crate::json::Value;

/// The reference counts with o200k_base and adds half again, to be on the safe side for other tokenizers.
#[cfg(feature = "tokenizer")]
pub(crate) fn count(content: &[Value]) -> Result<u64, Error> {
    let sum: f64 = content.iter().map(block_tokens).sum();
    Ok((sum * 1.5).ceil() as u64)
}

#[cfg(not(feature = "tokenizer"))]
pub(crate) fn count(_: &[Value]) -> Result<u64, Error> {
    Err(Error::new(crate::ErrorKind::Unsupported, "samewire was built without the feature `tokenizer`"))
}

/// Tokens of texts, counted as that many text blocks; 0 when the tokenizer is compiled out.
pub(crate) fn count_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    #[cfg(feature = "tokenizer")]
    return (texts.into_iter().map(|text| text_tokens(text) as f64).sum::<f64>() * 1.5).ceil() as u64;
    #[cfg(not(feature = "tokenizer"))]
    return texts.into_iter().map(|_| 0).sum();
}

/// Tokens of a text; special tokens count as the plain text that they are spelt with.
#[cfg(feature = "tokenizer")]
fn text_tokens(text: &str) -> usize {
    // Loaded at the first count, not before.
    if text.is_empty() { 0 } else { tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() }
}

#[cfg(feature = "tokenizer")]
fn block_tokens(block: &Value) -> f64 {
    let field = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match field("type") {
        "text" => text_tokens(field("text")) as f64,
        "image" => match block.get("source").and_then(|source| source.get("data")).and_then(Value::as_str) {
            Some(data) => (data.encode_utf16().count() as f64).sqrt().ceil(),
            None => 300.0,
        },
        "tool_use" => {
            let mut text = format!("Tool: {}", field("name"));
            if let Some(input) = block.get("input") {
                text.push_str("\nArguments: ");
                text.push_str(&input.to_json());
            }
            text_tokens(&text) as f64
        }
        "tool_result" => text_tokens(&tool_result(block, field("tool_use_id"))) as f64,
        _ => 0.0,
    }
}

#[cfg(feature = "tokenizer")]
fn tool_result(block: &Value, id: &str) -> String {
    let mut lines = vec![format!("Tool Result ({id})")];
    if block.get("is_error").is_some_and(Value::is_truthy) {
        lines.push("[Error]".into());
    }
    match block.get("content") {
        Some(Value::String(text)) => lines.push(text.to_string()),
        Some(Value::Array(parts)) => lines.extend(parts.iter().map(|part| {
            match part.get("type").and_then(Value::as_str).unwrap_or("undefined") {
                "text" => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
                "image" => "[Image content]".into(),
                other => format!("[Unsupported content block: {other}]"),
            }
        })),
        _ => {}
    }
    lines.join("\n")
}
