//! A change to a store, as a value.
//!
//! A [`Transaction`] says which documents are written and deleted, and what must still be true of
//! the store for that to make sense. What a store does with it (a journal and renames, a commit
//! and a push) is its own business; that it is carried out whole or not at all is a promise.
//!
//! [`Edit`] builds one over a snapshot. Whatever it replaces or deletes, it requires to be as it
//! was read, so that two writers at once cannot lose each other's work: the slower one is told
//! about the conflict and decides again.
//!
//! ```
//! use ocuroot_core::snapshot::Snapshot;
//! use ocuroot_core::transaction::{Edit, Expect};
//!
//! let snapshot = Snapshot::empty();
//! let freeze = "@/custom/freeze".parse()?;
//! let mut edit = Edit::new(&snapshot, "freeze");
//! edit.put_body(&freeze, "string", &"holidays").unwrap();
//! let transaction = edit.finish();
//! assert_eq!(transaction.requires.get(&freeze), Some(&Expect::Absent));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::BTreeMap;

use serde::Serialize;

use crate::envelope::{BlobId, Content, Document};
use crate::order::Order as _;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Needs, Snapshot};

/// What a document becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// This.
    Put(Document),
    /// Nothing.
    Delete,
}

/// What must be true of a document when a transaction is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is not there.
    Absent,
    /// It is still exactly this.
    Blob(BlobId),
}

/// A set of writes that is carried out whole or not at all.
///
/// Refs with `+` name documents of the intent store, all others documents of the state store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// What happened, in a line: the subject of a git commit.
    pub message: String,
    /// What each document becomes.
    pub writes: BTreeMap<Ref, Write>,
    /// What must hold.
    pub requires: BTreeMap<Ref, Expect>,
}

impl Transaction {
    /// Whether it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// This and then `next`, which was decided on [`Snapshot::with`] this, as one.
    #[must_use]
    pub fn then(mut self, next: Transaction) -> Transaction {
        // What did nothing needs no words.
        if self.message.is_empty() || (self.writes.is_empty() && !next.message.is_empty()) {
            self.message = next.message;
        }
        for (reference, expect) in next.requires {
            // What the first one wrote is as the second one read it.
            if !self.writes.contains_key(&reference) {
                self.requires.entry(reference).or_insert(expect);
            }
        }
        self.writes.extend(next.writes);
        self
    }
}

/// A transaction that is decided in steps, each on the snapshot as the ones before leave it. So what
/// is known at one moment is written at once, which in a git store is one push.
#[derive(Debug)]
pub struct Steps {
    here: Snapshot,
    transaction: Transaction,
}

impl Steps {
    /// No step yet.
    #[must_use]
    pub fn new(snapshot: &Snapshot) -> Steps {
        Steps { here: snapshot.clone(), transaction: Transaction::default() }
    }

    /// The snapshot to decide the next step on.
    #[must_use]
    pub fn here(&self) -> &Snapshot {
        &self.here
    }

    /// Takes a step.
    pub fn take(&mut self, step: Transaction) {
        self.here.apply(&step);
        self.transaction = std::mem::take(&mut self.transaction).then(step);
    }

    /// All steps as one transaction; its message is that of the first.
    #[must_use]
    pub fn finish(self) -> Transaction {
        self.transaction
    }
}

/// Builds a [`Transaction`] over a snapshot; reads see what was written before.
#[derive(Debug)]
pub struct Edit<'a> {
    snapshot: &'a Snapshot,
    transaction: Transaction,
}

