//! A tree with some files changed: only the folders on the way to them are written anew.

use std::collections::BTreeMap;

use git2::{FileMode, ObjectType, Oid, Repository};

use super::super::steps::step;

/// What files become, by their paths from the tree: these bytes, or nothing.
pub(super) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// Files of one folder, by what is left of their paths.
#[derive(Default)]
struct Folder<'f> {
    files: BTreeMap<&'f str, Option<&'f [u8]>>,
    folders: BTreeMap<&'f str, Folder<'f>>,
}

/// `tree` with `files` changed, and the objects that takes. A folder that is empty then is gone. None when
/// nothing is left.
///
/// # Errors
/// When an object cannot be read or written, or a name may not stand in a tree (`.git`).
pub(super) fn edit(
    repo: &Repository,
    tree: Option<Oid>,
    files: &Files,
) -> Result<(Option<Oid>, Vec<Oid>), git2::Error> {
    let mut root = Folder::default();
    for (path, bytes) in files {
        let mut folder = &mut root;
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        for segment in parents.split('/').filter(|segment| !segment.is_empty()) {
            folder = folder.folders.entry(segment).or_default();
        }
        folder.files.insert(name, bytes.as_deref());
    }
    let mut objects = Vec::new();
    let tree = write(repo, tree, &root, &mut objects)?;
    Ok((tree, objects))
}

fn write(
    repo: &Repository,
    tree: Option<Oid>,
    folder: &Folder<'_>,
    objects: &mut Vec<Oid>,
) -> Result<Option<Oid>, git2::Error> {
    let odb = repo.odb()?;
    let old = tree.map(|tree| repo.find_tree(tree)).transpose()?;
    let mut builder = repo.treebuilder(old.as_ref())?;
    for (name, bytes) in &folder.files {
        match bytes {
            Some(bytes) => {
                step();
                let blob = odb.write(ObjectType::Blob, bytes)?;
                objects.push(blob);
                builder.insert(name, blob, FileMode::Blob.into())?;
            }
            None if builder.get(name)?.is_some() => builder.remove(name)?,
            None => {}
        }
    }
    for (name, below) in &folder.folders {
        let there = builder.get(name)?.filter(|entry| entry.kind() == Some(ObjectType::Tree));
        let subtree = there.map(|entry| entry.id());
        match write(repo, subtree, below, objects)? {
            Some(id) => {
                builder.insert(name, id, FileMode::Tree.into())?;
            }
            None if subtree.is_some() => builder.remove(name)?,
            None => {}
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    step();
    let tree = builder.write()?;
    objects.push(tree);
    Ok(Some(tree))
}
