//! Carrying out transactions, and what is left of those of dead processes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ocuroot_core::envelope::BlobId;
use ocuroot_core::transaction::{Expect, Transaction, Write};
use ocuroot_core::{Marker as Side, Ref};

use super::super::Commit;
use super::super::error::StoreError;
use super::super::layout::{REFS, document_path};
use super::super::marker::{NAME as MARKER, StoreMarker};
use super::disk;
use super::journal::{Journal, Place, Put, Stage, new_file};
use super::lock::{Attempt, NAME as LOCK};
use super::read::read_document;
use super::{FsStores, Locks, SIDES, Settled};

/// A transaction in terms of files.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) puts: Vec<(Place, Vec<u8>)>,
    pub(super) deletes: Vec<Place>,
}

/// The stores that a transaction writes to or expects something of.
///
/// # Errors
/// When one of its refs names no document.
pub(in super::super) fn touched(transaction: &Transaction) -> Result<BTreeSet<Side>, StoreError> {
    transaction
        .writes
        .keys()
        .chain(transaction.requires.keys())
        .map(|reference| place(reference).map(|place| place.side()))
        .collect()
}

fn place(reference: &Ref) -> Result<Place, StoreError> {
    document_path(reference)
        .map(|(side, path)| Place::new(side, path))
        .ok_or_else(|| StoreError::Address { reference: reference.clone() })
}

impl FsStores {
    /// Carries out a transaction, unless something that it requires does not hold. With `held`,
    /// the caller has locked all stores that it [touches](touched).
    ///
    /// # Errors
    /// When something cannot be written. Then nothing was, or the rest follows when a store of
    /// this folder is opened next.
    pub(in super::super) fn commit(
        &self,
        transaction: &Transaction,
        held: Option<&mut Locks>,
    ) -> Result<Commit, StoreError> {
        let sides = touched(transaction)?;
        if transaction.is_empty() {
            let (conflicts, _) = self.at_one_moment(held.as_deref(), || self.conflicts(transaction))?;
            return Ok(commit_of(conflicts));
        }
        // What is refused anyway should not even make a lock file.
        self.marker_puts(&sides)?;
        if sides.iter().any(|side| !self.folder(*side).join(LOCK).exists()) {
            let conflicts = self.conflicts(transaction)?;
            if !conflicts.is_empty() {
                return Ok(Commit::Conflict(conflicts));
            }
        }
        match held {
            Some(locks) => self.commit_locked(transaction, locks),
            None => self.commit_locked(transaction, &mut self.lock(&sides)?),
        }
    }

    fn commit_locked(&self, transaction: &Transaction, locks: &mut Locks) -> Result<Commit, StoreError> {
        let conflicts = self.conflicts(transaction)?;
        if !conflicts.is_empty() {
            return Ok(Commit::Conflict(conflicts));
        }
        self.write(&transaction.message, self.changes(transaction)?, locks)?;
        Ok(Commit::Done)
    }

    /// Writes and deletes files of stores that are locked, as one change.
    ///
    /// # Errors
    /// When something cannot be written. Then nothing was, or the rest follows when a store of
    /// this folder is opened next.
    pub(super) fn write(&self, message: &str, changes: Changes, locks: &mut Locks) -> Result<(), StoreError> {
        let put = |(place, bytes): &(Place, Vec<u8>)| Put {
            place: place.clone(),
            blob: BlobId::of(bytes).to_string(),
        };
        let journal = Journal {
            message: message.to_owned(),
            puts: changes.puts.iter().map(put).collect(),
            deletes: changes.deletes.clone(),
        };
        let sides = journal.sides();
        // State's folder, if both are written to.
        let Some(home) = sides.first().copied() else { return Ok(()) };
        if let Err(error) = self.prepare(home, &journal, &changes) {
            // What cannot be removed now is removed by the next process, which finds the journal.
            let _ = self.undo(home, &journal, locks);
            return Err(error);
        }
        self.carry_out(home, &journal, locks)
    }

    /// The refs of which the transaction requires what does not hold.
    fn conflicts(&self, transaction: &Transaction) -> Result<Vec<Ref>, StoreError> {
        let mut conflicts = Vec::new();
        for (reference, expect) in &transaction.requires {
            let bytes = read_document(&self.at(&place(reference)?))?;
            let holds = match expect {
                Expect::Absent => bytes.is_none(),
                Expect::Blob(blob) => bytes.is_some_and(|bytes| BlobId::of(&bytes) == *blob),
            };
            if !holds {
                conflicts.push(reference.clone());
            }
        }
        Ok(conflicts)
    }

    /// The files to write and to delete. The store's marker is one of them where it is missing or
    /// of an older version.
    fn changes(&self, transaction: &Transaction) -> Result<Changes, StoreError> {
        let mut changes = Changes::default();
        for (reference, write) in &transaction.writes {
            let place = place(reference)?;
            match write {
                Write::Put(document) => changes.puts.push((place, document.to_text().into_bytes())),
                Write::Delete if self.at(&place).symlink_metadata().is_ok() => changes.deletes.push(place),
                Write::Delete => {}
            }
        }
        let sides = changes.puts.iter().map(|(place, _)| place).chain(&changes.deletes).map(Place::side);
        changes.puts.splice(0..0, self.marker_puts(&sides.collect())?);
        Ok(changes)
    }