impl<'a> Edit<'a> {
    /// An edit that does nothing yet. `message` as in [`Transaction::message`].
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, message: impl Into<String>) -> Edit<'a> {
        Edit { snapshot, transaction: Transaction { message: message.into(), ..Transaction::default() } }
    }

    /// The document at exactly this ref.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn get(&self, reference: &Ref) -> Result<Option<&Document>, Needs> {
        match self.transaction.writes.get(&reference.document()) {
            Some(Write::Put(document)) => Ok(Some(document)),
            Some(Write::Delete) => Ok(None),
            None => self.snapshot.get(reference),
        }
    }

    /// Requires that nothing changes the document at this ref meanwhile.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn require_unchanged(&mut self, reference: &Ref) -> Result<(), Needs> {
        let expect = self.snapshot.blob(reference)?.map_or(Expect::Absent, Expect::Blob);
        self.transaction.requires.entry(reference.document()).or_insert(expect);
        Ok(())
    }

    /// Writes a document, as it is.
    ///
    /// # Errors
    /// When what it replaces is not loaded.
    pub fn put(&mut self, reference: &Ref, document: Document) -> Result<(), Needs> {
        if self.get(reference)? == Some(&document) {
            return Ok(());
        }
        self.require_unchanged(reference)?;
        self.transaction.writes.insert(reference.document(), Write::Put(document));
        Ok(())
    }

    /// Writes a body and keeps what the envelope there holds besides: the links that point at it.
    ///
    /// # Errors
    /// When what it replaces is not loaded.
    pub fn put_body(&mut self, reference: &Ref, body_type: &str, body: &impl Serialize) -> Result<(), Needs> {
        let mut document = Document::new(body_type, body);
        if let Some(old) = self.get(reference)? {
            document.links.clone_from(&old.links);
            document.extra.clone_from(&old.extra);
        }
        self.put(reference, document)
    }

    /// Deletes a document; deleting what is not there does nothing. The target of a link that is
    /// deleted forgets the link.
    ///
    /// # Errors
    /// When it, or the target of the link that it is, is not loaded.
    pub fn delete(&mut self, reference: &Ref) -> Result<(), Needs> {
        let target = self.get(reference)?.and_then(|document| document.target().cloned());
        if let Some(target) = target {
            self.forget_link(&beside(reference, &target), reference)?;
        }
        if self.snapshot.blob(reference)?.is_none() {
            self.transaction.writes.remove(&reference.document());
            return Ok(());
        }
        self.require_unchanged(reference)?;
        self.transaction.writes.insert(reference.document(), Write::Delete);
        Ok(())
    }

    /// Makes `from` a link to `target`, and moves it there if it links to something else. A
    /// document with a body of its own is left as it is: returns whether `from` is a link now.
    ///
    /// # Errors
    /// When `from`, its old target or `target` is not loaded.
    pub fn link(&mut self, from: &Ref, target: &Ref) -> Result<bool, Needs> {
        let (old, links, extra) = match self.get(from)? {
            Some(Document { content: Content::Body { .. }, .. }) => return Ok(false),
            Some(Document { content: Content::Link(old), links, extra }) => {
                (Some(old.clone()), links.clone(), extra.clone())
            }
            None => (None, Vec::new(), serde_json::Map::new()),
        };
        // Inside both stores refs are spelled with `@`.
        let (target, spelled, back) = (beside(from, target), target.to_state(), from.to_state());
        if old.as_ref() == Some(&spelled) {
            return Ok(true);
        }
        if let Some(old) = old {
            self.forget_link(&beside(from, &old), from)?;
        }
        if let Some(document) = self.get(&target)? {
            let mut document = document.clone();
            if !document.links.iter().any(|link| link == back.as_str()) {
                document.links.push(back.to_string());
                document.links.order();
            }
            self.put(&target, document)?;
        }
        self.put(from, Document { links, content: Content::Link(spelled), extra })?;
        Ok(true)
    }

    fn forget_link(&mut self, target: &Ref, from: &Ref) -> Result<(), Needs> {
        if let Some(document) = self.get(target)? {
            let mut document = document.clone();
            let back = from.to_state();
            document.links.retain(|link| link != back.as_str());
            self.put(target, document)?;
        }
        Ok(())
    }

    /// The transaction.
    #[must_use]
    pub fn finish(self) -> Transaction {
        self.transaction
    }
}

/// `target` in the store that `from` lies in: a link leads to a document of its own store.
fn beside(from: &Ref, target: &Ref) -> Ref {
    if from.marker() == Some(Marker::Intent) { target.to_intent() } else { target.to_state() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Ref {
        text.parse().unwrap()
    }

    #[test]
    fn a_moved_link_leaves_its_old_target() {
        let mut snapshot = Snapshot::empty();
        for target in ["p/@r1/task/a", "p/@r2/task/a"] {
            snapshot.put(&r(&format!("x/-/{target}")), Document::new("t", &1));
        }
        let (link, one, two) = (r("x/-/p/@/task/a"), r("x/-/p/@r1/task/a"), r("x/-/p/@r2/task/a"));
        let mut edit = Edit::new(&snapshot, "first");
        assert!(edit.link(&link, &one).unwrap());
        let snapshot = snapshot.with(&edit.finish());
        assert_eq!(snapshot.get(&one).unwrap().unwrap().links, [link.as_str()]);

        let mut edit = Edit::new(&snapshot, "second");
        assert!(edit.link(&link, &two).unwrap());
        let moved = edit.finish();
        assert!(matches!(moved.requires.get(&one), Some(Expect::Blob(_))));
        let snapshot = snapshot.with(&moved);
        assert!(snapshot.get(&one).unwrap().unwrap().links.is_empty());
        assert_eq!(snapshot.get(&two).unwrap().unwrap().links, [link.as_str()]);

        let mut edit = Edit::new(&snapshot, "third");
        edit.delete(&link).unwrap();
        let snapshot = snapshot.with(&edit.finish());
        assert!(snapshot.get(&link).unwrap().is_none());
        assert!(snapshot.get(&two).unwrap().unwrap().links.is_empty());
    }

    #[test]
    fn a_link_never_replaces_a_body() {
        let mut snapshot = Snapshot::empty();
        snapshot.put(&r("x/-/p/@v1"), Document::new("t", &1));
        let mut edit = Edit::new(&snapshot, "tag");
        assert!(!edit.link(&r("x/-/p/@v1"), &r("x/-/p/@r1")).unwrap());
        assert!(edit.finish().is_empty());
    }

    #[test]
    fn a_second_step_requires_only_what_the_first_did_not_write() {
        let snapshot = Snapshot::empty();
        let (a, b) = (r("@/custom/a"), r("@/custom/b"));
        let mut edit = Edit::new(&snapshot, "one");
        edit.put_body(&a, "string", &"1").unwrap();
        let first = edit.finish();
        let after = snapshot.with(&first);
        let mut edit = Edit::new(&after, "two");
        edit.put_body(&a, "string", &"2").unwrap();
        edit.put_body(&b, "string", &"3").unwrap();
        let both = first.then(edit.finish());
        assert_eq!(both.message, "one");
        assert_eq!(both.requires.get(&a), Some(&Expect::Absent));
        assert_eq!(both.requires.get(&b), Some(&Expect::Absent));
        assert_eq!(both.writes.get(&a), Some(&Write::Put(Document::new("string", &"2"))));
    }

    #[test]
    fn writing_what_is_there_already_is_no_change() {
        let mut snapshot = Snapshot::empty();
        snapshot.put(&r("@/custom/a"), Document::new("string", &"1"));
        let mut edit = Edit::new(&snapshot, "same");
        edit.put_body(&r("@/custom/a"), "string", &"1").unwrap();
        assert!(edit.finish().is_empty());
    }
}
