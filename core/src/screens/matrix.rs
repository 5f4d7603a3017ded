//! What of the Overview's matrix is shown, and how one moves in it by keyboard.
//!
//! A filter is text and chips. Each word of the text is a name or a glob: of packages, whose rows stay
//! (`cart`), or of environments, whose columns stay (`prod-*`). Chips keep the rows in which there is
//! such a thing; several say "or". Nothing is made anew: a view is indexes into the page.
//!
//! ```
//! use ocuroot_core::screens::matrix::{At, Key, Line, View};
//!
//! let lines = vec![Line::Group(0, false), Line::Package(0, 0), Line::Package(0, 1)];
//! let view = View { lines, columns: vec![0, 1, 2], ..View::default() };
//! assert_eq!(view.first(), At { line: 2, column: 1 });
//! assert_eq!(view.moved(view.first(), Key::Last), At { line: 2, column: 3 });
//! // The head of the row is left of it.
//! assert_eq!(view.moved(view.first(), Key::Left), At { line: 2, column: 0 });
//! ```

use std::collections::BTreeSet;

use super::overview::{Cell, Overview, Row};
use super::status::Word;
use crate::glob::Glob;
use crate::order::Order as _;

/// Lines that Page Up and Page Down move by.
const PAGE: usize = 8;

/// What to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Names and globs, separated by blanks or commas.
    pub text: String,
    /// Rows with one of these; empty for all.
    pub words: BTreeSet<Word>,
    /// Repos whose packages are folded away.
    pub folded: BTreeSet<String>,
    /// Packages of all repos in one list, without groups.
    pub flat: bool,
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Indexes of columns.
    pub columns: Vec<usize>,
    /// Lines from top to bottom.
    pub lines: Vec<Line>,
    /// How many packages are shown, those that are folded away among them.
    pub packages: usize,
    /// How many there are.
    pub of: usize,
    /// Where the text matches nothing: the name that it may have meant.
    pub meant: Option<String>,
}

/// A line of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The head of a group, by its index, and whether it is folded.
    Group(usize, bool),
    /// A package, by the indexes of its group and in it.
    Package(usize, usize),
}

/// What of `page` a filter leaves.
#[must_use]
pub fn filtered(page: &Overview, filter: &Filter) -> View {
    let patterns: Vec<Pattern> = filter
        .text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(Pattern::new)
        .collect();
    let rows = || page.groups.iter().flat_map(|group| &group.rows);
    let is_of = |pattern: &Pattern, row: &Row| pattern.is_in(&row.name);
    let (of_rows, others): (Vec<&Pattern>, Vec<&Pattern>) =
        patterns.iter().partition(|pattern| rows().any(|row| is_of(pattern, row)));
    // A glob may mean both.
    let of_columns: Vec<&Pattern> = patterns
        .iter()
        .filter(|pattern| pattern.glob.is_some() || others.iter().any(|other| std::ptr::eq(*other, *pattern)))
        .filter(|pattern| page.columns.iter().any(|column| pattern.is_in(&column.environment.name)))
        .collect();
    let unknown = others.iter().find(|other| !of_columns.iter().any(|known| std::ptr::eq(*known, **other)));
    let mut view = View { of: rows().count(), ..View::default() };
    for (index, column) in page.columns.iter().enumerate() {
        if of_columns.is_empty() || of_columns.iter().any(|pattern| pattern.is_in(&column.environment.name)) {
            view.columns.push(index);
        }
    }
    if let Some(unknown) = unknown {
        let names = rows().map(|row| row.name.as_str());
        let names = names.chain(page.columns.iter().map(|column| column.environment.name.as_str()));
        view.meant = nearest(&unknown.text, names);
        return view;
    }
    for (index, group) in page.groups.iter().enumerate() {
        let folded = !filter.flat && filter.folded.contains(&group.repo);
        let mut lines = Vec::new();
        for (at, row) in group.rows.iter().enumerate() {
            let named = of_rows.is_empty() || of_rows.iter().any(|pattern| is_of(pattern, row));
            if named && has(row, &view.columns, &of_columns, &filter.words) {
                lines.push(Line::Package(index, at));
            }
        }
        view.packages += lines.len();
        if lines.is_empty() {
            continue;
        }
        if !filter.flat {
            view.lines.push(Line::Group(index, folded));
        }
        if !folded {
            view.lines.append(&mut lines);
        }
    }
    if filter.flat {
        let name = |line: &Line| match line {
            Line::Package(group, at) => package(page, *group, *at).map_or("", |row| row.name.as_str()),
            Line::Group(..) => "",
        };
        view.lines.order_by(|one, other| crate::natural::compare(name(one), name(other)));
    }
    view
}

