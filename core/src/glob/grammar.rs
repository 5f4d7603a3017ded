//! What canonical refs look like, as an automaton: enough of it to say which folders can hold no match.
//!
//! It accepts every canonical ref (proptest compares it with the parser) and little else: one `/-/`, then
//! one release, then one of the known types, then a subpath.

use super::code::{Class, Step};
use crate::refs::Kind;
use std::sync::OnceLock;

/// A state of the automaton, below 64.
pub(super) type State = u8;

/// A set of states.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct States(u64);

/// Nothing was read.
pub(super) const START: State = 0;
/// A segment begins, before or after `/-/`.
const SEGMENT: [State; 2] = [1, 2];
const IN_SEGMENT: [State; 2] = [3, 4];
/// The segment is `-` so far: it may end the repo, or must go on.
const ENDS_REPO: State = 5;
const NOT_ALONE: [State; 2] = [6, 7];
const IN_RELEASE: State = 8;
/// A type begins.
pub(super) const TYPE_START: State = 9;
const SUBPATH: State = 10;
const IN_SUBPATH: State = 11;
const SUBPATH_NOT_ALONE: State = 12;
/// The first state inside the name of a type; one for each distinct beginning of a name follows.
const IN_TYPE: State = 13;

/// Where a release may begin.
pub(super) const RELEASE_STARTS: States = States(1 << START | 1 << SEGMENT[0] | 1 << SEGMENT[1]);

/// The characters that the grammar tells apart; all others are alike.
const SPECIAL: &str = "/@+-acdehiklmnoprstuvy";
const SYMBOLS: usize = SPECIAL.len() + 1;

impl States {
    pub(super) fn has(self, state: State) -> bool {
        self.0 >> state & 1 == 1
    }

    pub(super) fn meets(self, other: States) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: States) {
        self.0 |= other.0;
    }
}

/// For each state where each symbol leads, as a set of one state or none.
struct Table(Vec<[u64; SYMBOLS]>);

/// The states in which a ref may end.
const REFS: States =
    States(1 << IN_SEGMENT[0] | 1 << IN_SEGMENT[1] | 1 << ENDS_REPO | 1 << IN_RELEASE | 1 << IN_SUBPATH);

/// Whether what was read is a ref.
pub(super) fn is_ref(state: State) -> bool {
    REFS.has(state)
}

/// Where `text` leads from `state`; `None` if no ref goes on like that.
pub(super) fn run(state: State, text: &str) -> Option<State> {
    let table = table();
    text.chars().try_fold(state, |state, c| {
        let next = *table.0.get(usize::from(state))?.get(symbol(c))?;
        (next != 0).then(|| next.trailing_zeros() as State)
    })
}

/// For each step, and for the end, the states of the grammar in which the pattern can get there.
pub(super) fn reach(steps: &[Step]) -> Vec<States> {
    let mut reach = vec![States::default(); steps.len() + 1];
    let add = |reach: &mut Vec<States>, at: usize, states| {
        if let Some(place) = reach.get_mut(at) {
            place.add(states);
        }
    };
    add(&mut reach, 0, States(1 << START));
    for (at, step) in steps.iter().enumerate() {
        let mut here = reach.get(at).copied().unwrap_or_default();
        match step {
            Step::Either(alternatives) => alternatives.iter().for_each(|&to| add(&mut reach, to, here)),
            Step::Goto(to) => add(&mut reach, *to, here),
            step if step.repeats() => {
                let symbols = symbols(step);
                while here != here.with(after(here, &symbols)) {
                    here.add(after(here, &symbols));
                }
                add(&mut reach, at, here);
                add(&mut reach, at + 1, here);
            }
            step => add(&mut reach, at + 1, after(here, &symbols(step))),
        }
    }
    reach
}

/// For each step, and for the end, the states of the grammar from which some text completes both pattern and ref.
pub(super) fn live(steps: &[Step]) -> Vec<States> {
    let mut live = vec![States::default(); steps.len()];
    live.push(REFS);
    for (at, step) in steps.iter().enumerate().rev() {
        let from = |to: usize| live.get(to).copied().unwrap_or_default();
        let here = match step {
            Step::Either(alternatives) => {
                alternatives.iter().fold(States::default(), |all, &to| all.with(from(to)))
            }
            Step::Goto(to) => from(*to),
            step if step.repeats() => {
                let symbols = symbols(step);
                let mut here = from(at + 1);
                while here != here.with(before(here, &symbols)) {
                    here.add(before(here, &symbols));
                }
                here
            }
            step => before(from(at + 1), &symbols(step)),
        };
        if let Some(place) = live.get_mut(at) {
            *place = here;
        }
    }
    live
}

impl States {
    fn with(self, other: States) -> States {
        States(self.0 | other.0)
    }
}

