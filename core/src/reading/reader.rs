//! What is read so far, and what is to be done next.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::branch::{Branch, Look};
use super::foresee::Foresight;
use super::forest::Forest;
use super::id::Id;
use super::keep::Keep;
use super::listing::{OBJECT, Walk};
use super::marker::Layout;
use super::{Place, Wants};
use crate::generations::{OldFile, Remark};
use crate::hosts::{Ask, Change, Commit};
use crate::refs::{Marker, Ref};
use crate::snapshot::{Folder, Needs, Snapshot, address};
use crate::summary::Summary;

/// How many pages of commits are looked through for the intent of an earlier time.
pub const PAGES: u32 = 20;
/// The most files in one question: an answer is a step that one sees.
pub(super) const FILES: usize = 1000;
/// A subtree of so many entries is listed at once, whatever a pattern leaves out of it.
pub(super) const SMALL: usize = 10_000;
/// Of two commits that differ in more files than this, folders are listed.
pub(super) const FOLLOWED: usize = 30;
/// One that was known before is listed at once only if it had no more than so many: the rest of it need
/// not travel again.
pub(super) const CHANGED: usize = 2_000;

/// Why a store cannot be read, whatever is asked of its host again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The state store's branch is not there.
    #[error("there is no branch {}", name.as_deref().unwrap_or("at all: the repo is empty"))]
    NoBranch {
        /// Its name; none for the default branch.
        name: Option<String>,
    },
    /// The state store's branch holds other files, and no store.
    #[error("{} holds files, and no store: is the store on another branch? If it is to be here, the first release writes it", name.as_ref().map_or_else(|| "the default branch".to_owned(), |name| format!("branch {name}")))]
    NoStore {
        /// Its name; none for the default branch.
        name: Option<String>,
    },
    /// A version of the future.
    #[error("the {} store has version {found}, and this build of Ocuroot knows versions 1, 2 and 3: use a newer one", name(*side))]
    Version {
        /// Which store.
        side: Marker,
        /// Its version, as it is written there.
        found: String,
    },
    /// The other store's branch was named.
    #[error("what should be the {} store is the other one: state and intent may be mixed up in the address", name(*side))]
    Side {
        /// Which store was to be there.
        side: Marker,
    },
    /// A marker that is none.
    #[error("the {} store's .ocuroot-store does not say which version it is ({why})", name(*side))]
    Marker {
        /// Which store.
        side: Marker,
        /// Why.
        why: String,
    },
    /// The host contradicts itself.
    #[error("the host's answer about {path} is none that a git repo can give")]
    Nonsense {
        /// The file or folder that it was asked for.
        path: String,
    },
}

fn name(side: Marker) -> &'static str {
    match side {
        Marker::State => "state",
        Marker::Intent => "intent",
    }
}

/// What new commits have brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Whether the state branch is at another commit.
    pub state: bool,
    /// Whether the intent branch is.
    pub intent: bool,
    /// Documents that are new, gone or different, as far as folders were listed before and after.
    pub documents: BTreeSet<Ref>,
}

/// Which commit of a branch is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    Head,
    Commit(String),
    /// The newest that is not later than the one of state, which is this.
    Before(String),
}

/// Where the search for a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The cache was not asked yet.
    New,
    /// Nobody knows.
    Open,
    /// A page of commits is to be read, from 1.
    Page(u32),
    Found,
    Missing,
}

/// What is known of the files that a commit changed.
#[derive(Debug)]
pub(super) enum Changes {
    /// Nobody was asked.
    Unknown,
    Asked,
    /// These, at most [`FOLLOWED`].
    Told(Arc<Vec<Change>>),
    /// Nobody tells, or it leads no further.
    Untold,
}

/// A branch of a repo.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) pin: Pin,
    pub(super) stage: Stage,
    /// A question about the commit is on its way.
    pub(super) asking: bool,
    pub(super) etag: Option<String>,
    pub(super) branch: Branch,
    /// As it was before, in the cache or at the commit before.
    pub(super) old: Option<Branch>,
    pub(super) news: Option<(Commit, Option<String>)>,
    /// What became of the files of the commit before.
    pub(super) changes: Changes,
    /// Folders that the host does not list whole.
    pub(super) large: BTreeSet<String>,
    /// Questions on their way: folders, those with everything below them, and files.
    pub(super) folders: BTreeSet<String>,
    pub(super) belows: BTreeSet<String>,
    pub(super) files: BTreeSet<String>,
}

impl Spot {
    pub(super) fn new(place: Place, pin: Pin) -> Spot {
        Spot {
            place,
            pin,
            stage: Stage::New,
            asking: false,
            etag: None,
            branch: Branch::default(),
            old: None,
            news: None,
            changes: Changes::Unknown,
            large: BTreeSet::new(),
            folders: BTreeSet::new(),
            belows: BTreeSet::new(),
            files: BTreeSet::new(),
        }
    }

