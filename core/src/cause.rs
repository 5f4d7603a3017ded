//! Which part of a plan some writes have caused.
//!
//! `--cascade` follows up on what a command has just done, and leaves alone what waited before it
//! came (spec: work): intent that it changed, runs and operations that it wrote, and whatever takes
//! an input from, or depends on, a document that it wrote.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use ocuroot_core::cause;
//! use ocuroot_core::plan::Plan;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let (snapshot, plan) = (Snapshot::empty(), Plan::default());
//! assert!(cause::of(&snapshot, &plan, &BTreeSet::new()).unwrap().is_empty());
//! ```

use std::collections::BTreeSet;

use crate::documents::{Input, Run};
use crate::envelope::Document;
use crate::glob::Glob;
use crate::plan::{Plan, Reason};
use crate::refs::Ref;
use crate::resolve;
use crate::snapshot::{Needs, Snapshot, Unmet};

/// The items of `plan`, and the runs that a freeze keeps out of it, that the documents in `written` have caused. Refs are without fragments,
/// those of intent with `+`.
///
/// # Errors
/// What must be loaded.
pub fn of(snapshot: &Snapshot, plan: &Plan, written: &BTreeSet<Ref>) -> Result<Plan, Needs> {
    let mut caused = Plan::default();
    let mut needs = Needs::default();
    let intent = plan.intent.iter().filter(|difference| written.contains(&difference.reference.to_intent()));
    caused.intent.extend(intent.cloned());
    for ready in &plan.ready {
        if written.contains(&ready.run) || needs.take(feeds_run(snapshot, &ready.run, written)) == Some(true)
        {
            caused.ready.push(ready.clone());
        }
    }
    for left in plan.left_out.iter().filter(|left| matches!(left.reason, Reason::Frozen(_))) {
        let mut feeds = |run| needs.take(feeds_run(snapshot, run, written)) == Some(true);
        if written.contains(&left.reference) || feeds(&left.reference) {
            caused.left_out.push(left.clone());
        }
    }
    for deploy in &plan.reconcile {
        let changed = deploy.stale.inputs.iter().filter(|(name, _)| deploy.stale.changed.contains(name));
        let mut feeds = false;
        for (_, input) in changed {
            feeds |= needs.take(feeds_input(snapshot, input, written)).unwrap_or_default();
        }
        if feeds {
            caused.reconcile.push(deploy.clone());
        }
    }
    caused.ops.extend(plan.ops.iter().filter(|op| written.contains(&op.op)).cloned());
    needs.settle(caused)
}

/// Whether a dependency or an input of a run leads to a document in `written`.
fn feeds_run(snapshot: &Snapshot, run: &Ref, written: &BTreeSet<Ref>) -> Result<bool, Needs> {
    let Some(body) = snapshot.get(run)?.and_then(Document::read::<Run>) else { return Ok(false) };
    let Some(function) = body.functions.last() else { return Ok(false) };
    let depends = function.dependencies.iter().filter_map(|dependency| Glob::new(dependency).ok());
    if depends.into_iter().any(|glob| written.iter().any(|reference| glob.is_match(reference.as_str()))) {
        return Ok(true);
    }
    let mut needs = Needs::default();
    let mut feeds = false;
    for input in function.inputs.values() {
        feeds |= needs.take(feeds_input(snapshot, input, written)).unwrap_or_default();
    }
    if feeds { Ok(true) } else { needs.settle(false) }
}

fn feeds_input(snapshot: &Snapshot, input: &Input, written: &BTreeSet<Ref>) -> Result<bool, Needs> {
    let Some(Ok(source)) = input.source.as_deref().map(str::parse::<Ref>) else { return Ok(false) };
    match resolve::document(snapshot, &source) {
        Ok(found) => Ok(found.is_some_and(|found| written.contains(&found.reference))),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(_)) => Ok(false),
    }
}
