//! All folders that are known, by git's id of them.
//!
//! What lies in a folder of a given id never changes, so nothing here is ever out of date: after a new
//! commit the folders that it did not touch have the ids that they had, and need no listing. A store is
//! an id of its root and this.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::id::Id;
use crate::hosts::{Entry, EntryKind};
use crate::order::{Gather as _, Order as _};

/// The most segments of a path, and the most folders in folders. Refs have fewer.
pub(super) const DEEPEST: usize = 1000;
/// Folders with at least so many entries below them are put into the cache by themselves.
const PACK: usize = 1000;
/// In a pack, in place of a number of entries: the folder has a pack of its own.
const ELSEWHERE: usize = u32::MAX as usize;

/// A folder or a file in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Index into the names.
    name: u32,
    /// Whether it is a folder.
    pub(super) folder: bool,
    /// Git's id of it.
    pub(super) id: Id,
}

/// The folders that are known. See the [module's page](self).
#[derive(Debug, Default)]
pub(super) struct Forest {
    names: Vec<Arc<str>>,
    name_ids: HashMap<Arc<str>, u32>,
    /// What lies in each, sorted by name.
    folders: HashMap<Id, Box<[Item]>>,
    /// How many folders a pack held, and how many entries all below it, when it was put into the cache.
    packed: HashMap<Id, (usize, usize)>,
    /// How many entries there are below a folder, at least, by what its pack says.
    sizes: HashMap<Id, usize>,
}

/// A folder on its way into the forest.
#[derive(Default)]
struct Draft<'e> {
    id: Option<Id>,
    files: BTreeMap<&'e str, Id>,
    folders: BTreeMap<&'e str, Draft<'e>>,
}

