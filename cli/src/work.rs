//! Finds work and does it: intent, operations, ready runs, deployments to be made again.
//!
//! Each stage plans anew, so it sees what the one before has made (spec: work, "Work").

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroUsize;

use ocuroot_core::commands;
use ocuroot_core::documents::Package;
use ocuroot_core::intent::{self, Applied, IntentError};
use ocuroot_core::ops;
use ocuroot_core::plan::{self, LeftOut, Plan, Reason, Scope};
use ocuroot_core::reconcile;
use ocuroot_core::release::{self, TakenUp};
use ocuroot_core::repo_config;
use ocuroot_core::sdk::Limits;
use ocuroot_core::snapshot::{Needs, Unmet};
use ocuroot_core::transaction::Steps;
use ocuroot_core::why::Enquiry;
use ocuroot_core::{Kind, Marker, Ref};

use crate::checkout::Sources;
use crate::engine::{self, Report, Waiting};
use crate::error::Failure;
use crate::freeze;
use crate::identity;
use crate::places::{self, Elsewhere};
use crate::programs::Programs;
use crate::repo::Place;
use crate::session::{Session, environments};
use crate::view::{Event, showing};

/// The scope of "this commit": what is checked out here. A checkout of a store has no commit of a
/// source repo, so there it is all of them.
///
/// # Errors
/// When the repo has no name or no commit.
pub fn this_commit(session: &Session) -> Result<Scope, Failure> {
    Ok(match places::own(session)? {
        Some(Elsewhere { repo, commit }) => Scope::Commit { repo, commit },
        None => Scope::Everything,
    })
}

/// What a command that finds nothing to do in [`this_commit`] says of where it has looked.
#[must_use]
pub fn where_looked(session: &Session) -> &'static str {
    match session.repo.place {
        Place::Source(_) => "at this commit",
        Place::Store(_) => "anywhere",
    }
}

/// The plan for a scope.
///
/// # Errors
/// When the stores cannot be read.
pub fn plan(session: &mut Session, scope: &Scope) -> Result<Plan, Failure> {
    session.refresh();
    let facts = session.facts();
    session.ask(|snapshot| plan::plan(snapshot, scope, &facts))
}

/// Says which runs were left running by a process that has not been heard of.
///
/// # Errors
/// When the stores cannot be read.
fn report_stale(session: &mut Session) -> Result<(), Failure> {
    let deadline = identity::stale_deadline()?;
    let stale = session.ask(|snapshot| release::stale_runs(snapshot, deadline))?;
    for run in stale {
        session.view.show(&Event::Note(&format!(
            "{run} was left running and is stale; take it up with: {}",
            commands::retry_stale(&run.release_ref())
        )));
    }
    Ok(())
}

/// Whether to take up what a process has left that is gone, for commands that find work.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Leftovers {
    /// First retry what was left running by a process that is gone
    #[arg(long)]
    stale: bool,
}

impl Leftovers {
    /// Retries it, or just says that it is there.
    ///
    /// # Errors
    /// When the stores cannot be read or written.
    pub fn look_after(self, session: &mut Session) -> Result<(), Failure> {
        if !self.stale {
            return report_stale(session);
        }
        let deadline = identity::stale_deadline()?;
        let facts = session.facts();
        let retried = session.decide(|snapshot| release::retry_stale(snapshot, deadline, &facts))?;
        for TakenUp { stale, queued } in retried {
            session.view.show(&Event::Note(&format!("{stale} was stale; queued {queued}")));
        }
        Ok(())
    }
}

/// How work is done, for every command that does whatever there is.
#[derive(Clone, Debug, clap::Args)]
pub struct Manner {
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// What dead processes left.
    #[command(flatten)]
    pub leftovers: Leftovers,
    /// The way round a freeze.
    #[command(flatten)]
    pub freeze: freeze::Override,
}

impl Manner {
    /// How many runs execute at the same time.
    #[must_use]
    pub fn jobs(&self) -> usize {
        engine::jobs(self.jobs)
    }
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
            session.view.show(&Event::Undone(&format!("not applied: {why}")));
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
                session.view.show(&Event::Undone(&format!("not applied: {error}")));
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
    let only = Plan { ops: plan.ops, ..Plan::default() };
    let mut failed = 0;
    let given_up = places::at_each(session, &only, |session, sources, part| {
        failed += check_envs(session, sources, part)?.len();
        Ok(())
    })?;
    Ok(failed + given_up.len())
}

fn plan_runs(session: &mut Session, scope: &Scope) -> Result<Plan, Failure> {
    session.refresh();
    let facts = session.facts();
    let mut plan = Plan::default();
    session.ask(|snapshot| {
        plan = Plan::default();
        plan::plan_runs(snapshot, scope, &facts, &mut plan)
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
        if op.subpath() == "check_envs" {
            match programs.evaluate(&op.release_ref(), showing(&session.view, op)) {
                Ok(program) => {
                    evaluated.push((op.clone(), program.package().cloned().unwrap_or_default()));
                    continue;
                }
                Err(diagnostics) => session.view.show(&Event::Diagnosed {
                    what: "",
                    diagnostics: &diagnostics,
                    here: sources.are_here(),
                    run: None,
                }),
            }
        } else {
            let problem = format!("{op} is no operation that this build knows; it is left");
            session.view.show(&Event::Undone(&problem));
        }
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
                session.view.show(&Event::Undone(&format!("{op} is not done: {error}")));
                failed.push(op);
            }
        }
    }
    Ok(failed)
}

