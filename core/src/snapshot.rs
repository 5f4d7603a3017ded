//! What a caller has loaded of a store so far.
//!
//! A snapshot is a tree of folders, as in a store's `refs/`. Any of it may be missing: a folder
//! that nobody listed, a document whose body nobody read. Functions of this crate ask a snapshot
//! and, where it cannot answer, return [`Needs`]: the folders and bodies to load, all that they
//! could name at once. The caller loads them and calls again. So one set of rules serves a disk,
//! a git object database, a host's API in a browser, and a test that has everything in memory.
//!
//! State and intent are two trees. A ref with `+` names a document in the intent tree, any other
//! ref one in the state tree; inside both trees documents lie under `@`.
//!
//! ```
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::snapshot::Snapshot;
//! use ocuroot_core::{Marker, Ref};
//!
//! let mut snapshot = Snapshot::default();
//! let prod: Ref = "@/environment/prod".parse()?;
//! // Nothing is known yet, so the answer is what to load.
//! assert!(snapshot.get(&prod).unwrap_err().bodies.contains(&prod));
//! snapshot.put(&prod, Document::new("string", &"here"));
//! assert!(snapshot.get(&prod).unwrap().is_some());
//! // A folder that was listed without it settles that a document is not there.
//! snapshot.list(Marker::State, "@/environment", false, ["prod"]);
//! assert!(snapshot.get(&"@/environment/qa".parse()?).unwrap().is_none());
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::envelope::{BlobId, Document, EnvelopeError};
use crate::glob::Glob;
use crate::refs::{Marker, Ref};
use crate::transaction::{Transaction, Write};

/// What has to be loaded before a function can answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Folders to list.
    pub folders: BTreeSet<Folder>,
    /// Documents to read, or to find missing. Without fragments.
    pub bodies: BTreeSet<Ref>,
}

/// A folder of a store, to be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// In which store.
    pub side: Marker,
    /// Its path below `refs/`: the start of canonical refs, with `@`. Empty for `refs/` itself.
    pub path: String,
    /// Asks for all folders below as well, as far as [`Glob::may_match_below`] says that they matter.
    pub below: Option<Glob>,
}

impl Needs {
    /// The need for one document.
    #[must_use]
    pub fn body(reference: &Ref) -> Needs {
        Needs { folders: BTreeSet::new(), bodies: BTreeSet::from([reference.document()]) }
    }

    /// The need for one folder, and with `below` for those under it that could hold a match.
    #[must_use]
    pub fn folder(side: Marker, path: &str, below: Option<&Glob>) -> Needs {
        let folder = Folder { side, path: path.to_owned(), below: below.cloned() };
        Needs { folders: BTreeSet::from([folder]), bodies: BTreeSet::new() }
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.bodies.is_empty()
    }

    /// Adds what `other` needs.
    pub fn merge(&mut self, other: Needs) {
        self.folders.extend(other.folders);
        self.bodies.extend(other.bodies);
    }

    /// Takes the value out of `result`, or takes up its needs and returns none. So a loop can go
    /// on and name all that it lacks at once; [`Needs::settle`] ends it.
    pub fn take<T>(&mut self, result: Result<T, Needs>) -> Option<T> {
        result.map_err(|needs| self.merge(needs)).ok()
    }

    /// `value`, unless something is needed.
    ///
    /// # Errors
    /// What is needed.
    pub fn settle<T>(self, value: T) -> Result<T, Needs> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// Why a function has no answer: something is still to be loaded, or the answer is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet<E> {
    /// Load these and call again.
    Needs(Needs),
    /// It cannot be done.
    Error(E),
}

impl<E> From<Needs> for Unmet<E> {
    fn from(needs: Needs) -> Self {
        Unmet::Needs(needs)
    }
}

/// Lets `?` lift the errors of smaller steps.
macro_rules! lift {
    ($($from:ty => $to:ty),+ $(,)?) => {$(
        impl From<Unmet<$from>> for Unmet<$to> {
            fn from(unmet: Unmet<$from>) -> Self {
                match unmet {
                    Unmet::Needs(needs) => Unmet::Needs(needs),
                    Unmet::Error(error) => Unmet::Error(error.into()),
                }
            }
        }
    )+};
}
pub(crate) use lift;

