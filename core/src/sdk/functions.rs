//! Functions that a later process finds again.
//!
//! A run may call a function long after the file was evaluated, in another process. So a function
//! is recorded by name and position, and must be the value of a global: only globals are there
//! again when the same source is evaluated anew.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use starlark::codemap::{CodeMapId, FileSpanRef};
use starlark::environment::Module;
use starlark::eval::{BeforeStmtFunc, BeforeStmtFuncDyn, Evaluator};
use starlark::values::{OwnedFrozenValue, Value};

use super::context::{LoadedModule, SourceFile};
use super::diagnostics::SdkError;
use super::load::file_name;
use super::source::{ParameterKind, Site};
use crate::documents::FunctionDef;

/// The functions that are globals of the files of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Functions {
    entries: Vec<Entry>,
}

/// A global that holds a function.
#[derive(Debug)]
pub(super) struct Entry {
    global: String,
    pub(super) file: Arc<SourceFile>,
    pub(super) site: Site,
    pub(super) value: OwnedFrozenValue,
}

impl Entry {
    fn position(&self) -> String {
        let Site { line, column, .. } = self.site;
        format!("{}:{line}:{column}", self.file.spelling)
    }

    fn same_function(&self, other: &Entry) -> bool {
        self.value.value().ptr_eq(other.value.value())
    }
}

impl Functions {
    /// Collects them from the files, which must all be in `modules`.
    pub(super) fn of(modules: &[LoadedModule]) -> Functions {
        let mut globals = Vec::new();
        for loaded in modules {
            for name in &loaded.globals {
                if let Ok((value, _)) = loaded.module.get_any_visibility(name)
                    && value.value().parameters_spec().is_some()
                {
                    globals.push((name.clone(), value));
                }
            }
        }
        let places = places(modules, &globals);
        let entries = globals
            .into_iter()
            .zip(places)
            .filter_map(|((global, value), place)| {
                let (file, site) = place?;
                Some(Entry { global, file, site, value })
            })
            .collect();
        Functions { entries }
    }

    /// The entry of a function.
    ///
    /// # Errors
    /// The value is no function, or not that of a global.
    pub(super) fn entry(&self, value: Value<'_>) -> Result<&Entry, SdkError> {
        self.entries.iter().find(|entry| entry.value.value().ptr_eq(value)).ok_or_else(|| not_global(value))
    }

    /// How an entry is recorded: by its own name, or by its global's where its own is not enough.
    pub(super) fn definition(&self, entry: &Entry) -> FunctionDef {
        let own = FunctionDef { name: entry.site.name.clone(), pos: entry.position() };
        match self.find(&own) {
            Ok(found) if found.same_function(entry) => own,
            _ => FunctionDef { name: entry.global.clone(), ..own },
        }
    }

