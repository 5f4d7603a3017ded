//! Stores on branches of git repos.
//!
//! A transaction is a commit, and it has happened once the remote has it. So there is no lock: who
//! pushes to a branch that has moved on meanwhile is refused, fetches, and builds the same change on
//! what is there now, as long as what the transaction requires still holds. What does not hold any
//! more is a conflict, and is decided anew.
//!
//! * [`clone`] keeps a bare clone, fetches and pushes, through the user's [git](command).
//! * [`objects`] reads folders and documents off its object database, [`edit`] writes changed ones.
//! * [`whole`] does what concerns all documents at once: stores of version 1, upgrades, imports.
//! * [`summaries`] keeps what viewers need first beside the documents.
//! * [`answers`] keeps what was found out about stores that have not changed since.
//! * [`turn`] lets the writers of one machine take turns, [`upkeep`] keeps a clone small.
//!
//! A command fetches once. What it decides later it decides on that and on what it pushed itself: if
//! the remote has moved, the push says so.

mod answers;
mod clone;
mod command;
mod edit;
mod objects;
mod summaries;
mod turn;
mod upkeep;
mod whole;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use git2::{Oid, Signature};
use ocuroot_core::envelope::BlobId;
use ocuroot_core::repo_config::{self, strip_userinfo};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::transaction::{Expect, Transaction, Write};
use ocuroot_core::{Marker as Side, Ref};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Moment;
use super::error::StoreError;
use super::layout::document_path;
use super::marker::{self, NAME as MARKER, StoreMarker};
use super::old::Translated;
use answers::Answers;
use clone::{Branch, Clone as BareClone, Pushed, Update, Wanted};
use edit::Files;
use objects::{Entry, Paths};
pub(super) use turn::Turn;

/// Where a store lies in git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLocation {
    /// What git fetches from and pushes to; may hold userinfo.
    pub url: String,
    /// The branch; by default the remote's default branch.
    pub branch: Option<String>,
    /// Whether to make the branch where it is missing.
    pub create_branch: bool,
    /// Files to write besides, by path from the branch's root.
    pub support_files: BTreeMap<String, String>,
}

/// Where one side lies.
#[derive(Debug)]
struct Place {
    /// Index into the clones.
    clone: usize,
    /// Index into that clone's branches.
    branch: usize,
    /// Of all paths: empty, or the folder of a shared store with a slash.
    prefix: &'static str,
    support_files: BTreeMap<String, String>,
}

/// For how long to try against others who write.
const LIMIT: Duration = Duration::from_secs(120);

const SIDES: [Side; 2] = [Side::State, Side::Intent];

/// A state and an intent store on branches.
#[derive(Debug)]
pub(super) struct GitStores {
    clones: Vec<BareClone>,
    state: Place,
    intent: Place,
    limit: Duration,
    view: RefCell<Option<View>>,
    /// Stores of version 1 in today's terms, as they were at these tips.
    translated: RefCell<Option<(Vec<Vec<Branch>>, Arc<Translated>)>>,
    answers: Answers,
}

/// What the stores are at the tips of their branches.
#[derive(Clone, Debug)]
struct View {
    tips: Vec<Vec<Branch>>,
    state: SideView,
    intent: SideView,
    /// The tree of a shared branch that is a store of version 1.
    old_root: Option<Oid>,
}

#[derive(Clone, Debug)]
struct SideView {
    /// The tree with `refs/`; none where there is nothing.
    root: Option<Oid>,
    marker: StoreMarker,
}

impl View {
    fn side(&self, side: Side) -> &SideView {
        match side {
            Side::State => &self.state,
            Side::Intent => &self.intent,
        }
    }

    fn tip(&self, place: &Place) -> Option<Oid> {
        self.tips
            .get(place.clone)
            .and_then(|branches| branches.get(place.branch))
            .and_then(|branch| branch.tip)
    }
}

/// What became of a transaction.
pub(super) enum Outcome {
    /// It was carried out. `moved` says that others have written since the snapshot was loaded.
    Done { moved: bool },
    /// Nothing was written: these documents are not as the transaction requires.
    Conflict(Vec<Ref>),
}