/// Lets `?` turn plain errors into [`Unmet`].
macro_rules! unmet {
    ($($error:ty => $to:ty),+ $(,)?) => {$(
        impl From<$error> for Unmet<$to> {
            fn from(error: $error) -> Self {
                Unmet::Error(error.into())
            }
        }
    )+};
}
pub(crate) use unmet;

/// A document as it was read: its content, and the id that says whether it still is.
#[derive(Clone, Debug, PartialEq)]
struct Loaded {
    content: Result<Arc<Document>, EnvelopeError>,
    blob: BlobId,
}

/// What a snapshot knows of the document that lies directly in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Unknown,
    Absent,
    /// There, but its body was not read.
    Listed,
    /// Index into the documents.
    Loaded(u32),
}

#[derive(Clone, Debug)]
struct Node {
    /// Index into the names.
    name: u32,
    /// Whether `children` is all that there is.
    listed: bool,
    slot: Slot,
    /// Indexes of nodes, sorted by name.
    children: Box<[u32]>,
}

/// One store's part of a snapshot.
///
/// Nodes refer to each other and to their names by index, so that a store of a million documents
/// costs about a hundred bytes for each: `status`, `1` or `complete` is kept once.
#[derive(Clone, Debug)]
struct Tree {
    names: Vec<Arc<str>>,
    name_ids: HashMap<Arc<str>, u32>,
    nodes: Vec<Node>,
    documents: Vec<Loaded>,
}

const ROOT: u32 = 0;

impl Default for Tree {
    fn default() -> Self {
        let root = Node { name: 0, listed: false, slot: Slot::Unknown, children: Box::default() };
        let mut tree =
            Tree { names: Vec::new(), name_ids: HashMap::new(), nodes: vec![root], documents: Vec::new() };
        tree.name_id("");
        tree
    }
}

/// Where a walk along a path ended.
enum Step {
    At(u32),
    /// A listed folder on the way has no such entry.
    Missing,
    /// A folder on the way was never listed.
    Unknown,
}

