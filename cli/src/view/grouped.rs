//! For the log of a job on a CI platform that can fold a part of it.
//!
//! A run that ends is a group: its title says how it ended, and in it is what it printed. Runs execute
//! side by side and a platform knows just one group at a time, so what a run prints is kept until it
//! has ended; that it is alive is said once a minute. Problems are marked where they are, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use ocuroot_core::Ref;
use ocuroot_core::documents::Status;
use ocuroot_core::sdk::Severity;

use super::{Event, Labels, View, duration, mark, plain};
use crate::color::{Color, When};
use crate::platform::{Group, Platform, actions};
use crate::secrets;

/// How long a run is silent before it is said that it is still there.
const SILENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Grouped(Arc<Inner>);

struct Inner {
    platform: Platform,
    /// Takes whole lines, many in one text.
    print: fn(&str),
    /// Whether the platform is told what to mask.
    tells_secrets: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    labels: Labels,
    runs: BTreeMap<Ref, Running>,
    /// What the platform masks, too.
    masked: BTreeSet<String>,
    /// How many groups there were: each needs a name of its own.
    groups: usize,
}

/// A run that executes.
struct Running {
    lines: Vec<String>,
    annotations: Vec<String>,
    began: (Instant, SystemTime),
    /// When it was last said that it is there.
    told: Instant,
}

impl std::fmt::Debug for Grouped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grouped").field("platform", &self.0.platform).finish_non_exhaustive()
    }
}

impl Grouped {
    /// Groups in the terms of `platform`, a text of whole lines at a time.
    #[must_use]
    pub fn new(platform: Platform, print: fn(&str)) -> Grouped {
        let tells_secrets = platform == Platform::Actions && actions::only_the_runner_reads();
        let inner = Arc::new(Inner { platform, print, tells_secrets, state: Mutex::default() });
        let weak = Arc::downgrade(&inner);
        // Without it a platform may take the job for dead. It is gone with the view.
        let _ = std::thread::Builder::new().spawn(move || keep_alive(&weak));
        Grouped(inner)
    }
}

fn keep_alive(inner: &Weak<Inner>) {
    loop {
        std::thread::sleep(SILENCE / 4);
        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        inner.print(&mut state, &[]);
        let lines = state.alive(Instant::now());
        inner.print(&mut state, &lines);
    }
}

impl View for Grouped {
    fn show(&self, event: &Event<'_>) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = self.0.lines(&mut state, event);
        self.0.print(&mut state, &lines);
    }

    /// What has not ended will not be heard of any more.
    fn finish(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (run, running) in std::mem::take(&mut state.runs) {
            let title = format!("{} {} has not ended", mark(Status::Running), state.labels.of(&run));
            let lines = self.0.group(&mut state, &run, &title, running, true);
            self.0.print(&mut state, &lines);
        }
    }
}

impl Inner {
    /// Prints lines, and before them what else there is to be masked.
    fn print(&self, state: &mut State, lines: &[String]) {
        let mut all = Vec::new();
        if self.tells_secrets {
            let new = secrets::known().lines().into_iter().filter(|text| state.masked.insert(text.clone()));
            all.extend(new.map(|text| actions::mask(&text)));
        }
        all.extend(lines.iter().map(|line| secrets::mask(line)));
        if !all.is_empty() {
            // In one go: other threads print, too, and a group must stay whole.
            (self.print)(&all.join("\n"));
        }
    }

    fn lines(&self, state: &mut State, event: &Event<'_>) -> Vec<String> {
        let platform = self.platform;
        let annotation = |severity, text: &str| platform.annotation(severity, text);
        let plain = |state: &mut State| -> Vec<String> {
            let lines = plain::lines(event, &mut state.labels, Color::decide(When::Never));
            lines.iter().map(|line| platform.inert(line).into_owned()).collect()
        };
        match event {
            Event::Started { run, .. } => {
                let now = Instant::now();
                // A run of several functions starts several times.
                state.runs.entry((*run).clone()).or_insert_with(|| Running {
                    lines: Vec::new(),
                    annotations: Vec::new(),
                    began: (now, SystemTime::now()),
                    told: now,
                });
                plain(state)
            }
            Event::Output { run, log } => match state.runs.get_mut(*run) {
                // What is wrong may quote anybody; all else is the output of the user's own commands,
                // which is not for us to change.
                Some(running) if log.attributes.get("level").is_some_and(|level| level == "error") => {
                    running.lines.push(platform.inert(&log.message).into_owned());
                    Vec::new()
                }
                Some(running) => {
                    running.lines.push(log.message.clone());
                    Vec::new()
                }
                // Neither is what a file says while it is evaluated; whose it is stands in front of each line.
                None => plain::lines(event, &mut state.labels, Color::decide(When::Never)),
            },
            Event::Ended { run, status, outputs, .. } => {
                let title = plain(state).into_iter().next().unwrap_or_default();
                let Some(mut running) = state.runs.remove(*run) else { return vec![title] };
                running.lines.extend(outputs.iter().map(|output| platform.inert(output).into_owned()));
                self.group(state, run, &title, running, *status == Status::Failed)
            }
            Event::Diagnosed { what, diagnostics, here, run } => {
                let title = match run {
                    Some(run) => format!("{} failed", state.labels.of(run)),
                    None => (*what).to_owned(),
                };
                let annotations = platform.annotations(&title, diagnostics, *here);
                match run.and_then(|run| state.runs.get_mut(run)) {
                    Some(running) => {
                        running.annotations.extend(annotations);
                        Vec::new()
                    }
                    None => plain(state).into_iter().chain(annotations).collect(),
                }
            }
            Event::Undone(text) => {
                plain(state).into_iter().chain(annotation(Severity::Error, text)).collect()
            }
            Event::Note(text) => {
                let warning = text.strip_prefix("warning: ");
                match warning.and_then(|warning| annotation(Severity::Warning, warning)) {
                    Some(warning) => vec![warning],
                    None => plain(state),
                }
            }
            Event::Release { .. } | Event::Waiting { .. } | Event::Standing { .. } => plain(state),
        }
    }

