//! Does work wherever it leads.
//!
//! One round: intent, then the work of each (repo, commit) in sources of its own: the checkout that
//! the command runs in where it is the right one, a fresh worktree or clone elsewhere. Rounds go on
//! until nothing is left (spec: work).

use std::collections::{BTreeMap, BTreeSet};

use ocuroot_core::plan::{Plan, Scope};
use ocuroot_core::{Ref, cause};

use crate::checkout::{Checkout, Sources};
use crate::engine::Report;
use crate::error::Failure;
use crate::interrupt;
use crate::rounds::Rounds;
use crate::session::Session;
use crate::view::Event;
use crate::work::{self, Elsewhere};

/// Which work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All there is.
    Everything,
    /// What this process has caused by its writes.
    Caused,
}

/// What cannot be done, and has been reported: it is left for the rest of the command.
#[derive(Debug, Default)]
struct GivenUp {
    places: BTreeSet<Elsewhere>,
    items: BTreeSet<Ref>,
}

impl GivenUp {
    /// The plan without it.
    fn leave_out(&self, plan: &mut Plan) {
        plan.intent.retain(|difference| !self.items.contains(&difference.reference));
        plan.ops.retain(|op| !self.has(&op.op, &op.commit));
        plan.ready.retain(|ready| !self.has(&ready.run, &ready.commit));
        plan.reconcile.retain(|deploy| !self.has(&deploy.stale.task, &deploy.commit));
    }

    fn has(&self, item: &Ref, commit: &str) -> bool {
        self.items.contains(item) || self.places.contains(&place_of(item, commit))
    }
}

/// Does work until none is left. Returns how it went, and how many things could not be done.
///
/// # Errors
/// When the stores cannot be read or written, the work feeds itself, or the user gives up.
pub fn follow(session: &mut Session, reach: Reach, jobs: usize) -> Result<(Report, usize), Failure> {
    // What is checked out elsewhere goes before this process does.
    let _patience = interrupt::hold();
    let mut rounds = Rounds::default();
    let mut report = Report::default();
    let mut given_up = GivenUp::default();
    let mut failed = 0;
    for round in 0.. {
        stop_if_interrupted()?;
        let mut plan = work::plan(session, &Scope::Everything)?;
        if reach == Reach::Everything && round == 0 {
            failed += work::report_invalid(session, &plan);
        }
        if reach == Reach::Caused {
            let written = session.written.clone();
            plan = session.ask(|snapshot| cause::of(snapshot, &plan, &written))?;
        }
        given_up.leave_out(&mut plan);
        if plan.is_empty() {
            break;
        }
        rounds.note(&plan)?;
        given_up.items.extend(work::apply_all(session, &plan)?);
        for (place, part) in by_place(&plan) {
            let done = do_part(session, &place, &part, jobs);
            stop_if_interrupted()?;
            match done {
                Ok((done, undone)) => {
                    report.merge(done);
                    given_up.items.extend(undone);
                }
                Err(
                    error @ (Failure::Git(_)
                    | Failure::File { .. }
                    | Failure::NoSpace { .. }
                    | Failure::Unsuccessful(_)),
                ) => {
                    session.view.show(&Event::Note(&cannot_do(&place, &part, &error)));
                    given_up.places.insert(place);
                }
                Err(other) => return Err(other),
            }
        }
    }
    Ok((report, failed + given_up.items.len() + given_up.places.len()))
}

fn stop_if_interrupted() -> Result<(), Failure> {
    if interrupt::is_set() {
        return Err(Failure::Unsuccessful("interrupted; the same command goes on with what is left".into()));
    }
    Ok(())
}

/// Why the work of a place is left, and what to do about it.
fn cannot_do(place: &Elsewhere, part: &Plan, error: &Failure) -> String {
    let Elsewhere { repo, commit } = place;
    let mut text = format!("cannot do the work of {repo} at {commit}: {error}");
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\n  {hint}"));
        return text;
    }
    let waiting: BTreeSet<Ref> = part.ready.iter().map(|ready| ready.run.release_ref()).collect();
    text.push_str("\n  push the commit to a remote of the repo again");
    for release in waiting {
        text.push_str(&format!(", or end what waits for it: ocuroot release cancel {release}"));
    }
    text
}

fn place_of(item: &Ref, commit: &str) -> Elsewhere {
    Elsewhere { repo: item.repo().unwrap_or_default().to_owned(), commit: commit.to_owned() }
}

/// The plan's work by where it belongs, but for intent.
fn by_place(plan: &Plan) -> BTreeMap<Elsewhere, Plan> {
    let mut places: BTreeMap<Elsewhere, Plan> = BTreeMap::new();
    for ready in &plan.ready {
        places.entry(place_of(&ready.run, &ready.commit)).or_default().ready.push(ready.clone());
    }
    for deploy in &plan.reconcile {
        let place = place_of(&deploy.stale.task, &deploy.commit);
        places.entry(place).or_default().reconcile.push(deploy.clone());
    }
    for op in &plan.ops {
        places.entry(place_of(&op.op, &op.commit)).or_default().ops.push(op.clone());
    }
    places
}

/// Does the work of one place. Returns how its runs went, and which operations could not be done.
fn do_part(
    session: &mut Session,
    place: &Elsewhere,
    part: &Plan,
    jobs: usize,
) -> Result<(Report, Vec<Ref>), Failure> {
    let own = work::own(session)?;
    if own == *place {
        let sources = Sources::here(&session.repo.root);
        return do_with(session, &sources, part, jobs);
    }
    let checkout = if own.repo == place.repo {
        Checkout::worktree(&session.repo.root, &place.commit)?
    } else {
        Checkout::clone(&remotes(session, place)?, &place.commit)?
    };
    do_with(session, &checkout.sources, part, jobs)
}

fn do_with(
    session: &mut Session,
    sources: &Sources,
    part: &Plan,
    jobs: usize,
) -> Result<(Report, Vec<Ref>), Failure> {
    let undone = work::check_envs(session, sources, part)?;
    Ok((work::run_part(session, sources, part, jobs)?, undone))
}

/// Where a repo can be cloned from: what its `repo.ocu.star` says, then the remotes that were recorded.
fn remotes(session: &mut Session, place: &Elsewhere) -> Result<Vec<String>, Failure> {
    let (at, config) = work::recorded(session, place)?;
    let config = config.unwrap_or_default();
    // A file that has problems says nothing, and the rest will do.
    let named = work::evaluate(session, &at, &config).map(|(program, _)| program.repo().remotes.clone());
    let mut urls = named.unwrap_or_default();
    urls.extend(config.remotes.into_iter().map(|remote| remote.url));
    let mut seen = BTreeSet::new();
    urls.retain(|url| !url.is_empty() && seen.insert(url.clone()));
    Ok(urls)
}