    pub(super) fn key(&self) -> String {
        let at = match &self.pin {
            Pin::Head => String::new(),
            Pin::Commit(id) => format!("@{id}"),
            Pin::Before(id) => format!("<{id}"),
        };
        format!("{}#{}{at}", self.place.key, self.place.branch.as_deref().unwrap_or_default())
    }

    /// Whether an answer is on its way that tells of a folder.
    pub(super) fn is_asked(&self, path: &str) -> bool {
        let mut ancestors = std::iter::successors(Some(path), |path| {
            (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(parent, _)| parent))
        });
        self.folders.contains(path) || ancestors.any(|path| self.belows.contains(path))
    }
}

/// Where a store lies in its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    Unknown,
    /// There is none.
    Nothing,
    At {
        /// The store's folder, with a slash, or empty.
        prefix: String,
        layout: Layout,
    },
}

impl Ground {
    pub(super) fn is_first(&self) -> bool {
        matches!(self, Ground::At { layout: Layout::First, .. })
    }
}

/// What became of a question, so that its answer is understood.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) epoch: u32,
    pub(super) spot: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Recall { branches: Vec<usize>, ids: Vec<Id> },
    Commit { poll: bool },
    Folder { path: String, id: Option<Id>, deep: bool },
    Files { files: Vec<(String, Option<Id>)> },
    Changes,
    Translation,
}

/// What one pass finds to be done.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) branches: Vec<usize>,
    pub(super) trees: BTreeSet<Id>,
    pub(super) blobs: BTreeSet<Id>,
    pub(super) asks: Vec<(usize, Ask, What)>,
    /// By spot.
    pub(super) files: [BTreeMap<String, Option<Id>>; 2],
    /// All of a store of version 1.
    pub(super) old: Option<Vec<OldFile>>,
}

/// Something that is there, or is not, or nobody knows yet.
pub(super) enum Got<T> {
    There(T),
    Absent,
    Waiting,
}

/// The summaries of a store, as far as they were read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Summaries {
    /// Nobody has read them.
    Unread,
    /// There are none: the store is an old one.
    Absent,
    /// By package; and how many paths and folders were known when they were last compared with listings.
    Read(Arc<BTreeMap<Ref, Summary>>, Option<(usize, usize)>),
}

/// Reads a state and an intent store. See the [module's page](super).
#[derive(Debug)]
pub struct Reader {
    /// One, if state and intent share a branch.
    pub(super) spots: Vec<Spot>,
    pub(super) grounds: [Ground; 2],
    pub(super) forest: Forest,
    /// Contents of files that have come and were not yet put where they belong.
    pub(super) bytes: HashMap<Id, Arc<[u8]>>,
    /// Files that a folder has and the host does not.
    pub(super) lost: BTreeSet<Id>,
    /// What the cache was asked for, and whether it has answered.
    pub(super) tried: HashMap<Id, bool>,
    pub(super) flying: Vec<(u32, Sent)>,
    pub(super) ids: u32,
    /// Counts commits: answers about an older one say nothing of paths.
    pub(super) epoch: u32,
    pub(super) snapshot: Snapshot,
    pub(super) previous: Snapshot,
    /// Needs that the snapshot satisfies.
    pub(super) done: BTreeSet<Folder>,
    /// Those that it is about to.
    pub(super) walks: BTreeMap<Folder, Walk>,
    /// Folders out of the cache that are not taken in yet.
    pub(super) packs: VecDeque<(Id, Vec<u8>)>,
    /// How much may still be done in this step: folders and their entries, about.
    pub(super) budget: usize,
    /// Whether that was too little.
    pub(super) busy: bool,
    pub(super) translated: bool,
    pub(super) remarks: Vec<Remark>,
    /// Summaries by the ids of their files.
    pub(super) summaries: HashMap<Id, Option<Arc<Summary>>>,
    /// Those of the commit; none while they are not all there.
    pub(super) current: Summaries,
    /// How far it is foreseen what a new commit of state holds.
    pub(super) foresight: Foresight,
    pub(super) problem: Option<Problem>,
    pub(super) keeps: Vec<Keep>,
    pub(super) grown: bool,
}

pub(super) const SIDES: [Marker; 2] = [Marker::State, Marker::Intent];

impl Reader {
    /// A reader that knows nothing yet. `at` is a commit of state, to read what was then. State and
    /// intent in the same place share a branch.
    #[must_use]
    pub fn new(state: Place, intent: Place, at: Option<&str>) -> Reader {
        let shared = (state.host, &state.branch) == (intent.host, &intent.branch);
        let pin = |other: fn(String) -> Pin| at.map_or(Pin::Head, |at| other(at.to_owned()));
        let mut spots = vec![Spot::new(state, pin(Pin::Commit))];
        if !shared {
            spots.push(Spot::new(intent, pin(Pin::Before)));
        }
        Reader {
            spots,
            grounds: [Ground::Unknown, Ground::Unknown],
            forest: Forest::default(),
            bytes: HashMap::new(),
            lost: BTreeSet::new(),
            tried: HashMap::new(),
            flying: Vec::new(),
            ids: 0,
            epoch: 0,
            snapshot: Snapshot::default(),
            previous: Snapshot::default(),
            done: BTreeSet::new(),
            walks: BTreeMap::new(),
            packs: VecDeque::new(),
            budget: 0,
            busy: false,
            translated: false,
            remarks: Vec::new(),
            summaries: HashMap::new(),
            current: Summaries::Unread,
            foresight: Foresight::Unbegun,
            problem: None,
            keeps: Vec::new(),
            grown: false,
        }
    }

