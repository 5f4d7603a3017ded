//! Listing folders and reading documents, in one batch.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocuroot_core::glob::Glob;
use ocuroot_core::snapshot::{Folder, Needs, Snapshot};
use ocuroot_core::{Marker as Side, Ref};

use super::super::error::StoreError;
use super::super::layout::{Listing, OBJECT, REFS, document_path, inside};
use super::Roots;
use super::lock::absent;

/// What was asked for, as it was found. Nothing of it is in a snapshot yet, so that it can be
/// thrown away if it turns out that somebody wrote meanwhile.
#[derive(Default)]
pub(super) struct Batch {
    folders: Vec<(Side, Vec<Listing>)>,
    bodies: Vec<(Ref, Option<Vec<u8>>)>,
}

impl Batch {
    /// Reads what is needed.
    ///
    /// # Errors
    /// When something is there and cannot be read.
    pub(super) fn read(roots: &Roots, needs: &Needs) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        for Folder { side, path, below } in &needs.folders {
            let refs = roots.folder(*side).join(REFS);
            batch.folders.push((*side, walk(&refs, path, below.as_ref())?));
        }
        let bodies: Vec<&Ref> = needs.bodies.iter().collect();
        let read = in_order(&bodies, |reference| {
            let Some((side, path)) = document_path(reference) else { return Ok(None) };
            read_document(&roots.folder(side).join(path))
        })?;
        batch.bodies = needs.bodies.iter().cloned().zip(read).collect();
        Ok(batch)
    }

    /// Tells the snapshot.
    pub(super) fn record(self, snapshot: &mut Snapshot) {
        for (side, listings) in self.folders {
            for listing in listings {
                listing.record(side, snapshot);
            }
        }
        for (reference, bytes) in self.bodies {
            snapshot.load(&reference, bytes.as_deref());
        }
    }
}

/// The bytes of a document; none if it is not there.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn read_document(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(StoreError::read("read", path, error)),
    }
}

/// Below this many, threads cost more than they bring.
const WORTH_THREADS: usize = 32;

/// Calls `read` for every item, on as many threads as there are cores, and returns what it
/// returned in the order of the items.
pub(super) fn in_order<I: Sync, T: Send>(
    items: &[I],
    read: impl Fn(&I) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    if items.len() < WORTH_THREADS {
        return items.iter().map(read).collect();
    }
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    mine.push((index, read(item)));
                }
                done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&mut mine);
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Lists a folder, and with `below` all those under it that could hold a match.
fn walk(refs: &Path, path: &str, below: Option<&Glob>) -> Result<Vec<Listing>, StoreError> {
    let Some(start) = inside(path) else { return Ok(vec![Listing::empty(path.to_owned())]) };
    let Some(glob) = below else {
        return Ok(vec![list(refs, start)?]);
    };
    // From the top down until there are enough subtrees for all threads, then one subtree each.
    let mut listings = Vec::new();
    let mut level = vec![(glob.descend(&start), start)];
    while !level.is_empty() && level.len() < WORTH_THREADS {
        let mut next = Vec::new();
        for (descent, path) in level {
            let listing = list(refs, path)?;
            next.extend(listing.matching(&descent));
            listings.push(listing);
        }
        level = next;
    }
    let subtrees = in_order(&level, |top| {
        let mut listings = Vec::new();
        let mut pending = vec![top.clone()];
        while let Some((descent, path)) = pending.pop() {
            let listing = list(refs, path)?;
            pending.extend(listing.matching(&descent));
            listings.push(listing);
        }
        Ok(listings)
    })?;
    listings.extend(subtrees.into_iter().flatten());
    Ok(listings)
}

/// Lists one folder. What is neither a folder nor a document belongs to people and is not seen.
pub(super) fn list(refs: &Path, path: String) -> Result<Listing, StoreError> {
    let folder: PathBuf = if path.is_empty() { refs.to_owned() } else { refs.join(&path) };
    let mut listing = Listing::empty(path);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if absent(&error) => return Ok(listing),
        Err(error) => return Err(StoreError::read("list", &folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::read("list", &folder, error))?;
        // A name that is no text cannot be a part of a ref.
        let Ok(name) = entry.file_name().into_string() else { continue };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => listing.folders.push(name),
            Ok(kind) if kind.is_file() && name == OBJECT => listing.document = true,
            Ok(_) => {}
            // Gone since it was listed.
            Err(error) if absent(&error) => {}
            Err(error) => return Err(StoreError::read("open", &entry.path(), error)),
        }
    }
    Ok(listing)
}
