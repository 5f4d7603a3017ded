//! A store that lives in memory: for tests, for dry runs, and for a page without a backend.
//!
//! It answers [`Needs`] and carries out [`Transaction`]s as a store on a disk or in git does, and is
//! stricter than those: a transaction must say what it expects of every document that it writes,
//! documents go through their text, and whoever asks for what is loaded already is stopped.
//!
//! ```
//! use ocuroot_core::facts::Facts;
//! use ocuroot_core::memory::Memory;
//! use ocuroot_core::plan::{Scope, plan};
//! use ocuroot_core::intent;
//!
//! let mut store = Memory::default();
//! // Functions are called with nothing loaded, and again with what they asked for.
//! let freeze = "@/custom/freeze".parse()?;
//! let set = store.decide(|snapshot| intent::set(snapshot, &freeze, &"holidays".into())).unwrap();
//! store.commit(&set).unwrap();
//! let facts = Facts::at("2026-02-01T00:00:00Z");
//! let todo = store.decide(|snapshot| plan(snapshot, &Scope::Everything, &facts)).unwrap();
//! assert_eq!(todo.items()[0].reference, freeze);
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Bound;

use crate::envelope::{BlobId, Document};
use crate::glob::Glob;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Folder, Needs, Snapshot, Unmet, address};
use crate::transaction::{Expect, Transaction, Write};

/// The most rounds of loading that a decision may take. Each follows one more step of a chain
/// (a link, then what it leads to, then what that names), so a real one needs few.
const MOST_ROUNDS: usize = 64;

/// Documents of a state and an intent store, as text by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    documents: BTreeMap<(Marker, String), Box<[u8]>>,
}

/// Why a transaction was not carried out. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Documents are not as the transaction expects: decide again, on what is there now.
    #[error("changed meanwhile: {}", .0.iter().map(Ref::as_str).collect::<Vec<_>>().join(", "))]
    Conflict(Vec<Ref>),
    /// It writes a document without saying what it expects to be there.
    #[error("the transaction writes {0} but does not say what it replaces")]
    Unguarded(Ref),
}

/// A decision that never comes to an end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecideError<E> {
    /// The decision itself was an error.
    #[error(transparent)]
    Decided(E),
    /// It asked for nothing, for what it has, or too often.
    #[error("a decision asks for {0:?}, which it has been given")]
    Endless(Needs),
}

/// Why a function of this crate has no answer, whichever way it says so.
pub trait Stop {
    /// What can go wrong besides.
    type Error;
    /// As the more general of the two.
    fn unmet(self) -> Unmet<Self::Error>;
}

impl Stop for Needs {
    type Error = Infallible;
    fn unmet(self) -> Unmet<Infallible> {
        Unmet::Needs(self)
    }
}

impl<E> Stop for Unmet<E> {
    type Error = E;
    fn unmet(self) -> Unmet<E> {
        self
    }
}

/// What was loaded for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// How often it was called in vain.
    pub rounds: usize,
    /// Folders that were listed, with those below that were listed in the same step.
    pub folders: BTreeSet<(Marker, String)>,
    /// Documents that were read, or found missing.
    pub bodies: BTreeSet<Ref>,
}

impl Memory {
    /// Puts a document there, whatever was there before.
    pub fn put(&mut self, reference: &Ref, document: &Document) {
        self.put_bytes(reference, document.to_text().as_bytes());
    }

    /// Puts any bytes there, as a person with an editor can.
    pub fn put_bytes(&mut self, reference: &Ref, bytes: &[u8]) {
        self.documents.insert(address(reference), bytes.into());
    }

    /// As [`Memory::put_bytes`], for a path below `refs/`, which may be no ref.
    pub fn put_path(&mut self, side: Marker, path: &str, bytes: &[u8]) {
        self.documents.insert((side, path.to_owned()), bytes.into());
    }

