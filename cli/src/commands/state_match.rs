//! `ocuroot state match`

use ocuroot_core::natural;
use ocuroot_core::snapshot::Needs;
use ocuroot_core::{Glob, Marker};

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};

/// Print the refs that a glob matches, one a line
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pattern over full refs: **/@/deploy/prod
    #[arg(default_value = "**")]
    glob: String,
    /// Leave links out
    #[arg(short = 'l', long)]
    no_links: bool,
    /// Order: bytes, or natural (r2 before r10)
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// Search intent, as a pattern with + does
    #[arg(long)]
    intent: bool,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// How refs are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// By bytes.
    #[default]
    Bytes,
    /// As people count.
    Natural,
}

impl Args {
    /// Prints them.
    ///
    /// # Errors
    /// When the glob is malformed, or the store cannot be read.
    pub fn run(self) -> Result<(), Failure> {
        let glob = Glob::new(&self.glob)?;
        let mut session = quiet()?;
        let narrowed = refs_here::narrowed(&session.repo, &self.target)?;
        let mut refs = session.ask(|snapshot| {
            let refs = if self.intent {
                snapshot.search_in(Marker::Intent, &glob)?
            } else {
                snapshot.search(&glob)?
            };
            if !self.no_links {
                return Ok(refs);
            }
            let mut needs = Needs::default();
            let is_link = |document: Option<&ocuroot_core::envelope::Document>| {
                document.is_some_and(|document| document.target().is_some())
            };
            let kept = refs
                .into_iter()
                .filter(|reference| needs.take(snapshot.get(reference)).is_some_and(|found| !is_link(found)))
                .collect();
            needs.settle(kept)
        })?;
        refs.retain(|reference| refs_here::is_in(reference, narrowed.as_ref()));
        if self.sort == Sort::Natural {
            refs.sort_by(|a, b| natural::compare(a.as_str(), b.as_str()));
        }
        if self.json {
            return print_json(&refs);
        }
        print_lines(&refs.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}
