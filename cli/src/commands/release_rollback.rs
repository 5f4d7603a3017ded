//! `ocuroot release rollback`

use ocuroot_core::rollback::{self, Wish};
use ocuroot_core::{Ref, open};

use super::{found, print_lines, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::session::Session;
use crate::view::Event;

/// Set what should be deployed back to the release before
///
/// For each environment that is the last release that was live there before the one that should be
/// there now. Only intent is set, in one transaction; `ocuroot work any` carries it out. Where one
/// environment cannot be rolled back, none is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release to go back to: ./web.ocu.star/@r4, @v2; default: of the only file here, the one before
    reference: Option<String>,
    /// Only in this environment; can be given more than once [default: all where it is deployed]
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environments: Vec<String>,
    /// Mark what is rolled back from as bad (…/@r4/custom/bad), so that nothing selects it again
    #[arg(long)]
    mark_bad: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Sets intent back, and prints what becomes of each environment.
    ///
    /// # Errors
    /// When nothing is deployed, or there is nothing to go back to.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let wanted = refs_here::package(&session.repo, self.reference.as_deref(), &self.target)?;
        let package = wanted.package();
        let to = Some(&wanted).filter(|wanted| wanted.release().is_some_and(|release| !release.is_empty()));
        let wish = Wish { package: &package, to, environments: &self.environments, mark_bad: self.mark_bad };
        let facts = session.facts();
        let steps = session.decide(|snapshot| rollback::rollback(snapshot, &wish, &facts));
        let steps = found(&mut session, &package, steps)?;
        let line = |step: &rollback::Step| format!("{}: {} -> {}", step.environment, step.from, step.to);
        print_lines(&steps.iter().map(line).collect::<Vec<_>>())?;
        for step in &steps {
            for bad in &step.skipped {
                let note = format!("{}: {bad} is marked as bad, so it was passed over", step.environment);
                session.view.show(&Event::Note(&note));
            }
        }
        warn_of_bad(&mut session, to)?;
        let mut left: Vec<&Ref> = steps.iter().map(|step| &step.from).collect();
        left.sort();
        left.dedup();
        for release in left {
            if !session.ask(|snapshot| open::startable(snapshot, release))?.is_empty() {
                session.view.show(&Event::Note(&format!(
                    "what has not started of {release} still can: {}",
                    ocuroot_core::commands::cancel(release)
                )));
            }
        }
        session.view.show(&Event::Note("set intent; `ocuroot work any` carries it out"));
        Ok(())
    }
}

/// A release that is named is what somebody wants, bad or not; but maybe he does not know.
fn warn_of_bad(session: &mut Session, to: Option<&Ref>) -> Result<(), Failure> {
    let Some(to) = to else { return Ok(()) };
    let bad = session.ask(|snapshot| {
        let release = ocuroot_core::resolve::release(snapshot, to)?;
        rollback::is_bad(snapshot, &release)
    })?;
    if bad {
        session.view.show(&Event::Note(&format!("warning: {to} is marked as bad")));
    }
    Ok(())
}
