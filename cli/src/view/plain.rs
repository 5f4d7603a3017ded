//! One line per change, for logs of CI jobs and for pipes.

use std::sync::{Mutex, PoisonError};

use ocuroot_core::documents::Status;

use super::{Event, Labels, View, duration, mark, say};
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
        let paint = |style, text: &str| self.color.paint(style, text);
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Release { release, .. } = event {
            labels.announce(release);
        }
        match event {
            Event::Release { release, subject: "", .. } => say(&paint(Style::Bold, release.as_str())),
            Event::Release { release, subject, .. } => {
                say(&format!("{} {}", paint(Style::Bold, release.as_str()), paint(Style::Dim, subject)));
            }
            Event::Started { run, function } => {
                say(&format!("{} {} {}", mark(Status::Running), labels.of(run), paint(Style::Dim, function)));
            }
            Event::Output { run, log } => {
                let label = paint(Style::Dim, &format!("{} |", labels.of_output(run)));
                // A printed text may be many lines, and each is to be told whose it is.
                for line in log.message.split('\n') {
                    say(format!("  {label} {line}").trim_end());
                }
            }
            Event::Ended { run, status, took, outputs } => {
                let style = match status {
                    Status::Complete => Style::Good,
                    Status::Failed => Style::Bad,
                    _ => Style::Plain,
                };
                say(&format!(
                    "{} {} {status} {}",
                    paint(style, mark(*status)),
                    labels.of(run),
                    paint(Style::Dim, &duration(*took))
                ));
                for output in *outputs {
                    say(&format!("    {output}"));
                }
            }
            Event::Waiting { run, missing } => {
                say(&format!("{} {} waits for", mark(Status::Pending), labels.of(run)));
                for missing in *missing {
                    say(&format!("    {missing}"));
                }
            }
            // The command prints it.
            Event::Standing { .. } => {}
            Event::Note(text) => say(text),
        }
    }
}
