//! Who hears of progress, and how.
//!
//! Commands report [`Event`]s; a [`View`] shows them on stderr: as a live tree on a terminal, in
//! groups in the log of a CI platform that has some, as one plain line per change elsewhere. stdout is
//! for what machines read.

mod grouped;
mod live;
mod plain;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Log, RunType, Status};
use ocuroot_core::ready::Missing;
use ocuroot_core::sdk::{Diagnostic, Diagnostics};
use ocuroot_core::why::Sentence;

use crate::color::Color;
use crate::error::Failure;
use crate::native_host::LogSink;
use crate::platform::Platform;

pub use grouped::Grouped;
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
        /// What it does.
        run_type: RunType,
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
        /// What for, as the run has it.
        missing: &'a [Missing],
        /// What for, as people understand it.
        why: &'a Sentence,
    },
    /// How a release stands, now that nothing more of it can start here.
    Standing {
        /// The release.
        release: &'a Ref,
        /// How.
        status: Status,
    },
    /// What is wrong with a file.
    Diagnosed {
        /// What does not happen because of it; may be empty.
        what: &'a str,
        /// The problems, or only warnings.
        diagnostics: &'a Diagnostics,
        /// Whether the file is one of those that are checked out here.
        here: bool,
        /// The run that it has ended, if it is one's function. Its output says what is wrong, too.
        run: Option<&'a Ref>,
    },
    /// Something could not be done; the rest goes on.
    Undone(&'a str),
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
        if let Event::Note(text) | Event::Undone(text) = event {
            say(&Platform::current().inert(text));
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

/// The view for stderr as it is: live on a terminal that wants it, else as the platform has it.
#[must_use]
pub fn for_stderr(color: Color) -> Arc<dyn View> {
    match Platform::current() {
        _ if color.live() => Arc::new(Live::new(color)),
        Platform::Plain => Arc::new(Plain::new(color)),
        platform => Arc::new(Grouped::new(platform, say)),
    }
}

/// Prints what is odd about a file that is checked out here, where no view is at hand.
pub fn warn(diagnostics: &[Diagnostic]) {
    let (platform, diagnostics) = (Platform::current(), Diagnostics(diagnostics.to_vec()));
    diagnostics.iter().for_each(|diagnostic| say(&platform.inert(&diagnostic.to_string())));
    platform.annotations("", &diagnostics, true).iter().for_each(|annotation| say(annotation));
}

/// Prints why the command failed, and on a platform that has annotations, those.
pub fn show_failure(failure: &Failure) {
    let message = crate::secrets::mask(&failure.render());
    let platform = Platform::current();
    say(&platform.inert(&message));
    for annotation in platform.of_failure(failure) {
        say(&crate::secrets::mask(&annotation));
    }
}

/// What a piece of a diagnosis reads as where all is plain text. Of a run's it is in its output.
fn diagnosed(what: &str, diagnostics: &Diagnostics, run: Option<&Ref>) -> Option<String> {
    let text = diagnostics.to_string();
    match (run, what) {
        (Some(_), _) => None,
        (None, "") => Some(text.trim_end().to_owned()),
        (None, what) => Some(format!("{what}\n{}", text.trim_end())),
    }
}
