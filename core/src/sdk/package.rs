//! From what a file called to the package that is recorded, with every check that needs the
//! whole file.

use std::collections::BTreeMap;

use starlark::environment::FrozenModule;
use starlark::values::Value;
use starlark::values::list::ListRef;

use super::diagnostics::{Diagnostic, Place, SdkError};
use super::functions::Functions;
use super::inputs;
use super::recorder::{RecordedKind, RecordedWork, Recorder};
use crate::documents::{DeployDef, FunctionDef, Inputs, Package, PackageFunction, Phase, TaskDef, Work};

/// The function at `index` of the module's list (see `register_function`).
pub(super) fn registered(module: &FrozenModule, index: usize) -> Option<Value<'_>> {
    let list = ListRef::from_value(module.extra_value()?.to_value())?;
    list.content().get(index).copied()
}

/// Builds the package. Problems are added to `problems`; with any, the package is not to be used.
pub(super) fn build(
    module: &FrozenModule,
    functions: &Functions,
    recorder: Recorder,
    problems: &mut Vec<Diagnostic>,
) -> Package {
    let mut builder = Builder { module, functions, named: BTreeMap::new(), problems };
    builder.check_names(&recorder.works);
    let works: Vec<Work> = recorder.works.into_iter().map(|work| builder.work(work)).collect();
    let phases = recorder
        .phases
        .into_iter()
        .map(|phase| Phase {
            name: phase.name,
            tasks: phase.works.iter().filter_map(|index| works.get(*index).cloned()).collect(),
            ..Phase::default()
        })
        .collect();
    Package { functions: builder.named, phases, ..Package::default() }
}

struct Builder<'a> {
    module: &'a FrozenModule,
    functions: &'a Functions,
    named: BTreeMap<String, PackageFunction>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn problem(&mut self, error: &SdkError, place: &Place) {
        self.problems.push(error.diagnostic().at(place));
    }

    /// No two tasks of one name, no environment deployed to twice.
    fn check_names(&mut self, works: &[RecordedWork]) {
        for (index, work) in works.iter().enumerate() {
            let same = |other: &&RecordedWork| match (&work.what, &other.what) {
                (RecordedKind::Task { name: a, .. }, RecordedKind::Task { name: b, .. }) => a == b,
                (
                    RecordedKind::Deploy { environment: a, .. },
                    RecordedKind::Deploy { environment: b, .. },
                ) => a == b,
                _ => false,
            };
            let Some(first) = works.iter().take(index).find(same) else { continue };
            let at = match first.place.position() {
                Some((file, line, _)) => format!(" (first at {file}:{line})"),
                None => String::new(),
            };
            let message = match &work.what {
                RecordedKind::Task { name, .. } => format!("there are two tasks named `{name}`{at}"),
                RecordedKind::Deploy { environment, .. } => {
                    format!("environment `{environment}` is deployed to twice{at}")
                }
            };
            self.problem(&SdkError::new(message), &work.place);
        }
    }

    fn work(&mut self, recorded: RecordedWork) -> Work {
        let RecordedWork { what, inputs, place } = recorded;
        match what {
            RecordedKind::Task { name, function } => Work::Task(TaskDef {
                function: self.function(function, &inputs, &place),
                name,
                inputs,
                extra: serde_json::Map::new(),
            }),
            RecordedKind::Deploy { environment, up, down } => Work::Deploy(DeployDef {
                environment,
                up: self.function(up, &inputs, &place),
                down: if up == down { self.known(down) } else { self.function(down, &inputs, &place) },
                inputs,
                extra: serde_json::Map::new(),
            }),
        }
    }

    /// The definition of a function that has been checked already.
    fn known(&self, index: usize) -> FunctionDef {
        registered(self.module, index)
            .and_then(|value| self.functions.entry(value).ok())
            .map(|entry| self.functions.definition(entry))
            .unwrap_or_default()
    }

    /// The definition of a function, which is noted and whose parameters must fit.
    fn function(&mut self, index: usize, inputs: &Inputs, place: &Place) -> FunctionDef {
        let Some(value) = registered(self.module, index) else {
            return FunctionDef::default();
        };
        let entry = match self.functions.entry(value) {
            Ok(entry) => entry,
            Err(error) => {
                self.problem(&error, place);
                return FunctionDef::default();
            }
        };
        for misfit in inputs::misfits(&entry.site, &entry.file.spelling, inputs) {
            self.problem(&misfit, place);
        }
        let function = self.functions.definition(entry);
        let key = format!("{}/{}", function.name, function.pos);
        self.named.insert(key, PackageFunction { function: function.clone() });
        function
    }
}
