//! What happens to a release as a whole: it is made, retried, cancelled.
//!
//! A release is one package at one commit. Making it writes the release, a marker that ties it to
//! its commit, and a first pending run for every task and deployment; from then on runs move by
//! themselves (see [`crate::run`]).

use serde_json::Map;

use crate::documents::{Function, Marker, Package, Release, Status, Work, body_type};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::order::Order as _;
use crate::refs::{Ref, RefError};
use crate::resolve::{self, LinkCycle};
use crate::run::{self, RunError};
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot, Unmet, lift, unmet};
use crate::times;
use crate::transaction::{Edit, Transaction};

/// Why something cannot be done to a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There is a release of this commit already.
    #[error("commit {commit} is released already: {}", .releases.iter().map(Ref::as_str).collect::<Vec<_>>().join(", "))]
    Released {
        /// The source commit.
        commit: String,
        /// Its releases.
        releases: Vec<Ref>,
    },
    /// Its document is none.
    #[error(
        "{release} cannot be read ({problem}): put the file right by hand, or delete it; `ocuroot state check` lists all such"
    )]
    Broken {
        /// The release.
        release: Ref,
        /// Why it is none.
        problem: String,
    },
    /// Its number is taken.
    #[error("{0} exists already; the next release needs a number of its own")]
    Exists(Ref),
    /// No such release.
    #[error("there is no release {0}")]
    Unknown(Ref),
    /// Nothing in it has failed.
    #[error("nothing to retry: no run of {0} has failed")]
    NothingFailed(Ref),
    /// Nothing in it could still start.
    #[error("nothing to cancel: no run of {0} is pending or paused")]
    NothingToCancel(Ref),
    /// A step of one of its runs cannot be taken.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its ref leads in a circle.
    #[error(transparent)]
    Links(#[from] LinkCycle),
    /// A name that makes no ref.
    #[error(transparent)]
    Ref(#[from] RefError),
}

lift!(RunError => ReleaseError, LinkCycle => ReleaseError);
unmet!(ReleaseError => ReleaseError, RunError => ReleaseError, RefError => ReleaseError);

/// The source commit of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Full hash.
    pub hash: String,
    /// First line of its message.
    pub subject: String,
    /// Name of its author; no address.
    pub author: String,
}

/// The releases of `package` that were made from the commit `hash`, by number.
///
/// # Errors
/// What must be loaded.
pub fn of_commit(snapshot: &Snapshot, package: &Ref, hash: &str) -> Result<Vec<Ref>, Needs> {
    let pattern = format!("{}/@?*/commit/{}", Glob::escape(package.as_str()), Glob::escape(hash));
    let Ok(glob) = Glob::new(&pattern) else { return Ok(Vec::new()) };
    let mut releases: Vec<Ref> = snapshot.search(&glob)?.iter().map(Ref::release_ref).collect();
    releases.order_by_key(Ref::release_number);
    Ok(releases)
}

/// The number that the next release of `package` gets.
///
/// # Errors
/// What must be loaded.
pub fn next_number(snapshot: &Snapshot, package: &Ref) -> Result<u64, Needs> {
    let newest = resolve::newest_release(snapshot, package)?;
    Ok(newest.and_then(|newest| newest.release_number()).unwrap_or(0).saturating_add(1))
}

/// Makes the release `release` (`…/@r<N>`, a number that is free) of `commit`, with a pending run
/// for each task and deployment of `package`.
///
/// # Errors
/// What must be loaded, or [`ReleaseError::Exists`]. A number that somebody else takes meanwhile
/// shows as a conflict when the transaction is carried out.
pub fn create(
    snapshot: &Snapshot,
    release: &Ref,
    commit: &Commit,
    package: Package,
    facts: &Facts,
) -> Result<Transaction, Unmet<ReleaseError>> {
    if snapshot.blob(release)?.is_some() {
        return Err(ReleaseError::Exists(release.clone()).into());
    }
    let mut edit = Edit::new(snapshot, format!("release {release}"));
    for (phase, work) in package.works() {
        let place = release.child(&work.place())?;
        let (function, inputs) = work.first_function();
        let function = Function {
            function: function.clone(),
            dependencies: dependencies(release, &package, phase),
            inputs: inputs.clone(),
            extra: Map::new(),
        };
        run::queue(&mut edit, &[], &place, work.run_type(), function, facts)?;
    }
    let marker = commit_marker(commit, facts);
    edit.put_body(&release.child(&format!("commit/{}", commit.hash))?, body_type::MARKER, &marker)?;
    let body = Release { commit: commit.hash.clone(), package, extra: Map::new() };
    edit.put_body(release, body_type::RELEASE, &body)?;
    Ok(edit.finish())
}

