//! Deployments as intended: a run is queued that makes one, or takes one down.

use serde_json::Map;

use super::{
    Applied, IntentError, Outcome, current_task, deploy_intent, same_as_deployed, unchanged, wanted,
};
use crate::documents::{Function, Inputs, Release, Run, RunType, Status};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::reconcile;
use crate::refs::Ref;
use crate::resolve;
use crate::run;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::transaction::Edit;

pub(super) fn apply_deploy(snapshot: &Snapshot, current: &Ref, facts: &Facts) -> Outcome {
    let Some(document) = wanted(snapshot, current)? else {
        let mut edit = Edit::new(snapshot, format!("apply {current}"));
        return match take_down(snapshot, &mut edit, current, facts)? {
            Some(Down::Queued(run)) => Ok((edit.finish(), Applied::Changed(vec![run]))),
            Some(Down::UnderWay(why) | Down::Blocked(why)) => unchanged(why),
            None => Err(IntentError::Nothing(current.clone()).into()),
        };
    };
    let problem = |problem: String| IntentError::Deploy { reference: current.to_intent(), problem };
    let body = document.body().ok_or_else(|| IntentError::NotIntent(current.to_intent()))?;
    let wanted = deploy_intent(&current.to_intent(), body)?;
    let release = resolve::release(snapshot, &wanted.release)?;
    let environment = current.subpath();
    let Some(body) = snapshot.get(&release)?.and_then(Document::read::<Release>) else {
        return Err(problem(format!("there is no release {}", wanted.release)).into());
    };
    if release.package() != current.package() {
        return Err(problem(format!("{release} is a release of another package")).into());
    }
    let Some(definition) = body.package.deploy(environment) else {
        let known: Vec<&str> = body
            .package
            .works()
            .filter_map(|(_, work)| match work {
                crate::documents::Work::Deploy(deploy) => Some(deploy.environment.as_str()),
                crate::documents::Work::Task(_) => None,
            })
            .collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(problem(format!(
            "{release} has no deployment to {environment} (it deploys to: {known})"
        ))
        .into());
    };
    // By hand one writes the release and leaves the inputs to the package.
    let inputs = if wanted.input.is_empty() { &definition.inputs } else { &wanted.input }.clone();
    let deployed = current_task(snapshot, current)?;
    if let Some((task, deployed)) = deployed
        && task.release_ref() == release
        && same_as_deployed(snapshot, &wanted, &task, &deployed)?
    {
        return unchanged("it is deployed like that");
    }
    let place = release.child(&format!("deploy/{environment}"))?;
    let existing = runs::of_place(snapshot, &place)?;
    if let Some(block) = blocked(snapshot, current, &place, &existing, RunType::Up, &inputs)? {
        return unchanged(block.reason);
    }
    let mut edit = Edit::new(snapshot, format!("apply {current}"));
    let function =
        Function { function: definition.up.clone(), dependencies: Vec::new(), inputs, extra: Map::new() };
    let run = run::queue(&mut edit, &existing, &place, RunType::Up, function, facts)?;
    Ok((edit.finish(), Applied::Changed(vec![run])))
}

/// What becomes of a deployment that should be taken down.
pub(super) enum Down {
    /// This run does it.
    Queued(Ref),
    /// A run for it is open, or has failed and waits for a retry.
    UnderWay(String),
    /// Another run of the deployment is in the way.
    Blocked(String),
}

/// Queues the run that takes a current deployment down, where that can be done now. None where
/// nothing is deployed.
pub(super) fn take_down(
    snapshot: &Snapshot,
    edit: &mut Edit<'_>,
    current: &Ref,
    facts: &Facts,
) -> Result<Option<Down>, Unmet<IntentError>> {
    let Some((place, task)) = current_task(snapshot, current)? else { return Ok(None) };
    let release = snapshot.get(&place.release_ref())?.and_then(Document::read::<Release>);
    let Some(down) = release
        .as_ref()
        .and_then(|release| release.package.deploy(current.subpath()))
        .map(|deploy| deploy.down.clone())
    else {
        return Err(IntentError::Deploy {
            reference: current.clone(),
            problem: format!("{} does not say how to take this deployment down", place.release_ref()),
        }
        .into());
    };
    // What is taken down is what is there by now, as a claim would find it too.
    let mut inputs = task.input;
    let mut needs = Needs::default();
    for input in inputs.values_mut() {
        if let Some(Some(value)) = needs.take(resolve::input(snapshot, input)) {
            input.value = Some(value);
        }
    }
    needs.settle(())?;
    let existing = runs::of_place(snapshot, &place)?;
    if let Some(block) = blocked(snapshot, current, &place, &existing, RunType::Down, &inputs)? {
        let down = if block.same_type { Down::UnderWay } else { Down::Blocked };
        return Ok(Some(down(block.reason)));
    }
    let function = Function { function: down, dependencies: Vec::new(), inputs, extra: Map::new() };
    Ok(Some(Down::Queued(run::queue(edit, &existing, &place, RunType::Down, function, facts)?)))
}

