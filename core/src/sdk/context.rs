//! What the SDK's functions know while a file is evaluated or one of its functions is called.

#![allow(unsafe_code, reason = "the interpreter's derives implement its marker traits")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use starlark::any::ProvidesStaticType;
use starlark::codemap::{CodeMapId, FileSpan, FileSpanRef};
use starlark::environment::FrozenModule;
use starlark::eval::Evaluator;

use super::diagnostics::{Diagnostic, Place, SdkError, Severity};
use super::functions::Functions;
use super::host::Host;
use super::limits::Limits;
use super::load::file_name;
use super::recorder::Recorder;
use super::repl::State;
use super::repo::RepoSettings;
use super::source::Sites;
use super::values::Outcome;
use crate::documents::{Environment, Log};
use crate::refs::Ref;

/// What kind of file is evaluated. Some functions exist only in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A release file: phases, tasks and deployments, or environments.
    Release,
    /// `repo.ocu.star`.
    Repo,
}

/// A file that takes part in an evaluation.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// From the repo root.
    pub(super) path: String,
    /// How positions of its functions name it.
    pub(super) spelling: String,
    pub(super) code: CodeMapId,
    pub(super) sites: Sites,
}

/// A file that was evaluated.
#[derive(Debug, Clone)]
pub(super) struct LoadedModule {
    pub(super) file: Arc<SourceFile>,
    pub(super) module: FrozenModule,
    /// The names of its globals, private ones too.
    pub(super) globals: Vec<String>,
}

/// What all files of one evaluation share.
#[derive(Default)]
pub(super) struct Session {
    pub(super) files: RefCell<Vec<Arc<SourceFile>>>,
    /// In the order in which they were finished.
    pub(super) modules: RefCell<Vec<LoadedModule>>,
    /// The files that are being evaluated, outermost first.
    pub(super) loading: RefCell<Vec<String>>,
    pub(super) environments: RefCell<Vec<(Environment, Place)>>,
    /// Names of environments that were made, for a hint.
    pub(super) made: RefCell<Vec<(String, Place)>>,
    pub(super) repo: RefCell<RepoSettings>,
    /// The SDK that each file asks for.
    pub(super) versions: RefCell<BTreeMap<String, String>>,
    /// Problems and warnings, in the order in which they were met.
    pub(super) diagnostics: RefCell<Vec<Diagnostic>>,
}

/// What the functions called by one module know.
#[derive(ProvidesStaticType)]
pub(super) struct Context<'h> {
    pub(super) host: &'h dyn Host,
    pub(super) session: &'h Session,
    pub(super) kind: FileKind,
    pub(super) base: &'h Ref,
    pub(super) limits: &'h Limits,
    /// The stores, at a prompt.
    pub(super) state: Option<&'h dyn State>,
    /// The functions that `next` may name. None while files are evaluated.
    pub(super) functions: Option<&'h Functions>,
    /// What a log line says it comes from.
    pub(super) thread: String,
    pub(super) recorder: RefCell<Recorder>,
    /// What `done` or `next` made last.
    pub(super) last_result: RefCell<Option<Outcome>>,
    /// The statement that runs: not every error of the interpreter has a place.
    pub(super) last_statement: RefCell<Option<FileSpan>>,
}

impl<'h> Context<'h> {
    /// The context that the evaluator was given.
    pub(super) fn of<'a, 'v, 'e>(eval: &Evaluator<'v, 'a, 'e>) -> Option<&'a Context<'e>> {
        eval.extra?.downcast_ref::<Context<'e>>()
    }

    /// The context, or an error for the file's author: there always is one.
    pub(super) fn need<'a, 'v, 'e>(eval: &Evaluator<'v, 'a, 'e>) -> starlark::Result<&'a Context<'e>> {
        Context::of(eval).ok_or_else(|| SdkError::new("the SDK is not available here").into())
    }

    /// The context of a function that exists only in files of that kind.
    pub(super) fn only_in<'a, 'v, 'e>(
        kind: FileKind,
        function: &str,
        eval: &Evaluator<'v, 'a, 'e>,
    ) -> starlark::Result<&'a Context<'e>> {
        let context = Context::need(eval)?;
        if context.kind == kind {
            return Ok(context);
        }
        let place = match kind {
            FileKind::Release => "release files",
            FileKind::Repo => "repo.ocu.star",
        };
        Err(SdkError::new(format!("`{function}` can only be called in {place}")).into())
    }

    pub(super) fn limits(&self) -> &'h Limits {
        self.limits
    }

    /// Notes a problem and goes on, so that all of them are reported at once.
    pub(super) fn problem(&self, error: &SdkError, place: &Place) {
        let diagnostic = error.diagnostic().at(place);
        self.session.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Notes something that is no error.
    pub(super) fn warn(&self, message: &str, place: &Place) {
        let diagnostic = Diagnostic::new(Severity::Warning, message).at(place);
        self.session.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Logs a line that the file printed.
    pub(super) fn print(&self, message: String, place: &Place) {
        self.host.log(Log {
            timestamp: String::new(),
            message,
            attributes: self.log_attributes(place),
            stream: 0,
            extra: serde_json::Map::new(),
        });
    }

    /// Where a line of output comes from.
    pub(super) fn log_attributes(&self, place: &Place) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::from([("thread".to_owned(), self.thread.clone())]);
        if let Some((file, line, column)) = place.position() {
            attributes.insert("filename".to_owned(), file);
            attributes.insert("line".to_owned(), line.to_string());
            attributes.insert("col".to_owned(), column.to_string());
        }
        attributes
    }

    /// The function around a statement: its file, and its index there.
    pub(super) fn function_around(&self, span: FileSpanRef<'_>) -> Option<(CodeMapId, usize)> {
        let code = span.file.id();
        let files = self.session.files.borrow();
        let file = files.iter().find(|file| file.code == code)?;
        let (index, _) = file.sites.around(span.span.begin().get())?;
        Some((code, index))
    }

    /// The error, with a place.
    pub(super) fn located(&self, mut error: starlark::Error) -> starlark::Error {
        if !error.has_diagnostic()
            && let Some(statement) = self.last_statement.take()
        {
            error.set_span(statement.span, &statement.file);
        }
        error
    }

    /// `text` as a ref, made absolute against the release.
    pub(super) fn absolute(&self, text: &str) -> Result<Ref, SdkError> {
        let parsed: Ref = text.parse().map_err(|error| SdkError::new(format!("{error}")))?;
        parsed.relative_to(self.base).map_err(|error| SdkError::new(format!("{error}")))
    }
}

impl Session {
    /// How positions name the file at `path`, loaded as `said`: that, unless another file goes by
    /// the same last segment and spelling.
    pub(super) fn spelling(&self, path: &str, said: &str) -> String {
        let taken = self.files.borrow().iter().any(|file| file.spelling == said && file.path != path);
        if taken { format!("//{path}") } else { said.to_owned() }
    }
}

/// How positions name the file that an evaluation starts with.
pub(super) fn main_spelling(path: &str) -> &str {
    file_name(path)
}
