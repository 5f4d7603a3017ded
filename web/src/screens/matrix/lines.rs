//! Puts the lines of the matrix into its table.
//!
//! A line has dozens of cells, and hundreds of them are in sight. As views each would be made for one
//! letter in the filter, and compared for the next. So a line is a copy of one pattern, filled in. A line
//! that was drawn is kept: it is put where it belongs, and of what it says only what has changed is written
//! anew.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys::{self, Element};
use ocuroot_core::screens::Word;
use ocuroot_core::screens::matrix::{self, Line, View, Window};
use ocuroot_core::screens::overview::{Cell, Group, Overview, Row};
use ocuroot_core::times;

use super::{counted, href, short};
use crate::nav::Nav;
use crate::route::Screen;
use crate::ui::{shape, tone};

/// So many cells are filled in before a frame is drawn; most screens have no more.
const MOST: usize = 1_000;
/// So many lines that are out of sight are kept.
const KEPT: usize = 200;

/// What is to be drawn.
pub(super) struct Scene<'a> {
    pub(super) nav: Nav,
    pub(super) page: &'a Arc<Overview>,
    pub(super) view: &'a View,
    /// How high each line of the view is.
    pub(super) sizes: &'a [usize],
    pub(super) rows: Window,
    pub(super) columns: Window,
    /// Whether all of it is to be there at once: for paper no second frame is drawn.
    pub(super) at_once: bool,
}

/// The lines that are drawn, and some that were.
#[derive(Default)]
pub(super) struct Lines {
    page: Option<Arc<Overview>>,
    columns: Columns,
    /// A line in which nothing is said yet.
    pattern: Option<Element>,
    known: Vec<Drawn>,
    bodies: Vec<Body>,
    /// What lies in the table.
    placed: Placed,
    /// The last number that was given.
    number: u32,
}

/// Elements in their parent, each with a number of its own.
type Placed = Vec<(u32, Element)>;

/// Which columns are drawn.
#[derive(Default, PartialEq)]
struct Columns {
    room: Room,
    /// Where each stands in the page, and whether there is an edge before it.
    all: Vec<(usize, bool)>,
}

/// How many columns are left out before those that are drawn, how many are drawn, and how many are left out
/// after them.
#[derive(Clone, Copy, Default, PartialEq)]
struct Room {
    before: usize,
    cells: usize,
    after: usize,
}

/// The body of the table that a group has.
struct Body {
    number: u32,
    repo: String,
    element: Element,
    rows: Placed,
}

/// A line that was drawn.
struct Drawn {
    number: u32,
    /// The package; for the head of a group its repo.
    key: String,
    says: Says,
    /// Whether that is what the page says that is drawn now.
    fresh: bool,
    /// Where it stands in the view.
    line: usize,
    row: Element,
    /// What cells it has.
    room: Room,
}

/// What a line says.
#[derive(Default, PartialEq)]
struct Says {
    name: String,
    href: String,
    title: String,
    /// Of a package the newest release, of a group's head what is up in it.
    beside: String,
    word: Option<Word>,
    cells: Vec<Said>,
    /// How many columns a group's head is above, and whether the group is folded.
    head: Option<(usize, bool)>,
}

/// What a cell says.
#[derive(Default, PartialEq)]
struct Said {
    tint: &'static str,
    /// Empty where nothing is behind it.
    href: String,
    /// What is live, and for how long; empty where there is none.
    live: String,
    age: String,
    newer: usize,
    target: bool,
    /// What is up, and for how long.
    up: Option<Word>,
    since: String,
    edge: bool,
}

