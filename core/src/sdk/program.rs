//! A file, evaluated: what it declared, and its functions ready to be called.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value as Json};
use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::{BeforeStmtFunc, Evaluator, FileLoader};
use starlark::values::structs::AllocStruct;
use starlark::values::{OwnedFrozenValue, Value};

use super::context::{Context, FileKind, LoadedModule, Session, SourceFile, main_spelling};
use super::diagnostics::{Diagnostic, Diagnostics, SdkError, Severity};
use super::functions::Functions;
use super::guard::Guard;
use super::host::Host;
use super::limits::Limits;
use super::load::{self, LoadError};
use super::recorder::Recorder;
use super::repo::RepoSettings;
use super::source::{self, Sites};
use super::values::Outcome;
use super::{environments, host_calls, inputs, json, package, release, repo, text};
use crate::documents::{Environment, FunctionDef, Inputs, Package};
use crate::order::Order as _;
use crate::refs::Ref;

/// One evaluated file with everything that it loads, frozen. Several runs may call its functions
/// at the same time.
#[derive(Debug)]
pub struct Program {
    file: String,
    kind: FileKind,
    modules: Vec<LoadedModule>,
    functions: Functions,
    package: Option<Package>,
    environments: Vec<Environment>,
    repo: RepoSettings,
    warnings: Vec<Diagnostic>,
}

/// How a called function ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Returned {
    /// It succeeded.
    Done {
        /// What it says about itself.
        annotation: String,
        /// What it gives to others; none if it did not say.
        outputs: Option<Map<String, Json>>,
        /// Names for the release. Checked.
        tags: Vec<String>,
        /// Files and folders whose change should release again.
        watch: Vec<String>,
    },
    /// It carries on with another function.
    Next {
        /// The function.
        function: FunctionDef,
        /// What it says about itself.
        annotation: String,
        /// What that function needs.
        inputs: Inputs,
    },
}

impl Program {
    /// Evaluates a file and all that it loads.
    ///
    /// `file` is its path from the repo root; refs are made absolute against `base`, the release
    /// (`<repo>/-/<file>/@r4`).
    ///
    /// # Errors
    /// All problems of the file that could be found.
    pub fn evaluate(
        file: &str,
        kind: FileKind,
        base: &Ref,
        host: &dyn Host,
        limits: &Limits,
    ) -> Result<Program, Diagnostics> {
        let session = Session::default();
        let evaluation = Evaluation { session: &session, kind, base, host, limits };
        let result = match load::resolve("", file) {
            Ok(path) => evaluation.file(&path, main_spelling(file)),
            Err(error) => Err(SdkError::new(error).into()),
        };
        let (mut problems, warnings): (Vec<_>, Vec<_>) = session
            .diagnostics
            .take()
            .into_iter()
            .partition(|diagnostic| diagnostic.severity == Severity::Error);
        let (main, recorder) = match result {
            Ok(evaluated) => evaluated,
            Err(error) => {
                problems.push(Diagnostic::of(&error));
                return Err(Diagnostics(problems).masked(host.secrets()));
            }
        };
        let modules = session.modules.take();
        let functions = Functions::of(&modules);
        let declared = session.environments.take();
        let mut repo = session.repo.take();
        if kind == FileKind::Repo {
            repo::take_globals(&main, &mut repo, &mut problems);
        }
        if let (Some(called), false) = (&recorder.called, declared.is_empty()) {
            let error = SdkError::hinted(
                "a file declares environments or a package, not both",
                "move the environments to a file of their own",
            );
            problems.push(error.diagnostic().at(called));
        }
        let mut warnings = warnings;
        if recorder.called.is_none() && declared.is_empty() {
            for (name, place) in session.made.take() {
                let message = format!("environment `{name}` is made but not registered");
                let warning = Diagnostic::new(Severity::Warning, message).at(&place);
                warnings.push(warning.hinted("declare it: `register_environment(environment(…))`"));
            }
        }
        let package =
            recorder.called.is_some().then(|| package::build(&main, &functions, recorder, &mut problems));
        if !problems.is_empty() {
            problems.order_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
            return Err(Diagnostics(problems).masked(host.secrets()));
        }
        Ok(Program {
            file: file.to_owned(),
            kind,
            modules,
            functions,
            package,
            environments: declared.into_iter().map(|(environment, _)| environment).collect(),
            repo,
            warnings: Diagnostics(warnings).masked(host.secrets()).0,
        })
    }

