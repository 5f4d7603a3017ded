//! Stores in folders of a file system.
//!
//! A document is a file, `refs/<its ref>/@object.json`. The rest of this module is about several
//! processes that use the same folder:
//!
//! * **Writers** take turns ([`lock`]).
//! * **A transaction** changes many files at one moment ([`journal`]), whatever happens to the
//!   process meanwhile.
//! * **Readers** take no lock. They look twice: the store's generation and the absence of a
//!   journal, before and after. If either changed, they read again; if that goes on, they keep
//!   writers out for once. So a reader sees whole transactions only, a store that cannot be
//!   written to can be read, and one document costs a handful of system calls.

mod disk;
mod journal;
mod lock;
mod offer;
mod read;
mod whole;
mod write;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ocuroot_core::Marker as Side;
use ocuroot_core::snapshot::{Needs, Snapshot};

use super::Moment;
use super::error::StoreError;
use super::marker::StoreMarker;
use super::old::Translated;
use journal::{Journal, Stage};
use lock::{Attempt, Lock, Patience};
pub(super) use offer::FolderOffer;
use read::Batch;
pub(super) use write::touched;

/// How often a reader tries again before it keeps writers out.
const UNDISTURBED: u32 = 8;

/// The folders of the two stores.
#[derive(Debug)]
struct Roots {
    state: PathBuf,
    intent: PathBuf,
}

impl Roots {
    fn folder(&self, side: Side) -> &Path {
        match side {
            Side::State => &self.state,
            Side::Intent => &self.intent,
        }
    }

    /// The sides in the order in which everybody locks them.
    fn in_order(&self) -> [Side; 2] {
        if self.state <= self.intent { [Side::State, Side::Intent] } else { [Side::Intent, Side::State] }
    }
}

const SIDES: [Side; 2] = [Side::State, Side::Intent];

/// Locks on one store or both.
#[derive(Debug)]
pub(super) struct Locks(Vec<(Side, Lock)>);

impl Locks {
    fn sides(&self) -> BTreeSet<Side> {
        self.0.iter().map(|(side, _)| *side).collect()
    }
}

/// Locks on both stores that keep writers out while this process reads.
#[derive(Debug)]
pub(super) struct Shared {
    _locks: Vec<Lock>,
}

/// Two stores in folders.
#[derive(Debug)]
pub(super) struct FsStores {
    roots: Roots,
    /// The folder around both, where they share one.
    shared: Option<PathBuf>,
    /// Whether one of them was of version 1 when it was opened; it may have been upgraded since.
    was_old: bool,
    translated: OnceLock<Arc<Translated>>,
    patience: Patience,
}

impl FsStores {
    /// Opens the stores in two folders.
    ///
    /// # Errors
    /// When a folder holds something else, or a store of another version; when a dead process
    /// left work that cannot be finished.
    pub(super) fn open(state: PathBuf, intent: PathBuf) -> Result<FsStores, StoreError> {
        FsStores::open_in(None, state, intent)
    }

    /// Opens the stores in one place, each in a folder of its own.
    ///
    /// # Errors
    /// As [`FsStores::open`].
    pub(super) fn open_shared(place: &Path) -> Result<FsStores, StoreError> {
        FsStores::open_in(Some(place.to_owned()), place.join("state"), place.join("intent"))
    }

    fn open_in(shared: Option<PathBuf>, state: PathBuf, intent: PathBuf) -> Result<FsStores, StoreError> {
        let (state, intent) = (settled(state), settled(intent));
        if state == intent {
            return Err(StoreError::SameFolder { path: state });
        }
        let roots = Roots { state, intent };
        for side in SIDES {
            StoreMarker::read(roots.folder(side), side)?;
        }
        let mut stores = FsStores {
            roots,
            shared,
            was_old: false,
            translated: OnceLock::new(),
            patience: Patience::default(),
        };
        stores.settle()?;
        stores.was_old = stores.old_folder()?.is_some();
        Ok(stores)
    }

    /// Sets how long to wait for others.
    pub(super) fn set_wait_limit(&mut self, limit: std::time::Duration) {
        self.patience.limit = limit;
    }