impl GitStores {
    /// The stores at these places; without `intent`, both in folders of the one branch. The remote is
    /// asked when something is needed of it.
    ///
    /// # Errors
    /// When there is no place for clones, both sides would lie in each other's way, or a support file
    /// would.
    pub(super) fn open(
        state: GitLocation,
        intent: Option<GitLocation>,
        home: Option<PathBuf>,
    ) -> Result<GitStores, StoreError> {
        let home = home.ok_or(StoreError::NoHome)?;
        for location in [Some(&state), intent.as_ref()].into_iter().flatten() {
            check_support_files(&location.support_files)?;
            hide_userinfo(&location.url);
        }
        let wanted = |location: &GitLocation| Wanted {
            branch: location.branch.clone(),
            create: location.create_branch,
        };
        let place = |clone, branch, prefix, location: &GitLocation| Place {
            clone,
            branch,
            prefix,
            support_files: location.support_files.clone(),
        };
        let (clones, state, intent) = match &intent {
            None => (
                vec![BareClone::new(&home, &state.url, vec![wanted(&state)])],
                place(0, 0, "state/", &state),
                Place { support_files: BTreeMap::new(), ..place(0, 0, "intent/", &state) },
            ),
            Some(intent) if intent.url == state.url => {
                if intent.branch == state.branch {
                    let branch = state.branch.unwrap_or_else(|| "(the default branch)".to_owned());
                    return Err(StoreError::SameBranch { url: strip_userinfo(&state.url), branch });
                }
                (
                    vec![BareClone::new(&home, &state.url, vec![wanted(&state), wanted(intent)])],
                    place(0, 0, "", &state),
                    place(0, 1, "", intent),
                )
            }
            Some(intent) => (
                vec![
                    BareClone::new(&home, &state.url, vec![wanted(&state)]),
                    BareClone::new(&home, &intent.url, vec![wanted(intent)]),
                ],
                place(0, 0, "", &state),
                place(1, 0, "", intent),
            ),
        };
        clones.iter().for_each(BareClone::keep_up);
        Ok(GitStores {
            clones,
            state,
            intent,
            limit: LIMIT,
            view: RefCell::default(),
            translated: RefCell::default(),
            answers: Answers::new(&home),
        })
    }

    /// Sets for how long to try against others who write.
    pub(super) fn set_wait_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Where state and intent are, for messages.
    pub(super) fn describe(&self) -> String {
        let shown = |place: &Place| self.clones.get(place.clone).map(BareClone::shown).unwrap_or_default();
        match (self.state.prefix, self.intent.clone) {
            ("", _) => format!("{} (state) and {} (intent)", shown(&self.state), shown(&self.intent)),
            _ => shown(&self.state),
        }
    }

    fn place(&self, side: Side) -> &Place {
        match side {
            Side::State => &self.state,
            Side::Intent => &self.intent,
        }
    }

    fn clone_of(&self, side: Side) -> Result<&BareClone, StoreError> {
        self.clones.get(self.place(side).clone).ok_or(StoreError::MixedKinds)
    }

    /// How often the stores were found to be others than before.
    fn moves(&self) -> u64 {
        self.clones.iter().map(BareClone::moves).sum()
    }

    /// The stores at the tips, as far as this process knows.
    fn view(&self) -> Result<View, StoreError> {
        let tips = self.clones.iter().map(BareClone::branches).collect::<Result<Vec<_>, _>>()?;
        if let Some(view) = self.view.borrow().as_ref().filter(|view| view.tips == tips) {
            return Ok(view.clone());
        }
        if let Some(branch) = self.same_branch(&tips) {
            return Err(StoreError::SameBranch { url: self.clone_of(Side::State)?.shown(), branch });
        }
        let side = |side| self.side_view(side, &tips);
        let (state, intent) = (side(Side::State)?, side(Side::Intent)?);
        let tip = tips.first().and_then(|branches| branches.first()).and_then(|branch| branch.tip);
        let old_root = self.old_root(tip, [&state.marker, &intent.marker])?;
        let view = View { state, intent, old_root, tips };
        *self.view.borrow_mut() = Some(view.clone());
        Ok(view)
    }

    /// The branch that both sides lie on, one of which names it and the other takes it by default.
    fn same_branch(&self, tips: &[Vec<Branch>]) -> Option<String> {
        let [state, intent] = tips.first()?.as_slice() else { return None };
        (state.name == intent.name).then(|| state.name.clone())
    }