/// Whether one of `words` is in a row: in the columns that are shown, where only some are.
fn has(row: &Row, columns: &[usize], chosen: &[&Pattern], words: &BTreeSet<Word>) -> bool {
    if words.is_empty() {
        return true;
    }
    if chosen.is_empty() {
        return !row.words.is_disjoint(words);
    }
    let up = columns.iter().filter_map(|column| row.cells.get(*column)?.up.as_ref());
    up.into_iter().any(|up| words.contains(&up.word))
}

/// A package of the page.
#[must_use]
pub fn package(page: &Overview, group: usize, at: usize) -> Option<&Row> {
    page.groups.get(group)?.rows.get(at)
}

struct Pattern {
    text: String,
    glob: Option<Glob>,
}

impl Pattern {
    fn new(text: &str) -> Pattern {
        let glob = text.contains(['*', '?', '[', '{']).then(|| Glob::new(text).ok()).flatten();
        Pattern { text: text.to_lowercase(), glob }
    }

    fn is_in(&self, name: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(name),
            None => name.to_lowercase().contains(&self.text),
        }
    }
}

/// The name that is most like `text`, if any is.
fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let most = text.chars().count().div_ceil(3);
    let near = names.map(|name| (distance(text, &name.to_lowercase()), name));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name.to_owned())
}

/// How many letters to change, add or take away.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.chars().enumerate() {
        let mut left = row + 1;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(before.windows(2)) {
            let [corner, above] = above else { continue };
            left = (left + 1).min(above + 1).min(corner + usize::from(a != *b));
            next.push(left);
        }
        before = next;
    }
    before.last().copied().unwrap_or_default()
}

/// A place of what is shown: a cell, or a head. The head of a group is its whole line, in which the column is
/// only remembered, for the way on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// 0 has the heads of columns; the lines of the view follow.
    pub line: usize,
    /// 0 has the heads of rows; the columns of the view follow.
    pub column: usize,
}

/// A key that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Home.
    First,
    /// End.
    Last,
    /// Control and Home.
    FirstOfAll,
    /// Control and End.
    LastOfAll,
    /// Page Up.
    PageUp,
    /// Page Down.
    PageDown,
}

impl Key {
    /// The key of a keyboard event, by its name.
    #[must_use]
    pub fn from_name(name: &str, control: bool) -> Option<Key> {
        Some(match (name, control) {
            ("ArrowUp", _) => Key::Up,
            ("ArrowDown", _) => Key::Down,
            ("ArrowLeft", _) => Key::Left,
            ("ArrowRight", _) => Key::Right,
            ("Home", false) => Key::First,
            ("End", false) => Key::Last,
            ("Home", true) => Key::FirstOfAll,
            ("End", true) => Key::LastOfAll,
            ("PageUp", _) => Key::PageUp,
            ("PageDown", _) => Key::PageDown,
            _ => return None,
        })
    }
}

