//! The life of one run: queued, claimed, carried on, ended.
//!
//! Each step is a function from a snapshot to a [`Transaction`]. A run has exactly one status
//! marker; a step deletes the old one, requires that it is still there as it was read, and writes
//! the new one. So of two processes that want the same run one wins, and the other is told.
//!
//! ```text
//! queue ──► pending ──claim──► running ──complete──► complete
//!              ▲                 │  │
//!           (inputs)          pause  └────fail─────► failed ──retry──► failed_retried
//!              │                 ▼                                     (and a new pending run)
//!              └───────────── paused
//! ```

use serde_json::{Map, Value};

use crate::documents::{
    Function, FunctionDef, Inputs, Intent, Log, Marker, Run, RunType, Status, Task, body_type,
};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::names::{self, NameError};
use crate::outdated;
use crate::ready::{self, Readiness};
use crate::refs::{Ref, RefError};
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot, Unmet, unmet};
use crate::times;
use crate::transaction::{Edit, Transaction};

/// Why a step of a run cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Somebody else has it, or it is not in a status from which the step can be taken.
    #[error("{run} is {status}, so it cannot be started or carried on here", status = .status.as_str())]
    Taken {
        /// The run.
        run: Ref,
        /// Where it stands.
        status: Status,
    },
    /// Its document is missing or is no run.
    #[error("{0} is not a run, or its document cannot be read; `ocuroot state check` says more")]
    Unreadable(Ref),
    /// It waits for something.
    #[error("{0} is not ready: its inputs or dependencies are not there yet")]
    NotReady(Ref),
    /// Nothing is deployed there now.
    #[error("{run} does not start: {freeze}")]
    Frozen {
        /// The run.
        run: Ref,
        /// Why.
        freeze: Box<Freeze>,
    },
    /// Something newer is there.
    #[error("{run} does not start: {newer} is newer, and there")]
    Outdated {
        /// The run.
        run: Ref,
        /// The newer release.
        newer: Ref,
    },
    /// A tag that is taken by a document that is no link.
    #[error("the tag {tag} of {release} cannot be set: {tag} holds a document of its own")]
    Tag {
        /// Where the tag would be.
        tag: Ref,
        /// The release to be tagged.
        release: Ref,
    },
    /// A name that no tag can have.
    #[error(transparent)]
    TagName(#[from] NameError),
    /// A name that makes no ref.
    #[error(transparent)]
    Ref(#[from] RefError),
}

unmet!(RunError => RunError, RefError => RunError, NameError => RunError);

/// What a run was claimed for.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The run.
    pub run: Ref,
    /// What it does.
    pub run_type: RunType,
    /// The release it belongs to.
    pub release: Ref,
    /// The function to call.
    pub function: FunctionDef,
    /// What to call it with: each input has its value.
    pub inputs: Inputs,
    /// What the run's functions before this one printed. Steps of a run write all of its logs, so
    /// what this function prints goes behind these.
    pub logs: Vec<Log>,
    /// Where it stood before.
    pub was: Status,
    /// The intent that the claim has changed, if it did.
    pub intent: Option<Replaced>,
}

/// A document that became another.
#[derive(Clone, Debug, PartialEq)]
pub struct Replaced {
    /// Which.
    pub at: Ref,
    /// What it was.
    pub before: Option<Document>,
    /// What it is now.
    pub after: Option<Document>,
}

/// How a function ended that did not fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// What it returned.
    pub output: Option<Map<String, Value>>,
    /// Names for the release.
    pub tags: Vec<String>,
    /// Paths whose change should release again.
    pub watch_files: Vec<String>,
}

/// The document of a run.
///
/// # Errors
/// What must be loaded, or [`RunError::Unreadable`].
pub fn read(snapshot: &Snapshot, run: &Ref) -> Result<Run, Unmet<RunError>> {
    snapshot.get(run)?.and_then(Document::read::<Run>).ok_or_else(|| RunError::Unreadable(run.clone()).into())
}

