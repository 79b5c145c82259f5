//! A received text and where its values stand.

use std::fmt;

use super::node::Node;
use super::scan::{self, Entry};
use super::syntax_error::SyntaxError;
use crate::Text;

/// A parsed JSON text: the text itself and a flat list of its values.
///
/// Keep one per stream and [`parse`](Self::parse) each event into it: the list is reused, so that in the
/// steady state parsing allocates nothing. Nothing recurses, so nesting is limited by memory only.
///
/// # Example: parse event after event
///
/// ```
/// use samewire::json::Document;
///
/// let mut document = Document::new();
/// for event in [r#"{"text":"a"}"#, r#"{"text":"b"}"#] {
///     let node = document.parse(event.into())?;
///     assert_eq!(node.get("text").as_text().unwrap().len(), 1);
/// }
/// # Ok::<(), samewire::json::SyntaxError>(())
/// ```
#[derive(Clone, Default)]
pub struct Document {
    pub(super) source: Text,
    pub(super) entries: Vec<Entry>,
}

impl Document {
    /// A document without a value: its root is `undefined`.
    pub const fn new() -> Self {
        Self { source: Text::new(), entries: Vec::new() }
    }

    /// Reads `source` as `JSON.parse` does, in place of what the document held. After an error the
    /// document holds nothing.
    ///
    /// White space is space, tab, line feed and carriage return only; a byte order mark is an error.
    pub fn parse(&mut self, source: Text) -> Result<Node<'_>, SyntaxError> {
        self.clear();
        if u32::try_from(source.len()).is_err() {
            return Err(SyntaxError::too_long());
        }
        // About what a small text holds; a larger one shows how much more.
        self.entries.reserve((source.len() / 8).min(128));
        if let Err(fault) = scan::scan(source.as_bytes(), &mut self.entries) {
            self.entries.clear();
            return Err(SyntaxError::new(&source, fault));
        }
        self.source = source;
        Ok(self.root())
    }

    /// Lets go of the text, and with it of the buffer that it is a slice of.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.source = Text::new();
    }

    /// The outermost value; `undefined` if nothing was parsed.
    pub const fn root(&self) -> Node<'_> {
        Node { document: self, index: 0 }
    }

    /// The text that was parsed.
    pub const fn source(&self) -> &Text {
        &self.source
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(&self.root()).finish()
    }
}
