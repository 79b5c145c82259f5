//! What the escapes of a string stand for.

/// A part of an escaped string.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    Plain(&'a str),
    Char(char),
}

impl Piece<'_> {
    fn len(self) -> usize {
        match self {
            Self::Plain(plain) => plain.len(),
            Self::Char(character) => character.len_utf8(),
        }
    }
}

/// The pieces of a string's source, which the scanner has checked.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'a>(pub(super) &'a str);

impl Pieces<'_> {
    pub(super) fn unescape(self) -> String {
        // With no room to spare, the string becomes a `Text` as it is.
        let mut text = String::with_capacity(self.clone().map(Piece::len).sum());
        for piece in self {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Char(character) => text.push(character),
            }
        }
        text
    }

    pub(super) fn equals(self, mut other: &str) -> bool {
        for piece in self {
            let rest = match piece {
                Piece::Plain(plain) => other.strip_prefix(plain),
                Piece::Char(character) => other.strip_prefix(character),
            };
            let Some(rest) = rest else { return false };
            other = rest;
        }
        other.is_empty()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        match memchr::memchr(b'\\', self.0.as_bytes()) {
            Some(0) => {}
            Some(at) => return Some(Piece::Plain(self.take(at))),
            None if self.0.is_empty() => return None,
            None => return Some(Piece::Plain(self.take(self.0.len()))),
        }
        Some(match self.take(2).as_bytes()[1] {
            b'b' => Piece::Char('\u{8}'),
            b'f' => Piece::Char('\u{c}'),
            b'n' => Piece::Char('\n'),
            b'r' => Piece::Char('\r'),
            b't' => Piece::Char('\t'),
            b'u' => Piece::Char(self.code_point()),
            other => Piece::Char(other.into()),
        })
    }
}

impl<'a> Pieces<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// The four digits behind `\u`, and the escape behind them if both are one surrogate pair.
    fn code_point(&mut self) -> char {
        let unit = hex(self.take(4));
        if let 0xD800..=0xDBFF = unit
            && let Some(digits) = self.0.strip_prefix("\\u").and_then(|rest| rest.get(..4))
            && let low @ 0xDC00..=0xDFFF = hex(digits)
        {
            self.take(6);
            let pair = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

fn hex(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).unwrap_or(char::REPLACEMENT_CHARACTER as u32)
}
