//! `ocuroot release cancel`

use ocuroot_core::release;

use super::{found, print_lines, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};

/// Cancel what has not started in a release
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release: ./web.ocu.star/@r4, @v2
    #[arg(required_unless_present_any = ["package", "release"])]
    reference: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Cancels, and prints the runs.
    ///
    /// # Errors
    /// When there is no such release, or nothing in it that could be cancelled.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let wanted = refs_here::package(&session.repo, self.reference.as_deref(), &self.target)?;
        if wanted.release().is_none_or(str::is_empty) {
            return Err(Failure::Usage(format!(
                "{wanted} names no release: add one, as in {}/@r4",
                wanted.package()
            )));
        }
        let facts = session.facts();
        let cancelled = session.decide(|snapshot| {
            let (release, _) = release::read(snapshot, &wanted)?;
            release::cancel(snapshot, &release, &facts)
        });
        let cancelled = found(&mut session, &wanted.package(), cancelled)?;
        print_lines(&cancelled.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}
