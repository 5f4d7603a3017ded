//! A git host in memory, a cache, and somebody who carries out jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sha1::{Digest, Sha1};

use crate::generations::translate;
use crate::hosts::{Answer, Ask, Change, Commit, Entry, EntryKind, File, Head, History, Listing, Now};
use crate::memory::Memory;
use crate::order::Order as _;
use crate::reading::{Job, Keep, Place, Reader, Recalled, Wants, Work};
use crate::refs::Marker;
use crate::snapshot::{Needs, Snapshot};

/// How much a host answers in one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Entries of one folder.
    pub(super) folder: usize,
    /// Entries of a whole subtree.
    pub(super) below: usize,
    /// Whether it goes on with the next page, or gives up.
    pub(super) pages: bool,
    /// Files. None where each is a request that it does not count.
    pub(super) files: Option<usize>,
    /// Whether that many have to be found out, by a request that is refused.
    pub(super) refuses: bool,
    /// Whether it says which folder is the root of a commit.
    pub(super) roots: bool,
}

pub(super) const GITHUB: Limits =
    Limits { folder: 100_000, below: 25_000, pages: false, files: Some(250), refuses: false, roots: true };
/// To those without a token.
pub(super) const ANONYMOUS: Limits = Limits { files: None, ..GITHUB };
pub(super) const GITLAB: Limits =
    Limits { folder: 100, below: 100, pages: true, files: Some(100), refuses: false, roots: false };
/// A small instance.
pub(super) const GITLAB_SMALL: Limits = Limits { files: Some(20), refuses: true, ..GITLAB };
pub(super) const GITEA: Limits =
    Limits { folder: 1000, below: 1000, pages: true, files: Some(30), refuses: false, roots: false };

pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What git has of a repo.
#[derive(Default)]
pub(super) struct Repo {
    commits: Vec<Commit>,
    trees: HashMap<String, Vec<(String, EntryKind, String)>>,
    blobs: HashMap<String, Vec<u8>>,
}

/// A host with one repo.
pub(super) struct Host {
    pub(super) limits: Limits,
    /// Leaves folders out of listings of everything below one.
    pub(super) files_only: bool,
    /// Has another history than before, so that it cannot compare with that.
    pub(super) rewritten: bool,
    /// How much a reader takes in at once.
    pub(super) step: usize,
    /// Each branch's commits, oldest first.
    branches: BTreeMap<String, Vec<Commit>>,
    repo: Arc<Repo>,
    /// Every question, in order.
    pub(super) asked: Vec<Ask>,
    /// How many requests it took to answer them.
    pub(super) requests: usize,
    /// How often one had to wait for answers before the next questions.
    pub(super) rounds: usize,
}

impl Repo {
    /// Writes a commit with these files.
    pub(super) fn commit(&mut self, time: &str, files: &Files) -> String {
        let entries: Vec<(&str, &[u8])> =
            files.iter().map(|(path, bytes)| (path.as_str(), &**bytes)).collect();
        let tree = self.tree(&entries);
        let id = hash("commit", format!("{tree}{time}").as_bytes());
        self.commits.push(Commit {
            id: id.clone(),
            tree: Some(tree),
            time: time.into(),
            ..Commit::default()
        });
        id
    }

    /// Writes a folder; `entries` are sorted by path.
    fn tree(&mut self, entries: &[(&str, &[u8])]) -> String {
        let mut items: Vec<(String, EntryKind, String)> = Vec::new();
        let mut rest = entries;
        while let Some((path, bytes)) = rest.first() {
            match path.split_once('/') {
                Some((folder, _)) => {
                    let inside = |(path, _): &&(&str, &[u8])| {
                        path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
                    };
                    let here: Vec<(&str, &[u8])> = rest
                        .iter()
                        .take_while(inside)
                        .map(|(path, bytes)| (&path[folder.len() + 1..], *bytes))
                        .collect();
                    rest = &rest[here.len()..];
                    items.push((folder.to_owned(), EntryKind::Folder, String::new()));
                    let id = self.tree(&here);
                    items.last_mut().unwrap().2 = id;
                }
                None => {
                    let id = hash("blob", bytes);
                    self.blobs.insert(id.clone(), bytes.to_vec());
                    items.push(((*path).to_owned(), EntryKind::File, id));
                    rest = &rest[1..];
                }
            }
        }
        let name = |(name, kind, _): &(String, EntryKind, String)| match kind {
            EntryKind::Folder => format!("{name}/"),
            EntryKind::File => name.clone(),
        };
        items.order_by_key(name);
        let mut bytes = Vec::new();
        for (name, kind, id) in &items {
            bytes.extend_from_slice(if *kind == EntryKind::Folder { b"40000 " } else { b"100644 " });
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend((0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()));
        }
        let id = hash("tree", &bytes);
        self.trees.insert(id.clone(), items);
        id
    }
}

