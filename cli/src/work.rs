//! Finds work and does it: intent, operations, ready runs, deployments to be made again.
//!
//! Each stage plans anew, so it sees what the one before has made (spec: work, "Work").

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Package, RepoConfig};
use ocuroot_core::envelope::Document;
use ocuroot_core::intent::{self, Applied, IntentError};
use ocuroot_core::ops;
use ocuroot_core::plan::{self, Plan, Scope};
use ocuroot_core::reconcile;
use ocuroot_core::release;
use ocuroot_core::repo_config;
use ocuroot_core::sdk::{FileKind, Host, Limits, Program};
use ocuroot_core::snapshot::{Needs, Unmet};
use ocuroot_core::transaction::Steps;

use crate::engine::{self, Report};
use crate::error::Failure;
use crate::identity;
use crate::native_host::{FileSource, NativeHost};
use crate::programs::Programs;
use crate::session::{Session, environments};
use crate::view::{Event, showing};

/// The scope of "this commit".
///
/// # Errors
/// When the repo has no name or no commit.
pub fn this_commit(session: &Session) -> Result<Scope, Failure> {
    Ok(Scope::Commit { repo: session.repo.name()?.to_owned(), commit: session.repo.commit()?.to_owned() })
}

/// The plan for a scope.
///
/// # Errors
/// When the stores cannot be read.
pub fn plan(session: &mut Session, scope: &Scope) -> Result<Plan, Failure> {
    session.refresh();
    session.ask(|snapshot| plan::plan(snapshot, scope))
}

/// Says which runs were left running by a process that has not been heard of.
///
/// # Errors
/// When the stores cannot be read.
pub fn report_stale(session: &mut Session) -> Result<(), Failure> {
    let deadline = identity::stale_deadline()?;
    let stale = session.ask(|snapshot| release::stale_runs(snapshot, deadline))?;
    for run in stale {
        session.view.show(&Event::Note(&format!(
            "{run} was left running and is stale; take it up with: ocuroot release retry --stale {}",
            run.release_ref()
        )));
    }
    Ok(())
}

/// Applies every difference of the plan. What cannot be applied is reported, and the rest goes on.
/// Returns how many could not.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn apply_intent(session: &mut Session) -> Result<usize, Failure> {
    session.refresh();
    let mut plan = Plan::default();
    session.ask(|snapshot| {
        plan = Plan::default();
        plan::plan_intent(snapshot, &mut plan)
    })?;
    let mut failed = 0;
    for left_out in &plan.left_out {
        if let plan::Reason::Invalid(why) = &left_out.reason {
            session.view.show(&Event::Note(&format!("not applied: {why}")));
            failed += 1;
        }
    }
    Ok(failed + apply_all(session, &plan)?)
}

/// Applies the differences that `plan` holds. Returns how many could not be applied; each has been
/// reported.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn apply_all(session: &mut Session, plan: &Plan) -> Result<usize, Failure> {
    let references: Vec<Ref> = plan.intent.iter().map(|difference| difference.reference.clone()).collect();
    let facts = session.facts();
    let outcomes = session.decide(|snapshot| {
        intent::apply_all(snapshot, &references, &facts).map_err(Unmet::<Infallible>::Needs)
    })?;
    let mut failed = 0;
    for (reference, outcome) in references.iter().zip(outcomes) {
        match outcome {
            Ok(Applied::Unchanged(_)) => {}
            Ok(Applied::Changed(effects)) => {
                session.view.show(&Event::Note(&format!("applied {reference}")));
                for effect in effects.iter().filter(|effect| *effect != reference) {
                    session.view.show(&Event::Note(&format!("  {effect}")));
                }
            }
            Err(error) => {
                session.view.show(&Event::Note(&format!("not applied: {error}")));
                failed += 1;
            }
        }
    }
    Ok(failed)
}

/// Does the operations that wait on releases of this commit. Returns how many could not be done.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn do_ops(session: &mut Session) -> Result<usize, Failure> {
    let scope = this_commit(session)?;
    let plan = plan_runs(session, &scope)?;
    let root = session.repo.root.clone();
    Ok(check_envs(session, &root, &plan)?.len())
}

fn plan_runs(session: &mut Session, scope: &Scope) -> Result<Plan, Failure> {
    session.refresh();
    let mut plan = Plan::default();
    session.ask(|snapshot| {
        plan = Plan::default();
        plan::plan_runs(snapshot, scope, &mut plan)
    })?;
    Ok(plan)
}

