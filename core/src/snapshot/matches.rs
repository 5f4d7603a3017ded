//! A search that can be interrupted: for a page, which must stay able to answer.
//!
//! It visits folders in the order in which people read them (natural, the newest release first), so
//! what it has found so far is the beginning of what it will have found, and can be shown. Where it is
//! follows from the path that it visited last: between two steps the snapshot may grow.
//!
//! ```
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::snapshot::{Found, Matches, Snapshot};
//! use ocuroot_core::{Glob, Marker};
//!
//! let mut snapshot = Snapshot::empty();
//! for at in ["s/-/p/@r2", "s/-/p/@r10", "s/-/q/@r1", "s/-/p/@r10/custom/x"] {
//!     snapshot.put(&at.parse()?, Document::new("", &()));
//! }
//! let mut matches = Matches::new(Marker::State, &Glob::new("**/@r*").unwrap());
//! while matches.resume(&snapshot, 2) == Found::More {}
//! assert_eq!(matches.paths().iter().collect::<Vec<_>>(), ["s/-/p/@r10", "s/-/p/@r2", "s/-/q/@r1"]);
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::tree::{Node, Slot, Step, Tree, segments};
use super::{Needs, Snapshot, push_segment};
use crate::glob::{Glob, Judge, Verdict};
use crate::natural;
use crate::order::Order as _;
use crate::refs::Marker;

/// A search under way in one store. See the [module's page](self).
#[derive(Clone, Debug)]
pub struct Matches {
    side: Marker,
    glob: Glob,
    judge: Judge,
    order: Order,
    /// The folder that was visited last, which everything before it was too.
    at: Option<String>,
    paths: Paths,
    visited: usize,
    needs: Needs,
    over: bool,
}

/// How far a search is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is more to visit: go on.
    More,
    /// Everything that is loaded was visited. These folders were not: once they are,
    /// [`Matches::restart`].
    Needs(Needs),
    /// That is all.
    All,
}

/// A list of paths, however long: one text, and where each ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    text: String,
    ends: Vec<u32>,
}

impl Paths {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The one at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start =
            index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.text.get(start..end)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Adds the one that consists of `folder` and a `name` in it, which may be empty.
    fn push(&mut self, folder: &str, name: &str) {
        let length = self.text.len() + folder.len() + name.len() + 1;
        // Offsets have 32 bits. What comes after four gigabytes is found by a narrower pattern.
        if u32::try_from(length).is_err() {
            return;
        }
        self.text.push_str(folder);
        if !folder.is_empty() && !name.is_empty() {
            self.text.push('/');
        }
        self.text.push_str(name);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }
}

impl<'p> FromIterator<&'p str> for Paths {
    fn from_iter<I: IntoIterator<Item = &'p str>>(paths: I) -> Paths {
        let mut all = Paths::default();
        paths.into_iter().for_each(|path| all.push(path, ""));
        all
    }
}

/// Which of a tree's names is read before which: with that known, a folder's are sorted as numbers are.
#[derive(Clone, Debug, Default)]
struct Order {
    /// By the name's index.
    ranks: Vec<u32>,
    /// The last name that has a rank, to know the tree again.
    last: Option<Arc<str>>,
}

impl Order {
    /// Whether the ranks are those of a tree's names, as far as they go.
    fn is_of(&self, tree: &Tree) -> bool {
        match (self.ranks.len().checked_sub(1).and_then(|last| tree.names().get(last)), &self.last) {
            (Some(name), Some(last)) => Arc::ptr_eq(name, last),
            (None, None) => true,
            _ => false,
        }
    }

    fn learn(&mut self, tree: &Tree) {
        let names = tree.names();
        let mut sorted: Vec<u32> = (0..u32::try_from(names.len()).unwrap_or(u32::MAX)).collect();
        let name = |index: &u32| names.get(*index as usize).map_or("", |name| name);
        sorted.order_by(|one, other| reading_order(name(one), name(other)));
        self.ranks = vec![0; names.len()];
        for (rank, index) in (0..).zip(sorted) {
            if let Some(place) = self.ranks.get_mut(index as usize) {
                *place = rank;
            }
        }
        self.last = names.last().cloned();
    }

    fn rank(&self, tree: &Tree, node: u32) -> u32 {
        self.ranks.get(tree.node(node).name as usize).copied().unwrap_or(u32::MAX)
    }

