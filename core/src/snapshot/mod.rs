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

mod matches;
mod needs;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use matches::{Found, Matches, Paths, reading_order};
pub use needs::{Folder, Needs, Unmet};
pub(crate) use needs::{lift, unmet};
use tree::{Loaded, Node, ROOT, Slot, Step, Tree};

use crate::envelope::{BlobId, Document, EnvelopeError};
use crate::glob::{Descent, Glob};
use crate::refs::{Marker, Ref};
use crate::transaction::{Transaction, Write};

/// A document of so many bytes is not parsed before somebody looks into it.
pub(crate) const LARGE: usize = 64 * 1024;

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

    /// The folder at `path`, to record it and those below it as a walk comes by them: that is faster than
    /// to [`list`](Snapshot::list) each by its path.
    pub fn folder(&mut self, side: Marker, path: &str) -> FolderMut<'_> {
        let tree = self.tree_mut(side);
        let node = tree.make(path);
        FolderMut { tree, node }
    }

    /// Records the bytes of a document, or that there is none. Bytes that are no document are kept
    /// as a problem, see [`Snapshot::problem`].
    pub fn load(&mut self, reference: &Ref, bytes: Option<&[u8]>) {
        let (side, path) = address(reference);
        self.load_path(side, &path, bytes);
    }

    /// As [`Snapshot::load`], for a path below `refs/`, which may be no ref.
    pub fn load_path(&mut self, side: Marker, path: &str, bytes: Option<&[u8]>) {
        let loaded = bytes.map(|bytes| Loaded::parsed(Document::parse(bytes), BlobId::of(bytes)));
        self.tree_mut(side).set(path, loaded);
    }

    /// As [`Snapshot::load`], of bytes that are known to be those of `blob`. A large document is not looked
    /// into before somebody asks for it: a log of ten megabytes is shown from its [bytes](Snapshot::bytes).
    pub(crate) fn load_blob(&mut self, reference: &Ref, bytes: &Arc<[u8]>, blob: BlobId) {
        let (side, path) = address(reference);
        let loaded = match bytes.len() < LARGE {
            true => Loaded::parsed(Document::parse(bytes), blob),
            false => Loaded::raw(Arc::clone(bytes), blob),
        };
        self.tree_mut(side).set(&path, Some(loaded));
    }

    /// Records a document as if it had been read.
    pub fn put(&mut self, reference: &Ref, document: Document) {
        let blob = BlobId::of(document.to_text().as_bytes());
        let (side, path) = address(reference);
        self.tree_mut(side).set(&path, Some(Loaded::parsed(Ok(document), blob)));
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

    /// Takes a document as another snapshot has read it. Returns whether that has it.
    pub(crate) fn share(&mut self, other: &Snapshot, reference: &Ref) -> bool {
        let Ok(Some(loaded)) = other.slot(reference) else { return false };
        let (side, path) = address(reference);
        self.tree_mut(side).set(&path, Some(loaded.clone()));
        true
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
                Slot::Loaded(index) => Ok(Some(tree.documents.at(index))),
            },
        }
    }

    /// The document at exactly this ref, its fragment aside. A file that is no document counts as
    /// none here; [`Snapshot::problem`] tells the two apart.
    ///
    /// # Errors
    /// When its body is not loaded.
    pub fn get(&self, reference: &Ref) -> Result<Option<&Document>, Needs> {
        Ok(self.slot(reference)?.and_then(|loaded| loaded.content().ok()))
    }

    /// Whether the document at exactly this ref was read, or is known not to be there. It need not be
    /// understood for that, as [`Snapshot::get`] does, which takes long for a large one.
    #[must_use]
    pub fn knows(&self, reference: &Ref) -> bool {
        self.slot(reference).is_ok()
    }

    /// Whether somebody has looked into what was read of it.
    #[cfg(test)]
    pub(crate) fn is_parsed(&self, reference: &Ref) -> bool {
        self.slot(reference).is_ok_and(|loaded| loaded.is_some_and(Loaded::is_parsed))
    }

    /// The text of the document at exactly this ref: as it was read where it is a large one, else as it
    /// would be written. None where there is none.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn bytes(&self, reference: &Ref) -> Result<Option<Arc<[u8]>>, Needs> {
        Ok(self.slot(reference)?.and_then(Loaded::bytes))
    }

    /// The id of what is stored at this ref, or none if nothing is.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn blob(&self, reference: &Ref) -> Result<Option<BlobId>, Needs> {
        let (side, path) = address(reference);
        let tree = self.tree(side);
        if let Step::At(node) = tree.walk(&path)
            && tree.node(node).slot == Slot::Listed
            && let Some(id) = tree.ids.get(&node)
        {
            return Ok(Some(*id));
        }
        Ok(self.slot(reference)?.map(|loaded| loaded.blob))
    }

    /// Why what is stored at this ref is not a document.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn problem(&self, reference: &Ref) -> Result<Option<&EnvelopeError>, Needs> {
        Ok(self.slot(reference)?.and_then(|loaded| loaded.content().err()))
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

    /// Calls `found` with the path of every document of one store that `glob` matches, in the order
    /// of the tree (sorted within each folder), and opens only folders below which something could
    /// match. Markers `+` in the pattern are read as `@`, as both stores spell them.
    ///
    /// # Errors
    /// The folders that must be listed; then `found` was called for a part of the matches only.
    pub fn search_paths(&self, side: Marker, glob: &Glob, found: &mut dyn FnMut(&str)) -> Result<(), Needs> {
        let glob = glob.to_state();
        let tree = self.tree(side);
        let prefix = glob.literal_prefix();
        let start = prefix.rfind('/').and_then(|end| prefix.get(..end)).unwrap_or("");
        let mut needs = Needs::default();
        match tree.walk(start) {
            Step::Missing => {}
            Step::Unknown => needs.merge(Needs::folder(side, start, Some(&glob))),
            Step::At(node) => {
                let path = start.to_owned();
                let mut search = Search { tree, side, glob: &glob, path, needs: Needs::default(), found };
                search.down(node, &glob.descend(start));
                needs = search.needs;
            }
        }
        needs.settle(())
    }

    /// The refs of all documents of one store that `glob` matches, sorted; those of intent are
    /// spelled with `+`. Documents whose path is no ref are left out; `state check` reports them.
    ///
    /// # Errors
    /// The folders that must be listed.
    pub fn search_in(&self, side: Marker, glob: &Glob) -> Result<Vec<Ref>, Needs> {
        let mut refs: Vec<Ref> = Vec::new();
        self.search_paths(side, glob, &mut |path| {
            if let Ok(reference) = path.parse::<Ref>() {
                refs.push(if side == Marker::Intent { reference.to_intent() } else { reference });
            }
        })?;
        sort(&mut refs);
        Ok(refs)
    }

    /// The refs of all documents that `glob` matches, sorted: a pattern with `+` searches intent,
    /// any other state, one like `**/{@,+}/deploy/*` both.
    ///
    /// # Errors
    /// The folders that must be listed.
    pub fn search(&self, glob: &Glob) -> Result<Vec<Ref>, Needs> {
        let mut needs = Needs::default();
        let mut refs = Vec::new();
        if glob.is_state() {
            refs.extend(needs.take(self.search_in(Marker::State, glob)).unwrap_or_default());
        }
        if glob.is_intent() {
            refs.extend(needs.take(self.search_in(Marker::Intent, glob)).unwrap_or_default());
        }
        sort(&mut refs);
        needs.settle(refs)
    }

    /// Walks down from the folder at `start`, which is at `level`. `enter` says at which level a
    /// folder of a given name in a folder of a given level is, or that it is not to be entered;
    /// `found` is called for every document on the way, in the order of the tree.
    ///
    /// # Errors
    /// The folders that must be listed, those below as far as `glob` can match there.
    pub(crate) fn walk<L: Copy>(
        &self,
        side: Marker,
        start: &str,
        level: L,
        glob: &Glob,
        enter: &impl Fn(L, &str) -> Option<L>,
        found: &mut impl FnMut(L, &str),
    ) -> Result<(), Needs> {
        let tree = self.tree(side);
        let mut needs = Needs::default();
        match tree.walk(start) {
            Step::Missing => {}
            Step::Unknown => needs.merge(Needs::folder(side, start, Some(glob))),
            Step::At(node) => {
                let mut walk = Walk { tree, enter, found, path: start.to_owned(), unlisted: Vec::new() };
                walk.down(node, level);
                for path in walk.unlisted {
                    needs.merge(Needs::folder(side, &path, Some(glob)));
                }
            }
        }
        needs.settle(())
    }

    /// The refs of all documents of one kind, in one store and sorted, as `glob` (with `@`) finds
    /// them too; many times faster, since folders are told by their names.
    ///
    /// # Errors
    /// The folders that must be listed.
    pub(crate) fn of_kind(&self, side: Marker, kind: &OfKind) -> Result<Vec<Ref>, Needs> {
        let Ok(glob) = Glob::new(kind.glob) else { return Ok(Vec::new()) };
        let mut refs = Vec::new();
        let enter = |depth: u8, name: &str| match (depth, name.strip_prefix('@')) {
            (0 | 1, Some(release)) => ((kind.release)(release) && (depth == 1 || kind.global)).then_some(2),
            (0 | 1, None) => Some(1),
            (2, _) => (name == kind.kind).then_some(3),
            (3, _) => Some(4),
            _ => kind.deep.then_some(4),
        };
        self.walk(side, "", 0, &glob, &enter, &mut |depth, path| {
            if depth == 4
                && let Ok(reference) = path.parse::<Ref>()
            {
                refs.push(if side == Marker::Intent { reference.to_intent() } else { reference });
            }
        })?;
        sort(&mut refs);
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

    /// Whether a document lies in the folder at `path` or anywhere below it. Folders stay known that
    /// a [`Transaction`] has emptied, so their names alone do not tell.
    ///
    /// # Errors
    /// The folders that must be listed to tell.
    pub fn holds_documents(&self, side: Marker, path: &str) -> Result<bool, Needs> {
        let tree = self.tree(side);
        match tree.walk(path) {
            Step::Missing => Ok(false),
            Step::Unknown => Err(Needs::folder(side, path, None)),
            Step::At(node) => any_below(tree, side, node, &mut path.to_owned()),
        }
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

/// A folder of a snapshot, to be recorded.
#[derive(Debug)]
pub struct FolderMut<'s> {
    tree: &'s mut Tree,
    node: u32,
}

impl FolderMut<'_> {
    /// Records what the folder holds, as [`Snapshot::list`] does.
    pub fn list<'a>(&mut self, document: bool, entries: impl IntoIterator<Item = &'a str>) {
        self.tree.list_node(self.node, document, entries);
    }

    /// Records the id of the document that is directly in the folder, where the listing tells it: to know
    /// that it is another, nobody has to read it ([`Snapshot::blob`]).
    pub fn identify(&mut self, id: BlobId) {
        Arc::make_mut(&mut self.tree.ids).insert(self.node, id);
    }

    /// A folder in this one; none if this one was listed without it.
    pub fn enter(&mut self, name: &str) -> Option<FolderMut<'_>> {
        let node = self.tree.child(self.node, name)?;
        Some(FolderMut { tree: self.tree, node })
    }
}