/// Does the operations of `plan`: evaluates the releases' files, with the sources at `root`, and takes
/// up what they now deploy. Returns those that could not be done; each has been reported.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn check_envs(session: &mut Session, root: &Path, plan: &Plan) -> Result<Vec<Ref>, Failure> {
    let known = session.read(environments)?;
    let programs = Programs::new(root, session.repo.secrets.clone(), known);
    let mut failed = Vec::new();
    let mut evaluated: Vec<(Ref, Package)> = Vec::new();
    for op in plan.ops.iter().map(|waiting| &waiting.op) {
        let problem = if op.subpath() == "check_envs" {
            match programs.evaluate(&op.release_ref(), showing(&session.view, op)) {
                Ok(program) => {
                    evaluated.push((op.clone(), program.package().cloned().unwrap_or_default()));
                    continue;
                }
                Err(diagnostics) => diagnostics.to_string(),
            }
        } else {
            format!("{op} is no operation that this build knows; it is left")
        };
        session.view.show(&Event::Note(&problem));
        failed.push(op.clone());
    }
    let facts = session.facts();
    let outcomes = session.decide(|snapshot| {
        let mut steps = Steps::new(snapshot);
        let mut needs = Needs::default();
        let mut outcomes = Vec::new();
        for (op, package) in &evaluated {
            match ops::check_envs(steps.here(), op, package.clone(), &facts) {
                Ok((step, queued)) => {
                    steps.take(step);
                    outcomes.push(Ok(queued));
                }
                Err(Unmet::Needs(more)) => needs.merge(more),
                Err(Unmet::Error(error)) => outcomes.push(Err(error)),
            }
        }
        Ok::<_, Unmet<Infallible>>(needs.settle((steps.finish(), outcomes))?)
    })?;
    for ((op, _), outcome) in evaluated.into_iter().zip(outcomes) {
        match outcome {
            Ok(queued) => {
                session.view.show(&Event::Note(&format!("checked environments of {}", op.release_ref())));
                for run in queued {
                    session.view.show(&Event::Note(&format!("  {run}")));
                }
            }
            Err(error) => {
                session.view.show(&Event::Note(&format!("{op} is not done: {error}")));
                failed.push(op);
            }
        }
    }
    Ok(failed)
}

/// Queues deployments of this commit to be made again, then executes what is ready at this commit
/// until nothing is.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn run_ready(session: &mut Session, jobs: usize) -> Result<Report, Failure> {
    let scope = this_commit(session)?;
    let plan = plan_runs(session, &scope)?;
    let root = session.repo.root.clone();
    run_part(session, &root, &plan, jobs)
}

/// Queues the deployments of `plan` that are to be made again, and executes what is ready in every
/// release of the plan until nothing is, with the sources at `root`.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn run_part(session: &mut Session, root: &Path, plan: &Plan, jobs: usize) -> Result<Report, Failure> {
    let facts = session.facts();
    let ready: BTreeSet<Ref> = plan.ready.iter().map(|ready| ready.run.release_ref()).collect();
    // What is queued is claimed in the same transaction, where it can start.
    let (queued, releases, claimed) = session.decide(|snapshot| {
        let mut steps = Steps::new(snapshot);
        let mut needs = Needs::default();
        let mut releases = ready.clone();
        let mut queued = Vec::new();
        for deploy in &plan.reconcile {
            let step = needs.take_unmet(reconcile::queue(steps.here(), &deploy.stale.current, &facts))?;
            if let Some((step, Some(run))) = step {
                steps.take(step);
                releases.insert(run.release_ref());
                queued.push((run, deploy.stale.changed.join(", ")));
            }
        }
        let (mut sound, mut all) = (Vec::new(), Vec::new());
        for release in releases {
            match release::read(steps.here(), &release) {
                Err(Unmet::Needs(more)) => needs.merge(more),
                Err(Unmet::Error(_)) => all.push(release),
                Ok(_) => {
                    sound.push(release.clone());
                    all.push(release);
                }
            }
        }
        let claimed = needs.take(engine::claim(&mut steps, &sound, jobs, &facts)).unwrap_or_default();
        Ok::<_, Unmet<IntentError>>(needs.settle((steps.finish(), (queued, all, claimed)))?)
    })?;
    for (run, changed) in queued {
        session.view.show(&Event::Note(&format!("{run}: deployed again, since {changed} changed")));
    }
    let mut report = Report::default();
    let mut sound: Vec<Ref> = Vec::new();
    for release in releases {
        match engine::announce(session, root, &release) {
            Ok(()) => sound.push(release),
            // One release that cannot be read does not keep the others back.
            Err(Failure::Release(error)) => {
                session.view.show(&Event::Note(&format!("not executed: {error}")));
                report.failed.push(release);
            }
            Err(other) => return Err(other),
        }
    }
    report.merge(engine::run(session, root, &sound, claimed, jobs)?);
    show_waiting(session, &report);
    Ok(report)
}

/// Says for each run that waits which refs are missing.
pub fn show_waiting(session: &Session, report: &Report) {
    for (run, missing) in &report.waiting {
        session.view.show(&Event::Waiting { run, missing });
    }
}

/// A (repo, commit) that has work, or with [`known_repos`] a repo's newest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// The repo's name.
    pub repo: String,
    /// Full hash.
    pub commit: String,
}

/// Every (repo, commit) that has work.
///
/// # Errors
/// When the stores cannot be read.
pub fn with_work(session: &mut Session) -> Result<Vec<Elsewhere>, Failure> {
    let plan = plan_runs(session, &Scope::Everything)?;
    let places: BTreeSet<Elsewhere> = plan
        .items()
        .into_iter()
        .filter_map(|item| Some(Elsewhere { repo: item.reference.repo()?.to_owned(), commit: item.commit? }))
        .collect();
    Ok(places.into_iter().collect())
}

