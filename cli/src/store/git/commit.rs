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

use super::super::error::{RemoteProblem, StoreError};
use super::super::layout::document_path;
use super::super::marker::NAME as MARKER;
use super::super::steps::step;
use super::clone::Clone as BareClone;
use super::edit::{self, Files};
use super::objects::Paths;
use super::push::{FEW, Pushed, Update};
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
        let start = self.moves();
        let mut rest = transaction.clone();
        let mut tries = Tries::new(self.limit);
        let mut partly = false;
        loop {
            let conflicts = self.at_tips(|view| match self.old_place(view)? {
                Some(path) if !rest.is_empty() => Err(StoreError::OldVersion { path, found: 1 }),
                Some(_) => Ok(Vec::new()),
                None => self.conflicts(view, &rest),
            })?;
            if !conflicts.is_empty() && partly {
                // Of two remotes the first has it; what somebody wrote in the other stays theirs.
                tracing::warn!(?conflicts, "left as somebody else has written it meanwhile");
                for conflict in &conflicts {
                    rest.writes.remove(conflict);
                    rest.requires.remove(conflict);
                }
                continue;
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
            let concerned = self.concerned(&rest)?;
            if tries.lost == 0
                && let Some((clone, branches)) = &concerned
                && clone.is_behind(branches)
            {
                tries.lost += 1;
                clone.catch_up()?;
                continue;
            }
            let begun = concerned.and_then(|(clone, _)| clone.begin(rest.writes.len() < FEW));
            let nothing = Snapshot::default();
            let known = if self.moves() == start { snapshot } else { &nothing };
            let stage = self.next_stage(&rest, known)?;
            let Some(Stage { clone, updates, sides }) = stage else {
                return Ok(Outcome::Done { moved: self.moves() != start });
            };
            let pushed =
                if updates.is_empty() { Ok(Pushed::Done) } else { clone.push(&updates, my_turn, begun) };
            match pushed {
                Ok(Pushed::Done) => {
                    let open = |reference: &Ref| !sides.contains(&reference.marker().unwrap_or(Side::State));
                    rest.writes.retain(|reference, _| open(reference));
                    rest.requires.retain(|reference, _| open(reference));
                    partly |= !updates.is_empty();
                }
                Ok(Pushed::NotAtomic) => {}
                Ok(Pushed::Moved { branch, why }) => tries.again(clone, &updates, branch, why)?,
                Err(error) if partly => return Err(StoreError::Partly { error: Box::new(error) }),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where a transaction is pushed first, and the branches there that it is about. None where it writes
    /// nothing.
    fn concerned(
        &self,
        transaction: &Transaction,
    ) -> Result<Option<(&BareClone, BTreeSet<usize>)>, StoreError> {
        let side = |reference: &Ref| reference.marker().unwrap_or(Side::State);
        let Some(first) = transaction.writes.keys().map(side).min() else { return Ok(None) };
        let at = self.place(first).clone;
        let places = transaction.writes.keys().chain(transaction.requires.keys());
        let places = places.map(|reference| self.place(side(reference)));
        let branches = places.filter(|place| place.clone == at).map(|place| place.branch).collect();
        Ok(Some((self.clone_of(first)?, branches)))
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
    ) -> Result<Option<Stage<'_>>, StoreError> {
        let sides: BTreeSet<Side> =
            transaction.writes.keys().map(|reference| reference.marker().unwrap_or(Side::State)).collect();
        let Some(first) = sides.first() else { return Ok(None) };
        let clone = self.clone_of(*first)?;
        let one_remote = sides.iter().all(|side| self.place(*side).clone == self.place(*first).clone);
        let one_branch = one_remote && self.state.branch == self.intent.branch;
        let together = sides.len() > 1 && one_remote && (one_branch || clone.is_atomic());
        let sides = if together { sides } else { BTreeSet::from([*first]) };
        let mut updates = self.at_tips(|view| self.commits(view, transaction, &sides, snapshot))?;
        if !updates.is_empty() && self.clones.len() == 1 && !one_branch {
            updates.extend(self.unchanged(transaction, &sides)?);
        }
        if updates.is_empty()
            && transaction.writes.keys().all(|at| sides.contains(&at.marker().unwrap_or(Side::State)))
        {
            return Ok(None);
        }
        Ok(Some(Stage { clone, updates, sides }))
    }

    /// The branch of a side of which something is required and nothing written, as it is: pushed with
    /// the others, so that the remote looks whether it still is.
    fn unchanged(
        &self,
        transaction: &Transaction,
        sides: &BTreeSet<Side>,
    ) -> Result<Option<Update>, StoreError> {
        let required = SIDES.into_iter().find(|side| {
            let on = |reference: &Ref| reference.marker().unwrap_or(Side::State) == *side;
            !sides.contains(side) && transaction.requires.keys().any(on) && !transaction.writes.keys().any(on)
        });
        let Some(side) = required else { return Ok(None) };
        if !self.clone_of(side)?.is_atomic() {
            return Ok(None);
        }
        let view = self.view()?;
        let place = self.place(side);
        let update = |tip| Update { branch: place.branch, old: Some(tip), new: tip, objects: Vec::new() };
        Ok(view.tip(place).map(update))
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
                if path.split('/').any(|segment| segment.eq_ignore_ascii_case(".git")) {
                    return Err(StoreError::GitName { reference: reference.clone() });
                }
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
            let mut objects = Vec::new();
            let mut new = self.edited(side, old, &files, &mut objects)?;
            if sides.contains(&Side::State) && branch == self.state.branch && new != old {
                let summaries = self.summaries(view, transaction, new, snapshot)?;
                new = self.edited(side, new, &summaries, &mut objects)?;
            }
            updates.extend(self.update(side, view, new, objects, &message)?);
        }
        Ok(updates)
    }

    /// The tree of a commit.
    pub(super) fn tree(&self, side: Side, commit: Option<Oid>) -> Result<Option<Oid>, StoreError> {
        let Some(commit) = commit else { return Ok(None) };
        self.clone_of(side)?.with(|repo, _| Ok(Some(repo.find_commit(commit)?.tree_id())))
    }

    /// A branch's tree with files changed. The objects that it takes are added to `objects`.
    pub(super) fn edited(
        &self,
        side: Side,
        tree: Option<Oid>,
        files: &Files,
        objects: &mut Vec<Oid>,
    ) -> Result<Option<Oid>, StoreError> {
        if files.is_empty() {
            return Ok(tree);
        }
        let (tree, new) = self.clone_of(side)?.with(|repo, _| edit::edit(repo, tree, files))?;
        objects.extend(new);
        Ok(tree)
    }

    /// A commit with this tree, which takes these `objects`, on the branch of one side; none where the
    /// branch has that tree.
    fn update(
        &self,
        side: Side,
        view: &View,
        tree: Option<Oid>,
        mut objects: Vec<Oid>,
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
            let commit = repo.commit(None, &author, &author, message, &repo.find_tree(tree)?, &parents)?;
            Ok(Some((commit, tree)))
        })?;
        Ok(new.map(|(new, tree)| {
            objects.extend([tree, new]);
            Update { branch: place.branch, old: tip, new, objects }
        }))
    }

    /// Writes what `decide` makes of the stores as they are: a message, and the files of each side's
    /// branch; and again if somebody else writes meanwhile. Where it takes several pushes, intent goes
    /// first, since what moves from state to intent must not be gone from both; then the rest is
    /// written as it was decided.
    pub(super) fn write_files<T>(
        &self,
        decide: impl Fn(&GitStores, &View) -> Result<Change<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let turn = Turn::take(&self.clone_of(Side::State)?.shown());
        let mut tries = Tries::new(self.limit);
        let mut begun: Option<Change<T>> = None;
        loop {
            let mut decided = match begun.take() {
                Some(decided) => decided,
                None => self.at_tips(|view| decide(self, view))?,
            };
            let next = self.next_files(&decided)?;
            let Some(Stage { clone, updates, sides }) = next else { return Ok(decided.value) };
            match clone.push(&updates, &turn, None)? {
                Pushed::Done => {
                    decided.files.retain(|side, _| !sides.contains(side));
                    begun = Some(decided);
                }
                Pushed::NotAtomic => {}
                Pushed::Moved { branch, why } => {
                    // What was begun is ended as it was meant.
                    begun = tries.begun.then_some(decided);
                    tries.again(clone, &updates, branch, why)?;
                }
            }
            tries.begun |= begun.is_some();
        }
    }

    /// The commits of what can be pushed next, and whose files they hold. None when nothing is left.
    fn next_files<T>(&self, decided: &Change<T>) -> Result<Option<Stage<'_>>, StoreError> {
        let both = decided.files.len() > 1;
        let one_remote = self.state.clone == self.intent.clone;
        let one_branch = one_remote && self.state.branch == self.intent.branch;
        let together = both && one_remote && (one_branch || self.clone_of(Side::State)?.is_atomic());
        let groups: Vec<BTreeSet<Side>> = if together {
            vec![decided.files.keys().copied().collect()]
        } else {
            decided.files.keys().rev().map(|side| BTreeSet::from([*side])).collect()
        };
        for sides in groups {
            let updates = self.at_tips(|view| {
                // Both sides of a shared store lie on one branch.
                let mut branches: BTreeMap<usize, (Side, Files)> = BTreeMap::new();
                for side in &sides {
                    let branch = branches.entry(self.place(*side).branch).or_insert((*side, Files::new()));
                    branch.1.extend(decided.files.get(side).cloned().unwrap_or_default());
                }
                let mut updates = Vec::new();
                for (side, files) in branches.into_values() {
                    let old = self.tree(side, view.tip(self.place(side)))?;
                    let mut objects = Vec::new();
                    let new = self.edited(side, old, &files, &mut objects)?;
                    let message = format!("{}\n", decided.message);
                    updates.extend(self.update(side, view, new, objects, &message)?);
                }
                Ok(updates)
            })?;
            let Some(first) = sides.first().filter(|_| !updates.is_empty()) else { continue };
            return Ok(Some(Stage { clone: self.clone_of(*first)?, updates, sides }));
        }
        Ok(None)
    }
}

