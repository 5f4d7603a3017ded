//! What of a package is not as it should be, read off its summary.
//!
//! A summary names the tasks and deployments that are not complete. Which of those still matter (an
//! attempt that a newer release has made good does not), and whether one waits for a person, is decided
//! here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::status::Word;
use crate::documents::Status;
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::refs::{Kind, Marker, Ref};
use crate::release::literal;
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
        for (index, release) in summary.releases.iter().enumerate() {
            for (place, open) in &release.open {
                let newer = summary.releases.get(..index).unwrap_or_default();
                if is_past(summary, newer, release, place) {
                    continue;
                }
                let standing = needs.take(self.standing(summary, release, place, open)).flatten();
                if let Some(standing) = standing.filter(|standing| seen.insert((place, standing.word))) {
                    found.push(standing);
                }
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
            Status::Pending | Status::Paused => self.waiting(&mut standing, release, open)?,
            _ => {}
        }
        Ok(Some(standing))
    }

    /// What an open run waits for, and so whether it is a person's turn.
    fn waiting(&self, standing: &mut Standing, release: &ReleaseSummary, open: &Open) -> Result<(), Needs> {
        let mut needs = Needs::default();
        let (mut stuck, mut on_its_way) = (Vec::new(), false);
        for wait in &open.waits {
            let Some(false) = needs.take(self.holds(&standing.package, wait)) else { continue };
            let Ok(parsed) = wait.parse::<Ref>() else {
                on_its_way = true;
                continue;
            };
            let own = parsed.release_ref().as_str() == literal(standing.release.as_str());
            let of = own.then(|| place(&parsed)).and_then(|place| release.open.get(&place));
            match of.map(|of| of.status) {
                _ if parsed.kind() == Some(Kind::Custom) => standing.approvals.push(parsed.document()),
                Some(status @ (Status::Failed | Status::Cancelled)) => {
                    let name = parsed.segments().next().unwrap_or_default().to_owned();
                    stuck.push((parsed, name, status));
                }
                _ => on_its_way = true,
            }
        }
        needs.settle(())?;
        standing.alone = !standing.approvals.is_empty() && stuck.is_empty() && !on_its_way;
        if !standing.approvals.is_empty() && !on_its_way {
            standing.word = Word::NeedsApproval;
            standing.says = waits_for(standing, &stuck);
        } else if standing.approvals.is_empty() && stuck.is_empty() && !on_its_way {
            standing.word = Word::Queued;
            if let Some(freeze) = self.freeze(standing, open.status)? {
                standing.word = Word::Frozen;
                let mut says = "frozen".to_owned();
                says.extend(freeze.until.map(|until| format!(" until {until}")));
                if !freeze.reason.is_empty() {
                    says.push_str(&format!(": {}", freeze.reason));
                }
                standing.says = Sentence::text(&says);
            }
        } else if !stuck.is_empty() {
            standing.says = waits_for(standing, &stuck);
        }
        Ok(())
    }

    fn freeze(&self, standing: &Standing, status: Status) -> Result<Option<Freeze>, Needs> {
        // What has begun goes on.
        if self.depth == Depth::First || !standing.deploy || status != Status::Pending {
            return Ok(None);
        }
        freeze::of(self.snapshot, &standing.name, &self.facts.now)
    }

    /// Whether what a run waits for is there. A summary has looked up what lies in its own package; of
    /// the others it only knows the name.
    fn holds(&self, package: &Ref, wait: &str) -> Result<bool, Needs> {
        let Ok(parsed) = wait.parse::<Ref>() else { return Ok(false) };
        let own = parsed.package() == *package && parsed.marker() != Some(Marker::Intent);
        if own && !parsed.is_global() {
            return Ok(false);
        }
        if parsed.kind() == Some(Kind::Deploy)
            && parsed.release() == Some("")
            && let Some(other) = self.summaries.get(&parsed.package())
        {
            return Ok(other.live.contains_key(parsed.subpath()));
        }
        match self.depth {
            Depth::Whole => self.snapshot.exists(&parsed.document()),
            // What a person has to set is mostly not set yet, and what a task makes is there.
            Depth::First => Ok(parsed.kind() == Some(Kind::Task)),
        }
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

/// `deploy/prod`, of a ref below it.
fn place(of: &Ref) -> String {
    let kind = if of.kind() == Some(Kind::Deploy) { "deploy" } else { "task" };
    format!("{kind}/{}", of.segments().next().unwrap_or_default())
}

/// "waits only for approve", "waits for approve, and for perf, which failed"
fn waits_for(standing: &Standing, stuck: &[(Ref, String, Status)]) -> Sentence {
    let mut sentence = Sentence::text(if standing.alone { "waits only for " } else { "waits for " });
    let mut first = true;
    let mut next = |sentence: Sentence| {
        let joint = if std::mem::take(&mut first) { "" } else { ", and for " };
        sentence.and_text(joint)
    };
    for approval in &standing.approvals {
        sentence = next(sentence).and(why::named(approval, &standing.release));
    }
    for (_, name, status) in stuck {
        let what = if *status == Status::Failed { "failed" } else { "was cancelled" };
        sentence = next(sentence).and_text(&format!("{name}, which {what}"));
    }
    sentence
}
