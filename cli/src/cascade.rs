//! Follows up on what a command has changed, wherever that leads.
//!
//! One round: intent, then the work of each (repo, commit) in sources of its own: the checkout that
//! the command runs in where it is the right one, a fresh worktree or clone elsewhere. Rounds go on
//! until nothing is left that this process has caused (spec: work).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ocuroot_core::documents::RepoConfig;
use ocuroot_core::envelope::Document;
use ocuroot_core::plan::{Plan, Scope};
use ocuroot_core::{cause, repo_config};

use crate::checkout::Checkout;
use crate::engine::Report;
use crate::error::Failure;
use crate::session::Session;
use crate::view::Event;
use crate::work::{self, Elsewhere, Rounds};

/// Does the work that this session's writes have caused. Returns how it went, and how many things
/// could not be done.
///
/// # Errors
/// When the stores cannot be read or written, or the work feeds itself.
pub fn follow_up(session: &mut Session, jobs: usize) -> Result<(Report, usize), Failure> {
    let mut rounds = Rounds::default();
    let mut report = Report::default();
    let mut given_up: BTreeSet<Elsewhere> = BTreeSet::new();
    let mut failed = 0;
    loop {
        let whole = work::plan(session, &Scope::Everything)?;
        let written = session.written.clone();
        let plan = session.ask(|snapshot| cause::of(snapshot, &whole, &written))?;
        let places = by_place(&plan, &given_up);
        if plan.intent.is_empty() && places.is_empty() {
            return Ok((report, failed));
        }
        rounds.note(&plan)?;
        failed += work::apply_all(session, &plan)?;
        for (place, part) in places {
            match do_part(session, &place, &part, jobs) {
                Ok(done) => report.merge(done),
                Err(
                    error @ (Failure::Git(_)
                    | Failure::File { .. }
                    | Failure::Starlark(_)
                    | Failure::Unsuccessful(_)),
                ) if !crate::interrupt::is_set() => {
                    let Elsewhere { repo, commit } = &place;
                    let message = format!("cannot do the work of {repo} at {commit}: {error}");
                    session.view.show(&Event::Note(&message));
                    given_up.insert(place);
                    failed += 1;
                }
                Err(other) => return Err(other),
            }
        }
    }
}

/// The plan's work by where it belongs, but for intent and for places that are given up.
fn by_place(plan: &Plan, given_up: &BTreeSet<Elsewhere>) -> BTreeMap<Elsewhere, Plan> {
    let mut places: BTreeMap<Elsewhere, Plan> = BTreeMap::new();
    let at = |reference: &ocuroot_core::Ref, commit: &str| Elsewhere {
        repo: reference.repo().unwrap_or_default().to_owned(),
        commit: commit.to_owned(),
    };
    for ready in &plan.ready {
        places.entry(at(&ready.run, &ready.commit)).or_default().ready.push(ready.clone());
    }
    for deploy in &plan.reconcile {
        places.entry(at(&deploy.stale.task, &deploy.commit)).or_default().reconcile.push(deploy.clone());
    }
    for op in &plan.ops {
        places.entry(at(&op.op, &op.commit)).or_default().ops.push(op.clone());
    }
    places.retain(|place, _| !given_up.contains(place));
    places
}

fn do_part(session: &mut Session, place: &Elsewhere, part: &Plan, jobs: usize) -> Result<Report, Failure> {
    let own = session.repo.name()? == place.repo;
    if own && session.repo.commit()? == place.commit {
        let root = session.repo.root.clone();
        return work_in(session, &root, part, jobs);
    }
    let checkout = if own {
        Checkout::worktree(&session.repo.root, &place.commit)?
    } else {
        Checkout::clone(&remotes(session, place)?, &place.commit)?
    };
    work_in(session, &checkout.root(), part, jobs)
}

fn work_in(session: &mut Session, root: &Path, part: &Plan, jobs: usize) -> Result<Report, Failure> {
    work::check_envs(session, root, part)?;
    work::run_part(session, root, part, jobs)
}

/// Where another repo can be cloned from, as its configuration at that commit was recorded.
fn remotes(session: &mut Session, place: &Elsewhere) -> Result<Vec<String>, Failure> {
    let at = repo_config::reference(&place.repo, &place.commit)?;
    let config = session.ask(|snapshot| Ok(snapshot.get(&at)?.and_then(Document::read::<RepoConfig>)))?;
    Ok(config.unwrap_or_default().remotes.into_iter().map(|remote| remote.url).collect())
}
