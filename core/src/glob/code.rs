//! A pattern as a list of steps. All jumps go forward, so one pass over the list sees every path.

use super::grammar::{self, States};
use super::{Glob, GlobError, GlobErrorKind as E};
use std::iter::Peekable;
use std::str::CharIndices;

/// One step of a pattern; the next one follows in the list, unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// This character.
    Char(char),
    /// `?`
    One,
    /// `[…]`
    Class(Class),
    /// `*`
    WithoutSlash,
    /// `**`
    Anything,
    /// Any of these steps, all further on: the start of `{…}`.
    Either(Vec<usize>),
    /// That step, further on: the end of an alternative.
    Goto(usize),
}

/// The characters of `[…]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Class {
    pub(super) negated: bool,
    /// First and last, both included.
    pub(super) ranges: Vec<(char, char)>,
}

/// A pattern that was read.
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    /// Where the pattern has a marker `+`.
    pub(super) intent: Vec<usize>,
    /// Whether it has a marker `@`.
    pub(super) state: bool,
}

impl Step {
    /// Whether the step can take this character. The two that take none (`Either`, `Goto`) cannot.
    pub(super) fn takes(&self, c: u32) -> bool {
        match self {
            Step::Char(own) => u32::from(*own) == c,
            Step::One | Step::WithoutSlash => c != u32::from('/'),
            Step::Anything => true,
            Step::Class(Class { negated, ranges }) => {
                ranges.iter().any(|&(first, last)| (u32::from(first)..=u32::from(last)).contains(&c))
                    != *negated
            }
            Step::Either(_) | Step::Goto(_) => false,
        }
    }

    /// The only character that the step takes, if it takes just one.
    pub(super) fn literal(&self) -> Option<char> {
        if let Step::Char(c) = self { Some(*c) } else { None }
    }

    /// Whether the step may take any number of characters.
    pub(super) fn repeats(&self) -> bool {
        matches!(self, Step::WithoutSlash | Step::Anything)
    }
}

impl Code {
    pub(super) fn new(pattern: &str) -> Result<Code, GlobError> {
        let mut reader = Reader {
            chars: pattern.char_indices().peekable(),
            steps: Vec::with_capacity(pattern.len()),
            braces: Vec::new(),
            markers: Vec::new(),
        };
        if let Err((kind, offset)) = reader.read(pattern) {
            let shown = pattern.get(..pattern.floor_char_boundary(Glob::MAX_LEN)).unwrap_or_default();
            return Err(GlobError { kind, offset, pattern: shown.to_owned() });
        }
        let Reader { mut steps, markers, .. } = reader;
        let mut intent = Vec::new();
        let mut state = false;
        if markers.iter().any(|marker| marker.c == '+') || pattern.contains("call") {
            let places = Places::new(&steps);
            for Marker { c, step, offset } in markers {
                if places.may_be_release(step) {
                    match c {
                        '+' => intent.push(offset),
                        _ => state = true,
                    }
                }
            }
            places.spell_task(&mut steps);
        }
        Ok(Code { steps, intent, state })
    }
}

/// A `+` or `@` of a pattern that was not escaped.
struct Marker {
    c: char,
    step: usize,
    offset: usize,
}

struct Reader<'a> {
    chars: Peekable<CharIndices<'a>>,
    steps: Vec<Step>,
    /// The braces that are open, a stack.
    braces: Vec<Brace>,
    markers: Vec<Marker>,
}

struct Brace {
    offset: usize,
    either: usize,
    alternatives: Vec<usize>,
    gotos: Vec<usize>,
}

