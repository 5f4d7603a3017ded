//! A tree that moves, for people at a terminal.
//!
//! Each release is a heading; below it each run is a line with a mark, the time it takes and the
//! last lines that it printed. Ended runs stay where they are, with their outputs as refs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ocuroot_core::Ref;
use ocuroot_core::documents::Status;

use super::{Event, Labels, View, duration, mark};
use crate::color::{Color, Style};

/// How many of the last lines of a run are shown while it executes.
const LAST_LINES: usize = 3;

/// How many are shown of one that has failed: its error is among them, with the excerpt.
const LAST_OF_FAILED: usize = 20;

/// See the module.
#[derive(Debug)]
pub struct Live {
    screen: MultiProgress,
    runs: Mutex<BTreeMap<Ref, Line>>,
    labels: Mutex<Labels>,
    color: Color,
}

#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    last: Vec<String>,
    function: String,
}

impl Live {
    /// A tree on stderr, in colour or not.
    #[must_use]
    pub fn new(color: Color) -> Live {
        Live { screen: MultiProgress::new(), runs: Mutex::default(), labels: Mutex::default(), color }
    }

    fn say(&self, text: &str) {
        // The terminal is gone; nobody is there to be told.
        let _ = self.screen.println(text);
    }
}

impl View for Live {
    fn show(&self, event: &Event<'_>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let paint = |style, text: &str| self.color.paint(style, text);
        match event {
            Event::Release { release, subject, .. } => {
                labels.announce(release);
                let repo = release.repo().unwrap_or_default();
                self.say(&format!("{} {}", paint(Style::Bold, repo), paint(Style::Dim, subject)));
                self.say(&format!(
                    " {} {}",
                    release.path(),
                    paint(Style::Bold, &format!("@{}", release.release().unwrap_or_default()))
                ));
            }
            Event::Started { run, function } => {
                let bar = self.screen.add(ProgressBar::new_spinner());
                let style = ProgressStyle::with_template("  {spinner} {prefix} {elapsed:.dim} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner())
                    .tick_strings(&["›", "»", "›", " ", "›"]);
                bar.set_style(style);
                bar.set_prefix(labels.of(run));
                bar.set_message((*function).to_owned());
                bar.enable_steady_tick(Duration::from_millis(120));
                runs.insert((*run).clone(), Line { bar, last: Vec::new(), function: (*function).to_owned() });
            }
            Event::Output { run, log } => {
                if let Some(line) = runs.get_mut(*run) {
                    line.last.push(log.message.clone());
                    if line.last.len() > LAST_OF_FAILED {
                        line.last.remove(0);
                    }
                    let hidden = line.last.len().saturating_sub(LAST_LINES);
                    let last: String = line
                        .last
                        .iter()
                        .skip(hidden)
                        .map(|text| format!("\n      {}", paint(Style::Dim, text)))
                        .collect();
                    line.bar.set_message(format!("{}{last}", line.function));
                }
            }
            Event::Ended { run, status, took, outputs, .. } => {
                if let Some(line) = runs.remove(*run) {
                    line.bar.finish_and_clear();
                    self.screen.remove(&line.bar);
                    let (style, tail) = match status {
                        Status::Complete => (Style::Good, Vec::new()),
                        Status::Failed => (Style::Bad, line.last),
                        _ => (Style::Plain, Vec::new()),
                    };
                    self.say(&format!(
                        "  {} {} {}",
                        paint(style, mark(*status)),
                        labels.of(run),
                        paint(Style::Dim, &duration(*took))
                    ));
                    for text in tail.iter().chain(*outputs) {
                        self.say(&format!("      {text}"));
                    }
                }
            }
            Event::Waiting { run, missing, why } => {
                self.say(&format!("  {} {} {why}", paint(Style::Dim, mark(Status::Pending)), labels.of(run)));
                for missing in *missing {
                    self.say(&format!("      {missing}"));
                }
            }
            // The command prints it.
            Event::Standing { .. } => {}
            Event::Diagnosed { what, diagnostics, run, .. } => {
                if let Some(text) = super::diagnosed(what, diagnostics, *run) {
                    self.say(&text);
                }
            }
            Event::Note(text) | Event::Undone(text) => self.say(text),
        }
    }

    fn finish(&self) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for line in std::mem::take(&mut *runs).into_values() {
            line.bar.finish_and_clear();
        }
    }
}