/// Queues deployments of this commit to be made again, then executes what is ready at this commit
/// until nothing is. Returns also how many places could not be worked on.
///
/// # Errors
/// When the stores cannot be read or written.
pub fn run_ready(session: &mut Session, jobs: usize) -> Result<(Report, usize), Failure> {
    let scope = this_commit(session)?;
    let plan = plan_runs(session, &scope)?;
    freeze::show(session, &plan.frozen());
    let only = Plan { ready: plan.ready, reconcile: plan.reconcile, ..Plan::default() };
    let mut report = Report::default();
    let given_up = places::at_each(session, &only, |session, sources, part| {
        report.merge(run_part(session, sources, part, jobs)?);
        Ok(())
    })?;
    Ok((report, given_up.len()))
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
    let claims = engine::claims(session, jobs);
    let clock = session.clock();
    let ready: BTreeSet<Ref> = plan.ready.iter().map(|ready| ready.run.release_ref()).collect();
    // What is queued is claimed in the same transaction, where it can start.
    let (queued, releases, claimed) = session.decide(|snapshot| {
        let facts = clock();
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
        let claimed = needs.take(engine::claim(&mut steps, &sound, claims, &facts)).unwrap_or_default();
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
                session.view.show(&Event::Undone(&format!("not executed: {error}")));
                report.failed.push(release);
            }
            Err(other) => return Err(other),
        }
    }
    report.merge(engine::run(session, sources, &sound, claimed, jobs)?);
    show_waiting(session, &report);
    Ok(report)
}

/// As many things that are left out of a plan are explained; the rest is counted.
const EXPLAINED: usize = 20;

/// What is no work now, in the order of the plan, and why; none where that is to be found out, which is
/// so of runs that wait. What a freeze holds is [said otherwise](freeze::show).
#[must_use]
pub fn left_out(plan: &Plan) -> Vec<(Ref, Option<String>)> {
    let reason = |left: &LeftOut| match &left.reason {
        Reason::Frozen(_) => None,
        Reason::Waits(_) => Some((left.reference.clone(), None)),
        other => Some((left.reference.clone(), Some(other.to_string()))),
    };
    plan.left_out.iter().filter_map(reason).collect()
}

/// Says what is no work now, and why.
///
/// # Errors
/// When the stores cannot be read.
pub fn show_left_out(session: &mut Session, left_out: &[(Ref, Option<String>)]) -> Result<(), Failure> {
    let (facts, lease) = (session.facts(), identity::lease_seconds()?);
    let explained = left_out.iter().take(EXPLAINED);
    let lines = session.ask(|snapshot| {
        let mut needs = Needs::default();
        let mut enquiry = Enquiry::new(snapshot, &facts).with_lease(lease);
        let mut lines = Vec::new();
        for (reference, known) in explained.clone() {
            match known {
                Some(reason) => lines.push(format!("{reference}: {reason}")),
                None => {
                    let why = needs.take(enquiry.of(reference)).flatten();
                    lines.extend(why.map(|why| format!("{reference}: {}", why.sentence)));
                }
            }
        }
        needs.settle(lines)
    })?;
    for line in lines {
        session.view.show(&Event::Note(&format!("left out: {line}")));
    }
    if let more @ 1.. = left_out.len().saturating_sub(EXPLAINED) {
        session.view.show(&Event::Note(&format!("left out: {more} more; `ocuroot state why REF` says why")));
    }
    Ok(())
}

/// Says for each run that waits what for.
pub fn show_waiting(session: &Session, report: &Report) {
    for Waiting { run, missing, why } in &report.waiting {
        session.view.show(&Event::Waiting { run, missing, why });
    }
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
    let newest = session.ask(|snapshot| repo_config::newest(snapshot, Marker::State))?;
    Ok(newest.iter().map(|(at, _)| Elsewhere::of(at, at.release().unwrap_or_default())).collect())
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
        let (at, config) = places::recorded(session, place)?;
        let Some(config) = config else {
            session
                .view
                .show(&Event::Undone(&format!("{at} is not in state, so {repo} cannot be triggered")));
            failed += 1;
            continue;
        };
        let called = places::evaluate(session, &at, &config).and_then(|(program, host)| {
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
                let what = format!("the trigger of {repo} failed");
                // What is recorded may be what is checked out, or that of another day.
                let here = places::own(session)?.is_some_and(|own| own == *place);
                let (what, diagnostics) = (what.as_str(), &diagnostics);
                session.view.show(&Event::Diagnosed { what, diagnostics, here, run: None });
                failed += 1;
            }
        }
    }
    Ok(failed)
}
