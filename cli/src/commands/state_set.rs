//! `ocuroot state set`

use std::io::Read;

use ocuroot_core::Ref;
use ocuroot_core::freeze;
use ocuroot_core::intent;
use ocuroot_core::resolve::{self, LinkCycle};
use ocuroot_core::sdk::evaluate_expression;
use ocuroot_core::snapshot::Unmet;
use serde_json::Value;

use super::quiet;
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::session::Session;
use crate::view::Event;

/// Set intent: what should be
///
/// Writes custom state, an environment, or what should be deployed. `ocuroot state apply` or
/// `ocuroot work any` carries it out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to set: ./@r4/custom/approve, @/environment/prod, ./@/deploy/prod
    pub(super) reference: String,
    /// The value; - reads it from stdin
    #[arg(allow_negative_numbers = true)]
    value: String,
    /// How the value is written
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

/// How a value is written on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The text as it is.
    #[default]
    String,
    /// JSON.
    Json,
    /// A Starlark expression.
    Starlark,
}

impl Args {
    /// Sets it.
    ///
    /// # Errors
    /// When the value is malformed, or is not what the ref holds.
    pub fn run(self) -> Result<(), Failure> {
        let text = if self.value == "-" { stdin()? } else { self.value };
        let value = match self.format {
            Format::String => Value::String(text),
            Format::Json => serde_json::from_str(&text)
                .map_err(|source| Failure::Json { what: "the value".to_owned(), source })?,
            Format::Starlark => evaluate_expression(&text)?,
        };
        let mut session = quiet()?;
        let reference = refs_here::resolve(&session.repo, &self.reference, &self.target)?;
        if reference.fragment().is_some() {
            return Err(Failure::Usage(format!("{reference} names a field; set the whole document")));
        }
        session.decide(|snapshot| Ok((intent::set(snapshot, &reference, &value)?, ())))?;
        session
            .view
            .show(&Event::Note(&format!("set {}; `ocuroot work any` carries it out", reference.to_intent())));
        warn_of_freeze(&mut session, &reference, &value)?;
        warn_of_no_release(&mut session, &reference)
    }
}

/// An approval of a release that is not there is written all the same, since it may come; but
/// mostly it is a slip.
fn warn_of_no_release(session: &mut Session, reference: &Ref) -> Result<(), Failure> {
    let release = reference.release_ref().to_state();
    let named = release.release().is_some_and(|release| !release.is_empty());
    if named
        && session
            .read(|snapshot| Ok::<_, Unmet<LinkCycle>>(resolve::document(snapshot, &release)?.is_none()))?
    {
        session.view.show(&Event::Note(&format!("warning: there is no release {release}")));
    }
    Ok(())
}

/// A freeze that does not say what it should, or freezes nothing.
fn warn_of_freeze(session: &mut Session, reference: &Ref, value: &Value) -> Result<(), Failure> {
    if let Some(problem) = freeze::problem(reference, value) {
        let at = reference.to_state();
        session.view.show(&Event::Note(&format!("warning: {at} will freeze all the same, but {problem}")));
    }
    if let Some(environment) = freeze::environment(reference) {
        let known: Ref = format!("@/environment/{environment}").parse()?;
        let known =
            session.ask(|snapshot| Ok(snapshot.exists(&known)? || snapshot.exists(&known.to_intent())?))?;
        if !known {
            session.view.show(&Event::Note(&format!("warning: there is no environment {environment}")));
        }
    }
    Ok(())
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|source| Failure::File { path: "stdin".into(), source })?;
    Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
}
