//! Runs the steps of a pattern over a text, all of them at once: a bit a step, so a character costs a few
//! operations on a word (or on several, for a pattern of more than 63 steps) whatever the pattern is.

use super::code::{Class, Step};
use crate::order::Order as _;
use memchr::memmem::Finder;

/// Steps, ready to run.
pub(super) struct Program {
    words: usize,
    /// What each kind of character does; a row has `words` words for `step`, then as many for `stay`.
    rows: Vec<u64>,
    kinds: Kinds,
    /// The steps that may take any number of characters, and so may be left at once.
    repeats: Bits,
    /// The steps that take no character.
    jumps: Bits,
    /// For each step the steps that it leads to without a character; empty for all but jumps.
    closures: Vec<Bits>,
    start: Bits,
    /// The bit of the end.
    end: usize,
    /// The last step is `**`: who gets there has matched.
    open_end: bool,
    /// The literal text after a leading `**`.
    awaited: Option<Finder<'static>>,
}

/// A set of steps. The first 64 stand in the set itself: few patterns have more, and such a set is
/// copied for every folder of a search.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Bits {
    first: u64,
    rest: Vec<u64>,
}

/// Which characters the pattern tells apart.
struct Kinds {
    ascii: [u16; 128],
    /// The first character of each kind, in order.
    firsts: Vec<u32>,
}

impl Bits {
    fn new(words: usize) -> Bits {
        Bits { first: 0, rest: vec![0; words.saturating_sub(1)] }
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    fn words_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        std::iter::once(&mut self.first).chain(&mut self.rest)
    }

