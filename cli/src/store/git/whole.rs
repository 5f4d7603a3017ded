//! All documents of two stores at once: those of version 1, which are read whole, upgrades, imports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Oid;
use ocuroot_core::Marker as Side;
use ocuroot_core::generations::OldFile;
use ocuroot_core::memory::Memory;
use ocuroot_core::summary;

use super::super::error::StoreError;
use super::super::layout::{OBJECT, REFS};
use super::super::marker::{NAME as MARKER, StoreMarker};
use super::super::old::{Everything, Rewrite, Translated};
use super::commit::Change;
use super::edit::Files;
use super::objects::{self, Entry, Paths, at_path};
use super::{GitStores, SIDES, View};

impl GitStores {
    /// The tree of a branch that is state and intent in one, in version 1, as old tools made them in a
    /// shared place; none once there are stores beside it.
    pub(super) fn old_root(
        &self,
        tip: Option<Oid>,
        sides: [&StoreMarker; 2],
    ) -> Result<Option<Oid>, StoreError> {
        if self.state.prefix.is_empty() || sides != [&StoreMarker::Missing, &StoreMarker::Missing] {
            return Ok(None);
        }
        let Some(tree) = self.tree(Side::State, tip)? else { return Ok(None) };
        let clone = self.clone_of(Side::State)?;
        let Some(Entry::Blob(marker)) = clone.with(|_, odb| at_path(odb, tree, MARKER))? else {
            return Ok(None);
        };
        let marker =
            StoreMarker::parse(&self.marker_bytes(clone, marker)?, Path::new(&clone.shown()), Side::State)?;
        Ok((marker.version() == Some(1)).then_some(tree))
    }

    /// Where a store of version 1 lies, if one of the two is that.
    pub(super) fn old_place(&self, view: &View) -> Result<Option<PathBuf>, StoreError> {
        for side in SIDES {
            if view.side(side).marker.version() == Some(1) || view.old_root.is_some() {
                return Ok(Some(PathBuf::from(self.clone_of(side)?.shown())));
            }
        }
        Ok(None)
    }

    /// Stores of version 1 in today's terms; none if they are of a later one.
    pub(super) fn translated(&self, view: &View) -> Result<Option<Arc<Translated>>, StoreError> {
        if self.old_place(view)?.is_none() {
            return Ok(None);
        }
        if let Some((tips, translated)) = &*self.translated.borrow()
            && *tips == view.tips
        {
            return Ok(Some(Arc::clone(translated)));
        }
        let translated = Arc::new(Translated::new(self.read_all(view)?.files));
        *self.translated.borrow_mut() = Some((view.tips.clone(), Arc::clone(&translated)));
        Ok(Some(translated))
    }

    /// Every document of both stores, those of version 1 in today's terms.
    ///
    /// # Errors
    /// When something cannot be read.
    pub(in super::super) fn everything(&self) -> Result<Memory, StoreError> {
        Ok(self.at_tips(|view| self.read_all(view))?.into_memory())
    }

    fn read_all(&self, view: &View) -> Result<Everything, StoreError> {
        let mut all = Everything {
            files: Vec::new(),
            state: view.state.marker.version(),
            intent: view.intent.marker.version(),
            old: self.old_place(view)?,
            moves: view.old_root.is_some(),
        };
        if let Some(root) = view.old_root {
            (all.state, all.intent) = (Some(1), Some(1));
            self.read_below(Some(root), Side::State, &mut all.files)?;
            return Ok(all);
        }
        for side in SIDES {
            self.read_below(view.side(side).root, side, &mut all.files)?;
        }
        Ok(all)
    }

    fn read_below(&self, root: Option<Oid>, side: Side, files: &mut Vec<OldFile>) -> Result<(), StoreError> {
        let clone = self.clone_of(side)?;
        let found = clone.with(|_, odb| {
            let mut found = Vec::new();
            objects::documents(odb, root, &mut |path, blob| found.push((path.to_owned(), blob)))?;
            Ok(found)
        })?;
        clone.fetch_blobs(&found.iter().map(|(_, blob)| *blob).collect::<Vec<_>>())?;
        files.extend(clone.with(|_, odb| {
            let file = |(path, blob): &(String, Oid)| {
                Ok(OldFile { side, path: path.clone(), bytes: odb.read(*blob)?.data().to_vec() })
            };
            found.iter().map(file).collect::<Result<Vec<_>, git2::Error>>()
        })?);
        Ok(())
    }

