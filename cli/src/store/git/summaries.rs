//! Summaries of packages, written in the very commit that changes what they tell of.
//!
//! What they say is decided in core ([`ocuroot_core::summary`]). They are one small file a package,
//! `.ocuroot/summary/<package>.json`, and nothing that decides ever reads one.

use std::collections::BTreeMap;

use git2::Oid;
use ocuroot_core::Marker as Side;
use ocuroot_core::Ref;
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::{self, Mend, Trees};
use ocuroot_core::transaction::Transaction;

use super::super::error::StoreError;
use super::super::layout::REFS;
use super::commit::Change;
use super::edit::Files;
use super::objects::{Entry, Paths, at_path, entries};
use super::{GitStores, View};

impl GitStores {
    /// The summaries that a transaction changes; `tree` is that of state's branch with the documents
    /// written, and `snapshot` what is known of the stores before.
    pub(super) fn summaries(
        &self,
        view: &View,
        transaction: &Transaction,
        tree: Option<Oid>,
        snapshot: &Snapshot,
    ) -> Result<Files, StoreError> {
        let packages: Vec<Ref> = summary::touched(transaction).into_iter().collect();
        let prefix = self.state.prefix;
        let clone = self.clone_of(Side::State)?;
        let old = view.state.root;
        let found = clone.with(|_, odb| {
            let new = match tree.map(|tree| at_path(odb, tree, prefix)).transpose()? {
                Some(Some(Entry::Tree(root))) => Some(root),
                _ => None,
            };
            let (mut before, mut after) = (Paths::new(odb, old), Paths::new(odb, new));
            let id = |tree: Option<Oid>| tree.map(|tree| tree.to_string()).unwrap_or_default();
            packages
                .iter()
                .map(|package| {
                    let folder = format!("{REFS}/{package}");
                    let trees = (id(before.folder(&folder)?), id(after.folder(&folder)?));
                    Ok((trees, before.blob(&summary::path(package))?))
                })
                .collect::<Result<Vec<_>, git2::Error>>()
        })?;
        clone.fetch_blobs(&found.iter().filter_map(|(_, stored)| *stored).collect::<Vec<_>>())?;
        let mut snapshot = snapshot.clone();
        let mut files = Files::new();
        let mut open: Vec<_> = packages.iter().zip(found).filter(|(_, ((a, b), _))| a != b).collect();
        // All packages at once, so that what one of them lacks is loaded with what the others do.
        while !open.is_empty() {
            let mut needs = Needs::default();
            let mut left = Vec::new();
            for (package, ((before, after), stored)) in open {
                let bytes = match stored {
                    Some(stored) => Some(clone.with(|_, odb| Ok(odb.read(stored)?.data().to_vec()))?),
                    None => None,
                };
                let trees = Trees { before: &before, after: &after };
                match summary::update(bytes.as_deref(), &snapshot, transaction, package, trees) {
                    Ok(summary) => {
                        let text = summary.map(|summary| summary.to_text().into_bytes());
                        files.insert(format!("{prefix}{}", summary::path(package)), text);
                    }
                    Err(more) => {
                        needs.merge(more);
                        left.push((package, ((before, after), stored)));
                    }
                }
            }
            open = left;
            if !open.is_empty() {
                self.load(&needs, &mut snapshot)?;
            }
        }
        Ok(files)
    }

    /// What is wrong with the summaries that lie in the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in super::super) fn check_summaries(&self, snapshot: &mut Snapshot) -> Result<Vec<Mend>, StoreError> {
        let (stored, trees) = self.at_tips(|view| {
            if self.old_place(view)?.is_some() {
                return Ok((BTreeMap::new(), None));
            }
            let root = view.state.root;
            let clone = self.clone_of(Side::State)?;
            let blobs = clone.with(|_, odb| {
                let mut blobs = Vec::new();
                let folder = Paths::new(odb, root).folder(summary::FOLDER)?;
                if let Some(folder) = folder {
                    entries(odb.read(folder)?.data(), |name, entry| {
                        if let (Ok(name), Entry::Blob(blob)) = (std::str::from_utf8(name), entry) {
                            blobs.push((format!("{}/{name}", summary::FOLDER), blob));
                        }
                    })?;
                }
                Ok(blobs)
            })?;
            clone.fetch_blobs(&blobs.iter().map(|(_, blob)| *blob).collect::<Vec<_>>())?;
            let stored: BTreeMap<String, Vec<u8>> = clone.with(|_, odb| {
                blobs
                    .iter()
                    .map(|(path, blob)| Ok((path.clone(), odb.read(*blob)?.data().to_vec())))
                    .collect()
            })?;
            Ok((stored, root))
        })?;
        if trees.is_none() {
            return Ok(Vec::new());
        }
        let tree = |package: &Ref| {
            let found = self.clone_of(Side::State).and_then(|clone| {
                clone.with(|_, odb| Paths::new(odb, trees).folder(&format!("{REFS}/{package}")))
            });
            found.ok().flatten().map(|tree| tree.to_string()).unwrap_or_default()
        };
        loop {
            match summary::check(snapshot, &stored, tree) {
                Ok(mends) => return Ok(mends),
                Err(needs) => self.load(&needs, snapshot).map(|_| ())?,
            }
        }
    }

    /// Puts those summaries right of which `which` says so.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in super::super) fn mend_summaries(&self, which: impl Fn(&Mend) -> bool) -> Result<(), StoreError> {
        self.write_files(|stores, _| {
            let mends = stores.check_summaries(&mut Snapshot::default())?;
            let prefix = stores.state.prefix;
            let file = |mend: Mend| (format!("{prefix}{}", mend.path), mend.text.map(String::into_bytes));
            let files: Files = mends.into_iter().filter(|mend| which(mend)).map(file).collect();
            Ok(Change {
                message: "write summaries anew".to_owned(),
                files: BTreeMap::from([(Side::State, files)]),
                value: (),
            })
        })
    }
}
