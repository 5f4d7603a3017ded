//! Sorting and gathering that take little code.
//!
//! The standard library's sort is compiled anew, in some 4 KB, for every type that is sorted and every
//! way to compare it, and collecting into a `BTreeMap` or `BTreeSet` sorts, too. The dashboard downloads
//! each of those copies before it shows anything. Here positions are sorted instead of items, by one copy
//! of that sort, and maps are filled one entry after another.
//!
//! ```
//! use std::collections::BTreeMap;
//! use ocuroot_core::order::{Gather as _, Order as _};
//!
//! let mut words = ["proposal", "plan", "intent", "run"];
//! words.order_by_key(|word| word.len());
//! assert_eq!(words, ["run", "plan", "intent", "proposal"]);
//!
//! let lengths: BTreeMap<&str, usize> = words.into_iter().map(|word| (word, word.len())).gather();
//! assert_eq!(lengths.get("plan"), Some(&4));
//! ```
//!
//! Where hundreds of thousands are sorted or collected the standard library's way is the faster one.

use std::cmp::Ordering;

/// Sorts as the methods of slices do whose names begin with `sort`: what compares equal keeps its order.
pub trait Order<T> {
    /// Sorts by the items' own order.
    fn order(&mut self)
    where
        T: Ord;

    /// Sorts by what `compare` says.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Sorts by what `key` makes of each item.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

impl<T> Order<T> for [T] {
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }

    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let sorted = positions(self.len(), &mut |one, other| match (self.get(one), self.get(other)) {
            (Some(one), Some(other)) => compare(one, other),
            _ => Ordering::Equal,
        });
        place(sorted, &mut |one, other| self.swap(one, other));
    }

    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|one, other| key(one).cmp(&key(other)));
    }
}

/// The positions of `count` items in the order in which the items shall be.
#[expect(clippy::disallowed_methods, reason = "this is the one copy")]
fn positions(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_by(|one, other| compare(*one, *other));
    positions
}

/// Moves to each place the item whose position stands there in `from`.
fn place(mut from: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..from.len() {
        // Round the circle of those that take each other's places; what is passed is in its place.
        let mut here = start;
        while let Some(slot) = from.get_mut(here) {
            let there = std::mem::replace(slot, here);
            if there == start {
                break;
            }
            swap(here, there);
            here = there;
        }
    }
}

/// Fills a collection one item after another.
pub trait Gather: Iterator {
    /// As `collect`, for whatever can be extended; of equal keys the last one's value stays.
    fn gather<C: Default + Extend<Self::Item>>(self) -> C
    where
        Self: Sized,
    {
        let mut all = C::default();
        all.extend(self);
        all
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what is compared with")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_lie_as_a_stable_sort_lays_them(keys in prop::collection::vec(0u8..20, 0..80)) {
            let mut ours: Vec<(u8, String)> = keys.iter().enumerate().map(|(i, k)| (*k, i.to_string())).collect();
            let mut theirs = ours.clone();
            ours.order_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &theirs);

            ours.order_by(|one, other| other.cmp(one));
            theirs.sort_by(|one, other| other.cmp(one));
            prop_assert_eq!(&ours, &theirs);

            ours.order();
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_is_gathered_is_what_is_collected() {
        use std::collections::{BTreeMap, BTreeSet};
        let pairs = [("b", 1), ("a", 2), ("b", 3)];
        assert_eq!(pairs.into_iter().gather::<BTreeMap<_, _>>(), pairs.into_iter().collect());
        assert_eq!(pairs.into_iter().gather::<BTreeSet<_>>(), pairs.into_iter().collect());
    }
}