    /// What the file releases: some when it called `phase`, `task` or `deploy`, even if nothing
    /// came of it.
    #[must_use]
    pub fn package(&self) -> Option<&Package> {
        self.package.as_ref()
    }

    /// The environments that the file registers, in file order.
    #[must_use]
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// What `repo.ocu.star` settles.
    #[must_use]
    pub fn repo(&self) -> &RepoSettings {
        &self.repo
    }

    /// What is odd about the file, but no error.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The files that were read, by their paths from the repo root: the file itself and all that
    /// it loads.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|loaded| loaded.file.path.as_str())
    }

    /// Calls a function. Refs that it makes are made absolute against `base`.
    ///
    /// # Errors
    /// There is no such function, it failed, or it ended in a way that is not allowed.
    pub fn call(
        &self,
        function: &FunctionDef,
        inputs: &BTreeMap<String, Json>,
        base: &Ref,
        host: &dyn Host,
        limits: &Limits,
    ) -> Result<Returned, Diagnostics> {
        let entry = self
            .functions
            .find(function)
            .map_err(|error| Diagnostics(vec![error.diagnostic()]).masked(host.secrets()))?;
        let misfits = inputs::misfits(&entry.site, &entry.file.spelling, inputs);
        if !misfits.is_empty() {
            let problems = misfits.iter().map(SdkError::diagnostic).collect();
            return Err(Diagnostics(problems).masked(host.secrets()));
        }
        let as_struct = inputs::wants_context(&entry.site);
        let outcome = self.run(&entry.site.name, base, host, limits, |eval| {
            let heap = eval.heap();
            let callee = heap.access_owned_frozen_value(&entry.value);
            let values: Vec<(&str, Value<'_>)> =
                inputs.iter().map(|(name, value)| (name.as_str(), json::to_value(value, heap))).collect();
            if as_struct {
                let inputs = heap.alloc(AllocStruct(values));
                let ctx = heap.alloc(AllocStruct([("inputs", inputs)]));
                return eval.eval_function(callee, &[], &[("ctx", ctx)]);
            }
            eval.eval_function(callee, &[], &values)
        })?;
        Ok(match outcome {
            None => Returned::Done {
                annotation: String::new(),
                outputs: None,
                tags: Vec::new(),
                watch: Vec::new(),
            },
            Some(Outcome::Done { annotation, outputs, tags, watch }) => {
                Returned::Done { annotation, outputs, tags, watch }
            }
            Some(Outcome::Next { function, annotation, inputs }) => {
                Returned::Next { function: function.unwrap_or_default(), annotation, inputs }
            }
        })
    }

    /// Calls the function that starts CI work at a commit. Without one, does nothing.
    ///
    /// # Errors
    /// The function failed.
    pub fn trigger(&self, commit: &str, host: &dyn Host, limits: &Limits) -> Result<(), Diagnostics> {
        let Some(index) = self.repo.trigger else { return Ok(()) };
        let Some(main) = self.modules.last() else { return Ok(()) };
        let base = Ref::default();
        self.run("trigger", &base, host, limits, |eval| {
            let module = main.module.owned_extra_value();
            let list = module.map(|list| eval.heap().access_owned_frozen_value(&list));
            let callee = list
                .and_then(starlark::values::list::ListRef::from_value)
                .and_then(|list| list.content().get(index).copied())
                .ok_or_else(|| SdkError::new("the trigger is gone"))?;
            let commit = eval.heap().alloc(commit);
            eval.eval_function(callee, &[commit], &[])
        })?;
        Ok(())
    }

    /// Runs something against this program's functions.
    fn run(
        &self,
        thread: &str,
        base: &Ref,
        host: &dyn Host,
        limits: &Limits,
        act: impl for<'v> FnOnce(&mut Evaluator<'v, '_, '_>) -> starlark::Result<Value<'v>>,
    ) -> Result<Option<Outcome>, Diagnostics> {
        let session = Session::default();
        session.files.replace(self.modules.iter().map(|loaded| Arc::clone(&loaded.file)).collect());
        let context = Context {
            host,
            session: &session,
            kind: self.kind,
            base,
            limits,
            state: None,
            functions: Some(&self.functions),
            thread: thread.to_owned(),
            recorder: RefCell::default(),
            last_result: RefCell::default(),
            last_statement: RefCell::default(),
        };
        let result = Module::with_temp_heap(|module| {
            let mut eval = Evaluator::new(&module);
            prepare(&mut eval, &context)?;
            let returned = act(&mut eval).map_err(|error| context.located(error))?;
            let said = release::outcome(returned);
            // `done(…)` without `return` is what its author meant.
            let said = said.or_else(|| context.last_result.take().filter(|_| returned.is_none()));
            starlark::Result::Ok(said)
        });
        let mut problems: Vec<Diagnostic> = session.diagnostics.take();
        problems.retain(|problem| problem.severity == Severity::Error);
        match result {
            Ok(outcome) if problems.is_empty() => Ok(outcome),
            Ok(_) => Err(Diagnostics(problems).masked(host.secrets())),
            Err(error) => {
                problems.insert(0, Diagnostic::of(&error));
                Err(Diagnostics(problems).masked(host.secrets()))
            }
        }
    }

    /// What kind of file it is.
    pub(super) fn kind(&self) -> FileKind {
        self.kind
    }

    /// All files, the one itself last.
    pub(super) fn loaded(&self) -> &[LoadedModule] {
        &self.modules
    }

    /// The globals of the file, private ones too.
    pub(super) fn globals(&self) -> impl Iterator<Item = (&str, OwnedFrozenValue)> {
        let main = self.modules.last();
        main.into_iter().flat_map(|main| {
            let value = |name: &str| main.module.get_any_visibility(name).ok().map(|(value, _)| value);
            main.globals.iter().filter_map(move |name| Some((name.as_str(), value(name)?)))
        })
    }

    /// The path of the file from the repo root.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
}

