//! Does work wherever it leads.
//!
//! One round: intent, then the work of each (repo, commit) in sources of its own: the checkout that
//! the command runs in where it is the right one, a fresh worktree or clone elsewhere. Rounds go on
//! until nothing is left (spec: work).

use std::collections::BTreeSet;

use ocuroot_core::plan::{Plan, Scope};
use ocuroot_core::{Ref, cause};

use crate::engine::Report;
use crate::error::Failure;
use crate::freeze;
use crate::places::{self, Elsewhere};
use crate::rounds::Rounds;
use crate::session::Session;
use crate::work;

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
        self.items.contains(item) || self.places.contains(&Elsewhere::of(item, commit))
    }
}

/// Does work until none is left. Returns how it went, and how many things could not be done.
///
/// # Errors
/// When the stores cannot be read or written, the work feeds itself, or the user gives up.
pub fn follow(session: &mut Session, reach: Reach, jobs: usize) -> Result<(Report, usize), Failure> {
    let mut rounds = Rounds::default();
    let mut report = Report::default();
    let mut given_up = GivenUp::default();
    let mut failed = 0;
    for round in 0.. {
        let mut plan = work::plan(session, &Scope::Everything)?;
        if reach == Reach::Everything && round == 0 {
            failed += work::report_invalid(session, &plan);
        }
        if reach == Reach::Caused {
            let written = session.written.clone();
            plan = session.ask(|snapshot| cause::of(snapshot, &plan, &written))?;
        }
        freeze::show(session, &plan.frozen());
        given_up.leave_out(&mut plan);
        if plan.is_empty() {
            break;
        }
        rounds.note(&plan)?;
        given_up.items.extend(work::apply_all(session, &plan)?);
        let places = places::at_each(session, &plan, |session, sources, part| {
            given_up.items.extend(work::check_envs(session, sources, part)?);
            report.merge(work::run_part(session, sources, part, jobs)?);
            Ok(())
        })?;
        given_up.places.extend(places);
    }
    Ok((report, failed + given_up.items.len() + given_up.places.len()))
}
