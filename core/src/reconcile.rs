//! Deployments whose inputs have changed since they were deployed.
//!
//! A backend that was deployed with the network's port 8001 is out of date once the network says
//! 8002. Nobody has to notice: each current deployment's inputs are resolved again, and where a
//! value differs a new run is queued (spec: work, "Reconcile").

use std::collections::BTreeSet;

use serde_json::Map;

use crate::documents::{Function, Inputs, Run, RunType, Task};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::intent::{self, IntentError};
use crate::order::{Gather as _, Order as _};
use crate::ready;
use crate::refs::{Marker, Ref};
use crate::resolve;
use crate::run;
use crate::runs;
use crate::snapshot::{Needs, OfKind, Snapshot, Unmet};
use crate::transaction::{Edit, Transaction};

/// A deployment that should be made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Stale {
    /// `…/@/deploy/<environment>`.
    pub current: Ref,
    /// The Task that it was deployed by: `…/@r<N>/deploy/<environment>`.
    pub task: Ref,
    /// The inputs as they resolve now.
    pub inputs: Inputs,
    /// Names of the inputs whose value differs.
    pub changed: Vec<String>,
    /// Why nothing is queued for now.
    pub blocked: Option<String>,
}

/// Every current deployment whose inputs resolve to something else now, sorted by Task.
///
/// # Errors
/// What must be loaded.
pub fn stale(snapshot: &Snapshot) -> Result<Vec<Stale>, Needs> {
    check_all(snapshot, &snapshot.of_kind(Marker::State, &OfKind::DEPLOYS)?)
}

/// Those of [`stale`] that were deployed by one of `releases`; what other releases deployed is not
/// looked at.
///
/// # Errors
/// What must be loaded.
pub fn stale_of(snapshot: &Snapshot, releases: &BTreeSet<Ref>) -> Result<Vec<Stale>, Needs> {
    let packages: BTreeSet<Ref> = releases.iter().map(Ref::package).gather();
    let mut needs = Needs::default();
    let mut currents = Vec::new();
    for package in packages {
        let Ok(glob) = Glob::new(&format!("{}/@/deploy/*", Glob::escape(package.as_str()))) else { continue };
        for current in needs.take(snapshot.search(&glob)).unwrap_or_default() {
            let Some(document) = needs.take(snapshot.get(&current)).flatten() else { continue };
            // A link that names its release by number tells without being followed.
            let elsewhere = document.target().is_some_and(|target| {
                target.release_number().is_some() && !releases.contains(&target.release_ref())
            });
            if !elsewhere {
                currents.push(current);
            }
        }
    }
    needs.settle(())?;
    let mut found = check_all(snapshot, &currents)?;
    found.retain(|stale| releases.contains(&stale.task.release_ref()));
    Ok(found)
}

/// Those of [`stale`] that are among `currents`.
///
/// # Errors
/// What must be loaded.
pub(crate) fn check_all(snapshot: &Snapshot, currents: &[Ref]) -> Result<Vec<Stale>, Needs> {
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for current in currents {
        found.extend(needs.take(check(snapshot, current)).flatten());
    }
    found.order_by(|a: &Stale, b| a.task.cmp(&b.task));
    needs.settle(found)
}

/// Whether the deployment at `current` should be made again.
///
/// # Errors
/// What must be loaded.
pub fn check(snapshot: &Snapshot, current: &Ref) -> Result<Option<Stale>, Needs> {
    let Some((place, task)) = intent::current_task(snapshot, current)? else { return Ok(None) };
    let mut needs = Needs::default();
    let mut inputs = task.input.clone();
    let mut changed = Vec::new();
    for (name, input) in &mut inputs {
        let own = |source| is_own(snapshot, source, current, &place);
        if needs.take(input.source.as_deref().map_or(Ok(true), own)) != Some(false) {
            continue;
        }
        let Some(resolved) = needs.take(resolve::input(snapshot, input)) else { continue };
        if resolved != input.value && resolved.is_some() {
            input.value = resolved;
            changed.push(name.clone());
        }
    }
    needs.settle(())?;
    if changed.is_empty() || !dependencies_hold(snapshot, &task)? {
        return Ok(None);
    }
    let existing = runs::of_place(snapshot, &place)?;
    let blocked = intent::blocked(snapshot, current, &place, &existing, RunType::Up, &inputs)?;
    let blocked = blocked.map(|block| block.reason);
    Ok(Some(Stale { current: current.clone(), task: place, inputs, changed, blocked }))
}

/// Whether an input refers to the outputs of the very deployment that it is an input of, as the
/// current one or as its release's, by number or by tag.
fn is_own(snapshot: &Snapshot, source: &str, current: &Ref, place: &Ref) -> Result<bool, Needs> {
    let Ok(source) = source.parse::<Ref>() else { return Ok(false) };
    if source.is_below(current) || source.is_below(place) {
        return Ok(true);
    }
    let elsewhere = source.package() != current.package()
        || source.kind() != current.kind()
        || source.segments().next() != current.segments().next();
    Ok(!elsewhere && resolve::release(snapshot, &source)? == place.release_ref())
}

/// `inputs` but for those that take their value from the deployment itself: what it returned the
/// last time says nothing about what it was asked for.
pub(crate) fn without_own(
    snapshot: &Snapshot,
    inputs: &Inputs,
    current: &Ref,
    place: &Ref,
) -> Result<Inputs, Needs> {
    let mut needs = Needs::default();
    let mut others = inputs.clone();
    others.retain(|_, input| {
        let own = |source| is_own(snapshot, source, current, place);
        needs.take(input.source.as_deref().map_or(Ok(false), own)) != Some(true)
    });
    needs.settle(others)
}

fn dependencies_hold(snapshot: &Snapshot, task: &Task) -> Result<bool, Needs> {
    let Some(run) = snapshot.get(&task.run_ref)?.and_then(Document::read::<Run>) else { return Ok(true) };
    let mut needs = Needs::default();
    let mut all = true;
    for dependency in run.functions.first().map(|first| first.dependencies.as_slice()).unwrap_or_default() {
        all &= needs.take(ready::holds(snapshot, dependency)).unwrap_or(true);
    }
    needs.settle(all)
}

/// Queues the run that makes a deployment again with what its inputs are now. Returns its ref, or
/// none when nothing has changed or a run of it is open.
///
/// # Errors
/// What must be loaded, or why it cannot be queued.
pub fn queue(
    snapshot: &Snapshot,
    current: &Ref,
    facts: &Facts,
) -> Result<(Transaction, Option<Ref>), Unmet<IntentError>> {
    let Some(stale) = check(snapshot, current)?.filter(|stale| stale.blocked.is_none()) else {
        return Ok((Transaction::default(), None));
    };
    let Some((_, task)) = intent::current_task(snapshot, current)? else {
        return Ok((Transaction::default(), None));
    };
    let deployed = snapshot.get(&task.run_ref)?.and_then(Document::read::<Run>);
    let Some(first) = deployed.and_then(|run| run.functions.into_iter().next()) else {
        return Ok((Transaction::default(), None));
    };
    let existing = runs::of_place(snapshot, &stale.task)?;
    let mut edit = Edit::new(snapshot, format!("reconcile {current}"));
    let function = Function {
        function: first.function,
        dependencies: first.dependencies,
        inputs: stale.inputs,
        extra: Map::new(),
    };
    let run = run::queue(&mut edit, &existing, &stale.task, RunType::Up, function, facts)?;
    Ok((edit.finish(), Some(run)))
}
