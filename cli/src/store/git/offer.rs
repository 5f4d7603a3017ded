//! A store on branches, as the git host shows it that they come from.
//!
//! All of it is read off the clone, in which others of this machine may move the branches at any
//! moment. The clone holds few commits at first, and grows backwards when somebody asks for older ones.
//!
//! A commit is given if it is in the history of the branch; a folder or a file if a commit leads there
//! that was given. So what else has come into the clone stays where it is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};

use git2::{Odb, Oid, Repository};
use ocuroot_core::Marker as Side;

use super::super::error::StoreError;
use super::super::offer::{
    Commit, Entry as Shown, File, History, Kind, Offer, PAGE, Updates, parse_id, rfc3339,
};
use super::clone::{Clone as BareClone, full_name};
use super::objects::{Entry, Paths, at_path, entries};
use super::{GitLocation, GitStores, SIDES};

/// How many commits are fetched at first when older ones are asked for; each time after, four times as
/// many.
const DEEPEN: usize = 100;
/// How many are fetched at most.
const DEEPEST: usize = 20_000;

/// See the [module's page](self).
pub(in super::super) struct BranchOffer {
    stores: GitStores,
    /// One for both sides, where they share a branch.
    branches: Vec<Branch>,
}

/// A branch, and what of the clone it leads to, as far as that was needed until now.
#[derive(Default)]
struct Branch {
    name: String,
    /// Commits that the tip leads to, and those of them whose parents were not looked at yet.
    commits: HashSet<Oid>,
    young: Vec<Oid>,
    /// Files and folders of commits that were given, and those folders that were (not) looked into.
    files: HashSet<Oid>,
    folders: HashSet<Oid>,
    closed: Vec<Oid>,
    opened: HashSet<Oid>,
    /// How many commits to fetch when the next older one is wanted.
    deepen: usize,
}

impl Branch {
    /// Takes a folder or file for one that may be given.
    fn admit(&mut self, entry: Entry) {
        match entry {
            Entry::Tree(id) if self.folders.insert(id) => self.closed.push(id),
            Entry::Tree(_) => {}
            Entry::Blob(id) => drop(self.files.insert(id)),
        }
    }

    /// Looks into a folder.
    fn open(&mut self, odb: &Odb<'_>, tree: Oid) -> Result<(), git2::Error> {
        if self.opened.insert(tree) {
            let object = odb.read(tree)?;
            entries(object.data(), |_, entry| self.admit(entry))?;
        }
        Ok(())
    }

    /// Whether a commit that was given leads to this folder or file.
    fn leads_to(&mut self, odb: &Odb<'_>, entry: Entry) -> Result<bool, git2::Error> {
        loop {
            let known = match entry {
                Entry::Tree(id) => self.folders.contains(&id),
                Entry::Blob(id) => self.files.contains(&id),
            };
            if known {
                return Ok(true);
            }
            let Some(tree) = self.closed.pop() else { return Ok(false) };
            self.open(odb, tree)?;
        }
    }

    /// Whether a commit is in the history of `tip`, as far as that is here. With it, whether there is
    /// more of it elsewhere.
    fn has_commit(&mut self, odb: &Odb<'_>, tip: Oid, id: Oid) -> Result<(bool, bool), git2::Error> {
        if self.commits.insert(tip) {
            self.young.push(tip);
        }
        let mut elsewhere = Vec::new();
        while !self.commits.contains(&id) {
            let Some(commit) = self.young.pop() else { break };
            for parent in parents(odb, commit)? {
                if !odb.exists(parent) {
                    elsewhere.push(commit);
                } else if self.commits.insert(parent) {
                    self.young.push(parent);
                }
            }
        }
        let more = !elsewhere.is_empty();
        self.young.append(&mut elsewhere);
        Ok((self.commits.contains(&id), more))
    }
}

