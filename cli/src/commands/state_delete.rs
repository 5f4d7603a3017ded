//! `ocuroot state delete`

use ocuroot_core::intent;

use super::quiet;
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::view::Event;

/// Delete intent: what should not be any more
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to delete: ./@r4/custom/approve, @/environment/prod, ./@/deploy/prod
    #[arg(required_unless_present_any = ["package", "release"])]
    reference: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Deletes it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let reference = refs_here::named(&session.repo, self.reference.as_deref(), &self.target)?;
        session.decide(|snapshot| Ok((intent::delete(snapshot, &reference)?, ())))?;
        session.view.show(&Event::Note(&format!(
            "deleted {}; `ocuroot work any` carries it out",
            reference.to_intent()
        )));
        Ok(())
    }
}
