//! Refs as rows of a list: each package's under its name.
//!
//! Refs come in the order in which they are shown, so that a list of any length is told by where its
//! groups begin, and a row is found without going through those before it.
//!
//! ```
//! use ocuroot_core::screens::explorer::{Row, Rows};
//! use ocuroot_core::snapshot::Paths;
//!
//! let paths: Paths = ["s/-/p/@r2/task/build", "s/-/p/@r1", "@/custom/x"].into_iter().collect();
//! let mut rows = Rows::default();
//! rows.follow(&paths);
//! assert_eq!(rows.len(), 5);
//! assert_eq!(rows.at(&paths, 0), Some(Row::Group("s/-/p")));
//! assert_eq!(rows.at(&paths, 2), Some(Row::Ref { path: "s/-/p/@r1", rest: "@r1" }));
//! assert_eq!(rows.at(&paths, 3), Some(Row::Group("")));
//! ```

use std::ops::Range;

use crate::snapshot::Paths;

/// Where the groups of a list of paths begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The index of the first path of each group.
    groups: Vec<usize>,
    /// How many paths were looked at.
    paths: usize,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A package or a folder; empty for what belongs to none.
    Group(&'a str),
    /// A document.
    Ref {
        /// Its ref, spelled with `@`.
        path: &'a str,
        /// What is left of it without the package.
        rest: &'a str,
    },
}

impl Rows {
    /// Takes up the paths that have come since the last time.
    pub fn follow(&mut self, paths: &Paths) {
        if paths.len() < self.paths {
            *self = Rows::default();
        }
        let mut before = self.paths.checked_sub(1).and_then(|last| paths.get(last)).map(package);
        for index in self.paths..paths.len() {
            let Some(path) = paths.get(index) else { break };
            let goes_on = |before: &str| !before.is_empty() && is_of(path, before);
            if before.is_some_and(goes_on) {
                continue;
            }
            let here = package(path);
            if before != Some(here) {
                self.groups.push(index);
                before = Some(here);
            }
        }
        self.paths = paths.len();
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths + self.groups.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths == 0
    }

    /// Which rows are in sight, and a few around them: each is `size` pixels high, `scrolled` pixels are
    /// scrolled away, and `fits` pixels fit. It begins and ends at multiples of a few, so that little is
    /// drawn anew while one scrolls.
    #[must_use]
    pub fn in_sight(&self, size: usize, scrolled: usize, fits: usize) -> Range<usize> {
        const STEP: usize = 8;
        let (size, count) = (size.max(1), self.len());
        let first = (scrolled / size).min(count);
        let last = first.saturating_add(fits.div_ceil(size));
        let start = (first / STEP * STEP).saturating_sub(STEP);
        start..(last / STEP * STEP).saturating_add(2 * STEP).min(count)
    }

    /// The row at `index`.
    #[must_use]
    pub fn at<'a>(&self, paths: &'a Paths, index: usize) -> Option<Row<'a>> {
        // The group at `n` is the row `groups[n] + n`.
        let mut numbers = (0, self.groups.len());
        while numbers.0 < numbers.1 {
            let middle = numbers.0.midpoint(numbers.1);
            match self.groups.get(middle) {
                Some(first) if first + middle <= index => numbers.0 = middle + 1,
                _ => numbers.1 = middle,
            }
        }
        let group = numbers.0.checked_sub(1)?;
        let first = *self.groups.get(group)?;
        if first + group == index {
            return paths.get(first).map(|path| Row::Group(package(path)));
        }
        let path = paths.get(index - group - 1)?;
        let rest = path.get(package(path).len()..).unwrap_or_default().trim_start_matches('/');
        Some(Row::Ref { path, rest })
    }
}

/// Whether this is what comes before the release in a path: most paths have the one of the path before them.
fn is_of(path: &str, package: &str) -> bool {
    path.strip_prefix(package).is_some_and(|rest| rest.starts_with("/@"))
}

/// What comes before the release in a path.
fn package(path: &str) -> &str {
    match path.find("/@") {
        _ if path.starts_with('@') => "",
        Some(end) => path.get(..end).unwrap_or_default(),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_however_the_paths_come() {
        let all = [
            "a/-/x/@r2",
            "a/-/x/@r2/custom/@odd",
            "b/-/y/@/deploy/p",
            "b/-/z/@r1",
            "@/custom/k",
            "@/@/odd",
            "plain",
        ];
        let first = |end: usize| all[..end].iter().copied().collect::<Paths>();
        let paths = first(all.len());
        let mut whole = Rows::default();
        whole.follow(&paths);
        let mut steps = Rows::default();
        for end in 0..=paths.len() {
            steps.follow(&first(end));
        }
        assert_eq!(steps, whole);
        let shown: Vec<String> = (0..whole.len())
            .map(|index| match whole.at(&paths, index).unwrap() {
                Row::Group(name) => format!("[{name}]"),
                Row::Ref { rest, .. } => rest.to_owned(),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "[a/-/x]",
                "@r2",
                "@r2/custom/@odd",
                "[b/-/y]",
                "@/deploy/p",
                "[b/-/z]",
                "@r1",
                "[]",
                "@/custom/k",
                "@/@/odd",
                "[plain]",
                ""
            ]
        );
        assert_eq!(whole.at(&paths, whole.len()), None);
        whole.follow(&first(1));
        assert_eq!(whole.len(), 2, "a new search begins again");
        assert_eq!(Rows::default().at(&paths, 0), None);
    }

    #[test]
    fn what_is_in_sight_is_drawn_and_little_more() {
        let mut rows = Rows::default();
        rows.follow(&std::iter::repeat_n("s/-/p/@r1", 999).collect());
        assert_eq!(rows.in_sight(28, 0, 280), 0..24);
        assert_eq!(rows.in_sight(28, 100 * 28, 280), 88..120);
        assert_eq!(rows.in_sight(28, 995 * 28, 280), 984..1000);
        assert_eq!(rows.in_sight(28, usize::MAX, usize::MAX), 992..1000);
        assert_eq!(Rows::default().in_sight(0, 5, 5), 0..0);
    }
}
