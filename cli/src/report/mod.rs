//! What is told of a command besides what people see of it while it is at work.
//!
//! ```text
//! --events FILE          every event as it happens, a JSON object a line      events
//! $GITHUB_STEP_SUMMARY   what was released, deployed, waits and failed        summary
//! $GITHUB_OUTPUT         the same for later steps, as `release`, `status`, …  outputs
//! ocuroot.env            the same for later jobs of GitLab                    outputs
//! ```
//!
//! Commands know nothing of this. [`start`] opens what there is to be opened; a view that is [`heard`]
//! passes the events on that it hears; [`end`] writes what can be said only at the end.

mod events;
mod outcome;
mod outputs;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::Failure;
use crate::platform::Platform;
use crate::view::{Event, View, say};
use events::Events;
use outcome::Outcome;

static CURRENT: OnceLock<Report> = OnceLock::new();

/// The report of this process.
struct Report {
    command: String,
    events: Option<Events>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Outcome,
    /// Views that may hold something back.
    views: Vec<Arc<dyn View>>,
    /// Whether the command is one whose progress people watch, so that its outcome is of interest.
    is_watched: bool,
}

/// Begins the report of a command, `release new`. With `events` every event is written to that file.
///
/// # Errors
/// When that file cannot be written.
pub fn start(command: &str, events: Option<&Path>) -> Result<(), Failure> {
    let events = events.map(Events::open).transpose()?;
    let report = Report { command: command.to_owned(), events, state: Mutex::default() };
    if let Some(events) = &report.events {
        events.begin(command);
    }
    // There is one already only in a test of the library.
    let _ = CURRENT.set(report);
    Ok(())
}

/// `view`, and what it hears goes into the report. `is_watched` is whether people watch the command.
#[must_use]
pub fn heard(view: Arc<dyn View>, is_watched: bool) -> Arc<dyn View> {
    let Some(report) = CURRENT.get() else { return view };
    let mut state = report.state.lock().unwrap_or_else(PoisonError::into_inner);
    state.is_watched |= is_watched;
    state.views.push(Arc::clone(&view));
    Arc::new(Teller { report, view })
}

/// See [`heard`].
struct Teller {
    report: &'static Report,
    view: Arc<dyn View>,
}

impl View for Teller {
    fn show(&self, event: &Event<'_>) {
        if let Some(events) = &self.report.events {
            events.write(event);
        }
        self.report.state.lock().unwrap_or_else(PoisonError::into_inner).outcome.hear(event);
        self.view.show(event);
    }

    fn finish(&self) {
        self.view.finish();
    }
}

/// Shows what views still hold back. Nothing that they print comes after this.
pub fn finish_views() {
    let Some(report) = CURRENT.get() else { return };
    let views = std::mem::take(&mut report.state.lock().unwrap_or_else(PoisonError::into_inner).views);
    views.iter().for_each(|view| view.finish());
}

/// Ends the report: how the command has ended, and what came of it. That something cannot be written
/// is said, and changes no exit code.
pub fn end(failure: Option<&Failure>, exit_code: u8) {
    let Some(report) = CURRENT.get() else { return };
    if let Some(events) = &report.events {
        events.end(&report.command, failure, exit_code);
    }
    let state = report.state.lock().unwrap_or_else(PoisonError::into_inner);
    if !state.is_watched {
        return;
    }
    let written = match Platform::current() {
        Platform::Actions => {
            let summary = summary::write(&report.command, &state.outcome, failure);
            summary.and(outputs::for_steps(&state.outcome, exit_code))
        }
        Platform::GitLab => outputs::for_jobs(&state.outcome, exit_code),
        Platform::Plain => Ok(()),
    };
    if let Err(problem) = written {
        say(&format!("warning: {problem}"));
    }
}

/// The files in a checkout that this process writes for others to read, and that are no change of it.
#[must_use]
pub fn files() -> Vec<PathBuf> {
    let events = CURRENT.get().and_then(|report| Some(report.events.as_ref()?.path.clone()));
    let outputs = (Platform::current() == Platform::GitLab).then(outputs::dotenv);
    events.into_iter().chain(outputs).collect()
}