    pub(super) fn has(&self, bit: usize) -> bool {
        self.words().nth(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn add(&mut self, bit: usize) {
        if let Some(word) = self.words_mut().nth(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }
}

impl Program {
    /// `steps` are those of a pattern from number `first` on.
    pub(super) fn new(steps: &[Step], first: usize) -> Program {
        let end = steps.len();
        let words = end / 64 + 1;
        let kinds = Kinds::new(steps);
        let mut rows = Vec::with_capacity(kinds.firsts.len() * words * 2);
        for &c in &kinds.firsts {
            let (mut step, mut stay) = (Bits::new(words), Bits::new(words));
            for (at, of) in steps.iter().enumerate().filter(|(_, of)| of.takes(c)) {
                if of.repeats() { stay.add(at) } else { step.add(at) }
            }
            rows.extend(step.words());
            rows.extend(stay.words());
        }
        let (mut repeats, mut jumps) = (Bits::new(words), Bits::new(words));
        let mut closures = vec![Bits::new(0); end];
        // Jumps go forward: from the back, what they lead to is known already.
        for (at, step) in steps.iter().enumerate().rev() {
            let to = match step {
                Step::Either(alternatives) => alternatives.as_slice(),
                Step::Goto(to) => std::slice::from_ref(to),
                step => {
                    if step.repeats() {
                        repeats.add(at);
                    }
                    continue;
                }
            };
            jumps.add(at);
            let mut closure = Bits::new(words);
            for to in to.iter().map(|to| to.saturating_sub(first)) {
                closed(&mut closure, steps, &closures, to);
            }
            if let Some(place) = closures.get_mut(at) {
                *place = closure;
            }
        }
        let mut start = Bits::new(words);
        closed(&mut start, steps, &closures, 0);
        let open_end = steps.last() == Some(&Step::Anything);
        let awaited =
            steps.split_first().filter(|(first, _)| **first == Step::Anything).and_then(|(_, rest)| {
                let literal: String = rest.iter().map_while(Step::literal).collect();
                (!literal.is_empty()).then(|| Finder::new(&literal).into_owned())
            });
        Program { words, rows, kinds, repeats, jumps, closures, start, end, open_end, awaited }
    }

    /// Whether the steps take the whole of `text`.
    pub(super) fn is_match(&self, text: &str) -> bool {
        if self.words > 1 {
            return self.run(self.start(), text).has(self.end);
        }
        let rows = self.rows.as_chunks().0;
        let (start, repeats, jumps) = (self.start.first, self.repeats.first, self.jumps.first);
        let done = if self.open_end { 1 << self.end } else { 0 };
        let mut at = start;
        let mut rest = text;
        while at & done == 0 && at != 0 {
            if at == start
                && let Some(literal) = &self.awaited
            {
                // Nothing but the leading `**` is under way: all up to its literal is its own.
                let Some(skipped) = literal.find(rest.as_bytes()) else { return false };
                rest = rest.get(skipped..).unwrap_or_default();
            }
            let mut chars = rest.chars();
            let Some(c) = chars.next() else { break };
            rest = chars.as_str();
            let Some(&[step, stay]) = rows.get(self.kinds.of(c)) else { return false };
            at = (at & step) << 1 | at & stay;
            at |= (at & repeats) << 1;
            if at & jumps != 0 {
                at = self.without_jumps(at, jumps);
            }
        }
        at >> self.end & 1 == 1
    }

    /// The steps that may come first.
    pub(super) fn start(&self) -> Bits {
        self.start.clone()
    }

    /// Whether the steps `at` hold the end.
    pub(super) fn is_end(&self, at: &Bits) -> bool {
        at.has(self.end)
    }

    /// The steps that may come next after `text`.
    pub(super) fn run(&self, mut at: Bits, text: &str) -> Bits {
        if self.words == 1 {
            at.first = self.run_word(at.first, text);
            return at;
        }
        for c in text.chars() {
            let row = self.kinds.of(c) * self.words * 2;
            let Some((step, stay)) = self.rows.get(row..).and_then(|row| row.split_at_checked(self.words))
            else {
                break;
            };
            let (mut carry, mut any) = (0, 0);
            for (((word, step), stay), repeats) in
                at.words_mut().zip(step).zip(stay).zip(self.repeats.words())
            {
                let stepped = *word & step;
                let arrived = stepped << 1 | *word & stay | carry & 1;
                let left = arrived & repeats;
                // A repeating step in the top bit hands on like a character there.
                *word = arrived | left << 1;
                carry = stepped >> 63 | left >> 63;
                any |= *word;
            }
            if any == 0 {
                break;
            }
            self.close(&mut at);
        }
        at
    }

    /// As [`Program::run`], where all steps fit into a word.
    fn run_word(&self, mut at: u64, text: &str) -> u64 {
        let rows = self.rows.as_chunks().0;
        let (repeats, jumps) = (self.repeats.first, self.jumps.first);
        for c in text.chars() {
            let Some(&[step, stay]) = rows.get(self.kinds.of(c)) else { return 0 };
            at = (at & step) << 1 | at & stay;
            at |= (at & repeats) << 1;
            if at & jumps != 0 {
                at = self.without_jumps(at, jumps);
            }
            if at == 0 {
                break;
            }
        }
        at
    }

    fn close(&self, at: &mut Bits) {
        let jumps: Vec<u64> = at.words().zip(self.jumps.words()).map(|(word, jumps)| word & jumps).collect();
        for (number, mut jumping) in jumps.into_iter().enumerate() {
            while jumping != 0 {
                let bit = number * 64 + jumping.trailing_zeros() as usize;
                jumping &= jumping - 1;
                for (word, closure) in
                    at.words_mut().zip(self.closures.get(bit).into_iter().flat_map(Bits::words))
                {
                    *word |= closure;
                }
            }
        }
        for (word, jumps) in at.words_mut().zip(self.jumps.words()) {
            *word &= !jumps;
        }
    }

    fn without_jumps(&self, at: u64, jumps: u64) -> u64 {
        let mut jumping = at & jumps;
        let mut at = at & !jumps;
        while jumping != 0 {
            at |= self.closures.get(jumping.trailing_zeros() as usize).map_or(0, |bits| bits.first);
            jumping &= jumping - 1;
        }
        at
    }
}

/// Adds step `to` and all that can come instead of it.
fn closed(into: &mut Bits, steps: &[Step], closures: &[Bits], mut to: usize) {
    loop {
        match steps.get(to) {
            Some(Step::Either(_) | Step::Goto(_)) => {
                for (word, closure) in
                    into.words_mut().zip(closures.get(to).into_iter().flat_map(Bits::words))
                {
                    *word |= closure;
                }
                return;
            }
            Some(step) if step.repeats() => {
                into.add(to);
                to += 1;
            }
            _ => return into.add(to),
        }
    }
}

impl Kinds {
    fn new(steps: &[Step]) -> Kinds {
        let slash = u32::from('/');
        let mut firsts = vec![0, slash, slash + 1];
        for step in steps {
            match step {
                Step::Char(c) => firsts.extend([u32::from(*c), u32::from(*c) + 1]),
                Step::Class(Class { ranges, .. }) => {
                    firsts.extend(
                        ranges.iter().flat_map(|&(first, last)| [u32::from(first), u32::from(last) + 1]),
                    );
                }
                _ => {}
            }
        }
        firsts.order();
        firsts.dedup();
        let mut kinds = Kinds { ascii: [0; 128], firsts };
        for c in 0..128_u8 {
            let kind = kinds.search(u32::from(c)) as u16;
            if let Some(place) = kinds.ascii.get_mut(usize::from(c)) {
                *place = kind;
            }
        }
        kinds
    }

    fn of(&self, c: char) -> usize {
        match self.ascii.get(c as usize) {
            Some(&kind) => usize::from(kind),
            None => self.search(u32::from(c)),
        }
    }

    fn search(&self, c: u32) -> usize {
        self.firsts.partition_point(|&first| first <= c) - 1
    }
}