/// Gives the evaluator its context and its bounds.
pub(super) fn prepare<'a, 'e: 'a>(
    eval: &mut Evaluator<'_, 'a, 'e>,
    context: &'a Context<'e>,
) -> starlark::Result<()> {
    let limits = context.limits();
    eval.extra = Some(context);
    eval.set_max_tick_count(limits.steps.max(1)).map_err(starlark::Error::new_other)?;
    eval.set_max_heap_size(limits.heap_bytes.max(1)).map_err(starlark::Error::new_other)?;
    eval.set_max_callstack_size(limits.call_depth.max(2)).map_err(starlark::Error::new_other)?;
    eval.before_stmt_for_dap(BeforeStmtFunc::from_dyn(Box::<Guard>::default()));
    Ok(())
}

/// One evaluation: what all of its files share.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'e> {
    pub(super) session: &'e Session,
    pub(super) kind: FileKind,
    pub(super) base: &'e Ref,
    pub(super) host: &'e dyn Host,
    pub(super) limits: &'e Limits,
}

impl<'e> Evaluation<'e> {
    /// Evaluates the file at `path`, which positions name `spelling`.
    fn file(&self, path: &str, spelling: &str) -> starlark::Result<(FrozenModule, Recorder)> {
        let text = self.host.source(path).map_err(SdkError::from)?;
        let mut ast = source::parse(path, &text)?;
        let file = Arc::new(SourceFile {
            path: path.to_owned(),
            spelling: spelling.to_owned(),
            code: ast.file_span(ast.statement().span).file.id(),
            sites: Sites::of(&ast),
        });
        ast.replace_binary_operators(&HashMap::from([("*".to_owned(), text::MULTIPLY.to_owned())]));
        self.session.files.borrow_mut().push(Arc::clone(&file));
        self.session.loading.borrow_mut().push(path.to_owned());
        let result = self.module(path, ast);
        self.session.loading.borrow_mut().pop();
        let (module, globals, recorder) = result?;
        let loaded = LoadedModule { file, module: module.clone(), globals };
        self.session.modules.borrow_mut().push(loaded);
        Ok((module, recorder))
    }