    /// The folders in a folder. Most have one, or lie in this order already: those are not copied, which
    /// takes as long as all else that is done with them.
    fn children<'t>(&self, tree: &'t Tree, node: u32) -> Cow<'t, [u32]> {
        let children = &*tree.node(node).children;
        if children.is_sorted_by_key(|child| self.rank(tree, *child)) {
            return Cow::Borrowed(children);
        }
        let mut children = children.to_vec();
        children.order_by_key(|child| self.rank(tree, *child));
        Cow::Owned(children)
    }
}

impl Matches {
    /// A search that has not begun. Markers `+` in the pattern are read as `@`, as both stores spell
    /// them.
    #[must_use]
    pub fn new(side: Marker, glob: &Glob) -> Matches {
        let glob = glob.to_state();
        Matches {
            side,
            judge: Judge::new(&glob),
            glob,
            order: Order::default(),
            at: None,
            paths: Paths::default(),
            visited: 0,
            needs: Needs::default(),
            over: false,
        }
    }

    /// The paths of the documents found so far, in the order in which they are shown. Each is a ref
    /// spelled with `@`.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// How many folders were looked at, for progress.
    #[must_use]
    pub fn visited(&self) -> usize {
        self.visited
    }

    /// Begins again: more is loaded now, or something has changed.
    pub fn restart(&mut self) {
        let (side, glob) = (self.side, self.glob.clone());
        self.instead(side, &glob);
    }

    /// Begins another search. In which order names are read need not be found out anew.
    pub fn instead(&mut self, side: Marker, glob: &Glob) {
        let order = std::mem::take(&mut self.order);
        *self = Matches { order, ..Matches::new(side, glob) };
    }

    /// Goes on for `budget` folders, at least one.
    pub fn resume(&mut self, snapshot: &Snapshot, budget: usize) -> Found {
        let tree = snapshot.tree(self.side);
        if !self.over {
            if !self.order.is_of(tree) {
                (self.order, self.judge) = (Order::default(), Judge::new(&self.glob));
            }
            if self.order.ranks.len() < tree.names().len() {
                self.order.learn(tree);
            }
            match self.stack(tree) {
                Some(stack) => self.go_on(tree, stack, budget.max(1)),
                None => self.over = true,
            }
        }
        match (self.over, self.needs.is_empty()) {
            (false, _) => Found::More,
            (true, false) => Found::Needs(self.needs.clone()),
            (true, true) => Found::All,
        }
    }

