//! A branch at one commit: what is known to lie where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::forest::Forest;
use super::id::Id;
use crate::hosts::Commit;
use crate::order::Gather as _;

/// What lies at a path of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing.
    Absent,
    /// A file.
    File(Id),
    /// A folder; it may still be unlisted.
    Folder(Id),
    /// Nobody knows yet. The deepest folder on the way whose id is known, if any, is not listed.
    Unknown(Option<(String, Id)>),
}

/// A branch at one commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch {
    /// Its commit.
    pub(super) commit: Commit,
    /// Its root folder.
    pub(super) root: Option<Id>,
    /// What was found by its path alone, with no folder above it listed: a folder or not, and its id.
    pub(super) known: BTreeMap<String, Option<(bool, Id)>>,
}

impl Branch {
    /// What lies at `path`, from the root of the branch.
    pub(super) fn look(&self, forest: &Forest, path: &str) -> Look {
        let mut deepest = None;
        let mut end = path.len();
        // From the longest part of the path that is known to the root.
        loop {
            let start = path.get(..end).unwrap_or_default();
            let there = match self.known.get(start) {
                None if end == 0 => self.root.map(|root| Some((true, root))),
                there => there.copied(),
            };
            match there {
                Some(None) => return Look::Absent,
                Some(Some(item)) => match down(forest, start, item, path) {
                    Look::Unknown(at) => deepest = deepest.or(at),
                    found => return found,
                },
                None => {}
            }
            if end == 0 {
                return Look::Unknown(deepest);
            }
            end = start.rfind('/').unwrap_or(0);
        }
    }

    /// Notes what was found at a path.
    pub(super) fn note(&mut self, forest: &Forest, path: &str, found: Option<(bool, Id)>) {
        // What follows from listings need not be said twice.
        if matches!(self.look(forest, path), Look::Unknown(_)) {
            self.known.insert(path.to_owned(), found);
        }
    }

    /// What the cache keeps of it.
    pub(super) fn record(&self, etag: Option<&str>) -> Vec<u8> {
        let known = |(path, found): (&String, &Option<(bool, Id)>)| {
            (path.clone(), found.map(|(folder, id)| (folder, id.to_string())))
        };
        let record = Record {
            commit: self.commit.id.clone(),
            time: self.commit.time.clone(),
            subject: self.commit.subject.clone(),
            author: self.commit.author.clone(),
            etag: etag.map(str::to_owned),
            root: self.root.map(|root| root.to_string()),
            known: self.known.iter().map(known).gather(),
        };
        // Keys are strings, so there is nothing that can fail.
        serde_json::to_vec(&record).unwrap_or_default()
    }

    /// A branch as the cache has it, and the ETag of its head.
    pub(super) fn of_record(bytes: &[u8]) -> Option<(Branch, Option<String>)> {
        let record: Record = serde_json::from_slice(bytes).ok()?;
        let root = record.root.as_deref().and_then(Id::parse);
        let mut known = BTreeMap::new();
        for (path, found) in record.known {
            let found = match found {
                Some((folder, id)) => Some((folder, Id::parse(&id)?)),
                None => None,
            };
            known.insert(path, found);
        }
        let commit = Commit {
            id: record.commit,
            tree: root.map(|root| root.to_string()),
            time: record.time,
            subject: record.subject,
            author: record.author,
        };
        Some((Branch { commit, root, known }, record.etag))
    }
}

/// What lies at `path`, from a folder or file at `start` on the way.
fn down(forest: &Forest, start: &str, item: (bool, Id), path: &str) -> Look {
    let (mut folder, mut id) = item;
    let mut at = start.len();
    let rest = path.get(at..).unwrap_or_default();
    for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
        if !folder {
            return Look::Absent;
        }
        let here = path.get(..at).unwrap_or_default();
        let Some(items) = forest.get(&id) else { return Look::Unknown(Some((here.to_owned(), id))) };
        let Some(child) = forest.child(items, segment) else { return Look::Absent };
        (folder, id) = (child.folder, child.id);
        at += segment.len() + usize::from(at > 0);
    }
    if folder { Look::Folder(id) } else { Look::File(id) }
}

#[derive(Serialize, Deserialize)]
struct Record {
    commit: String,
    time: String,
    subject: String,
    author: String,
    etag: Option<String>,
    root: Option<String>,
    known: BTreeMap<String, Option<(bool, String)>>,
}
