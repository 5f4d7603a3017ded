//! What is the matter with a release, in up to three lines.

use std::collections::BTreeMap;

use super::whole::{Item, Whole, key_of};
use super::{Action, Approval, Note, Phase, Turn, Word};
use crate::commands;
use crate::facts::Facts;
use crate::refs::Ref;
use crate::times;
use crate::why;

/// The most that are shown: who reads more reads none.
const MOST: usize = 3;

/// Broken first, then what needs a person, then information.
pub(super) fn of(whole: &Whole, phases: &[Phase], turns: &BTreeMap<Ref, Turn>, facts: &Facts) -> Vec<Note> {
    let at = Matter { whole, phases, turns, facts };
    let notes = [at.failed(), at.approval(), at.stale(), at.frozen(), at.queued(), at.cancelled()];
    notes.into_iter().flatten().take(MOST).collect()
}

/// What notes are made of.
struct Matter<'a> {
    whole: &'a Whole,
    phases: &'a [Phase],
    turns: &'a BTreeMap<Ref, Turn>,
    facts: &'a Facts,
}

impl<'a> Matter<'a> {
    /// What stands at `word`, with the number of its phase.
    fn at(&self, word: Word) -> Vec<(usize, &'a Item, &'a Turn)> {
        let turn = |item: &Item| self.turns.get(&item.place).filter(|turn| turn.word == word);
        let items = self.whole.items();
        items.filter_map(|(index, item)| Some((index + 1, item, turn(item)?))).collect()
    }

    fn failed(&self) -> Option<Note> {
        let failed = self.at(Word::Failed);
        let (phase, first, _) = *failed.first()?;
        let newest = first.newest()?;
        let mut lead = format!("{} failed", names(&failed));
        if failed.len() == 1 {
            if let Some(age) = newest.ended().and_then(|then| times::seconds(then, &self.facts.now)) {
                lead += &format!(" {} ago", times::age(age));
            }
            if first.attempts.len() > 1 {
                lead += &format!(", after {} attempts", first.attempts.len());
            }
        }
        let text = match (phase + 1, self.phases.len()) {
            (from, to) if from > to => String::new(),
            (from, to) if from == to => {
                format!("Phase {to} starts only when all of phase {phase} is complete.")
            }
            (from, to) => format!("Phases {from} to {to} start only when all of phase {phase} is complete."),
        };
        let action = Some(Action::Look(key_of(&newest.entry.reference)));
        Some(Note { word: Word::Failed, lead: lead + ".", missing: None, text, action })
    }

    fn stale(&self) -> Option<Note> {
        let stale = self.at(Word::Stale);
        let (_, first, _) = *stale.first()?;
        let marker = &first.newest()?.marker;
        let last = marker.heartbeat.as_ref().unwrap_or(&marker.time);
        let (says, has) =
            if stale.len() == 1 { ("says that it runs", "has") } else { ("say that they run", "have") };
        let since = times::seconds(last, &self.facts.now).map(|age| format!(" for {}", times::age(age)));
        let since = since.unwrap_or_default();
        Some(Note {
            word: Word::Stale,
            lead: format!("{} {says}, and {has} not been heard of{since}.", names(&stale)),
            missing: None,
            text: "If the process is gone, a retry takes over.".to_owned(),
            action: Some(Action::Command(commands::retry_stale(&self.whole.release))),
        })
    }

    fn approval(&self) -> Option<Note> {
        let waiting = self.at(Word::NeedsApproval);
        let custom = waiting.first()?.2.approvals.first()?;
        let same: Vec<_> =
            waiting.into_iter().filter(|(_, _, turn)| turn.approvals.contains(custom)).collect();
        let (_, _, first) = *same.first()?;
        let waits = if same.len() == 1 { "waits" } else { "wait" };
        let starts = same.iter().any(|(_, _, turn)| turn.alone && turn.approvals.len() == 1);
        let text = match (self.blocks(first), starts) {
            (_, true) => "Once it is set, the next worker goes on.".to_owned(),
            (Some(blocks), false) => format!("Setting it alone starts nothing: {blocks}."),
            (None, false) => "More than that has to be set.".to_owned(),
        };
        Some(Note {
            word: Word::NeedsApproval,
            lead: format!("{} {waits} for an approval.", names(&same)),
            missing: Some(custom.document()),
            text,
            action: Some(Action::Approve(Approval::of(custom))),
        })
    }

    /// What is in the way besides what a person has to set.
    fn blocks(&self, turn: &Turn) -> Option<String> {
        match (turn.stuck.first(), turn.others.first()) {
            (Some((place, _)), _) => Some(format!("{} still blocks", place.subpath())),
            (None, Some(at)) => Some(format!("it waits for {} too", why::named(at, &self.whole.release))),
            (None, None) => None,
        }
    }

    fn frozen(&self) -> Option<Note> {
        let frozen = self.at(Word::Frozen);
        let (_, _, turn) = *frozen.first()?;
        let freeze = turn.freeze.as_ref()?;
        let until = freeze.until.as_ref().map(|until| times::moment(until, &self.facts.now, 0));
        let until = until.map(|until| format!(" until {until} UTC")).unwrap_or_default();
        let reason = if freeze.reason.is_empty() { String::new() } else { format!(": {}", freeze.reason) };
        Some(Note {
            word: Word::Frozen,
            lead: format!("No deploy starts in {}{until}{reason}.", names(&frozen)),
            missing: None,
            text: String::new(),
            action: None,
        })
    }

    fn queued(&self) -> Option<Note> {
        let queued = self.at(Word::Queued);
        queued.first()?;
        Some(Note {
            word: Word::Queued,
            lead: format!("{} can start, and nobody has started it yet.", names(&queued)),
            missing: None,
            text: "The next worker does, or this command:".to_owned(),
            action: Some(Action::Command(commands::carry_on(&self.whole.release))),
        })
    }

    fn cancelled(&self) -> Option<Note> {
        let cancelled = self.at(Word::Cancelled);
        cancelled.first()?;
        let was = if cancelled.len() == 1 { "was" } else { "were" };
        Some(Note {
            word: Word::Cancelled,
            lead: format!("{} {was} cancelled.", names(&cancelled)),
            missing: None,
            text: "A newer release may have overtaken this one.".to_owned(),
            action: None,
        })
    }
}

/// `perf`, `perf and demo`, `perf and 2 others`.
fn names(items: &[(usize, &Item, &Turn)]) -> String {
    match items {
        [] => String::new(),
        [(_, one, _)] => one.name().to_owned(),
        [(_, one, _), (_, other, _)] => format!("{} and {}", one.name(), other.name()),
        [(_, one, _), rest @ ..] => format!("{} and {} others", one.name(), rest.len()),
    }
}