    /// Sets who is told about long waits.
    pub(super) fn set_notice(&mut self, notice: impl Fn(&str) + Send + Sync + 'static) {
        self.patience.notice = std::sync::Arc::new(notice);
    }

    /// The folder of one store.
    pub(super) fn folder(&self, side: Side) -> &Path {
        self.roots.folder(side)
    }

    /// Loads what is needed, as it was at one moment, and says which. With `held`, the caller
    /// keeps writers out of one store or both.
    ///
    /// # Errors
    /// When something is there and cannot be read.
    pub(super) fn load(
        &self,
        needs: &Needs,
        snapshot: &mut Snapshot,
        held: Option<&Locks>,
    ) -> Result<Moment, StoreError> {
        let (loaded, generations) = self.at_one_moment(held, || match self.translated()? {
            Some(old) => Ok(Loaded::Old(old)),
            None => Batch::read(&self.roots, needs).map(Loaded::Batch),
        })?;
        match loaded {
            Loaded::Old(old) => old.load(needs, snapshot),
            Loaded::Batch(batch) => batch.record(snapshot),
        }
        Ok(generations)
    }

    /// Calls `read` until nothing changed meanwhile.
    fn at_one_moment<T>(
        &self,
        held: Option<&Locks>,
        read: impl Fn() -> Result<T, StoreError>,
    ) -> Result<(T, Moment), StoreError> {
        let mut shared: Option<Shared> = None;
        let mut attempts = 0;
        loop {
            let mut ignore_prepared = false;
            if self.pending()?.is_some() {
                drop(shared.take());
                // With a lock held, this is about the other store.
                ignore_prepared = self.settle()? == Settled::OnlyPrepared;
            }
            let before = self.generations()?;
            let value = read();
            // In this order: a journal that is gone by now has been counted by now.
            let pending = self.pending()?;
            let undisturbed = pending.is_none() || (ignore_prepared && pending == Some(Stage::Prepared));
            if undisturbed && self.generations()? == before {
                // An error counts only if it does not come from a change under way.
                return Ok((value?, before));
            }
            attempts += 1;
            if attempts >= UNDISTURBED && held.is_none() && shared.is_none() {
                shared = Some(self.keep_writers_out()?);
            }
        }
    }

    fn generations(&self) -> Result<Moment, StoreError> {
        Ok([lock::generation(&self.roots.state)?, lock::generation(&self.roots.intent)?])
    }

    /// Locks both stores for reading, with no transaction under way.
    ///
    /// # Errors
    /// When others hold them for too long.
    pub(super) fn keep_writers_out(&self) -> Result<Shared, StoreError> {
        loop {
            let mut locks = Vec::new();
            for side in self.roots.in_order() {
                let folder = self.roots.folder(side);
                locks.extend(self.patience.wait(folder, || Lock::try_shared(folder))?);
            }
            if self.pending()?.is_none() {
                return Ok(Shared { _locks: locks });
            }
            // Its writer died just before, or the lock would not be free.
            drop(locks);
            if self.settle()? == Settled::OnlyPrepared {
                return Ok(Shared { _locks: Vec::new() });
            }
        }
    }

    /// Locks stores for writing, once nothing of a dead process is left to do in them.
    ///
    /// # Errors
    /// When they cannot be written to, or others hold them for too long.
    pub(super) fn lock(&self, sides: &BTreeSet<Side>) -> Result<Locks, StoreError> {
        loop {
            let first = sides.first().copied().unwrap_or(Side::State);
            let locks = self.patience.wait(self.roots.folder(first), || self.try_lock(sides))?;
            // Whoever wrote a journal over one of these stores held its lock, so it is dead.
            if !self.left_behind(sides)? {
                return Ok(locks);
            }
            drop(locks);
            if self.settle()? == Settled::OnlyPrepared {
                return Err(StoreError::Unfinished { path: self.roots.folder(first).to_owned() });
            }
        }
    }

    fn try_lock(&self, sides: &BTreeSet<Side>) -> Result<Attempt<Locks>, StoreError> {
        let mut locks = Vec::new();
        for side in self.roots.in_order().into_iter().filter(|side| sides.contains(side)) {
            match Lock::try_exclusive(self.roots.folder(side))? {
                Attempt::Done(lock) => locks.push((side, lock)),
                Attempt::Held(holder) => return Ok(Attempt::Held(holder)),
            }
        }
        Ok(Attempt::Done(Locks(locks)))
    }

