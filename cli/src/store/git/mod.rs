//! Stores on branches of git repos.
//!
//! A transaction is a commit, and it has happened once the remote has it. So there is no lock: who
//! pushes to a branch that has moved on meanwhile is refused, fetches, and builds the same change on
//! what is there now, as long as what the transaction requires still holds. What does not hold any
//! more is a conflict, and is decided anew.
//!
//! * [`clone`] keeps a bare clone and fetches, [`push`] pushes, through the user's [git](command); to a remote
//!   in a folder of this machine with less ado ([`local`]).
//! * [`objects`] reads folders and documents off its object database, [`edit`] writes changed ones, [`commit`]
//!   makes commits of transactions and sees them to the remote.
//! * [`whole`] does what concerns all documents at once: stores of version 1, upgrades, imports.
//! * [`summaries`] keeps what viewers need first beside the documents.
//! * [`offer`] shows them as they are, with their history.
//! * [`answers`] keeps what was found out about stores that have not changed since.
//! * [`turn`] lets the writers of one machine take turns, and hand on in [packs](pack) what they have written;
//!   [`upkeep`] keeps a clone small.
//!
//! A command fetches once. What it decides later it decides on that and on what it pushed itself: if
//! the remote has moved, the push says so.

mod answers;
mod clone;
mod command;
mod commit;
mod edit;
mod local;
mod objects;
mod offer;
mod pack;
mod push;
mod summaries;
mod turn;
mod upkeep;
mod whole;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git2::Oid;
use ocuroot_core::envelope::BlobId;
use ocuroot_core::repo_config::strip_userinfo;
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::{Marker as Side, Ref};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Moment;
use super::error::StoreError;
use super::layout::document_path;
use super::marker::{self, NAME as MARKER, StoreMarker};
use super::old::Translated;
use answers::Answers;
use clone::{Branch, Clone as BareClone, Wanted};
pub(super) use commit::Outcome;
use objects::{Entry, Paths};
pub(super) use offer::BranchOffer;

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
    translated: RefCell<Option<(Tips, Arc<Translated>)>>,
    answers: Answers,
}

/// The branches of each clone, as they were fetched.
type Tips = Vec<Vec<Branch>>;

/// Documents as they were read; none where there is none.
type Bodies = Vec<(Ref, Option<Vec<u8>>)>;

/// What the stores are at the tips of their branches.
#[derive(Clone, Debug)]
struct View {
    tips: Tips,
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
        // Git runs in the clone, where a relative path would lead elsewhere.
        let home = std::path::absolute(&home).unwrap_or(home);
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
            Some(intent) if same_place(&intent.url, &state.url) => {
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

    /// For how long to try.
    pub(super) fn wait_limit(&self) -> Duration {
        self.limit
    }

    /// The moment that is known; none before the first fetch.
    pub(super) fn moment(&self) -> Option<Moment> {
        let moves = self.moves();
        (moves > 0).then_some([Some(moves), None])
    }

    /// Where state and intent are, for messages.
    pub(super) fn describe(&self) -> String {
        let shown = |place: &Place| self.clones.get(place.clone).map(BareClone::shown).unwrap_or_default();
        match (self.state.prefix, self.intent.clone) {
            ("", _) => format!("{} (state) and {} (intent)", shown(&self.state), shown(&self.intent)),
            _ => shown(&self.state),
        }
    }

    /// Where one side lies, with its branch by name.
    fn location(&self, side: Side) -> GitLocation {
        let place = self.place(side);
        let clone = self.clones.get(place.clone);
        let wanted = clone.and_then(|clone| clone.wanted(place.branch));
        GitLocation {
            url: clone.map(|clone| clone.url().to_owned()).unwrap_or_default(),
            branch: wanted.and_then(|wanted| wanted.branch.clone()),
            create_branch: wanted.is_some_and(|wanted| wanted.create),
            support_files: place.support_files.clone(),
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

    fn bodies(&self, view: &View, needs: &Needs) -> Result<Bodies, StoreError> {
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
}

fn blob_id(id: Oid) -> Option<BlobId> {
    id.as_bytes().try_into().ok().map(BlobId)
}

/// Whether two URLs name one repo, as far as their spelling tells.
fn same_place(one: &str, other: &str) -> bool {
    let plain = |url: &str| {
        let path = url.strip_prefix("file://").unwrap_or(url);
        match std::fs::canonicalize(path) {
            Ok(path) => path.to_string_lossy().into_owned(),
            Err(_) => strip_userinfo(url).trim_end_matches('/').trim_end_matches(".git").to_owned(),
        }
    };
    plain(one) == plain(other)
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