impl Reader<'_> {
    fn read(&mut self, pattern: &str) -> Result<(), (E, usize)> {
        if pattern.len() > Glob::MAX_LEN {
            return Err((E::TooLong, 0));
        }
        while let Some((offset, c)) = self.chars.next() {
            let step = match c {
                '\\' => Step::Char(self.escaped(offset)?),
                '?' => Step::One,
                '[' => Step::Class(self.class(offset)?),
                '*' => {
                    let mut step = Step::WithoutSlash;
                    while self.chars.next_if(|&(_, c)| c == '*').is_some() {
                        step = Step::Anything;
                    }
                    step
                }
                '{' => {
                    let either = self.steps.len();
                    self.braces.push(Brace {
                        offset,
                        either,
                        alternatives: vec![either + 1],
                        gotos: Vec::new(),
                    });
                    Step::Either(Vec::new())
                }
                ',' if let Some(brace) = self.braces.last_mut() => {
                    brace.gotos.push(self.steps.len());
                    brace.alternatives.push(self.steps.len() + 1);
                    Step::Goto(0)
                }
                '}' if let Some(mut brace) = self.braces.pop() => {
                    brace.gotos.push(self.steps.len());
                    let end = self.steps.len() + 1;
                    // The last alternative jumps as well, so that two repeating steps never touch.
                    self.steps.push(Step::Goto(end));
                    for at in brace.gotos {
                        self.set(at, Step::Goto(end));
                    }
                    self.set(brace.either, Step::Either(brace.alternatives));
                    continue;
                }
                c => {
                    if matches!(c, '@' | '+') {
                        self.markers.push(Marker { c, step: self.steps.len(), offset });
                    }
                    Step::Char(c)
                }
            };
            self.steps.push(step);
        }
        self.braces.last().map_or(Ok(()), |brace| Err((E::UnclosedBrace, brace.offset)))
    }

    fn set(&mut self, at: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    fn escaped(&mut self, backslash: usize) -> Result<char, (E, usize)> {
        self.chars.next().map(|(_, c)| c).ok_or((E::TrailingBackslash, backslash))
    }

    fn class(&mut self, bracket: usize) -> Result<Class, (E, usize)> {
        let negated = self.chars.next_if(|&(_, c)| c == '!').is_some();
        let mut ranges = Vec::new();
        loop {
            let (offset, first, escaped) = match self.chars.next().ok_or((E::UnclosedClass, bracket))? {
                (_, ']') if ranges.is_empty() => return Err((E::EmptyClass, bracket)),
                (_, ']') => return Ok(Class { negated, ranges }),
                (offset, '\\') => (offset, self.escaped(offset)?, true),
                (offset, c) => (offset, c, false),
            };
            let mut ahead = self.chars.clone();
            let is_range =
                ahead.next_if(|&(_, c)| c == '-').is_some() && ahead.next().is_some_and(|(_, c)| c != ']');
            let last = if is_range {
                self.chars.next();
                match self.chars.next().ok_or((E::UnclosedClass, bracket))? {
                    (offset, '\\') => self.escaped(offset)?,
                    (_, c) => c,
                }
            } else {
                if matches!(first, '@' | '+') && !escaped && !negated {
                    self.markers.push(Marker { c: first, step: self.steps.len(), offset });
                }
                first
            };
            if last < first {
                return Err((E::ReversedRange, offset));
            }
            ranges.push((first, last));
        }
    }
}

/// What can stand where, by the grammar of refs.
struct Places {
    /// For each step (and the end) the states of the grammar in which it can begin.
    reach: Vec<States>,
    /// For each step whether a segment can begin there: the pattern starts, or has a `/`, before it.
    after_slash: Vec<bool>,
    /// For each step whether it can follow `**`.
    after_anything: Vec<bool>,
}

impl Places {
    fn new(steps: &[Step]) -> Places {
        let mut places = Places {
            reach: grammar::reach(steps),
            after_slash: vec![false; steps.len() + 1],
            after_anything: vec![false; steps.len() + 1],
        };
        set(&mut places.after_slash, 0);
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Char('/') => set(&mut places.after_slash, at + 1),
                Step::Anything => set(&mut places.after_anything, at + 1),
                Step::Goto(to) => places.pass_on(at, *to),
                Step::Either(alternatives) => alternatives.iter().for_each(|&to| places.pass_on(at, to)),
                _ => {}
            }
        }
        places
    }

    /// What can precede a jump can precede where it leads.
    fn pass_on(&mut self, from: usize, to: usize) {
        for flags in [&mut self.after_slash, &mut self.after_anything] {
            if is(flags, from) {
                set(flags, to);
            }
        }
    }

    /// Whether a marker at this step starts a release.
    fn may_be_release(&self, step: usize) -> bool {
        let starts = is(&self.after_slash, step) || is(&self.after_anything, step);
        starts && self.reach.get(step).is_some_and(|states| states.meets(grammar::RELEASE_STARTS))
    }

    /// Spells `call` as `task` wherever it can be the type: a folder of that name keeps it.
    fn spell_task(&self, steps: &mut [Step]) {
        for at in 0..steps.len() {
            let may_be_type = is(&self.after_slash, at)
                && self.reach.get(at).is_some_and(|states| states.has(grammar::TYPE_START));
            let Some((word, rest)) = steps.get_mut(at..).and_then(|steps| steps.split_at_mut_checked(4))
            else {
                break;
            };
            let is_call = word.iter().zip("call".chars()).all(|(step, c)| *step == Step::Char(c));
            if may_be_type && is_call && slash_follows(rest, at + 4) {
                word.iter_mut().zip("task".chars()).for_each(|(step, c)| *step = Step::Char(c));
            }
        }
    }
}

fn is(flags: &[bool], step: usize) -> bool {
    flags.get(step).copied().unwrap_or_default()
}

fn set(flags: &mut [bool], step: usize) {
    if let Some(flag) = flags.get_mut(step) {
        *flag = true;
    }
}

/// Whether the first step of `rest`, which is step `start` of the code, takes a `/`, past the ends of alternatives.
fn slash_follows(rest: &[Step], start: usize) -> bool {
    let mut at = start;
    loop {
        match at.checked_sub(start).and_then(|at| rest.get(at)) {
            Some(Step::Goto(to)) => at = *to,
            step => return step == Some(&Step::Char('/')),
        }
    }
}