impl Lines {
    /// Draws what is in sight, below the head of `table`. False where there is more: that is drawn when one
    /// asks again.
    pub(super) fn draw(&mut self, table: &Element, scene: &Scene<'_>) -> bool {
        self.look(scene);
        let Window { start, end, before, mut after } = scene.rows;
        let lines = scene.view.lines.iter().enumerate().skip(start).take(end.saturating_sub(start));
        // Where groups have no heads there are none.
        let flat = !matches!(scene.view.lines.first(), Some(Line::Group(..)));
        let mut groups: Vec<(&str, Placed)> = Vec::new();
        let mut left = if scene.at_once { usize::MAX } else { MOST };
        let mut whole = true;
        for (index, line) in lines {
            let (Line::Group(group, _) | Line::Package(group, _)) = *line;
            let Some(group) = scene.page.groups.get(group) else { continue };
            if left == 0 {
                after = after.saturating_add(scene.sizes.get(index).copied().unwrap_or_default());
                whole = false;
                continue;
            }
            let says = match *line {
                Line::Group(_, folded) => (group.repo.as_str(), None, folded),
                Line::Package(at, row) => match matrix::package(scene.page, at, row) {
                    Some(row) => (row.package.as_str(), Some(row), false),
                    None => continue,
                },
            };
            let Some(drawn) = self.line(scene, group, says, index.saturating_add(1), &mut left) else {
                continue;
            };
            let repo = if flat { "" } else { group.repo.as_str() };
            match groups.last_mut() {
                Some((last, rows)) if *last == repo => rows.push(drawn),
                _ => groups.push((repo, vec![drawn])),
            }
        }
        let mut all = Placed::new();
        all.extend(room(before).map(|room| (self.next(), room)));
        for (repo, rows) in groups {
            all.extend(self.body(repo, rows));
        }
        all.extend(room(after).map(|room| (self.next(), room)));
        arrange(table, &mut self.placed, all);
        self.forget();
        whole
    }

    fn next(&mut self) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.number
    }

    /// Looks whether it is another page, and whether there are other columns.
    fn look(&mut self, scene: &Scene<'_>) {
        if !self.page.as_ref().is_some_and(|page| Arc::ptr_eq(page, scene.page)) {
            self.page = Some(Arc::clone(scene.page));
            self.known.iter_mut().for_each(|drawn| drawn.fresh = false);
        }
        let is_edge =
            |column: usize| scene.page.columns.get(column).is_some_and(|column| column.environment.edge);
        let Window { start, end, .. } = scene.columns;
        let all = scene.view.columns.iter().enumerate().skip(start).take(end.saturating_sub(start));
        let all: Vec<_> = all.map(|(index, column)| (*column, index > 0 && is_edge(*column))).collect();
        let after = scene.view.columns.len().saturating_sub(end);
        let room = Room { before: start, cells: all.len(), after };
        let columns = Columns { room, all };
        if self.columns != columns {
            if self.columns.room != room {
                self.pattern = None;
            }
            // Cells are numbered from the first column on.
            let stays = self.columns.room.before == room.before;
            self.known.retain(|drawn| stays || drawn.says.head.is_some());
            self.known.iter_mut().for_each(|drawn| drawn.fresh = false);
            self.columns = columns;
        }
    }

    /// A line, drawn: of a package or, without one, the head of its group.
    fn line(
        &mut self,
        scene: &Scene<'_>,
        group: &Group,
        (key, package, folded): (&str, Option<&Row>, bool),
        line: usize,
        left: &mut usize,
    ) -> Option<(u32, Element)> {
        let is_head = package.is_none();
        let found =
            self.known.iter().position(|drawn| drawn.says.head.is_some() == is_head && drawn.key == key);
        let at = match found {
            Some(at) => at,
            None => {
                let row = match package {
                    Some(_) => self.pattern()?.clone_node_with_deep(true).ok()?.dyn_into().ok()?,
                    None => head_pattern()?,
                };
                let says = Says { head: is_head.then_some((0, folded)), ..Says::default() };
                let number = self.next();
                let room = self.columns.room;
                let drawn = Drawn { number, key: key.to_owned(), says, fresh: false, line: 0, row, room };
                self.known.push(drawn);
                self.known.len().saturating_sub(1)
            }
        };
        self.pattern()?;
        let columns = &self.columns;
        let drawn = self.known.get_mut(at)?;
        // A group may have been folded, whatever the page says.
        if !drawn.fresh || is_head {
            let now = match package {
                Some(package) => {
                    *left = left.saturating_sub(columns.all.len());
                    Says::of(scene.nav, package, columns)
                }
                None => Says::of_group(group, scene.view.columns.len(), folded),
            };
            if drawn.room != columns.room && !is_head {
                resize(drawn, self.pattern.as_ref()?, columns.room)?;
            }
            if drawn.says != now {
                match package {
                    Some(_) => fill(&drawn.row, &drawn.says, &now, columns.room),
                    None => fill_head(&drawn.row, &now),
                };
                drawn.says = now;
            }
            drawn.fresh = true;
        }
        if drawn.line != line {
            drawn.line = line;
            set(&drawn.row, "data-l", &line.to_string());
            set(&drawn.row, "aria-rowindex", &line.saturating_add(1).to_string());
        }
        Some((drawn.number, drawn.row.clone()))
    }

    fn pattern(&mut self) -> Option<&Element> {
        if self.pattern.is_none() {
            self.pattern = Some(pattern(self.columns.room)?);
        }
        self.pattern.as_ref()
    }

    /// The body of a group, with those rows.
    fn body(&mut self, repo: &str, rows: Placed) -> Option<(u32, Element)> {
        let at = match self.bodies.iter().position(|body| body.repo == repo) {
            Some(at) => at,
            None => {
                let element = make("tbody")?;
                set(&element, "role", "rowgroup");
                let number = self.next();
                self.bodies.push(Body { number, repo: repo.to_owned(), element, rows: Placed::new() });
                self.bodies.len().saturating_sub(1)
            }
        };
        let body = self.bodies.get_mut(at)?;
        arrange(&body.element, &mut body.rows, rows);
        Some((body.number, body.element.clone()))
    }

    /// Forgets lines that are not in the table, where there are many.
    fn forget(&mut self) {
        if self.known.len() > KEPT {
            self.known.retain(|drawn| drawn.row.is_connected());
            self.bodies.retain(|body| body.element.is_connected());
        }
    }
}

