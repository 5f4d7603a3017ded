//! Events, a JSON object a line, for programs that follow a command. `docs/events.md` is their
//! reference.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ocuroot_core::sdk::{Diagnostic, Severity};
use serde_json::{Map, Value, json};

use crate::error::Failure;
use crate::identity;
use crate::secrets;
use crate::view::{Event, say};

/// Where they go.
pub(super) struct Events {
    /// The file, absolute.
    pub(super) path: PathBuf,
    /// None after it could not be written.
    file: Mutex<Option<File>>,
}

impl Events {
    /// Appends to `path`, so that the commands of a job can share a file.
    pub(super) fn open(path: &Path) -> Result<Events, Failure> {
        if path == Path::new("-") {
            return Err(Failure::Usage(
                "--events needs a file: stdout is for the answer of the command".to_owned(),
            ));
        }
        let unwritten = |source| Failure::Unwritten { path: path.to_owned(), source };
        let file = File::options().append(true).create(true).open(path).map_err(unwritten)?;
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Events { path, file: Mutex::new(Some(file)) })
    }

    pub(super) fn begin(&self, command: &str) {
        self.line("start", json!({"command": command, "version": ocuroot_core::VERSION}));
    }

    pub(super) fn write(&self, event: &Event<'_>) {
        match event {
            Event::Release { release, commit, subject } => {
                self.line("release", json!({"release": release, "commit": commit, "subject": subject}));
            }
            Event::Started { run, function } => {
                self.line("started", json!({"run": run, "release": run.release_ref(), "function": function}));
            }
            Event::Output { run, log } => {
                self.line("output", json!({"of": run, "stream": log.stream, "text": log.message}));
            }
            Event::Ended { run, run_type, status, took, outputs } => {
                let seconds = took.as_millis() as f64 / 1000.0;
                self.line(
                    "ended",
                    json!({"run": run, "release": run.release_ref(), "type": run_type,
                        "status": status, "seconds": seconds, "outputs": outputs}),
                );
            }
            Event::Waiting { run, missing, why } => {
                let missing: Vec<&str> = missing.iter().map(|missing| missing.source()).collect();
                self.line("waiting", json!({"run": run, "release": run.release_ref(), "missing": missing, "why": why.to_string()}));
            }
            Event::Standing { release, status } => {
                self.line("standing", json!({"release": release, "status": status}));
            }
            Event::Diagnosed { what, diagnostics, run, .. } => {
                for diagnostic in diagnostics.iter() {
                    self.line("problem", of_diagnostic(diagnostic, what, run.map(|run| run.as_str())));
                }
            }
            Event::Undone(text) => self.line("problem", json!({"severity": "error", "message": text})),
            Event::Note(text) => self.line("note", json!({"message": text})),
        }
    }

    pub(super) fn end(&self, command: &str, failure: Option<&Failure>, exit_code: u8) {
        if let Some(Failure::Starlark(diagnostics)) = failure {
            for diagnostic in diagnostics.iter() {
                self.line("problem", of_diagnostic(diagnostic, "", None));
            }
        }
        let mut fields = json!({"command": command, "exit_code": exit_code});
        if let (Some(failure), Some(fields)) = (failure, fields.as_object_mut()) {
            fields.insert("message".to_owned(), failure.to_string().into());
            fields.extend(failure.hint().map(|hint| ("hint".to_owned(), hint.into())));
        }
        self.line("end", fields);
    }

    /// Writes a line; one that cannot be written is said once, and is the last.
    fn line(&self, event: &str, fields: Value) {
        let mut line = Map::new();
        line.insert("time".to_owned(), identity::now().into());
        line.insert("event".to_owned(), event.into());
        // Before it is JSON: a secret with a quote in it looks different there.
        if let Value::Object(fields) = masked(fields) {
            line.extend(fields);
        }
        let text = format!("{}\n", Value::Object(line));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write a line: a file that is appended to has no buffer of ours to flush.
        if let Some(Err(error)) = file.as_mut().map(|file| file.write_all(text.as_bytes())) {
            say(&format!("warning: cannot write events to {}: {error}", self.path.display()));
            *file = None;
        }
    }
}

fn of_diagnostic(diagnostic: &Diagnostic, what: &str, run: Option<&str>) -> Value {
    let Diagnostic { severity, message, hint, file, line, column, .. } = diagnostic;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut fields = Map::new();
    fields.insert("severity".to_owned(), severity.into());
    fields.insert("message".to_owned(), message.as_str().into());
    fields.extend(hint.as_ref().map(|hint| ("hint".to_owned(), hint.as_str().into())));
    if *line > 0 {
        fields.insert("file".to_owned(), file.as_str().into());
        fields.insert("line".to_owned(), (*line).into());
        fields.insert("column".to_owned(), (*column).into());
    }
    if !what.is_empty() {
        fields.insert("what".to_owned(), what.into());
    }
    fields.extend(run.map(|run| ("run".to_owned(), run.into())));
    Value::Object(fields)
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(secrets::mask(&text)),
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, masked(value))).collect(),
        other => other,
    }
}
