//! What is listed of a folder and those below it, and told to a snapshot.

use super::branch::Branch;
use super::forest::{DEEPEST, Forest};
use super::id::Id;
use crate::envelope::BlobId;
use crate::glob::Descent;
use crate::order::Order as _;
use crate::snapshot::FolderMut;

/// The file that holds a document.
pub(super) const OBJECT: &str = "@object.json";
/// The most folders that are opened for one need. No store comes near; ids that a broken host made up
/// could lead in circles.
const MOST: usize = 3_000_000;

/// A walk down from a folder, as far as a pattern can match.
pub(super) struct Walk<'f> {
    pub(super) forest: &'f Forest,
    /// Folders that are to be listed first: path and id.
    pub(super) missing: Vec<(String, Id)>,
    opened: usize,
    path: String,
}

impl<'f> Walk<'f> {
    pub(super) fn new(forest: &'f Forest, path: &str) -> Walk<'f> {
        Walk { forest, missing: Vec::new(), opened: 0, path: path.to_owned() }
    }

    pub(super) fn down(&mut self, id: &Id, descent: Option<&Descent<'_>>, depth: usize) {
        self.opened += 1;
        if self.opened > MOST || depth > DEEPEST {
            return;
        }
        let Some(items) = self.forest.get(id) else {
            self.missing.push((self.path.clone(), *id));
            return;
        };
        let Some(descent) = descent else { return };
        for item in items.iter().filter(|item| item.folder) {
            let name = self.forest.name_of(item);
            let below = descent.enter(name);
            if below.may_match_below() {
                let length = self.path.len();
                self.path.push('/');
                self.path.push_str(name);
                self.down(&item.id, Some(&below), depth + 1);
                self.path.truncate(length);
            }
        }
    }
}

/// Tells a snapshot what is known of a folder and those below it, as far as a pattern can match; with
/// `ids` also those of the documents. None at a store's root: of those that belong to no package.
pub(super) fn project(
    forest: &Forest,
    id: &Id,
    into: &mut FolderMut<'_>,
    descent: Option<&Descent<'_>>,
    ids: Option<bool>,
    opened: &mut usize,
    depth: usize,
) {
    *opened += 1;
    let Some(items) = forest.get(id).filter(|_| *opened <= MOST && depth <= DEEPEST) else { return };
    let document = forest.child(items, OBJECT).filter(|item| !item.folder);
    into.list(document.is_some(), items.iter().filter(|item| item.folder).map(|item| forest.name_of(item)));
    if ids == Some(true)
        && let Some(id) = document.and_then(|document| document.id.as_bytes().try_into().ok())
    {
        into.identify(BlobId(id));
    }
    let Some(descent) = descent else { return };
    for item in items.iter().filter(|item| item.folder) {
        let name = forest.name_of(item);
        let below = descent.enter(name);
        if below.may_match_below()
            && let Some(mut child) = into.enter(name)
        {
            let ids = ids.or(Some(name.starts_with('@')));
            project(forest, &item.id, &mut child, Some(&below), ids, opened, depth + 1);
        }
    }
}

/// Calls `found` with the path of every file below a folder that is not the same in both; what is not
/// listed is passed over.
pub(super) fn differences(
    forest: &Forest,
    old: Option<Id>,
    new: Option<Id>,
    path: &mut String,
    found: &mut dyn FnMut(&str),
    depth: usize,
) {
    if old == new || depth > DEEPEST {
        return;
    }
    let items = |id: Option<Id>| match id {
        None => Some(&[][..]),
        Some(id) => forest.get(&id),
    };
    let (Some(before), Some(after)) = (items(old), items(new)) else { return };
    let mut names: Vec<&str> = before.iter().chain(after).map(|item| forest.name_of(item)).collect();
    names.order();
    names.dedup();
    for name in names {
        let (one, two) = (forest.child(before, name), forest.child(after, name));
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        let part = |folder: bool| {
            let id = |item: Option<super::forest::Item>| {
                item.filter(|item| item.folder == folder).map(|item| item.id)
            };
            (id(one), id(two))
        };
        let (old, new) = part(false);
        if old != new {
            found(path);
        }
        let (old, new) = part(true);
        differences(forest, old, new, path, found, depth + 1);
        path.truncate(length);
    }
}

/// How much is below a path of a branch as it was; none when that is not known whole.
pub(super) fn size_then(forest: &Forest, old: Option<&Branch>, path: &str, most: usize) -> Option<usize> {
    match old?.look(forest, path) {
        super::branch::Look::Folder(id) => {
            let (count, whole) = forest.count(&id, most);
            (whole || count > most).then_some(count)
        }
        _ => None,
    }
}