/// A store of a snapshot, to be recorded by numbers: a walk that is interrupted cannot hold a [`FolderMut`].
/// Numbers are good as long as the snapshot is.
pub(crate) struct Recorder<'s>(&'s mut Tree);

impl<'s> Recorder<'s> {
    pub(crate) fn new(snapshot: &'s mut Snapshot, side: Marker) -> Recorder<'s> {
        Recorder(snapshot.tree_mut(side))
    }

    /// The number of the folder at a path.
    pub(crate) fn folder(&mut self, path: &str) -> u32 {
        self.0.make(path)
    }

    /// The number of a name.
    pub(crate) fn name(&mut self, name: &str) -> u32 {
        self.0.name_id(name)
    }

    /// As [`FolderMut::list`]; `names` are sorted, and each is there once. Returns the folders of these names.
    pub(crate) fn list(&mut self, folder: u32, document: bool, names: &[u32]) -> &[u32] {
        self.0.list_names(folder, document, names);
        &self.0.node(folder).children
    }

    /// As [`FolderMut::identify`].
    pub(crate) fn identify(&mut self, folder: u32, id: BlobId) {
        Arc::make_mut(&mut self.0.ids).insert(folder, id);
    }
}

/// The tree and the path in it that a ref names.
pub(crate) fn address(reference: &Ref) -> (Marker, String) {
    let side = reference.marker().unwrap_or(Marker::State);
    (side, reference.document().to_state().as_str().to_owned())
}

/// Documents of one kind, in every package: `…/@[release]/[kind]/…`.
pub(crate) struct OfKind {
    /// The same as a pattern, for those who list folders.
    pub(crate) glob: &'static str,
    /// Which releases, by what follows the `@`.
    pub(crate) release: fn(&str) -> bool,
    /// The name of the kind.
    pub(crate) kind: &'static str,
    /// Those without a package too.
    pub(crate) global: bool,
    /// Those more than one folder below the kind too.
    pub(crate) deep: bool,
}

impl OfKind {
    /// What is deployed.
    pub(crate) const DEPLOYS: OfKind =
        OfKind { glob: "**/@/deploy/*", release: str::is_empty, kind: "deploy", global: false, deep: false };
    /// Custom state.
    pub(crate) const CUSTOM: OfKind =
        OfKind { glob: "{,**/}@*/custom/**", release: |_| true, kind: "custom", global: true, deep: true };
    /// Operations that wait.
    pub(crate) const OPS: OfKind = OfKind {
        glob: "**/@?*/op/*",
        release: |name| !name.is_empty(),
        kind: "op",
        global: false,
        deep: false,
    };
    /// Environments.
    pub(crate) const ENVIRONMENTS: OfKind = OfKind {
        glob: "@/environment/*",
        release: str::is_empty,
        kind: "environment",
        global: true,
        deep: false,
    };
}

/// A walk under way, see [`Snapshot::walk`].
struct Walk<'a, E, F> {
    tree: &'a Tree,
    enter: &'a E,
    found: &'a mut F,
    path: String,
    unlisted: Vec<String>,
}

