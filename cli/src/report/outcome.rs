//! What came of a command, put together from the events that were heard.

use std::collections::{BTreeMap, VecDeque};

use ocuroot_core::Ref;
use ocuroot_core::documents::{RunType, Status};
use serde_json::{Value, json};

use crate::view::Event;

/// How many of the last lines of a run are kept, for the case that it fails.
const LAST_LINES: usize = 20;

/// See the module. Lists are in the order of events.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The releases that were made or carried on.
    pub(super) releases: Vec<Released>,
    /// The deployments that were made and taken down.
    pub(super) deployed: Vec<Deployed>,
    /// The runs that wait, and for which refs.
    pub(super) waiting: BTreeMap<Ref, Vec<String>>,
    /// The runs that failed, and what they printed last.
    pub(super) failed: Vec<(Ref, Vec<String>)>,
    /// What else went wrong.
    pub(super) problems: Vec<String>,
    executing: BTreeMap<Ref, VecDeque<String>>,
}

/// A release.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) release: Ref,
    /// Full hash.
    pub(super) commit: String,
    /// Of its commit; may be empty.
    pub(super) subject: String,
    /// None as long as nobody has said.
    pub(super) status: Option<Status>,
}

/// A deployment.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) release: Ref,
    pub(super) environment: String,
    /// Whether it was taken down.
    pub(super) down: bool,
}

impl Outcome {
    /// Takes note of an event.
    pub(super) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Release { release, commit, subject } => {
                if !self.releases.iter().any(|known| known.release == **release) {
                    let (release, commit) = ((*release).clone(), (*commit).to_owned());
                    let subject = (*subject).to_owned();
                    self.releases.push(Released { release, commit, subject, status: None });
                }
            }
            Event::Started { run, .. } => {
                self.waiting.remove(*run);
                self.executing.entry((*run).clone()).or_default();
            }
            Event::Output { run, log } => {
                if let Some(last) = self.executing.get_mut(*run) {
                    last.extend(log.message.lines().map(str::to_owned));
                    last.drain(..last.len().saturating_sub(LAST_LINES));
                }
            }
            Event::Ended { run, run_type, status, .. } => {
                let last = self.executing.remove(*run).unwrap_or_default();
                match (status, run_type) {
                    (Status::Failed, _) => self.failed.push(((*run).clone(), last.into())),
                    (Status::Complete, RunType::Up | RunType::Down) => self.deployed.push(Deployed {
                        release: run.release_ref(),
                        environment: run.subpath().rsplit_once('/').map_or("", |(name, _)| name).to_owned(),
                        down: *run_type == RunType::Down,
                    }),
                    _ => {}
                }
            }
            Event::Waiting { run, missing, .. } => {
                let missing = missing.iter().map(|missing| missing.source().to_owned()).collect();
                self.waiting.insert((*run).clone(), missing);
            }
            Event::Standing { release, status } => {
                for known in self.releases.iter_mut().filter(|known| known.release == **release) {
                    known.status = Some(*status);
                }
            }
            Event::Diagnosed { run: Some(_), .. } => {}
            Event::Diagnosed { what, diagnostics, .. } => {
                let text = diagnostics.to_string();
                self.problems.push(format!("{what}\n{}", text.trim_end()).trim_start().to_owned());
            }
            Event::Undone(text) => self.problems.push((*text).to_owned()),
            Event::Note(_) => {}
        }
    }

    /// Whether there is anything to say.
    pub(super) fn is_empty(&self) -> bool {
        self.releases.is_empty()
            && self.deployed.is_empty()
            && self.waiting.is_empty()
            && self.failed.is_empty()
            && self.problems.is_empty()
    }

    /// In a word: `failed`, `waiting` or `complete`.
    pub(super) fn status(&self, exit_code: u8) -> &'static str {
        let is_open = |released: &Released| released.status.is_some_and(Status::is_open);
        match exit_code {
            0 if self.waiting.is_empty() && !self.releases.iter().any(is_open) => "complete",
            0 => "waiting",
            _ => "failed",
        }
    }

    /// The deployments as JSON.
    pub(super) fn deployed(&self) -> Value {
        let one = |deployed: &Deployed| {
            let change = if deployed.down { "down" } else { "up" };
            json!({"release": deployed.release, "environment": deployed.environment, "change": change})
        };
        self.deployed.iter().map(one).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use ocuroot_core::documents::{Extra, Log};
    use ocuroot_core::ready::Missing;

    use ocuroot_core::why::Sentence;

    use super::*;

    /// A release that was deployed to `staging`, failed in `prod` and waits for `asia`.
    pub(crate) fn sample(subject: &str, line: &str) -> Outcome {
        let reference = |text: &str| format!("shop/-/a.ocu.star/@r1{text}").parse::<Ref>().unwrap();
        let release = reference("");
        let (staging, prod, asia) =
            (reference("/deploy/staging/1"), reference("/deploy/prod/1"), reference("/deploy/asia/1"));
        let log = Log {
            timestamp: String::new(),
            message: line.to_owned(),
            attributes: BTreeMap::new(),
            stream: 1,
            extra: Extra::new(),
        };
        let ended = |run, status| Event::Ended {
            run,
            run_type: RunType::Up,
            status,
            took: Duration::ZERO,
            outputs: &[],
        };
        let approve = Missing::Input { name: "ok".to_owned(), source: "./@/custom/approve".to_owned() };
        let why = Sentence::text("waits for approve");
        let mut outcome = Outcome::default();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        outcome.hear(&Event::Release { release: &release, commit, subject });
        outcome.hear(&Event::Waiting { run: &staging, missing: &[], why: &why });
        outcome.hear(&Event::Started { run: &staging, function: "up" });
        outcome.hear(&ended(&staging, Status::Complete));
        outcome.hear(&Event::Started { run: &prod, function: "up" });
        for _ in 0..30 {
            outcome.hear(&Event::Output { run: &prod, log: &log });
        }
        outcome.hear(&ended(&prod, Status::Failed));
        outcome.hear(&Event::Waiting { run: &asia, missing: &[approve], why: &why });
        outcome.hear(&Event::Standing { release: &release, status: Status::Failed });
        outcome
    }

    #[test]
    fn events_come_to_an_outcome() {
        let outcome = sample("subject", "line");
        assert_eq!(
            outcome.deployed().to_string(),
            r#"[{"change":"up","environment":"staging","release":"shop/-/a.ocu.star/@r1"}]"#
        );
        assert_eq!(outcome.failed.len(), 1);
        assert_eq!(outcome.failed[0].1.len(), LAST_LINES);
        assert_eq!(outcome.waiting.len(), 1, "what has started waits no longer");
        assert_eq!((outcome.status(1), outcome.status(0)), ("failed", "waiting"));
        assert_eq!(Outcome::default().status(0), "complete");
    }
}
