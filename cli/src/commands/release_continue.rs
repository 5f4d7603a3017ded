//! `ocuroot release continue`

use std::num::NonZeroUsize;

use ocuroot_core::Ref;
use ocuroot_core::release::{self, ReleaseError};
use ocuroot_core::snapshot::Unmet;

use super::{execute, finish, require_known, watched};
use crate::color::Color;
use crate::engine;
use crate::error::{Failure, listed};
use crate::freeze::Override;
use crate::refs_here::{self, Target};
use crate::session::Session;
use crate::view::Event;

/// Execute what is ready in an existing release
///
/// The commit that is checked out must be the release's.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release: ./web.ocu.star/@r4, @v2; default: the newest of the only file here at this commit
    reference: Option<String>,
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    freeze: Override,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Carries the release on.
    ///
    /// # Errors
    /// When another commit is checked out, or the release fails.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.freeze.apply(&mut session);
        let Some(release) = find(&mut session, self.reference.as_deref(), &self.target)? else {
            return Ok(());
        };
        let jobs = engine::jobs(self.jobs);
        let report = execute(&mut session, &release, Vec::new(), jobs)?;
        if report.executed == 0 && session.frozen.is_empty() {
            session.view.show(&Event::Note("nothing is ready"));
        }
        finish(&mut session, &release, &report, false, jobs)
    }
}

/// The release that is meant: the one that is named, else the newest of that file at this commit.
/// None, and a message, when there is no such release. Its commit is the one that is checked out.
pub(super) fn find(
    session: &mut Session,
    reference: Option<&str>,
    target: &Target,
) -> Result<Option<Ref>, Failure> {
    let wanted = refs_here::package(&session.repo, reference, target)?;
    let head = session.repo.commit()?.hash.clone();
    let found = match wanted.release() {
        Some(release) if !release.is_empty() => {
            session.read(|snapshot| match release::read(snapshot, &wanted) {
                Ok((release, body)) => Ok(Some((release, body.commit))),
                Err(Unmet::Error(ReleaseError::Unknown(_))) => Ok(None),
                Err(other) => Err(other),
            })?
        }
        _ => session
            .ask(|snapshot| release::of_commit(snapshot, &wanted.package(), &head))?
            .pop()
            .map(|release| (release, head.clone())),
    };
    let Some((release, commit)) = found else {
        require_known(session, &wanted.package())?;
        let message = match wanted.release() {
            Some(release) if !release.is_empty() => {
                format!("there is no release {wanted}; {}", listed(&wanted.package()))
            }
            _ => format!(
                "{} has no release of commit {head}; `ocuroot release new` makes one",
                wanted.package()
            ),
        };
        session.view.show(&Event::Note(&message));
        return Ok(None);
    };
    if commit != head {
        return Err(Failure::OtherCommit { release, commit, head });
    }
    Ok(Some(release))
}
