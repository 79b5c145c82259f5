//! Walking over the contents of arrays and objects in JavaScript's order.

use std::borrow::Cow;
use std::collections::HashMap;
use std::vec;

use super::node::Node;
use super::object::array_index;
use super::scan::Tag;

/// The items of an array. See [`Node::items`].
#[derive(Clone)]
pub struct Items<'a>(Walk<'a>);

impl<'a> Items<'a> {
    pub(super) fn new(array: Node<'a>) -> Self {
        Self(Walk::new(array, Tag::Array))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        self.0.next()
    }
}

/// The fields of an object as they stand in the source.
#[derive(Clone)]
pub(super) struct Fields<'a>(Walk<'a>);

impl<'a> Fields<'a> {
    pub(super) fn new(object: Node<'a>) -> Self {
        Self(Walk::new(object, Tag::Object))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<(Node<'a>, Node<'a>)> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// The keys and values of an object. See [`Node::entries`].
#[derive(Clone)]
pub struct Entries<'a>(EntryNodes<'a>);

impl<'a> Entries<'a> {
    pub(super) fn new(object: Node<'a>) -> Self {
        Self(EntryNodes::new(object))
    }

    /// The same with the keys as nodes.
    pub(super) fn nodes(self) -> EntryNodes<'a> {
        self.0
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Cow<'a, str>, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.0.next()?;
        Some((key.as_cow().unwrap_or_default(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

#[derive(Clone)]
pub(super) enum EntryNodes<'a> {
    /// The source has JavaScript's order already.
    InSource(Fields<'a>),
    Sorted(vec::IntoIter<(Node<'a>, Node<'a>)>),
}

impl<'a> EntryNodes<'a> {
    fn new(object: Node<'a>) -> Self {
        let fields = Fields::new(object);
        if is_plain(fields.clone()) {
            Self::InSource(fields)
        } else {
            Self::Sorted(sorted(fields).into_iter())
        }
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::InSource(fields) => fields.clone().count(),
            Self::Sorted(fields) => fields.len(),
        }
    }
}

impl<'a> Iterator for EntryNodes<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::InSource(fields) => fields.next(),
            Self::Sorted(fields) => fields.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::InSource(_) => (0, None),
            Self::Sorted(fields) => fields.size_hint(),
        }
    }
}

/// Siblings in a document's list, each a skip away from the one before.
#[derive(Clone)]
struct Walk<'a> {
    next: Node<'a>,
    end: u32,
}

impl<'a> Walk<'a> {
    fn new(container: Node<'a>, tag: Tag) -> Self {
        let end = container.entry().filter(|entry| entry.tag == tag).map_or(0, |entry| entry.next);
        Self { next: Node { index: container.index.saturating_add(1), ..container }, end }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.next.index >= self.end {
            return None;
        }
        let node = self.next;
        self.next.index = node.entry()?.next;
        Some(node)
    }
}

/// Whether the fields of a small object need neither sorting nor merging.
fn is_plain(fields: Fields<'_>) -> bool {
    let mut keys: [Cow<'_, str>; SMALL] = Default::default();
    for (count, (key, _)) in fields.enumerate() {
        let key = key.as_cow().unwrap_or_default();
        if count == SMALL || array_index(&key).is_some() || keys[..count].contains(&key) {
            return false;
        }
        keys[count] = key;
    }
    true
}

fn sorted<'a>(fields: Fields<'a>) -> Vec<(Node<'a>, Node<'a>)> {
    let mut indexed: Vec<(u32, (Node<'a>, Node<'a>))> = Vec::new();
    let mut named = Vec::new();
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
    for field in fields {
        let name = field.0.as_cow().unwrap_or_default();
        if let Some(index) = array_index(&name) {
            indexed.push((index, field));
        } else {
            let place = *places.entry(name).or_insert(named.len());
            if place == named.len() {
                named.push(field);
            } else {
                named[place] = field;
            }
        }
    }
    // The sort is stable, so that the last of equal indexes is the last in the source.
    indexed.sort_by_key(|(index, _)| *index);
    indexed.reverse();
    indexed.dedup_by_key(|(index, _)| *index);
    indexed.into_iter().rev().map(|(_, field)| field).chain(named).collect()
}

/// Up to so many keys are compared one by one, without an allocation.
const SMALL: usize = 16;
