//! `ocuroot work ops`

use super::{print_json, watched};
use crate::color::Color;
use crate::error::Failure;
use crate::view::Event;
use crate::work;

/// Do operations that wait on releases of this commit
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the plan as JSON, and do nothing
    #[arg(short, long)]
    dryrun: bool,
}

impl Args {
    /// Does them.
    ///
    /// # Errors
    /// When one cannot be done.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        if self.dryrun {
            let scope = work::this_commit(&session)?;
            let mut plan = work::plan(&mut session, &scope)?;
            plan.intent.clear();
            plan.ready.clear();
            plan.reconcile.clear();
            return print_json(&plan.items());
        }
        let scope = work::this_commit(&session)?;
        if work::plan(&mut session, &scope)?.ops.is_empty() {
            let looked = work::where_looked(&session);
            session.view.show(&Event::Note(&format!("no operation waits {looked}")));
        }
        match work::do_ops(&mut session)? {
            0 => Ok(()),
            1 => Err(Failure::Unsuccessful("1 operation could not be done".to_owned())),
            failed => Err(Failure::Unsuccessful(format!("{failed} operations could not be done"))),
        }
    }
}