    /// All documents, by store and path below `refs/`: state first, each sorted by bytes.
    pub fn documents(&self) -> impl Iterator<Item = (Marker, &str, &[u8])> {
        self.documents.iter().map(|((side, path), bytes)| (*side, path.as_str(), &**bytes))
    }

    /// Removes what is there.
    pub fn remove(&mut self, reference: &Ref) {
        self.documents.remove(&address(reference));
    }

    /// The bytes of a document.
    #[must_use]
    pub fn bytes(&self, reference: &Ref) -> Option<&[u8]> {
        self.documents.get(&address(reference)).map(|bytes| &**bytes)
    }

    /// The document at exactly this ref; none also when its bytes are no document.
    #[must_use]
    pub fn get(&self, reference: &Ref) -> Option<Document> {
        Document::parse(self.bytes(reference)?).ok()
    }

    /// The refs of all documents, state first, each sorted.
    pub fn refs(&self) -> impl Iterator<Item = Ref> {
        self.documents.keys().filter_map(|(side, path)| {
            let reference: Ref = path.parse().ok()?;
            Some(if *side == Marker::Intent { reference.to_intent() } else { reference })
        })
    }

    /// A snapshot in which everything is loaded.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::empty();
        for ((side, path), bytes) in &self.documents {
            snapshot.load_path(*side, path, Some(bytes));
        }
        snapshot
    }

    /// Loads what is needed into `snapshot`. Returns the folders that were listed.
    pub fn load(&self, snapshot: &mut Snapshot, needs: &Needs) -> BTreeSet<(Marker, String)> {
        let mut listed = BTreeSet::new();
        for Folder { side, path, below } in &needs.folders {
            self.list(snapshot, *side, path, below.as_ref(), &mut listed);
        }
        for reference in &needs.bodies {
            snapshot.load(reference, self.bytes(reference));
        }
        listed
    }

    fn list(
        &self,
        snapshot: &mut Snapshot,
        side: Marker,
        path: &str,
        below: Option<&Glob>,
        listed: &mut BTreeSet<(Marker, String)>,
    ) {
        let (document, children) = self.folder(side, path);
        snapshot.list(side, path, document, children.iter().map(String::as_str));
        listed.insert((side, path.to_owned()));
        let Some(glob) = below else { return };
        for child in &children {
            let path = if path.is_empty() { child.clone() } else { format!("{path}/{child}") };
            if glob.may_match_below(&path) {
                self.list(snapshot, side, &path, below, listed);
            }
        }
    }

    /// Whether a folder holds a document of its own, and the names of the folders in it.
    fn folder(&self, side: Marker, path: &str) -> (bool, BTreeSet<String>) {
        let document = self.documents.contains_key(&(side, path.to_owned()));
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut children = BTreeSet::new();
        let mut from = Bound::Included((side, prefix.clone()));
        // Goes from child to child, over all that lies below each.
        while let Some(((found_side, found), _)) = self.documents.range((from, Bound::Unbounded)).next() {
            let Some(rest) = found.strip_prefix(&prefix).filter(|_| *found_side == side) else { break };
            from = match rest.split_once('/') {
                // `0` is what follows `/`.
                Some((child, _)) => {
                    children.insert(child.to_owned());
                    Bound::Included((side, format!("{prefix}{child}0")))
                }
                None => {
                    children.insert(rest.to_owned());
                    Bound::Excluded((side, found.clone()))
                }
            };
        }
        children.remove("");
        (document, children)
    }

    /// Calls `decide` with nothing loaded, and again with what it asks for, until it has an answer.
    ///
    /// # Errors
    /// What `decide` says, or that it asks for the same again and again.
    pub fn decide<T, S: Stop>(
        &self,
        decide: impl FnMut(&Snapshot) -> Result<T, S>,
    ) -> Result<T, DecideError<S::Error>> {
        self.decide_counting(decide).0
    }

    /// As [`Memory::decide`], and what was loaded for it.
    pub fn decide_counting<T, S: Stop>(
        &self,
        mut decide: impl FnMut(&Snapshot) -> Result<T, S>,
    ) -> (Result<T, DecideError<S::Error>>, Reads) {
        let mut snapshot = Snapshot::default();
        let mut reads = Reads::default();
        loop {
            let needs = match decide(&snapshot).map_err(Stop::unmet) {
                Ok(value) => return (Ok(value), reads),
                Err(Unmet::Error(error)) => return (Err(DecideError::Decided(error)), reads),
                Err(Unmet::Needs(needs)) => needs,
            };
            let again = needs.bodies.iter().any(|body| reads.bodies.contains(body))
                || needs
                    .folders
                    .iter()
                    .any(|folder| reads.folders.contains(&(folder.side, folder.path.clone())));
            if needs.is_empty() || again || reads.rounds == MOST_ROUNDS {
                return (Err(DecideError::Endless(needs)), reads);
            }
            reads.rounds += 1;
            reads.folders.extend(self.load(&mut snapshot, &needs));
            reads.bodies.extend(needs.bodies);
        }
    }

    /// Carries out a transaction, whole or not at all.
    ///
    /// # Errors
    /// When something is not as it expects.
    pub fn commit(&mut self, transaction: &Transaction) -> Result<(), CommitError> {
        if let Some(unguarded) =
            transaction.writes.keys().find(|key| !transaction.requires.contains_key(*key))
        {
            return Err(CommitError::Unguarded(unguarded.clone()));
        }
        let changed = |(reference, expect): &(&Ref, &Expect)| {
            let there = self.bytes(reference).map(BlobId::of);
            there.map_or(Expect::Absent, Expect::Blob) != **expect
        };
        let conflicts: Vec<Ref> =
            transaction.requires.iter().filter(changed).map(|(reference, _)| reference.clone()).collect();
        if !conflicts.is_empty() {
            return Err(CommitError::Conflict(conflicts));
        }
        for (reference, write) in &transaction.writes {
            match write {
                Write::Put(document) => self.put(reference, document),
                Write::Delete => self.remove(reference),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Edit;

    fn r(text: &str) -> Ref {
        text.parse().unwrap()
    }

    fn store(refs: &[&str]) -> Memory {
        let mut store = Memory::default();
        for at in refs {
            store.put(&r(at), &Document::new("x", at));
        }
        store
    }

    #[test]
    fn a_folder_is_what_paths_say() {
        let store = store(&["a/-/p", "a/-/p/@r1", "a/-/p/@r1/task/x", "a/-/p-q/@r1", "a/-/p0", "@/custom/z"]);
        for (path, document, children) in [
            ("", false, "@ a"),
            ("a/-", false, "p p-q p0"),
            ("a/-/p", true, "@r1"),
            ("a/-/p/@r1", true, "task"),
            ("a/-/p/@r1/task/x", true, ""),
            ("b", false, ""),
        ] {
            let (there, names) = store.folder(Marker::State, path);
            assert_eq!(
                (there, names.into_iter().collect::<Vec<_>>().join(" ").as_str()),
                (document, children)
            );
        }
    }

    #[test]
    fn only_what_was_expected_is_replaced() {
        let mut store = store(&["@/custom/a"]);
        let snapshot = store.snapshot();
        let mut edit = Edit::new(&snapshot, "a");
        edit.put_body(&r("@/custom/a"), "x", &1).unwrap();
        edit.put_body(&r("@/custom/b"), "x", &1).unwrap();
        let transaction = edit.finish();
        let mut behind = store.clone();
        behind.put(&r("@/custom/a"), &Document::new("x", &2));
        let before = behind.clone();
        assert_eq!(behind.commit(&transaction), Err(CommitError::Conflict(vec![r("@/custom/a")])));
        assert_eq!(behind, before);
        store.commit(&transaction).unwrap();
        assert_eq!(store.get(&r("@/custom/b")), Some(Document::new("x", &1)));

        let mut careless = transaction.clone();
        careless.requires.clear();
        assert_eq!(store.commit(&careless), Err(CommitError::Unguarded(r("@/custom/a"))));
    }
}
