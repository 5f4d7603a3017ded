//! A transaction as commits, and their way to the remote.
//!
//! The files that it changes become trees ([`edit`]) and commits on the tips that this process knows,
//! and those are pushed. If somebody was faster the remote refuses them, and the same transaction
//! becomes commits on the new tips, as long as what it requires holds there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use git2::{Oid, Signature};
use ocuroot_core::repo_config;
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::transaction::{Expect, Transaction, Write};
use ocuroot_core::{Marker as Side, Ref};

use super::super::error::StoreError;
use super::super::layout::document_path;
use super::super::marker::NAME as MARKER;
use super::super::steps::step;
use super::clone::Clone as BareClone;
use super::edit::{self, Files};
use super::objects::Paths;
use super::push::{Pushed, Update};
use super::turn::Turn;
use super::{GitStores, SIDES, View, blob_id};

/// What became of a transaction.
pub(in super::super) enum Outcome {
    /// It was carried out. `moved` says that others have written since the snapshot was loaded.
    Done { moved: bool },
    /// Nothing was written: these documents are not as the transaction requires.
    Conflict(Vec<Ref>),
}

impl GitStores {
    /// Carries out a transaction, unless something that it requires does not hold. `snapshot` is what
    /// the caller knows of the stores at their tips, so that it is not read twice. `turn` is the
    /// caller's turn to write, if it has one; after a conflict it has, so that it can decide anew
    /// while the others of this machine wait.
    ///
    /// # Errors
    /// When it cannot be pushed. Then nothing was.
    pub(in super::super) fn commit(
        &self,
        transaction: &Transaction,
        snapshot: &Snapshot,
        turn: &mut Option<Turn>,
    ) -> Result<Outcome, StoreError> {
        let began = Instant::now();
        let start = self.moves();
        let mut rest = transaction.clone();
        let mut lost = 0;
        loop {
            let conflicts = self.at_tips(|view| match self.old_place(view)? {
                Some(path) if !rest.is_empty() => Err(StoreError::OldVersion { path, found: 1 }),
                Some(_) => Ok(Vec::new()),
                None => self.conflicts(view, &rest),
            })?;
            let partly = rest.writes.len() < transaction.writes.len();
            if !conflicts.is_empty() && partly {
                // Of two remotes the first has it; what somebody wrote in the other stays theirs.
                tracing::warn!(?conflicts, "left as somebody else has written it meanwhile");
                return Ok(Outcome::Done { moved: true });
            }
            if !conflicts.is_empty() {
                return Ok(Outcome::Conflict(conflicts));
            }
            if rest.is_empty() {
                return Ok(Outcome::Done { moved: self.moves() != start });
            }
            let my_turn = match turn {
                Some(turn) => turn,
                None => turn.insert(Turn::take(&self.clone_of(Side::State)?.shown())),
            };
            let nothing = Snapshot::default();
            let known = if self.moves() == start { snapshot } else { &nothing };
            let stage = self.next_stage(&rest, known)?;
            let Some((clone, updates, sides)) = stage else {
                return Ok(Outcome::Done { moved: self.moves() != start });
            };
            if lost == 0 && clone.is_behind(my_turn, &updates) {
                lost += 1;
                clone.fetch()?;
                continue;
            }
            let pushed = if updates.is_empty() { Pushed::Done } else { clone.push(&updates, my_turn)? };
            match pushed {
                Pushed::Done => {
                    let open = |reference: &Ref| !sides.contains(&reference.marker().unwrap_or(Side::State));
                    rest.writes.retain(|reference, _| open(reference));
                    rest.requires.retain(|reference, _| open(reference));
                }
                Pushed::NotAtomic => {}
                Pushed::Moved => {
                    lost += 1;
                    if began.elapsed() >= self.limit {
                        return Err(StoreError::Crowded { url: clone.shown(), waited: began.elapsed() });
                    }
                    pause(lost);
                    clone.fetch()?;
                }
            }
        }
    }

    /// The refs of which the transaction requires what does not hold.
    fn conflicts(&self, view: &View, transaction: &Transaction) -> Result<Vec<Ref>, StoreError> {
        let mut conflicts = Vec::new();
        for side in SIDES {
            let required: Vec<(&Ref, &Expect, String)> = transaction
                .requires
                .iter()
                .filter(|(reference, _)| reference.marker().unwrap_or(Side::State) == side)
                .map(|(reference, expect)| match document_path(reference) {
                    Some((_, path)) => Ok((reference, expect, path)),
                    None => Err(StoreError::Address { reference: reference.clone() }),
                })
                .collect::<Result<_, _>>()?;
            if required.is_empty() {
                continue;
            }
            let root = view.side(side).root;
            let blobs = self.clone_of(side)?.with(|_, odb| {
                let mut paths = Paths::new(odb, root);
                required.iter().map(|(_, _, path)| paths.blob(path)).collect::<Result<Vec<_>, _>>()
            })?;
            for ((reference, expect, _), blob) in required.into_iter().zip(blobs) {
                let holds = match expect {
                    Expect::Absent => blob.is_none(),
                    Expect::Blob(expected) => blob.and_then(blob_id) == Some(*expected),
                };
                if !holds {
                    conflicts.push(reference.clone());
                }
            }
        }
        Ok(conflicts)
    }

