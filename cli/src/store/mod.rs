//! Where documents live: the state and the intent of a repo.
//!
//! Core asks and decides over a [`Snapshot`], and says what it still [`Needs`]. [`Stores`] carries
//! that out: it loads what is needed until there is an answer ([`Stores::read`]), and commits the
//! transaction that follows from one ([`Stores::decide`]). Somebody else may have written in
//! between. Then the transaction's preconditions do not hold, nothing is written, and it is
//! decided again on what is there now.
//!
//! ```
//! use ocuroot::store::{Decided, Location, StoreError, Stores};
//! use ocuroot_core::snapshot::Needs;
//! use ocuroot_core::transaction::Edit;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("store");
//!
//! let stores = Stores::open(Location::Fs(path), None)?;
//! let freeze = "@/custom/freeze".parse()?;
//! let mut snapshot = Default::default();
//! stores.decide(&mut snapshot, |snapshot| -> Result<_, ocuroot_core::snapshot::Unmet<StoreError>> {
//!     let mut edit = Edit::new(snapshot, "freeze");
//!     edit.put_body(&freeze, "string", &"holidays")?;
//!     Ok((edit.finish(), ()))
//! })?;
//! // Another process sees it.
//! let found = stores.ask(&mut Default::default(), |snapshot| snapshot.exists(&freeze))?;
//! assert!(found);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod fs;
mod old;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ocuroot_core::memory::Memory;
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::transaction::Transaction;
use ocuroot_core::{Marker as Side, Ref};

pub use error::{Decided, Holder, StoreError};
pub use old::{Files, Upgrade};

/// Where a store lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder, given by its absolute path.
    Fs(PathBuf),
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It was carried out, whole.
    Done,
    /// Nothing was written: these documents are not as the transaction requires.
    Conflict(Vec<Ref>),
}

/// The state and the intent of a repo, opened.
#[derive(Debug)]
pub struct Stores {
    fs: fs::FsStores,
    shared: bool,
}

/// How many conflicts a decision meets before it keeps other writers out while it decides.
const OPTIMISTIC: u32 = 3;

/// How often a decision is made at all.
const ATTEMPTS: u32 = 12;

/// How often a question starts again because the store changed between two of its batches,
/// before it keeps writers out.
const RESTARTS: u32 = 4;

impl Stores {
    /// Opens the stores of a repo. Without `intent`, `state` is one shared place, and state lies
    /// under `state/` and intent under `intent/` of it.
    ///
    /// Nothing is created: a folder that is not there, or has no marker, is a new store, and its
    /// first transaction makes it one. Work that a dead process left half-done is finished.
    ///
    /// # Errors
    /// When a place holds something else than that store, or one of a version that this build
    /// does not know; when unfinished work is there and this process may not write.
    pub fn open(state: Location, intent: Option<Location>) -> Result<Stores, StoreError> {
        let Location::Fs(state) = state;
        let shared = intent.is_none();
        let fs = match intent {
            Some(Location::Fs(intent)) => fs::FsStores::open(state, intent)?,
            None => {
                if state.exists() && !state.is_dir() {
                    return Err(StoreError::NotAFolder { path: state });
                }
                fs::FsStores::open_shared(&state)?
            }
        };
        Ok(Stores { fs, shared })
    }

    /// Sets how long to wait for other processes that hold a store. A minute, if nothing is said.
    #[must_use]
    pub fn with_wait_limit(mut self, limit: Duration) -> Stores {
        self.fs.set_wait_limit(limit);
        self
    }

    /// Sets who is told, in a line, when this process has to wait for another. A warning is
    /// logged, if nothing is said.
    #[must_use]
    pub fn with_notice(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Stores {
        self.fs.set_notice(notice);
        self
    }

    /// Where state and intent are, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let (state, intent) = (self.fs.folder(Side::State), self.fs.folder(Side::Intent));
        match state.parent() {
            Some(parent) if self.shared => parent.display().to_string(),
            _ => format!("{} (state) and {} (intent)", state.display(), intent.display()),
        }
    }

    /// Loads one batch into a snapshot, as the stores are at one moment. What is asked for and is
    /// not there is recorded as missing.
    ///
    /// # Errors
    /// When something is there and cannot be read. A document that is no JSON is no such thing:
    /// it is loaded as a [problem](Snapshot::problem).
    pub fn load(&self, needs: &Needs, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.fs.load(needs, snapshot, None).map(|_| ())
    }

    /// Carries out a transaction, unless something that it requires does not hold. One that is
    /// empty writes nothing.
    ///
    /// # Errors
    /// When something cannot be written. Then nothing was.
    pub fn commit(&self, transaction: &Transaction) -> Result<Commit, StoreError> {
        self.fs.commit(transaction, None)
    }

