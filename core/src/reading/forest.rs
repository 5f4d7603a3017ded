//! All folders that are known, by git's id of them.
//!
//! What lies in a folder of a given id never changes, so nothing here is ever out of date: after a new
//! commit the folders that it did not touch have the ids that they had, and need no listing. A store is
//! an id of its root and this.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::id::Id;
use crate::hosts::{Entry, EntryKind};
use crate::mixed::Map;
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
    folders: Map<Id, Box<[Item]>>,
    /// What was put into the cache.
    packed: Map<Id, Pack>,
    /// How many entries there are below a folder, at least, by what its pack says.
    sizes: Map<Id, usize>,
}

/// What is in the cache of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pack {
    /// How many folders it holds.
    folders: usize,
    /// How many entries there are below the folder, those in other packs too.
    total: usize,
    /// Whether it is large enough to have a pack of its own wherever it lies.
    own: bool,
    /// Whether everything below the folder is known, in this pack and in others: then it stays as it is.
    whole: bool,
}

/// A path, and what may lie there: whether it is a folder, and its id; none where nothing does.
pub(super) type Supposed<'p> = (&'p str, Option<(bool, Id)>);

/// A folder on its way into the forest.
struct Draft<'e> {
    /// Its path.
    path: &'e str,
    id: Option<Id>,
    items: Vec<Item>,
}

impl Item {
    /// The number of its name, the same wherever it is called so.
    pub(super) fn name(&self) -> u32 {
        self.name
    }
}

