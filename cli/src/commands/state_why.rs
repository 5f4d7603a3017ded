//! `ocuroot state why`

use ocuroot_core::resolve;
use ocuroot_core::why::{Enquiry, Help, Why};

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::identity;
use crate::refs_here::{self, Target};

/// Say why something is not done, and what would help
///
/// Of a run, a task or deployment, a release, what is deployed in an environment (./@/deploy/prod), a
/// package, or an environment (@/environment/prod): a sentence for each thing that is open. What it
/// waits for is followed to what a person can do about it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is asked about: ./@r4/deploy/prod, ./@r4, ./@/deploy/prod, @/environment/prod; default: the
    /// newest release of the only file here
    reference: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Says it.
    ///
    /// # Errors
    /// When there is no such thing.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let reference = refs_here::named(&session.repo, self.reference.as_deref(), &self.target)?;
        let (facts, lease) = (session.facts(), identity::lease_seconds()?);
        let why = session
            .ask(|snapshot| Enquiry::new(snapshot, &facts).with_lease(lease).with_logs().of(&reference))?;
        let Some(why) = why else {
            let nearest = session.ask(|snapshot| resolve::nearest(snapshot, &reference))?;
            return Err(refs_here::not_found(&session.repo, reference, nearest));
        };
        if self.json {
            return print_json(&why);
        }
        let mut lines = vec![format!("{}: {}", why.about, why.sentence)];
        let all = if why.open.is_empty() { std::slice::from_ref(&why) } else { &why.open };
        for part in &why.open {
            lines.push(format!("{}: {}", part.about, part.sentence));
        }
        lines.extend(help(&why, all));
        print_lines(&lines)
    }
}

/// What would help, a line each; what a sentence has said already is left out.
fn help(why: &Why, all: &[Why]) -> Vec<String> {
    let said = |command: &str| all.iter().any(|why| why.sentence.to_string().contains(command));
    let line = |help: &Help| {
        let command = help.action.command();
        let but =
            if help.alone { "" } else { "   (starts nothing by itself: something else is missing too)" };
        (!said(&command)).then(|| format!("  {command}{but}"))
    };
    let mut lines: Vec<String> = why.help.iter().filter_map(line).collect();
    if !lines.is_empty() {
        lines.insert(0, "what would help:".to_owned());
    }
    lines
}
