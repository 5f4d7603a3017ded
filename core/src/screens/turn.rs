//! Whose turn it is: where a run stands that has not started, or has begun and waits.
//!
//! A status says too little of such a run: its phase may not have been reached, a person may have to set
//! something, a freeze may hold it, or nothing but a worker may be missing. That is decided here and
//! nowhere else, of what the run asks for and is not there:
//!
//! | what is missing | in a word |
//! | --- | --- |
//! | something of an earlier phase that is on its way | pending; of what has begun, waiting |
//! | custom state that somebody must set, whatever else | needs approval |
//! | something of an earlier phase that failed or was cancelled | pending; of what has begun, waiting |
//! | anything else: what another package makes, an environment, intent that is not applied | waiting |
//! | nothing, but a freeze is in force | frozen |
//! | nothing | queued |
//!
//! The first row that is so counts. So a person is asked for only where somebody can act now: nobody has
//! to approve a third phase while the first one runs. Where the phase before has failed nothing is on its
//! way any more, and both to approve and to retry is up to somebody.
//!
//! [`of_run`] reads documents. A summary tells the same with none, as far as it goes: it leaves out
//! environments and what cannot be read, names three things at most, and knows of other packages what is
//! deployed, not with which outputs. Screens that are drawn from summaries ask `of_open`.
//!
//! ```
//! use ocuroot_core::documents::{Run, body_type};
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::facts::Facts;
//! use ocuroot_core::runs;
//! use ocuroot_core::screens::{Word, turn};
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let run = |after: &str| serde_json::json!({"type": "up", "release": "s/-/p/@r4", "functions": [{
//!     "fn": {"name": "up", "pos": "p:1:1"},
//!     "dependencies": [format!("s/-/p/@r4/task/{after}/*/status/complete")],
//!     "inputs": {"approve": {"ref": "s/-/p/@r4/custom/approve"}},
//! }]});
//! let mut snapshot = Snapshot::empty();
//! for (at, body) in [
//!     ("s/-/p/@r4/task/build/1", serde_json::json!({})),
//!     ("s/-/p/@r4/task/build/1/status/complete", serde_json::json!({})),
//!     ("s/-/p/@r4/task/soak/1", serde_json::json!({})),
//!     ("s/-/p/@r4/deploy/qa/1", run("build")),
//!     ("s/-/p/@r4/deploy/prod/1", run("soak")),
//! ] {
//!     snapshot.put(&at.parse()?, Document::new("", &body));
//! }
//! let word = |place: &str| {
//!     let entry = runs::of_place(&snapshot, &place.parse().unwrap()).unwrap().pop().unwrap();
//!     let run = snapshot.get(&entry.reference).unwrap().unwrap().read::<Run>();
//!     turn::of_run(&snapshot, &entry, run.as_ref(), &Facts::at("2026-02-01T00:00:00Z")).unwrap().word
//! };
//! assert_eq!(word("s/-/p/@r4/deploy/qa"), Word::NeedsApproval);
//! assert_eq!(word("s/-/p/@r4/deploy/prod"), Word::Pending);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::standing::{Depth, Look};
use super::status::Word;
use crate::documents::{Run, Status};
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::intent;
use crate::ready;
use crate::refs::{Kind, Marker, Ref};
use crate::resolve;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{Open, ReleaseSummary};
use crate::why;

/// Where a run stands, and what decides it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// In a word.
    pub word: Word,
    /// Custom state that somebody must set. None where nobody can act yet.
    pub approvals: Vec<Ref>,
    /// Whether to set it is all that it waits for.
    pub alone: bool,
    /// The tasks and deployments before it that failed or were cancelled.
    pub stuck: Vec<(Ref, Status)>,
    /// What it waits for that neither an earlier phase nor a person makes.
    pub others: Vec<Ref>,
    /// The freeze that holds it, where nothing else does.
    pub freeze: Option<Freeze>,
}

/// Something that a run asks for and that is not there.
enum Missing {
    /// Something of an earlier phase, that is on its way or nobody has begun with.
    Before,
    /// Something of an earlier phase that has ended, and not well.
    Stuck(Ref, Status),
    /// Custom state that somebody must set.
    Approval(Ref),
    /// Anything else, with what it is where a ref says so.
    Other(Option<Ref>),
}

impl Turn {
    /// That of what does not wait, or of which nobody knows for what.
    #[must_use]
    pub fn plain(word: Word) -> Turn {
        let (approvals, stuck, others) = (Vec::new(), Vec::new(), Vec::new());
        Turn { word, approvals, alone: false, stuck, others, freeze: None }
    }

    /// The rule, but for freezes.
    fn of(status: Status, missing: Vec<Missing>) -> Turn {
        let mut turn = Turn::plain(Word::Queued);
        let (mut before, mut other) = (false, false);
        for one in missing {
            match one {
                Missing::Before => before = true,
                Missing::Stuck(place, status) => turn.stuck.push((place, status)),
                Missing::Approval(custom) if turn.approvals.contains(&custom) => {}
                Missing::Approval(custom) => turn.approvals.push(custom),
                Missing::Other(at) => {
                    other = true;
                    turn.others.extend(at.filter(|at| !turn.others.contains(at)));
                }
            }
        }
        if before {
            return Turn { stuck: turn.stuck, ..Turn::plain(status.into()) };
        }
        turn.alone = !turn.approvals.is_empty() && turn.stuck.is_empty() && !other;
        turn.word = match (turn.approvals.is_empty(), turn.stuck.is_empty(), other) {
            (false, _, _) => Word::NeedsApproval,
            (true, false, _) => status.into(),
            (true, true, true) => Word::Waiting,
            (true, true, false) => Word::Queued,
        };
        turn
    }

    /// Held by `freeze`, if it could start.
    fn unless(self, freeze: Option<Freeze>) -> Turn {
        let word = if freeze.is_some() { Word::Frozen } else { self.word };
        Turn { word, freeze, ..self }
    }
}

/// Where the run at `entry` stands; `run` is its document, none where it cannot be read. What has started
/// or ended stands as [`why::word`] says.
///
/// # Errors
/// What must be loaded. Inputs are not looked at before the run's phase is reached.
pub fn of_run(
    snapshot: &Snapshot,
    entry: &RunEntry,
    run: Option<&Run>,
    facts: &Facts,
) -> Result<Turn, Needs> {
    let status = entry.status();
    if !waits(status) {
        return Ok(Turn::plain(why::word(snapshot, entry, facts)?));
    }
    let Some((run, function)) = run.and_then(|run| Some((run, run.functions.last()?))) else {
        return Ok(Turn::plain(Word::Waiting));
    };
    let mut needs = Needs::default();
    let mut missing = Vec::new();
    for dependency in &function.dependencies {
        if needs.take(ready::holds(snapshot, dependency)) == Some(false) {
            missing.extend(needs.take(before(snapshot, dependency)));
        }
    }
    let mut needs = needs.settle(Needs::default())?;
    if !missing.iter().any(|one| matches!(one, Missing::Before)) {
        for input in function.inputs.values() {
            if needs.take(resolve::input(snapshot, input)) == Some(None) {
                let source = input.source.as_deref().and_then(|source| source.parse().ok());
                missing.extend(needs.take(unset(snapshot, source, Depth::Whole)));
            }
        }
    }
    needs.settle(())?;
    let turn = Turn::of(status, missing);
    if turn.word != Word::Queued || facts.override_freeze.is_some() {
        return Ok(turn);
    }
    Ok(turn.unless(freeze::holds(snapshot, entry, run, facts)?))
}

/// Where what is `open` at `at`, a task or deployment of `release`, stands, by its summary: at a first
/// look without freezes, and as if nobody had set anything.
///
/// # Errors
/// What must be loaded: listings, no document of state.
pub(super) fn of_open(
    look: &Look<'_>,
    release: &ReleaseSummary,
    at: &Ref,
    open: &Open,
) -> Result<Turn, Needs> {
    if !waits(open.status) {
        return Ok(Turn::plain(open.status.into()));
    }
    let (dependencies, inputs): (Vec<&String>, Vec<&String>) =
        open.waits.iter().partition(|wait| ready::place_of(wait).is_some());
    let before = |dependency: &&String| {
        let Some(place) = ready::place_of(dependency) else { return Missing::Before };
        let within = place.as_str().strip_prefix(at.release_ref().as_str());
        let newest = within.and_then(|within| release.open.get(within.trim_start_matches('/')));
        ended(place, newest.map(|newest| newest.status))
    };
    let mut missing: Vec<Missing> = dependencies.iter().map(before).collect();
    let mut needs = Needs::default();
    if !missing.iter().any(|one| matches!(one, Missing::Before)) {
        for input in inputs {
            let source = input.parse::<Ref>().ok();
            let there = source.as_ref().map_or(Ok(false), |source| is_there(look, &at.package(), source));
            if needs.take(there) == Some(false) {
                missing.extend(needs.take(unset(look.snapshot, source, look.depth)));
            }
        }
    }
    needs.settle(())?;
    let turn = Turn::of(open.status, missing);
    // What has begun goes on.
    let starts = at.kind() == Some(Kind::Deploy) && open.status == Status::Pending;
    let free = look.depth == Depth::First || look.facts.override_freeze.is_some();
    if turn.word != Word::Queued || !starts || free {
        return Ok(turn);
    }
    Ok(turn.unless(freeze::of(look.snapshot, at.subpath(), &look.facts.now)?))
}

/// Whether what stands so waits for something, or somebody.
fn waits(status: Status) -> bool {
    matches!(status, Status::Pending | Status::Paused)
}

/// What is missing where `dependency` does not hold.
fn before(snapshot: &Snapshot, dependency: &str) -> Result<Missing, Needs> {
    let Some(place) = ready::place_of(dependency) else { return Ok(Missing::Before) };
    let newest = runs::of_place(snapshot, &place)?.pop();
    Ok(ended(place, newest.map(|newest| newest.status())))
}

/// What is missing where the newest run at `place` stands at `status`, and is not complete.
fn ended(place: Ref, status: Option<Status>) -> Missing {
    match status {
        Some(status @ (Status::Failed | Status::Cancelled)) => Missing::Stuck(place, status),
        _ => Missing::Before,
    }
}

/// What is missing where an input from `source` has no value.
fn unset(snapshot: &Snapshot, source: Option<Ref>, depth: Depth) -> Result<Missing, Needs> {
    let Some(source) = source.map(|source| source.document()) else { return Ok(Missing::Other(None)) };
    if source.kind() != Some(Kind::Custom) {
        return Ok(Missing::Other(Some(source)));
    }
    let applied = depth == Depth::First || !is_to_be_applied(snapshot, &source)?;
    Ok(if applied { Missing::Approval(source) } else { Missing::Other(Some(source)) })
}

/// Whether somebody has set `custom` in intent already, and it only has to be applied.
///
/// # Errors
/// What must be loaded: listings, and where both stores have it the documents.
pub(crate) fn is_to_be_applied(snapshot: &Snapshot, custom: &Ref) -> Result<bool, Needs> {
    let (state, intent) = (custom.document().to_state(), custom.document().to_intent());
    if custom.marker() == Some(Marker::Intent) || !is_listed(snapshot, &intent)? {
        return Ok(false);
    }
    Ok(!is_listed(snapshot, &state)? || intent::difference(snapshot, &state)?.is_some())
}

/// Whether something is at `at`. Mostly there is not, and the listing of its package says so: some hosts
/// call it an error to be asked for a document or a folder that is not there.
fn is_listed(snapshot: &Snapshot, at: &Ref) -> Result<bool, Needs> {
    let side = at.marker().unwrap_or(Marker::State);
    let path = at.to_state();
    snapshot.children(side, path.package().as_str())?;
    if let Some((folder, _)) = path.as_str().rsplit_once('/') {
        snapshot.children(side, folder)?;
    }
    snapshot.exists(at)
}

/// Whether what a summary says that a run of `package` waits for is there. It has looked up what lies in
/// its own package; of the others it only knows the name.
fn is_there(look: &Look<'_>, package: &Ref, wait: &Ref) -> Result<bool, Needs> {
    if wait.package() == *package && wait.marker() != Some(Marker::Intent) && !wait.is_global() {
        return Ok(false);
    }
    if wait.kind() == Some(Kind::Deploy)
        && wait.release() == Some("")
        && let Some(other) = look.summaries.get(&wait.package())
    {
        return Ok(other.live.contains_key(wait.subpath()));
    }
    match look.depth {
        Depth::Whole => look.snapshot.exists(&wait.document()),
        // What a person has to set is mostly not set yet, and what a task makes is there.
        Depth::First => Ok(wait.kind() == Some(Kind::Task)),
    }
}
