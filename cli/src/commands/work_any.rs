//! `ocuroot work any`

use super::{fail_if_failed, fail_if_left, print_planned, watched};
use crate::color::Color;
use crate::engine::Report;
use crate::error::Failure;
use crate::places::{self, Elsewhere};
use crate::rounds::Rounds;
use crate::session::Session;
use crate::view::Event;
use crate::work::{self, Manner};

/// Apply intent, do operations, execute ready runs, trigger work elsewhere
///
/// All intent is applied, since it belongs to no commit; operations and runs are those of this
/// commit. Work at other commits and in other repos is left to their triggers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the plan as JSON, and do nothing
    #[arg(short, long)]
    dryrun: bool,
    /// Again and again, until this commit has no work left
    #[arg(long)]
    comprehensive: bool,
    #[command(flatten)]
    manner: Manner,
}

impl Args {
    /// Does the work.
    ///
    /// # Errors
    /// When a run fails, or something cannot be applied.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.manner.freeze.clone().apply(&mut session);
        let scope = work::this_commit(&session)?;
        if self.dryrun {
            return print_planned(&mut session, &scope);
        }
        self.manner.leftovers.look_after(&mut session)?;
        let jobs = self.manner.jobs();
        let mut rounds = Rounds::default();
        let mut report = Report::default();
        let mut failed = 0;
        loop {
            let plan = work::plan(&mut session, &scope)?;
            rounds.note(&plan)?;
            failed = failed.max(work::apply_intent(&mut session)?);
            failed = failed.max(work::do_ops(&mut session)?);
            let (round, undone) = work::run_ready(&mut session, jobs)?;
            failed = failed.max(undone);
            let nothing = plan.is_empty() && failed == 0 && round.executed == 0 && round.failed.is_empty();
            if nothing && session.frozen.is_empty() {
                let looked = work::where_looked(&session);
                session.view.show(&Event::Note(&format!("nothing to do {looked}")));
            }
            report.merge(round);
            if !self.comprehensive || work::plan(&mut session, &scope)?.is_empty() {
                break;
            }
        }
        trigger_others(&mut session)?;
        session.view.finish();
        fail_if_failed(&report)?;
        fail_if_left(failed)
    }
}

/// Starts work at other commits and in other repos; never at this one. A trigger that fails has
/// been reported, and is no failure of this command.
fn trigger_others(session: &mut Session) -> Result<(), Failure> {
    let own = places::own(session)?;
    let others: Vec<Elsewhere> =
        work::with_work(session)?.into_iter().filter(|place| Some(place) != own.as_ref()).collect();
    work::trigger(session, &others).map(|_| ())
}