impl<E, F> Walk<'_, E, F> {
    fn down<L: Copy>(&mut self, node: u32, level: L)
    where
        E: Fn(L, &str) -> Option<L>,
        F: FnMut(L, &str),
    {
        let tree = self.tree;
        let Node { listed, slot, children, .. } = tree.node(node);
        if !listed {
            self.unlisted.push(self.path.clone());
            return;
        }
        if matches!(slot, Slot::Listed | Slot::Loaded(_)) {
            (self.found)(level, &self.path);
        }
        for child in children {
            let name = tree.name(*child);
            if let Some(level) = (self.enter)(level, name) {
                let length = self.path.len();
                push_segment(&mut self.path, name);
                self.down(*child, level);
                self.path.truncate(length);
            }
        }
    }
}

/// A search on its way down one tree.
struct Search<'a> {
    tree: &'a Tree,
    side: Marker,
    glob: &'a Glob,
    path: String,
    needs: Needs,
    found: &'a mut dyn FnMut(&str),
}

impl Search<'_> {
    fn down(&mut self, node: u32, descent: &Descent<'_>) {
        let Node { listed, slot, children, .. } = self.tree.node(node);
        // Half of all folders hold a document and nothing else: those need not be judged as folders.
        let leaf = *listed && children.is_empty();
        if !leaf && !descent.may_match_below() {
            return;
        }
        if !listed {
            self.needs.merge(Needs::folder(self.side, &self.path, Some(self.glob)));
            return;
        }
        if matches!(slot, Slot::Listed | Slot::Loaded(_)) && descent.is_match() {
            (self.found)(&self.path);
        }
        for child in children {
            let (length, name) = (self.path.len(), self.tree.name(*child));
            push_segment(&mut self.path, name);
            self.down(*child, &descent.enter(name));
            self.path.truncate(length);
        }
    }
}

