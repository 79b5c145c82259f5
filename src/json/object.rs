//! An object with JavaScript's key order.

use std::fmt;

use super::value::Value;
use crate::Text;
use crate::shared_list::{self, SharedList};

/// A JavaScript object: keys stay in the order in which they were inserted, but keys that look like array
/// indexes (`"0"` to `"4294967294"`, without leading zeros) come first, in ascending order.
///
/// Lookup is linear, which suits bodies and settings. Two objects are equal only if their keys have the
/// same order. Clones share their entries until one of them changes, so that a clone costs nothing, however much
/// the object holds.
///
/// # Example: build and write
///
/// ```
/// use samewire::json::{Object, Value};
///
/// let mut object = Object::new();
/// object.insert("b", 1);
/// object.insert("a", "x");
/// object.insert("7", true);
/// object.insert_some("left_out", None::<f64>);
/// object.insert("b", Value::Null);
/// assert_eq!(Value::from(object).to_json(), r#"{"7":true,"b":null,"a":"x"}"#);
/// ```
#[derive(Clone, Default)]
pub struct Object {
    /// Sorted: the keys that look like array indexes, then the others.
    entries: SharedList<(Text, Value)>,
    indexes: usize,
}

impl Object {
    /// An object without keys.
    pub const fn new() -> Self {
        Self { entries: SharedList::new(), indexes: 0 }
    }

    /// An object without keys, with room for some.
    pub fn with_capacity(keys: usize) -> Self {
        Self { entries: SharedList::with_capacity(keys), indexes: 0 }
    }

    /// An object with those of the entries that are there.
    pub(crate) fn of<const N: usize>(entries: [Option<(Text, Value)>; N]) -> Self {
        let keys = || entries.iter().flatten().map(|(key, _)| key);
        let is_new = |(at, key): (usize, &Text)| keys().take(at).all(|other| **other != **key);
        if keys().all(|key| array_index(key).is_none()) && keys().enumerate().all(is_new) {
            return Self { entries: SharedList::of(entries), indexes: 0 };
        }
        entries.into_iter().flatten().collect()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(name, _)| **name == *key).map(|(_, value)| value)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.position(key)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a value for `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets the value of `key` and returns the one before. A key that exists keeps its place.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        if let Some(index) = array_index(&key) {
            let indexes = self.keys().take(self.indexes);
            let at = indexes.take_while(|key| array_index(key) < Some(index)).count();
            self.entries.insert(at, (key, value));
            self.indexes += 1;
        } else {
            self.entries.push((key, value));
        }
        None
    }

    /// Sets the value of `key` if there is one. `None` is JavaScript's `undefined`, which is not written;
    /// it leaves the object as it was.
    pub fn insert_some(&mut self, key: impl Into<Text>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.insert(key, value);
        }
    }

    /// Takes `key` out. The others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        if at < self.indexes {
            self.indexes -= 1;
        }
        self.entries.remove(at).map(|(_, value)| value)
    }

    /// The keys and values in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// The keys and values in order, to change the values.
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        IterMut(self.entries.iter_mut())
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Text> + ExactSizeIterator {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.iter().map(|(_, value)| value)
    }

    /// Adds the entry behind those that are there, all of which have other keys, and smaller ones if this is an index.
    pub(super) fn push(&mut self, key: Text, value: Value) {
        self.indexes += usize::from(array_index(&key).is_some());
        self.entries.push((key, value));
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.keys().position(|name| *name == *key)
    }
}

/// An entry for [`Object::of`], if there is a value.
pub(crate) fn entry(key: &'static str, value: Option<impl Into<Value>>) -> Option<(Text, Value)> {
    Some((Text::from_static(key), value?.into()))
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// Builds an [`Object`] from `key: value` pairs. Values are whatever turns into a
/// [`Value`](crate::json::Value); keys are literals, or expressions in parentheses.
///
/// # Example: a content block
///
/// ```
/// use samewire::json::{Value, object};
///
/// let kind = String::from("text");
/// let block = object! { "type": kind.as_str(), (kind): "Hi", "cache_control": object! { "ttl": 5 } };
/// assert_eq!(Value::from(block).to_json(), r#"{"type":"text","text":"Hi","cache_control":{"ttl":5}}"#);
/// ```
#[macro_export]
macro_rules! object {
    (@key $key:literal) => { $crate::Text::from_static($key) };
    (@key ($key:expr)) => { $crate::Text::from($key) };
    () => { $crate::json::Object::new() };
    ($($key:tt : $value:expr),+ $(,)?) => {{
        $crate::json::Object::from([
            $( ($crate::object!(@key $key), ::core::convert::Into::<$crate::json::Value>::into($value)) ),+
        ])
    }};
}

/// As when each is [inserted](Object::insert) in its turn.
impl<const N: usize> From<[(Text, Value); N]> for Object {
    fn from(entries: [(Text, Value); N]) -> Self {
        Self::of(entries.map(Some))
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut object = Self::new();
        object.extend(entries);
        object
    }
}

impl<K: Into<Text>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl IntoIterator for Object {
    type Item = (Text, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.entries.into_iter())
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Object {
    type Item = (&'a Text, &'a mut Value);
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// The keys and values of an [`Object`].
#[derive(Clone)]
pub struct Iter<'a>(shared_list::Iter<'a, (Text, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Text, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The keys and changeable values of an [`Object`].
pub struct IterMut<'a>(shared_list::IterMut<'a, (Text, Value)>);

impl<'a> Iterator for IterMut<'a> {
    type Item = (&'a Text, &'a mut Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (&*key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IterMut<'_> {}

/// The keys and values of an [`Object`], taken out of it.
pub struct IntoIter(shared_list::IntoIter<(Text, Value)>);

impl Iterator for IntoIter {
    type Item = (Text, Value);

    fn next(&mut self) -> Option<(Text, Value)> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoIter {}

/// The number that `key` writes, if JavaScript takes it for an array index:
/// <https://tc39.es/ecma262/#array-index>.
pub(super) fn array_index(key: &str) -> Option<u32> {
    let canonical = match key.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    key.parse().ok().filter(|&index| index != u32::MAX)
}