/// Adds a run to `edit`, pending, as the next attempt at `place`. Returns its ref.
///
/// # Errors
/// What must be loaded.
pub(crate) fn queue(
    edit: &mut Edit<'_>,
    existing: &[RunEntry],
    place: &Ref,
    run_type: RunType,
    function: Function,
    facts: &Facts,
) -> Result<Ref, Unmet<RunError>> {
    let number = existing.iter().map(|run| run.number).max().unwrap_or(0) + 1;
    let reference = place.child(&number.to_string())?;
    let run = Run {
        run_type: Some(run_type),
        release: place.release_ref(),
        functions: vec![function],
        output: None,
        watch_files: None,
        override_freeze: None,
        extra: Map::new(),
    };
    edit.put_body(&reference, body_type::RUN, &run)?;
    let status = status_ref(&reference, Status::Pending)?;
    edit.put_body(&status, body_type::MARKER, &facts.marker())?;
    Ok(reference)
}

/// The ref of a run's marker for `status`.
///
/// # Errors
/// When the ref would be too long.
pub fn status_ref(run: &Ref, status: Status) -> Result<Ref, RefError> {
    run.child(&format!("status/{}", status.as_str()))
}

/// Replaces the status marker of a run.
fn set_status(
    edit: &mut Edit<'_>,
    entry: &RunEntry,
    to: Status,
    facts: &Facts,
) -> Result<(), Unmet<RunError>> {
    let began = edit.get(&status_ref(&entry.reference, Status::Running)?)?.and_then(Document::read::<Marker>);
    for old in &entry.statuses {
        if *old != to {
            edit.delete(&status_ref(&entry.reference, *old)?)?;
        }
    }
    let mut marker = if to == Status::Running { facts.running() } else { facts.marker() };
    if entry.status() == Status::Running && !matches!(to, Status::Pending | Status::Paused) {
        marker.started = began.map(|began| began.started.unwrap_or(began.time));
    }
    edit.put_body(&status_ref(&entry.reference, to)?, body_type::MARKER, &marker)?;
    Ok(())
}

fn entry_of(snapshot: &Snapshot, run: &Ref) -> Result<RunEntry, Unmet<RunError>> {
    runs::find(snapshot, run)?.ok_or_else(|| RunError::Unreadable(run.clone()).into())
}

/// Claims a pending or paused run that is ready: from now on this process executes it. Its inputs'
/// values are recorded, and for the first function of a deployment the intent becomes what is
/// about to be deployed (or nothing, when it is being taken down).
///
/// # Errors
/// What must be loaded, or why it cannot be claimed.
pub fn claim(
    snapshot: &Snapshot,
    run: &Ref,
    facts: &Facts,
) -> Result<(Transaction, Claimed), Unmet<RunError>> {
    let entry = entry_of(snapshot, run)?;
    if !matches!(entry.status(), Status::Pending | Status::Paused) {
        return Err(RunError::Taken { run: run.clone(), status: entry.status() }.into());
    }
    let mut body = read(snapshot, run)?;
    let run_type = body.run_type.unwrap_or(entry.default_type());
    let first = body.functions.len() == 1;
    let starts_deploy = freeze::starts_deploy(&entry, &body);
    let held = freeze::holds(snapshot, &entry, &body, facts);
    if facts.in_order
        && let Some(newer) = outdated::holds(snapshot, &entry, &body)?
    {
        return Err(RunError::Outdated { run: run.clone(), newer }.into());
    }
    let Some(function) = body.functions.last_mut() else {
        return Err(RunError::Unreadable(run.clone()).into());
    };
    let Readiness::Ready(inputs) = ready::check(snapshot, function)? else {
        return Err(RunError::NotReady(run.clone()).into());
    };
    function.inputs.clone_from(&inputs);
    if let Some(freeze) = held? {
        let Some(why) = &facts.override_freeze else {
            return Err(RunError::Frozen { run: run.clone(), freeze: Box::new(freeze) }.into());
        };
        body.override_freeze = Some(why.clone());
    }
    let mut claimed = Claimed {
        run: run.clone(),
        run_type,
        release: body.release.clone(),
        function: function.function.clone(),
        inputs: inputs.clone(),
        logs: if first { Vec::new() } else { logs(snapshot, run)? },
        was: entry.status(),
        intent: None,
    };
    let mut edit = Edit::new(snapshot, format!("run {run} running"));
    edit.put_body(run, body_type::RUN_STARTED, &body)?;
    if starts_deploy {
        // Whoever freezes at this moment is not overtaken.
        freeze::require_unchanged(&mut edit, entry.name())?;
        let intent = current(&entry.place)?.to_intent();
        if run_type == RunType::Down {
            edit.delete(&intent)?;
        } else {
            let extra = edit.get(&intent)?.and_then(Document::read::<Intent>).map(|old| old.extra);
            let extra = extra.unwrap_or_default();
            let wanted = Intent { release: body.release.clone(), input: inputs, extra };
            edit.put_body(&intent, body_type::INTENT, &wanted)?;
        }
        let (before, after) = (snapshot.get(&intent)?.cloned(), edit.get(&intent)?.cloned());
        claimed.intent = Some(Replaced { at: intent, before, after });
    }
    set_status(&mut edit, &entry, Status::Running, facts)?;
    Ok((edit.finish(), claimed))
}