impl Forest {
    fn name(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let shared: Arc<str> = Arc::from(name);
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(&shared));
        self.name_ids.insert(shared, id);
        id
    }

    /// What an item is called.
    pub(super) fn name_of(&self, item: &Item) -> &str {
        self.names.get(item.name as usize).map_or("", |name| name)
    }

    /// What lies in a folder; none when nobody listed it.
    pub(super) fn get(&self, id: &Id) -> Option<&[Item]> {
        self.folders.get(id).map(|items| &**items)
    }

    /// What is called `name` in a folder that is known.
    pub(super) fn child(&self, items: &[Item], name: &str) -> Option<Item> {
        let at = items.binary_search_by(|item| self.name_of(item).cmp(name)).ok()?;
        items.get(at).copied()
    }

    /// Takes in a listing of one folder or, with `deep`, of everything below it. Ids of folders that it
    /// does not tell are computed; `id` is that of the folder itself, where it is known. Returns that id,
    /// or none for a listing that no git repo has.
    pub(super) fn take(&mut self, id: Option<Id>, entries: &[Entry], deep: bool) -> Option<Id> {
        let mut root = Draft { id, ..Draft::default() };
        let mut like = id;
        for entry in entries {
            // Names that a file system or a URL would take for something else are none of ours.
            let odd = |segment: &str| {
                matches!(segment, "" | "." | "..") || segment.contains(|c: char| c.is_control())
            };
            let depth = entry.path.split('/').count();
            if entry.path.split('/').any(odd) || depth > DEEPEST || !deep && depth > 1 {
                continue;
            }
            let id = Id::parse(&entry.id)?;
            like = like.or(Some(id));
            let mut here = &mut root;
            let (parents, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
                here = here.folders.entry(parent).or_default();
            }
            match entry.kind {
                EntryKind::File => {
                    here.files.insert(name, id);
                }
                EntryKind::Folder => here.folders.entry(name).or_default().id = Some(id),
            }
        }
        self.settle(root, deep, like.as_ref(), true)
    }

    /// Takes in the folders that a tree has if it is the one at `old`, or an empty one, but for what lies
    /// at `changes`: sorted paths, each of a folder or not, and ids. Whether there is such a tree is for a
    /// repo to say: an id tells what is in a folder, so one that has the id of these needs no listing.
    /// Returns the id of the tree; none where not enough is known of the old one.
    pub(super) fn suppose(&mut self, old: Option<Id>, changes: &[(&str, bool, Id)]) -> Option<Id> {
        let (_, _, like) = changes.first()?;
        let mut items: BTreeMap<u32, Item> = match old {
            Some(old) => self.get(&old)?.iter().map(|item| (item.name, *item)).gather(),
            None => BTreeMap::new(),
        };
        let mut rest = changes;
        while let Some((path, folder, id)) = rest.first() {
            let name = path.split_once('/').map_or(*path, |(name, _)| name);
            // What follows the name; none for what lies elsewhere.
            let below = |path: &&str| {
                let below = path.strip_prefix(name)?;
                if below.is_empty() { Some(0) } else { below.strip_prefix('/').map(str::len) }
            };
            let here = rest.iter().take_while(|(path, ..)| below(path).is_some()).count();
            let (group, others) = rest.split_at_checked(here.max(1))?;
            rest = others;
            let name = self.name(name);
            let item = if below(path) == Some(0) {
                // What else is in it is in its id.
                Item { name, folder: *folder, id: *id }
            } else {
                let old = items.get(&name).filter(|item| item.folder).map(|item| item.id);
                let cut = |(path, folder, id): &(&'_ str, bool, Id)| {
                    let start = path.len().checked_sub(below(path)?)?;
                    Some((start, *folder, *id))
                };
                let mut inside = Vec::with_capacity(group.len());
                for change in group {
                    let (start, folder, id) = cut(change)?;
                    inside.push((change.0.get(start..)?, folder, id));
                }
                Item { name, folder: true, id: self.suppose(old, &inside)? }
            };
            items.insert(name, item);
        }
        let mut items: Vec<Item> = items.into_values().collect();
        items.order_by(|a, b| self.name_of(a).cmp(self.name_of(b)));
        let items = items.into_boxed_slice();
        let id = self.id_of(&items, Some(like));
        self.folders.entry(id).or_insert(items);
        Some(id)
    }

    fn settle(&mut self, draft: Draft<'_>, deep: bool, like: Option<&Id>, top: bool) -> Option<Id> {
        let listed = top || deep;
        if !listed {
            return draft.id;
        }
        let mut items = Vec::with_capacity(draft.files.len() + draft.folders.len());
        for (name, id) in draft.files {
            items.push((name, Item { name: self.name(name), folder: false, id }));
        }
        for (name, folder) in draft.folders {
            let id = self.settle(folder, deep, like, false)?;
            items.push((name, Item { name: self.name(name), folder: true, id }));
        }
        items.order_by(|a, b| a.0.cmp(b.0));
        // A name is one thing.
        items.dedup_by(|a, b| a.0 == b.0);
        let items: Box<[Item]> = items.into_iter().map(|(_, item)| item).collect();
        let id = draft.id.unwrap_or_else(|| self.id_of(&items, like));
        self.folders.insert(id, items);
        Some(id)
    }

    /// The id that git gives to a folder of files that cannot be executed.
    fn id_of(&self, items: &[Item], like: Option<&Id>) -> Id {
        // Git sorts a folder as if its name ended with a slash.
        let mut sorted: Vec<(String, &Item)> = items
            .iter()
            .map(|item| (format!("{}{}", self.name_of(item), if item.folder { "/" } else { "" }), item))
            .collect();
        sorted.order_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let mut bytes = Vec::new();
        for (_, item) in sorted {
            bytes.extend_from_slice(if item.folder { b"40000 " } else { b"100644 " });
            bytes.extend_from_slice(self.name_of(item).as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(item.id.as_bytes());
        }
        Id::of_tree(&bytes, like)
    }

    /// How much is below a folder, as far as it is known, and whether all of it is; counts no further than
    /// `most`.
    pub(super) fn count(&self, id: &Id, most: usize) -> (usize, bool) {
        let (mut count, mut whole) = (0, true);
        let mut open = vec![*id];
        while let Some(id) = open.pop() {
            match (self.get(&id), self.sizes.get(&id)) {
                (_, Some(size)) if *size > most => count += size,
                (Some(items), _) => {
                    count += items.len();
                    open.extend(items.iter().filter(|item| item.folder).map(|item| item.id));
                }
                (None, Some(size)) => count += size,
                (None, None) => whole = false,
            }
            if count > most {
                return (count, whole);
            }
        }
        (count, whole)
    }

    /// What is to be put into the cache of the folder `id` and of all that is known below it: packs, each
    /// of a folder and of those below it that have none of their own.
    pub(super) fn pack(&mut self, id: &Id, keep: &mut dyn FnMut(Id, Vec<u8>)) {
        let mut packs = Packing { forest: self, seen: BTreeMap::new(), packs: Vec::new() };
        let size = packs.down(id, 0);
        if size.folders > 0 {
            packs.packs.push((*id, size));
        }
        let packs = packs.packs;
        let own: BTreeMap<Id, usize> = packs.iter().map(|(id, size)| (*id, size.total)).gather();
        for (id, Size { folders, total, .. }) in packs {
            if self.packed.get(&id) == Some(&(folders, total)) {
                continue;
            }
            let mut bytes = u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes().to_vec();
            self.write(&id, &own, &mut BTreeSet::new(), 0, &mut bytes);
            self.packed.insert(id, (folders, total));
            self.sizes.insert(id, total);
            keep(id, bytes);
        }
    }

    /// A folder: its id, how many entries, and for each its kind, name and id; then those in it. Of one
    /// that has a pack of its own only its id, a mark and how much is below it.
    fn write(
        &self,
        id: &Id,
        own: &BTreeMap<Id, usize>,
        done: &mut BTreeSet<Id>,
        depth: usize,
        bytes: &mut Vec<u8>,
    ) {
        let Some(items) = self.get(id) else { return };
        // What is there twice is written once.
        if !done.insert(*id) || depth > DEEPEST {
            return;
        }
        let number = |number: usize, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        };
        let write_id = |id: &Id, bytes: &mut Vec<u8>| {
            bytes.push(u8::try_from(id.as_bytes().len()).unwrap_or(0));
            bytes.extend_from_slice(id.as_bytes());
        };
        write_id(id, bytes);
        if let Some(size) = own.get(id).filter(|_| depth > 0) {
            number(ELSEWHERE, bytes);
            number(*size, bytes);
            return;
        }
        number(items.len(), bytes);
        for item in items {
            bytes.push(u8::from(item.folder));
            let name = self.name_of(item);
            number(name.len(), bytes);
            bytes.extend_from_slice(name.as_bytes());
            write_id(&item.id, bytes);
        }
        for item in items.iter().filter(|item| item.folder) {
            self.write(&item.id, own, done, depth + 1, bytes);
        }
    }

    /// Takes in a pack out of the cache; leaves out the rest where it is none.
    pub(super) fn unpack(&mut self, id: &Id, mut bytes: &[u8]) {
        let Some((size, rest)) = bytes.split_first_chunk() else { return };
        bytes = rest;
        let total = u32::from_le_bytes(*size) as usize;
        self.sizes.insert(*id, total);
        let mut folders = 0;
        while !bytes.is_empty() {
            match self.read(&mut bytes) {
                Some((id, Packed::Here(items))) => {
                    self.folders.entry(id).or_insert(items);
                    folders += 1;
                }
                Some((id, Packed::Elsewhere(size))) => {
                    self.sizes.insert(id, size);
                }
                None => return,
            }
        }
        self.packed.insert(*id, (folders, total));
    }

    /// A folder, or how much is below one that has a pack of its own.
    fn read(&mut self, bytes: &mut &[u8]) -> Option<(Id, Packed)> {
        fn cut<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
            let (cut, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Some(cut)
        }
        fn number(bytes: &mut &[u8]) -> Option<usize> {
            Some(u32::from_le_bytes(cut(bytes, 4)?.try_into().ok()?) as usize)
        }
        fn read_id(bytes: &mut &[u8]) -> Option<Id> {
            let length = usize::from(*cut(bytes, 1)?.first()?);
            Id::from_bytes(cut(bytes, length)?)
        }
        let id = read_id(bytes)?;
        let count = number(bytes)?;
        if count == ELSEWHERE {
            return Some((id, Packed::Elsewhere(number(bytes)?)));
        }
        let mut items = Vec::new();
        for _ in 0..count {
            let folder = *cut(bytes, 1)?.first()? == 1;
            let length = number(bytes)?;
            let name = std::str::from_utf8(cut(bytes, length)?).ok()?;
            let name = self.name(name);
            items.push(Item { name, folder, id: read_id(bytes)? });
        }
        Some((id, Packed::Here(items.into_boxed_slice())))
    }

    /// Forgets every folder that is not below one of `roots`.
    pub(super) fn prune(&mut self, roots: impl IntoIterator<Item = Id>) {
        let mut old = std::mem::take(&mut self.folders);
        let mut open: Vec<Id> = roots.into_iter().collect();
        while let Some(id) = open.pop() {
            if let Some(items) = old.remove(&id) {
                open.extend(items.iter().filter(|item| item.folder).map(|item| item.id));
                self.folders.insert(id, items);
            }
        }
        let folders = &self.folders;
        self.packed.retain(|id, _| folders.contains_key(id));
    }
}

