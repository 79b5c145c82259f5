//! A place in a document, read as JavaScript reads.

use std::borrow::Cow;
use std::fmt;

use super::document::Document;
use super::entries::{Entries, EntryNodes, Fields, Items};
use super::escape::Pieces;
use super::object::Object;
use super::scan::{Entry, Tag};
use super::value::Value;
use super::write::Writer;
use crate::Text;

/// The kinds of values that a [`Node`] can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is no such value.
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number, a 64-bit float as in JavaScript.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value in a [`Document`], or `undefined`.
///
/// Reading never fails: `node.get("a").at(0).get("b")` is JavaScript's `node?.a?.[0]?.b`.
///
/// # Example: tell a missing value from `null`
///
/// ```
/// use samewire::json::{Document, Kind};
///
/// let mut document = Document::new();
/// let usage = document.parse(r#"{"total":null}"#.into())?;
/// assert_eq!(usage.get("total").kind(), Kind::Null);
/// assert_eq!(usage.get("cached").kind(), Kind::Undefined);
/// assert!(usage.get("total").is_nullish() && usage.get("cached").is_nullish());
/// # Ok::<(), samewire::json::SyntaxError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub(super) document: &'a Document,
    /// Position in the document's list; beyond its end for `undefined`.
    pub(super) index: u32,
}

impl<'a> Node<'a> {
    /// The value that is not there.
    pub const fn undefined() -> Self {
        NOTHING.root()
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        match self.tag() {
            None => Kind::Undefined,
            Some(Tag::Null) => Kind::Null,
            Some(Tag::False | Tag::True) => Kind::Bool,
            Some(Tag::Number) => Kind::Number,
            Some(Tag::String | Tag::Escaped) => Kind::String,
            Some(Tag::Array) => Kind::Array,
            Some(Tag::Object) => Kind::Object,
        }
    }

    /// The value of `key`; the last one if there are several. `undefined` if there is none or if this is
    /// not an object.
    #[must_use]
    pub fn get(self, key: &str) -> Self {
        let mut found = Self::undefined();
        for (name, value) in Fields::new(self) {
            if name.str_eq(key) {
                found = value;
            }
        }
        found
    }

