//! `ocuroot work continue`

use super::{fail_if_failed, fail_if_left, print_plan, watched};
use crate::color::Color;
use crate::error::Failure;
use crate::view::Event;
use crate::work::{self, Manner};

/// Execute ready runs of this commit, and deploy again what has changed inputs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the plan as JSON, and do nothing
    #[arg(short, long)]
    dryrun: bool,
    #[command(flatten)]
    manner: Manner,
}

impl Args {
    /// Does the work.
    ///
    /// # Errors
    /// When a run fails.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.manner.freeze.clone().apply(&mut session);
        if self.dryrun {
            let scope = work::this_commit(&session)?;
            let mut plan = work::plan(&mut session, &scope)?;
            plan.intent.clear();
            plan.ops.clear();
            return print_plan(&mut session, &plan);
        }
        self.manner.leftovers.look_after(&mut session)?;
        let (report, undone) = work::run_ready(&mut session, self.manner.jobs())?;
        if report.executed == 0 && undone == 0 && session.frozen.is_empty() {
            let looked = work::where_looked(&session);
            session.view.show(&Event::Note(&format!("nothing is ready {looked}")));
        }
        session.view.finish();
        fail_if_failed(&report)?;
        fail_if_left(undone)
    }
}
