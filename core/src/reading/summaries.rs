//! The summaries of a store, as far as they were read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::refs::Ref;
use crate::summary::Summary;

/// The summaries of a store's packages.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Summaries {
    /// Nobody has read them.
    #[default]
    Unread,
    /// The store has none: an old one. What they would say can be computed of what they are made of,
    /// [`summary::of_package`](crate::summary::of_package).
    Absent,
    /// Those of the packages that have one that is not out of date.
    Read(BTreeMap<Ref, Arc<Summary>>),
}

impl Summaries {
    /// The summary of a package.
    #[must_use]
    pub fn get(&self, package: &Ref) -> Option<&Summary> {
        self.iter().find(|(name, _)| *name == package).map(|(_, summary)| summary)
    }

    /// All that there are, by package.
    pub fn iter(&self) -> impl Iterator<Item = (&Ref, &Summary)> {
        let read = match self {
            Summaries::Read(read) => Some(read),
            Summaries::Unread | Summaries::Absent => None,
        };
        read.into_iter().flatten().map(|(package, summary)| (package, &**summary))
    }
}