    /// The item at `index`; `undefined` beyond the end or if this is not an array.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        self.items().nth(index).unwrap_or_default()
    }

    /// Whether there is no such value.
    pub fn is_undefined(self) -> bool {
        self.tag().is_none()
    }

    /// Whether the value is `null`. A missing one is not.
    pub fn is_null(self) -> bool {
        self.tag() == Some(Tag::Null)
    }

    /// Whether the value is missing or `null`, JavaScript's `== null`.
    pub fn is_nullish(self) -> bool {
        matches!(self.tag(), None | Some(Tag::Null))
    }

    /// Whether JavaScript's `if` takes the value for true: all but `undefined`, `null`, `false`, 0 and "".
    pub fn is_truthy(self) -> bool {
        let Some(entry) = self.entry() else { return false };
        match entry.tag {
            Tag::Null | Tag::False => false,
            Tag::True | Tag::Escaped | Tag::Array | Tag::Object => true,
            Tag::Number => self.as_f64() != Some(0.0),
            Tag::String => entry.start < entry.end,
        }
    }

    /// Whether the value is a string.
    pub fn is_string(self) -> bool {
        matches!(self.tag(), Some(Tag::String | Tag::Escaped))
    }

    /// Whether the value is an array.
    pub fn is_array(self) -> bool {
        self.tag() == Some(Tag::Array)
    }

    /// Whether the value is an object. An array is none.
    pub fn is_object(self) -> bool {
        self.tag() == Some(Tag::Object)
    }

    /// The boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.tag()? {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// The number, if it is one: the nearest 64-bit float, infinite beyond its range.
    pub fn as_f64(self) -> Option<f64> {
        let entry = self.entry().filter(|entry| entry.tag == Tag::Number)?;
        self.source(entry).parse().ok()
    }

    /// The string, if it is one: a slice of the received text unless it holds escapes.
    pub fn as_text(self) -> Option<Text> {
        let entry = self.entry()?;
        match entry.tag {
            Tag::String => Some(self.document.source.slice(self.source(entry))),
            Tag::Escaped => Some(Pieces(self.source(entry)).unescape().into()),
            _ => None,
        }
    }

    /// The string, if it is one, as a copy: for what outlives its event, so that the network's buffer need not.
    pub fn to_text(self) -> Option<Text> {
        self.as_cow().map(|text| Text::from(text.into_owned()))
    }

    /// The string, if it is one: borrowed unless it holds escapes.
    pub fn as_cow(self) -> Option<Cow<'a, str>> {
        let entry = self.entry()?;
        match entry.tag {
            Tag::String => Some(Cow::Borrowed(self.source(entry))),
            Tag::Escaped => Some(Cow::Owned(Pieces(self.source(entry)).unescape())),
            _ => None,
        }
    }

    /// Whether the value is the string `other`. Allocates nothing.
    pub fn str_eq(self, other: &str) -> bool {
        let Some(entry) = self.entry() else { return false };
        match entry.tag {
            Tag::String => self.source(entry) == other,
            Tag::Escaped => Pieces(self.source(entry)).equals(other),
            _ => false,
        }
    }

    /// The number of an array's items or of an object's different keys; 0 for all else.
    pub fn len(self) -> usize {
        match self.tag() {
            Some(Tag::Array) => self.items().count(),
            Some(Tag::Object) => self.entries().nodes().len(),
            _ => 0,
        }
    }

    /// Whether there are no items or keys.
    pub fn is_empty(self) -> bool {
        self.items().next().is_none() && Fields::new(self).next().is_none()
    }

    /// The items of an array; none if this is no array.
    pub fn items(self) -> Items<'a> {
        Items::new(self)
    }

    /// The keys and values of an object as `Object.entries` lists them: keys that look like array indexes
    /// first, in ascending order, then the others as they came; of equal keys the first place and the last
    /// value. None if this is no object.
    pub fn entries(self) -> Entries<'a> {
        Entries::new(self)
    }

    /// An independent copy that can be changed; `undefined` becomes `null`. Strings still share the
    /// document's text.
    ///
    /// A [`Value`] is a tree, which is dropped by recursion. So that a service cannot overflow the stack,
    /// arrays and objects inside more than 512 others become `null`.
    pub fn to_value(self) -> Value {
        self.to_value_within(MAX_DEPTH)
    }

    /// What `JSON.stringify(value)` gives; the word `undefined` if there is no value.
    pub fn to_json(self) -> String {
        self.write(Writer::compact(SMALL))
    }

    /// What `JSON.stringify(value, null, 2)` gives; the word `undefined` if there is no value.
    pub fn to_json_pretty(self) -> String {
        self.write(Writer::pretty(SMALL))
    }

    /// Where the source of a string stands, without its quotes.
    pub(super) fn string_range(self) -> Option<(usize, usize)> {
        let entry = self.entry().filter(|entry| matches!(entry.tag, Tag::String | Tag::Escaped))?;
        Some((entry.start as usize, entry.end as usize))
    }

    pub(super) fn entry(self) -> Option<Entry> {
        self.document.entries.get(self.index as usize).copied()
    }

    fn tag(self) -> Option<Tag> {
        self.entry().map(|entry| entry.tag)
    }

    fn source(self, entry: Entry) -> &'a str {
        &self.document.source[entry.start as usize..entry.end as usize]
    }

    fn to_value_within(self, depth: usize) -> Value {
        match self.kind() {
            Kind::Array if depth > 0 => self.items().map(|item| item.to_value_within(depth - 1)).collect(),
            Kind::Object if depth > 0 => {
                let entries = self.entries().nodes();
                let mut object = Object::with_capacity(entries.len());
                for (key, value) in entries {
                    object.push(key.as_text().unwrap_or_default(), value.to_value_within(depth - 1));
                }
                Value::Object(object)
            }
            Kind::Undefined | Kind::Null | Kind::Array | Kind::Object => Value::Null,
            Kind::Bool => Value::Bool(self.as_bool().unwrap_or_default()),
            Kind::Number => Value::Number(self.as_f64().unwrap_or(f64::NAN)),
            Kind::String => Value::String(self.as_text().unwrap_or_default()),
        }
    }

    fn write(self, mut writer: Writer) -> String {
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut node = self;
        loop {
            match node.kind() {
                Kind::Undefined => writer.raw("undefined"),
                Kind::Null => writer.raw("null"),
                Kind::Bool => writer.raw(if node.is_truthy() { "true" } else { "false" }),
                Kind::Number => node.write_number(&mut writer),
                Kind::String => node.write_string(&mut writer),
                Kind::Array => {
                    writer.open('[');
                    open.push(Open::Array(node.items()));
                }
                Kind::Object => {
                    writer.open('{');
                    open.push(Open::Object(node.entries().nodes()));
                }
            }
            node = loop {
                let end = match open.last_mut() {
                    None => return writer.finish(),
                    Some(Open::Array(items)) => match items.next() {
                        Some(item) => {
                            writer.item();
                            break item;
                        }
                        None => ']',
                    },
                    Some(Open::Object(entries)) => match entries.next() {
                        Some((key, value)) => {
                            writer.item();
                            key.write_string(&mut writer);
                            writer.colon();
                            break value;
                        }
                        None => '}',
                    },
                };
                writer.close(end);
                open.pop();
            };
        }
    }
}

/// The scalars whose source may differ from what JavaScript writes.
impl Node<'_> {
    fn write_number(self, writer: &mut Writer) {
        let Some(entry) = self.entry() else { return };
        let source = self.source(entry);
        // Up to 15 digits are exact and JavaScript writes them as they stand, but for "-0".
        if source.len() <= 15 && !source.starts_with('-') && source.bytes().all(|byte| byte.is_ascii_digit())
        {
            writer.raw(source);
        } else {
            writer.number(self.as_f64().unwrap_or(f64::NAN));
        }
    }

    fn write_string(self, writer: &mut Writer) {
        let Some(entry) = self.entry() else { return };
        let source = self.source(entry);
        if entry.tag == Tag::String {
            // What needs no escape to be read needs none to be written.
            writer.quoted(source);
        } else {
            writer.string(&Pieces(source).unescape());
        }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Default for Node<'_> {
    fn default() -> Self {
        Self::undefined()
    }
}

/// A container whose end is still to be written.
enum Open<'a> {
    Array(Items<'a>),
    Object(EntryNodes<'a>),
}

static NOTHING: Document = Document::new();

const MAX_DEPTH: usize = 512;

/// The room that the arguments of a tool call take, in bytes.
const SMALL: usize = 128;
