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
mod git;
mod layout;
mod marker;
mod offer;
mod old;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ocuroot_core::memory::Memory;
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::summary::Mend;
use ocuroot_core::transaction::Transaction;
use ocuroot_core::{Marker as Side, Ref};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{Decided, Holder, RemoteProblem, StoreError};
pub use git::GitLocation;
pub use offer::{Commit as OfferedCommit, Entry, File, History, Kind, MemoryOffer, Offer, Updates};
pub use old::{Files, Upgrade};

/// Where a store lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder, given by its absolute path.
    Fs(PathBuf),
    /// On a branch of a git repo.
    Git(GitLocation),
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
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Fs { stores: Box<fs::FsStores>, shared: bool },
    Git(Box<git::GitStores>),
}

/// How many changes the two stores have seen, as far as whoever asks can tell: what is loaded at one
/// moment is as it was at one moment.
type Moment = [Option<u64>; 2];

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
        let backend = match (state, intent) {
            (Location::Fs(state), Some(Location::Fs(intent))) => {
                Backend::Fs { stores: Box::new(fs::FsStores::open(state, intent)?), shared: false }
            }
            (Location::Fs(state), None) => {
                if state.exists() && !state.is_dir() {
                    return Err(StoreError::NotAFolder { path: state });
                }
                let stores = fs::FsStores::open_shared(&state)?;
                Backend::Fs { stores: Box::new(stores), shared: true }
            }
            (Location::Git(state), None) => {
                Backend::Git(Box::new(git::GitStores::open(state, None, crate::log_file::home())?))
            }
            (Location::Git(state), Some(Location::Git(intent))) => {
                Backend::Git(Box::new(git::GitStores::open(state, Some(intent), crate::log_file::home())?))
            }
            (Location::Git(_), Some(Location::Fs(_))) | (Location::Fs(_), Some(Location::Git(_))) => {
                return Err(StoreError::MixedKinds);
            }
        };
        Ok(Stores { backend })
    }

    /// Sets how long to wait for other processes that hold a store. A minute, if nothing is said.
    #[must_use]
    pub fn with_wait_limit(mut self, limit: Duration) -> Stores {
        match &mut self.backend {
            Backend::Fs { stores, .. } => stores.set_wait_limit(limit),
            Backend::Git(stores) => stores.set_wait_limit(limit),
        }
        self
    }

    /// Sets who is told, in a line, when this process has to wait for another. A warning is
    /// logged, if nothing is said.
    #[must_use]
    pub fn with_notice(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Stores {
        if let Backend::Fs { stores, .. } = &mut self.backend {
            stores.set_notice(notice);
        }
        self
    }

    /// Where state and intent are, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let (stores, shared) = match &self.backend {
            Backend::Git(stores) => return stores.describe(),
            Backend::Fs { stores, shared } => (stores, *shared),
        };
        let (state, intent) = (stores.folder(Side::State), stores.folder(Side::Intent));
        match state.parent() {
            Some(parent) if shared => parent.display().to_string(),
            _ => format!("{} (state) and {} (intent)", state.display(), intent.display()),
        }
    }

    /// Whether each transaction goes over a network, so that a few large ones are better than many.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self.backend, Backend::Git(_))
    }

    /// What they hold, as a git host would show it.
    ///
    /// # Errors
    /// When the stores cannot be read.
    pub fn offer(self) -> Result<Box<dyn Offer>, StoreError> {
        Ok(match self.backend {
            Backend::Fs { stores, .. } => Box::new(fs::FolderOffer::new(*stores)),
            Backend::Git(stores) => Box::new(git::BranchOffer::new(*stores)?),
        })
    }

    /// Loads one batch into a snapshot, as the stores are at one moment. What is asked for and is
    /// not there is recorded as missing.
    ///
    /// # Errors
    /// When something is there and cannot be read. A document that is no JSON is no such thing:
    /// it is loaded as a [problem](Snapshot::problem).
    pub fn load(&self, needs: &Needs, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.load_with(needs, snapshot, None).map(|_| ())
    }

    /// The answer to a question about all of both stores, which nothing but they may decide: neither the
    /// time nor anything else. In git it is kept for as long as the stores are what they are now; to
    /// `question` belongs whatever else it depends on.
    ///
    /// # Errors
    /// When the stores cannot be read, and those of `ask`.
    pub fn remembered<T: Serialize + DeserializeOwned, E: From<StoreError>>(
        &self,
        question: &str,
        ask: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.backend {
            Backend::Fs { .. } => ask(),
            Backend::Git(stores) => stores.remembered(question, ask),
        }
    }

    /// Carries out a transaction, unless something that it requires does not hold. One that is
    /// empty writes nothing.
    ///
    /// # Errors
    /// When something cannot be written. Then nothing was.
    pub fn commit(&self, transaction: &Transaction) -> Result<Commit, StoreError> {
        match &self.backend {
            Backend::Fs { stores, .. } => stores.commit(transaction, None),
            Backend::Git(stores) => {
                Ok(match stores.commit(transaction, &Snapshot::default(), &mut None)? {
                    git::Outcome::Done { .. } => Commit::Done,
                    git::Outcome::Conflict(refs) => Commit::Conflict(refs),
                })
            }
        }
    }

    fn load_with(
        &self,
        needs: &Needs,
        snapshot: &mut Snapshot,
        held: Option<&fs::Locks>,
    ) -> Result<Moment, StoreError> {
        match &self.backend {
            Backend::Fs { stores, .. } => stores.load(needs, snapshot, held),
            Backend::Git(stores) => stores.load(needs, snapshot),
        }
    }

    /// Every document of both stores, as bytes; those of stores of version 1 in today's terms.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn everything(&self) -> Result<Memory, StoreError> {
        match &self.backend {
            Backend::Fs { stores, .. } => stores.everything(),
            Backend::Git(stores) => stores.everything(),
        }
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

    /// Decides on [all](old::Everything) that the stores hold, and
    /// carries the [`old::Rewrite`] out whole, or with `dryrun` not at all.
    fn rewrite<T>(
        &self,
        dryrun: bool,
        decide: impl Fn(&old::Everything) -> Result<(old::Rewrite, T), StoreError>,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Fs { stores, .. } => stores.rewrite(dryrun, decide),
            Backend::Git(stores) => stores.rewrite(dryrun, decide),
        }
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
        match &self.backend {
            Backend::Fs { stores, .. } => self.decide_in_folders(stores, snapshot, &mut decide),
            Backend::Git(stores) => self.decide_in_git(stores, snapshot, &mut decide),
        }
    }

    fn decide_in_folders<T, E>(
        &self,
        stores: &fs::FsStores,
        snapshot: &mut Snapshot,
        decide: &mut impl FnMut(&Snapshot) -> Result<(Transaction, T), Unmet<E>>,
    ) -> Result<T, Decided<E>> {
        let mut sides = BTreeSet::new();
        let mut locks = None;
        for attempt in 1..=ATTEMPTS {
            let (transaction, value) = self.answer(snapshot, decide, locks.as_ref())?;
            let touched = fs::touched(&transaction)?;
            let covered = touched.is_subset(&sides);
            sides.extend(touched);
            let conflicts = match &mut locks {
                // It decided to touch more than what is locked; what is locked comes first.
                Some(_) if !covered => Vec::new(),
                locks => match stores.commit(&transaction, locks.as_mut())? {
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
                locks = Some(stores.lock(&sides)?);
            }
        }
        Err(StoreError::Busy { refs: Vec::new(), attempts: ATTEMPTS }.into())
    }

    fn decide_in_git<T, E>(
        &self,
        stores: &git::GitStores,
        snapshot: &mut Snapshot,
        decide: &mut impl FnMut(&Snapshot) -> Result<(Transaction, T), Unmet<E>>,
    ) -> Result<T, Decided<E>> {
        // Kept after a conflict, so that it is decided anew while the others of this machine wait.
        let mut turn = None;
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (transaction, value) = self.answer(snapshot, decide, None)?;
            match stores.commit(&transaction, snapshot, &mut turn)? {
                git::Outcome::Done { moved: false } => {
                    snapshot.apply(&transaction);
                    return Ok(value);
                }
                git::Outcome::Done { moved: true } => {
                    *snapshot = Snapshot::default();
                    return Ok(value);
                }
                git::Outcome::Conflict(refs) if began.elapsed() >= stores.wait_limit() => {
                    return Err(StoreError::Busy { refs, attempts }.into());
                }
                git::Outcome::Conflict(conflicts) => {
                    tracing::debug!(attempts, ?conflicts, "deciding again");
                    *snapshot = Snapshot::default();
                }
            }
        }
    }

    /// Compares the summaries of a git store with its documents (spec: store, "Summaries"); a store in
    /// folders has none. `snapshot` is what is known already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check_summaries(&self, snapshot: &mut Snapshot) -> Result<Vec<Mend>, StoreError> {
        match &self.backend {
            Backend::Fs { .. } => Ok(Vec::new()),
            Backend::Git(stores) => stores.check_summaries(snapshot),
        }
    }

    /// Writes the summaries that are missing or out of date, and deletes those that should not be there,
    /// as far as `which` says.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn mend_summaries(&self, which: impl Fn(&Mend) -> bool) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Fs { .. } => Ok(()),
            Backend::Git(stores) => stores.mend_summaries(which),
        }
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
        // In git a snapshot lives as long as the tips do that it was loaded from.
        let mut moment = match &self.backend {
            Backend::Git(stores) => stores.moment(),
            Backend::Fs { .. } => None,
        };
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
            let generations = self.load_with(&needs, snapshot, held)?;
            asked.merge(needs);
            if *moment.get_or_insert(generations) != generations {
                *snapshot = Snapshot::default();
                asked = Needs::default();
                moment = None;
                restarts += 1;
                if let (Backend::Fs { stores, .. }, None, None) = (&self.backend, held, &shared)
                    && restarts >= RESTARTS
                {
                    shared = Some(stores.keep_writers_out()?);
                }
            }
        }
    }
}
