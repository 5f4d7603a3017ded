//! Whether a store is sound: what does not add up, and how it is mended.
//!
//! A store is edited by tools that crash and by people. This finds links that lead nowhere, runs
//! with no status or with two, files that are no documents, runs that nobody executes any more.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::commands;
use crate::documents::{Run, Status, body_type};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::order::Order as _;
use crate::refs::{Marker, Ref};
use crate::release;
use crate::resolve;
use crate::run;
use crate::runs;
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::transaction::{Edit, Transaction};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where: a ref, or for a file whose path is none its path below `refs/`.
    #[serde(rename = "ref")]
    pub place: String,
    /// What.
    pub problem: Problem,
    /// In words, with what to do about it.
    pub message: String,
    /// Whether `--fix` mends it: [`check`]'s transaction, or what [`crate::summary::check`] says.
    pub fixable: bool,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A link whose target is not there.
    DanglingLink,
    /// Links that lead in a circle.
    LinkCycle,
    /// A run without a status marker.
    NoStatus,
    /// A run with more than one.
    ManyStatuses,
    /// A file that is not a document, or whose body is not what its ref promises.
    Unreadable,
    /// A file at a path that is no ref, or not the ref's own spelling.
    BadPath,
    /// A run left running by a process that is gone.
    StaleRun,
    /// A summary that is missing, out of date, or of nothing ([`crate::summary::check`]).
    Summary,
}

/// Looks at every document of both stores. Returns the findings, sorted by place, and the
/// transaction that mends those that can be mended without guessing. Runs whose last heartbeat is
/// older than `deadline` count as stale.
///
/// # Errors
/// What must be loaded: in the end everything.
pub fn check(
    snapshot: &Snapshot,
    deadline: jiff::Timestamp,
    facts: &Facts,
) -> Result<(Vec<Finding>, Transaction), Needs> {
    let mut needs = Needs::default();
    let mut findings = Vec::new();
    let mut edit = Edit::new(snapshot, "mend what `state check` found");
    for side in [Marker::State, Marker::Intent] {
        for path in needs.take(paths(snapshot, side)).unwrap_or_default() {
            let reference = match path.parse::<Ref>() {
                Ok(reference) if reference.to_state().as_str() == path => reference,
                parsed => {
                    let why = match parsed {
                        Ok(means) => format!("not where {means} is stored"),
                        Err(_) => "no ref".to_owned(),
                    };
                    findings.push(Finding {
                        message: format!(
                            "refs/{path} is {why}, so nothing reads it; move the file or delete it"
                        ),
                        place: path,
                        problem: Problem::BadPath,
                        fixable: false,
                    });
                    continue;
                }
            };
            let reference = if side == Marker::Intent { reference.to_intent() } else { reference };
            needs.take(check_document(snapshot, &reference, &mut edit, &mut findings));
        }
    }
    for entry in needs.take(runs::of_store(snapshot)).unwrap_or_default() {
        needs.take(check_run(snapshot, &entry, deadline, facts, &mut edit, &mut findings));
    }
    findings.order();
    needs.settle((findings, edit.finish()))
}

/// The paths of all documents of one store.
fn paths(snapshot: &Snapshot, side: Marker) -> Result<BTreeSet<String>, Needs> {
    let mut paths = BTreeSet::new();
    snapshot.all_paths(side, &mut |path| {
        paths.insert(path.to_owned());
    })?;
    Ok(paths)
}

fn check_document(
    snapshot: &Snapshot,
    reference: &Ref,
    edit: &mut Edit<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), Needs> {
    if let Some(error) = snapshot.problem(reference)? {
        findings.push(Finding {
            place: reference.to_string(),
            problem: Problem::Unreadable,
            message: format!("{error}; put the file right by hand, or delete it"),
            fixable: false,
        });
        return Ok(());
    }
    let Some(document) = snapshot.get(reference)? else { return Ok(()) };
    let Some(target) = document.target() else { return Ok(()) };
    let target = if reference.marker() == Some(Marker::Intent) { target.to_intent() } else { target.clone() };
    // An unreadable target is there, and reported by itself.
    let found = match resolve::document(snapshot, &target) {
        Ok(found) => found.is_some(),
        Err(Unmet::Needs(needs)) => return Err(needs),
        Err(Unmet::Error(cycle)) => {
            findings.push(Finding {
                place: reference.to_string(),
                problem: Problem::LinkCycle,
                message: cycle.to_string(),
                fixable: false,
            });
            return Ok(());
        }
    };
    if !found && !snapshot.exists(&target)? {
        edit.delete(reference)?;
        findings.push(Finding {
            place: reference.to_string(),
            problem: Problem::DanglingLink,
            message: format!("links to {target}, which is not there; --fix deletes the link"),
            fixable: true,
        });
    }
    Ok(())
}

fn check_run(
    snapshot: &Snapshot,
    entry: &runs::RunEntry,
    deadline: jiff::Timestamp,
    facts: &Facts,
    edit: &mut Edit<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), Needs> {
    let place = entry.reference.to_string();
    let marker = |status| run::status_ref(&entry.reference, status);
    match entry.statuses.as_slice() {
        [] => {
            if let Ok(pending) = marker(Status::Pending) {
                edit.put_body(&pending, body_type::MARKER, &facts.marker())?;
            }
            findings.push(Finding {
                place: place.clone(),
                problem: Problem::NoStatus,
                message: "the run has no status, and counts as pending; --fix writes that down".to_owned(),
                fixable: true,
            });
        }
        [_] => {}
        many => {
            let keep = entry.status();
            for other in many.iter().filter(|status| **status != keep) {
                if let Ok(other) = marker(*other) {
                    edit.delete(&other)?;
                }
            }
            let names: Vec<&str> = many.iter().map(|status| status.as_str()).collect();
            findings.push(Finding {
                place: place.clone(),
                problem: Problem::ManyStatuses,
                message: format!(
                    "the run has {} statuses ({}); --fix keeps {keep}",
                    many.len(),
                    names.join(", ")
                ),
                fixable: true,
            });
        }
    }
    if snapshot.problem(&entry.reference)?.is_none()
        && snapshot.get(&entry.reference)?.and_then(Document::read::<Run>).is_none()
    {
        findings.push(Finding {
            place: place.clone(),
            problem: Problem::Unreadable,
            message: "the document is not a run; put the file right by hand, or delete it".to_owned(),
            fixable: false,
        });
    }
    if release::is_stale(snapshot, entry, deadline)? {
        findings.push(Finding {
            message: format!(
                "left running by a process that has not been heard of; `{}` takes it up",
                commands::retry_stale(&entry.release())
            ),
            place,
            problem: Problem::StaleRun,
            fixable: false,
        });
    }
    Ok(())
}
