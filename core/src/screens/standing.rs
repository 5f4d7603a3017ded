//! What of a package is not as it should be, read off its summary.
//!
//! A summary names the tasks and deployments that are not complete. Which of those still matter (an
//! attempt that a newer release has made good does not) is decided here; whose [`turn`] it is, there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::status::Word;
use super::turn::{self, Turn};
use crate::documents::Status;
use crate::facts::Facts;
use crate::refs::{Kind, Ref};
use crate::runs::RunEntry;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{Open, ReleaseSummary, Summary};
use crate::times;
use crate::why::{self, Sentence};

/// How much to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Summaries and environments: what a viewer sees first.
    First,
    /// Intents, freezes, heartbeats, and what others have set as well. Nothing that was there moves.
    Whole,
}

/// What all packages are looked at with.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) summaries: &'a BTreeMap<Ref, Summary>,
    pub(super) facts: &'a Facts,
    pub(super) depth: Depth,
}

/// A task or deployment that is not complete, and matters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Where it stands.
    pub word: Word,
    /// The package.
    pub package: Ref,
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// The task or deployment: `…/@r12/deploy/prod`.
    pub at: Ref,
    /// Whether it is a deployment.
    pub deploy: bool,
    /// Name of the task or of the environment.
    pub name: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// For how long, in seconds.
    pub age: Option<u64>,
    /// How many runs it has had.
    pub attempts: u64,
    /// The custom state that a person has to set.
    pub approvals: Vec<Ref>,
    /// Whether to set it is all that it waits for.
    pub alone: bool,
    /// How long it takes mostly, in seconds: of a deployment that runs.
    pub usual: Option<u64>,
    /// Why it stands so, as what is said of it; empty where the word says all.
    pub says: Sentence,
}

impl Look<'_> {
    /// For how long something has been so.
    pub(super) fn age(&self, since: &str) -> Option<u64> {
        times::seconds(since, &self.facts.now)
    }

    /// What is open in a package, newest release first; of each task or deployment the newest with a word.
    pub(super) fn standings(&self, summary: &Summary) -> Result<Vec<Standing>, Needs> {
        let mut needs = Needs::default();
        let mut found: Vec<Standing> = Vec::new();
        let mut seen: BTreeSet<(&str, Word)> = BTreeSet::new();
        for (release, place, open) in open(summary) {
            let standing = needs.take(self.standing(summary, release, place, open)).flatten();
            if let Some(standing) = standing.filter(|standing| seen.insert((place, standing.word))) {
                found.push(standing);
            }
        }
        needs.settle(found)
    }

    fn standing(
        &self,
        summary: &Summary,
        release: &ReleaseSummary,
        place: &str,
        open: &Open,
    ) -> Result<Option<Standing>, Needs> {
        let at = summary.package.with_release(&release.id).and_then(|release| release.child(place));
        let Ok(at) = at else { return Ok(None) };
        let deploy = at.kind() == Some(Kind::Deploy);
        let name = at.subpath().to_owned();
        let mut standing = Standing {
            word: Word::from(open.status),
            package: summary.package.clone(),
            release: at.release_ref(),
            id: release.id.clone(),
            deploy,
            since: open.since.clone(),
            age: self.age(&open.since),
            attempts: open.attempts,
            approvals: Vec::new(),
            alone: false,
            usual: None,
            says: Sentence::default(),
            at,
            name,
        };
        match open.status {
            Status::Running => {
                standing.usual = deploy.then(|| summary.live.get(&standing.name)?.took).flatten();
                if self.is_stale(&standing)? {
                    standing.word = Word::Stale;
                    standing.says = Sentence::text("no heartbeat, its runner may have died");
                }
            }
            Status::Failed if open.attempts > 1 => {
                standing.says = Sentence::text(&format!("attempt {}, see the run", open.attempts));
            }
            Status::Pending | Status::Paused => {
                let turn = turn::of_open(self, release, &standing.at, open)?;
                standing.word = turn.word;
                standing.says = says(&turn, &standing.release);
                standing.approvals = turn.approvals;
                standing.alone = turn.alone;
            }
            _ => {}
        }
        Ok(Some(standing))
    }

    fn is_stale(&self, standing: &Standing) -> Result<bool, Needs> {
        if self.depth == Depth::First {
            return Ok(false);
        }
        let Ok(reference) = standing.at.child(&standing.attempts.to_string()) else { return Ok(false) };
        if standing.age.is_some_and(|age| age < why::LEASE) || !self.snapshot.exists(&reference)? {
            return Ok(false);
        }
        let entry = RunEntry {
            reference,
            place: standing.at.clone(),
            number: standing.attempts,
            statuses: vec![Status::Running],
        };
        Ok(why::word(self.snapshot, &entry, self.facts)? == Word::Stale)
    }
}

/// What is open in a package, with its release and place, newest release first; but for what no longer
/// matters.
pub(super) fn open(summary: &Summary) -> impl Iterator<Item = (&ReleaseSummary, &String, &Open)> {
    summary.releases.iter().enumerate().flat_map(move |(index, release)| {
        let newer = summary.releases.get(..index).unwrap_or_default();
        let open = release.open.iter().map(move |(place, open)| (release, place, open));
        open.filter(move |(release, place, _)| !is_past(summary, newer, release, place))
    })
}

/// Whether what is open at `place` of a release no longer matters: something as new is live there, or a
/// newer release has been through.
fn is_past(summary: &Summary, newer: &[ReleaseSummary], release: &ReleaseSummary, place: &str) -> bool {
    let live = place.strip_prefix("deploy/").and_then(|name| summary.live.get(name));
    if live.is_some_and(|live| number(&live.release) > number(&release.id)) {
        return true;
    }
    newer.iter().any(|newer| {
        let whole = newer.more == 0 && newer.cut.is_empty();
        whole
            && !newer.open.contains_key(place)
            && newer.runs.keys().any(|status| *status == Status::Complete)
    })
}

/// The number of a release, of its name.
pub(super) fn number(id: &str) -> Option<u64> {
    id.strip_prefix('r')?.parse().ok()
}

/// "waits only for approve", "waits for approve, and for perf, which failed", "frozen until 2026-12-27: sale"
fn says(turn: &Turn, release: &Ref) -> Sentence {
    if let Some(freeze) = &turn.freeze {
        return Sentence::text(&freeze.says());
    }
    let stuck = turn.stuck.iter().map(|(place, status)| {
        let what = if *status == Status::Failed { "failed" } else { "was cancelled" };
        Sentence::text(&format!("{}, which {what}", place.subpath()))
    });
    let named = |at: &Ref| why::named(at, release);
    let other = |at: &Ref| match at.kind() {
        Some(Kind::Custom) => named(at).and_text(", which is set in intent and only has to be applied"),
        _ => named(at),
    };
    let all = turn.approvals.iter().map(named).chain(stuck).chain(turn.others.iter().map(other));
    let mut sentence = Sentence::default();
    for (index, one) in all.enumerate() {
        let before = match (index, turn.alone) {
            (0, true) => "waits only for ",
            (0, false) => "waits for ",
            _ => ", and for ",
        };
        sentence = sentence.and_text(before).and(one);
    }
    sentence
}
