//! One line per change, for logs of CI jobs and for pipes.

use std::sync::{Mutex, PoisonError};

use ocuroot_core::documents::Status;

use super::{Event, Labels, View, diagnosed, duration, mark, say};
use crate::color::{Color, Style};

/// See the module.
#[derive(Debug)]
pub struct Plain {
    color: Color,
    labels: Mutex<Labels>,
}

impl Plain {
    /// Lines in colour or not.
    #[must_use]
    pub fn new(color: Color) -> Plain {
        Plain { color, labels: Mutex::default() }
    }
}

impl View for Plain {
    fn show(&self, event: &Event<'_>) {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        lines(event, &mut labels, self.color).iter().for_each(|line| say(line));
    }
}

/// The lines of an event. A note may be several in one text.
pub(super) fn lines(event: &Event<'_>, labels: &mut Labels, color: Color) -> Vec<String> {
    let paint = |style, text: &str| color.paint(style, text);
    match event {
        Event::Release { release, subject, .. } => {
            labels.announce(release);
            let line = format!("{} {}", paint(Style::Bold, release.as_str()), paint(Style::Dim, subject));
            vec![if subject.is_empty() { paint(Style::Bold, release.as_str()) } else { line }]
        }
        Event::Started { run, function } => {
            vec![format!("{} {} {}", mark(Status::Running), labels.of(run), paint(Style::Dim, function))]
        }
        Event::Output { run, log } => {
            let label = paint(Style::Dim, &format!("{} |", labels.of_output(run)));
            // A printed text may be many lines, and each is to be told whose it is.
            let lines = log.message.split('\n');
            lines.map(|line| format!("  {label} {line}").trim_end().to_owned()).collect()
        }
        Event::Ended { run, status, took, outputs, .. } => {
            let style = match status {
                Status::Complete => Style::Good,
                Status::Failed => Style::Bad,
                _ => Style::Plain,
            };
            let first = format!(
                "{} {} {status} {}",
                paint(style, mark(*status)),
                labels.of(run),
                paint(Style::Dim, &duration(*took))
            );
            let outputs = outputs.iter().map(|output| format!("    {output}"));
            std::iter::once(first).chain(outputs).collect()
        }
        Event::Waiting { run, missing, why } => {
            let first = format!("{} {} {why}", mark(Status::Pending), labels.of(run));
            let missing = missing.iter().map(|missing| format!("    {missing}"));
            std::iter::once(first).chain(missing).collect()
        }
        // The command prints it.
        Event::Standing { .. } => Vec::new(),
        Event::Diagnosed { what, diagnostics, run, .. } => {
            diagnosed(what, diagnostics, *run).into_iter().collect()
        }
        Event::Note(text) | Event::Undone(text) => vec![(*text).to_owned()],
    }
}