/// Every repo that the state store knows, at its newest commit.
///
/// # Errors
/// When the stores cannot be read.
pub fn known_repos(session: &mut Session) -> Result<Vec<Elsewhere>, Failure> {
    session.ask(|snapshot| {
        let mut found = Vec::new();
        for link in repo_config::known(snapshot)? {
            let target = snapshot.get(&link)?.and_then(Document::target);
            if let (Some(repo), Some(commit)) = (link.repo(), target.and_then(Ref::release)) {
                found.push(Elsewhere { repo: repo.to_owned(), commit: commit.to_owned() });
            }
        }
        Ok(found)
    })
}

/// Calls the `trigger` function of each. One that fails is reported, and the rest go on. Returns
/// how many failed.
///
/// # Errors
/// When the stores cannot be read.
pub fn trigger(session: &mut Session, places: &[Elsewhere]) -> Result<usize, Failure> {
    let mut failed = 0;
    for place in places {
        let Elsewhere { repo, commit } = place;
        let at = repo_config::reference(repo, commit)?;
        let config = session.ask(|snapshot| Ok(snapshot.get(&at)?.and_then(Document::read::<RepoConfig>)))?;
        let Some(source) = config.as_ref().and_then(repo_config::source) else {
            session.view.show(&Event::Note(&format!("{at} is not in state, so {repo} cannot be triggered")));
            failed += 1;
            continue;
        };
        match call_trigger(session, &source, commit) {
            Ok(true) => session.view.show(&Event::Note(&format!("triggered {repo} at {commit}"))),
            Ok(false) => session.view.show(&Event::Note(&format!(
                "{repo} has work at {commit} and no trigger; in a checkout of it run:\n  git checkout {commit}\n  ocuroot work any"
            ))),
            Err(diagnostics) => {
                session.view.show(&Event::Note(&format!("the trigger of {repo} failed\n{diagnostics}")));
                failed += 1;
            }
        }
    }
    Ok(failed)
}

/// Whether there is a trigger, and it was called.
fn call_trigger(
    session: &Session,
    source: &str,
    commit: &str,
) -> Result<bool, ocuroot_core::sdk::Diagnostics> {
    let root = &session.repo.root;
    let view = session.view.clone();
    let host = NativeHost::new(root, root, session.repo.secrets.clone())
        .with_source(repo_file(root, source))
        .logging_to(Arc::new(move |log| view.show(&Event::Note(&log.message))));
    let Ok(base) = format!("./-/{}", repo_config::FILE).parse::<Ref>() else { return Ok(false) };
    let program = Program::evaluate(repo_config::FILE, FileKind::Repo, &base, &host, &Limits::default())?;
    if !program.repo().has_trigger {
        return Ok(false);
    }
    program.trigger(commit, &host, &Limits::default())?;
    Ok(true)
}

/// Reads `repo.ocu.star` as `source`, and what it loads from the checkout at `root`.
fn repo_file(root: &Path, source: &str) -> FileSource {
    let (tree, source) = (NativeHost::new(root, root, Arc::default()), source.to_owned());
    Arc::new(move |path| if path == repo_config::FILE { Ok(source.clone()) } else { tree.source(path) })
}

/// How often an item may come up with the same inputs before it is a loop.
const SAME_INPUTS: usize = 3;

/// How often it may come up at all: a counter that counts itself up never has the same inputs twice.
const ANY_INPUTS: usize = 10;

/// What a loop of work has done so far, to notice when it goes round in circles.
#[derive(Debug, Default)]
pub struct Rounds {
    seen: BTreeMap<String, usize>,
}

impl Rounds {
    /// Takes note of a plan.
    ///
    /// # Errors
    /// When an item comes up for the third time with the same inputs, or for the tenth time at all: the
    /// refs that feed each other.
    pub fn note(&mut self, plan: &Plan) -> Result<(), Failure> {
        let mut again = Vec::new();
        let reconciled = plan.reconcile.iter().map(|deploy| {
            let inputs = serde_json::to_string(&deploy.stale.inputs).unwrap_or_default();
            (deploy.stale.task.to_string(), inputs)
        });
        let ready = plan.ready.iter().map(|ready| (ready.run.to_string(), String::new()));
        let intent = plan.intent.iter().map(|difference| (difference.reference.to_string(), String::new()));
        let ops = plan.ops.iter().map(|op| (op.op.to_string(), String::new()));
        for (reference, inputs) in reconciled.chain(ready).chain(intent).chain(ops) {
            let alike = self.seen.entry(format!("{reference} {inputs}")).or_default();
            *alike += 1;
            let mut looped = *alike >= SAME_INPUTS;
            let any = self.seen.entry(reference.clone()).or_default();
            *any += 1;
            looped |= *any >= ANY_INPUTS;
            if looped {
                again.push(reference);
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        Err(Failure::Unsuccessful(format!(
            "this work comes up again and again, so it is left: {}\n  each of these changes an input of another; break the circle, or make an output that settles",
            again.join(", ")
        )))
    }
}