/// Why no run is queued.
pub(crate) struct Block {
    pub(crate) reason: String,
    /// It is a run of the same release and type that is in the way: what is wanted is under way.
    same_type: bool,
}

/// Why no run of `run_type` with `inputs` is queued at `place` now: the newest one for exactly this
/// has not ended well, or another run of the same deployment is open.
pub(crate) fn blocked(
    snapshot: &Snapshot,
    current: &Ref,
    place: &Ref,
    existing: &[RunEntry],
    run_type: RunType,
    inputs: &Inputs,
) -> Result<Option<Block>, Needs> {
    let open = |entry: &RunEntry| format!("{} is {}", entry.reference, entry.status());
    let read = |entry: &RunEntry| Ok(snapshot.get(&entry.reference)?.and_then(Document::read::<Run>));
    let type_of = |entry: &RunEntry, run: &Run| run.run_type.unwrap_or(entry.default_type());
    if let Some(entry) = existing.iter().find(|entry| entry.status().is_open()) {
        let run = read(entry)?;
        let same_type = run.is_some_and(|run| type_of(entry, &run) == run_type);
        return Ok(Some(Block { reason: open(entry), same_type }));
    }
    // Only a failed one matters, so there is no need to look further back than the first of those.
    let wanted = reconcile::without_own(snapshot, inputs, current, place)?;
    let failed = existing.iter().position(|entry| entry.status() == Status::Failed).unwrap_or(existing.len());
    for entry in existing.iter().skip(failed).rev() {
        let Some(run) = read(entry)? else { continue };
        let asked = run.functions.first().map(|first| &first.inputs);
        let asked = asked.map(|asked| reconcile::without_own(snapshot, asked, current, place)).transpose()?;
        let same =
            type_of(entry, &run) == run_type && asked.is_some_and(|asked| same_inputs(&asked, &wanted));
        if same && entry.status() == Status::Failed {
            let reason = format!("{} failed and waits for `ocuroot release retry`", entry.reference);
            return Ok(Some(Block { reason, same_type: true }));
        }
        if same {
            break;
        }
    }
    // Another release's run of the same deployment: never two at a time. One that still waits for
    // something (an approval, say) may wait for weeks and holds up nobody.
    let mut needs = Needs::default();
    for entry in runs_of_deployment(snapshot, current)? {
        if entry.place == *place {
            continue;
        }
        let holds_up = match entry.status() {
            Status::Running | Status::Paused => true,
            Status::Pending => needs.take(is_ready(snapshot, &entry)) == Some(true),
            _ => false,
        };
        if holds_up {
            return needs.settle(Some(Block { reason: open(&entry), same_type: false }));
        }
    }
    needs.settle(None)
}

/// Every run of a deployment, in every release of its package.
fn runs_of_deployment(snapshot: &Snapshot, current: &Ref) -> Result<Vec<RunEntry>, Needs> {
    runs::of_deployment(snapshot, &current.package(), current.subpath())
}

fn is_ready(snapshot: &Snapshot, entry: &RunEntry) -> Result<bool, Needs> {
    let run = snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
    let Some(function) = run.as_ref().and_then(|run| run.functions.last()) else { return Ok(false) };
    Ok(matches!(crate::ready::check(snapshot, function)?, crate::ready::Readiness::Ready(_)))
}

/// Whether two runs were asked for with the same inputs. A value that one of them has not resolved
/// yet is no difference.
pub(super) fn same_inputs(one: &Inputs, other: &Inputs) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((name, a), (other_name, b))| {
            let values = a.value.is_none() || b.value.is_none() || a.value == b.value;
            name == other_name && a.source == b.source && a.default == b.default && values
        })
}