    fn module(
        &self,
        path: &str,
        ast: starlark::syntax::AstModule,
    ) -> starlark::Result<(FrozenModule, Vec<String>, Recorder)> {
        let context = Context {
            host: self.host,
            session: self.session,
            kind: self.kind,
            base: self.base,
            limits: self.limits,
            state: None,
            functions: None,
            thread: load::file_name(path).to_owned(),
            recorder: RefCell::default(),
            last_result: RefCell::default(),
            last_statement: RefCell::default(),
        };
        let loader = Loader { evaluation: *self, folder: load::folder_of(path).to_owned() };
        let (frozen, globals) = Module::with_temp_heap(|module| {
            {
                let mut eval = Evaluator::new(&module);
                prepare(&mut eval, &context)?;
                eval.set_loader(&loader);
                eval.eval_module(ast, globals()).map_err(|error| context.located(error))?;
            }
            let names = module.names_and_visibilities().map(|(name, _)| name.as_str().to_owned()).collect();
            starlark::Result::Ok((module.freeze()?, names))
        })?;
        Ok((frozen, globals, context.recorder.into_inner()))
    }

    /// The module that a file in `folder` loads as `said`.
    fn load(&self, folder: &str, said: &str) -> starlark::Result<FrozenModule> {
        let path = load::resolve(folder, said).map_err(SdkError::new)?;
        let known = self.session.modules.borrow().iter().find(|loaded| loaded.file.path == path).cloned();
        if let Some(loaded) = known {
            return Ok(loaded.module);
        }
        let circle = {
            let loading = self.session.loading.borrow();
            loading
                .iter()
                .position(|open| *open == path)
                .map(|start| loading.iter().skip(start).chain([&path]).cloned().collect())
        };
        if let Some(circle) = circle {
            return Err(SdkError::new(LoadError::Cycle(circle)).into());
        }
        let spelling = self.session.spelling(&path, said);
        Ok(self.file(&path, &spelling)?.0)
    }
}

/// Loads for the files of one folder.
pub(super) struct Loader<'e> {
    pub(super) evaluation: Evaluation<'e>,
    pub(super) folder: String,
}

impl FileLoader for Loader<'_> {
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        self.evaluation.load(&self.folder, path)
    }
}

/// Everything that is predeclared in files.
fn globals() -> &'static Globals {
    static GLOBALS: OnceLock<Globals> = OnceLock::new();
    GLOBALS.get_or_init(|| builder().build())
}

/// See [`globals`].
pub(super) fn builder() -> GlobalsBuilder {
    let mut builder = GlobalsBuilder::extended_by(&[LibraryExtension::StructType, LibraryExtension::SetType]);
    for register in [
        release::package,
        release::results,
        environments::functions,
        host_calls::both,
        host_calls::predeclared,
        host_calls::helpers,
        repo::functions,
        text::functions,
        text::sequences,
    ] {
        register(&mut builder);
    }
    builder.namespace("json", json::namespace);
    builder.namespace("store", repo::store);
    builder.namespace("http", host_calls::http);
    builder.namespace("host", |builder| {
        host_calls::both(builder);
        host_calls::host_only(builder);
    });
    let operators = GlobalsBuilder::new().with(text::operators).build();
    for (_, multiply) in operators.iter() {
        builder.frozen_heap().add_reference(operators.heap());
        builder.set(text::MULTIPLY, multiply);
    }
    builder
}
