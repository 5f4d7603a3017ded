//! `ocuroot work cascade`

use ocuroot_core::plan::Scope;

use super::{cascade, print_planned, watched};
use crate::cascade::Reach;
use crate::color::Color;
use crate::error::Failure;
use crate::work::Manner;

/// Do all work there is, at every commit and in every repo
///
/// Again and again until nothing is left. Work of another commit is done in a fresh worktree, that of
/// another repo in a fresh clone; both are removed afterwards.
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
    /// When a run fails, something cannot be done, or the work feeds itself.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.manner.freeze.clone().apply(&mut session);
        if self.dryrun {
            return print_planned(&mut session, &Scope::Everything);
        }
        self.manner.leftovers.look_after(&mut session)?;
        cascade(&mut session, Reach::Everything, self.manner.jobs())
    }
}