impl Host {
    pub(super) fn new(limits: Limits) -> Host {
        Host {
            limits,
            files_only: false,
            rewritten: false,
            step: usize::MAX,
            branches: BTreeMap::new(),
            repo: Arc::default(),
            asked: Vec::new(),
            requests: 0,
            rounds: 0,
        }
    }

    /// A host that has that repo, with nothing on any branch.
    pub(super) fn of(repo: &Arc<Repo>, limits: Limits) -> Host {
        Host { repo: Arc::clone(repo), ..Host::new(limits) }
    }

    /// Puts a commit with these files onto a branch.
    pub(super) fn commit(&mut self, branch: &str, time: &str, files: &Files) -> String {
        let repo = Arc::get_mut(&mut self.repo).expect("a repo of its own");
        let id = repo.commit(time, files);
        self.push(branch, &id);
        id
    }

    /// Puts a commit that the repo has onto a branch.
    pub(super) fn push(&mut self, branch: &str, id: &str) {
        let commit = self.repo.commits.iter().find(|commit| commit.id == id).unwrap().clone();
        self.branches.entry(branch.into()).or_default().push(commit);
    }

    fn at(&self, commit: &str, path: &str) -> Option<(EntryKind, String)> {
        let commit =
            self.branches.values().flatten().find(|other| other.id == commit).expect("a commit of the repo");
        let mut here = (EntryKind::Folder, commit.tree.clone().unwrap());
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let (_, kind, id) = self.repo.trees.get(&here.1)?.iter().find(|(name, ..)| name == segment)?;
            here = (*kind, id.clone());
        }
        Some(here)
    }

    fn folder(&self, commit: &str, path: &str, tree: Option<&String>) -> Option<String> {
        let (kind, id) = self.at(commit, path)?;
        if let Some(tree) = tree {
            assert_eq!(tree, &id, "{path} at {commit}");
        }
        (kind == EntryKind::Folder).then_some(id)
    }

    fn below(&self, id: &str, path: &str, found: &mut Vec<Entry>) {
        for (name, kind, id) in &self.repo.trees[id] {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if *kind == EntryKind::File || !self.files_only {
                found.push(Entry { path: path.clone(), kind: *kind, id: id.clone() });
            }
            if *kind == EntryKind::Folder {
                self.below(id, &path, found);
            }
        }
    }

    /// What differs between two commits; a host that does not list whole subtrees tells no ids.
    fn changes(&self, from: &str, to: &str) -> Vec<Change> {
        let files = |commit: &str| {
            let (_, root) = self.at(commit, "").unwrap();
            let mut found = Vec::new();
            self.below(&root, "", &mut found);
            let files = found.into_iter().filter(|entry| entry.kind == EntryKind::File);
            files.map(|entry| (entry.path, entry.id)).collect::<BTreeMap<String, String>>()
        };
        let (before, after) = (files(from), files(to));
        let now = |path: &String| match after.get(path) {
            _ if self.limits.pages => Now::Untold,
            Some(id) => Now::Blob(id.clone()),
            None => Now::Gone,
        };
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
        changed.map(|path| Change { path: path.clone(), now: now(path) }).collect()
    }

    /// A commit as it tells of one.
    fn told(&self, commit: &Commit) -> Commit {
        Commit { tree: commit.tree.clone().filter(|_| self.limits.roots), ..commit.clone() }
    }

    fn answer(&mut self, ask: &Ask) -> Answer {
        let mut requests = 1;
        let answer = match ask {
            Ask::Head { branch, etag } => {
                Answer::Head(match self.branches.get(branch.as_deref().unwrap_or("main")) {
                    None => Head::Missing,
                    Some(commits) => {
                        let commit = self.told(commits.last().unwrap());
                        match etag.as_deref() == Some(&commit.id) {
                            true => Head::Unchanged,
                            false => {
                                Head::At { branch: String::new(), etag: Some(commit.id.clone()), commit }
                            }
                        }
                    }
                })
            }
            Ask::Commit { id } => {
                Answer::Commit(self.told(self.repo.commits.iter().find(|c| c.id == *id).unwrap()))
            }
            Ask::Folder { commit, path, tree } => {
                Answer::Folder(self.folder(commit, path, tree.as_ref()).map(|id| {
                    let items = &self.repo.trees[&id];
                    requests = items.len().div_ceil(self.limits.folder).max(1);
                    let entry = |(path, kind, id): &(String, EntryKind, String)| Entry {
                        path: path.clone(),
                        kind: *kind,
                        id: id.clone(),
                    };
                    items.iter().map(entry).collect()
                }))
            }
            Ask::Below { commit, path, tree } => {
                Answer::Below(self.folder(commit, path, tree.as_ref()).map(|id| {
                    let mut entries = Vec::new();
                    self.below(&id, "", &mut entries);
                    let whole = self.limits.pages || entries.len() <= self.limits.below;
                    match whole {
                        true => requests = entries.len().div_ceil(self.limits.below).max(1),
                        false => entries.truncate(self.limits.below),
                    }
                    // GitHub lists by ids only, and finds that of a folder in the one around it.
                    let twice = !self.limits.pages && tree.is_none() && !path.is_empty();
                    requests += usize::from(twice);
                    self.rounds += usize::from(twice);
                    Listing { entries, whole }
                }))
            }
            Ask::Files { commit, files } => {
                let most = self.limits.files.unwrap_or(usize::MAX);
                requests = if self.limits.files.is_some() { files.len().div_ceil(most) } else { 0 };
                if files.len() > most && std::mem::take(&mut self.limits.refuses) {
                    requests += 1;
                }
                let file = |wanted: &crate::hosts::Wanted| {
                    let found = self.at(commit, &wanted.path).filter(|(kind, _)| *kind == EntryKind::File);
                    if let Some(blob) = &wanted.blob {
                        assert_eq!(Some(blob), found.as_ref().map(|(_, id)| id), "{}", wanted.path);
                    }
                    File {
                        path: wanted.path.clone(),
                        bytes: found.map(|(_, id)| self.repo.blobs[&id].clone()),
                    }
                };
                Answer::Files(files.iter().map(file).collect())
            }
            Ask::Changes { from, to } => Answer::Changes((!self.rewritten).then(|| self.changes(from, to))),
            Ask::History { from, page, .. } => {
                let commits =
                    self.branches.values().find(|commits| commits.iter().any(|c| c.id == *from)).unwrap();
                let newest: Vec<Commit> =
                    commits.iter().rev().skip_while(|c| c.id != *from).cloned().collect();
                let skip = (*page as usize - 1) * 2;
                Answer::History(History {
                    commits: newest.iter().skip(skip).take(2).map(|commit| self.told(commit)).collect(),
                    more: newest.len() > skip + 2,
                })
            }
            other => panic!("nobody asks {other:?}"),
        };
        self.requests += requests;
        self.asked.push(ask.clone());
        answer
    }

    /// Forgets what it was asked, and says how many requests that took.
    pub(super) fn take_requests(&mut self) -> usize {
        self.asked.clear();
        self.rounds = 0;
        std::mem::take(&mut self.requests)
    }
}

