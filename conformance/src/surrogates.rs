//! Half surrogate pairs: JavaScript strings can hold them, Rust strings cannot.
//!
//! samewire reads and writes them as U+FFFD. `JSON.stringify` writes them as escapes, so a recording that
//! contains one is compared after each such escape has been replaced.

use std::borrow::Cow;

/// Which escapes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Those of the text's own JSON strings.
    Own,
    /// Also those in JSON inside JSON strings, however deep.
    Any,
}

/// The text with each escape of half a surrogate pair replaced.
pub(crate) fn replace_lone<'a>(text: &'a str, depth: Depth, replacement: &str) -> Cow<'a, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = text[at..].find('\\').map(|found| at + found) {
        let Some(escape) = Escape::at(&text[start..], depth) else {
            at = start + text[start..].bytes().take_while(|byte| *byte == b'\\').count();
            continue;
        };
        at = start + escape.length;
        if escape.lone {
            out.push_str(&text[copied..start + escape.kept]);
            out.push_str(replacement);
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Whether the text holds the escape of half a surrogate pair at any depth.
pub(crate) fn has_lone(text: &str) -> bool {
    matches!(replace_lone(text, Depth::Any, ""), Cow::Owned(_))
}

/// An escape of a surrogate, or of a whole pair.
struct Escape {
    length: usize,
    /// Backslashes in front that belong to an escaped backslash.
    kept: usize,
    lone: bool,
}

impl Escape {
    /// The escape that begins with the run of backslashes at the start of the text.
    fn at(text: &str, depth: Depth) -> Option<Self> {
        let slashes = text.bytes().take_while(|byte| *byte == b'\\').count();
        if depth == Depth::Own && slashes % 2 == 0 {
            return None;
        }
        let unit = surrogate(&text[slashes..])?;
        let length = slashes + UNIT;
        let rest = &text[length..];
        let own = if slashes.is_power_of_two() { slashes } else { 1 };
        let is_pair = unit < 0xDC00
            && rest.bytes().take_while(|byte| *byte == b'\\').count() == own
            && surrogate(&rest[own..]).is_some_and(|low| low >= 0xDC00);
        if is_pair {
            return Some(Self { length: length + own + UNIT, kept: 0, lone: false });
        }
        let own = if depth == Depth::Own { 1 } else { own };
        Some(Self { length, kept: slashes - own, lone: true })
    }
}

/// The surrogate that `uXXXX` at the start of the text names.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xD800..=0xDFFF).contains(&unit).then_some(unit)
}

/// The length of `uXXXX`.
const UNIT: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
        let replaced = |text| replace_lone(text, Depth::Own, "?").into_owned();
        assert_eq!(replaced(r#""a\ud83db""#), r#""a?b""#);
        assert_eq!(replaced(r#""\ud83d\ude00\ude00""#), r#""\ud83d\ude00?""#);
        assert_eq!(replaced(r#""\\ud83d \u00e9 \n""#), r#""\\ud83d \u00e9 \n""#);
        assert_eq!(replaced(r#""\\\ud83d""#), r#""\\?""#);
    }

    #[test]
    fn nested_escapes_count_when_asked_for() {
        assert!(has_lone(r#""{\\\"a\\\":\\\\ud83d}""#));
        assert!(!has_lone(r#""\\ud83d\\ude00""#));
        assert_eq!(replace_lone(r#""\\ud83d""#, Depth::Any, "?"), r#""?""#);
    }
}
