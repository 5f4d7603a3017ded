//! `ocuroot state check`

use ocuroot_core::Ref;
use ocuroot_core::check;

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::identity;
use crate::refs_here::{self, Target};

/// Look for what does not add up in the stores
///
/// Finds dangling links, runs with no status or two, files that are no documents, runs that were
/// left running by a process that is gone, and in git summaries that are missing or out of date.
/// Exits 1 when something is left to be mended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Mend what can be mended without guessing
    #[arg(long)]
    fix: bool,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Looks, and mends.
    ///
    /// # Errors
    /// When something is left to be mended.
    pub fn run(self) -> Result<(), Failure> {
        let deadline = identity::stale_deadline()?;
        let mut session = quiet()?;
        let facts = session.facts();
        let narrowed = refs_here::narrowed(&session.repo, &self.target)?;
        let (mut findings, _) = session.ask(|snapshot| check::check(snapshot, deadline, &facts))?;
        let summaries = session.stores.check_summaries(&mut session.snapshot)?;
        findings.extend(summaries.into_iter().map(|mend| mend.finding));
        findings.retain(|finding| is_in(&finding.place, narrowed.as_ref()));
        let of_summaries = |finding: &check::Finding| finding.problem == check::Problem::Summary;
        if self.fix && findings.iter().any(|finding| finding.fixable && !of_summaries(finding)) {
            session.decide(|snapshot| {
                let (_, mut transaction) = check::check(snapshot, deadline, &facts)?;
                transaction.writes.retain(|at, _| refs_here::is_in(at, narrowed.as_ref()));
                Ok::<_, ocuroot_core::snapshot::Unmet<std::convert::Infallible>>((transaction, ()))
            })?;
        }
        if self.fix && findings.iter().any(of_summaries) {
            session.stores.mend_summaries(|mend| is_in(&mend.finding.place, narrowed.as_ref()))?;
        }
        let fixed = |finding: &check::Finding| self.fix && finding.fixable;
        if self.json {
            print_json(&findings)?;
        } else {
            let line = |finding: &check::Finding| {
                let state = if fixed(finding) { "mended: " } else { "" };
                format!("{}: {state}{}", finding.place, finding.message)
            };
            print_lines(&findings.iter().map(line).collect::<Vec<_>>())?;
        }
        let left = findings.iter().filter(|finding| !fixed(finding)).count();
        match left {
            0 => Ok(()),
            1 => Err(Failure::Unsuccessful("1 problem found".to_owned())),
            many => Err(Failure::Unsuccessful(format!("{many} problems found"))),
        }
    }
}

/// Whether a finding is in what is looked at: by its ref, or by its path where that is none.
fn is_in(place: &str, narrowed: Option<&Ref>) -> bool {
    match (place.parse::<Ref>(), narrowed) {
        (Ok(reference), narrowed) => refs_here::is_in(&reference, narrowed),
        (Err(_), None) => true,
        (Err(_), Some(narrowed)) => place.starts_with(&format!("{narrowed}/")),
    }
}