    /// The function recorded as `wanted`: by line, column and the file's last segment, and the
    /// name. Where that leaves several, the spelling of the file and the global's name decide.
    ///
    /// # Errors
    /// There is none, or still more than one.
    pub(super) fn find(&self, wanted: &FunctionDef) -> Result<&Entry, SdkError> {
        let not_found = || {
            SdkError::hinted(
                format!("function `{}` was not found at {}", wanted.name, wanted.pos),
                "the file must be as it was when the function was recorded",
            )
        };
        let (file, line, column) = split(&wanted.pos).ok_or_else(not_found)?;
        let at_place: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| {
                (entry.site.line, entry.site.column) == (line, column)
                    && file_name(&entry.file.path) == file_name(file)
            })
            .collect();
        let of_own_name = narrow(&at_place, |entry| entry.site.name == wanted.name);
        let of_either_name = if of_own_name.is_empty() {
            narrow(&at_place, |entry| entry.global == wanted.name)
        } else {
            of_own_name
        };
        let mut left = of_either_name;
        for prefer in [
            (|entry, _, file| entry_file(entry) == file) as fn(&Entry, &FunctionDef, &str) -> bool,
            |entry, wanted, _| entry.global == wanted.name,
        ] {
            let preferred = narrow(&left, |entry| prefer(entry, wanted, file));
            if !preferred.is_empty() {
                left = preferred;
            }
        }
        match left.as_slice() {
            [] => Err(not_found()),
            [first, rest @ ..] if rest.iter().all(|other| other.same_function(first)) => Ok(first),
            several => Err(SdkError::new(format!(
                "function `{}` at {} is not clear: the globals {} are made there",
                wanted.name,
                wanted.pos,
                several.iter().map(|entry| format!("`{}`", entry.global)).collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

fn entry_file(entry: &Entry) -> &str {
    &entry.file.spelling
}

fn narrow<'e>(entries: &[&'e Entry], keep: impl Fn(&Entry) -> bool) -> Vec<&'e Entry> {
    entries.iter().copied().filter(|entry| keep(entry)).collect()
}

/// `<file>:<line>:<column>`.
fn split(position: &str) -> Option<(&str, usize, usize)> {
    let mut parts = position.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some((parts.next()?, line, column))
}

fn not_global(value: Value<'_>) -> SdkError {
    let hint = "define it with `def` at the top level of the file or of one that it loads, \
                or assign it to a global: a run may call it in a later process";
    match value.function_name() {
        Some(name) if value.parameters_spec().is_some() => {
            SdkError::hinted(format!("function `{name}` is not the value of a global"), hint)
        }
        Some(name) => SdkError::hinted(format!("`{name}` is built in, not a function of a file"), hint),
        None => SdkError::hinted(format!("`{}` is not a function", value.to_repr()), hint),
    }
}

/// Where each function was made.
///
/// The interpreter knows, but does not tell. So each function is called with every statement
/// watched, and stopped before its first one: nothing of it runs. A function without statements
/// (`pass`) ends by itself, and does nothing; any place that fits its parameters will do for it.
fn places(
    modules: &[LoadedModule],
    globals: &[(String, OwnedFrozenValue)],
) -> Vec<Option<(Arc<SourceFile>, Site)>> {
    let seen = Rc::new(RefCell::new(None));
    Module::with_temp_heap(|module| {
        let mut eval = Evaluator::new(&module);
        eval.before_stmt_for_dap(BeforeStmtFunc::from_dyn(Box::new(Probe { seen: Rc::clone(&seen) })));
        globals
            .iter()
            .map(|(_, owned)| {
                place(modules, module.heap().access_owned_frozen_value(owned), &mut eval, &seen)
            })
            .collect()
    })
}

fn place<'v>(
    modules: &[LoadedModule],
    function: Value<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
    seen: &RefCell<Option<(CodeMapId, u32)>>,
) -> Option<(Arc<SourceFile>, Site)> {
    let name = function.function_name()?;
    let candidates =
        || modules.iter().flat_map(|loaded| loaded.file.sites.named(name).map(|site| (&loaded.file, site)));
    let mut tried: Vec<Vec<&str>> = Vec::new();
    for (file, site) in candidates() {
        let required: Vec<&str> = site
            .parameters
            .iter()
            .filter(|parameter| parameter.kind == ParameterKind::Required)
            .map(|parameter| parameter.name.as_str())
            .collect();
        if tried.contains(&required) {
            continue;
        }
        let arguments: Vec<(&str, Value)> = required.iter().map(|name| (*name, Value::new_none())).collect();
        seen.replace(None);
        let result = eval.eval_function(function, &[], &arguments);
        if let Some((code, position)) = seen.take() {
            let loaded = modules.iter().find(|loaded| loaded.file.code == code)?;
            let (_, site) = loaded.file.sites.around(position)?;
            return Some((Arc::clone(&loaded.file), site.clone()));
        }
        if result.is_ok() {
            return Some((Arc::clone(file), site.clone()));
        }
        tried.push(required);
    }
    None
}

/// Stops a function before its first statement and notes where that is.
struct Probe {
    seen: Rc<RefCell<Option<(CodeMapId, u32)>>>,
}

impl<'e> BeforeStmtFuncDyn<'e> for Probe {
    fn call<'v>(
        &mut self,
        span: FileSpanRef,
        _continued: bool,
        _eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        self.seen.borrow_mut().get_or_insert((span.file.id(), span.span.begin().get()));
        Err(SdkError::new("stopped").into())
    }
}
