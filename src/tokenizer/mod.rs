//! Counting tokens as the reference does: locally, with one tokenizer for every provider.

use crate::Error;
use crate::json::Value;

#[cfg(feature = "tokenizer")]
mod merge;
#[cfg(feature = "tokenizer")]
mod vocabulary;
#[cfg(feature = "tokenizer")]
mod words;

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
    words::words(text).map(|word| merge::count(word.as_bytes())).sum()
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

#[cfg(all(test, feature = "tokenizer"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiktoken(text: &str) -> usize {
        tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
    }

    #[test]
    fn texts_of_many_kinds_count_as_tiktoken_counts_them() {
        for text in [
            "Hello, world!",
            "  leading and   several    blanks  ",
            "tabs\t\tand\nlines\r\n\r\n  indented\n\n\n",
            "I'm you'Re we'LL they'd it'ſ CamelCase HTTPServer snake_case kebab-case",
            "1234567890 3.14159 ١٢٣ ½",
            "Größe naïve Ελληνικά русский 日本語テキスト 한국어 ภาษาไทย हिन्दी",
            "👩‍👩‍👧‍👦 🇩🇪 e\u{301} \u{feff}",
            "https://example.com/a/b?c=d&e=f#g // comment\n/* x */",
            "{\"a\": [1, 2, {\"b\": null}], \"c\": \"\\n\"}",
            "<|endoftext|> is plain text here",
            "\u{a0}\u{a0}x \u{3000}y",
        ] {
            assert_eq!(text_tokens(text), tiktoken(text), "{text:?}");
        }
    }

    #[test]
    fn every_file_of_the_sources_counts_as_tiktoken_counts_it() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "md") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert_eq!(text_tokens(&text), tiktoken(&text), "{}", path.display());
                    files += 1;
                }
            }
        }
        assert!(files > 100, "{files}");
    }

    #[test]
    fn a_long_word_is_no_trap() {
        let word = "ab".repeat(20_000);
        assert_eq!(text_tokens(&word), tiktoken(&word));
    }

    proptest! {
        // Of the characters that tiktoken's tables know: ours are of a later Unicode.
        #[test]
        fn any_text_counts_as_tiktoken_counts_it(text in "\\P{Cn}{0,200}") {
            prop_assert_eq!(text_tokens(&text), tiktoken(&text));
        }

        #[test]
        fn letters_of_all_kinds_cut_where_tiktoken_cuts_them(text in "[aA\u{1c5}ʰ中\u{301}٣!' \\n]{0,30}") {
            prop_assert_eq!(text_tokens(&text), tiktoken(&text));
            prop_assert_eq!(words::words(&text).collect::<String>(), text);
        }

        #[test]
        fn blanks_and_signs_too(text in "[ \\t\\r\\n\u{a0}a'sB1/.-]{0,60}") {
            prop_assert_eq!(text_tokens(&text), tiktoken(&text));
        }
    }
}
