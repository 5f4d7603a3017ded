//! What a function says that cannot answer yet.

use std::collections::BTreeSet;

use crate::glob::Glob;
use crate::refs::{Marker, Ref};

/// What has to be loaded before a function can answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Folders to list.
    pub folders: BTreeSet<Folder>,
    /// Documents to read, or to find missing. Without fragments.
    pub bodies: BTreeSet<Ref>,
}

/// A folder of a store, to be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// In which store.
    pub side: Marker,
    /// Its path below `refs/`: the start of canonical refs, with `@`. Empty for `refs/` itself.
    pub path: String,
    /// Asks for all folders below as well, as far as [`Glob::may_match_below`] says that they matter.
    pub below: Option<Glob>,
}

impl Needs {
    /// The need for one document.
    #[must_use]
    pub fn body(reference: &Ref) -> Needs {
        Needs { folders: BTreeSet::new(), bodies: BTreeSet::from([reference.document()]) }
    }

    /// The need for one folder, and with `below` for those under it that could hold a match.
    #[must_use]
    pub fn folder(side: Marker, path: &str, below: Option<&Glob>) -> Needs {
        let folder = Folder { side, path: path.to_owned(), below: below.cloned() };
        Needs { folders: BTreeSet::from([folder]), bodies: BTreeSet::new() }
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.bodies.is_empty()
    }

    /// Adds what `other` needs.
    pub fn merge(&mut self, other: Needs) {
        self.folders.extend(other.folders);
        self.bodies.extend(other.bodies);
    }

    /// Takes the value out of `result`, or takes up its needs and returns none. So a loop can go
    /// on and name all that it lacks at once; [`Needs::settle`] ends it.
    pub fn take<T>(&mut self, result: Result<T, Needs>) -> Option<T> {
        result.map_err(|needs| self.merge(needs)).ok()
    }

    /// As [`Needs::take`], where an error ends the loop.
    ///
    /// # Errors
    /// The error.
    pub fn take_unmet<T, E>(&mut self, result: Result<T, Unmet<E>>) -> Result<Option<T>, Unmet<E>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Unmet::Needs(needs)) => {
                self.merge(needs);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// `value`, unless something is needed.
    ///
    /// # Errors
    /// What is needed.
    pub fn settle<T>(self, value: T) -> Result<T, Needs> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// Why a function has no answer: something is still to be loaded, or the answer is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet<E> {
    /// Load these and call again.
    Needs(Needs),
    /// It cannot be done.
    Error(E),
}

impl<E> From<Needs> for Unmet<E> {
    fn from(needs: Needs) -> Self {
        Unmet::Needs(needs)
    }
}

/// Lets `?` lift the errors of smaller steps.
macro_rules! lift {
    ($($from:ty => $to:ty),+ $(,)?) => {$(
        impl From<Unmet<$from>> for Unmet<$to> {
            fn from(unmet: Unmet<$from>) -> Self {
                match unmet {
                    Unmet::Needs(needs) => Unmet::Needs(needs),
                    Unmet::Error(error) => Unmet::Error(error.into()),
                }
            }
        }
    )+};
}
pub(crate) use lift;

/// Lets `?` turn plain errors into [`Unmet`].
macro_rules! unmet {
    ($($error:ty => $to:ty),+ $(,)?) => {$(
        impl From<$error> for Unmet<$to> {
            fn from(error: $error) -> Self {
                Unmet::Error(error.into())
            }
        }
    )+};
}
pub(crate) use unmet;
