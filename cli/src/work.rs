//! Finds work and does it: intent, operations, ready runs, deployments to be made again.
//!
//! Each stage plans anew, so it sees what the one before has made (spec: work, "Work").

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use ocuroot_core::documents::{Package, RepoConfig};
use ocuroot_core::envelope::Document;
use ocuroot_core::intent::{self, Applied, IntentError};
use ocuroot_core::ops;
use ocuroot_core::plan::{self, Plan, Reason, Scope};
use ocuroot_core::reconcile;
use ocuroot_core::release;
use ocuroot_core::repo_config;
use ocuroot_core::sdk::{Diagnostics, Limits, Program};
use ocuroot_core::snapshot::{Needs, Unmet};
use ocuroot_core::transaction::Steps;
use ocuroot_core::{Kind, Ref};

use crate::checkout::Sources;
use crate::engine::{self, Report};
use crate::error::Failure;
use crate::identity;
use crate::native_host::{LogSink, NativeHost};
use crate::programs::Programs;
use crate::recorded;
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
    Ok(report_invalid(session, &plan) + apply_all(session, &plan)?.len())
}

/// Says which intent cannot be carried out as it is. Returns how many.
pub fn report_invalid(session: &Session, plan: &Plan) -> usize {
    let mut invalid = 0;
    for left_out in &plan.left_out {
        let (intent, reason) = (left_out.reference.kind(), &left_out.reason);
        if let (Some(Kind::Deploy | Kind::Custom | Kind::Environment), Reason::Invalid(why)) =
            (intent, reason)
        {
            session.view.show(&Event::Note(&format!("not applied: {why}")));
            invalid += 1;
        }
    }
    invalid
}

/// Applies the differences that `plan` holds. Returns those that could not be applied; each has been
/// reported.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn apply_all(session: &mut Session, plan: &Plan) -> Result<Vec<Ref>, Failure> {
    let references: Vec<Ref> = plan.intent.iter().map(|difference| difference.reference.clone()).collect();
    let facts = session.facts();
    let outcomes = session.decide(|snapshot| {
        intent::apply_all(snapshot, &references, &facts).map_err(Unmet::<Infallible>::Needs)
    })?;
    let mut failed = Vec::new();
    for (reference, outcome) in references.into_iter().zip(outcomes) {
        match outcome {
            Ok(Applied::Unchanged(_)) => {}
            Ok(Applied::Changed(effects)) => {
                session.view.show(&Event::Note(&format!("applied {reference}")));
                for effect in effects.iter().filter(|effect| **effect != reference) {
                    session.view.show(&Event::Note(&format!("  {effect}")));
                }
            }
            Err(error) => {
                session.view.show(&Event::Note(&format!("not applied: {error}")));
                failed.push(reference);
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
    let sources = Sources::here(&session.repo.root);
    Ok(check_envs(session, &sources, &plan)?.len())
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

/// Does the operations of `plan`: evaluates the releases' files, with their `sources`, and takes
/// up what they now deploy. Returns those that could not be done; each has been reported.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn check_envs(session: &mut Session, sources: &Sources, plan: &Plan) -> Result<Vec<Ref>, Failure> {
    let known = session.read(environments)?;
    let programs = Programs::new(sources, session.repo.secrets.clone(), known);
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
    let sources = Sources::here(&session.repo.root);
    run_part(session, &sources, &plan, jobs)
}

/// Queues the deployments of `plan` that are to be made again, and executes what is ready in every
/// release of the plan until nothing is. They belong to `sources`.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn run_part(
    session: &mut Session,
    sources: &Sources,
    plan: &Plan,
    jobs: usize,
) -> Result<Report, Failure> {
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
        match engine::announce(session, sources, &release) {
            Ok(()) => sound.push(release),
            // One release that cannot be read does not keep the others back.
            Err(Failure::Release(error)) => {
                session.view.show(&Event::Note(&format!("not executed: {error}")));
                report.failed.push(release);
            }
            Err(other) => return Err(other),
        }
    }
    report.merge(engine::run(session, sources, &sound, claimed, jobs)?);
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

/// The (repo, commit) that is checked out here.
///
/// # Errors
/// When the repo has no name or no commit.
pub fn own(session: &Session) -> Result<Elsewhere, Failure> {
    Ok(Elsewhere { repo: session.repo.name()?.to_owned(), commit: session.repo.commit()?.to_owned() })
}

/// What state holds of the configuration of a repo at a commit, and where.
///
/// # Errors
/// When the stores cannot be read.
pub fn recorded(session: &mut Session, place: &Elsewhere) -> Result<(Ref, Option<RepoConfig>), Failure> {
    let at = repo_config::reference(&place.repo, &place.commit)?;
    let config = session.ask(|snapshot| Ok(snapshot.get(&at)?.and_then(Document::read::<RepoConfig>)))?;
    Ok((at, config))
}

/// Evaluates what [`recorded`] found. What it prints is shown.
///
/// # Errors
/// Every problem of the file.
pub fn evaluate(
    session: &Session,
    at: &Ref,
    config: &RepoConfig,
) -> Result<(Program, NativeHost), Diagnostics> {
    let is_here = own(session)
        .is_ok_and(|own| at.repo() == Some(&own.repo) && at.release() == Some(own.commit.as_str()));
    let view = Arc::clone(&session.view);
    let sink: LogSink = Arc::new(move |log| view.show(&Event::Note(&log.message)));
    recorded::evaluate(&session.repo.root, at, config, is_here, sink)
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
        let (at, config) = recorded(session, place)?;
        let Some(config) = config else {
            session.view.show(&Event::Note(&format!("{at} is not in state, so {repo} cannot be triggered")));
            failed += 1;
            continue;
        };
        let called = evaluate(session, &at, &config).and_then(|(program, host)| {
            let is_there = program.repo().has_trigger;
            if is_there {
                program.trigger(commit, &host, &Limits::default())?;
            }
            Ok(is_there)
        });
        match called {
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