fn commit_marker(commit: &Commit, facts: &Facts) -> Marker {
    let mut marker = facts.marker();
    for (key, value) in [("subject", &commit.subject), ("author", &commit.author)] {
        if !value.is_empty() {
            marker.extra.insert(key.to_owned(), value.as_str().into());
        }
    }
    marker
}

/// What a run of a phase waits for: each task of the phase before to have completed once. A phase
/// may be empty, for want of environments; then the one before it counts, since order must hold.
pub(crate) fn dependencies(release: &Ref, package: &Package, phase: usize) -> Vec<String> {
    let before = package.phases.iter().take(phase).rev().find(|before| !before.tasks.is_empty());
    let dependency = |work: &Work| literal(&format!("{release}/{}", work.place())) + "/*/status/complete";
    before.map(|phase| phase.tasks.iter().map(dependency).collect()).unwrap_or_default()
}

/// `text` as a pattern that matches just itself and still parses as a ref: a `\\` could not stand in
/// one, so what means something in a pattern stands in a class of its own.
pub(crate) fn literal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut pattern, c| {
        match c {
            '*' | '?' | '[' | '{' => pattern.extend(['[', c, ']']),
            _ => pattern.push(c),
        }
        pattern
    })
}

/// A release's document, found by number or tag, and its canonical ref.
///
/// # Errors
/// What must be loaded, or [`ReleaseError::Unknown`].
pub fn read(snapshot: &Snapshot, reference: &Ref) -> Result<(Ref, Release), Unmet<ReleaseError>> {
    let wanted = reference.release_ref().to_state();
    if let Some(problem) = snapshot.problem(&wanted)? {
        return Err(ReleaseError::Broken { release: wanted, problem: problem.to_string() }.into());
    }
    let found = resolve::document(snapshot, &wanted)?;
    found
        .and_then(|found| Some((found.reference, found.document.read::<Release>()?)))
        .ok_or_else(|| ReleaseError::Unknown(wanted).into())
}

/// Retries what failed: each failed run becomes `failed_retried`, and a new run with the same first
/// function and inputs is queued. Returns the new runs.
///
/// A task or deployment gets one new run, whatever failed of it before; and none where a later run
/// is open or complete, which has taken over already.
///
/// # Errors
/// What must be loaded, or [`ReleaseError::NothingFailed`].
pub fn retry(
    snapshot: &Snapshot,
    release: &Ref,
    facts: &Facts,
) -> Result<(Transaction, Vec<Ref>), Unmet<ReleaseError>> {
    let all = runs::of_release(snapshot, release)?;
    let mut edit = Edit::new(snapshot, format!("retry {release}"));
    let mut queued = Vec::new();
    let mut needs = Needs::default();
    if !all.iter().any(|entry| entry.status() == Status::Failed) {
        return Err(ReleaseError::NothingFailed(release.clone()).into());
    }
    for entry in all.iter().filter(|entry| entry.status() == Status::Failed) {
        if is_taken_over(&all, entry) {
            needs.take_unmet(run::end(&mut edit, entry, Status::FailedRetried, facts))?;
            continue;
        }
        queued.extend(needs.take_unmet(again(snapshot, &mut edit, &all, entry, facts))?.flatten());
    }
    Ok(needs.settle((edit.finish(), queued))?)
}

/// Whether a later one of `all` does what the run `entry` was to do.
fn is_taken_over(all: &[RunEntry], entry: &RunEntry) -> bool {
    let later = |other: &&RunEntry| other.place == entry.place && other.number > entry.number;
    let taken_over = |other: &RunEntry| {
        other.status().is_open() || matches!(other.status(), Status::Complete | Status::Failed)
    };
    all.iter().filter(later).any(taken_over)
}

/// The run `entry`, one of `all`, has had its chance: queues another with the same first function and
/// inputs. None where its document has no function.
fn again(
    snapshot: &Snapshot,
    edit: &mut Edit<'_>,
    all: &[RunEntry],
    entry: &RunEntry,
    facts: &Facts,
) -> Result<Option<Ref>, Unmet<RunError>> {
    let body = run::read(snapshot, &entry.reference)?;
    let Some(first) = body.functions.first() else { return Ok(None) };
    run::end(edit, entry, Status::FailedRetried, facts)?;
    let siblings: Vec<_> = all.iter().filter(|other| other.place == entry.place).cloned().collect();
    let run_type = body.run_type.unwrap_or(entry.default_type());
    run::queue(edit, &siblings, &entry.place, run_type, first.clone(), facts).map(Some)
}

