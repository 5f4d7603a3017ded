//! What is wrong with a file, and where.
//!
//! ```text
//! error: function `build` has no parameter `imgae`
//!   --> release.ocu.star:7:1
//!    |
//!  7 | task(build, name="build", inputs={"imgae": "x"})
//!    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
//!    = called from <module> at release.ocu.star:7:1
//!    = help: …
//! ```

use std::fmt;

use serde::Serialize;
use starlark::codemap::FileSpan;
use starlark::errors::Frame as StarlarkFrame;

use crate::secrets::Secrets;

/// Whether evaluation can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can.
    Warning,
}

/// One problem of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong. Of `fail("x")`: `x`.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file, by its path from the repo root. Empty when the problem has no place.
    pub file: String,
    /// The line, from 1; 0 when the problem has no place.
    pub line: usize,
    /// The column in characters, from 1; 0 when the problem has no place.
    pub column: usize,
    /// The column after its last character, if it ends in the same line.
    pub end_column: Option<usize>,
    /// The source line.
    pub excerpt: String,
    /// The calls that led there, outermost first. The last one is where the problem is.
    pub stack: Vec<Frame>,
}

/// A call in the user's own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function that was running; `<module>` for the file itself.
    pub function: String,
    /// Its file.
    pub file: String,
    /// Where in it, from 1.
    pub line: usize,
    /// Where in the line, from 1.
    pub column: usize,
}

/// All problems of an evaluation at once. Never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// One error without a place.
    pub fn message(message: impl Into<String>) -> Diagnostics {
        Diagnostics(vec![Diagnostic::new(Severity::Error, message)])
    }

    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// The same with secrets masked wherever they could show.
    pub(super) fn masked(mut self, secrets: &Secrets) -> Diagnostics {
        if !secrets.is_empty() {
            for diagnostic in &mut self.0 {
                for text in
                    [&mut diagnostic.message, &mut diagnostic.excerpt].into_iter().chain(&mut diagnostic.hint)
                {
                    *text = secrets.mask(text).into_owned();
                }
            }
        }
        self
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl Diagnostic {
    /// A problem that has no place yet.
    pub fn new(severity: Severity, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            message: message.into(),
            hint: None,
            file: String::new(),
            line: 0,
            column: 0,
            end_column: None,
            excerpt: String::new(),
            stack: Vec::new(),
        }
    }

    /// The same with a hint.
    pub(super) fn hinted(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// The same at `place`.
    pub(super) fn at(mut self, place: &Place) -> Diagnostic {
        if let Some(span) = &place.span {
            let resolved = span.resolve_span();
            self.file = span.filename().to_owned();
            self.line = resolved.begin.line + 1;
            self.column = resolved.begin.column + 1;
            self.end_column = (resolved.begin.line == resolved.end.line
                && resolved.end.column > resolved.begin.column)
                .then_some(resolved.end.column + 1);
            span.file.source_line_at_pos(span.span.begin()).trim_end().clone_into(&mut self.excerpt);
        }
        self.stack = place.stack();
        self
    }

    /// What the interpreter reports, in our words where its own are about its insides.
    pub(super) fn of(error: &starlark::Error) -> Diagnostic {
        use starlark::ErrorKind;
        let text = error.without_diagnostic().to_string();
        let (message, hint) = match error.kind() {
            ErrorKind::Fail(message) => (message.to_string().trim_start().to_owned(), None),
            ErrorKind::StackOverflow(_) => (
                "functions call each other too deeply".to_owned(),
                Some("a function may not call itself, directly or through others"),
            ),
            _ if text.starts_with("Execution duration limit") => (
                "evaluation was stopped: it took too many steps".to_owned(),
                Some("a loop may never end; waiting belongs into a command that `shell` runs"),
            ),
            _ if text.starts_with("Heap memory limit") => (
                "evaluation was stopped: it uses too much memory".to_owned(),
                Some("a loop may never end, or a value keeps growing"),
            ),
            ErrorKind::Native(inner) | ErrorKind::Other(inner) => match inner.downcast_ref::<SdkError>() {
                Some(known) => return known.diagnostic().at(&Place::of(error)),
                None => (text, None),
            },
            _ => (text, None),
        };
        let mut diagnostic = Diagnostic::new(Severity::Error, message).at(&Place::of(error));
        diagnostic.hint = hint.map(str::to_owned);
        diagnostic
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        if self.line > 0 {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            write!(f, "\n{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
            write!(f, "\n{margin} |\n{number} | {}", self.excerpt)?;
            let before: String = self
                .excerpt
                .chars()
                .take(self.column.saturating_sub(1))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let longest = self.excerpt.chars().count().saturating_sub(before.chars().count()).max(1);
            let width = self.end_column.map_or(1, |end| end.saturating_sub(self.column).clamp(1, longest));
            write!(f, "\n{margin} | {before}{}", "^".repeat(width))?;
            // The innermost frame is the place itself.
            let outer = self.stack.len().saturating_sub(1);
            for frame in self.stack.iter().take(outer).rev() {
                let Frame { function, file, line, column } = frame;
                write!(f, "\n{margin} = called from {function} at {file}:{line}:{column}")?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhelp: {hint}")?;
        }
        Ok(())
    }
}

/// An error of a function of the SDK.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct SdkError {
    message: String,
    hint: Option<String>,
}

impl SdkError {
    pub(super) fn new(message: impl fmt::Display) -> SdkError {
        SdkError { message: message.to_string(), hint: None }
    }

    pub(super) fn hinted(message: impl fmt::Display, hint: impl fmt::Display) -> SdkError {
        SdkError { message: message.to_string(), hint: Some(hint.to_string()) }
    }

    pub(super) fn diagnostic(&self) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(Severity::Error, self.message.clone());
        diagnostic.hint.clone_from(&self.hint);
        diagnostic
    }
}

impl From<SdkError> for starlark::Error {
    fn from(error: SdkError) -> starlark::Error {
        starlark::Error::new_other(error)
    }
}

impl From<super::host::HostError> for SdkError {
    fn from(error: super::host::HostError) -> SdkError {
        SdkError { message: error.message, hint: error.hint }
    }
}

/// Stops evaluation with an error that has no hint.
pub(super) fn fail<T>(message: impl fmt::Display) -> starlark::Result<T> {
    Err(SdkError::new(message).into())
}

/// Where something happened, and which calls led there.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    span: Option<FileSpan>,
    frames: Vec<StarlarkFrame>,
}