impl Tree {
    fn name_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let shared: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&shared));
        self.name_ids.insert(shared, id);
        id
    }

    fn node(&self, index: u32) -> &Node {
        // Indexes come from this tree only, and nodes are never removed.
        #[expect(clippy::indexing_slicing, reason = "an index of this tree's own making")]
        &self.nodes[index as usize]
    }

    fn node_mut(&mut self, index: u32) -> &mut Node {
        #[expect(clippy::indexing_slicing, reason = "an index of this tree's own making")]
        &mut self.nodes[index as usize]
    }

    fn name(&self, node: u32) -> &str {
        self.names.get(self.node(node).name as usize).map_or("", |name| name)
    }

    fn position(&self, parent: u32, name: &str) -> Result<usize, usize> {
        self.node(parent).children.binary_search_by(|child| self.name(*child).cmp(name))
    }

    fn child(&self, parent: u32, name: &str) -> Option<u32> {
        let position = self.position(parent, name).ok()?;
        self.node(parent).children.get(position).copied()
    }

    fn walk(&self, path: &str) -> Step {
        let mut node = ROOT;
        for segment in segments(path) {
            match self.child(node, segment) {
                Some(child) => node = child,
                None if self.node(node).listed => return Step::Missing,
                None => return Step::Unknown,
            }
        }
        Step::At(node)
    }

    fn add_node(&mut self, name: &str) -> u32 {
        let name = self.name_id(name);
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { name, listed: false, slot: Slot::Unknown, children: Box::default() });
        index
    }

    /// The node at `path`, made if it is not there.
    fn make(&mut self, path: &str) -> u32 {
        let mut node = ROOT;
        for segment in segments(path) {
            node = match self.position(node, segment) {
                Ok(position) => self.node(node).children.get(position).copied().unwrap_or(ROOT),
                Err(position) => {
                    let new = self.add_node(segment);
                    if self.node(node).listed {
                        // A folder that a listed one did not have is new, hence empty but for
                        // what is put into it now.
                        let made = self.node_mut(new);
                        made.listed = true;
                        made.slot = Slot::Absent;
                    }
                    let mut children = std::mem::take(&mut self.node_mut(node).children).into_vec();
                    children.insert(position, new);
                    self.node_mut(node).children = children.into_boxed_slice();
                    new
                }
            };
        }
        node
    }

    fn list<'a>(&mut self, path: &str, document: bool, entries: impl IntoIterator<Item = &'a str>) {
        let node = self.make(path);
        let mut names: Vec<&str> = entries.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let known = std::mem::take(&mut self.node_mut(node).children);
        let mut known = known.into_iter().peekable();
        let mut children = Vec::with_capacity(names.len());
        for name in names {
            // Both are sorted: what a listing does not have any more is left behind.
            while known.next_if(|child| self.name(*child) < name).is_some() {}
            let child = match known.next_if(|child| self.name(*child) == name) {
                Some(child) => child,
                None => self.add_node(name),
            };
            children.push(child);
        }
        let node = self.node_mut(node);
        node.children = children.into_boxed_slice();
        node.listed = true;
        node.slot = match (document, node.slot) {
            (false, _) => Slot::Absent,
            (true, Slot::Loaded(index)) => Slot::Loaded(index),
            (true, _) => Slot::Listed,
        };
    }

    fn set(&mut self, path: &str, loaded: Option<Loaded>) {
        let node = self.make(path);
        let slot = match loaded {
            None => Slot::Absent,
            Some(loaded) => {
                let index = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
                self.documents.push(loaded);
                Slot::Loaded(index)
            }
        };
        self.node_mut(node).slot = slot;
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// What is loaded of a state and an intent store. See the [module's page](self).
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    state: Tree,
    intent: Tree,
}

