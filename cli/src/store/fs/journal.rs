//! What makes a change of many files one change.
//!
//! A transaction is prepared, decided and carried out, and a file in the store's folder says how
//! far it has come:
//!
//! 1. `.ocuroot-journal.prepare` lists what will change. Every new file is then written beside the
//!    place where it belongs, and synced. A process that dies here leaves a transaction that never
//!    was: whoever comes next removes the new files.
//! 2. The file becomes `.ocuroot-journal`, in one rename. From here on the transaction has
//!    happened. New files are renamed into place, then old ones are deleted, then empty folders.
//!    If the process dies, whoever comes next does the same again.
//! 3. The journal is removed.
//!
//! While either file is there, readers wait for the writer, or do its work if it is dead.
//!
//! Only two syncs come on top of those of the new files: the journal's content, and the folder
//! after its rename. That is enough because all else are changes of names, and file systems that
//! keep a journal of their own (ext4, XFS, btrfs, APFS, NTFS) bring those to the disk in order:
//! when the removal of our journal is there, so are the renames before it. If power is lost
//! earlier, our journal is still there and the renames are done again.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use ocuroot_core::Marker as Side;
use serde::{Deserialize, Serialize};

use super::super::error::StoreError;
use super::super::layout::{OBJECT, REFS};
use super::super::marker;

/// The journal of a transaction that has happened.
pub(super) const NAME: &str = ".ocuroot-journal";
/// The journal of a transaction that is being prepared.
pub(super) const PREPARE: &str = ".ocuroot-journal.prepare";
/// The name of a new file, in the folder where it belongs.
const NEW: &str = ".ocuroot-new";

/// A file of one of the two stores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    intent: bool,
    /// Relative to the store's folder.
    path: String,
}

impl Place {
    pub(super) fn new(side: Side, path: String) -> Place {
        Place { intent: side == Side::Intent, path }
    }

    pub(super) fn side(&self) -> Side {
        if self.intent { Side::Intent } else { Side::State }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether a transaction may touch it: a document or the marker, inside the store.
    fn is_sound(&self) -> bool {
        let inside = Path::new(&self.path).components().all(|part| matches!(part, Component::Normal(_)));
        let known = self.path.starts_with(REFS) && self.path.ends_with(OBJECT);
        inside && (known || self.path == marker::NAME)
    }
}

/// A new file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Put {
    /// Where it belongs.
    #[serde(flatten)]
    pub(super) place: Place,
    /// The id of its content as a blob, to be sure that what is there is what was meant.
    pub(super) blob: String,
}

/// What a transaction changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// For people who find it.
    pub(super) message: String,
    /// Files that are replaced by new ones.
    pub(super) puts: Vec<Put>,
    /// Files that are removed.
    pub(super) deletes: Vec<Place>,
}

impl Journal {
    /// Reads a journal; none if the file is not there.
    ///
    /// # Errors
    /// When it is no journal, or names files that no transaction touches.
    pub(super) fn read(path: &Path) -> Result<Option<Journal>, StoreError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::read("read", path, error)),
        };
        let wrong = |reason: String| StoreError::Journal { path: path.to_owned(), reason };
        let journal: Journal = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if let Some(place) = journal.places().find(|place| !place.is_sound()) {
            return Err(wrong(format!("{:?} is no document", place.path)));
        }
        Ok(Some(journal))
    }

    pub(super) fn to_text(&self) -> String {
        // Strings and lists always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.puts.iter().map(|put| &put.place).chain(&self.deletes)
    }

    /// The stores that it touches.
    pub(super) fn sides(&self) -> BTreeSet<Side> {
        self.places().map(Place::side).collect()
    }
}

/// Where the new file for `path` waits.
pub(super) fn new_file(path: &Path) -> PathBuf {
    path.with_file_name(NEW)
}

/// How far the transaction has come whose journal was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It never was.
    Prepared,
    /// It has happened.
    Committed,
}

impl Stage {
    pub(super) fn path(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Stage::Prepared => PREPARE,
            Stage::Committed => NAME,
        })
    }

    /// The stage of the transaction in `folder`, if there is one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn find(folder: &Path) -> Result<Option<Stage>, StoreError> {
        // In this order: a journal that is renamed in between is found as well.
        for stage in [Stage::Prepared, Stage::Committed] {
            let path = stage.path(folder);
            match std::fs::symlink_metadata(&path) {
                Ok(_) => return Ok(Some(stage)),
                Err(error) if super::lock::absent(&error) => {}
                Err(error) => return Err(StoreError::read("open", &path, error)),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Journal>, StoreError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        std::fs::write(&path, text).unwrap();
        Journal::read(&path)
    }

    #[test]
    fn what_is_written_reads_back() {
        let journal = Journal {
            message: "release x".into(),
            puts: vec![Put { place: Place::new(Side::State, marker::NAME.into()), blob: "0123".into() }],
            deletes: vec![Place::new(Side::Intent, "refs/@/custom/a b/@object.json".into())],
        };
        assert_eq!(read(&journal.to_text()).unwrap(), Some(journal.clone()));
        assert_eq!(journal.sides(), BTreeSet::from([Side::State, Side::Intent]));
    }

    #[test]
    fn a_journal_cannot_touch_what_is_no_document() {
        for path in
            ["../refs/@object.json", "/refs/@object.json", "README.md", "refs/x", "refs/../@object.json"]
        {
            let text =
                format!(r#"{{"message":"","puts":[],"deletes":[{{"intent":false,"path":"{path}"}}]}}"#);
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains("is no document"), "{path}: {error}");
        }
        assert!(read("").unwrap_err().to_string().contains("keep a copy of the store"));
    }
}
