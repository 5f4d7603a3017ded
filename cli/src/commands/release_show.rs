//! `ocuroot release show`

use std::collections::BTreeMap;

use ocuroot_core::overview::{self, ReleaseDetail, RunSummary};
use ocuroot_core::release;
use ocuroot_core::snapshot::Unmet;
use ocuroot_core::why::{Enquiry, Why};
use ocuroot_core::{Kind, Ref};
use serde::Serialize;

use super::{found, print_json, print_lines, quiet};
use crate::error::Failure;
use crate::identity;
use crate::refs_here::{self, Target};
use crate::view::{mark, time};

/// A release, and why it is not done.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    release: ReleaseDetail,
    /// The newest run of each task and deployment that is not complete, and operations that wait.
    why: Vec<Why>,
}

/// Show a release: its phases, their runs, and why each waits
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
        let (facts, lease) = (session.facts(), identity::lease_seconds()?);
        let shown = session.read(|snapshot| {
            let (release, _) = release::read(snapshot, &wanted)?;
            let release = overview::release(snapshot, &release)?;
            let mut enquiry = Enquiry::new(snapshot, &facts).with_lease(lease).with_logs();
            let why = enquiry.open_of_release(&release.summary.release)?;
            Ok::<_, Unmet<_>>(Shown { release, why })
        });
        let shown = found(&mut session, &wanted.package(), shown)?;
        if self.json {
            return print_json(&shown);
        }
        let Shown { release: shown, why } = shown;
        let why: BTreeMap<Ref, Why> = why.into_iter().map(|why| (why.about.clone(), why)).collect();
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
                    lines.extend(run_lines(&work.place, run, why.get(&run.run)));
                }
            }
        }
        for op in why.values().filter(|why| why.about.kind() == Some(Kind::Op)) {
            lines.push(format!("{}: {}", op.about, op.sentence));
        }
        print_lines(&lines)
    }
}

fn run_lines(place: &str, run: &RunSummary, why: Option<&Why>) -> Vec<String> {
    let mut lines =
        vec![format!("  {} {place}/{} {} {}", mark(run.status), run.number, run.status, time(&run.since))];
    lines.extend(run.outputs.iter().map(|output| format!("      {output}")));
    if let Some(why) = why {
        lines.push(format!("      {}", why.sentence));
        lines.extend(run.waits_for.iter().map(|missing| format!("        {missing}")));
    }
    lines
}