    /// Whether a journal covers one of these stores, all of which are locked.
    fn left_behind(&self, sides: &BTreeSet<Side>) -> Result<bool, StoreError> {
        for home in SIDES {
            let Some(stage) = Stage::find(self.roots.folder(home))? else { continue };
            if sides.contains(&home) {
                return Ok(true);
            }
            // The other store may have a live writer, whose journal may be half-written or gone
            // again. It does not cover a store that is locked here.
            let journal = Journal::read(&stage.path(self.roots.folder(home))).unwrap_or_default();
            if journal.is_some_and(|journal| !journal.sides().is_disjoint(sides)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The stage of a transaction that is under way or was left behind; the later one of two.
    fn pending(&self) -> Result<Option<Stage>, StoreError> {
        let [state, intent] = [Stage::find(&self.roots.state)?, Stage::find(&self.roots.intent)?];
        Ok(match (state, intent) {
            (Some(Stage::Committed), _) | (_, Some(Stage::Committed)) => Some(Stage::Committed),
            (state, intent) => state.or(intent),
        })
    }

    /// Waits for a transaction that is under way, and does the rest of one that was left behind.
    fn settle(&self) -> Result<Settled, StoreError> {
        let mut settled = Settled::Clean;
        for home in SIDES {
            let folder = self.roots.folder(home);
            if Stage::find(folder)?.is_some() {
                settled = settled.max(self.patience.wait(folder, || self.try_settle(home))?);
            }
        }
        Ok(settled)
    }

    fn try_settle(&self, home: Side) -> Result<Attempt<Settled>, StoreError> {
        let folder = self.roots.folder(home);
        let Some(stage) = Stage::find(folder)? else { return Ok(Attempt::Done(Settled::Clean)) };
        // A live writer may be just about to write, rename or remove it: then this is a guess,
        // and looked at again once the lock is there.
        let guess = Journal::read(&stage.path(folder)).ok().flatten();
        let mut sides = guess.map(|journal| journal.sides()).unwrap_or_default();
        sides.insert(home);
        let mut locks = match self.try_lock(&sides) {
            Ok(Attempt::Done(locks)) => locks,
            Ok(Attempt::Held(holder)) => return Ok(Attempt::Held(holder)),
            Err(StoreError::ReadOnly { .. }) => return self.settle_unwritable(home),
            Err(error) => return Err(error),
        };
        self.finish(home, &mut locks)
    }

    /// What a process that may only read makes of a journal.
    fn settle_unwritable(&self, home: Side) -> Result<Attempt<Settled>, StoreError> {
        let folder = self.roots.folder(home);
        let lock = match Lock::try_shared(folder)? {
            Attempt::Done(lock) => lock,
            Attempt::Held(holder) => return Ok(Attempt::Held(holder)),
        };
        let found = Stage::find(folder)?;
        drop(lock);
        match found {
            None => Ok(Attempt::Done(Settled::Clean)),
            // Its new files are invisible to readers.
            Some(Stage::Prepared) => Ok(Attempt::Done(Settled::OnlyPrepared)),
            Some(Stage::Committed) => Err(StoreError::Unfinished { path: folder.to_owned() }),
        }
    }
}

/// What was loaded, and is in no snapshot yet.
enum Loaded {
    Old(Arc<Translated>),
    Batch(Batch),
}

/// What was left to do, and is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Settled {
    /// Nothing.
    Clean,
    /// Traces of a transaction that never was, which this process may not remove.
    OnlyPrepared,
}

/// The one spelling of a path, as far as it exists.
fn settled(path: PathBuf) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => settled(parent.to_owned()).join(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use ocuroot_core::envelope::Document;
    use ocuroot_core::transaction::{Transaction, Write};

    use super::super::layout::document_path;
    use super::*;

    fn open(folder: &Path) -> FsStores {
        let mut stores = FsStores::open(folder.join("state"), folder.join("intent")).unwrap();
        stores.set_wait_limit(Duration::ZERO);
        stores
    }

    fn set_both(stores: &FsStores, value: u32) -> Result<(), StoreError> {
        let put = |text: &str| (text.parse().unwrap(), Write::Put(Document::new("float64", &value)));
        let writes = [put("@/custom/a"), put("+/custom/b")].into();
        stores.commit(&Transaction { writes, ..Transaction::default() }, None).map(|_| ())
    }

    fn read(stores: &FsStores, text: &str) -> Option<Vec<u8>> {
        let (side, path) = document_path(&text.parse().unwrap()).unwrap();
        read::read_document(&stores.folder(side).join(path)).unwrap()
    }

    #[test]
    fn a_transaction_in_the_midst_of_reading_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, writer) = (open(folder.path()), open(folder.path()));
        set_both(&writer, 0).unwrap();
        let rounds = Cell::new(0);
        let ((a, b), _) = reader
            .at_one_moment(None, || {
                rounds.set(rounds.get() + 1);
                let a = read(&reader, "@/custom/a");
                if rounds.get() == 1 {
                    set_both(&writer, 1).unwrap();
                }
                Ok((a, read(&reader, "+/custom/b")))
            })
            .unwrap();
        assert_eq!((a, rounds.get()), (b, 2));
    }