/// Looks at what is known first: one document is enough, whatever is not listed.
fn any_below(tree: &Tree, side: Marker, node: u32, path: &mut String) -> Result<bool, Needs> {
    if matches!(tree.node(node).slot, Slot::Listed | Slot::Loaded(_)) {
        return Ok(true);
    }
    let mut needs = Needs::default();
    if !tree.node(node).listed {
        needs.merge(Needs::folder(side, path, None));
    }
    let length = path.len();
    for child in &tree.node(node).children {
        push_segment(path, tree.name(*child));
        let found = needs.take(any_below(tree, side, *child, path));
        path.truncate(length);
        if found == Some(true) {
            return Ok(true);
        }
    }
    needs.settle(false)
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

fn collect_problems(tree: &Tree, node: u32, path: &mut String, found: &mut dyn FnMut(&str, &EnvelopeError)) {
    if let Slot::Loaded(index) = tree.node(node).slot
        && let Err(error) = tree.documents.at(index).content()
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

#[expect(clippy::disallowed_methods, reason = "a pattern may match a million")]
fn sort(refs: &mut [Ref]) {
    refs.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_document_is_the_same_as_a_small_one() {
        let at: Ref = "@/custom/x".parse().unwrap();
        let large = Document::new("string", &"x".repeat(LARGE)).to_text();
        for text in [large.as_str(), &format!("{large}!"), "{\"kind\":\"ref\"}", "nothing"] {
            let (mut one, mut other) = (Snapshot::empty(), Snapshot::empty());
            one.load(&at, Some(text.as_bytes()));
            other.load_blob(&at, &Arc::from(text.as_bytes()), BlobId::of(text.as_bytes()));
            assert_eq!(other.get(&at), one.get(&at));
            assert_eq!(other.problem(&at), one.problem(&at));
            assert_eq!(other.problems(), one.problems());
            assert_eq!(other.blob(&at), one.blob(&at));
        }
        let mut snapshot = Snapshot::empty();
        assert_eq!(snapshot.bytes(&at), Ok(None));
        snapshot.load_blob(&at, &Arc::from(large.as_bytes()), BlobId::of(b""));
        assert_eq!(snapshot.bytes(&at).unwrap().as_deref(), Some(large.as_bytes()));
        snapshot.load(&at, Some(br#"{"kind":"ref","body":[]}"#));
        let written = "{\n  \"kind\": \"ref\",\n  \"body\": []\n}";
        assert_eq!(snapshot.bytes(&at).unwrap().as_deref(), Some(written.as_bytes()));
        snapshot.load(&at, Some(b"nothing"));
        assert_eq!(snapshot.bytes(&at), Ok(None));
    }

    #[test]
    fn a_listing_may_tell_what_is_in_a_document() {
        let mut snapshot = Snapshot::default();
        let prod: Ref = "+/environment/prod".parse().unwrap();
        let id = BlobId::of(b"{}");
        let mut folder = snapshot.folder(Marker::Intent, "@/environment/prod");
        folder.list(true, []);
        folder.identify(id);
        assert_eq!(snapshot.blob(&prod), Ok(Some(id)));
        assert!(snapshot.get(&prod).is_err());
        // What was read counts more.
        snapshot.load(&prod, Some(b"[]"));
        assert_eq!(snapshot.blob(&prod), Ok(Some(BlobId::of(b"[]"))));
        snapshot.load(&prod, None);
        assert_eq!(snapshot.blob(&prod), Ok(None));
    }
}
