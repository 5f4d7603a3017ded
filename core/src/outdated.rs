//! No deploy puts something older where something newer is.
//!
//! Two releases of a package may be on their way at the same time: two pushes, two jobs, and the older
//! one builds longer. When its turn comes to deploy, the newer one is there already, or on its way. The
//! `push` that made the older release cancels its run then. Who names a release (`release new`, an approval,
//! a retry, a rollback) means it, and may deploy it: this is about branches that move on.

use crate::documents::{Intent, Run, RunType, Status};
use crate::envelope::Document;
use crate::freeze;
use crate::intent;
use crate::refs::Ref;
use crate::resolve;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};

/// The newer release that keeps a run from being started: of a deployment, none of whose functions
/// has been called yet.
///
/// # Errors
/// What must be loaded.
pub fn holds(snapshot: &Snapshot, entry: &RunEntry, run: &Run) -> Result<Option<Ref>, Needs> {
    let run_type = run.run_type.unwrap_or(entry.default_type());
    if run_type != RunType::Up || !freeze::starts_deploy(entry, run) {
        return Ok(None);
    }
    let own = entry.release();
    let Ok(current) = entry.place.with_release("") else { return Ok(None) };
    let newer = |other: &Ref| other.release_number() > own.release_number();
    let wanted = snapshot.get(&current.to_intent())?.and_then(Document::read::<Intent>);
    let wanted = wanted.map(|intent| resolve::release(snapshot, &intent.release)).transpose()?;
    if wanted.as_ref() == Some(&own) {
        return Ok(None);
    }
    if let Some((live, _)) = intent::current_task(snapshot, &current)? {
        let live = live.release_ref();
        if newer(&live) {
            return Ok(Some(live));
        }
    }
    let Some(wanted) = wanted.filter(newer) else { return Ok(None) };
    let Ok(place) = wanted.child(&format!("deploy/{}", entry.name())) else { return Ok(None) };
    let on_its_way = runs::of_place(snapshot, &place)?.iter().any(|other| other.status() == Status::Running);
    Ok(on_its_way.then_some(wanted))
}

/// The deployments of `release` that were cancelled and where something newer is: each run, with the newer
/// release.
///
/// # Errors
/// What must be loaded.
pub fn overtaken(snapshot: &Snapshot, release: &Ref) -> Result<Vec<(Ref, Ref)>, Needs> {
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for entry in runs::of_release(snapshot, release)? {
        if entry.status() != Status::Cancelled || !entry.is_deploy() {
            continue;
        }
        let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
        let newer = run.and_then(|run| needs.take(holds(snapshot, &entry, &run)).flatten());
        found.extend(newer.map(|newer| (entry.reference.clone(), newer)));
    }
    needs.settle(found)
}
