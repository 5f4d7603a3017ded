//! `ocuroot find-deploys`

use ocuroot_core::deploys;

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::git;

/// Print the deployments that came of the commits between two
///
/// Of all packages of this repo, those whose release is of a commit from START to END, both included,
/// and of what merges brought in between: oldest commit first, one ref a line. Only what was deployed
/// once is printed, also when it has been replaced or taken down since.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The older commit: anything that git understands, like v1.2 or HEAD~5
    start: String,
    /// The newer commit
    end: String,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints them.
    ///
    /// # Errors
    /// When git does not know the commits or the way between them, or the stores cannot be read.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let commits = git::commits_between(&session.repo.root, &self.start, &self.end)?;
        let repo = session.repo.name()?.to_owned();
        let found = session.ask(|snapshot| deploys::of_commits(snapshot, &repo, &commits))?;
        if self.json {
            return print_json(&found);
        }
        print_lines(&found.iter().map(|deployment| deployment.reference.to_string()).collect::<Vec<_>>())
    }
}
