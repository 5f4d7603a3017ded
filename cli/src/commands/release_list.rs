//! `ocuroot release list`

use ocuroot_core::overview::{self, ReleaseSummary};

use super::{print_json, print_table, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::view::time;

/// List the releases of a file, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release file; default: the only one in this folder
    file: Option<String>,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Lists them.
    ///
    /// # Errors
    /// When the file is not there, or the stores cannot be read.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let package = refs_here::package(&session.repo, self.file.as_deref(), &self.target)?.package();
        let releases = session.ask(|snapshot| overview::releases(snapshot, &package))?;
        if releases.is_empty() {
            refs_here::require_file(&session.repo, &package)?;
        }
        if self.json {
            return print_json(&releases);
        }
        let mut rows = vec![
            ["RELEASE", "STATUS", "COMMIT", "TAGS", "LIVE IN", "TIME", "SUBJECT"].map(str::to_owned).to_vec(),
        ];
        rows.extend(releases.iter().map(row));
        print_table(&rows)
    }
}

fn row(release: &ReleaseSummary) -> Vec<String> {
    vec![
        release.release.release().unwrap_or_default().to_owned(),
        release.status.to_string(),
        release.commit.get(..10).unwrap_or(&release.commit).to_owned(),
        release.tags.join(" "),
        release.live_in.join(" "),
        time(&release.time),
        release.subject.clone(),
    ]
}