/// What becomes of files that are no documents by themselves.
pub(super) struct Change<T> {
    /// Subject of the commits.
    pub(super) message: String,
    /// The files of each side's branch.
    pub(super) files: BTreeMap<Side, Files>,
    /// What else came of the decision.
    pub(super) value: T,
}

/// What can be pushed at once.
struct Stage<'s> {
    clone: &'s BareClone,
    updates: Vec<Update>,
    /// Whose documents these commits hold.
    sides: BTreeSet<Side>,
}

/// How a push goes again and again.
struct Tries {
    since: Instant,
    limit: Duration,
    lost: u32,
    /// How often in a row nobody was seen who was faster.
    alone: u32,
    begun: bool,
}

/// How often a remote may claim that a branch has moved that has not.
const ALONE: u32 = 6;

impl Tries {
    fn new(limit: Duration) -> Tries {
        Tries { since: Instant::now(), limit, lost: 0, alone: 0, begun: false }
    }

    /// After a push that came too late: fetches, unless it is time to give up.
    fn again(
        &mut self,
        clone: &BareClone,
        updates: &[Update],
        branch: String,
        message: String,
    ) -> Result<(), StoreError> {
        self.lost += 1;
        if self.since.elapsed() >= self.limit {
            return Err(StoreError::Crowded { url: clone.shown(), waited: self.since.elapsed() });
        }
        pause(self.lost);
        clone.fetch()?;
        self.alone = if clone.is_unmoved(updates) { self.alone + 1 } else { 0 };
        if self.alone >= ALONE {
            let problem = RemoteProblem::Declined { branch, message };
            return Err(StoreError::Remote { url: clone.shown(), problem });
        }
        Ok(())
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
