//! `ocuroot work trigger`

use ocuroot_core::plan::Scope;

use super::{print_planned, watched};
use crate::color::Color;
use crate::error::Failure;
use crate::view::Event;
use crate::work;

/// Start work where it belongs: call the trigger of every repo and commit that has some
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For intent: every known repo at its newest commit
    #[arg(short, long)]
    intent: bool,
    /// Print the plan as JSON, and do nothing
    #[arg(short, long)]
    dryrun: bool,
}

impl Args {
    /// Calls them.
    ///
    /// # Errors
    /// When a trigger fails.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        if self.dryrun {
            return print_planned(&mut session, &Scope::Everything);
        }
        let places =
            if self.intent { work::known_repos(&mut session)? } else { work::with_work(&mut session)? };
        if places.is_empty() {
            session.view.show(&Event::Note("there is no work anywhere"));
        }
        match work::trigger(&mut session, &places)? {
            0 => Ok(()),
            1 => Err(Failure::Unsuccessful("1 trigger failed".to_owned())),
            failed => Err(Failure::Unsuccessful(format!("{failed} triggers failed"))),
        }
    }
}