/// A commit as it lies in the object database. A shallow repo hides parents that it was not given, also
/// those that it has been given since.
fn parents(odb: &Odb<'_>, commit: Oid) -> Result<Vec<Oid>, git2::Error> {
    let object = odb.read(commit)?;
    let text = String::from_utf8_lossy(object.data());
    text.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("parent "))
        .map(Oid::from_str)
        .collect()
}

fn show(repo: &Repository, id: Oid) -> Result<Commit, git2::Error> {
    let commit = repo.find_commit(id)?;
    Ok(Commit {
        id: id.to_string(),
        tree: commit.tree_id().to_string(),
        time: rfc3339(commit.time().seconds()),
        subject: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
    })
}

fn oid(text: &str) -> Option<Oid> {
    Oid::from_bytes(&parse_id(text)?.0).ok()
}

/// Whether a text may be the start of a hash, as people write it down.
fn is_start(text: &str) -> bool {
    (7..40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A commit that could not be read, since the clone does not have it.
struct Deeper;

impl BranchOffer {
    /// Offers these stores.
    ///
    /// # Errors
    /// When the remote cannot be read.
    pub(in super::super) fn new(stores: GitStores) -> Result<BranchOffer, StoreError> {
        let view = stores.view()?;
        let mut branches = Vec::new();
        for side in SIDES {
            let place = stores.place(side);
            let name = view.tips.get(place.clone).and_then(|branches| branches.get(place.branch));
            let name = name.map(|branch| branch.name.clone()).unwrap_or_default();
            branches.push(Branch { name, deepen: DEEPEN, ..Branch::default() });
        }
        if !stores.state.prefix.is_empty() {
            branches.truncate(1);
        }
        Ok(BranchOffer { stores, branches })
    }

    /// Calls `work` with the clone, the branch of a side and its tip; none while it has none.
    fn with<T>(
        &mut self,
        side: Side,
        mut work: impl FnMut(&Repository, &Odb<'_>, &mut Branch, Oid) -> Result<T, git2::Error>,
    ) -> Result<Option<T>, StoreError> {
        let clone = self.stores.clone_of(side)?;
        let index = if side == Side::Intent { self.branches.len() - 1 } else { 0 };
        let Some(branch) = self.branches.get_mut(index) else { return Ok(None) };
        let branch = std::cell::RefCell::new(branch);
        let work = std::cell::RefCell::new(&mut work);
        clone.with(|repo, odb| {
            let mut branch = branch.borrow_mut();
            let Ok(tip) = repo.refname_to_id(&full_name(&branch.name)) else { return Ok(None) };
            (work.borrow_mut())(repo, odb, &mut branch, tip).map(Some)
        })
    }

    /// Fetches older commits. False when there are none, or enough.
    fn deepen(&mut self, side: Side) -> Result<bool, StoreError> {
        let index = if side == Side::Intent { self.branches.len() - 1 } else { 0 };
        let Some(branch) = self.branches.get_mut(index) else { return Ok(false) };
        if branch.deepen > DEEPEST {
            return Ok(false);
        }
        let name = full_name(&branch.name);
        let deepen = format!("--deepen={}", branch.deepen);
        branch.deepen *= 4;
        let clone = self.stores.clone_of(side)?;
        let refspec = format!("+{name}:{name}");
        clone.fetch_more(&[
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            &deepen,
            "origin",
            &refspec,
        ])?;
        Ok(true)
    }

    /// A commit of the branch's history. Of one that is here the start of its hash will do.
    fn reach(&mut self, side: Side, id: &str) -> Result<Option<Oid>, StoreError> {
        let of_start = |repo: &Repository| repo.find_commit_by_prefix(id).ok().map(|commit| commit.id());
        let found = match oid(id) {
            None if is_start(id) => self.with(side, |repo, _, _, _| Ok(of_start(repo)))?.flatten(),
            whole => whole,
        };
        let Some(id) = found else { return Ok(None) };
        loop {
            let found = self.with(side, |_, odb, branch, tip| branch.has_commit(odb, tip, id))?;
            match found {
                Some((true, _)) => return Ok(Some(id)),
                Some((false, true)) if self.deepen(side)? => {}
                _ => return Ok(None),
            }
        }
    }

    /// A page of the commits that changed what lies at `path`, as far as they are here.
    fn walk(
        repo: &Repository,
        odb: &Odb<'_>,
        from: Oid,
        path: &str,
        page: usize,
        end: bool,
    ) -> Result<Result<(Vec<Oid>, bool), Deeper>, git2::Error> {
        let there = |commit: Oid| -> Result<Option<Oid>, git2::Error> {
            Ok(at_path(odb, repo.find_commit(commit)?.tree_id(), path)?
                .map(|(Entry::Tree(id) | Entry::Blob(id))| id))
        };
        // By time, and where that is the same by the order in which they were found.
        let mut pending = BinaryHeap::new();
        let mut seen = BTreeSet::from([from]);
        let mut found = Vec::new();
        let wanted = PAGE.saturating_mul(page);
        pending.push((repo.find_commit(from)?.time().seconds(), Reverse(0), from));
        while let Some((_, _, commit)) = pending.pop() {
            let parents = parents(odb, commit)?;
            if parents.iter().any(|parent| !odb.exists(*parent)) && !end {
                return Ok(Err(Deeper));
            }
            let here = there(commit)?;
            let mut follow = Vec::new();
            let mut changed = path.is_empty() || (parents.is_empty() && here.is_some());
            let mut same = None;
            for parent in parents.into_iter().filter(|parent| odb.exists(*parent)) {
                match path.is_empty() || there(parent)? != here {
                    true => changed = true,
                    false => same = same.or(Some(parent)),
                }
                follow.push(parent);
            }
            // What one parent has alike came from there, whatever the others have.
            if let Some(parent) = same {
                changed = false;
                follow = vec![parent];
            }
            if changed {
                found.push(commit);
                if found.len() > wanted {
                    break;
                }
            }
            for parent in follow {
                if seen.insert(parent) {
                    let number = Reverse(seen.len());
                    pending.push((repo.find_commit(parent)?.time().seconds(), number, parent));
                }
            }
        }
        let more = found.len() > wanted;
        found.truncate(wanted);
        Ok(Ok((found.split_off(found.len().min(PAGE.saturating_mul(page.saturating_sub(1)))), more)))
    }
}

impl Offer for BranchOffer {
    fn head(&mut self, side: Side) -> Result<Option<Commit>, StoreError> {
        self.with(side, |repo, _, branch, tip| {
            let commit = show(repo, tip)?;
            branch.admit(Entry::Tree(repo.find_commit(tip)?.tree_id()));
            Ok(commit)
        })
    }

    fn commit(&mut self, side: Side, id: &str) -> Result<Option<Commit>, StoreError> {
        let Some(id) = self.reach(side, id)? else { return Ok(None) };
        self.with(side, |repo, _, branch, _| {
            branch.admit(Entry::Tree(repo.find_commit(id)?.tree_id()));
            show(repo, id)
        })
    }

    fn tree(&mut self, side: Side, id: &str, recursive: bool) -> Result<Option<Vec<Shown>>, StoreError> {
        let Some(id) = oid(id) else { return Ok(None) };
        let found = self.with(side, |repo, odb, branch, tip| {
            branch.admit(Entry::Tree(repo.find_commit(tip)?.tree_id()));
            if !branch.leads_to(odb, Entry::Tree(id))? {
                return Ok(None);
            }
            let mut list = Vec::new();
            let mut pending = vec![(id, String::new())];
            while let Some((tree, before)) = pending.pop() {
                branch.open(odb, tree)?;
                let object = odb.read(tree)?;
                let mut folders = Vec::new();
                entries(object.data(), |name, entry| {
                    // A name that is no text cannot be a part of a ref.
                    let Ok(name) = std::str::from_utf8(name) else { return };
                    let path = format!("{before}{name}");
                    let (kind, id) = match entry {
                        Entry::Tree(id) => (Kind::Tree, id),
                        Entry::Blob(id) => (Kind::Blob, id),
                    };
                    if kind == Kind::Tree && recursive {
                        folders.push((id, format!("{path}/")));
                    }
                    list.push(Shown { path, kind, id: id.to_string() });
                })?;
                pending.extend(folders.into_iter().rev());
            }
            Ok(Some(list))
        })?;
        Ok(found.flatten())
    }

    fn blobs(&mut self, side: Side, ids: &[String]) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let known = self.with(side, |repo, odb, branch, tip| {
            branch.admit(Entry::Tree(repo.find_commit(tip)?.tree_id()));
            let mut known = Vec::new();
            for id in ids.iter().filter_map(|id| oid(id)) {
                if branch.leads_to(odb, Entry::Blob(id))? {
                    known.push(id);
                }
            }
            Ok(known)
        })?;
        let known = known.unwrap_or_default();
        let clone = self.stores.clone_of(side)?;
        clone.fetch_blobs(&known)?;
        clone.with(|_, odb| {
            known.iter().map(|id| Ok((id.to_string(), odb.read(*id)?.data().to_vec()))).collect()
        })
    }

    fn files(&mut self, side: Side, commit: &str, paths: &[String]) -> Result<Option<Vec<File>>, StoreError> {
        let Some(commit) = self.reach(side, commit)? else { return Ok(None) };
        let found = self.with(side, |repo, odb, _, _| {
            let mut folders = Paths::new(odb, Some(repo.find_commit(commit)?.tree_id()));
            let mut found = Vec::new();
            for path in paths {
                if let Some(blob) = folders.blob(path)? {
                    found.push((path.clone(), blob));
                }
            }
            Ok(found)
        })?;
        let found = found.unwrap_or_default();
        let clone = self.stores.clone_of(side)?;
        clone.fetch_blobs(&found.iter().map(|(_, blob)| *blob).collect::<Vec<_>>())?;
        let read = clone.with(|_, odb| {
            let file = |(path, blob): &(String, Oid)| {
                Ok(File { path: path.clone(), id: blob.to_string(), bytes: odb.read(*blob)?.data().to_vec() })
            };
            found.iter().map(file).collect::<Result<Vec<_>, git2::Error>>()
        })?;
        Ok(Some(read))
    }

    fn history(
        &mut self,
        side: Side,
        from: &str,
        path: &str,
        page: usize,
    ) -> Result<Option<History>, StoreError> {
        let Some(from) = self.reach(side, from)? else { return Ok(None) };
        let mut end = false;
        loop {
            let walked =
                self.with(side, |repo, odb, _, _| BranchOffer::walk(repo, odb, from, path, page, end))?;
            match walked {
                None => return Ok(None),
                Some(Ok((commits, more))) => {
                    let commits = self.with(side, |repo, _, _, _| {
                        commits.iter().map(|id| show(repo, *id)).collect::<Result<Vec<_>, _>>()
                    })?;
                    return Ok(Some(History { commits: commits.unwrap_or_default(), more }));
                }
                Some(Err(Deeper)) => end = !self.deepen(side)?,
            }
        }
    }

    fn updates(&self) -> Option<Box<dyn Updates>> {
        let location = |side| self.stores.location(side);
        let intent = self.stores.state.prefix.is_empty().then(|| location(Side::Intent));
        Some(Box::new(Remotes { state: location(Side::State), intent }))
    }
}

/// Where the branches come from.
struct Remotes {
    state: GitLocation,
    intent: Option<GitLocation>,
}

impl Updates for Remotes {
    /// Fetches into the same clone, as any other command of this machine would.
    fn fetch(&self) -> Result<(), StoreError> {
        let stores = GitStores::open(self.state.clone(), self.intent.clone(), crate::log_file::home())?;
        stores.clones.iter().try_for_each(BareClone::fetch)
    }
}