    fn marker_puts(&self, sides: &BTreeSet<Side>) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        // What is read of the other one is not what is stored there.
        if self.was_old
            && let Some(folder) = self.old_folder()?
        {
            return Err(StoreError::OldVersion { path: folder.to_owned(), found: 1 });
        }
        let mut puts = Vec::new();
        for side in sides {
            let folder = self.folder(*side);
            if let Some(text) = StoreMarker::read(folder, *side)?.to_write(folder, *side)? {
                puts.push((Place::new(*side, MARKER.to_owned()), text.into_bytes()));
            }
        }
        Ok(puts)
    }

    /// Writes all new files beside their places, and the journal. When this returns, the
    /// transaction has happened.
    fn prepare(&self, home: Side, journal: &Journal, changes: &Changes) -> Result<(), StoreError> {
        let prepared = Stage::Prepared.path(self.folder(home));
        let journal_file = disk::write(&prepared, journal.to_text().as_bytes())?;
        let mut written = Vec::with_capacity(changes.puts.len());
        for (place, bytes) in &changes.puts {
            let path = self.at(place);
            if let Some(folder) = path.parent() {
                disk::make_folder(folder)?;
            }
            let new = new_file(&path);
            written.push((disk::write(&new, bytes)?, new));
        }
        // All writes first: the first sync then brings most of them to the disk together.
        for (file, path) in &written {
            disk::sync(file, path)?;
        }
        disk::sync(&journal_file, &prepared)?;
        if !disk::rename(&prepared, &Stage::Committed.path(self.folder(home)))? {
            let reason = "it was removed while it was being written".to_owned();
            return Err(StoreError::Journal { path: prepared, reason });
        }
        disk::sync_folder(self.folder(home))
    }

    /// Removes what [`FsStores::prepare`] left when it could not go on.
    fn undo(&self, home: Side, journal: &Journal, locks: &mut Locks) -> Result<(), StoreError> {
        // No longer committed, if it just became so.
        let prepared = Stage::Prepared.path(self.folder(home));
        let committed = Stage::Committed.path(self.folder(home));
        if committed.exists() {
            disk::rename(&committed, &prepared)?;
        }
        for Put { place, .. } in &journal.puts {
            disk::remove(&new_file(&self.at(place)))?;
            self.remove_empty_folders(place)?;
        }
        self.count(locks)?;
        disk::remove(&prepared)
    }

    /// Tells readers that what they are reading may have changed.
    fn count(&self, locks: &mut Locks) -> Result<(), StoreError> {
        locks.0.iter_mut().try_for_each(|(_, lock)| lock.count_commit())
    }

    /// Puts everything into its place. Doing it twice is the same as once.
    fn carry_out(&self, home: Side, journal: &Journal, locks: &mut Locks) -> Result<(), StoreError> {
        for Put { place, blob } in &journal.puts {
            let path = self.at(place);
            let moved = disk::rename(&new_file(&path), &path)?;
            if !moved && read_document(&path)?.is_none_or(|bytes| BlobId::of(&bytes).to_string() != *blob) {
                // Another pair of folders than the one that was written to, or somebody tidied up.
                let reason = format!("the new content of {} is not there any more", path.display());
                return Err(StoreError::Journal { path: Stage::Committed.path(self.folder(home)), reason });
            }
        }
        for place in &journal.deletes {
            disk::remove(&self.at(place))?;
        }
        for place in &journal.deletes {
            self.remove_empty_folders(place)?;
        }
        self.count(locks)?;
        disk::remove(&Stage::Committed.path(self.folder(home)))
    }

    /// Does what is left of the transaction of a dead process. All that it touches should be
    /// locked; if it is not, the caller has to try again.
    pub(super) fn finish(&self, home: Side, locks: &mut Locks) -> Result<Attempt<Settled>, StoreError> {
        let folder = self.folder(home);
        let Some(stage) = Stage::find(folder)? else { return Ok(Attempt::Done(Settled::Clean)) };
        for side in SIDES {
            // A store of a version that is not known is left alone.
            StoreMarker::read(self.folder(side), side)?;
        }
        let path = stage.path(folder);
        let journal = match Journal::read(&path) {
            Ok(journal) => journal.unwrap_or_default(),
            // It was being written when its process died, and nothing else had been.
            Err(StoreError::Journal { .. }) if stage == Stage::Prepared => Journal::default(),
            Err(error) => return Err(error),
        };
        if !journal.sides().is_subset(&locks.sides()) {
            return Ok(Attempt::Held(None));
        }
        tracing::info!(store = %folder.display(), message = journal.message, ?stage, "finishing what a dead process began");
        match stage {
            Stage::Prepared => self.undo(home, &journal, locks)?,
            Stage::Committed => self.carry_out(home, &journal, locks)?,
        }
        Ok(Attempt::Done(Settled::Clean))
    }

    fn at(&self, place: &Place) -> PathBuf {
        self.folder(place.side()).join(place.path())
    }

    fn remove_empty_folders(&self, place: &Place) -> Result<(), StoreError> {
        match self.at(place).parent() {
            Some(folder) => disk::remove_empty_folders(folder, &self.folder(place.side()).join(REFS)),
            None => Ok(()),
        }
    }
}

fn commit_of(conflicts: Vec<Ref>) -> Commit {
    if conflicts.is_empty() { Commit::Done } else { Commit::Conflict(conflicts) }
}