fn hash(kind: &str, bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", bytes.len()));
    hash.update(bytes);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A cache across sessions.
#[derive(Clone, Default)]
pub(super) struct Cache {
    branches: HashMap<String, Vec<u8>>,
    trees: HashMap<String, Vec<u8>>,
    blobs: HashMap<String, Vec<u8>>,
    pub(super) written: usize,
}

impl Cache {
    fn recall(&self, job: &Job, reader: &mut Reader) {
        let Work::Recall(recall) = &job.work else { return };
        let find = |keys: &[String], among: &HashMap<String, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
            keys.iter().filter_map(|key| Some((key.clone(), among.get(key)?.clone()))).collect()
        };
        reader.recalled(
            job.id,
            Recalled {
                branches: find(&recall.branches, &self.branches),
                trees: find(&recall.trees, &self.trees),
                blobs: find(&recall.blobs, &self.blobs),
            },
        );
    }

    /// Whether it holds a file with this id.
    pub(super) fn has_file(&self, id: &str) -> bool {
        self.blobs.contains_key(id)
    }

    fn keep(&mut self, reader: &mut Reader, step: usize) -> bool {
        let (keeps, more) = reader.some_keeps(step);
        for keep in keeps {
            self.written += 1;
            match keep {
                Keep::Branch { key, bytes } => self.branches.insert(key, bytes),
                Keep::Tree { id, bytes } => self.trees.insert(id, bytes),
                Keep::Blob { id, bytes } => self.blobs.insert(id, bytes),
            };
        }
        more
    }
}

