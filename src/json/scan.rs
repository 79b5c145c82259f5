//! The scanner: JSON text in, a flat list of entries out, in one pass without recursion.

/// What an [`Entry`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    False,
    True,
    Number,
    /// A string whose source is its content.
    String,
    /// A string with at least one escape.
    Escaped,
    Array,
    Object,
}

/// A value or a key, in source order. An object's fields are its key, then its value's whole subtree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) tag: Tag,
    /// First byte of the source; of strings behind the quote.
    pub(super) start: u32,
    /// One past the last byte of the source; of strings the closing quote.
    pub(super) end: u32,
    /// The entry behind this one and all that it contains. While a container is open: its parent.
    pub(super) next: u32,
}

/// Where and why the scanner stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// Byte offset, always at the start of a character or at the end.
    pub(super) at: usize,
    /// V8's words; `None` where it describes the character that it found.
    pub(super) message: Option<&'static str>,
}

/// Fills `entries` with the values of `source`, the root first.
///
/// `source` must be shorter than 4 GiB and `entries` empty.
pub(super) fn scan(source: &[u8], entries: &mut Vec<Entry>) -> Result<(), Fault> {
    Scanner { source, at: 0, open: NONE, entries }.document()
}

/// Where the string ends that begins right behind its opening quote; `None` if it is not well formed.
pub(super) fn string_end(source: &[u8]) -> Option<usize> {
    let mut scanner = Scanner { source, at: 0, open: NONE, entries: &mut Vec::new() };
    scanner.content().ok()?;
    Some(scanner.at)
}

struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    /// The innermost container that is not closed yet.
    open: u32,
    entries: &'a mut Vec<Entry>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        loop {
            if self.value()? {
                continue;
            }
            while self.open != NONE {
                if self.behind_value()? {
                    break;
                }
            }
            if self.open == NONE {
                break;
            }
        }
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.fault(BEHIND_THE_END)),
        }
    }

    /// Reads a scalar or opens a container. True if a value must follow.
    #[inline]
    fn value(&mut self) -> Result<bool, Fault> {
        match self.token() {
            Some(b'"') => self.string()?,
            Some(b'{') => {
                self.begin(Tag::Object);
                match self.token() {
                    Some(b'"') => self.string()?,
                    Some(b'}') => {
                        self.finish();
                        return Ok(false);
                    }
                    _ => return Err(self.fault(FIRST_NAME)),
                }
                return self.colon(Some(FIRST_COLON));
            }
            Some(b'[') => {
                self.begin(Tag::Array);
                if self.token() != Some(b']') {
                    return Ok(true);
                }
                self.finish();
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true", Tag::True)?,
            Some(b'f') => self.literal(b"false", Tag::False)?,
            Some(b'n') => self.literal(b"null", Tag::Null)?,
            _ => return Err(self.unexpected()),
        }
        Ok(false)
    }

    /// Reads what stands behind a value in the open container. True if a value must follow.
    #[inline]
    fn behind_value(&mut self) -> Result<bool, Fault> {
        let in_object = self.entries[self.open as usize].tag == Tag::Object;
        match self.token() {
            Some(b',') if in_object => {
                self.at += 1;
                if self.token() != Some(b'"') {
                    return Err(self.fault(NEXT_NAME));
                }
                self.string()?;
                self.colon(None)
            }
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b'}') if in_object => {
                self.finish();
                Ok(false)
            }
            Some(b']') if !in_object => {
                self.finish();
                Ok(false)
            }
            _ => Err(self.fault(if in_object { BEHIND_PROPERTY } else { BEHIND_ELEMENT })),
        }
    }

    #[inline]
    fn colon(&mut self, message: Option<&'static str>) -> Result<bool, Fault> {
        if self.token() != Some(b':') {
            return Err(Fault { at: self.at, message });
        }
        self.at += 1;
        Ok(true)
    }

    #[inline]
    fn begin(&mut self, tag: Tag) {
        let index = self.entries.len() as u32;
        self.entries.push(Entry { tag, start: self.at as u32, end: 0, next: self.open });
        self.open = index;
        self.at += 1;
    }

    #[inline]
    fn finish(&mut self) {
        self.at += 1;
        let next = self.entries.len() as u32;
        let container = &mut self.entries[self.open as usize];
        self.open = container.next;
        container.next = next;
        container.end = self.at as u32;
    }

    #[inline]
    fn scalar(&mut self, tag: Tag, start: usize, end: usize) {
        let next = self.entries.len() as u32 + 1;
        self.entries.push(Entry { tag, start: start as u32, end: end as u32, next });
    }

    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let start = self.at;
        let tag = self.content()?;
        self.scalar(tag, start, self.at);
        self.at += 1;
        Ok(())
    }

    /// Reads up to the closing quote of a string.
    #[inline]
    fn content(&mut self) -> Result<Tag, Fault> {
        let mut tag = Tag::String;
        loop {
            self.at += plain_prefix(&self.source[self.at..]);
            match self.peek() {
                Some(b'"') => return Ok(tag),
                Some(b'\\') => {
                    tag = Tag::Escaped;
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault(CONTROL_CHARACTER)),
                None => return Err(self.fault(UNTERMINATED_STRING)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.fault(UNICODE_ESCAPE));
                    }
                    self.at += 1;
                }
            }
            // V8 knows escapes up to U+00FF, whose first byte in UTF-8 is at most 0xC3.
            Some(..=0xC3) => return Err(self.fault(ESCAPED_CHARACTER)),
            Some(_) | None => return Err(self.unexpected()),
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    return Err(self.unexpected());
                }
            }
            _ => self.digits(NO_NUMBER)?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits(NO_FRACTION)?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits(NO_EXPONENT)?;
        }
        self.scalar(Tag::Number, start, self.at);
        Ok(())
    }

    #[inline]
    fn digits(&mut self, missing: &'static str) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault(missing)) } else { Ok(()) }
    }

    #[inline]
    fn literal(&mut self, word: &[u8], tag: Tag) -> Result<(), Fault> {
        let start = self.at;
        if self.source[start..].starts_with(word) {
            self.at += word.len();
            self.scalar(tag, start, self.at);
            return Ok(());
        }
        let rest = &self.source[start..];
        self.at += rest.iter().zip(word).take_while(|(a, b)| a == b).count();
        Err(self.unexpected())
    }

    /// The next byte that is not white space, which stays.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.source.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn fault(&self, message: &'static str) -> Fault {
        Fault { at: self.at, message: Some(message) }
    }

    fn unexpected(&self) -> Fault {
        Fault { at: self.at, message: None }
    }
}

/// How many bytes stand before the first quote, backslash or control character.
///
/// Looks at eight bytes at once: <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>. A
/// borrow may mark bytes above a true match wrongly, never below it, and the lowest mark is what counts.
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word;
        let found = found & (ONES << 7);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
    words.len() * 8 + plain
}

const ONES: u64 = u64::MAX / 0xFF;

/// No container is open.
const NONE: u32 = u32::MAX;

const BEHIND_ELEMENT: &str = "Expected ',' or ']' after array element in JSON";
const BEHIND_PROPERTY: &str = "Expected ',' or '}' after property value in JSON";
const BEHIND_THE_END: &str = "Unexpected non-whitespace character after JSON";
const CONTROL_CHARACTER: &str = "Bad control character in string literal in JSON";
const ESCAPED_CHARACTER: &str = "Bad escaped character in JSON";
const FIRST_COLON: &str = "Expected ':' after property name in JSON";
const FIRST_NAME: &str = "Expected property name or '}' in JSON";
const NEXT_NAME: &str = "Expected double-quoted property name in JSON";
const NO_EXPONENT: &str = "Exponent part is missing a number in JSON";
const NO_FRACTION: &str = "Unterminated fractional number in JSON";
const NO_NUMBER: &str = "No number after minus sign in JSON";
const UNICODE_ESCAPE: &str = "Bad Unicode escape in JSON";
const UNTERMINATED_STRING: &str = "Unterminated string in JSON";