impl Says {
    fn of(nav: Nav, row: &Row, columns: &Columns) -> Says {
        // Mostly they all are the same.
        let mut last: (Option<&Cell>, String) = (None, String::new());
        let mut cells = Vec::with_capacity(columns.all.len());
        for (column, edge) in &columns.all {
            let Some(cell) = row.cells.get(*column) else {
                cells.push(Said::default());
                continue;
            };
            if !last.0.is_some_and(|last| leads_alike(last, cell)) {
                last = (Some(cell), href(nav, row, cell).unwrap_or_default());
            }
            cells.push(Said::of(cell, last.1.clone(), *edge));
        }
        let newest = row.newest.as_ref();
        Says {
            name: row.name.clone(),
            href: nav.route_now().to(Screen::Package(row.package.clone())).to_string(),
            title: row.package.to_string(),
            beside: newest.map(|newest| newest.id.clone()).unwrap_or_default(),
            word: newest.map(|newest| newest.word),
            cells,
            head: None,
        }
    }

    fn of_group(group: &Group, columns: usize, folded: bool) -> Says {
        let counts = group.counts.iter().map(|(word, count)| counted(*word, *count));
        Says {
            name: group.title.clone(),
            beside: counts.collect::<Vec<_>>().join(", "),
            head: Some((columns, folded)),
            ..Says::default()
        }
    }
}

/// Whether two cells of a row lead to the same place, where that is told quickly.
fn leads_alike(one: &Cell, other: &Cell) -> bool {
    let live = (one.live.as_ref().map(|live| &live.release), other.live.as_ref().map(|live| &live.release));
    one.up.is_none() && other.up.is_none() && one.target == other.target && live.0 == live.1
}

impl Said {
    fn of(cell: &Cell, href: String, edge: bool) -> Said {
        let age = |seconds: Option<u64>| seconds.map(times::short_age).unwrap_or_default();
        let (live, up) = (cell.live.as_ref(), cell.up.as_ref());
        Said {
            // A tint for what is not as it should be.
            tint: match up.map(|up| up.word) {
                Some(word @ (Word::Failed | Word::NeedsApproval | Word::Stale | Word::Differs)) => {
                    tone(word.tone())
                }
                Some(Word::Running) => "run",
                _ => "",
            },
            href,
            live: live.map(|live| live.id.clone()).unwrap_or_default(),
            age: age(live.and_then(|live| live.age)),
            newer: cell.newer,
            target: cell.target,
            up: up.map(|up| up.word),
            since: age(up.and_then(|up| up.age)),
            edge,
        }
    }

