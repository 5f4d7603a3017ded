//! A release that nobody has made: what `ocuroot preview` shows of a release file.
//!
//! The store that it is read from holds that release and nothing else, as it would be right after it was
//! made. So everything in it is pending, and what it waits for is not there. Of that, what is said of the
//! file is kept: phases, tasks and deployments, inputs and where they would come from. Where things stand
//! is left out, since nothing stands anywhere.
//!
//! ```
//! use ocuroot_core::screens::release::preview;
//!
//! assert_eq!(preview::when(1), "at first");
//! assert_eq!(preview::when(3), "after phase 2");
//! ```

use super::panel::Panel;
use super::{Action, Note, Page, Word};
use crate::commands;
use crate::why::Sentence;

/// When the work of a phase, counted from 1, would run.
#[must_use]
pub fn when(phase: usize) -> String {
    match phase {
        0 | 1 => "at first".to_owned(),
        later => format!("after phase {}", later - 1),
    }
}

/// The page, as what would be.
#[must_use]
pub fn page(mut page: Page) -> Page {
    let deploys = |is_deploy: bool| {
        let nodes = page.phases.iter().flat_map(|phase| &phase.nodes);
        nodes.filter(|node| node.is_deploy == is_deploy).count()
    };
    let works = [(deploys(false), "task"), (deploys(true), "deployment")];
    let works: Vec<String> = works
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let phases = match page.phases.len() {
        1 => "in one phase".to_owned(),
        many => format!("in {many} phases, one after the other"),
    };
    page.notes = vec![Note {
        word: Word::Pending,
        lead: "This is a preview: nothing has been released.".to_owned(),
        missing: None,
        text: match works.as_slice() {
            [] => String::new(),
            works => format!("A release would run {} {phases}. This command makes it:", works.join(" and ")),
        },
        action: (!works.is_empty()).then(|| Action::Command(commands::release(&page.package))),
    }];
    page.word = Word::Pending;
    // It has not been made.
    page.time = String::new();
    for phase in &mut page.phases {
        phase.quiet = false;
        phase.count = String::new();
        for node in &mut phase.nodes {
            node.word = Word::Pending;
        }
    }
    page
}

/// A run, as what it would be.
#[must_use]
pub fn panel(mut panel: Panel) -> Panel {
    panel.word = Word::Pending;
    (panel.why, panel.retry, panel.start) = (None, None, None);
    panel.attempts = Vec::new();
    panel.missing = 0;
    for wait in &mut panel.waits {
        (wait.word, wait.sentence, wait.approval) = (Word::Pending, Sentence::default(), None);
    }
    for function in &mut panel.functions {
        function.word = Word::Pending;
    }
    panel.no_outputs = "Known when it has run.".to_owned();
    panel.has_log = false;
    panel
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::documents::Package;
    use crate::facts::Facts;
    use crate::memory::Memory;
    use crate::refs::Ref;
    use crate::release::{self, Commit};
    use crate::screens::release as screen;

    /// A task, and two deployments that take an output of another package and an approval.
    fn package() -> Package {
        let fn_ = |name: &str| json!({"name": name, "pos": "web.ocu.star:1:1"});
        let inputs = json!({
            "port": {"ref": "shop/-/network.ocu.star/@/deploy/prod#output/port"},
            "approve": {"ref": "shop/-/web.ocu.star/@r3/custom/approve"},
        });
        let deploy = |environment: &str| json!({"deploy": {"environment": environment, "up": fn_("up"), "down": fn_("down"), "inputs": inputs}});
        let build = json!({"task": {"name": "build", "fn": fn_("build"), "inputs": {}}});
        serde_json::from_value(json!({"phases": [
            {"name": "", "tasks": [build]},
            {"name": "out", "tasks": [deploy("eu"), deploy("us")]},
        ]}))
        .unwrap()
    }

    #[test]
    fn it_says_what_would_be_and_of_nothing_where_it_stands() {
        let at: Ref = "shop/-/web.ocu.star/@r3".parse().unwrap();
        let facts = Facts::at("2026-05-12T16:42:06Z");
        let mut store = Memory::default();
        let commit = Commit { hash: "7be91d4".into(), ..Commit::default() };
        let made =
            store.decide(|snapshot| release::create(snapshot, &at, &commit, package(), &facts)).unwrap();
        store.commit(&made).unwrap();
        let snapshot = store.snapshot();
        let shown = page(screen::page(&snapshot, None, &at, &facts).unwrap().unwrap());
        let said: Vec<(&str, &str)> =
            shown.notes.iter().map(|note| (note.lead.as_str(), note.text.as_str())).collect();
        assert_eq!(
            said,
            [(
                "This is a preview: nothing has been released.",
                "A release would run 1 task and 2 deployments in 2 phases, one after the other. \
                 This command makes it:"
            )]
        );
        let command = Action::Command("ocuroot release new shop/-/web.ocu.star".to_owned());
        assert_eq!(shown.notes[0].action, Some(command));
        assert!(shown.phases.iter().flat_map(|phase| &phase.nodes).all(|node| node.word == Word::Pending));
        let run = screen::panel::panel(&snapshot, &at, "deploy/eu/1", &facts).unwrap().unwrap();
        assert!(run.why.is_some() && !run.attempts.is_empty());
        let run = panel(run);
        assert!(run.why.is_none() && run.attempts.is_empty() && run.start.is_none());
        let waits: Vec<&str> = run.waits.iter().map(|wait| wait.source.as_str()).collect();
        assert_eq!(
            waits,
            ["@r3/task/build", "@r3/custom/approve", "network.ocu.star/@/deploy/prod#output/port"]
        );
        assert!(run.waits.iter().all(|wait| wait.approval.is_none()));
    }
}
