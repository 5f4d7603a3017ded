//! `ocuroot release new`

use std::num::NonZeroUsize;

use ocuroot_core::release::{self, ReleaseError};

use super::{cascade_if, execute, finish, print_lines, watched};
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::freeze::Override;
use crate::git;
use crate::refs_here::{self, Target};
use crate::releasing::{self, Made};
use crate::report;
use crate::session::Session;
use crate::view::Event;

/// Release a file at the commit that is checked out
///
/// Executes what is ready. What waits for inputs is no failure: it is listed, with the refs that
/// are missing. A file that declares environments sets and applies them instead.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release file; default: the only one in this folder
    file: Option<String>,
    /// Release also when this commit is released already
    #[arg(short, long)]
    force: bool,
    /// Follow up on what this changes, in other releases and other commits too
    #[arg(long)]
    cascade: bool,
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    freeze: Override,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Releases.
    ///
    /// # Errors
    /// When the file has problems, the commit is released already, or the release fails.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.freeze.apply(&mut session);
        let package = refs_here::to_release(&session.repo, self.file.as_deref(), &self.target)?;
        if package.release().is_some() {
            return Err(Failure::Usage(format!(
                "a new release gets its number by itself; leave {} out",
                package.release_ref()
            )));
        }
        refs_here::require_release_file(&session.repo, &package)?;
        let jobs = engine::jobs(self.jobs);
        let root = session.repo.root.clone();
        let changed = std::thread::spawn(move || git::changed_files(&root, &report::files()));
        // To know the commit and to read a remote store takes as long as git takes to look through the files.
        let commit = session.repo.commit()?.clone();
        let read = session.ask(|snapshot| release::next_number(snapshot, &package));
        warn_of_changes(&session, &changed.join().ok().and_then(Result::ok).unwrap_or_default());
        read?;
        let (made, claimed) =
            releasing::make(&mut session, std::slice::from_ref(&package), &commit, self.force, jobs)?;
        match made.into_iter().next() {
            Some(Made::Release(release)) => {
                let report = execute(&mut session, &release, claimed, jobs)?;
                finish(&mut session, &release, &report, self.cascade, jobs)
            }
            Some(Made::Environments(declared)) => {
                print_lines(&declared.iter().map(ToString::to_string).collect::<Vec<_>>())?;
                cascade_if(self.cascade, &mut session, jobs)
            }
            Some(Made::Released(releases)) => {
                Err(ReleaseError::Released { commit: commit.hash, releases }.into())
            }
            Some(Made::Broken(diagnostics)) => Err(diagnostics.into()),
            Some(Made::Nothing) | None => {
                session.view.show(&Event::Note(&format!("{package} defines nothing to release")));
                Ok(())
            }
        }
    }
}

/// A release is of a commit, but what runs is what is checked out: says so where the two differ.
fn warn_of_changes(session: &Session, changed: &[String]) {
    let Some(first) = changed.first() else { return };
    let what = match changed.len() {
        1 => format!("{first} is"),
        many => format!("{first} and {} more are", many - 1),
    };
    session.view.show(&Event::Note(&format!(
        "warning: {what} not committed; the release is recorded as the commit's, but runs what is here"
    )));
}
