//! One line per change, for logs of CI jobs and for pipes.

use std::sync::atomic::{AtomicUsize, Ordering};

use ocuroot_core::Ref;
use ocuroot_core::documents::Status;

use super::{Event, View, duration, mark, short};
use crate::color::{Color, Style};

/// See the module.
#[derive(Debug)]
pub struct Plain {
    color: Color,
    releases: AtomicUsize,
}

impl Plain {
    /// Lines in colour or not.
    #[must_use]
    pub fn new(color: Color) -> Plain {
        Plain { color, releases: AtomicUsize::new(0) }
    }
}

impl Plain {
    /// A run as it is told apart from the others: by its package too, where there are many.
    fn name(&self, run: &Ref) -> String {
        match self.releases.load(Ordering::Relaxed) {
            0 | 1 => short(run),
            _ => format!("{}/@{}/{}", run.path(), run.release().unwrap_or_default(), short(run)),
        }
    }
}

impl View for Plain {
    fn show(&self, event: &Event<'_>) {
        let paint = |style, text: &str| self.color.paint(style, text);
        if let Event::Release { .. } = event {
            self.releases.fetch_add(1, Ordering::Relaxed);
        }
        match event {
            Event::Release { release, subject: "" } => eprintln!("{}", paint(Style::Bold, release.as_str())),
            Event::Release { release, subject } => {
                eprintln!("{} {}", paint(Style::Bold, release.as_str()), paint(Style::Dim, subject));
            }
            Event::Started { run, function } => {
                eprintln!("{} {} {}", mark(Status::Running), self.name(run), paint(Style::Dim, function));
            }
            Event::Output { run, log } => eprintln!("  {} {}", paint(Style::Dim, &format!("{} |", run.subpath())), log.message),
            Event::Ended { run, status, took, outputs } => {
                let style = match status {
                    Status::Complete => Style::Good,
                    Status::Failed => Style::Bad,
                    _ => Style::Plain,
                };
                eprintln!("{} {} {status} {}", paint(style, mark(*status)), self.name(run), paint(Style::Dim, &duration(*took)));
                for output in *outputs {
                    eprintln!("    {output}");
                }
            }
            Event::Waiting { run, missing } => {
                eprintln!("{} {} waits for", mark(Status::Pending), self.name(run));
                for missing in *missing {
                    eprintln!("    {missing}");
                }
            }
            Event::Note(text) => eprintln!("{text}"),
        }
    }
}