    /// What is loaded. A clone is cheap, and stays as it is.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The summaries of the commit, those left out that are out of date as far as listings tell. None
    /// while they are not read, and for a store that has none.
    pub fn summaries(&mut self) -> Option<Arc<BTreeMap<Ref, Summary>>> {
        let base = self.base(Marker::State)?;
        let Summaries::Read(read, compared) = &mut self.current else { return None };
        let branch = &self.spots.first()?.branch;
        // Each look at the store asks, and one that types looks often.
        let known = Some((branch.known.len(), self.forest.len()));
        if std::mem::replace(compared, known) == known {
            return Some(Arc::clone(read));
        }
        let is_of_now = |(package, summary): (&Ref, &Summary)| match branch
            .look(&self.forest, &format!("{base}/{package}"))
        {
            Look::Folder(id) => Id::parse(&summary.tree) == Some(id),
            Look::Unknown(_) => true,
            Look::Absent | Look::File(_) => false,
        };
        if !read.iter().all(is_of_now) {
            Arc::make_mut(read).retain(|package, summary| is_of_now((package, summary)));
        }
        Some(Arc::clone(read))
    }

    /// Whether it is known which commit of state is read, where the store lies in it, and what summaries
    /// it has.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.grounds.first() != Some(&Ground::Unknown) && self.current != Summaries::Unread
    }

    /// Whether the snapshot has what is wanted.
    #[must_use]
    pub fn has(&self, wants: &Wants) -> bool {
        let whole = !self.grounds.iter().any(Ground::is_first) || self.translated;
        let folder = |folder: &Folder| self.translated || self.done.contains(folder);
        let known = |side: Marker| self.grounds.get(side as usize) != Some(&Ground::Unknown);
        known(Marker::State)
            && (known(Marker::Intent) || !wants.touch(Marker::Intent))
            && whole
            && !(wants.summaries && self.current == Summaries::Unread)
            && wants.needs.folders.iter().all(folder)
            && wants.needs.bodies.iter().all(|body| self.snapshot.knows(body))
    }

    /// The commit that is read of a store; none while that is not known, and for a store that is not
    /// there.
    #[must_use]
    pub fn commit(&self, side: Marker) -> Option<&Commit> {
        let spot = self.spots.get(self.spot(side))?;
        (spot.stage == Stage::Found).then_some(&spot.branch.commit)
    }

    /// Why there is nothing to be read.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// What a person should know about a store of version 1.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Git's id of a document, where a folder was listed that tells: it says whether two are the same,
    /// and nobody has to read them.
    ///
    /// # Errors
    /// The document, if nothing tells.
    pub fn blob(&self, reference: &Ref) -> Result<Option<String>, Needs> {
        let (side, path) = address(reference);
        let unknown = || Err(Needs::body(reference));
        let Some(base) = self.base(side) else {
            return match self.grounds.get(side as usize) {
                Some(Ground::Nothing) => Ok(None),
                _ => unknown(),
            };
        };
        let Some(spot) = self.spots.get(self.spot(side)) else { return unknown() };
        match spot.branch.look(&self.forest, &document(&base, &path)) {
            Look::File(id) => Ok(Some(id.to_string())),
            Look::Absent | Look::Folder(_) => Ok(None),
            Look::Unknown(_) => unknown(),
        }
    }

    /// Where the file of a document lies, from the root of its branch; none while the store's place is
    /// not known, and in stores of version 1, whose files hold several.
    #[must_use]
    pub fn path(&self, reference: &Ref) -> Option<String> {
        let (side, path) = address(reference);
        let base = match self.grounds.get(side as usize)? {
            Ground::At { layout: Layout::Current, .. } => self.base(side)?,
            _ => return None,
        };
        Some(document(&base, &path))
    }

    pub(super) fn spot(&self, side: Marker) -> usize {
        match side {
            Marker::State => 0,
            Marker::Intent => self.spots.len() - 1,
        }
    }

    /// The folder that documents of a store lie in.
    pub(super) fn base(&self, side: Marker) -> Option<String> {
        match self.grounds.get(side as usize)? {
            Ground::At { prefix, .. } => Some(format!("{prefix}refs")),
            _ => None,
        }
    }
}

/// The file of the document at a path below `base`.
pub(super) fn document(base: &str, path: &str) -> String {
    match path {
        "" => format!("{base}/{OBJECT}"),
        path => format!("{base}/{path}/{OBJECT}"),
    }
}
