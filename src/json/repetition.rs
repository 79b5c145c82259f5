//! Reads texts that repeat an earlier one but for one string, without parsing them.

use bytes::Bytes;

use super::escape::Pieces;
use super::node::Node;
use super::scan::{plain_prefix, string_end};
use crate::Text;

/// Recognises a text that equals an earlier one everywhere but inside one string.
///
/// The earlier text was parsed, so equal bytes around another well-formed string parse to the same values around
/// another content: whatever holds of the earlier document holds of this one, but for that string. A stream of text
/// deltas is a thousand such texts in a row.
#[derive(Debug, Default)]
pub(crate) struct Repetition {
    /// Up to the opening quote.
    head: Vec<u8>,
    /// From the closing quote; up to the opening quote of padding, if there is any.
    tail: Vec<u8>,
    /// From the closing quote of padding.
    end: Option<Vec<u8>>,
}

impl Repetition {
    /// Takes the text of a parsed document as the pattern; `string` is the string in it that may change. The string
    /// of the key `padding` behind it, if one is named, may change too, as it means nothing.
    pub(crate) fn learn(&mut self, string: Node<'_>, padding: Option<&str>) {
        let Some((start, end)) = string.string_range() else { return };
        let source = string.document.source.as_bytes();
        self.head.clear();
        self.head.extend_from_slice(&source[..start]);
        self.tail.clear();
        let tail = &source[end..];
        let cut = padding.and_then(|key| padding_of(tail, key));
        self.tail.extend_from_slice(&tail[..cut.map_or(tail.len(), |(start, _)| start)]);
        self.end = cut.map(|(_, end)| tail[end..].to_vec());
    }

    /// The string's content, if those bytes repeat the pattern; they are a slice of `buffer`, and the content may
    /// become one.
    pub(crate) fn content(&self, bytes: &[u8], buffer: &Bytes) -> Option<Text> {
        let rest = bytes.strip_prefix(self.head.as_slice()).filter(|_| !self.head.is_empty())?;
        let plain = plain_prefix(rest);
        let is_plain = rest.get(plain) == Some(&b'"');
        let length = if is_plain { plain } else { string_end(rest)? };
        let (content, behind) = rest.split_at(length);
        let behind = behind.strip_prefix(self.tail.as_slice())?;
        let repeats = match &self.end {
            None => behind.is_empty(),
            Some(end) => behind[plain_prefix(behind)..] == **end,
        };
        if !repeats {
            return None;
        }
        let content = Text::part_of(buffer, content);
        Some(if is_plain { content } else { Pieces(&content).unescape().into() })
    }
}

/// Where the string of that key stands.
fn padding_of(tail: &[u8], key: &str) -> Option<(usize, usize)> {
    let opening = [b"\"", key.as_bytes(), b"\":\""].concat();
    let start = memchr::memmem::find(tail, &opening)? + opening.len();
    let length = plain_prefix(&tail[start..]);
    (tail.get(start + length) == Some(&b'"')).then_some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn learned(source: &str, padding: Option<&str>) -> Repetition {
        let (mut document, mut repetition) = (Document::new(), Repetition::default());
        repetition.learn(document.parse(source.into()).unwrap().get("d").get("text"), padding);
        repetition
    }

    fn content(repetition: &Repetition, text: &str) -> Option<String> {
        let bytes = Bytes::from(text.to_owned());
        repetition.content(&bytes, &bytes).map(String::from)
    }

    #[test]
    fn only_the_string_may_differ() {
        let repetition = learned(r#"{"id":1,"d":{"text":"one"},"n":null}"#, None);
        let content = |text: &str| content(&repetition, text);
        assert_eq!(content(r#"{"id":1,"d":{"text":"another"},"n":null}"#).as_deref(), Some("another"));
        assert_eq!(
            content(r#"{"id":1,"d":{"text":"a\n\"b\" \u00e4"},"n":null}"#).as_deref(),
            Some("a\n\"b\" ä")
        );
        assert_eq!(content(r#"{"id":1,"d":{"text":""},"n":null}"#).as_deref(), Some(""));
        for other in [
            r#"{"id":2,"d":{"text":"one"},"n":null}"#,
            r#"{"id":1,"d":{"text":"one"},"n":1}"#,
            r#"{"id":1,"d":{"text":"one"},"n":null} "#,
            r#"{"id":1,"d":{"text":"one","n":null}"#,
            r#"{"id":1,"d":{"text":"a\x"},"n":null}"#,
            "{\"id\":1,\"d\":{\"text\":\"a\nb\"},\"n\":null}",
            r#"{"id":1,"d":{"text":"one"#,
            "",
        ] {
            assert_eq!(content(other), None, "{other}");
        }
    }

    #[test]
    fn padding_may_differ_too() {
        let repetition = learned(r#"{"d":{"text":"one"},"pad":"xyz","n":1}"#, Some("pad"));
        let content = |text: &str| content(&repetition, text);
        assert_eq!(content(r#"{"d":{"text":"two"},"pad":"","n":1}"#).as_deref(), Some("two"));
        assert_eq!(content(r#"{"d":{"text":"two"},"pad":"a\n","n":1}"#), None, "escapes are for the parser");
        assert_eq!(content(r#"{"d":{"text":"two"},"pad":"a","n":2}"#), None);
        assert_eq!(content(r#"{"d":{"text":"two"},"dap":"a","n":1}"#), None);
    }

    #[test]
    fn nothing_repeats_what_was_never_seen() {
        assert_eq!(content(&Repetition::default(), ""), None);
        assert_eq!(content(&Repetition::default(), "\"a\""), None);
    }
}