    /// Writes it into a cell, in place of what stands there.
    fn write(&self, cell: &Element) -> Option<()> {
        let two = if self.up.is_some() { " two" } else { "" };
        cell.set_class_name(&format!("{}{two}{}", self.tint, if self.edge { " edge" } else { "" }));
        let link = cell.first_element_child()?;
        match self.href.is_empty() {
            true => drop(link.remove_attribute("href")),
            false => set(&link, "href", &self.href),
        }
        link.set_text_content(None);
        match (self.live.is_empty(), self.target) {
            (true, true) => drop(add(&link, "em", "", "never")?),
            (true, false) => drop(add(&link, "span", "sr", "not a target")?),
            (false, _) => {
                say(&link, &self.live);
                if self.newer > 0 {
                    let newer = add(&link, "i", "", &format!("+{}", self.newer))?;
                    add(&newer, "span", "sr", " newer")?;
                    say(&link, "");
                }
                age(&link, &self.age)?;
            }
        }
        if let Some(word) = self.up {
            let up = add(&link, "span", "st", "")?;
            symbol(&up, shape(word), word == Word::Running)?;
            say(&up, short(word));
            age(&up, &self.since)?;
        }
        Some(())
    }
}

/// Adds how long something has been so, where that is known.
fn age(to: &Element, text: &str) -> Option<()> {
    if !text.is_empty() {
        add(to, "time", "", text)?;
    }
    Some(())
}

/// Adds a text, and a blank after it.
fn say(to: &Element, text: &str) {
    let _ = to.append_with_str_1(&format!("{text} "));
}

/// A line of a package in which nothing is said.
fn pattern(room: Room) -> Option<Element> {
    let row = make("tr")?;
    set(&row, "role", "row");
    let name = add(&row, "th", "", "")?;
    for (attribute, value) in [("scope", "row"), ("role", "rowheader"), ("data-c", "0")] {
        set(&name, attribute, value);
    }
    let link = add(&add(&name, "span", "", "")?, "a", "cut", "")?;
    set(&link, "tabindex", "-1");
    gap(&row, room.before)?;
    for number in (room.before.saturating_add(1)..).take(room.cells) {
        let cell = add(&row, "td", "", "")?;
        set(&cell, "role", "gridcell");
        set(&cell, "data-c", &number.to_string());
        set(&cell, "aria-colindex", &number.saturating_add(1).to_string());
        set(&add(&cell, "a", "", "")?, "tabindex", "-1");
    }
    gap(&row, room.after)?;
    Some(row)
}

/// The room of columns that are out of sight.
fn gap(row: &Element, columns: usize) -> Option<()> {
    if columns > 0 {
        let gap = add(row, "td", "", "")?;
        set(&gap, "colspan", &columns.to_string());
        set(&gap, "aria-hidden", "true");
    }
    Some(())
}

/// Gives a line as many cells as the pattern has. Those that both have stay.
fn resize(line: &mut Drawn, pattern: &Element, now: Room) -> Option<()> {
    let had = line.room;
    let parts = |cells: usize| 1 + usize::from(now.before > 0) + cells;
    let same = parts(had.cells.min(now.cells));
    for _ in same..parts(had.cells) + usize::from(had.after > 0) {
        line.row.last_element_child()?.remove();
    }
    let copy: Element = pattern.clone_node_with_deep(true).ok()?.dyn_into().ok()?;
    for at in 0..parts(now.cells) + usize::from(now.after > 0) {
        let part = copy.first_element_child()?;
        match at < same {
            true => part.remove(),
            false => drop(line.row.append_child(&part).ok()?),
        }
    }
    line.says.cells.truncate(now.cells);
    line.room = now;
    Some(())
}

/// Writes into a line of a package what is not said there yet.
fn fill(row: &Element, before: &Says, now: &Says, room: Room) -> Option<()> {
    let head = row.first_element_child()?;
    let name = head.first_element_child()?;
    let same = (&before.name, &before.href, &before.beside, before.word);
    if same != (&now.name, &now.href, &now.beside, now.word) {
        let link = name.first_element_child()?;
        link.set_text_content(Some(&now.name));
        set(&link, "href", &now.href);
        set(&link, "title", &now.title);
        if let Some(beside) = link.next_element_sibling() {
            beside.remove();
        }
        if let Some(word) = now.word {
            let said = matches!(word, Word::Failed | Word::NeedsApproval | Word::Stale | Word::Running);
            let beside = add(&name, "span", "st", "")?;
            if said {
                beside.set_class_name(&format!("st {}", tone(word.tone())));
                symbol(&beside, shape(word), word == Word::Running)?;
                add(&beside, "span", "sr", &format!("{word} "))?;
            }
            let _ = beside.append_with_str_1(&now.beside);
        }
    }
    let mut next = head.next_element_sibling();
    if room.before > 0 {
        next = next?.next_element_sibling();
    }
    for (at, said) in now.cells.iter().enumerate() {
        let cell = next?;
        if before.cells.get(at) != Some(said) {
            said.write(&cell)?;
        }
        next = cell.next_element_sibling();
    }
    let two = now.cells.iter().any(|said| said.up.is_some());
    row.set_class_name(if two { "two" } else { "" });
    Some(())
}