impl Snapshot {
    /// A snapshot of two stores that hold nothing at all: every question has an answer.
    #[must_use]
    pub fn empty() -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.list(Marker::State, "", false, []);
        snapshot.list(Marker::Intent, "", false, []);
        snapshot
    }

    fn tree(&self, side: Marker) -> &Tree {
        match side {
            Marker::State => &self.state,
            Marker::Intent => &self.intent,
        }
    }

    fn tree_mut(&mut self, side: Marker) -> &mut Tree {
        match side {
            Marker::State => &mut self.state,
            Marker::Intent => &mut self.intent,
        }
    }

    /// Records a listing: the folder at `path` holds a document of its own or not, and the folders
    /// named by `entries`, in any order. A folder that does not exist has neither.
    pub fn list<'a>(
        &mut self,
        side: Marker,
        path: &str,
        document: bool,
        entries: impl IntoIterator<Item = &'a str>,
    ) {
        self.tree_mut(side).list(path, document, entries);
    }

    /// Records the bytes of a document, or that there is none. Bytes that are no document are kept
    /// as a problem, see [`Snapshot::problem`].
    pub fn load(&mut self, reference: &Ref, bytes: Option<&[u8]>) {
        let loaded = bytes.map(|bytes| Loaded {
            content: Document::parse(bytes).map(Arc::new),
            blob: BlobId::of(bytes),
        });
        let (side, path) = address(reference);
        self.tree_mut(side).set(&path, loaded);
    }

    /// Records a document as if it had been read.
    pub fn put(&mut self, reference: &Ref, document: Document) {
        let blob = BlobId::of(document.to_text().as_bytes());
        let (side, path) = address(reference);
        self.tree_mut(side).set(&path, Some(Loaded { content: Ok(Arc::new(document)), blob }));
    }

    /// Records what a transaction did.
    pub fn apply(&mut self, transaction: &Transaction) {
        for (reference, write) in &transaction.writes {
            match write {
                Write::Put(document) => self.put(reference, document.clone()),
                Write::Delete => self.load(reference, None),
            }
        }
    }

    /// The snapshot as it will be once `transaction` has been carried out.
    #[must_use]
    pub fn with(&self, transaction: &Transaction) -> Snapshot {
        let mut next = self.clone();
        next.apply(transaction);
        next
    }

    fn slot(&self, reference: &Ref) -> Result<Option<&Loaded>, Needs> {
        let (side, path) = address(reference);
        let tree = self.tree(side);
        match tree.walk(&path) {
            Step::Missing => Ok(None),
            Step::Unknown => Err(Needs::body(reference)),
            Step::At(node) => match tree.node(node).slot {
                Slot::Absent => Ok(None),
                Slot::Unknown | Slot::Listed => Err(Needs::body(reference)),
                Slot::Loaded(index) => Ok(tree.documents.get(index as usize)),
            },
        }
    }

    /// The document at exactly this ref, its fragment aside. A file that is no document counts as
    /// none here; [`Snapshot::problem`] tells the two apart.
    ///
    /// # Errors
    /// When its body is not loaded.
    pub fn get(&self, reference: &Ref) -> Result<Option<&Document>, Needs> {
        Ok(self.slot(reference)?.and_then(|loaded| loaded.content.as_deref().ok()))
    }

    /// The id of what is stored at this ref, or none if nothing is.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn blob(&self, reference: &Ref) -> Result<Option<BlobId>, Needs> {
        Ok(self.slot(reference)?.map(|loaded| loaded.blob))
    }

    /// Why what is stored at this ref is not a document.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn problem(&self, reference: &Ref) -> Result<Option<&EnvelopeError>, Needs> {
        Ok(self.slot(reference)?.and_then(|loaded| loaded.content.as_ref().err()))
    }

    /// Whether something is stored at this ref, answered from a listing where there is one.
    ///
    /// # Errors
    /// When neither the folder was listed nor the body read.
    pub fn exists(&self, reference: &Ref) -> Result<bool, Needs> {
        let (side, path) = address(reference);
        let tree = self.tree(side);
        match tree.walk(&path) {
            Step::Missing => Ok(false),
            Step::Unknown => Err(Needs::body(reference)),
            Step::At(node) => match tree.node(node).slot {
                Slot::Absent => Ok(false),
                Slot::Listed | Slot::Loaded(_) => Ok(true),
                Slot::Unknown => Err(Needs::body(reference)),
            },
        }
    }

    /// The names of the folders in a folder, sorted. None for a folder that does not exist.
    ///
    /// # Errors
    /// When it was not listed.
    pub fn children(&self, side: Marker, path: &str) -> Result<Vec<&str>, Needs> {
        let tree = self.tree(side);
        match tree.walk(path) {
            Step::Missing => Ok(Vec::new()),
            Step::Unknown => Err(Needs::folder(side, path, None)),
            Step::At(node) if !tree.node(node).listed => Err(Needs::folder(side, path, None)),
            Step::At(node) => Ok(tree.node(node).children.iter().map(|child| tree.name(*child)).collect()),
        }
    }

    /// Calls `found` with the path of every document that `glob` matches, in the order of the tree
    /// (sorted within each folder), and opens only folders below which something could match.
    ///
    /// # Errors
    /// The folders that must be listed; then `found` was called for a part of the matches only.
    pub fn search_paths(&self, glob: &Glob, found: &mut dyn FnMut(&str)) -> Result<(), Needs> {
        let side = if glob.is_intent() { Marker::Intent } else { Marker::State };
        let glob = if glob.is_intent() { glob.to_state() } else { glob.clone() };
        let tree = self.tree(side);
        let prefix = glob.literal_prefix();
        let start = prefix.rfind('/').and_then(|end| prefix.get(..end)).unwrap_or("");
        let mut needs = Needs::default();
        match tree.walk(start) {
            Step::Missing => {}
            Step::Unknown => needs.merge(Needs::folder(side, start, Some(&glob))),
            Step::At(node) => {
                let mut path = start.to_owned();
                search_below(tree, side, node, &glob, &mut path, &mut needs, found);
            }
        }
        needs.settle(())
    }

    /// The refs of all documents that `glob` matches, sorted. A pattern with `+` searches intent
    /// and its results are spelled with `+`. Documents whose path is no ref are left out;
    /// `state check` reports them.
    ///
    /// # Errors
    /// The folders that must be listed.
    pub fn search(&self, glob: &Glob) -> Result<Vec<Ref>, Needs> {
        let intent = glob.is_intent();
        let mut refs: Vec<Ref> = Vec::new();
        self.search_paths(glob, &mut |path| {
            if let Ok(reference) = path.parse::<Ref>() {
                refs.push(if intent { reference.to_intent() } else { reference });
            }
        })?;
        refs.sort_unstable();
        Ok(refs)
    }

    /// Calls `found` with the path of every document of one store, also of those whose path is no
    /// ref.
    ///
    /// # Errors
    /// The folders that must be listed; then `found` was called for a part of them only.
    pub fn all_paths(&self, side: Marker, found: &mut dyn FnMut(&str)) -> Result<(), Needs> {
        let mut needs = Needs::default();
        all_below(self.tree(side), side, ROOT, &mut String::new(), &mut needs, found);
        needs.settle(())
    }

    /// How many folders and documents are known, for progress.
    #[must_use]
    pub fn size(&self) -> usize {
        self.state.nodes.len() + self.intent.nodes.len()
    }

    /// Every document that was read and is none, by its path.
    #[must_use]
    pub fn problems(&self) -> BTreeMap<(Marker, String), String> {
        let mut problems = BTreeMap::new();
        for side in [Marker::State, Marker::Intent] {
            let tree = self.tree(side);
            collect_problems(tree, ROOT, &mut String::new(), &mut |path, error| {
                problems.insert((side, path.to_owned()), error.to_string());
            });
        }
        problems
    }
}

