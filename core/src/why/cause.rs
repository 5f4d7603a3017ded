//! What stands in the way of a run, named so that it fits into a sentence.

use super::{Help, Sentence, Word};
use crate::order::Order as _;

/// As many causes are named in a sentence; the rest is counted.
const MOST: usize = 3;

/// Something that has to change first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    /// What it is in the end; two causes with the same are one.
    pub(super) key: String,
    /// The task of a release that it is, for "all of phase build".
    pub(super) place: Option<String>,
    /// What it is called.
    pub(super) name: Sentence,
    /// What is said of it.
    pub(super) clause: Clause,
    /// How it stands.
    pub(super) word: Word,
    /// What would help.
    pub(super) help: Option<Help>,
    /// Whether it stands in the way of the very run that is asked about, and of no other before that.
    pub(super) direct: bool,
    /// Whether it is an earlier phase of the release that leads to it.
    pub(super) phase: bool,
}

/// What is said of something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Clause {
    /// With a verb: "failed 3 h ago".
    Does(Sentence),
    /// What it is: "custom state that somebody must set".
    Is(Sentence),
}

impl Clause {
    pub(super) fn does(text: &str) -> Clause {
        Clause::Does(Sentence::text(text))
    }

    /// Beside the name.
    pub(super) fn alone(&self) -> Sentence {
        match self {
            Clause::Does(what) | Clause::Is(what) => what.clone(),
        }
    }
}

impl Cause {
    /// "perf, which failed 3 h ago"
    pub(super) fn relative(&self) -> Sentence {
        let name = self.name.clone();
        match &self.clause {
            Clause::Does(what) => name.and_text(", which ").and(what.clone()),
            Clause::Is(what) => name.and_text(", ").and(what.clone()),
        }
    }

    /// "perf failed 3 h ago"
    pub(super) fn main(&self) -> Sentence {
        let name = self.name.clone().and_text(" ");
        match &self.clause {
            Clause::Does(what) => name.and(what.clone()),
            Clause::Is(what) => name.and_text("is ").and(what.clone()),
        }
    }
}

/// The most urgent first, each once.
pub(super) fn sorted(causes: Vec<Cause>) -> Vec<Cause> {
    // What needs a person to say yes comes first: it is what is asked of whoever reads this.
    let rank = |cause: &Cause| (cause.word != Word::NeedsApproval, cause.word);
    let mut sorted: Vec<Cause> = Vec::new();
    for cause in causes {
        match sorted.iter_mut().find(|other| other.key == cause.key) {
            None => sorted.push(cause),
            // Said without a detour, where there is the choice.
            Some(other) if other.relative().parts().len() > cause.relative().parts().len() => *other = cause,
            Some(_) => {}
        }
    }
    sorted.order_by_key(rank);
    sorted
}

/// "waits for approve, custom state that somebody must set, and for perf, which failed 3 h ago"
pub(super) fn waits_for(causes: &[Cause]) -> Sentence {
    let last = causes.len().min(MOST).saturating_sub(1);
    let mut sentence = Sentence::text("waits for ");
    for (index, cause) in causes.iter().take(MOST).enumerate() {
        let more = causes.len() > MOST;
        sentence = match index {
            0 => sentence,
            _ if index == last && !more => sentence.and_text(", and for "),
            _ => sentence.and_text(", for "),
        }
        .and(cause.relative());
    }
    sentence.and_text(&more(causes))
}

/// "waits for all of phase build: lint failed 3 min ago, unit-tests has been running for 2 min"
pub(super) fn waits_for_phase(phase: &str, causes: &[Cause]) -> Sentence {
    let mut sentence = Sentence::text(&format!("waits for all of phase {phase}: "));
    for (index, cause) in causes.iter().take(MOST).enumerate() {
        sentence = sentence.and_text(if index == 0 { "" } else { ", " }).and(cause.main());
    }
    sentence.and_text(&more(causes))
}

fn more(causes: &[Cause]) -> String {
    let more = causes.len().saturating_sub(MOST);
    if more == 0 { String::new() } else { format!(", and for {more} more") }
}

/// What would help against these, each once.
pub(super) fn help(causes: &[Cause]) -> Vec<Help> {
    let mut all: Vec<Help> = Vec::new();
    for cause in causes {
        let Some(mut help) = cause.help.clone() else { continue };
        help.alone |= cause.direct && causes.len() == 1;
        match all.iter_mut().find(|other| other.action == help.action) {
            Some(other) => other.alone |= help.alone,
            None => all.push(help),
        }
    }
    all
}