    /// A run as a group, or as a line if it has said nothing, with its annotations behind it: in a group
    /// nobody would see them.
    fn group(&self, state: &mut State, run: &Ref, title: &str, running: Running, open: bool) -> Vec<String> {
        let Running { lines, annotations, began, .. } = running;
        let mut group = vec![title.to_owned()];
        if !lines.is_empty() {
            state.groups += 1;
            let name = format!("{}_{}", run.subpath(), state.groups);
            group = self.platform.group(&Group { name: &name, title, began: began.1, open }, &lines);
        }
        group.extend(annotations);
        group
    }
}

impl State {
    /// A line for each run of which nothing was heard for long.
    fn alive(&mut self, now: Instant) -> Vec<String> {
        let labels = &self.labels;
        let silent = self.runs.iter_mut().filter(|(_, run)| now.duration_since(run.told) >= SILENCE);
        silent
            .map(|(run, running)| {
                running.told = now;
                let (mark, label) = (mark(Status::Running), labels.of(run));
                let took = duration(now.duration_since(running.began.0));
                format!("{mark} {label} is running since {took}, lines so far: {}", running.lines.len())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ocuroot_core::documents::{Extra, Log, RunType};

    use super::*;

    fn inner(platform: Platform) -> Inner {
        Inner { platform, print: |_| {}, tells_secrets: false, state: Mutex::default() }
    }

    fn log(message: &str) -> Log {
        Log {
            timestamp: String::new(),
            message: message.to_owned(),
            attributes: BTreeMap::new(),
            stream: 1,
            extra: Extra::new(),
        }
    }

    fn run(name: &str) -> Ref {
        format!("shop/-/a.ocu.star/@r1/task/{name}/1").parse().unwrap()
    }

    fn ended<'a>(run: &'a Ref, status: Status, outputs: &'a [String]) -> Event<'a> {
        Event::Ended { run, run_type: RunType::Task, status, took: Duration::ZERO, outputs }
    }

    #[test]
    fn runs_side_by_side_are_groups_one_behind_the_other() {
        let inner = inner(Platform::Actions);
        let mut state = State::default();
        let (a, b) = (run("a"), run("b"));
        let release = a.release_ref();
        let outputs = ["shop/-/x#output/y".to_owned()];
        let events = [
            Event::Release { release: &release, commit: "", subject: "subject\n::error::x" },
            Event::Started { run: &a, function: "f" },
            Event::Started { run: &b, function: "f" },
            Event::Output { run: &a, log: &log("one\n::error::a user's own") },
            Event::Output { run: &b, log: &log("two") },
            Event::Output { run: &a, log: &log("three") },
            ended(&b, Status::Failed, &[]),
            ended(&a, Status::Complete, &outputs),
        ];
        let lines: Vec<String> = events.iter().flat_map(|event| inner.lines(&mut state, event)).collect();
        assert_eq!(
            lines.join("\n"),
            "shop/-/a.ocu.star/@r1 subject\n: :error::x\n› task/a/1 f\n› task/b/1 f\n\
             ::group::✗ task/b/1 failed 0.0s\ntwo\n::endgroup::\n\
             ::group::✓ task/a/1 complete 0.0s\none\n::error::a user's own\nthree\nshop/-/x#output/y\n::endgroup::"
        );
    }

    #[test]
    fn a_run_that_says_nothing_is_a_line() {
        let inner = inner(Platform::GitLab);
        let mut state = State::default();
        let a = run("a");
        inner.lines(&mut state, &Event::Started { run: &a, function: "f" });
        assert_eq!(inner.lines(&mut state, &ended(&a, Status::Complete, &[])), ["✓ task/a/1 complete 0.0s"]);
    }

    #[test]
    fn a_long_run_is_said_to_be_alive_once_a_minute() {
        let inner = inner(Platform::Actions);
        let mut state = State::default();
        let a = run("a");
        inner.lines(&mut state, &Event::Started { run: &a, function: "f" });
        inner.lines(&mut state, &Event::Output { run: &a, log: &log("x") });
        let began = state.runs.values().next().unwrap().told;
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(state.alive(after(59)).is_empty());
        assert_eq!(state.alive(after(60)), ["› task/a/1 is running since 1m00s, lines so far: 1"]);
        assert!(state.alive(after(119)).is_empty());
        assert_eq!(state.alive(after(125)).len(), 1);
        inner.lines(&mut state, &ended(&a, Status::Complete, &[]));
        assert!(state.alive(after(1000)).is_empty());
    }

    #[test]
    fn warnings_and_what_could_not_be_done_are_marked() {
        let inner = inner(Platform::Actions);
        let mut state = State::default();
        let mut lines = |event| inner.lines(&mut state, &event);
        assert_eq!(lines(Event::Note("warning: odd\n::x::")), ["::warning::odd%0A::x::"]);
        assert_eq!(lines(Event::Undone("not\n::x::")), ["not\n: :x::", "::error::not%0A::x::"]);
        assert_eq!(lines(Event::Note("::x::")), [": :x::"]);
    }
}