/// The tree and the path in it that a ref names.
fn address(reference: &Ref) -> (Marker, String) {
    let side = reference.marker().unwrap_or(Marker::State);
    (side, reference.document().to_state().as_str().to_owned())
}

fn search_below(
    tree: &Tree,
    side: Marker,
    node: u32,
    glob: &Glob,
    path: &mut String,
    needs: &mut Needs,
    found: &mut dyn FnMut(&str),
) {
    if !glob.may_match_below(path) {
        return;
    }
    let Node { listed, slot, children, .. } = tree.node(node);
    if !listed {
        needs.merge(Needs::folder(side, path, Some(glob)));
        return;
    }
    if matches!(slot, Slot::Listed | Slot::Loaded(_)) && glob.is_match(path) {
        found(path);
    }
    for child in children {
        let length = path.len();
        push_segment(path, tree.name(*child));
        search_below(tree, side, *child, glob, path, needs, found);
        path.truncate(length);
    }
}

fn all_below(
    tree: &Tree,
    side: Marker,
    node: u32,
    path: &mut String,
    needs: &mut Needs,
    found: &mut dyn FnMut(&str),
) {
    let Node { listed, slot, children, .. } = tree.node(node);
    if !listed {
        needs.merge(Needs::folder(side, path, Glob::new("**").ok().as_ref()));
        return;
    }
    if matches!(slot, Slot::Listed | Slot::Loaded(_)) {
        found(path);
    }
    for child in children {
        let length = path.len();
        push_segment(path, tree.name(*child));
        all_below(tree, side, *child, path, needs, found);
        path.truncate(length);
    }
}

fn collect_problems(
    tree: &Tree,
    node: u32,
    path: &mut String,
    found: &mut dyn FnMut(&str, &EnvelopeError),
) {
    if let Slot::Loaded(index) = tree.node(node).slot
        && let Some(Loaded { content: Err(error), .. }) = tree.documents.get(index as usize)
    {
        found(path, error);
    }
    for child in &tree.node(node).children {
        let length = path.len();
        push_segment(path, tree.name(*child));
        collect_problems(tree, *child, path, found);
        path.truncate(length);
    }
}

fn push_segment(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
}
