//! Operations that wait to be done on a release.
//!
//! There is one, `check_envs`: environments have changed, so the release file is evaluated again,
//! and what it now deploys that has no run yet gets one (spec: work, "op check_envs"). Evaluating
//! is the caller's business; what follows from the result is decided here.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::documents::{Function, Package, Release, Run, RunType, Status, body_type};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::refs::{Marker, Ref};
use crate::release::{self, ReleaseError};
use crate::run;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, OfKind, Snapshot, Unmet};
use crate::transaction::{Edit, Transaction};

/// The operations that wait in a store, sorted: `…/@r<N>/op/check_envs`.
///
/// # Errors
/// What must be loaded.
pub fn waiting(snapshot: &Snapshot) -> Result<Vec<Ref>, Needs> {
    snapshot.of_kind(Marker::State, &OfKind::OPS)
}

/// Why the operation at `op` has to wait, if it does: an environment was deleted and is there again,
/// and the deployment to it that is being taken down has to be gone before it can be made anew.
///
/// # Errors
/// What must be loaded.
pub fn blocked(snapshot: &Snapshot, op: &Ref) -> Result<Option<String>, Needs> {
    let mut needs = Needs::default();
    let mut reason = None;
    for entry in runs::of_release(snapshot, &op.release_ref())? {
        let going = entry.is_deploy() && entry.status().is_open();
        if going && needs.take(leaves_for_another(snapshot, &entry)) == Some(true) {
            reason = reason.or(Some(format!("{} is {}", entry.reference, entry.status())));
        }
    }
    needs.settle(reason)
}

/// Whether a run takes a deployment down in an environment that exists.
fn leaves_for_another(snapshot: &Snapshot, entry: &RunEntry) -> Result<bool, Needs> {
    let run = snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
    let Ok(environment) = format!("@/environment/{}", entry.name()).parse() else { return Ok(false) };
    Ok(run.and_then(|run| run.run_type) == Some(RunType::Down) && snapshot.exists(&environment)?)
}

/// Takes up what `package`, the release file evaluated again, says: a run for each task and
/// deployment that has none yet, or whose last completed run took it down; the release's new
/// package; and the end of the operation at `op`, unless that has to be done again once what is
/// being taken down is gone ([`blocked`]). Returns the new runs.
///
/// # Errors
/// What must be loaded, or that the release is not there.
pub fn check_envs(
    snapshot: &Snapshot,
    op: &Ref,
    package: Package,
    facts: &Facts,
) -> Result<(Transaction, Vec<Ref>), Unmet<ReleaseError>> {
    let release_ref = op.release_ref();
    let (release_ref, old) = release::read(snapshot, &release_ref)?;
    let mut by_place: BTreeMap<Ref, Vec<RunEntry>> = BTreeMap::new();
    for entry in runs::of_release(snapshot, &release_ref)? {
        by_place.entry(entry.place.clone()).or_default().push(entry);
    }
    let mut edit = Edit::new(snapshot, format!("check environments of {release_ref}"));
    let mut queued = Vec::new();
    let mut needs = Needs::default();
    for (phase, work) in package.works() {
        let place = release_ref.child(&work.place())?;
        let existing = by_place.remove(&place).unwrap_or_default();
        if needs.take(wants_run(snapshot, &existing)) != Some(true) {
            continue;
        }
        let (function, inputs) = work.first_function();
        let function = Function {
            function: function.clone(),
            dependencies: release::dependencies(&release_ref, &package, phase),
            inputs: inputs.clone(),
            extra: Map::new(),
        };
        queued.push(run::queue(&mut edit, &existing, &place, work.run_type(), function, facts)?);
    }
    needs.settle(())?;
    edit.put_body(&release_ref, body_type::RELEASE, &Release { package, ..old })?;
    if blocked(snapshot, op)?.is_none() {
        edit.delete(op)?;
    }
    Ok((edit.finish(), queued))
}

/// Whether a task or deployment should run: it never did, or was taken down and nothing is under
/// way since.
fn wants_run(snapshot: &Snapshot, existing: &[RunEntry]) -> Result<bool, Needs> {
    if existing.is_empty() {
        return Ok(true);
    }
    if existing.iter().any(|entry| entry.status().is_open()) {
        return Ok(false);
    }
    // One that failed since then waits for a retry, here as everywhere.
    let ended = |entry: &&RunEntry| matches!(entry.status(), Status::Complete | Status::Failed);
    let Some(last) = existing.iter().rev().find(ended).filter(|entry| entry.status() == Status::Complete)
    else {
        return Ok(false);
    };
    let run = snapshot.get(&last.reference)?.and_then(Document::read::<Run>);
    Ok(run.and_then(|run| run.run_type) == Some(RunType::Down))
}
