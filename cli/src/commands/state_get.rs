//! `ocuroot state get`

use ocuroot_core::resolve::{self, LinkCycle};
use ocuroot_core::snapshot::Unmet;

use super::{print_json, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};

/// Print a document, or a field of it, as JSON
///
/// Follows links and tags. With `+` in the ref the document is read from intent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to print: ./@/task/build#output/image, @/environment/prod; default: the release that
    /// --package and --release name
    #[arg(required_unless_present_any = ["package", "release"])]
    reference: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Prints it.
    ///
    /// # Errors
    /// When there is nothing at the ref.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let reference = refs_here::named(&session.repo, self.reference.as_deref(), &self.target)?;
        let found = session.read(|snapshot| {
            if let Some(problem) = snapshot.problem(&reference)? {
                return Ok(Err(problem.to_string()));
            }
            Ok::<_, Unmet<LinkCycle>>(Ok(resolve::value(snapshot, &reference)?.cloned()))
        })?;
        match found {
            Err(problem) => Err(Failure::Unsuccessful(format!("{reference}: {problem}"))),
            Ok(Some(value)) => print_json(&value),
            Ok(None) if reference.fragment().is_some() => {
                let document = reference.document();
                let there = session.read(|snapshot| {
                    Ok::<_, Unmet<LinkCycle>>(resolve::value(snapshot, &document)?.is_some())
                })?;
                let nearest = match there {
                    true => Some(document),
                    false => session.ask(|snapshot| resolve::nearest(snapshot, &document))?,
                };
                Err(refs_here::not_found(&session.repo, reference, nearest))
            }
            Ok(None) => {
                let nearest = session.ask(|snapshot| resolve::nearest(snapshot, &reference))?;
                Err(refs_here::not_found(&session.repo, reference, nearest))
            }
        }
    }
}