/// Gives back a run that was claimed and not begun: it stands where it stood, for anybody to claim, and
/// so does the intent, unless somebody has changed it meanwhile.
///
/// # Errors
/// What must be loaded, or [`RunError::Taken`] when it does not run any more.
pub fn give_back(
    snapshot: &Snapshot,
    claimed: &Claimed,
    facts: &Facts,
) -> Result<Transaction, Unmet<RunError>> {
    let entry = running(snapshot, &claimed.run)?;
    let mut edit = Edit::new(snapshot, format!("run {} given back", claimed.run));
    if let Some(Replaced { at, before, after }) = &claimed.intent
        && edit.get(at)? == after.as_ref()
    {
        match before {
            Some(before) => edit.put(at, before.clone())?,
            None => edit.delete(at)?,
        }
    }
    set_status(&mut edit, &entry, claimed.was, facts)?;
    Ok(edit.finish())
}

/// What a run has printed so far, as it is stored.
///
/// # Errors
/// What must be loaded.
pub fn logs(snapshot: &Snapshot, run: &Ref) -> Result<Vec<Log>, Unmet<RunError>> {
    let logs = snapshot.get(&run.child("logs")?)?;
    Ok(logs.and_then(Document::read::<Option<Vec<Log>>>).flatten().unwrap_or_default())
}

/// `…/@/deploy/prod` for `…/@r4/deploy/prod`.
fn current(place: &Ref) -> Result<Ref, Unmet<RunError>> {
    Ok(place.with_release("")?)
}

/// Records what a running run has printed so far, and that it is still alive.
///
/// # Errors
/// What must be loaded, or [`RunError::Taken`] when it does not run any more.
pub fn progress(
    snapshot: &Snapshot,
    run: &Ref,
    logs: &[Log],
    facts: &Facts,
) -> Result<Transaction, Unmet<RunError>> {
    let entry = running(snapshot, run)?;
    let mut edit = Edit::new(snapshot, format!("run {run} logs"));
    put_logs(&mut edit, run, logs)?;
    let marker = status_ref(run, Status::Running)?;
    let mut body = edit
        .get(&marker)?
        .and_then(Document::read::<crate::documents::Marker>)
        .unwrap_or_else(|| facts.running());
    body.heartbeat = Some(facts.now.clone());
    edit.put_body(&status_ref(&entry.reference, Status::Running)?, body_type::MARKER, &body)?;
    Ok(edit.finish())
}

fn running(snapshot: &Snapshot, run: &Ref) -> Result<RunEntry, Unmet<RunError>> {
    let entry = entry_of(snapshot, run)?;
    if entry.status() == Status::Running {
        Ok(entry)
    } else {
        Err(RunError::Taken { run: run.clone(), status: entry.status() }.into())
    }
}

