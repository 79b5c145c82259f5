//! How a text is cut into words before it is encoded.

use regex::Regex;

/// The cuts of o200k_base, but for its look behind white space, which [`Words::of`] makes up for.
/// <https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>
const PATTERN: &str = concat!(
    // A word with at most one sign in front and a contraction behind: lower case at its end, or upper case alone.
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"|\s*[\r\n]+",
    r"|\s+",
);

pub(super) struct Words(Regex);

impl Words {
    pub(super) fn new() -> Option<Self> {
        Regex::new(PATTERN).ok().map(Self)
    }

    /// The words of a text; together they are the text.
    pub(super) fn of<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let found = self.0.find_at(text, at)?;
            let mut word = found.as_str();
            // The last of several blanks belongs to the word behind them.
            let behind = &text[found.end()..];
            let is_blank = word.ends_with(|c: char| c.is_whitespace() && c != '\r' && c != '\n');
            if is_blank && !behind.is_empty() && word.chars().all(char::is_whitespace) {
                let last = word.chars().next_back().map_or(0, char::len_utf8);
                if word.len() > last {
                    word = &word[..word.len() - last];
                }
            }
            at = found.start() + word.len();
            Some(word)
        })
    }
}
