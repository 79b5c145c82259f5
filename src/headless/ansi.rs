//! Escape sequences of terminals, taken out.
//!
//! ECMA-48: <https://ecma-international.org/publications-and-standards/standards/ecma-48/>

use std::borrow::Cow;

/// The text without escape sequences; a sequence that the end cuts off goes too.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    if !text.contains(ESC) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sequence)) = rest.split_once(ESC) {
        plain.push_str(before);
        rest = behind_sequence(sequence);
    }
    plain.push_str(rest);
    plain.into()
}

/// What stands behind a sequence whose ESC is already gone.
fn behind_sequence(sequence: &str) -> &str {
    let mut characters = sequence.chars();
    match characters.next() {
        Some('[') => behind(characters.as_str(), |c| ('\u{40}'..='\u{7e}').contains(&c)),
        Some(']' | 'P' | '^' | '_' | 'X') => behind_string(characters.as_str()),
        Some('\u{20}'..='\u{2f}') => behind(characters.as_str(), |c| ('\u{30}'..='\u{7e}').contains(&c)),
        Some('\u{30}'..='\u{7e}') => characters.as_str(),
        _ => sequence,
    }
}

fn behind(text: &str, is_last: impl Fn(char) -> bool) -> &str {
    text.find(is_last).map_or("", |at| &text[at + 1..])
}

/// Behind a string of a command, which BEL or ESC `\` ends.
fn behind_string(text: &str) -> &str {
    match text.find([BEL, ESC]) {
        Some(at) if text[at..].starts_with(BEL) => &text[at + 1..],
        Some(at) => text[at + 1..].strip_prefix('\\').unwrap_or(&text[at..]),
        None => "",
    }
}

const ESC: char = '\u{1b}';
const BEL: char = '\u{7}';

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn colours_titles_and_links_vanish() {
        assert_eq!(strip("\u{1b}[1;31merror\u{1b}[0m: no"), "error: no");
        assert_eq!(strip("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b\u{1b}(Bc\u{1b}7d"), "abcd");
        assert_eq!(strip("plain"), "plain");
        assert_eq!(strip("é\u{1b}[38;5;1"), "é");
    }

    #[test]
    fn every_cut_of_a_sequence_is_survived() {
        let text = "a\u{1b}]8;;x\u{1b}\\b\u{1b}[0mc\u{1b}Pq\u{1b}\\é";
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(!strip(&text[..end]).contains('\u{1b}'));
        }
    }
}
