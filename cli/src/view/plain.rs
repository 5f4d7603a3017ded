//! One line per change, for logs of CI jobs and for pipes.

use ocuroot_core::documents::Status;

use super::{Event, View, duration, mark, short};
use crate::color::{Color, Style};

/// See the module.
#[derive(Debug)]
pub struct Plain {
    color: Color,
}

impl Plain {
    /// Lines in colour or not.
    #[must_use]
    pub fn new(color: Color) -> Plain {
        Plain { color }
    }
}

impl View for Plain {
    fn show(&self, event: &Event<'_>) {
        let paint = |style, text: &str| self.color.paint(style, text);
        match event {
            Event::Release { release, subject: "" } => eprintln!("{}", paint(Style::Bold, release.as_str())),
            Event::Release { release, subject } => {
                eprintln!("{} {}", paint(Style::Bold, release.as_str()), paint(Style::Dim, subject));
            }
            Event::Started { run, function } => {
                eprintln!("{} {} {}", mark(Status::Running), short(run), paint(Style::Dim, function));
            }
            Event::Output { run, log } => {
                eprintln!("  {} {}", paint(Style::Dim, &format!("{} |", run.subpath())), log.message)
            }
            Event::Ended { run, status, took, outputs } => {
                let style = match status {
                    Status::Complete => Style::Good,
                    Status::Failed => Style::Bad,
                    _ => Style::Plain,
                };
                eprintln!(
                    "{} {} {status} {}",
                    paint(style, mark(*status)),
                    short(run),
                    paint(Style::Dim, &duration(*took))
                );
                for output in *outputs {
                    eprintln!("    {output}");
                }
            }
            Event::Waiting { run, missing } => {
                eprintln!("{} {} waits for", mark(Status::Pending), short(run));
                for missing in *missing {
                    eprintln!("    {missing}");
                }
            }
            Event::Note(text) => eprintln!("{text}"),
        }
    }
}
