//! `ocuroot work cascade`

use std::num::NonZeroUsize;

use ocuroot_core::plan::Scope;

use super::{cascade, print_planned, watched};
use crate::cascade::Reach;
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::freeze::Override;
use crate::work::Leftovers;

/// Do all work there is, at every commit and in every repo
///
/// Again and again until nothing is left. Work of another commit is done in a fresh worktree, that of
/// another repo in a fresh clone; both are removed afterwards.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the plan as JSON, and do nothing
    #[arg(short, long)]
    dryrun: bool,
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    leftovers: Leftovers,
    #[command(flatten)]
    freeze: Override,
}

impl Args {
    /// Does the work.
    ///
    /// # Errors
    /// When a run fails, something cannot be done, or the work feeds itself.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.freeze.apply(&mut session);
        if self.dryrun {
            return print_planned(&mut session, &Scope::Everything);
        }
        self.leftovers.look_after(&mut session)?;
        cascade(&mut session, Reach::Everything, engine::jobs(self.jobs))
    }
}
