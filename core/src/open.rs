//! The runs of a release that have not ended, in the order in which its file names them.
//!
//! With `--jobs 1` runs execute in strict order, and people read a release from top to bottom; so
//! wherever open runs are listed, they are listed like that.

use std::collections::BTreeMap;

use crate::documents::{Release, Run, Status};
use crate::envelope::Document;
use crate::order::{Gather as _, Order as _};
use crate::ready::{self, Missing, Readiness};
use crate::refs::Ref;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};

/// Pending and paused runs of `release`, in file order; what the file does not name comes last.
///
/// # Errors
/// What must be loaded.
pub fn startable(snapshot: &Snapshot, release: &Ref) -> Result<Vec<RunEntry>, Needs> {
    let body = snapshot.get(release)?.and_then(Document::read::<Release>).unwrap_or_default();
    let order: BTreeMap<String, usize> =
        body.package.works().enumerate().map(|(index, (_, work))| (work.place(), index)).gather();
    let mut open: Vec<RunEntry> = runs::of_release(snapshot, release)?
        .into_iter()
        .filter(|entry| matches!(entry.status(), Status::Pending | Status::Paused))
        .collect();
    open.order_by_key(|entry| {
        let kind = if entry.is_deploy() { "deploy" } else { "task" };
        let place = format!("{kind}/{}", entry.name());
        (order.get(&place).copied().unwrap_or(usize::MAX), entry.reference.clone())
    });
    Ok(open)
}

/// What each pending or paused run of `release` waits for, in file order. Runs that are ready are
/// not among them.
///
/// # Errors
/// What must be loaded.
pub fn waiting(snapshot: &Snapshot, release: &Ref) -> Result<Vec<(Ref, Vec<Missing>)>, Needs> {
    let mut needs = Needs::default();
    let mut waiting = Vec::new();
    for entry in startable(snapshot, release)? {
        let Some(Some(document)) = needs.take(snapshot.get(&entry.reference)) else { continue };
        let run = document.read::<Run>();
        let Some(function) = run.as_ref().and_then(|run| run.functions.last()) else { continue };
        if let Some(Readiness::Waiting(missing)) = needs.take(ready::check(snapshot, function)) {
            waiting.push((entry.reference, missing));
        }
    }
    needs.settle(waiting)
}