    /// Every document of both stores, as bytes; those of stores of version 1 in today's terms.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn everything(&self) -> Result<Memory, StoreError> {
        self.fs.everything()
    }

    /// Makes stores of an older version stores of the current one, in one transaction; with `dryrun`
    /// only says what that would be.
    ///
    /// # Errors
    /// When something cannot be read, or cannot be written: then nothing was.
    pub fn upgrade(&self, dryrun: bool) -> Result<Upgrade, StoreError> {
        self.rewrite(dryrun, |all| Ok(old::upgrade(all)))
    }

    /// Writes documents as they are, in one transaction. Returns how many were not there yet, or were
    /// others and could be overwritten.
    ///
    /// # Errors
    /// [`StoreError::Differ`] when some are others and may not be overwritten; when something cannot
    /// be read or written: then nothing was.
    pub fn import(&self, files: &Files, overwrite: bool) -> Result<usize, StoreError> {
        self.rewrite(false, |all| old::import(all, files, overwrite))
    }

    /// Where each kind of place plugs in: decides on [all](old::Everything) that the stores hold, and
    /// carries the [`old::Rewrite`] out whole, or with `dryrun` not at all.
    fn rewrite<T>(
        &self,
        dryrun: bool,
        decide: impl Fn(&old::Everything) -> Result<(old::Rewrite, T), StoreError>,
    ) -> Result<T, StoreError> {
        self.fs.rewrite(dryrun, decide)
    }

    /// Decides, and commits what was decided.
    ///
    /// Calls `decide`, loads what it needs and calls it again until it answers; commits its
    /// transaction; on a conflict forgets all that `snapshot` knew and decides again. After a few
    /// conflicts it locks the stores before it decides, so that it comes to an end however many
    /// others write. Afterwards `snapshot` has the transaction applied.
    ///
    /// # Errors
    /// Those of `decide` and of the stores, and [`StoreError::Busy`].
    pub fn decide<T, E>(
        &self,
        snapshot: &mut Snapshot,
        mut decide: impl FnMut(&Snapshot) -> Result<(Transaction, T), Unmet<E>>,
    ) -> Result<T, Decided<E>> {
        let mut sides = BTreeSet::new();
        let mut locks = None;
        for attempt in 1..=ATTEMPTS {
            let (transaction, value) = self.answer(snapshot, &mut decide, locks.as_ref())?;
            let touched = fs::touched(&transaction)?;
            let covered = touched.is_subset(&sides);
            sides.extend(touched);
            let conflicts = match &mut locks {
                // It decided to touch more than what is locked; what is locked comes first.
                Some(_) if !covered => Vec::new(),
                locks => match self.fs.commit(&transaction, locks.as_mut())? {
                    Commit::Done => {
                        snapshot.apply(&transaction);
                        return Ok(value);
                    }
                    Commit::Conflict(refs) => refs,
                },
            };
            tracing::debug!(attempt, ?conflicts, "deciding again");
            if attempt == ATTEMPTS {
                return Err(StoreError::Busy { refs: conflicts, attempts: attempt }.into());
            }
            *snapshot = Snapshot::default();
            if attempt >= OPTIMISTIC {
                drop(locks.take());
                locks = Some(self.fs.lock(&sides)?);
            }
        }
        Err(StoreError::Busy { refs: Vec::new(), attempts: ATTEMPTS }.into())
    }

    /// Answers a question: calls `query`, loads what it needs and calls it again until it answers.
    ///
    /// All that is loaded for one question is as the stores were at one moment. If they change
    /// meanwhile, `snapshot` forgets what it knew and the question starts again.
    ///
    /// # Errors
    /// Those of `query` and of the stores.
    pub fn read<T, E>(
        &self,
        snapshot: &mut Snapshot,
        mut query: impl FnMut(&Snapshot) -> Result<T, Unmet<E>>,
    ) -> Result<T, Decided<E>> {
        self.answer(snapshot, &mut query, None)
    }

    /// Like [`Stores::read`], for a question that has no errors of its own.
    ///
    /// # Errors
    /// Those of the stores.
    pub fn ask<T>(
        &self,
        snapshot: &mut Snapshot,
        mut query: impl FnMut(&Snapshot) -> Result<T, Needs>,
    ) -> Result<T, StoreError> {
        let answer =
            self.read(snapshot, |snapshot| query(snapshot).map_err(Unmet::<std::convert::Infallible>::Needs));
        answer.map_err(|error| match error {
            Decided::Store(error) => error,
            Decided::Error(never) => match never {},
        })
    }

    fn answer<T, E>(
        &self,
        snapshot: &mut Snapshot,
        query: &mut impl FnMut(&Snapshot) -> Result<T, Unmet<E>>,
        held: Option<&fs::Locks>,
    ) -> Result<T, Decided<E>> {
        let mut asked = Needs::default();
        let mut moment = None;
        let mut restarts = 0;
        let mut shared = None;
        loop {
            let needs = match query(snapshot) {
                Ok(value) => return Ok(value),
                Err(Unmet::Error(error)) => return Err(Decided::Error(error)),
                Err(Unmet::Needs(needs)) => needs,
            };
            // Every round has to ask for something new, or it would go on for ever.
            if needs.folders.is_subset(&asked.folders) && needs.bodies.is_subset(&asked.bodies) {
                return Err(StoreError::Unsettled { needs: format!("{needs:?}") }.into());
            }
            let generations = self.fs.load(&needs, snapshot, held)?;
            asked.merge(needs);
            if *moment.get_or_insert(generations) != generations {
                *snapshot = Snapshot::default();
                asked = Needs::default();
                moment = None;
                restarts += 1;
                if restarts >= RESTARTS && held.is_none() && shared.is_none() {
                    shared = Some(self.fs.keep_writers_out()?);
                }
            }
        }
    }
}