    fn side_view(&self, side: Side, tips: &[Vec<Branch>]) -> Result<SideView, StoreError> {
        let place = self.place(side);
        let clone = self.clone_of(side)?;
        let branch = tips.get(place.clone).and_then(|branches| branches.get(place.branch));
        let tip = branch.and_then(|branch| branch.tip);
        let (root, marker) = clone.with(|repo, odb| {
            let Some(tip) = tip else { return Ok((None, None)) };
            let tree = repo.find_commit(tip)?.tree_id();
            let root = match objects::at_path(odb, tree, place.prefix)? {
                Some(Entry::Tree(root)) => root,
                _ => return Ok((None, None)),
            };
            Ok((Some(root), objects::at_path(odb, root, MARKER)?))
        })?;
        let marker = match marker {
            Some(Entry::Blob(marker)) => {
                let bytes = self.marker_bytes(clone, marker)?;
                let branch = branch.map(|branch| branch.name.as_str()).unwrap_or_default();
                let where_ = format!("{}, branch {branch}, {}", clone.shown(), place.prefix);
                StoreMarker::parse(&bytes, Path::new(where_.trim_end_matches([' ', ',', '/'])), side)?
            }
            _ => StoreMarker::Missing,
        };
        Ok(SideView { root, marker })
    }

    /// The bytes of a marker, which almost always are known by their id.
    fn marker_bytes(&self, clone: &BareClone, marker: Oid) -> Result<Vec<u8>, StoreError> {
        if let Some(text) = blob_id(marker).and_then(marker::well_known) {
            return Ok(text.into_bytes());
        }
        clone.fetch_blobs(&[marker])?;
        clone.with(|_, odb| Ok(odb.read(marker)?.data().to_vec()))
    }

    /// Calls `work` with the stores as they are, and again if a clone had to be made anew meanwhile.
    fn at_tips<T>(&self, mut work: impl FnMut(&View) -> Result<T, StoreError>) -> Result<T, StoreError> {
        loop {
            let view = self.view()?;
            let before = self.moves();
            let result = work(&view);
            if self.moves() == before {
                return result;
            }
        }
    }

    /// Loads what is needed, and says at which moment that was.
    ///
    /// # Errors
    /// When the remote or the clone cannot be read.
    pub(super) fn load(&self, needs: &Needs, snapshot: &mut Snapshot) -> Result<Moment, StoreError> {
        self.at_tips(|view| {
            if let Some(old) = self.translated(view)? {
                old.load(needs, snapshot);
                return Ok(());
            }
            for folder in &needs.folders {
                let root = view.side(folder.side).root;
                let listed = RefCell::new(&mut *snapshot);
                self.clone_of(folder.side)?
                    .with(|_, odb| objects::list(odb, root, folder, &mut listed.borrow_mut()))?;
            }
            for (reference, bytes) in self.bodies(view, needs)? {
                snapshot.load(&reference, bytes.as_deref());
            }
            Ok(())
        })?;
        Ok([Some(self.moves()), None])
    }

    fn bodies(&self, view: &View, needs: &Needs) -> Result<Vec<(Ref, Option<Vec<u8>>)>, StoreError> {
        let mut bodies = Vec::new();
        for side in SIDES {
            let wanted: Vec<(&Ref, String)> = needs
                .bodies
                .iter()
                .filter_map(|reference| Some((reference, document_path(reference)?)))
                .filter(|(_, (of, _))| *of == side)
                .map(|(reference, (_, path))| (reference, path))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let clone = self.clone_of(side)?;
            let root = view.side(side).root;
            let blobs = clone.with(|_, odb| {
                let mut paths = Paths::new(odb, root);
                wanted.iter().map(|(_, path)| paths.blob(path)).collect::<Result<Vec<_>, _>>()
            })?;
            clone.fetch_blobs(&blobs.iter().flatten().copied().collect::<Vec<_>>())?;
            let read = clone.with(|_, odb| {
                let read = |blob: &Option<Oid>| {
                    blob.map(|blob| odb.read(blob).map(|object| object.data().to_vec())).transpose()
                };
                blobs.iter().map(read).collect::<Result<Vec<_>, _>>()
            })?;
            bodies.extend(wanted.into_iter().map(|(reference, _)| reference.clone()).zip(read));
        }
        // What no store can hold is not there.
        let nowhere = needs.bodies.iter().filter(|reference| document_path(reference).is_none());
        bodies.extend(nowhere.map(|reference| (reference.clone(), None)));
        Ok(bodies)
    }

