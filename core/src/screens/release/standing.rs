//! In which word it is said where a task or deployment stands.
//!
//! A status alone says too little of what has not started: a run may wait for its turn, for a person,
//! for the end of a freeze, or for nobody but a worker.

use super::Word;
use super::whole::{Attempt, Item};
use crate::documents::{Function, Status};
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::ready::{self, Readiness};
use crate::refs::{Kind, Ref};
use crate::resolve;
use crate::snapshot::{Needs, Snapshot};
use crate::why;

/// Where something stands, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    /// In a word.
    pub(super) word: Word,
    /// Custom state that it asks for and that is not set.
    pub(super) approvals: Vec<Ref>,
    /// What keeps it from starting, where that is all or part of it.
    pub(super) freeze: Option<Freeze>,
    /// Whether what must be complete before it is. True of what has started.
    pub(super) has_turn: bool,
}

impl Standing {
    fn plain(word: Word) -> Standing {
        Standing { word, approvals: Vec::new(), freeze: None, has_turn: true }
    }
}

/// Where the newest attempt at `item` stands.
///
/// # Errors
/// What must be loaded.
pub(super) fn of(snapshot: &Snapshot, item: &Item, facts: &Facts) -> Result<Standing, Needs> {
    match item.newest() {
        // A release may name what nobody has queued yet.
        None => Ok(Standing { has_turn: false, ..Standing::plain(Word::Pending) }),
        Some(newest) => of_attempt(snapshot, newest, facts),
    }
}

/// Where an attempt stands.
///
/// # Errors
/// What must be loaded.
pub(super) fn of_attempt(snapshot: &Snapshot, attempt: &Attempt, facts: &Facts) -> Result<Standing, Needs> {
    match attempt.entry.status() {
        Status::Pending | Status::Paused => waiting(snapshot, attempt, facts),
        _ => Ok(Standing::plain(why::word(snapshot, &attempt.entry, facts)?)),
    }
}

fn waiting(snapshot: &Snapshot, attempt: &Attempt, facts: &Facts) -> Result<Standing, Needs> {
    let word = Word::from(attempt.entry.status());
    let Some(run) = &attempt.run else { return Ok(Standing::plain(word)) };
    let Some(function) = run.functions.last() else { return Ok(Standing::plain(word)) };
    let mut needs = Needs::default();
    let approvals = needs.take(approvals(snapshot, function)).unwrap_or_default();
    let freeze = needs.take(freeze::holds(snapshot, &attempt.entry, run, facts)).flatten();
    let mut has_turn = true;
    for dependency in &function.dependencies {
        has_turn &= needs.take(ready::holds(snapshot, dependency)).unwrap_or(true);
    }
    needs.settle(())?;
    let ready = has_turn && matches!(ready::check(snapshot, function)?, Readiness::Ready(_));
    let word = match (approvals.is_empty(), &freeze) {
        (false, _) => Word::NeedsApproval,
        (true, Some(_)) => Word::Frozen,
        (true, None) if ready => Word::Queued,
        (true, None) if has_turn => Word::Waiting,
        (true, None) => word,
    };
    Ok(Standing { word, approvals, freeze, has_turn })
}

/// Custom state that `function` is to be given, and that is not there. Whoever may write intent can
/// set it, whatever else is missing.
fn approvals(snapshot: &Snapshot, function: &Function) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut missing = Vec::new();
    for input in function.inputs.values().filter(|input| input.value.is_none() && input.default.is_none()) {
        let Some(Ok(source)) = input.source.as_deref().map(str::parse::<Ref>) else { continue };
        if source.kind() == Some(Kind::Custom) && needs.take(resolve::input(snapshot, input)) == Some(None) {
            missing.push(source);
        }
    }
    needs.settle(missing)
}