/// The head of a group, in which nothing is said.
fn head_pattern() -> Option<Element> {
    let row = make("tr")?;
    row.set_class_name("grp");
    set(&row, "role", "row");
    let head = add(&row, "th", "", "")?;
    set(&head, "scope", "rowgroup");
    set(&head, "role", "rowheader");
    let fold = add(&add(&head, "div", "", "")?, "button", "", "")?;
    set(&fold, "type", "button");
    set(&fold, "tabindex", "-1");
    symbol(&fold, "chev", false)?;
    Some(row)
}

/// Writes into the head of a group what is said there.
fn fill_head(row: &Element, now: &Says) -> Option<()> {
    let (columns, folded) = now.head?;
    let head = row.first_element_child()?;
    set(&head, "colspan", &columns.saturating_add(1).to_string());
    let fold = head.first_element_child()?.first_element_child()?;
    set(&fold, "aria-expanded", if folded { "false" } else { "true" });
    for (beside, text) in
        [(fold.first_element_child()?, now.name.clone()), (fold, format!(" {}", now.beside))]
    {
        if let Some(old) = beside.next_sibling() {
            let _ = old.parent_node()?.remove_child(&old);
        }
        let _ = beside.after_with_str_1(&text);
    }
    Some(())
}

/// The room of lines that are out of sight.
fn room(pixels: usize) -> Option<Element> {
    if pixels == 0 {
        return None;
    }
    let room = make("tbody")?;
    room.set_class_name("room");
    set(&room, "aria-hidden", "true");
    let row = add(&room, "tr", "", "")?;
    add(&row, "td", "", "")?;
    let style = row.dyn_ref::<web_sys::HtmlElement>()?.style();
    let _ = style.set_property("height", &format!("{pixels}px"));
    Some(room)
}

/// Has `wanted` at the end of `parent`, in place of those that were put there before. What is there already
/// is not touched, so that it keeps the focus.
fn arrange(parent: &Element, placed: &mut Placed, wanted: Placed) {
    placed.retain(|(number, element)| {
        // A row that has gone to another group is no longer here.
        let is_here = element.parent_node().is_some_and(|at| at.is_same_node(Some(parent)));
        let stays = is_here && wanted.iter().any(|(other, _)| other == number);
        if is_here && !stays {
            element.remove();
        }
        stays
    });
    for (at, (number, element)) in wanted.into_iter().enumerate() {
        if placed.get(at).is_some_and(|(other, _)| *other == number) {
            continue;
        }
        placed.retain(|(other, _)| *other != number);
        let before = placed.get(at).map(|(_, element)| web_sys::Node::from(element.clone()));
        let _ = parent.insert_before(&element, before.as_ref());
        placed.insert(at.min(placed.len()), (number, element));
    }
}

fn make(name: &str) -> Option<Element> {
    document().create_element(name).ok()
}

/// Adds an element to another.
fn add(to: &Element, name: &str, class: &str, text: &str) -> Option<Element> {
    let made = make(name)?;
    if !class.is_empty() {
        made.set_class_name(class);
    }
    if !text.is_empty() {
        made.set_text_content(Some(text));
    }
    to.append_child(&made).ok()?;
    Some(made)
}

/// Adds a symbol of the sprite.
fn symbol(to: &Element, name: &str, spins: bool) -> Option<()> {
    let space = Some("http://www.w3.org/2000/svg");
    let symbol = document().create_element_ns(space, "svg").ok()?;
    set(&symbol, "class", if spins { "i spin" } else { "i" });
    set(&symbol, "aria-hidden", "true");
    let drawn = document().create_element_ns(space, "use").ok()?;
    set(&drawn, "href", &format!("#i-{name}"));
    symbol.append_child(&drawn).ok()?;
    to.append_child(&symbol).ok()?;
    Some(())
}

fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}
