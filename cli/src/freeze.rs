//! Freezes, as people see them: what does not start, and how it does all the same.

use std::collections::BTreeMap;

use ocuroot_core::Ref;
use ocuroot_core::freeze::Freeze;

use crate::session::Session;
use crate::view::Event;

/// The way round a freeze, for every command that starts runs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Override {
    /// Start deploys in spite of a freeze (@/custom/freeze); the runs record why
    #[arg(long = "override-freeze", value_name = "WHY", value_parser = reason)]
    why: Option<String>,
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why".to_owned()) } else { Ok(text.to_owned()) }
}

impl Override {
    /// From now on the session starts what a freeze holds.
    pub fn apply(self, session: &mut Session) {
        session.override_freeze = self.why;
    }
}

/// Says what a freeze keeps from starting; each run once in the life of a command.
pub fn show(session: &mut Session, frozen: &[(Ref, Freeze)]) {
    let mut by_freeze: BTreeMap<&Freeze, Vec<&Ref>> = BTreeMap::new();
    for (run, freeze) in frozen {
        if session.frozen.insert(run.clone()) {
            by_freeze.entry(freeze).or_default().push(run);
        }
    }
    for (freeze, runs) in by_freeze {
        let (starts, runs) = match runs.as_slice() {
            [one] => ("this starts", one.to_string()),
            many => ("these start", many.iter().map(|run| run.as_str()).collect::<Vec<_>>().join("\n  ")),
        };
        session.view.show(&Event::Note(&format!(
            "{freeze}; with --override-freeze \"why\" {starts} all the same:\n  {runs}"
        )));
    }
}