impl View {
    /// The packages that are shown and not folded away, in order.
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.lines.iter().filter_map(|line| match line {
            Line::Package(group, at) => Some((*group, *at)),
            Line::Group(..) => None,
        })
    }

    /// What is at a line of [`At`]; nothing at the heads of columns.
    fn line(&self, line: usize) -> Option<&Line> {
        self.lines.get(line.checked_sub(1)?)
    }

    /// The first cell, where one begins.
    #[must_use]
    pub fn first(&self) -> At {
        let line = self.lines.iter().position(|line| matches!(line, Line::Package(..))).unwrap_or(0);
        self.near(At { line: line.saturating_add(1), column: 1 })
    }

    /// That place, or where there is none any more, the nearest one.
    #[must_use]
    pub fn near(&self, at: At) -> At {
        match (at.line.min(self.lines.len()), at.column.min(self.columns.len())) {
            // There is nothing in the corner.
            (0, 0) => At { line: 0, column: 1 },
            (line, column) => At { line, column },
        }
    }

    /// Where a key leads. It stops at the edges. Home and End, Page Up and Page Down stay among the cells.
    #[must_use]
    pub fn moved(&self, from: At, key: Key) -> At {
        let At { line, column } = from;
        let is_group = matches!(self.line(line), Some(Line::Group(..)));
        self.near(match key {
            Key::Up => At { line: line.saturating_sub(1), column },
            Key::Down => At { line: line.saturating_add(1), column },
            Key::Left | Key::Right | Key::First | Key::Last if is_group => from,
            Key::Left => At { line, column: column.saturating_sub(1) },
            Key::Right => At { line, column: column.saturating_add(1) },
            Key::First => At { line, column: 1 },
            Key::Last => At { line, column: self.columns.len() },
            Key::FirstOfAll => self.first(),
            Key::LastOfAll => At { line: self.lines.len(), column: self.columns.len() },
            Key::PageUp => At { line: line.saturating_sub(PAGE).max(1).min(line), column },
            Key::PageDown => At { line: line.saturating_add(PAGE), column },
        })
    }

    /// The cell at a place, if it is one, with its row and the index of its column.
    #[must_use]
    pub fn cell<'p>(&self, page: &'p Overview, at: At) -> Option<(&'p Row, usize, &'p Cell)> {
        let Line::Package(group, index) = *self.line(at.line)? else { return None };
        let column = *self.columns.get(at.column.checked_sub(1)?)?;
        let row = package(page, group, index)?;
        Some((row, column, row.cells.get(column)?))
    }
}

/// A part of a long list that is drawn, and the space that stands for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first that is drawn.
    pub start: usize,
    /// One after the last.
    pub end: usize,
    /// The room of what is left out before, in pixels.
    pub before: usize,
    /// The room of what is left out after.
    pub after: usize,
}

/// What of a list is in sight when `scrolled` pixels of it are scrolled away and `fits` pixels fit, and `spare`
/// parts more before and after it; `sizes` are those of its parts. It starts and ends at multiples of a
/// few, so that little is drawn anew while one scrolls.
#[must_use]
pub fn window(sizes: &[usize], scrolled: usize, fits: usize, spare: usize) -> Window {
    const STEP: usize = 4;
    let (mut start, mut end, mut at) = (sizes.len(), 0, 0_usize);
    for (index, size) in sizes.iter().enumerate() {
        let next = at.saturating_add(*size);
        if next > scrolled && at < scrolled.saturating_add(fits) {
            start = start.min(index);
            end = index.saturating_add(1);
        }
        at = next;
    }
    // Scrolled past the end, where what was filtered away has made the list shorter: its last ones.
    let end = if end == 0 { sizes.len() } else { end };
    let start = (start / STEP * STEP).saturating_sub(spare);
    let end = (end.div_ceil(STEP) * STEP).saturating_add(spare).min(sizes.len()).max(start);
    let room = |part: Option<&[usize]>| part.unwrap_or_default().iter().sum();
    Window { start, end, before: room(sizes.get(..start)), after: room(sizes.get(end..)) }
}