    /// The answer to a question about all of both stores, which nothing but they decide: kept from the
    /// last time, if they are as they were then.
    ///
    /// # Errors
    /// When the stores cannot be read, and those of `ask`.
    pub(super) fn remembered<T: Serialize + DeserializeOwned, E: From<StoreError>>(
        &self,
        question: &str,
        ask: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let trees = |stores: &GitStores| -> Result<String, StoreError> {
            let view = stores.view()?;
            Ok(format!("{:?} {:?} {:?}", view.state.root, view.intent.root, view.old_root))
        };
        let before = trees(self)?;
        if let Some(answer) = self.answers.get(question, &before) {
            return Ok(answer);
        }
        let answer = ask()?;
        if trees(self)? == before {
            self.answers.keep(question, &before, &answer);
        }
        Ok(answer)
    }

    /// Carries out a transaction, unless something that it requires does not hold. `snapshot` is what
    /// the caller knows of the stores at their tips, so that it is not read twice. `turn` is the
    /// caller's turn to write, if it has one; after a conflict it has, so that it can decide anew
    /// while the others of this machine wait.
    ///
    /// # Errors
    /// When it cannot be pushed. Then nothing was.
    pub(super) fn commit(
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
            match clone.push(&updates, my_turn)? {
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
    fn tree(&self, side: Side, commit: Option<Oid>) -> Result<Option<Oid>, StoreError> {
        let Some(commit) = commit else { return Ok(None) };
        self.clone_of(side)?.with(|repo, _| Ok(Some(repo.find_commit(commit)?.tree_id())))
    }

    /// A branch's tree with files changed.
    fn edited(&self, side: Side, tree: Option<Oid>, files: &Files) -> Result<Option<Oid>, StoreError> {
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
            super::steps::step();
            repo.commit(None, &author, &author, message, &repo.find_tree(tree)?, &parents).map(Some)
        })?;
        Ok(new.map(|new| Update { branch: place.branch, old: tip, new }))
    }

    /// Writes what `decide` makes of the stores as they are: a message, and the files of each side's
    /// branch; and again if somebody else writes meanwhile.
    fn write_files<T>(
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

fn blob_id(id: Oid) -> Option<BlobId> {
    id.as_bytes().try_into().ok().map(BlobId)
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
fn pause(lost: u32) {
    let most = 20u64.saturating_mul(1 << lost.min(7));
    std::thread::sleep(Duration::from_millis(RandomState::new().hash_one(lost) % most));
}

/// A password or token in a URL is a secret wherever it would turn up.
fn hide_userinfo(url: &str) {
    let Some((_, rest)) = url.split_once("://") else { return };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((userinfo, _)) = authority.rsplit_once('@') else { return };
    match userinfo.split_once(':') {
        Some((_, password)) => crate::secrets::known().add(password),
        // A token that stands for user and password; `git` and other names are no secrets.
        None if userinfo.len() >= SHORTEST_TOKEN => crate::secrets::known().add(userinfo),
        None => {}
    }
}

/// The length of a userinfo without a password from which on it is taken for a token.
const SHORTEST_TOKEN: usize = 16;

/// Refuses support files that would lie in the way of the store's own.
fn check_support_files(files: &BTreeMap<String, String>) -> Result<(), StoreError> {
    for path in files.keys() {
        let refuse = |reason| Err(StoreError::SupportFile { path: path.clone(), reason });
        let segments: Vec<&str> = path.split('/').collect();
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return refuse("it must be a path from the branch's root, without `.` and `..`");
        }
        if segments.iter().any(|segment| segment.eq_ignore_ascii_case(".git")) {
            return refuse("git keeps .git for itself");
        }
        let below = match segments.as_slice() {
            ["state" | "intent", rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        if matches!(below, ["refs" | ".ocuroot" | MARKER, ..]) {
            return refuse("that is where the store keeps its own files");
        }
    }
    Ok(())
}