/// A folder in a pack.
enum Packed {
    Here(Box<[Item]>),
    /// It has a pack of its own, and so many entries are below it.
    Elsewhere(usize),
}

#[derive(Clone, Copy, Default)]
struct Size {
    entries: usize,
    folders: usize,
    /// Entries, those in packs of their own too.
    total: usize,
}

struct Packing<'f> {
    forest: &'f Forest,
    /// Folders that are packed already, with how much is below them: what is there twice is packed once.
    seen: BTreeMap<Id, usize>,
    packs: Vec<(Id, Size)>,
}

impl Packing<'_> {
    /// How much of a folder is left for the pack of the one that it is in.
    fn down(&mut self, id: &Id, depth: usize) -> Size {
        let forest = self.forest;
        let Some(items) = forest.get(id) else { return Size::default() };
        if let Some(total) = self.seen.get(id) {
            return Size { total: *total, ..Size::default() };
        }
        if depth > DEEPEST {
            return Size::default();
        }
        self.seen.insert(*id, 0);
        let mut size = Size { entries: items.len(), folders: 1, total: items.len() };
        for item in items.iter().filter(|item| item.folder) {
            let below = self.down(&item.id, depth + 1);
            size.entries += below.entries;
            size.folders += below.folders;
            size.total = size.total.saturating_add(below.total);
        }
        self.seen.insert(*id, size.total);
        if size.entries < PACK {
            return size;
        }
        self.packs.push((*id, size));
        Size { total: size.total, ..Size::default() }
    }
}