/// Where one of these symbols leads from any of these states.
fn after(states: States, symbols: &[usize]) -> States {
    let rows = table().0.iter().enumerate().filter(|(state, _)| states.0 >> state & 1 == 1);
    States(
        rows.flat_map(|(_, row)| symbols.iter().filter_map(|&s| row.get(s))).fold(0, |all, next| all | next),
    )
}

/// From where one of these symbols leads to any of these states.
fn before(states: States, symbols: &[usize]) -> States {
    let rows = table().0.iter().enumerate();
    let leads =
        rows.filter(|(_, row)| symbols.iter().any(|&s| row.get(s).is_some_and(|next| next & states.0 != 0)));
    States(leads.fold(0, |all, (state, _)| all | 1 << state))
}

fn symbol(c: char) -> usize {
    SYMBOL_OF.get(c as usize).map_or(SYMBOLS - 1, |symbol| usize::from(*symbol))
}

/// The symbol of each character of ASCII.
#[expect(
    clippy::indexing_slicing,
    reason = "worked out by the compiler, which refuses what is out of bounds"
)]
const SYMBOL_OF: [u8; 128] = {
    let mut symbols = [SYMBOLS as u8 - 1; 128];
    let mut at = 0;
    while at < SPECIAL.len() {
        symbols[SPECIAL.as_bytes()[at] as usize] = at as u8;
        at += 1;
    }
    symbols
};

/// The symbols that a step takes.
fn symbols(step: &Step) -> Vec<usize> {
    let mut symbols: Vec<usize> = SPECIAL
        .chars()
        .enumerate()
        .filter(|(_, c)| step.takes(u32::from(*c)))
        .map(|(symbol, _)| symbol)
        .collect();
    let takes_others = match step {
        Step::Char(c) => symbol(*c) == SYMBOLS - 1,
        Step::Class(Class { negated: false, ranges }) => ranges.iter().any(|&(first, last)| {
            let special = SPECIAL.chars().filter(|c| (first..=last).contains(c)).count();
            // Counted without the gap of the surrogates: a range that spans it holds others anyway.
            u32::from(last) - u32::from(first) >= special as u32
        }),
        _ => true,
    };
    if takes_others {
        symbols.push(SYMBOLS - 1);
    }
    symbols
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

impl Table {
    fn new() -> Table {
        let mut table = Table(vec![[0; SYMBOLS]; usize::from(IN_TYPE)]);
        let [path, package] = SEGMENT;
        let [in_path, in_package] = IN_SEGMENT;
        let [first_dash, later_dash] = NOT_ALONE;
        for (state, rest, dash, release) in [
            // state, what most characters lead to, `-`, `@` and `+`
            (START, in_path, first_dash, Some(IN_RELEASE)),
            (path, in_path, ENDS_REPO, Some(IN_RELEASE)),
            (package, in_package, later_dash, Some(IN_RELEASE)),
            (SUBPATH, IN_SUBPATH, SUBPATH_NOT_ALONE, None),
        ] {
            table.all(state, Some(rest));
            table.on(state, '/', None);
            table.on(state, '-', Some(dash));
            table.on(state, '@', release);
            table.on(state, '+', Some(release.unwrap_or(rest)));
        }
        for (state, rest, slash) in [
            (in_path, in_path, Some(path)),
            (in_package, in_package, Some(package)),
            (ENDS_REPO, in_path, Some(package)),
            (first_dash, in_path, None),
            (later_dash, in_package, None),
            (IN_RELEASE, IN_RELEASE, Some(TYPE_START)),
        ] {
            table.all(state, Some(rest));
            table.on(state, '@', None);
            table.on(state, '/', slash);
        }
        for (state, slash) in [(IN_SUBPATH, Some(SUBPATH)), (SUBPATH_NOT_ALONE, None)] {
            table.all(state, Some(IN_SUBPATH));
            table.on(state, '/', slash);
        }
        for name in Kind::ALL.map(Kind::as_str).into_iter().chain(["call"]) {
            table.add_type(name);
        }
        table
    }

    fn add_type(&mut self, name: &str) {
        let mut state = TYPE_START;
        for c in name.chars() {
            let next = self
                .0
                .get(usize::from(state))
                .and_then(|row| row.get(symbol(c)))
                .copied()
                .unwrap_or_default();
            state = if next == 0 {
                let new = self.0.len() as State;
                self.0.push([0; SYMBOLS]);
                self.on(state, c, Some(new));
                new
            } else {
                next.trailing_zeros() as State
            };
        }
        self.on(state, '/', Some(SUBPATH));
    }

    fn all(&mut self, state: State, next: Option<State>) {
        if let Some(row) = self.0.get_mut(usize::from(state)) {
            *row = [next.map_or(0, |next| 1 << next); SYMBOLS];
        }
    }

    fn on(&mut self, state: State, c: char, next: Option<State>) {
        if let Some(place) = self.0.get_mut(usize::from(state)).and_then(|row| row.get_mut(symbol(c))) {
            *place = next.map_or(0, |next| 1 << next);
        }
    }
}
