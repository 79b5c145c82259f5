//! Text that shares the network buffer it arrived in.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;

/// An immutable string that clones without copying and may be a slice of received bytes.
///
/// A token's text is such a slice whenever the JSON around it needed no unescaping, so a delta costs
/// no allocation. Keep a `Text` for long only if its buffer (up to one network read) may live as long;
/// [`ToString::to_string`] makes an independent copy.
///
/// # Example: share one buffer
///
/// ```
/// use samewire::Text;
///
/// let sentence = Text::from("same bytes on the wire");
/// let word = sentence.slice(&sentence[5..10]);
/// assert_eq!(word, "bytes");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// The empty text.
    pub const fn new() -> Self {
        Self(ByteString::new())
    }

    /// A text that points at a string constant.
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// Takes bytes as text; bytes that are not UTF-8 become U+FFFD as the WHATWG decoder writes them
    /// (one replacement per maximal invalid part), which copies.
    pub fn from_utf8_lossy(bytes: Bytes) -> Self {
        // Looking at a short text twice costs less than a second share of the buffer, which errors take.
        if bytes.len() <= SHORT && bytes.is_ascii() {
            return Self(ByteString::try_from(bytes).unwrap_or_default());
        }
        match ByteString::try_from(bytes.clone()) {
            Ok(text) => Self(text),
            Err(_) => Self(String::from_utf8_lossy(&bytes).into_owned().into()),
        }
    }

    /// As [`from_utf8_lossy`](Self::from_utf8_lossy), for a slice of those bytes.
    pub(crate) fn part_of(buffer: &Bytes, part: &[u8]) -> Self {
        if part.is_empty() { Self::new() } else { Self::from_utf8_lossy(buffer.slice_ref(part)) }
    }

    pub(crate) fn buffer(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// The part `part` of this text, without a copy.
    ///
    /// # Panics
    ///
    /// If `part` is not a slice of `self`.
    #[must_use]
    pub fn slice(&self, part: &str) -> Self {
        if part.is_empty() { Self::new() } else { Self(self.0.slice_ref(part)) }
    }

    /// The text as `&str`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const SHORT: usize = 64;

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl serde_core::Serialize for Text {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> serde_core::Deserialize<'de> for Text {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
