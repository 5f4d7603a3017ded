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
//! assert_eq!(matches.paths(), ["s/-/p/@r10", "s/-/p/@r2", "s/-/q/@r1"]);
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::cmp::Ordering;

use super::tree::{Node, Slot, Step, Tree, segments};
use super::{Needs, Snapshot, push_segment};
use crate::glob::{Descent, Glob};
use crate::natural;
use crate::order::Order as _;
use crate::refs::Marker;

/// A search under way in one store. See the [module's page](self).
#[derive(Clone, Debug)]
pub struct Matches {
    side: Marker,
    glob: Glob,
    /// The folder that was visited last, which everything before it was too.
    at: Option<String>,
    paths: Vec<String>,
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

impl Matches {
    /// A search that has not begun. Markers `+` in the pattern are read as `@`, as both stores spell
    /// them.
    #[must_use]
    pub fn new(side: Marker, glob: &Glob) -> Matches {
        let glob = glob.to_state();
        Matches { side, glob, at: None, paths: Vec::new(), visited: 0, needs: Needs::default(), over: false }
    }

    /// The paths of the documents found so far, in the order in which they are shown. Each is a ref
    /// spelled with `@`.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// How many folders were looked at, for progress.
    #[must_use]
    pub fn visited(&self) -> usize {
        self.visited
    }

    /// Begins again: more is loaded now, or something has changed.
    pub fn restart(&mut self) {
        *self = Matches::new(self.side, &self.glob);
    }

    /// Goes on for `budget` folders, at least one.
    pub fn resume(&mut self, snapshot: &Snapshot, budget: usize) -> Found {
        let glob = self.glob.clone();
        let tree = snapshot.tree(self.side);
        if !self.over {
            match self.stack(tree, &glob) {
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
    fn stack<'g>(&mut self, tree: &Tree, glob: &'g Glob) -> Option<Stack<'g>> {
        let prefix = glob.literal_prefix();
        let start = prefix.rfind('/').and_then(|end| prefix.get(..end)).unwrap_or("");
        let node = match tree.walk(start) {
            Step::Missing => return None,
            Step::Unknown => {
                self.needs.merge(Needs::folder(self.side, start, Some(glob)));
                return None;
            }
            Step::At(node) => node,
        };
        let mut stack = Stack { frames: Vec::new(), path: start.to_owned() };
        let descent = glob.descend(start);
        let Some(at) = self.at.clone() else {
            self.visit(tree, node, &descent, start);
            stack.push(tree, node, descent);
            return Some(stack);
        };
        stack.push(tree, node, descent);
        for name in segments(at.get(start.len()..).unwrap_or_default()) {
            let Some(frame) = stack.frames.last_mut() else { break };
            let before = |child: &u32| reading_order(tree.name(*child), name) != Ordering::Greater;
            frame.next = frame.children.partition_point(before);
            // A child of that name is the one before; if it is gone, what follows it is next.
            let found = frame.next.checked_sub(1).and_then(|index| frame.children.get(index)).copied();
            let Some(child) = found.filter(|child| tree.name(*child) == name) else { break };
            let descent = frame.descent.enter(name);
            push_segment(&mut stack.path, name);
            stack.push(tree, child, descent);
        }
        Some(stack)
    }

    fn go_on(&mut self, tree: &Tree, mut stack: Stack<'_>, budget: usize) {
        let end = self.visited.saturating_add(budget);
        while let Some(frame) = stack.frames.last_mut() {
            let Some(child) = frame.children.get(frame.next).copied() else {
                stack.pop();
                continue;
            };
            if self.visited >= end {
                return;
            }
            frame.next += 1;
            let name = tree.name(child);
            let descent = frame.descent.enter(name);
            push_segment(&mut stack.path, name);
            self.visit(tree, child, &descent, &stack.path);
            stack.push(tree, child, descent);
        }
        self.over = true;
    }

    fn visit(&mut self, tree: &Tree, node: u32, descent: &Descent<'_>, path: &str) {
        self.visited += 1;
        let at = self.at.get_or_insert_default();
        at.clear();
        at.push_str(path);
        let Node { listed, slot, children, .. } = tree.node(node);
        let leaf = *listed && children.is_empty();
        if !leaf && !descent.may_match_below() {
            return;
        }
        if !listed {
            self.needs.merge(Needs::folder(self.side, path, Some(&self.glob)));
        }
        if matches!(slot, Slot::Listed | Slot::Loaded(_)) && descent.is_match() {
            self.paths.push(path.to_owned());
        }
    }
}

/// The folders above the one that is next.
struct Stack<'g> {
    frames: Vec<Frame<'g>>,
    path: String,
}

struct Frame<'g> {
    descent: Descent<'g>,
    /// In the order in which they are read; none where nothing below can match.
    children: Vec<u32>,
    /// Which of them is next.
    next: usize,
    /// How long the path is that leads to the folder above.
    above: usize,
}

impl<'g> Stack<'g> {
    /// Goes into `node`, to which `self.path` leads.
    fn push(&mut self, tree: &Tree, node: u32, descent: Descent<'g>) {
        let above = match self.frames.is_empty() {
            true => 0,
            false => self.path.rfind('/').unwrap_or(0),
        };
        let mut children = match tree.node(node).children.is_empty() || !descent.may_match_below() {
            true => Vec::new(),
            false => tree.node(node).children.to_vec(),
        };
        if children.len() > 1 {
            children.order_by(|one, other| reading_order(tree.name(*one), tree.name(*other)));
        }
        self.frames.push(Frame { descent, children, next: 0, above });
    }

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
        matches.paths().to_vec()
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
