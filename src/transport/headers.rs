//! Header lines as they stand on the wire.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#section-5>

use std::fmt;

use bytes::Bytes;

use crate::Text;
use crate::shared_list::SharedList;

/// The line that differs between all requests with a body.
pub(crate) const CONTENT_LENGTH: Text = Text::from_static("content-length");

/// Header lines in wire order; names keep their spelling, and the same name may stand twice. Clones share them until
/// one changes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(SharedList<(Text, HeaderValue)>);

/// The bytes of a header value, and whether they are a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderValue {
    bytes: Bytes,
    secret: bool,
}

impl HeaderValue {
    /// A value that may be shown.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: false }
    }

    /// A value that `Debug` output hides.
    pub fn secret(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: true }
    }

    /// The bytes as they go on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be shared.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the value is a key, a token or another secret.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl From<&'static str> for HeaderValue {
    fn from(value: &'static str) -> Self {
        Self::new(value)
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("[secret]") } else { self.bytes.fmt(f) }
    }
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, with room for that many lines.
    pub(crate) fn with_capacity(lines: usize) -> Self {
        Self(SharedList::with_capacity(lines))
    }

    /// Adds a line at the end, whatever stands there already.
    pub fn append(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        self.0.push((name.into(), value.into()));
    }

    /// Removes every line of that name (any case) and adds one at the end.
    pub fn replace(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        self.remove(&name);
        self.append(name, value);
    }

    /// Changes the value of the first line of that name in its place, or adds one at the end.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        let at = self.position(&name);
        match at.and_then(|at| self.0.get_mut(at)) {
            Some((_, old)) => *old = value.into(),
            None => self.append(name, value),
        }
    }

    /// Puts lines behind the first line of that name (any case), or at the end. Lines of the same names
    /// that stand there already go.
    pub fn insert_behind<N, V>(&mut self, name: &str, lines: impl IntoIterator<Item = (N, V)>)
    where
        N: Into<Text>,
        V: Into<HeaderValue>,
    {
        let lines: Self = lines.into_iter().collect();
        lines.iter().for_each(|(name, _)| self.remove(name));
        let at = self.position(name).map_or(self.0.len(), |at| at + 1);
        for (index, line) in lines.0.into_iter().enumerate() {
            self.0.insert(at + index, line);
        }
    }

    /// Removes every line of that name (any case).
    pub fn remove(&mut self, name: &str) {
        while let Some(at) = self.position(name) {
            self.0.remove(at);
        }
    }

    /// The value of the first line of that name (any case).
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// All values of that name joined with `, `, as JavaScript's `Headers.get` gives them.
    pub fn joined(&self, name: &str) -> Option<String> {
        let mut values = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut joined = latin1(values.next()?.1.as_bytes());
        for (_, value) in values {
            joined.push_str(", ");
            joined.push_str(&latin1(value.as_bytes()));
        }
        Some(joined)
    }

    /// The lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The lines in order, whose clones share their text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Text, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<N: Into<Text>, V: Into<HeaderValue>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        Self(lines.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