fn put_logs(edit: &mut Edit<'_>, run: &Ref, logs: &[Log]) -> Result<(), Unmet<RunError>> {
    let at = run.child("logs")?;
    if logs.is_empty() {
        edit.put_body(&at, body_type::LOGS, &Value::Null)?;
    } else {
        edit.put_body(&at, body_type::LOGS, &crate::logs::bounded(logs))?;
    }
    Ok(())
}

/// Carries a running run on with another function. With all inputs there the run goes on in this
/// process and the claim for the new function comes back; else it is paused until they exist.
///
/// # Errors
/// What must be loaded, or [`RunError::Taken`] when it does not run any more.
pub fn next(
    snapshot: &Snapshot,
    run: &Ref,
    function: FunctionDef,
    inputs: Inputs,
    logs: &[Log],
    facts: &Facts,
) -> Result<(Transaction, Option<Claimed>), Unmet<RunError>> {
    let entry = running(snapshot, run)?;
    let mut body = read(snapshot, run)?;
    let mut function = Function { function, dependencies: Vec::new(), inputs, extra: Map::new() };
    let readiness = ready::check(snapshot, &function)?;
    let claimed = if let Readiness::Ready(inputs) = readiness {
        function.inputs.clone_from(&inputs);
        Some(Claimed {
            run: run.clone(),
            run_type: body.run_type.unwrap_or(entry.default_type()),
            release: body.release.clone(),
            function: function.function.clone(),
            inputs,
            logs: logs.to_vec(),
            was: Status::Paused,
            intent: None,
        })
    } else {
        None
    };
    body.functions.push(function);
    let to = if claimed.is_some() { Status::Running } else { Status::Paused };
    let mut edit = Edit::new(snapshot, format!("run {run} {}", to.as_str()));
    edit.put_body(run, body_type::RUN_STARTED, &body)?;
    put_logs(&mut edit, run, logs)?;
    set_status(&mut edit, &entry, to, facts)?;
    Ok((edit.finish(), claimed))
}

/// Ends a running run with an error; `logs` end with its message.
///
/// # Errors
/// What must be loaded, or [`RunError::Taken`] when it does not run any more.
pub fn fail(
    snapshot: &Snapshot,
    run: &Ref,
    logs: &[Log],
    facts: &Facts,
) -> Result<Transaction, Unmet<RunError>> {
    let entry = running(snapshot, run)?;
    let mut edit = Edit::new(snapshot, format!("run {run} failed"));
    put_logs(&mut edit, run, logs)?;
    set_status(&mut edit, &entry, Status::Failed, facts)?;
    Ok(edit.finish())
}

/// Ends a running run well: its output and watch files, the Task, the tags of the release, and the
/// current Task (`…/@/task/<name>`), or for a run that took a deployment down its end.
///
/// # Errors
/// What must be loaded, [`RunError::Taken`] when it does not run any more, or for a bad tag
/// [`RunError::TagName`] and [`RunError::Tag`]: then nothing has happened, and the run should be
/// failed.
pub fn complete(
    snapshot: &Snapshot,
    run: &Ref,
    completion: &Completion,
    logs: &[Log],
    facts: &Facts,
) -> Result<Transaction, Unmet<RunError>> {
    let entry = running(snapshot, run)?;
    let mut body = read(snapshot, run)?;
    let run_type = body.run_type.unwrap_or(entry.default_type());
    let mut edit = Edit::new(snapshot, format!("run {run} complete"));
    for tag in &completion.tags {
        names::tag(tag)?;
        let tag = body.release.with_release(tag)?;
        if !edit.link(&tag, &body.release)? {
            return Err(RunError::Tag { tag, release: body.release }.into());
        }
    }
    body.output.clone_from(&completion.output);
    body.watch_files = (!completion.watch_files.is_empty()).then(|| completion.watch_files.clone());
    let task = Task {
        run_ref: run.clone(),
        run_type: Some(run_type),
        release: body.release.clone(),
        input: body.functions.first().map(|function| function.inputs.clone()).unwrap_or_default(),
        output: body.output.clone(),
        extra: Map::new(),
    };
    edit.put_body(run, body_type::RUN_STARTED, &body)?;
    edit.put_body(&entry.place, body_type::TASK, &task)?;
    let current = current(&entry.place)?;
    if run_type == RunType::Down {
        edit.delete(&current)?;
    } else {
        edit.link(&current, &entry.place)?;
        if entry.is_deploy() && overtaken(snapshot, &entry, &current)? {
            let wanted = Intent { release: task.release, input: task.input, extra: Map::new() };
            edit.put_body(&current.to_intent(), body_type::INTENT, &wanted)?;
        }
    }
    put_logs(&mut edit, run, logs)?;
    set_status(&mut edit, &entry, Status::Complete, facts)?;
    Ok(edit.finish())
}

