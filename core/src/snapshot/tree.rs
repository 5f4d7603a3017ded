//! One store's part of a snapshot: folders by name, and what lies in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use crate::chunks::Chunks;
use crate::envelope::{BlobId, Document, EnvelopeError};
use crate::order::Order as _;

/// A document as it was read: its content, and the id that says whether it still is.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    content: Content,
    pub(super) blob: BlobId,
}

#[derive(Clone, Debug)]
enum Content {
    Parsed(Result<Arc<Document>, EnvelopeError>),
    /// As it came: parsed when somebody looks into it.
    Raw(Arc<[u8]>, Arc<OnceLock<Result<Document, EnvelopeError>>>),
}

impl Loaded {
    pub(super) fn parsed(content: Result<Document, EnvelopeError>, blob: BlobId) -> Loaded {
        Loaded { content: Content::Parsed(content.map(Arc::new)), blob }
    }

    pub(super) fn raw(bytes: Arc<[u8]>, blob: BlobId) -> Loaded {
        Loaded { content: Content::Raw(bytes, Arc::default()), blob }
    }

    pub(super) fn content(&self) -> Result<&Document, &EnvelopeError> {
        match &self.content {
            Content::Parsed(content) => content.as_deref(),
            Content::Raw(bytes, content) => content.get_or_init(|| Document::parse(bytes)).as_ref(),
        }
    }

    #[cfg(test)]
    pub(super) fn is_parsed(&self) -> bool {
        match &self.content {
            Content::Parsed(_) => true,
            Content::Raw(_, content) => content.get().is_some(),
        }
    }

    /// The text of the document, as it came or as it would be written. None where it is known to be none.
    pub(super) fn bytes(&self) -> Option<Arc<[u8]>> {
        match &self.content {
            Content::Parsed(content) => Some(Arc::from(content.as_ref().ok()?.to_text().into_bytes())),
            Content::Raw(bytes, _) => Some(Arc::clone(bytes)),
        }
    }
}

/// What a snapshot knows of the document that lies directly in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Unknown,
    Absent,
    /// There, but its body was not read.
    Listed,
    /// Index into the documents.
    Loaded(u32),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Index into the names.
    pub(super) name: u32,
    /// Whether `children` is all that there is.
    pub(super) listed: bool,
    pub(super) slot: Slot,
    /// Indexes of nodes, sorted by name.
    pub(super) children: Box<[u32]>,
}

/// One store's part of a snapshot.
///
/// Nodes refer to each other and to their names by index, so that a store of a million documents
/// costs about a hundred bytes for each: `status`, `1` or `complete` is kept once.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) names: Arc<Names>,
    pub(super) nodes: Chunks<Node>,
    pub(super) documents: Chunks<Loaded>,
    /// Of some that are listed what a listing said of their content, by node.
    pub(super) ids: Arc<BTreeMap<u32, BlobId>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    list: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
}

pub(super) const ROOT: u32 = 0;

impl Default for Tree {
    fn default() -> Self {
        let root = Node { name: 0, listed: false, slot: Slot::Unknown, children: Box::default() };
        let mut tree = Tree {
            names: Arc::default(),
            nodes: Chunks::default(),
            documents: Chunks::default(),
            ids: Arc::default(),
        };
        tree.name_id("");
        tree.nodes.push(root);
        tree
    }
}

/// Where a walk along a path ended.
pub(super) enum Step {
    At(u32),
    /// A listed folder on the way has no such entry.
    Missing,
    /// A folder on the way was never listed.
    Unknown,
}

impl Tree {
    pub(super) fn name_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.names.ids.get(name) {
            return *id;
        }
        let names = Arc::make_mut(&mut self.names);
        let id = u32::try_from(names.list.len()).unwrap_or(u32::MAX);
        let shared: Arc<str> = Arc::from(name);
        names.list.push(Arc::clone(&shared));
        names.ids.insert(shared, id);
        id
    }

    pub(super) fn node(&self, index: u32) -> &Node {
        // Indexes come from this tree only, and nodes are never removed.
        self.nodes.at(index)
    }

    pub(super) fn node_mut(&mut self, index: u32) -> &mut Node {
        self.nodes.at_mut(index)
    }

    pub(super) fn name(&self, node: u32) -> &str {
        self.names.list.get(self.node(node).name as usize).map_or("", |name| name)
    }

    /// All names, in the order in which they came. Those of a tree that is another one's copy
    /// are the same ones as far as they were there when it was copied.
    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names.list
    }

    pub(super) fn position(&self, parent: u32, name: &str) -> Result<usize, usize> {
        self.node(parent).children.binary_search_by(|child| self.name(*child).cmp(name))
    }

    pub(super) fn child(&self, parent: u32, name: &str) -> Option<u32> {
        let position = self.position(parent, name).ok()?;
        self.node(parent).children.get(position).copied()
    }

    pub(super) fn walk(&self, path: &str) -> Step {
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

    pub(super) fn add_node(&mut self, name: &str) -> u32 {
        let name = self.name_id(name);
        self.push_node(name)
    }

    fn push_node(&mut self, name: u32) -> u32 {
        self.nodes.push(Node { name, listed: false, slot: Slot::Unknown, children: Box::default() })
    }

    /// The node at `path`, made if it is not there.
    pub(super) fn make(&mut self, path: &str) -> u32 {
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

    pub(super) fn list<'a>(
        &mut self,
        path: &str,
        document: bool,
        entries: impl IntoIterator<Item = &'a str>,
    ) {
        let node = self.make(path);
        self.list_node(node, document, entries);
    }

    /// As [`Tree::list`], of a folder that is known already.
    pub(super) fn list_node<'a>(
        &mut self,
        node: u32,
        document: bool,
        entries: impl IntoIterator<Item = &'a str>,
    ) {
        let mut names: Vec<&str> = entries.into_iter().collect();
        names.order();
        names.dedup();
        let names: Vec<u32> = names.into_iter().map(|name| self.name_id(name)).collect();
        self.list_names(node, document, &names);
    }

    /// As [`Tree::list_node`], of names by their indexes, sorted and each once.
    pub(super) fn list_names(&mut self, node: u32, document: bool, names: &[u32]) {
        let known = std::mem::take(&mut self.node_mut(node).children);
        let mut known = known.into_iter().peekable();
        let mut children = Vec::with_capacity(names.len());
        for name in names {
            // Both are sorted: what a listing does not have any more is left behind.
            let text = |name: u32| self.names.list.get(name as usize).map_or("", |name| name);
            while known.next_if(|child| text(self.node(*child).name) < text(*name)).is_some() {}
            let child = match known.next_if(|child| self.node(*child).name == *name) {
                Some(child) => child,
                None => self.push_node(*name),
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

    pub(super) fn set(&mut self, path: &str, loaded: Option<Loaded>) {
        let node = self.make(path);
        let slot = match (loaded, self.node(node).slot) {
            (None, _) => Slot::Absent,
            (Some(loaded), Slot::Loaded(index)) => {
                *self.documents.at_mut(index) = loaded;
                Slot::Loaded(index)
            }
            (Some(loaded), _) => Slot::Loaded(self.documents.push(loaded)),
        };
        self.node_mut(node).slot = slot;
    }
}

pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}
