//! `ocuroot state diff`

use ocuroot_core::Ref;
use ocuroot_core::intent::{self, Change, Difference};
use ocuroot_core::resolve::{self, LinkCycle};
use ocuroot_core::snapshot::Unmet;
use serde_json::Value;

use super::{print_json, print_lines, quiet};
use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::session::Session;

/// Print the refs whose intent and state differ, one a line
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print a JSON list, with how each differs
    #[arg(long)]
    json: bool,
    /// Print both bodies of each
    #[arg(long, conflicts_with = "json")]
    patch: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Prints them.
    ///
    /// # Errors
    /// When the stores cannot be read.
    pub fn run(self) -> Result<(), Failure> {
        let mut session = quiet()?;
        let narrowed = refs_here::narrowed(&session.repo, &self.target)?;
        let Session { stores, snapshot, .. } = &mut session;
        let mut differences = stores.remembered("diff", || stores.ask(snapshot, intent::diff))?;
        differences.retain(|difference| refs_here::is_in(&difference.reference, narrowed.as_ref()));
        if self.json {
            return print_json(&differences);
        }
        if !self.patch {
            return print_lines(&differences.iter().map(|d| d.reference.to_string()).collect::<Vec<_>>());
        }
        for Difference { reference, change } in &differences {
            let body = |session: &mut Session, reference: &Ref| {
                session
                    .read(|snapshot| Ok::<_, Unmet<LinkCycle>>(resolve::value(snapshot, reference)?.cloned()))
            };
            let intent = body(&mut session, &reference.to_intent())?;
            let state = body(&mut session, reference)?;
            let mut lines = vec![format!("{} {reference}", word(*change))];
            lines.extend(side_by_side(intent.as_ref(), state.as_ref()));
            print_lines(&lines)?;
        }
        Ok(())
    }
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Update => "update",
        Change::Delete => "delete",
    }
}

/// Two bodies in two columns, intent left; lines that differ are marked.
fn side_by_side(intent: Option<&Value>, state: Option<&Value>) -> Vec<String> {
    let lines = |value: Option<&Value>| -> Vec<String> {
        let text = value.and_then(|value| serde_json::to_string_pretty(value).ok()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (left, right) = (lines(intent), lines(state));
    let width = left.iter().map(|line| line.chars().count()).max().unwrap_or(0).max("intent".len());
    let mut rows = vec![format!("    {:<width$}    state", "intent")];
    for index in 0..left.len().max(right.len()) {
        let at = |lines: &[String]| lines.get(index).cloned().unwrap_or_default();
        let (a, b) = (at(&left), at(&right));
        let mark = if a == b { ' ' } else { '|' };
        rows.push(format!("    {a:<width$}  {mark} {b}").trim_end().to_owned());
    }
    rows
}
