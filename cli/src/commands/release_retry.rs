//! `ocuroot release retry`

use std::num::NonZeroUsize;

use ocuroot_core::release;
use ocuroot_core::transaction::Steps;

use super::{execute, finish, release_continue, watched};
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::freeze::Override;
use crate::identity;
use crate::refs_here::Target;
use crate::view::Event;

/// Try again what failed in a release
///
/// Each failed run gets a new attempt with the same function and inputs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release: ./web.ocu.star/@r4, @v2; default: the newest of the only file here at this commit
    reference: Option<String>,
    /// Also what was left running by a process that is gone
    #[arg(long)]
    stale: bool,
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    freeze: Override,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Retries.
    ///
    /// # Errors
    /// When nothing has failed, another commit is checked out, or it fails again.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.freeze.apply(&mut session);
        let found = release_continue::find(&mut session, self.reference.as_deref(), &self.target)?;
        let Some(release) = found else { return Ok(()) };
        let facts = session.facts();
        let deadline = identity::stale_deadline()?;
        let stale = self.stale;
        let jobs = engine::jobs(self.jobs);
        let claims = engine::claims(&session, jobs);
        let (ended, queued, claimed) = session.decide(|snapshot| {
            let mut steps = Steps::new(snapshot);
            let mut ended = Vec::new();
            if stale {
                let (failing, stale) = release::fail_stale(snapshot, &release, deadline, &facts)?;
                steps.take(failing);
                ended = stale;
            }
            let (retrying, queued) = release::retry(steps.here(), &release, &facts)?;
            steps.take(retrying);
            let claimed = engine::claim(&mut steps, std::slice::from_ref(&release), claims, &facts)?;
            Ok((steps.finish(), (ended, queued, claimed)))
        })?;
        for run in ended {
            session.view.show(&Event::Note(&format!("{run} was stale, and has failed")));
        }
        for run in &queued {
            session.view.show(&Event::Note(&format!("queued {run}")));
        }
        let report = execute(&mut session, &release, claimed, jobs)?;
        finish(&mut session, &release, &report, false, jobs)
    }
}
