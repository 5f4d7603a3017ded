//! No deploy puts something older where something newer is.
//!
//! Two releases of a package may be on their way at the same time: two pushes, two jobs, and the older
//! one builds longer. When its turn comes to deploy, the newer one is there already, or on its way. Its
//! run does not start then, and waits for the newer one to go. To go back on purpose is to change intent
//! (`release rollback`), and what intent names may always be deployed.

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
