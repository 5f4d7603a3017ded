//! Reading a store off git's objects: a tree is a folder, a blob is a document.
//!
//! Trees are read as they lie in the object database, which is many times faster than through
//! objects of their own, since listing a large store reads a hundred thousand of them.

use std::collections::HashMap;

use git2::{Odb, Oid};
use ocuroot_core::glob::Descent;
use ocuroot_core::snapshot::{Folder, FolderMut, Snapshot};

use super::super::layout::{OBJECT, REFS, inside};

/// What a name in a tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Tree(Oid),
    Blob(Oid),
}

/// Calls `found` with each entry of a tree, given as it lies in the object database. Links to other
/// repos are left out.
///
/// # Errors
/// When these bytes are no tree.
pub(super) fn entries<'d>(
    mut data: &'d [u8],
    mut found: impl FnMut(&'d [u8], Entry),
) -> Result<(), git2::Error> {
    let broken = || git2::Error::from_str("a tree that cannot be read");
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let (mode, rest) = data.split_at(space);
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(broken)?;
        let name = rest.get(1..end).ok_or_else(broken)?;
        let id = rest.get(end + 1..end + 21).ok_or_else(broken)?;
        let id = Oid::from_bytes(id)?;
        match mode {
            b"40000" => found(name, Entry::Tree(id)),
            b"160000" => {}
            _ => found(name, Entry::Blob(id)),
        }
        data = rest.get(end + 21..).ok_or_else(broken)?;
    }
    Ok(())
}

/// The entry called `name` of a tree.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn entry(odb: &Odb<'_>, tree: Oid, name: &str) -> Result<Option<Entry>, git2::Error> {
    let object = odb.read(tree)?;
    let mut here = None;
    entries(object.data(), |other, entry| {
        if other == name.as_bytes() {
            here = Some(entry);
        }
    })?;
    Ok(here)
}

/// What lies at a path below a tree.
///
/// # Errors
/// When a tree on the way cannot be read.
pub(super) fn at_path(odb: &Odb<'_>, root: Oid, path: &str) -> Result<Option<Entry>, git2::Error> {
    let mut here = Entry::Tree(root);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let Entry::Tree(tree) = here else { return Ok(None) };
        match entry(odb, tree, segment)? {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// Looks paths up below one tree, and remembers the folders that it has been through.
pub(super) struct Paths<'r> {
    odb: &'r Odb<'r>,
    folders: HashMap<String, Option<Oid>>,
}

impl<'r> Paths<'r> {
    /// Below `root`; none is a store that holds nothing.
    pub(super) fn new(odb: &'r Odb<'r>, root: Option<Oid>) -> Paths<'r> {
        Paths { odb, folders: HashMap::from([(String::new(), root)]) }
    }

    /// The tree at `path`.
    ///
    /// # Errors
    /// When a tree on the way cannot be read.
    pub(super) fn folder(&mut self, path: &str) -> Result<Option<Oid>, git2::Error> {
        if let Some(known) = self.folders.get(path) {
            return Ok(*known);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let found = match self.folder(parent)? {
            None => None,
            Some(tree) => match entry(self.odb, tree, name)? {
                Some(Entry::Tree(id)) => Some(id),
                _ => None,
            },
        };
        self.folders.insert(path.to_owned(), found);
        Ok(found)
    }

    /// The blob at `path`.
    ///
    /// # Errors
    /// When a tree on the way cannot be read.
    pub(super) fn blob(&mut self, path: &str) -> Result<Option<Oid>, git2::Error> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(tree) = self.folder(parent)? else { return Ok(None) };
        Ok(match entry(self.odb, tree, name)? {
            Some(Entry::Blob(id)) => Some(id),
            _ => None,
        })
    }
}

/// Lists the folder at `path` below `refs/` into a snapshot, and with `below` all those under it that
/// could hold a match. `root` is the store's tree.
///
/// # Errors
/// When a tree cannot be read.
pub(super) fn list(
    odb: &Odb<'_>,
    root: Option<Oid>,
    folder: &Folder,
    snapshot: &mut Snapshot,
) -> Result<(), git2::Error> {
    let Some(start) = inside(&folder.path) else {
        snapshot.list(folder.side, &folder.path, false, []);
        return Ok(());
    };
    let tree = match root {
        None => None,
        Some(root) => at_path(odb, root, &format!("{REFS}/{start}"))?,
    };
    let Some(Entry::Tree(tree)) = tree else {
        snapshot.list(folder.side, &start, false, []);
        return Ok(());
    };
    let descent = folder.below.as_ref().map(|glob| glob.descend(&start));
    down(odb, tree, &mut snapshot.folder(folder.side, &start), descent.as_ref())
}

fn down(
    odb: &Odb<'_>,
    tree: Oid,
    folder: &mut FolderMut<'_>,
    descent: Option<&Descent<'_>>,
) -> Result<(), git2::Error> {
    let object = odb.read(tree)?;
    let mut document = false;
    let mut names = Vec::new();
    let mut trees = Vec::new();
    entries(object.data(), |name, entry| match entry {
        Entry::Blob(_) => document |= name == OBJECT.as_bytes(),
        Entry::Tree(id) => {
            // A name that is no text cannot be a part of a ref.
            if let Ok(name) = std::str::from_utf8(name) {
                names.push(name);
                trees.push(id);
            }
        }
    })?;
    folder.list(document, names.iter().copied());
    let Some(descent) = descent else { return Ok(()) };
    for (name, tree) in names.into_iter().zip(trees) {
        let below = descent.enter(name);
        if below.may_match_below()
            && let Some(mut folder) = folder.enter(name)
        {
            down(odb, tree, &mut folder, Some(&below))?;
        }
    }
    Ok(())
}

/// Calls `found` with the path below `refs/` and the blob of every document.
///
/// # Errors
/// When a tree cannot be read.
pub(super) fn documents(
    odb: &Odb<'_>,
    root: Option<Oid>,
    found: &mut impl FnMut(&str, Oid),
) -> Result<(), git2::Error> {
    let refs = match root {
        None => None,
        Some(root) => at_path(odb, root, REFS)?,
    };
    let Some(Entry::Tree(refs)) = refs else { return Ok(()) };
    let mut pending = vec![(refs, String::new())];
    while let Some((tree, path)) = pending.pop() {
        let object = odb.read(tree)?;
        entries(object.data(), |name, entry| match entry {
            Entry::Blob(id) if name == OBJECT.as_bytes() => found(&path, id),
            Entry::Blob(_) => {}
            Entry::Tree(id) => {
                if let Ok(name) = std::str::from_utf8(name) {
                    let slash = if path.is_empty() { "" } else { "/" };
                    pending.push((id, format!("{path}{slash}{name}")));
                }
            }
        })?;
    }
    Ok(())
}
