//! `ocuroot state apply`

use ocuroot_core::intent::{self, Applied};

use super::watched;
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::freeze::Override;
use crate::refs_here::{self, Target};
use crate::view::Event;

/// Carry out intent at one ref
///
/// Custom state and environments are copied to state; for a deployment a run is queued, which
/// `ocuroot work continue` executes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to apply: @/environment/prod, ./@/deploy/prod
    #[arg(required_unless_present_any = ["package", "release"])]
    reference: Option<String>,
    /// Follow up on what this changes: execute the runs and operations that it asks for
    #[arg(long)]
    cascade: bool,
    #[command(flatten)]
    freeze: Override,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Applies it.
    ///
    /// # Errors
    /// When there is nothing to apply, or it is not valid.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.freeze.apply(&mut session);
        let reference = refs_here::named(&session.repo, self.reference.as_deref(), &self.target)?;
        let facts = session.facts();
        let applied = session.decide(|snapshot| intent::apply(snapshot, &reference, &facts))?;
        match applied {
            Applied::Unchanged(why) => session.view.show(&Event::Note(&format!("nothing to do: {why}"))),
            Applied::Changed(effects) => {
                session.view.show(&Event::Note(&format!("applied {}", reference.to_state())));
                for effect in effects.iter().filter(|effect| **effect != reference.to_state()) {
                    session.view.show(&Event::Note(&format!("  {effect}")));
                }
            }
        }
        super::cascade_if(self.cascade, &mut session, engine::jobs(None))
    }
}
