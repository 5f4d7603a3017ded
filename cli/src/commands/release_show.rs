//! `ocuroot release show`

use ocuroot_core::overview::{self, RunSummary};
use ocuroot_core::release;
use ocuroot_core::snapshot::Unmet;

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::view::{mark, time};

/// Show a release: its phases, their runs, and what each waits for
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release: ./web.ocu.star/@r4, @v2; default: the newest of the only file here
    reference: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Shows it.
    ///
    /// # Errors
    /// When there is no such release.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let mut wanted = refs_here::package(&session.repo, self.reference.as_deref(), &self.target)?;
        if wanted.release().is_none() {
            wanted = wanted.with_release("")?;
        }
        let shown = session.read(|snapshot| {
            let (release, _) = release::read(snapshot, &wanted)?;
            Ok::<_, Unmet<_>>(overview::release(snapshot, &release)?)
        })?;
        if self.json {
            return print_json(&shown);
        }
        let mut lines = vec![format!("{} {}", shown.release, shown.status)];
        let commit = format!("commit {} {}", shown.commit, shown.subject);
        lines.push(commit.trim_end().to_owned());
        if !shown.tags.is_empty() {
            lines.push(format!("tags   {}", shown.tags.join(" ")));
        }
        for (index, phase) in shown.phases.iter().enumerate() {
            lines.push(match phase.name.as_str() {
                "" => format!("phase {}", index + 1),
                name => format!("phase {}: {name}", index + 1),
            });
            for work in &phase.work {
                if work.runs.is_empty() {
                    lines.push(format!("  - {} has no run", work.place));
                }
                for run in &work.runs {
                    lines.extend(run_lines(&work.place, run));
                }
            }
        }
        print_lines(&lines)
    }
}

fn run_lines(place: &str, run: &RunSummary) -> Vec<String> {
    let mut lines =
        vec![format!("  {} {place}/{} {} {}", mark(run.status), run.number, run.status, time(&run.since))];
    lines.extend(run.outputs.iter().map(|output| format!("      {output}")));
    if !run.waits_for.is_empty() {
        lines.push("      waits for".to_owned());
        lines.extend(run.waits_for.iter().map(|missing| format!("        {missing}")));
    }
    lines
}
