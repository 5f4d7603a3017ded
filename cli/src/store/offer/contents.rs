//! The files of a folder and git's ids of them, and of every folder in it.
//!
//! Git's id of a folder is a hash over the names and ids of its entries, so it changes exactly where
//! something below changes. A viewer that knows a folder by its id need not list it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use ocuroot_core::envelope::BlobId;
use sha1::{Digest, Sha1};

use super::{Entry, Kind};

/// Files by their paths, with their ids.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Contents {
    files: BTreeMap<String, BlobId>,
    /// Folders by their paths; the root's is empty.
    folders: BTreeMap<String, BlobId>,
    /// A path for each id of a file, and of a folder. Where one stands at several, either will do.
    file_of: HashMap<BlobId, String>,
    folder_of: HashMap<BlobId, String>,
}

impl Contents {
    /// These files.
    pub(in super::super) fn new(files: impl IntoIterator<Item = (String, BlobId)>) -> Contents {
        let mut contents = Contents::default();
        contents.change(files.into_iter().map(|(path, id)| (path, Some(id))));
        contents
    }

    /// Puts files there, or takes them away.
    pub(in super::super) fn change(&mut self, changes: impl IntoIterator<Item = (String, Option<BlobId>)>) {
        // The root is there even if nothing else is.
        let mut touched = BTreeSet::from([(0, String::new())]);
        for (path, id) in changes {
            let mut folder = path.as_str();
            while let Some((parent, _)) = folder.rsplit_once('/') {
                if !touched.insert((parent.split('/').count(), parent.to_owned())) {
                    break;
                }
                folder = parent;
            }
            match id {
                Some(id) => self.files.insert(path, id),
                None => self.files.remove(&path),
            };
        }
        // From the deepest up, since the id of a folder is made of those of its entries.
        for (_, folder) in touched.into_iter().rev() {
            let entries = self.entries(&folder);
            match entries.is_empty() && !folder.is_empty() {
                true => self.folders.remove(&folder),
                false => self.folders.insert(folder, tree_id(entries)),
            };
        }
        self.file_of = self.files.iter().map(|(path, id)| (*id, path.clone())).collect();
        self.folder_of = self.folders.iter().map(|(path, id)| (*id, path.clone())).collect();
    }

    /// The id of the root.
    pub(in super::super) fn root(&self) -> BlobId {
        self.folder("").unwrap_or_else(|| tree_id(Vec::new()))
    }

    /// The id of the folder at `path`.
    pub(in super::super) fn folder(&self, path: &str) -> Option<BlobId> {
        self.folders.get(path).copied()
    }

    /// The id of the file at `path`.
    pub(in super::super) fn file(&self, path: &str) -> Option<BlobId> {
        self.files.get(path).copied()
    }

    /// Where a file with this id lies.
    pub(in super::super) fn file_of(&self, id: BlobId) -> Option<&str> {
        self.file_of.get(&id).map(String::as_str)
    }

    /// All files, by their paths.
    pub(in super::super) fn files(&self) -> &BTreeMap<String, BlobId> {
        &self.files
    }

    /// Lists a folder by its id.
    pub(in super::super) fn list(&self, id: BlobId, recursive: bool) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        self.list_into(self.folder_of.get(&id)?, "", recursive, &mut entries);
        Some(entries)
    }

    fn list_into(&self, folder: &str, before: &str, recursive: bool, list: &mut Vec<Entry>) {
        for (name, kind, id) in self.entries(folder) {
            let path = format!("{before}{name}");
            list.push(Entry { path: path.clone(), kind, id: id.to_string() });
            if recursive && kind == Kind::Tree {
                self.list_into(&below(folder, name), &format!("{path}/"), recursive, list);
            }
        }
    }

    /// The entries of the folder at `path`, in git's order.
    fn entries(&self, folder: &str) -> Vec<(&str, Kind, BlobId)> {
        let prefix = below(folder, "");
        let mut entries = Vec::new();
        let mut from = prefix.clone();
        while let Some((path, id)) = self.files.range(from.clone()..).next() {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            match rest.split_once('/') {
                None => {
                    entries.push((rest, Kind::Blob, *id));
                    from = format!("{path}\0");
                }
                Some((name, _)) => {
                    let path = below(folder, name);
                    if let Some(id) = self.folders.get(&path) {
                        entries.push((name, Kind::Tree, *id));
                    }
                    // What follows the slash: the first path that is not in this folder.
                    from = format!("{path}0");
                }
            }
        }
        // As git sorts them: a folder as if its name ended with a slash, which is how paths are sorted.
        entries
    }
}

/// The path of something in a folder.
fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Git's id of a folder with these entries, which are in git's order.
fn tree_id(entries: Vec<(&str, Kind, BlobId)>) -> BlobId {
    let mut bytes = Vec::new();
    for (name, kind, id) in entries {
        let mut head = String::new();
        let mode = if kind == Kind::Tree { "40000" } else { "100644" };
        // Writing to a string cannot fail.
        let _ = write!(head, "{mode} {name}\0");
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&id.0);
    }
    let mut hash = Sha1::new();
    hash.update(format!("tree {}\0", bytes.len()));
    hash.update(bytes);
    BlobId(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(paths: &[&str]) -> Contents {
        Contents::new(paths.iter().map(|path| ((*path).to_owned(), BlobId::of(path.as_bytes()))))
    }

    #[test]
    fn ids_are_those_that_git_gives() {
        // `git mktree </dev/null`
        assert_eq!(Contents::new([]).root().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        let files = ["a/b/c", "a.b/x", "a-b", "a0/x", "a/b.json", "z"];
        let folder = tempfile::tempdir().unwrap();
        let repo = git2::Repository::init(folder.path()).unwrap();
        let mut index = repo.index().unwrap();
        for path in files {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), path).unwrap();
            index.add_path(std::path::Path::new(path)).unwrap();
        }
        let contents = contents(&files);
        assert_eq!(contents.root().to_string(), index.write_tree().unwrap().to_string());
        let names: Vec<String> =
            contents.list(contents.root(), false).unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(names, ["a-b", "a.b", "a", "a0", "z"]);
        let below: Vec<String> =
            contents.list(contents.folder("a").unwrap(), true).unwrap().into_iter().map(|e| e.path).collect();
        assert_eq!(below, ["b.json", "b", "b/c"]);
    }

    #[test]
    fn a_change_comes_to_the_same_as_starting_anew() {
        let mut changed = contents(&["a/b/c", "a/d", "e/f"]);
        changed.change([("a/b/c".to_owned(), None), ("e/g/h".to_owned(), Some(BlobId::of(b"e/g/h")))]);
        let new = contents(&["a/d", "e/f", "e/g/h"]);
        assert_eq!(changed.root(), new.root());
        assert_eq!((changed.files, changed.folders), (new.files, new.folders));
        assert_eq!(changed.folder_of.len(), new.folder_of.len());
        assert_eq!(contents(&[]).root(), {
            let mut none = contents(&["a/b"]);
            none.change([("a/b".to_owned(), None)]);
            none.root()
        });
    }
}