impl Forest {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let shared: Arc<str> = Arc::from(name);
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(&shared));
        self.name_ids.insert(shared, id);
        id
    }

    /// The name of a number.
    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    /// What an item is called.
    pub(super) fn name_of(&self, item: &Item) -> &str {
        self.name(item.name)
    }

    /// How many folders are known.
    pub(super) fn len(&self) -> usize {
        self.folders.len()
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
        let mut sorted = Vec::with_capacity(entries.len());
        let mut before = "";
        for entry in entries {
            let path = entry.path.as_str();
            // What it begins with like the one before was looked at there.
            let same =
                path.get(..same(before, path)).and_then(|same| same.rfind('/')).map_or(0, |slash| slash + 1);
            let depth = || 1 + path.bytes().filter(|byte| *byte == b'/').count();
            let kept = if deep { path.len() < DEEPEST || depth() <= DEEPEST } else { !path.contains('/') };
            if kept && !path.get(same..).unwrap_or_default().split('/').any(is_odd) {
                sorted.push((path, entry.kind == EntryKind::Folder, Id::parse(&entry.id)?));
                before = path;
            }
        }
        // What is in a folder follows it. Mostly that is how they came.
        sorted.order_by(|one, other| by_folders(one.0, other.0).then(one.1.cmp(&other.1)));
        let like = id.or(sorted.first().map(|(.., id)| *id));
        let mut open = vec![Draft { path: "", id, items: Vec::new() }];
        for (path, folder, id) in sorted {
            if let Some(draft) = open.last_mut().filter(|draft| folder && draft.path == path) {
                draft.id = Some(id);
                continue;
            }
            while open.last().is_some_and(|draft| !is_in(path, draft.path)) {
                self.close(&mut open, like.as_ref());
            }
            if !deep {
                let name = self.number(path);
                open.last_mut()?.items.push(Item { name, folder, id });
                continue;
            }
            // A host that lists only files leaves out the folders on the way.
            let start = open.last()?.path;
            let start = if start.is_empty() { 0 } else { start.len() + 1 };
            for (slash, _) in path.match_indices('/').filter(|(slash, _)| *slash >= start) {
                open.push(Draft { path: path.get(..slash)?, id: None, items: Vec::new() });
            }
            if folder {
                open.push(Draft { path, id: Some(id), items: Vec::new() });
            } else {
                let name = self.number(path.rsplit_once('/').map_or(path, |(_, name)| name));
                open.last_mut()?.items.push(Item { name, folder, id });
            }
        }
        loop {
            let last = open.len() == 1;
            let id = self.close(&mut open, like.as_ref())?;
            if last {
                return Some(id);
            }
        }
    }

    /// Takes in the last of the folders that are open, and puts it into the one before.
    fn close(&mut self, open: &mut Vec<Draft<'_>>, like: Option<&Id>) -> Option<Id> {
        let Draft { path, id, mut items } = open.pop()?;
        // A name is one thing.
        items.dedup_by(|one, other| one.name == other.name);
        let id = id.unwrap_or_else(|| self.id_of(&items, like));
        self.folders.insert(id, items.into_boxed_slice());
        if let Some(parent) = open.last_mut() {
            let name = self.number(path.rsplit_once('/').map_or(path, |(_, name)| name));
            parent.items.push(Item { name, folder: true, id });
        }
        Some(id)
    }

    /// Takes in the folders that a tree has if it is the one at `old`, or an empty one, but for what lies
    /// at `changes`: sorted paths, and for each whether it is a folder, and its id; none for what is gone.
    /// Whether there is such a tree is for a repo to say: an id tells what is in a folder, so one that has
    /// the id of these needs no listing. Returns the id of the tree, inside none for one with nothing in it;
    /// none where not enough is known of the old one.
    pub(super) fn suppose(&mut self, old: Option<Id>, changes: &[Supposed<'_>]) -> Option<Option<Id>> {
        let like = old.or_else(|| changes.iter().find_map(|(_, now)| Some(now.as_ref()?.1)))?;
        let mut items: BTreeMap<u32, Item> = match old {
            Some(old) => self.get(&old)?.iter().map(|item| (item.name, *item)).gather(),
            None => BTreeMap::new(),
        };
        let mut rest = changes;
        while let Some((path, now)) = rest.first() {
            let name = path.split_once('/').map_or(*path, |(name, _)| name);
            // What follows the name; none for what lies elsewhere.
            let below = |path: &&str| {
                let below = path.strip_prefix(name)?;
                if below.is_empty() { Some(0) } else { below.strip_prefix('/').map(str::len) }
            };
            let here = rest.iter().take_while(|(path, _)| below(path).is_some()).count();
            let (group, others) = rest.split_at_checked(here.max(1))?;
            rest = others;
            let name = self.number(name);
            let item = if below(path) == Some(0) {
                // What else is in it is in its id.
                now.map(|(folder, id)| Item { name, folder, id })
            } else {
                let old = items.get(&name).filter(|item| item.folder).map(|item| item.id);
                let mut inside = Vec::with_capacity(group.len());
                for (path, now) in group {
                    let start = path.len().checked_sub(below(path)?)?;
                    inside.push((path.get(start..)?, *now));
                }
                self.suppose(old, &inside)?.map(|id| Item { name, folder: true, id })
            };
            match item {
                Some(item) => drop(items.insert(name, item)),
                None => drop(items.remove(&name)),
            }
        }
        if items.is_empty() {
            return Some(None);
        }
        let mut items: Vec<Item> = items.into_values().collect();
        items.order_by(|a, b| self.name_of(a).cmp(self.name_of(b)));
        let items = items.into_boxed_slice();
        let id = self.id_of(&items, Some(&like));
        self.folders.entry(id).or_insert(items);
        Some(Some(id))
    }

    /// The id that git gives to a folder of files that cannot be executed.
    fn id_of(&self, items: &[Item], like: Option<&Id>) -> Id {
        // Git sorts a folder as if its name ended with a slash.
        let name = |item: &Item| self.name_of(item).bytes().chain(item.folder.then_some(b'/'));
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.order_by(|one, other| name(one).cmp(name(other)));
        let mut bytes = Vec::new();
        for item in sorted {
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
    /// of a folder and of those below it that have none of their own. Stops with the pack that spends the
    /// `budget`, in entries; returns whether that was all.
    pub(super) fn pack(&mut self, id: &Id, budget: &mut usize, keep: &mut dyn FnMut(Id, Vec<u8>)) -> bool {
        let mut packing =
            Packing { forest: self, seen: Map::default(), packs: Vec::new(), budget, stopped: false };
        let size = packing.down(id, 0);
        let Packing { mut packs, stopped, .. } = packing;
        if !stopped && size.folders > 0 {
            packs.push((*id, size));
        }
        for (id, Size { folders, total, entries, whole }) in packs {
            let pack = Pack { folders, total, own: entries >= PACK, whole };
            let before = self.packed.insert(id, pack);
            if before.is_some_and(|before| (before.folders, before.total) == (folders, total)) {
                continue;
            }
            let mut bytes = u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes().to_vec();
            self.write(&id, &mut Map::default(), 0, &mut bytes);
            self.sizes.insert(id, total);
            keep(id, bytes);
        }
        !stopped
    }

    /// A folder: its id, how many entries, and for each its kind, name and id; then those in it. Of one
    /// that has a pack of its own only its id, a mark and how much is below it.
    fn write(&self, id: &Id, done: &mut Map<Id, ()>, depth: usize, bytes: &mut Vec<u8>) {
        let Some(items) = self.get(id) else { return };
        // What is there twice is written once.
        if done.insert(*id, ()).is_some() || depth > DEEPEST {
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
        if let Some(pack) = self.packed.get(id).filter(|pack| pack.own && depth > 0) {
            number(ELSEWHERE, bytes);
            number(pack.total, bytes);
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
            self.write(&item.id, done, depth + 1, bytes);
        }
    }

    /// Takes in a pack out of the cache; leaves out the rest where it is none. Returns how many entries it
    /// has.
    pub(super) fn unpack(&mut self, id: &Id, mut bytes: &[u8]) -> usize {
        let Some((size, rest)) = bytes.split_first_chunk() else { return 0 };
        bytes = rest;
        let total = u32::from_le_bytes(*size) as usize;
        self.sizes.insert(*id, total);
        let (mut folders, mut entries, mut whole) = (0, 0, true);
        let mut inside = Vec::new();
        while !bytes.is_empty() {
            match self.read(&mut bytes) {
                Some((id, Packed::Here(items))) => {
                    entries += items.len();
                    inside.extend(items.iter().filter(|item| item.folder).map(|item| item.id));
                    self.folders.entry(id).or_insert(items);
                    folders += 1;
                }
                Some((id, Packed::Elsewhere(size))) => {
                    self.sizes.insert(id, size);
                    whole = false;
                }
                None => return entries,
            }
        }
        whole &= inside.iter().all(|id| self.folders.contains_key(id));
        self.packed.insert(*id, Pack { folders, total, own: entries >= PACK, whole });
        entries
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
            let name = self.number(name);
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
    /// Whether everything below is known.
    whole: bool,
}

struct Packing<'f> {
    forest: &'f Forest,
    /// Folders that are packed already, with how much is below them: what is there twice is packed once.
    seen: Map<Id, Size>,
    packs: Vec<(Id, Size)>,
    budget: &'f mut usize,
    /// Whether the budget is spent, and more is to be packed.
    stopped: bool,
}

impl Packing<'_> {
    /// How much of a folder is left for the pack of the one that it is in. Of no use once it has stopped.
    fn down(&mut self, id: &Id, depth: usize) -> Size {
        let forest = self.forest;
        let Some(items) = forest.get(id) else { return Size::default() };
        let elsewhere = |total, whole| Size { total, whole, ..Size::default() };
        if let Some(Size { total, whole, .. }) = self.seen.get(id) {
            return elsewhere(*total, *whole);
        }
        if let Some(Pack { total, .. }) = forest.packed.get(id).filter(|pack| pack.own && pack.whole) {
            return elsewhere(*total, true);
        }
        if depth > DEEPEST {
            return Size::default();
        }
        self.seen.insert(*id, Size::default());
        let mut size = Size { entries: items.len(), folders: 1, total: items.len(), whole: true };
        for item in items.iter().filter(|item| item.folder) {
            let below = self.down(&item.id, depth + 1);
            self.stopped |= *self.budget == 0;
            if self.stopped {
                return Size::default();
            }
            size.entries += below.entries;
            size.folders += below.folders;
            size.total = size.total.saturating_add(below.total);
            size.whole &= below.whole;
        }
        self.seen.insert(*id, size);
        if size.entries < PACK {
            return size;
        }
        self.packs.push((*id, size));
        let same = |pack: &Pack| (pack.folders, pack.total) == (size.folders, size.total);
        if !forest.packed.get(id).is_some_and(same) {
            *self.budget = self.budget.saturating_sub(size.entries);
        }
        elsewhere(size.total, size.whole)
    }
}

/// Whether what is at `path` lies below a folder, which may be the root.
fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a name is none of ours: a file system or a URL would take it for something else.
fn is_odd(segment: &str) -> bool {
    let plain = || segment.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    matches!(segment, "" | "." | "..") || !plain() && segment.contains(|c: char| c.is_control())
}

/// How many bytes two paths begin with alike.
fn same(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

/// The order in which a folder is followed by what is in it, and names are sorted by their bytes.
fn by_folders(one: &str, other: &str) -> Ordering {
    let same = same(one, other);
    let next = |path: &str| match path.as_bytes().get(same) {
        None => 0,
        Some(b'/') => 1,
        Some(byte) => u16::from(*byte) + 2,
    };
    next(one).cmp(&next(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: EntryKind, id: u8) -> Entry {
        Entry { path: path.into(), kind, id: format!("{id:02x}").repeat(20) }
    }

    /// What is known below a folder.
    fn shown(forest: &Forest, id: &Id) -> String {
        let item = |item: &Item| match item.folder {
            true => format!("{}/{}", forest.name_of(item), shown(forest, &item.id)),
            false => forest.name_of(item).to_owned(),
        };
        match forest.get(id) {
            Some(items) => format!("({})", items.iter().map(item).collect::<Vec<_>>().join(" ")),
            None => "?".to_owned(),
        }
    }

    #[test]
    fn a_listing_is_the_same_in_any_order() {
        use EntryKind::{File, Folder};
        let all = [
            ("a", Folder, 1),
            ("a-b", File, 2),
            ("a/x", File, 3),
            ("a/x-y", Folder, 4),
            ("a/x-y/z", File, 5),
            ("a.b", Folder, 6),
            ("b", File, 7),
            ("c/d/e", File, 8),
        ];
        let tell = |from: usize| {
            let mut forest = Forest::default();
            let entries: Vec<Entry> = (0..all.len())
                .map(|n| all[(n * 3 + from) % all.len()])
                .map(|(p, k, id)| entry(p, k, id))
                .collect();
            let id = forest.take(None, &entries, true).unwrap();
            (shown(&forest, &id), id)
        };
        let told = tell(0);
        assert_eq!(told.0, "(a/(x x-y/(z)) a-b a.b/() b c/(d/(e)))");
        assert!((0..all.len()).all(|from| tell(from) == told));
        let mut forest = Forest::default();
        let entries: Vec<Entry> = all.iter().map(|(p, k, id)| entry(p, *k, *id)).collect();
        let id = forest.take(Id::parse(&"ff".repeat(20)), &entries, false).unwrap();
        assert_eq!(shown(&forest, &id), "(a/? a-b a.b/? b)");
        assert_eq!(id.to_string(), "ff".repeat(20));
        for odd in ["..", "a//b", "", "a/\n"] {
            let id = forest.take(None, &[entry(odd, File, 1), entry("x", File, 2)], true).unwrap();
            assert_eq!(shown(&forest, &id), "(x)");
        }
        // Names are one thing; a host that says otherwise is not believed twice.
        let twice = [entry("a/b", File, 1), entry("a", File, 2), entry("a", Folder, 3)];
        let id = forest.take(None, &twice, true).unwrap();
        assert_eq!(shown(&forest, &id), "(a)");
        assert!(forest.take(None, &[Entry { id: "x".into(), ..entry("a", File, 1) }], true).is_none());
    }

    #[test]
    fn packs_are_made_a_few_at_a_time_and_stay() {
        let entries: Vec<Entry> = (0..4_000)
            .map(|n| entry(&format!("p{}/d{}/f{n}", n / 1_500, n % 7), EntryKind::File, (n % 251) as u8))
            .collect();
        let pack = |budget: usize| {
            let mut forest = Forest::default();
            let root = forest.take(None, &entries, true).unwrap();
            let (mut packs, mut rounds) = (BTreeMap::new(), 0);
            while !forest.pack(&root, &mut budget.clone(), &mut |id, bytes| {
                assert!(packs.insert(id, bytes).is_none(), "once is enough");
            }) {
                rounds += 1;
            }
            forest.pack(&root, &mut usize::MAX.clone(), &mut |_, _| panic!("all is packed"));
            (root, packs, rounds)
        };
        let (root, packs, rounds) = pack(usize::MAX);
        assert_eq!((packs.len(), rounds), (4, 0));
        assert_eq!(pack(1).1, packs);
        assert_eq!(pack(1).2, 3);
        let mut forest = Forest::default();
        for (id, bytes) in &packs {
            assert!(forest.unpack(id, bytes) > 0);
        }
        let mut whole = Forest::default();
        whole.take(None, &entries, true);
        assert_eq!(shown(&forest, &root), shown(&whole, &root));
        forest.pack(&root, &mut usize::MAX.clone(), &mut |_, _| panic!("it came from there"));
    }
}