    /// The commits for as much of the transaction as can be pushed at once: all of it where both
    /// sides lie in one remote, else state first. None when it would change nothing.
    fn next_stage(
        &self,
        transaction: &Transaction,
        snapshot: &Snapshot,
    ) -> Result<Option<(&BareClone, Vec<Update>, BTreeSet<Side>)>, StoreError> {
        let sides: BTreeSet<Side> =
            transaction.writes.keys().map(|reference| reference.marker().unwrap_or(Side::State)).collect();
        let Some(first) = sides.first() else { return Ok(None) };
        let clone = self.clone_of(*first)?;
        let one_remote = sides.iter().all(|side| self.place(*side).clone == self.place(*first).clone);
        let one_branch = one_remote && self.state.branch == self.intent.branch;
        let together = sides.len() > 1 && one_remote && (one_branch || clone.is_atomic());
        let sides = if together { sides } else { BTreeSet::from([*first]) };
        let updates = self.at_tips(|view| self.commits(view, transaction, &sides, snapshot))?;
        if updates.is_empty()
            && transaction.writes.keys().all(|at| sides.contains(&at.marker().unwrap_or(Side::State)))
        {
            return Ok(None);
        }
        Ok(Some((clone, updates, sides)))
    }

    /// Writes the commits of one remote, state's branch first.
    fn commits(
        &self,
        view: &View,
        transaction: &Transaction,
        sides: &BTreeSet<Side>,
        snapshot: &Snapshot,
    ) -> Result<Vec<Update>, StoreError> {
        let mut branches: BTreeMap<usize, (Files, Vec<&Ref>, Side)> = BTreeMap::new();
        for side in sides {
            let place = self.place(*side);
            let (files, refs, _) =
                branches.entry(place.branch).or_insert_with(|| (Files::new(), Vec::new(), *side));
            let mut recorded = false;
            for (reference, write) in &transaction.writes {
                if reference.marker().unwrap_or(Side::State) != *side {
                    continue;
                }
                let Some((_, path)) = document_path(reference) else {
                    return Err(StoreError::Address { reference: reference.clone() });
                };
                let bytes = match write {
                    Write::Put(document) => Some(document.to_text().into_bytes()),
                    Write::Delete => None,
                };
                recorded |= bytes.is_some() && is_config(reference);
                files.insert(format!("{}{path}", place.prefix), bytes);
                refs.push(reference);
            }
            if refs.is_empty() {
                continue;
            }
            let folder = self.clone_of(*side)?.shown();
            if let Some(text) = view.side(*side).marker.to_write(Path::new(&folder), *side)? {
                files.insert(format!("{}{MARKER}", place.prefix), Some(text.into_bytes()));
            }
            if recorded {
                for (path, content) in &place.support_files {
                    files.insert(path.clone(), Some(content.clone().into_bytes()));
                }
            }
        }
        let mut updates = Vec::new();
        for (branch, (files, refs, side)) in branches {
            let message = message(&transaction.message, &refs);
            let old = self.tree(side, view.tip(self.place(side)))?;
            let mut new = self.edited(side, old, &files)?;
            if sides.contains(&Side::State) && branch == self.state.branch && new != old {
                let summaries = self.summaries(view, transaction, new, snapshot)?;
                new = self.edited(side, new, &summaries)?;
            }
            updates.extend(self.update(side, view, new, &message)?);
        }
        Ok(updates)
    }

    /// The tree of a commit.
    pub(super) fn tree(&self, side: Side, commit: Option<Oid>) -> Result<Option<Oid>, StoreError> {
        let Some(commit) = commit else { return Ok(None) };
        self.clone_of(side)?.with(|repo, _| Ok(Some(repo.find_commit(commit)?.tree_id())))
    }

    /// A branch's tree with files changed.
    pub(super) fn edited(
        &self,
        side: Side,
        tree: Option<Oid>,
        files: &Files,
    ) -> Result<Option<Oid>, StoreError> {
        if files.is_empty() {
            return Ok(tree);
        }
        self.clone_of(side)?.with(|repo, _| edit::edit(repo, tree, files))
    }

