//! How a text is cut into words before it is encoded.
//!
//! The cuts of o200k_base, <https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>: its pattern
//! names kinds of words in an order, and each kind has a function here. As a regular expression the same pattern held
//! 0.8 MiB once it was used.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory as Category;

/// The words of a text; together they are the text.
pub(super) fn words(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let length =
            letters(text).or_else(|| digits(text)).or_else(|| signs(text)).unwrap_or_else(|| blanks(text));
        let (word, rest) = text.split_at(length);
        text = rest;
        Some(word)
    })
}

/// Letters that end in lower case, or capitals alone; at most one sign or blank in front, a contraction behind.
fn letters(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let lead = matches!(kind(first), Kind::Blank | Kind::Sign | Kind::Mark).then(|| first.len_utf8());
    let either = |form: fn(&str) -> Option<usize>| {
        lead.into_iter().chain([0]).find_map(|start| Some(start + form(&text[start..])?))
    };
    let length = either(cased).or_else(|| either(capitals))?;
    Some(length + contraction(&text[length..]))
}

/// Capitals, then at least one letter that is none; letters without case and marks may stand in both.
fn cased(text: &str) -> Option<usize> {
    let high = run(text, |kind| matches!(kind, Kind::Upper | Kind::Caseless | Kind::Mark));
    let low = run(&text[high..], |kind| matches!(kind, Kind::Lower | Kind::Caseless | Kind::Mark));
    if low > 0 {
        return Some(high + low);
    }
    let mut letters = text[..high].char_indices();
    letters.rfind(|(_, letter)| kind(*letter) != Kind::Upper).map(|(at, letter)| at + letter.len_utf8())
}

fn capitals(text: &str) -> Option<usize> {
    some(run(text, |kind| kind == Kind::Upper))
}

/// `'s` and the like in any case, the long s among them; 0 without.
fn contraction(text: &str) -> usize {
    let mut letters = text.chars().map(|letter| letter.to_ascii_lowercase());
    match (letters.next(), letters.next(), letters.next()) {
        (Some('\''), Some('s' | 't' | 'm' | 'd'), _) => 2,
        (Some('\''), Some('r' | 'v'), Some('e')) | (Some('\''), Some('l'), Some('l')) => 3,
        (Some('\''), Some(long @ 'ſ'), _) => 1 + long.len_utf8(),
        _ => 0,
    }
}

fn digits(text: &str) -> Option<usize> {
    some(text.chars().take(3).take_while(|c| kind(*c) == Kind::Number).map(char::len_utf8).sum())
}

/// Signs, with at most one space in front and any number of line breaks and slashes behind.
fn signs(text: &str) -> Option<usize> {
    let lead = usize::from(text.starts_with(' '));
    let length = lead + some(run(&text[lead..], |kind| matches!(kind, Kind::Sign | Kind::Mark)))?;
    let rest = &text[length..];
    Some(text.len() - rest.trim_start_matches(['\r', '\n', '/']).len())
}

/// White space up to its last line break; without one, all but the blank that leads the next word.
fn blanks(text: &str) -> usize {
    let blank = &text[..text.len() - text.trim_start().len()];
    if let Some(line_break) = blank.rfind(['\r', '\n']) {
        return line_break + 1;
    }
    match blank.char_indices().next_back() {
        Some((last, _)) if last > 0 && blank.len() < text.len() => last,
        _ => blank.len(),
    }
}

/// What the cuts tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    /// A letter without upper and lower case.
    Caseless,
    Mark,
    Number,
    LineBreak,
    /// White space within a line.
    Blank,
    Sign,
}

/// By the Unicode of the tables that the build brings, as the reference goes by that of its Node.
fn kind(c: char) -> Kind {
    match c {
        'a'..='z' => Kind::Lower,
        'A'..='Z' => Kind::Upper,
        '0'..='9' => Kind::Number,
        '\r' | '\n' => Kind::LineBreak,
        _ if c.is_whitespace() => Kind::Blank,
        _ if c.is_ascii() => Kind::Sign,
        _ => match CodePointMapData::<Category>::new().get(c) {
            Category::UppercaseLetter | Category::TitlecaseLetter => Kind::Upper,
            Category::LowercaseLetter => Kind::Lower,
            Category::ModifierLetter | Category::OtherLetter => Kind::Caseless,
            Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => Kind::Mark,
            Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => Kind::Number,
            _ => Kind::Sign,
        },
    }
}

/// Bytes of the characters in front that are of a kind.
fn run(text: &str, is_in: impl Fn(Kind) -> bool) -> usize {
    text.find(|c| !is_in(kind(c))).unwrap_or(text.len())
}

fn some(length: usize) -> Option<usize> {
    (length > 0).then_some(length)
}