    /// The folders from the start of the search down to where it stands; none when there is nothing
    /// to search.
    fn stack<'t>(&mut self, tree: &'t Tree) -> Option<Stack<'t>> {
        let prefix = self.glob.literal_prefix();
        let start = prefix.rfind('/').and_then(|end| prefix.get(..end)).unwrap_or("").to_owned();
        let node = match tree.walk(&start) {
            Step::Missing => return None,
            Step::Unknown => {
                self.needs.merge(Needs::folder(self.side, &start, Some(&self.glob)));
                return None;
            }
            Step::At(node) => node,
        };
        let verdict = self.judge.descend(&start);
        let mut stack = Stack { frames: Vec::new(), path: start.clone() };
        let Some(at) = self.at.clone() else {
            self.visit(tree, node, verdict, &start, "");
            self.push(&mut stack, tree, node, verdict, 0);
            return Some(stack);
        };
        self.push(&mut stack, tree, node, verdict, 0);
        for name in segments(at.get(start.len()..).unwrap_or_default()) {
            let Some(frame) = stack.frames.last_mut() else { break };
            let before = |child: &u32| reading_order(tree.name(*child), name) != Ordering::Greater;
            frame.next = frame.children.partition_point(before);
            // A child of that name is the one before; if it is gone, what follows it is next.
            let found = frame.next.checked_sub(1).and_then(|index| frame.children.get(index)).copied();
            let Some(child) = found.filter(|child| tree.name(*child) == name) else { break };
            let verdict = self.judge.enter(frame.verdict, tree.node(child).name, name);
            let above = stack.path.len();
            push_segment(&mut stack.path, name);
            self.push(&mut stack, tree, child, verdict, above);
        }
        Some(stack)
    }

    fn go_on<'t>(&mut self, tree: &'t Tree, mut stack: Stack<'t>, budget: usize) {
        let end = self.visited.saturating_add(budget);
        while let Some(frame) = stack.frames.last_mut() {
            let Some(child) = frame.children.get(frame.next).copied() else {
                stack.pop();
                continue;
            };
            frame.next += 1;
            let name = tree.name(child);
            let verdict = self.judge.enter(frame.verdict, tree.node(child).name, name);
            let opens = self.visit(tree, child, verdict, &stack.path, name);
            let over = self.visited >= end;
            if opens || over {
                let above = stack.path.len();
                push_segment(&mut stack.path, name);
                if over {
                    self.at = Some(stack.path);
                    return;
                }
                self.push(&mut stack, tree, child, verdict, above);
            }
        }
        self.over = true;
    }

    /// Looks at the folder `name` in `above`, or at `above` itself where there is no name. Returns whether
    /// those in it are to be visited.
    fn visit(&mut self, tree: &Tree, node: u32, verdict: Verdict, above: &str, name: &str) -> bool {
        self.visited += 1;
        let Node { listed, slot, children, .. } = tree.node(node);
        let leaf = *listed && children.is_empty();
        let below = self.judge.may_match_below(verdict);
        if !leaf && !below {
            return false;
        }
        if !listed {
            let mut path = above.to_owned();
            if !name.is_empty() {
                push_segment(&mut path, name);
            }
            self.needs.merge(Needs::folder(self.side, &path, Some(&self.glob)));
        }
        if matches!(slot, Slot::Listed | Slot::Loaded(_)) && self.judge.is_match(verdict) {
            self.paths.push(above, name);
        }
        below && !children.is_empty()
    }

    /// Goes into `node`, to which the stack's path leads; of it `above` bytes lead to the folder above.
    fn push<'t>(&self, stack: &mut Stack<'t>, tree: &'t Tree, node: u32, verdict: Verdict, above: usize) {
        let children = match self.judge.may_match_below(verdict) {
            true => self.order.children(tree, node),
            false => Cow::Borrowed(&[][..]),
        };
        stack.frames.push(Frame { verdict, children, next: 0, above });
    }
}

/// The folders above the one that is next.
struct Stack<'t> {
    frames: Vec<Frame<'t>>,
    path: String,
}

struct Frame<'t> {
    verdict: Verdict,
    /// In the order in which they are read; none where nothing below can match.
    children: Cow<'t, [u32]>,
    /// Which of them is next.
    next: usize,
    /// How long the path is that leads to the folder above.
    above: usize,
}

impl Stack<'_> {
    fn pop(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.path.truncate(frame.above);
        }
    }
}