    /// A commit with this tree on the branch of one side; none where the branch has that tree.
    fn update(
        &self,
        side: Side,
        view: &View,
        tree: Option<Oid>,
        message: &str,
    ) -> Result<Option<Update>, StoreError> {
        let place = self.place(side);
        let tip = view.tip(place);
        let new = self.clone_of(side)?.with(|repo, _| {
            let parent = tip.map(|tip| repo.find_commit(tip)).transpose()?;
            if tree == parent.as_ref().map(git2::Commit::tree_id) {
                return Ok(None);
            }
            let tree = match tree {
                Some(tree) => tree,
                None => repo.treebuilder(None)?.write()?,
            };
            let author = author()?;
            let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
            step();
            repo.commit(None, &author, &author, message, &repo.find_tree(tree)?, &parents).map(Some)
        })?;
        Ok(new.map(|new| Update { branch: place.branch, old: tip, new }))
    }

    /// Writes what `decide` makes of the stores as they are: a message, and the files of each side's
    /// branch; and again if somebody else writes meanwhile.
    pub(super) fn write_files<T>(
        &self,
        decide: impl Fn(&GitStores, &View) -> Result<(String, BTreeMap<Side, Files>, T), StoreError>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let mut turn = Turn::take(&self.clone_of(Side::State)?.shown());
        let mut lost = 0;
        let mut first = None;
        loop {
            let mut value = None;
            let updates = self.at_tips(|view| {
                let (message, sides, decided) = decide(self, view)?;
                value = Some(decided);
                // Both sides of a shared store lie on one branch.
                let mut branches: BTreeMap<(usize, usize), (Side, Files)> = BTreeMap::new();
                for (side, files) in sides {
                    let place = self.place(side);
                    let branch = branches.entry((place.clone, place.branch)).or_insert((side, Files::new()));
                    branch.1.extend(files);
                }
                let mut updates: BTreeMap<usize, Vec<Update>> = BTreeMap::new();
                for ((clone, _), (side, files)) in branches {
                    let old = self.tree(side, view.tip(self.place(side)))?;
                    let new = self.edited(side, old, &files)?;
                    let update = self.update(side, view, new, &format!("{message}\n"))?;
                    updates.entry(clone).or_default().extend(update);
                }
                Ok(updates)
            })?;
            let total: usize = updates.values().map(Vec::len).sum();
            let next = self.clones.iter().enumerate().find_map(|(index, clone)| {
                let updates = updates.get(&index).filter(|updates| !updates.is_empty())?;
                let one = updates.get(..1).filter(|_| !clone.is_atomic());
                Some((clone, one.unwrap_or(updates)))
            });
            // What was decided first counts: after a part of it was pushed there seems to be less to do.
            let decided = first.take().or(value);
            let Some((clone, updates)) = next else {
                if let Some(value) = decided {
                    return Ok(value);
                }
                continue;
            };
            match (clone.push(updates, &mut turn)?, decided) {
                (Pushed::Done, Some(value)) if updates.len() == total => return Ok(value),
                (Pushed::Done, decided) => first = decided,
                (Pushed::NotAtomic, _) => {}
                (Pushed::Moved, _) => {
                    lost += 1;
                    if began.elapsed() >= self.limit {
                        return Err(StoreError::Crowded { url: clone.shown(), waited: began.elapsed() });
                    }
                    pause(lost);
                    clone.fetch()?;
                }
            }
        }
    }
}

/// Whether a ref is that of a repo's configuration at a commit.
fn is_config(reference: &Ref) -> bool {
    let file = reference.path() == repo_config::FILE;
    file && reference.kind().is_none() && reference.release().is_some_and(|release| !release.is_empty())
}

/// What happened, and to which documents.
fn message(subject: &str, refs: &[&Ref]) -> String {
    let subject = if subject.is_empty() { "ocuroot" } else { subject };
    let refs: String = refs.iter().map(|reference| format!("{reference}\n")).collect();
    format!("{}\n\n{refs}", subject.lines().next().unwrap_or_default())
}

/// Author and committer (spec: store, "Git commits").
fn author() -> Result<Signature<'static>, git2::Error> {
    let variable = |name: &str, default: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        value.unwrap_or_else(|| default.to_owned()).replace(['<', '>', '\n', '\0'], "")
    };
    Signature::now(
        &variable("OCUROOT_GIT_USER_NAME", "Ocuroot"),
        &variable("OCUROOT_GIT_USER_EMAIL", "contact@ocuroot.com"),
    )
}

/// Waits a moment before the next try, longer each time, and for everybody else than for others.
pub(super) fn pause(lost: u32) {
    let most = 20u64.saturating_mul(1 << lost.min(7));
    std::thread::sleep(Duration::from_millis(RandomState::new().hash_one(lost) % most));
}