impl Place {
    /// Where an SDK function was called from.
    pub(super) fn of_caller(eval: &starlark::eval::Evaluator<'_, '_, '_>) -> Place {
        Place { span: eval.call_stack_top_location(), frames: eval.call_stack().into_frames() }
    }

    fn of(error: &starlark::Error) -> Place {
        let frames = error.call_stack().frames.clone();
        let span =
            error.span().cloned().or_else(|| frames.iter().rev().find_map(|frame| frame.location.clone()));
        Place { span, frames }
    }

    /// File, line and column, from 1.
    pub(super) fn position(&self) -> Option<(String, usize, usize)> {
        let span = self.span.as_ref()?;
        let begin = span.resolve_span().begin;
        Some((span.filename().to_owned(), begin.line + 1, begin.column + 1))
    }

    /// The calls, outermost first, each with the place that it had reached.
    ///
    /// The interpreter pairs each callee with where it was called; here each caller is paired
    /// with where it stands. Functions of the SDK are left out.
    fn stack(&self) -> Vec<Frame> {
        let mut stack = Vec::new();
        let mut caller = "<module>".to_owned();
        for frame in &self.frames {
            if let Some(location) = &frame.location {
                stack.push(frame_at(caller, location));
            }
            caller = frame.name.clone();
        }
        if let Some(span) = &self.span {
            let innermost = frame_at(caller, span);
            let same_place = stack.last().is_some_and(|last| {
                (&last.file, last.line, last.column) == (&innermost.file, innermost.line, innermost.column)
            });
            if !same_place {
                stack.push(innermost);
            }
        }
        stack
    }
}

fn frame_at(function: String, span: &FileSpan) -> Frame {
    let begin = span.resolve_span().begin;
    Frame { function, file: span.filename().to_owned(), line: begin.line + 1, column: begin.column + 1 }
}
