//! A list whose copies share what neither of them changes.
//!
//! A decision is often taken on "the snapshot as it will be", and a snapshot may know a million
//! folders. So its lists are cut into chunks, and a copy shares the chunks until one is written to.

use std::sync::Arc;

/// Items in a chunk: what is copied when one of them changes.
const SIZE: usize = 256;

/// A list of items that stay; each is known by the index that [`Chunks::push`] gave it.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an item, and returns its index.
    pub(crate) fn push(&mut self, item: T) -> u32 {
        let index = u32::try_from(self.len).unwrap_or(u32::MAX);
        match self.chunks.last_mut() {
            Some(last) if last.len() < SIZE => Arc::make_mut(last).push(item),
            _ => self.chunks.push(Arc::new(vec![item])),
        }
        self.len += 1;
        index
    }

    /// The item that was given this index.
    #[expect(
        clippy::indexing_slicing,
        reason = "an index of this list's own making, and nothing is ever removed"
    )]
    pub(crate) fn at(&self, index: u32) -> &T {
        &self.chunks[index as usize / SIZE][index as usize % SIZE]
    }

    /// As [`Chunks::at`], to be changed in this copy only.
    #[expect(
        clippy::indexing_slicing,
        reason = "an index of this list's own making, and nothing is ever removed"
    )]
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut T {
        &mut Arc::make_mut(&mut self.chunks[index as usize / SIZE])[index as usize % SIZE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_changes_by_itself() {
        let mut one = Chunks::default();
        for n in 0..1000 {
            assert_eq!(one.push(n), n);
        }
        let mut other = one.clone();
        *other.at_mut(300) = 0;
        assert_eq!(other.push(7), 1000);
        assert_eq!((*one.at(300), *other.at(300), one.len(), other.len()), (300, 0, 1000, 1001));
        assert_eq!((*one.at(999), *other.at(999)), (999, 999));
    }
}