/// A run that was stale, and the one that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenUp {
    /// What nobody executed any more.
    pub stale: Ref,
    /// The new run.
    pub queued: Ref,
}

/// Retries every stale run of the stores, see [`is_stale`], and nothing that has failed by itself.
///
/// # Errors
/// What must be loaded, or that a run cannot be read.
pub fn retry_stale(
    snapshot: &Snapshot,
    deadline: jiff::Timestamp,
    facts: &Facts,
) -> Result<(Transaction, Vec<TakenUp>), Unmet<ReleaseError>> {
    let mut edit = Edit::new(snapshot, "retry what was left running");
    let mut needs = Needs::default();
    let mut retried = Vec::new();
    for stale in stale_runs(snapshot, deadline)? {
        let Some(Some(entry)) = needs.take(runs::find(snapshot, &stale)) else { continue };
        let Some(all) = needs.take(runs::of_place(snapshot, &entry.place)) else { continue };
        if is_taken_over(&all, &entry) {
            needs.take_unmet(run::end(&mut edit, &entry, Status::FailedRetried, facts))?;
        } else if let Some(Some(queued)) =
            needs.take_unmet(again(snapshot, &mut edit, &all, &entry, facts))?
        {
            retried.push(TakenUp { stale, queued });
        }
    }
    Ok(needs.settle((edit.finish(), retried))?)
}

/// Cancels what has not started or is paused. Returns the runs that are cancelled now.
///
/// # Errors
/// What must be loaded, or [`ReleaseError::NothingToCancel`].
pub fn cancel(
    snapshot: &Snapshot,
    release: &Ref,
    facts: &Facts,
) -> Result<(Transaction, Vec<Ref>), Unmet<ReleaseError>> {
    let mut edit = Edit::new(snapshot, format!("cancel {release}"));
    let mut cancelled = Vec::new();
    let mut needs = Needs::default();
    for entry in runs::of_release(snapshot, release)? {
        if matches!(entry.status(), Status::Pending | Status::Paused) {
            needs.take_unmet(run::end(&mut edit, &entry, Status::Cancelled, facts))?;
            cancelled.push(entry.reference);
        }
    }
    needs.settle(())?;
    if cancelled.is_empty() {
        return Err(ReleaseError::NothingToCancel(release.clone()).into());
    }
    Ok((edit.finish(), cancelled))
}

/// Ends every run of `release` that is left `running` by a process whose last heartbeat is older
/// than `deadline`: it becomes `failed`, so that a retry takes it up. Returns those runs.
///
/// # Errors
/// What must be loaded.
pub fn fail_stale(
    snapshot: &Snapshot,
    release: &Ref,
    deadline: jiff::Timestamp,
    facts: &Facts,
) -> Result<(Transaction, Vec<Ref>), Unmet<ReleaseError>> {
    let mut edit = Edit::new(snapshot, format!("stale runs of {release} failed"));
    let mut failed = Vec::new();
    let mut needs = Needs::default();
    for entry in runs::of_release(snapshot, release)? {
        if needs.take(is_stale(snapshot, &entry, deadline)) == Some(true) {
            needs.take_unmet(run::end(&mut edit, &entry, Status::Failed, facts))?;
            failed.push(entry.reference);
        }
    }
    needs.settle(())?;
    Ok((edit.finish(), failed))
}

/// The runs of a store that are stale, see [`is_stale`].
///
/// # Errors
/// What must be loaded.
pub fn stale_runs(snapshot: &Snapshot, deadline: jiff::Timestamp) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut stale = Vec::new();
    for entry in runs::running(snapshot)? {
        if needs.take(is_stale(snapshot, &entry, deadline)) == Some(true) {
            stale.push(entry.reference);
        }
    }
    needs.settle(stale)
}

/// Whether a run is `running` by its marker, but its process has not been heard of since before
/// `deadline` (now less the lease, spec: documents).
///
/// # Errors
/// What must be loaded.
pub fn is_stale(snapshot: &Snapshot, entry: &RunEntry, deadline: jiff::Timestamp) -> Result<bool, Needs> {
    if entry.status() != Status::Running {
        return Ok(false);
    }
    let Ok(marker) = run::status_ref(&entry.reference, Status::Running) else { return Ok(false) };
    let marker = snapshot.get(&marker)?.and_then(Document::read::<Marker>).unwrap_or_default();
    let last = marker.heartbeat.unwrap_or(marker.time);
    // A time that cannot be read was not written by a process that is still alive.
    Ok(times::parse(&last).is_none_or(|last| last < deadline))
}
