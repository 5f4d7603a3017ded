//! What is listed of a folder and those below it, and told to a snapshot.

use super::branch::Branch;
use super::forest::{DEEPEST, Forest};
use super::id::Id;
use crate::glob::{Glob, Judge, Verdict};
use crate::order::Order as _;
use crate::refs::Marker;
use crate::snapshot::{Recorder, Snapshot};

/// The file that holds a document.
pub(super) const OBJECT: &str = "@object.json";
/// The folder of what is current of a package, or belongs to none.
const CURRENT: &str = "@";
/// The most folders that are opened for one need. No store comes near; ids that a broken host made up
/// could lead in circles.
const MOST: usize = 3_000_000;

/// A walk down from a folder, as far as a pattern can match, that tells a snapshot what is known. It goes on
/// where it stood: when more is listed, and when a page has had its turn.
#[derive(Debug)]
pub(super) struct Walk {
    side: Marker,
    /// Where it starts, from the root of the branch.
    path: String,
    judge: Option<Judge>,
    /// The snapshot's numbers of the forest's names, as far as they are known.
    names: Vec<Option<u32>>,
    /// How one gets to each folder: from which one before, and by which of the forest's names.
    ways: Vec<(u32, u32)>,
    open: Vec<Place>,
    /// Folders that are to be listed first.
    missing: Vec<Place>,
    opened: usize,
}

/// A folder on the way.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: Id,
    /// The snapshot's number of it.
    folder: u32,
    /// What the pattern makes of it; none where it alone is wanted.
    verdict: Option<Verdict>,
    /// Whether documents' ids are told.
    ids: bool,
    /// Index of the way to it; none for the first one.
    way: Option<u32>,
    depth: u16,
}

impl Walk {
    /// A walk from the folder `below` of a store, which is at `path` of its branch and has this id.
    pub(super) fn new(
        snapshot: &mut Snapshot,
        side: Marker,
        (path, below, id): (&str, &str, Id),
        glob: Option<&Glob>,
    ) -> Walk {
        let mut judge = glob.map(Judge::new);
        let verdict = judge.as_mut().map(|judge| judge.descend(below));
        // What should be is compared by its id with what is. State is large, and nobody does that there
        // but for what is current.
        let ids = side == Marker::Intent || below.split('/').any(|segment| segment == CURRENT);
        let folder = Recorder::new(snapshot, side).folder(below);
        let (path, names, ways) = (path.to_owned(), Vec::new(), Vec::new());
        let open = vec![Place { id, folder, verdict, ids, way: None, depth: 0 }];
        Walk { side, path, judge, names, ways, open, missing: Vec::new(), opened: 0 }
    }

    /// Goes on with `budget` folders at most, which it takes off.
    pub(super) fn go_on(&mut self, forest: &Forest, snapshot: &mut Snapshot, budget: &mut usize) {
        for place in std::mem::take(&mut self.missing) {
            match forest.get(&place.id) {
                Some(_) => self.open.push(place),
                None => self.missing.push(place),
            }
        }
        let mut into = Recorder::new(snapshot, self.side);
        while *budget > 0
            && let Some(place) = self.open.pop()
        {
            *budget -= 1;
            self.opened += 1;
            if self.opened <= MOST && usize::from(place.depth) <= DEEPEST {
                self.tell(forest, &mut into, place);
            }
        }
    }

    fn tell(&mut self, forest: &Forest, into: &mut Recorder<'_>, place: Place) {
        let Some(items) = forest.get(&place.id) else {
            self.missing.push(place);
            return;
        };
        let document = forest.child(items, OBJECT).filter(|item| !item.folder);
        let folders = || items.iter().filter(|item| item.folder);
        let numbers: Vec<u32> = folders()
            .map(|item| {
                let at = item.name() as usize;
                if self.names.len() <= at {
                    self.names.resize(at + 1, None);
                }
                let known = self.names.get(at).copied().flatten();
                let number = known.unwrap_or_else(|| into.name(forest.name_of(item)));
                if let Some(place) = self.names.get_mut(at) {
                    *place = Some(number);
                }
                number
            })
            .collect();
        if let (true, Some(id)) = (place.ids, document.and_then(|document| document.id.short())) {
            into.identify(place.folder, id);
        }
        let inside = into.list(place.folder, document.is_some(), &numbers);
        let (Some(above), Some(judge)) = (place.verdict, &mut self.judge) else { return };
        let from = self.open.len();
        for (item, folder) in folders().zip(inside) {
            let name = forest.name_of(item);
            let verdict = judge.enter(above, item.name(), name);
            if judge.may_match_below(verdict) {
                let way = u32::try_from(self.ways.len()).ok();
                self.ways.push((place.way.unwrap_or(u32::MAX), item.name()));
                let ids = place.ids || name == CURRENT;
                let depth = place.depth.saturating_add(1);
                self.open.push(Place {
                    id: item.id,
                    folder: *folder,
                    verdict: Some(verdict),
                    ids,
                    way,
                    depth,
                });
            }
        }
        // The first one is next.
        self.open.get_mut(from..).unwrap_or_default().reverse();
    }

    /// Whether it can go on.
    pub(super) fn is_busy(&self) -> bool {
        !self.open.is_empty()
    }

    /// Folders that are to be listed first: their paths from the root of the branch, and ids.
    pub(super) fn missing(&self, forest: &Forest) -> Vec<(String, Id)> {
        let path = |place: &Place| {
            let mut names = Vec::new();
            let mut at = place.way;
            while let Some((before, name)) = at.and_then(|at| self.ways.get(at as usize)) {
                names.push(forest.name(*name));
                at = Some(*before);
            }
            names.push(&self.path);
            names.reverse();
            names.join("/")
        };
        self.missing.iter().map(|place| (path(place), place.id)).collect()
    }
}

/// Calls `found` with the path of every file below a folder that is not the same in both; what is not
/// listed is passed over.
pub(super) fn differences(
    forest: &Forest,
    old: Option<Id>,
    new: Option<Id>,
    path: &mut String,
    found: &mut dyn FnMut(&str),
    depth: usize,
) {
    if old == new || depth > DEEPEST {
        return;
    }
    let items = |id: Option<Id>| match id {
        None => Some(&[][..]),
        Some(id) => forest.get(&id),
    };
    let (Some(before), Some(after)) = (items(old), items(new)) else { return };
    let mut names: Vec<&str> = before.iter().chain(after).map(|item| forest.name_of(item)).collect();
    names.order();
    names.dedup();
    for name in names {
        let (one, two) = (forest.child(before, name), forest.child(after, name));
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        let part = |folder: bool| {
            let id = |item: Option<super::forest::Item>| {
                item.filter(|item| item.folder == folder).map(|item| item.id)
            };
            (id(one), id(two))
        };
        let (old, new) = part(false);
        if old != new {
            found(path);
        }
        let (old, new) = part(true);
        differences(forest, old, new, path, found, depth + 1);
        path.truncate(length);
    }
}

/// How much is below a path of a branch as it was; none when that is not known whole.
pub(super) fn size_then(forest: &Forest, old: Option<&Branch>, path: &str, most: usize) -> Option<usize> {
    match old?.look(forest, path) {
        super::branch::Look::Folder(id) => {
            let (count, whole) = forest.count(&id, most);
            (whole || count > most).then_some(count)
        }
        _ => None,
    }
}
