//! Who hears of progress, and how.
//!
//! Commands report [`Event`]s; a [`View`] shows them on stderr: as a live tree on a terminal, as
//! one plain line per change elsewhere. stdout is for what machines read.

mod live;
mod plain;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Log, Status};
use ocuroot_core::ready::Missing;

use crate::native_host::LogSink;

pub use live::Live;
pub use plain::Plain;

/// Something that people who watch want to know.
#[derive(Debug)]
pub enum Event<'a> {
    /// Work on a release begins.
    Release {
        /// The release.
        release: &'a Ref,
        /// Full hash of its commit.
        commit: &'a str,
        /// Subject of its commit; may be empty.
        subject: &'a str,
    },
    /// A run has started.
    Started {
        /// The run.
        run: &'a Ref,
        /// The function that is called.
        function: &'a str,
    },
    /// A run has printed a line.
    Output {
        /// The run.
        run: &'a Ref,
        /// The line, masked.
        log: &'a Log,
    },
    /// A run has ended, or is paused.
    Ended {
        /// The run.
        run: &'a Ref,
        /// How.
        status: Status,
        /// How long its functions took in this process.
        took: Duration,
        /// Refs of its outputs.
        outputs: &'a [String],
    },
    /// A run waits for something.
    Waiting {
        /// The run.
        run: &'a Ref,
        /// What for.
        missing: &'a [Missing],
    },
    /// How a release stands, now that nothing more of it can start here.
    Standing {
        /// The release.
        release: &'a Ref,
        /// How.
        status: Status,
    },
    /// Anything else worth a line.
    Note(&'a str),
}

/// Shows events.
pub trait View: Send + Sync {
    /// Shows one.
    fn show(&self, event: &Event<'_>);

    /// Ends what moves, so that other output can follow.
    fn finish(&self) {}
}

/// Shows no progress, for commands whose answer is all that matters. That one has to wait for
/// another process is still said.
#[derive(Debug)]
pub struct Quiet;

impl View for Quiet {
    fn show(&self, event: &Event<'_>) {
        if let Event::Note(text) = event {
            say(text);
        }
    }
}

/// Takes what is printed on behalf of `of`, a run or a release, and shows it.
#[must_use]
pub fn showing(view: &Arc<dyn View>, of: &Ref) -> LogSink {
    let (view, of) = (Arc::clone(view), of.clone());
    Arc::new(move |log| view.show(&Event::Output { run: &of, log: &log }))
}

/// Prints a line on stderr. Whoever listened may be gone (`2>&1 | head`): that is no reason to stop.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The mark that stands for a status.
#[must_use]
pub fn mark(status: Status) -> &'static str {
    match status {
        Status::Complete => "✓",
        Status::Failed | Status::FailedRetried => "✗",
        Status::Cancelled => "-",
        Status::Pending | Status::Running | Status::Paused => "›",
    }
}

/// What runs are called below the headings of their releases: `task/build/1`, and with the file
/// in front once more than one release is at work.
#[derive(Debug, Default)]
struct Labels {
    releases: BTreeSet<Ref>,
}

impl Labels {
    fn announce(&mut self, release: &Ref) {
        self.releases.insert(release.clone());
    }

    fn of(&self, run: &Ref) -> String {
        let Some(kind) = run.kind() else { return run.to_string() };
        let short = format!("{}/{}", kind.as_str(), run.subpath());
        if self.releases.len() > 1 {
            format!("{}/@{}/{short}", run.path(), run.release().unwrap_or_default())
        } else {
            short
        }
    }

    /// What stands in front of a line that a run prints: `build/1`.
    fn of_output(&self, run: &Ref) -> String {
        if self.releases.len() > 1 { self.of(run) } else { run.subpath().to_owned() }
    }
}

/// A time for people: to the second.
#[must_use]
pub fn time(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// A duration for people: `0.4s`, `12s`, `3m05s`.
#[must_use]
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..=9 => format!("{:.1}s", took.as_secs_f64()),
        10..=59 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// The view for stderr as it is: live on a terminal that wants it, else plain.
#[must_use]
pub fn for_stderr(color: crate::color::Color) -> Arc<dyn View> {
    if color.live() { Arc::new(Live::new(color)) } else { Arc::new(Plain::new(color)) }
}