    /// Decides on all documents, and carries that out unless this is only to see what would be done.
    ///
    /// # Errors
    /// Those of the decision; when something cannot be pushed: then nothing was.
    pub(in super::super) fn rewrite<T>(
        &self,
        dryrun: bool,
        decide: impl Fn(&Everything) -> Result<(Rewrite, T), StoreError>,
    ) -> Result<T, StoreError> {
        self.write_files(|stores, view| {
            let all = stores.read_all(view)?;
            let (rewrite, value) = decide(&all)?;
            if dryrun || rewrite.is_empty() {
                return Ok(Change { message: String::new(), files: BTreeMap::new(), value });
            }
            let files = stores.rewritten(view, &all, &rewrite)?;
            Ok(Change { message: rewrite.message, files, value })
        })
    }

    /// The files of each side that a rewrite changes, with the summaries of all packages.
    fn rewritten(
        &self,
        view: &View,
        all: &Everything,
        rewrite: &Rewrite,
    ) -> Result<BTreeMap<Side, Files>, StoreError> {
        let mut files: BTreeMap<Side, Files> = BTreeMap::new();
        let mut after: BTreeMap<(Side, &str), &[u8]> = BTreeMap::new();
        for file in &all.files {
            let gone = all.moves || rewrite.deletes.contains(&(file.side, file.path.clone()));
            if !gone {
                after.insert((file.side, &file.path), &file.bytes);
            }
        }
        if all.moves {
            let at_root = all.files.iter().map(|file| document(&file.path));
            let state = files.entry(Side::State).or_default();
            state.extend(at_root.chain([MARKER.to_owned()]).map(|path| (path, None)));
        } else {
            for (side, path) in &rewrite.deletes {
                let path = format!("{}{}", self.place(*side).prefix, document(path));
                files.entry(*side).or_default().insert(path, None);
            }
        }
        for ((side, path), bytes) in &rewrite.puts {
            after.insert((*side, path), bytes);
            let path = format!("{}{}", self.place(*side).prefix, document(path));
            files.entry(*side).or_default().insert(path, Some(bytes.clone()));
        }
        let written = rewrite.puts.keys().map(|(side, _)| *side);
        for side in rewrite.markers.iter().copied().chain(written).collect::<std::collections::BTreeSet<_>>()
        {
            if let Some(text) = view.side(side).marker.upgraded(side) {
                let path = format!("{}{MARKER}", self.place(side).prefix);
                files.entry(side).or_default().insert(path, Some(text.into_bytes()));
            }
        }
        if let Some(state) = files.get_mut(&Side::State) {
            let mut memory = Memory::default();
            after.iter().for_each(|((side, path), bytes)| memory.put_path(*side, path, bytes));
            let summaries = self.all_summaries(view, state, &memory)?;
            state.extend(summaries);
        }
        Ok(files)
    }

    /// The summaries of a store with these documents, once `files` of state's branch have been changed.
    fn all_summaries(&self, view: &View, files: &Files, after: &Memory) -> Result<Files, StoreError> {
        let snapshot = after.snapshot();
        // Not to be kept: it is written again, with its summaries.
        let old = self.tree(Side::State, view.tip(&self.state))?;
        let tree = self.edited(Side::State, old, files, &mut Vec::new())?;
        let clone = self.clone_of(Side::State)?;
        let prefix = self.state.prefix;
        let mut summaries = Files::new();
        // Everything is loaded, so nothing is needed.
        for package in summary::packages(&snapshot).unwrap_or_default() {
            let folder =
                clone.with(|_, odb| Paths::new(odb, tree).folder(&format!("{prefix}{REFS}/{package}")))?;
            let id = folder.map(|folder| folder.to_string()).unwrap_or_default();
            let made = summary::of_package(&snapshot, &package, &id).ok().flatten();
            let path = format!("{prefix}{}", summary::path(&package));
            summaries.extend(made.map(|made| (path, Some(made.to_text().into_bytes()))));
        }
        Ok(summaries)
    }
}

/// The file of a document, by its path below `refs/`.
fn document(path: &str) -> String {
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{REFS}/{path}{slash}{OBJECT}")
}
