//! A list that its clones share.

use std::slice;
use std::sync::Arc;

/// A growable list whose clones share its items until one of them changes.
///
/// The items and the count of those who share them are one allocation, where an `Arc<Vec<T>>` is two: trees of small
/// objects notice.
#[derive(Clone)]
pub(crate) struct SharedList<T> {
    /// The items, then free places.
    places: Option<Arc<[Option<T>]>>,
    len: usize,
}

impl<T: Clone> SharedList<T> {
    pub(crate) const fn new() -> Self {
        Self { places: None, len: 0 }
    }

    pub(crate) fn with_capacity(items: usize) -> Self {
        Self { places: (items > 0).then(|| (0..items).map(|_| None).collect()), len: 0 }
    }

    /// The items that are some, in one step: each `push` has to ask first whether somebody shares the list.
    pub(crate) fn of<const N: usize>(mut items: [Option<T>; N]) -> Self {
        let mut len = 0;
        for at in 0..N {
            if items[at].is_some() {
                items.swap(len, at);
                len += 1;
            }
        }
        Self { places: (len > 0).then(|| Arc::new(items) as Arc<[_]>), len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.own(self.len).get_mut(at)?.as_mut()
    }

    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter(self.places.as_deref().unwrap_or_default()[..self.len].iter())
    }

    pub(crate) fn iter_mut(&mut self) -> IterMut<'_, T> {
        let len = self.len;
        IterMut(self.own(len)[..len].iter_mut())
    }

    pub(crate) fn push(&mut self, item: T) {
        let at = self.len;
        self.own(at + 1)[at] = Some(item);
        self.len += 1;
    }

    /// Puts `item` before the one at `at`.
    pub(crate) fn insert(&mut self, at: usize, item: T) {
        self.push(item);
        let len = self.len;
        self.own(len)[at..len].rotate_right(1);
    }

    pub(crate) fn remove(&mut self, at: usize) -> Option<T> {
        let len = self.len;
        let places = &mut self.own(len)[at..len];
        let item = places.first_mut()?.take();
        places.rotate_left(1);
        self.len -= 1;
        item
    }

    /// At least `room` places to be changed: others if someone shares these, or if they are too few.
    fn own(&mut self, room: usize) -> &mut [Option<T>] {
        let is_own = |places: &Arc<[Option<T>]>| places.len() >= room && Arc::strong_count(places) == 1;
        if room > 0 && !self.places.as_ref().is_some_and(is_own) {
            self.move_to(room);
        }
        self.places.as_mut().map(Arc::make_mut).unwrap_or_default()
    }

    /// Who shares the items and changes them adds one or two most often; who fills a list adds many.
    fn move_to(&mut self, room: usize) {
        let mut old = self.places.take();
        let places = if let Some(own) = old.as_mut().and_then(Arc::get_mut) {
            let capacity = room.max(2 * own.len());
            (0..capacity).map(|at| own.get_mut(at).and_then(Option::take)).collect()
        } else {
            let shared = old.as_deref().unwrap_or_default();
            (0..self.len.max(FEW) + 2).map(|at| shared.get(at).cloned().flatten()).collect()
        };
        self.places = Some(places);
    }
}

const FEW: usize = 2;

impl<T: Clone> Default for SharedList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + PartialEq> PartialEq for SharedList<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Clone + Eq> Eq for SharedList<T> {}

impl<T: Clone> FromIterator<T> for SharedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let items = items.into_iter();
        let mut list = Self::with_capacity(items.size_hint().0);
        items.for_each(|item| list.push(item));
        list
    }
}

impl<T: Clone> IntoIterator for SharedList<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { list: self, at: 0 }
    }
}

/// The items, shared.
#[derive(Clone)]
pub(crate) struct Iter<'a, T>(slice::Iter<'a, Option<T>>);

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.0.next()?.as_ref()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()?.as_ref()
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

/// The items, to be changed.
pub(crate) struct IterMut<'a, T>(slice::IterMut<'a, Option<T>>);

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    fn next(&mut self) -> Option<&'a mut T> {
        self.0.next()?.as_mut()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> ExactSizeIterator for IterMut<'_, T> {}

/// The items, taken out.
pub(crate) struct IntoIter<T> {
    list: SharedList<T>,
    at: usize,
}

impl<T: Clone> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.list.own(self.list.len).get_mut(self.at)?.take();
        self.at += 1;
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.len.saturating_sub(self.at);
        (left, Some(left))
    }
}

impl<T: Clone> ExactSizeIterator for IntoIter<T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Insert(usize, u8),
        Remove(usize),
        Set(usize, u8),
        Share,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<u8>().prop_map(Step::Push),
            (0..9_usize, any::<u8>()).prop_map(|(at, item)| Step::Insert(at, item)),
            (0..9_usize).prop_map(Step::Remove),
            (0..9_usize, any::<u8>()).prop_map(|(at, item)| Step::Set(at, item)),
            Just(Step::Share),
        ]
    }

    proptest! {
        #[test]
        fn a_list_is_a_vec_and_what_shares_it_stays_as_it_was(
            capacity in 0..4_usize,
            steps in prop::collection::vec(any_step(), 0..40),
        ) {
            let mut list = SharedList::with_capacity(capacity);
            let mut model: Vec<u8> = Vec::new();
            let mut shares = Vec::new();
            for step in steps {
                match step {
                    Step::Push(item) => {
                        list.push(item);
                        model.push(item);
                    }
                    Step::Insert(at, item) if at <= model.len() => {
                        list.insert(at, item);
                        model.insert(at, item);
                    }
                    Step::Remove(at) if at < model.len() => {
                        prop_assert_eq!(list.remove(at), Some(model.remove(at)));
                    }
                    Step::Set(at, item) => {
                        let place = list.get_mut(at);
                        prop_assert_eq!(place.is_some(), at < model.len());
                        if let Some(place) = place {
                            *place = item;
                            model[at] = item;
                        }
                    }
                    Step::Share => shares.push((list.clone(), model.clone())),
                    Step::Insert(..) | Step::Remove(_) => {}
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().eq(&model) && list.iter().rev().eq(model.iter().rev()));
            }
            let [first, second, third] = [0, 1, 2].map(|at| model.get(at).copied().filter(|item| item % 2 == 0));
            let some: Vec<u8> = [first, second, third].into_iter().flatten().collect();
            shares.push((SharedList::of([first, second, third]), some));
            shares.push((list, model));
            for (mut list, mut model) in shares {
                prop_assert!(list.iter().eq(&model));
                prop_assert!(list.iter_mut().eq(&mut model));
                prop_assert!(list.into_iter().eq(model));
            }
        }
    }
}