/// The order in which names in a folder are read: the current release, releases from the newest on,
/// then everything else as people count.
#[must_use]
pub fn reading_order(one: &str, other: &str) -> Ordering {
    let number = |name: &str| name.strip_prefix("@r").and_then(|number| number.parse::<u64>().ok());
    let rank = |name: &str| match number(name) {
        _ if name == "@" => 0,
        Some(_) => 1,
        None => 2,
    };
    let numbers = || number(other).cmp(&number(one)).then_with(|| one.cmp(other));
    rank(one).cmp(&rank(other)).then_with(|| match rank(one) {
        1 => numbers(),
        _ => natural::compare(one, other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Document;

    fn store() -> Snapshot {
        let mut snapshot = Snapshot::empty();
        for package in ["s/-/p", "s/-/p/q", "t/x/-/a10", "t/x/-/a9"] {
            for release in 1..12 {
                for rest in ["", "/task/build/1", "/task/build/1/status/complete", "/deploy/prod/2"] {
                    let at = format!("{package}/@r{release}{rest}");
                    snapshot.put(&at.parse().unwrap(), Document::new("", &()));
                }
            }
            snapshot.put(&format!("{package}/@/deploy/prod").parse().unwrap(), Document::new("", &()));
        }
        snapshot.put(&"@/environment/prod".parse().unwrap(), Document::new("", &()));
        snapshot
    }

    fn all(snapshot: &Snapshot, pattern: &str, budget: usize) -> Vec<String> {
        let mut matches = Matches::new(Marker::State, &Glob::new(pattern).unwrap());
        while matches.resume(snapshot, budget) == Found::More {}
        assert_eq!(matches.resume(snapshot, budget), Found::All);
        matches.paths().iter().map(str::to_owned).collect()
    }

    #[test]
    fn it_finds_what_a_search_finds_however_often_it_is_interrupted() {
        let snapshot = store();
        let patterns = [
            "**",
            "**/@r*",
            "s/-/p/**",
            "s/-/p/@r1?/deploy/*/[0-9]",
            "@/environment/prod",
            "nothing/**",
            "**/@/**",
        ];
        for pattern in patterns {
            let whole = all(&snapshot, pattern, usize::MAX);
            for budget in [1, 2, 3, 7, 50] {
                assert_eq!(all(&snapshot, pattern, budget), whole, "{pattern} by {budget}");
            }
            let mut sorted = whole;
            sorted.order();
            let glob = Glob::new(pattern).unwrap();
            let found: Vec<String> =
                snapshot.search_in(Marker::State, &glob).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(sorted, found, "{pattern}");
        }
    }

    #[test]
    fn it_reads_as_people_do() {
        assert_eq!(
            all(&store(), "t/**/@{,r1,r9,r10,r11}/{deploy/prod,task/build/1}", 5),
            [
                "t/x/-/a9/@/deploy/prod",
                "t/x/-/a9/@r11/task/build/1",
                "t/x/-/a9/@r10/task/build/1",
                "t/x/-/a9/@r9/task/build/1",
                "t/x/-/a9/@r1/task/build/1",
                "t/x/-/a10/@/deploy/prod",
                "t/x/-/a10/@r11/task/build/1",
                "t/x/-/a10/@r10/task/build/1",
                "t/x/-/a10/@r9/task/build/1",
                "t/x/-/a10/@r1/task/build/1",
            ]
        );
    }

    #[test]
    fn what_was_not_listed_is_named_and_the_rest_is_found() {
        let mut snapshot = Snapshot::default();
        let mut matches = Matches::new(Marker::State, &Glob::new("s/-/p/@r*/task/*/1").unwrap());
        let Found::Needs(needs) = matches.resume(&snapshot, 10) else { panic!("it cannot know") };
        let paths: Vec<&str> = needs.folders.iter().map(|folder| folder.path.as_str()).collect();
        assert_eq!(paths, ["s/-/p"]);
        snapshot.list(Marker::State, "s/-/p", false, ["@r1", "@r2"]);
        snapshot.list(Marker::State, "s/-/p/@r1", true, []);
        matches.restart();
        let Found::Needs(needs) = matches.resume(&snapshot, 10) else { panic!("r2 is not listed") };
        let paths: Vec<&str> = needs.folders.iter().map(|folder| folder.path.as_str()).collect();
        assert_eq!(paths, ["s/-/p/@r2"]);
    }

    #[test]
    fn another_search_in_another_tree() {
        let (one, mut other) = (store(), Snapshot::empty());
        for at in ["z/-/p/@r1", "b/-/p/@r2", "b/-/p/@r10", "a/-/p/@r1", "@/environment/prod"] {
            other.put(&at.parse().unwrap(), Document::new("", &()));
        }
        let mut matches = Matches::new(Marker::State, &Glob::new("t/**").unwrap());
        while matches.resume(&one, 5) == Found::More {}
        for (snapshot, side) in [(&other, Marker::State), (&one, Marker::State), (&other, Marker::Intent)] {
            matches.instead(side, &Glob::new("**").unwrap());
            while matches.resume(snapshot, 5) == Found::More {}
            let mut fresh = Matches::new(side, &Glob::new("**").unwrap());
            while fresh.resume(snapshot, 5) == Found::More {}
            assert_eq!(matches.paths(), fresh.paths());
        }
    }

    #[test]
    fn a_snapshot_may_change_between_two_steps() {
        let mut snapshot = store();
        let mut matches = Matches::new(Marker::State, &Glob::new("t/**").unwrap());
        assert_eq!(matches.resume(&snapshot, 3), Found::More);
        let first = matches.paths().len();
        snapshot.list(Marker::State, "t/x/-/a9", false, ["@r3"]);
        snapshot.put(&"t/x/-/a9/@r3".parse().unwrap(), Document::new("", &()));
        while matches.resume(&snapshot, 3) == Found::More {}
        assert!(matches.paths().len() > first);
        assert!(matches.paths().iter().any(|path| path == "t/x/-/a10/@r1"));
    }
}