/// Carries out jobs until nothing is to be done.
pub(super) fn settle(reader: &mut Reader, host: &mut Host, cache: &mut Cache, wants: &Wants) {
    loop {
        let jobs = reader.step(wants, host.step);
        if jobs.is_empty() && !reader.is_busy() {
            break;
        }
        carry_out(reader, host, cache, jobs);
    }
    assert!(!reader.is_waiting());
    while cache.keep(reader, host.step) {}
}

pub(super) fn carry_out(reader: &mut Reader, host: &mut Host, cache: &Cache, jobs: Vec<Job>) {
    let mut asks = Vec::new();
    for job in jobs {
        match job.work {
            Work::Recall(_) => cache.recall(&job, reader),
            Work::Translate(files) => reader.translated(job.id, translate(files)),
            Work::Ask { .. } => asks.push(job),
        }
    }
    host.rounds += usize::from(!asks.is_empty());
    for job in asks {
        if let Work::Ask { ask, .. } = &job.work {
            let answer = host.answer(ask);
            reader.answered(job.id, answer);
        }
    }
}

/// Decides on what is read, and reads what that takes.
pub(super) fn decide<T>(
    reader: &mut Reader,
    host: &mut Host,
    cache: &mut Cache,
    decide: impl Fn(&Snapshot) -> Result<T, Needs>,
) -> T {
    settle(reader, host, cache, &Wants::default());
    let mut before = Needs::default();
    loop {
        match decide(reader.snapshot()) {
            Ok(answer) => return answer,
            Err(needs) => {
                assert!(reader.problem().is_none(), "{:?}", reader.problem());
                assert_ne!(needs, before, "asks for the same again");
                before = needs.clone();
                settle(reader, host, cache, &Wants { needs, summaries: false });
            }
        }
    }
}

pub(super) fn place(branch: &str, limits: Limits) -> Place {
    Place { host: 0, key: "test:repo".into(), branch: Some(branch.into()), page: limits.below }
}

/// The files of one store of `memory`, as the tool writes them.
pub(super) fn files(memory: &Memory, side: Marker, prefix: &str) -> Files {
    let mut files = Files::new();
    let own = if side == Marker::State { "state" } else { "intent" };
    let marker = format!(r#"{{"version":3,"Tags":{{"{own}":{{}}}}}}"#);
    files.insert(format!("{prefix}.ocuroot-store"), marker.into_bytes());
    for (_, path, bytes) in memory.documents().filter(|(other, ..)| *other == side) {
        let slash = if path.is_empty() { "" } else { "/" };
        files.insert(format!("{prefix}refs/{path}{slash}@object.json"), bytes.to_vec());
    }
    files
}

/// Git's id of a folder, given with a slash.
pub(super) fn tree_id(files: &Files, folder: &str) -> String {
    let inside = files.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder));
    let inside: Vec<(&str, &[u8])> = inside.map(|(path, bytes)| (&path[folder.len()..], &**bytes)).collect();
    Repo::default().tree(&inside)
}