    #[test]
    fn a_transaction_that_begins_while_something_is_read_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let stores = open(folder.path());
        set_both(&stores, 0).unwrap();
        let rounds = Cell::new(0);
        let (a, _) = stores
            .at_one_moment(None, || {
                rounds.set(rounds.get() + 1);
                let a = read(&stores, "@/custom/a");
                if rounds.get() == 1 {
                    // A writer that dies right after its transaction has happened.
                    let place = folder.path().join("state/refs/@/custom/a/.ocuroot-new");
                    std::fs::write(place, "new").unwrap();
                    let put = journal::Put {
                        place: journal::Place::new(Side::State, "refs/@/custom/a/@object.json".to_owned()),
                        blob: ocuroot_core::envelope::BlobId::of(b"new").to_string(),
                    };
                    let journal = Journal { puts: vec![put], ..Journal::default() };
                    std::fs::write(folder.path().join("state/.ocuroot-journal"), journal.to_text()).unwrap();
                }
                Ok(a)
            })
            .unwrap();
        assert_eq!((a.as_deref(), rounds.get()), (Some(b"new".as_slice()), 2));
        assert_eq!(stores.pending().unwrap(), None);
    }

    #[test]
    fn a_journal_without_its_files_is_not_taken_for_done() {
        let folder = tempfile::tempdir().unwrap();
        let stores = open(folder.path());
        set_both(&stores, 0).unwrap();
        let text = r#"{"message":"","puts":[{"intent":true,"path":"refs/@/custom/b/@object.json","blob":"00"}],"deletes":[]}"#;
        std::fs::write(folder.path().join("state/.ocuroot-journal"), text).unwrap();
        for _ in 0..2 {
            let error =
                FsStores::open(folder.path().join("state"), folder.path().join("intent")).unwrap_err();
            assert!(error.to_string().contains("the new content of"), "{error}");
        }
        // A writer of the one store that the journal does not lie in finds it as well.
        let error = set_both(&stores, 1).unwrap_err();
        assert!(matches!(error, StoreError::Journal { .. }), "{error}");
    }

    #[test]
    fn a_reader_that_is_disturbed_again_and_again_keeps_writers_out() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, writer) = (open(folder.path()), open(folder.path()));
        let (rounds, refused) = (Cell::new(0), Cell::new(false));
        let read_both = || {
            rounds.set(rounds.get() + 1);
            let a = read(&reader, "@/custom/a");
            match set_both(&writer, rounds.get()) {
                Ok(()) => {}
                Err(StoreError::Locked { .. }) => refused.set(true),
                Err(error) => panic!("{error}"),
            }
            Ok((a, read(&reader, "+/custom/b")))
        };
        let ((a, b), _) = reader.at_one_moment(None, read_both).unwrap();
        assert_eq!(a, b);
        assert!(refused.get());
        assert_eq!(rounds.get(), UNDISTURBED + 1);
        set_both(&writer, 1000).unwrap();
    }
}
