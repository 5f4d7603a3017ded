//! All documents of two stores at once: those of version 1, which are read whole, upgrades, imports.

use std::path::Path;
use std::sync::Arc;

use ocuroot_core::Marker as Side;
use ocuroot_core::generations::OldFile;
use ocuroot_core::memory::Memory;

use super::super::error::StoreError;
use super::super::layout::{Listing, OBJECT, REFS};
use super::super::marker::{NAME as MARKER, StoreMarker};
use super::super::old::{Everything, Rewrite, Translated};
use super::journal::Place;
use super::read::{in_order, list, read_document};
use super::write::Changes;
use super::{FsStores, SIDES, disk};

impl FsStores {
    /// The folder of a store of version 1 that is state and intent in one, as old tools made them in a
    /// shared place; none once there are stores beside it.
    pub(super) fn old_root(&self) -> Result<Option<&Path>, StoreError> {
        let Some(root) = &self.shared else { return Ok(None) };
        if StoreMarker::read(root, Side::State)?.version() != Some(1) {
            return Ok(None);
        }
        for side in SIDES {
            if StoreMarker::read(self.folder(side), side)? != StoreMarker::Missing {
                return Ok(None);
            }
        }
        Ok(Some(root))
    }

    /// The folder of a store of version 1, if one of the two is that.
    pub(super) fn old_folder(&self) -> Result<Option<&Path>, StoreError> {
        for side in SIDES {
            if StoreMarker::read(self.folder(side), side)?.version() == Some(1) {
                return Ok(Some(self.folder(side)));
            }
        }
        self.old_root()
    }

    /// Stores of version 1 in today's terms; none if they are of a later one. They are read once: an
    /// upgrade shows in the markers, and nothing else is written to such a store.
    pub(super) fn translated(&self) -> Result<Option<Arc<Translated>>, StoreError> {
        if !self.was_old || self.old_folder()?.is_none() {
            return Ok(None);
        }
        if let Some(translated) = self.translated.get() {
            return Ok(Some(Arc::clone(translated)));
        }
        let translated = Arc::new(Translated::new(self.read_all()?.files));
        Ok(Some(Arc::clone(self.translated.get_or_init(|| translated))))
    }

    /// Every document of both stores, those of version 1 in today's terms.
    ///
    /// # Errors
    /// When something cannot be read.
    pub(in super::super) fn everything(&self) -> Result<Memory, StoreError> {
        let (all, _) = self.at_one_moment(None, || self.read_all())?;
        Ok(all.into_memory())
    }

    fn read_all(&self) -> Result<Everything, StoreError> {
        let version = |side| Ok::<_, StoreError>(StoreMarker::read(self.folder(side), side)?.version());
        let mut all = Everything {
            files: Vec::new(),
            state: version(Side::State)?,
            intent: version(Side::Intent)?,
            old: self.old_folder()?.map(Path::to_owned),
            moves: false,
        };
        if let Some(root) = self.old_root()? {
            (all.state, all.intent, all.moves) = (Some(1), Some(1), true);
            read_below(root, Side::State, &mut all.files)?;
            return Ok(all);
        }
        for side in SIDES {
            read_below(self.folder(side), side, &mut all.files)?;
        }
        Ok(all)
    }

    /// Decides on all documents, and carries that out unless this is only to see what would be done.
    ///
    /// # Errors
    /// Those of the decision; when something cannot be written: then nothing was.
    pub(in super::super) fn rewrite<T>(
        &self,
        dryrun: bool,
        decide: impl Fn(&Everything) -> Result<(Rewrite, T), StoreError>,
    ) -> Result<T, StoreError> {
        let (all, _) = self.at_one_moment(None, || self.read_all())?;
        let (rewrite, value) = decide(&all)?;
        if !dryrun {
            // Left by an upgrade that did not come to its end.
            self.remove_old_root()?;
        }
        if dryrun || rewrite.is_empty() {
            return Ok(value);
        }
        let mut locks = self.lock(&SIDES.into())?;
        // Others may have written until now.
        let all = self.read_all()?;
        let (rewrite, value) = decide(&all)?;
        let mut sides = rewrite.markers.clone();
        sides.extend(rewrite.puts.keys().map(|(side, _)| *side));
        let mut changes = Changes::default();
        for side in sides {
            if let Some(text) = StoreMarker::read(self.folder(side), side)?.upgraded(side) {
                changes.puts.push((Place::new(side, MARKER.to_owned()), text.into_bytes()));
            }
        }
        for ((side, path), bytes) in rewrite.puts {
            changes.puts.push((place(side, &path), bytes));
        }
        if !all.moves {
            changes.deletes.extend(rewrite.deletes.iter().map(|(side, path)| place(*side, path)));
        }
        self.write(&rewrite.message, changes, &mut locks)?;
        self.remove_old_root()?;
        Ok(value)
    }

    /// Removes the documents of a store of version 1 from a shared place whose stores are newer. They
    /// lie outside of both, so no journal covers them; but nobody reads them any more.
    fn remove_old_root(&self) -> Result<(), StoreError> {
        let Some(root) = &self.shared else { return Ok(()) };
        let outdated = StoreMarker::read(root, Side::State)?.version() == Some(1);
        if !outdated || self.old_root()?.is_some() {
            return Ok(());
        }
        let refs = root.join(REFS);
        let listings = all_below(&refs)?;
        for listing in listings.iter().filter(|listing| listing.document) {
            disk::remove(&refs.join(&listing.path).join(OBJECT))?;
        }
        for listing in &listings {
            disk::remove_empty_folders(&refs.join(&listing.path), root)?;
        }
        disk::remove(&root.join(MARKER))
    }
}

fn place(side: Side, path: &str) -> Place {
    let slash = if path.is_empty() { "" } else { "/" };
    Place::new(side, format!("{REFS}/{path}{slash}{OBJECT}"))
}

/// Lists every folder in `refs/`, whatever its path is.
pub(super) fn all_below(refs: &Path) -> Result<Vec<Listing>, StoreError> {
    let mut listings = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(path) = pending.pop() {
        let listing = list(refs, path)?;
        pending.extend(listing.folders.iter().map(|name| listing.child(name)));
        listings.push(listing);
    }
    Ok(listings)
}

/// Reads every document of the store in a folder.
fn read_below(folder: &Path, side: Side, files: &mut Vec<OldFile>) -> Result<(), StoreError> {
    let refs = folder.join(REFS);
    let listings = all_below(&refs)?.into_iter().filter(|listing| listing.document);
    let paths: Vec<String> = listings.map(|listing| listing.path).collect();
    let read = in_order(&paths, |path| read_document(&refs.join(path).join(OBJECT)))?;
    let found = paths.into_iter().zip(read);
    files.extend(found.filter_map(|(path, bytes)| Some(OldFile { side, path, bytes: bytes? })));
    Ok(())
}