/// Whether another release was deployed to where this run deploys, from its beginning to its end, while
/// this one executes: then intent names what is gone, because it was claimed later and ended sooner.
/// What a person has set meanwhile is no deployment, and stays.
fn overtaken(snapshot: &Snapshot, entry: &RunEntry, current: &Ref) -> Result<bool, Unmet<RunError>> {
    let Some(intent) = snapshot.get(&current.to_intent())?.and_then(Document::read::<Intent>) else {
        return Ok(false);
    };
    if intent.release == entry.release() || intent.release.package() != current.package() {
        return Ok(false);
    }
    let time = |at: Ref| -> Result<Option<jiff::Timestamp>, Needs> {
        let marker = snapshot.get(&at)?.and_then(Document::read::<Marker>);
        Ok(marker.and_then(|marker| times::parse(&marker.started.unwrap_or(marker.time))))
    };
    let began = time(status_ref(&entry.reference, Status::Running)?)?;
    let place = intent.release.child(&format!("deploy/{}", entry.name()))?;
    for other in runs::of_place(snapshot, &place)?.iter().rev() {
        if other.status() == Status::Complete {
            let theirs = time(status_ref(&other.reference, Status::Complete)?)?;
            return Ok(matches!((began, theirs), (Some(began), Some(theirs)) if theirs >= began));
        }
        if other.status().is_open() {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Moves a run that has not ended to a status that ends it: `cancelled`, or `failed_retried` for
/// one that failed.
pub(crate) fn end(
    edit: &mut Edit<'_>,
    entry: &RunEntry,
    to: Status,
    facts: &Facts,
) -> Result<(), Unmet<RunError>> {
    set_status(edit, entry, to, facts)
}

/// The ready runs among `candidates`, claimed together in one transaction. Where [`Facts::in_order`] says
/// so, those that a newer release has [overtaken](crate::outdated) are cancelled in it.
///
/// # Errors
/// What must be loaded.
pub fn claim_ready(
    snapshot: &Snapshot,
    candidates: &[RunEntry],
    most: usize,
    facts: &Facts,
) -> Result<(Transaction, Vec<Claimed>), Needs> {
    let mut transaction = Transaction::default();
    let mut claimed: Vec<Claimed> = Vec::new();
    let mut needs = Needs::default();
    let mut here = None::<Snapshot>;
    for entry in candidates {
        if claimed.len() >= most {
            break;
        }
        match claim(here.as_ref().unwrap_or(snapshot), &entry.reference, facts) {
            Ok((step, claim)) => {
                here = Some(here.as_ref().unwrap_or(snapshot).with(&step));
                transaction = std::mem::take(&mut transaction).then(step);
                claimed.push(claim);
            }
            Err(Unmet::Needs(more)) => needs.merge(more),
            // Its time is over: a newer release is there.
            Err(Unmet::Error(RunError::Outdated { .. })) => {
                let before = here.as_ref().unwrap_or(snapshot);
                let mut edit = Edit::new(before, format!("run {} cancelled", entry.reference));
                match end(&mut edit, entry, Status::Cancelled, facts) {
                    Ok(()) => {
                        let step = edit.finish();
                        here = Some(before.with(&step));
                        transaction = std::mem::take(&mut transaction).then(step);
                    }
                    Err(Unmet::Needs(more)) => needs.merge(more),
                    Err(Unmet::Error(_)) => {}
                }
            }
            Err(Unmet::Error(_)) => {}
        }
    }
    needs.settle((transaction, claimed))
}
