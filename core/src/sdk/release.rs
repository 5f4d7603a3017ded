//! The functions of release files: tasks, deployments, phases, inputs and results.

use starlark::collections::SmallMap;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::AllocDict;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::none::NoneType;
use starlark::values::{Heap, Value, ValueLike};

use super::context::{Context, FileKind};
use super::diagnostics::{Place, SdkError, fail};
use super::environments::environment_name;
use super::recorder::{RecordedKind, RecordedWork};
use super::values::{Outcome, ResultValue, TaskValue};
use super::{inputs, json, version};
use crate::documents::Input;
use crate::names;

/// Keeps a function with its module, and returns its index there.
///
/// The list hangs off the module, so that it is collected and frozen with it.
pub(super) fn register_function<'v>(eval: &mut Evaluator<'v, '_, '_>, function: Value<'v>) -> usize {
    let module = eval.module();
    let known: &[Value<'v>] =
        module.extra_value().and_then(ListRef::from_value).map_or(&[], |list| list.content());
    if let Some(index) = known.iter().position(|other| other.ptr_eq(function)) {
        return index;
    }
    let index = known.len();
    let longer = eval.heap().alloc(AllocList(known.iter().copied().chain([function])));
    module.set_extra_value(longer);
    index
}

/// Records a task.
fn add_task<'v>(
    called: &str,
    function: Value<'v>,
    name: &str,
    given: Option<Value<'v>>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    let context = Context::only_in(FileKind::Release, called, eval)?;
    let place = Place::of_caller(eval);
    if let Err(error) = names::task(name) {
        context.problem(&SdkError::new(error), &place);
    }
    let inputs = inputs::read(context, given, eval.heap(), |error| {
        context.problem(&SdkError::new(format!("task `{name}`: {error}")), &place);
    });
    let function = register_function(eval, function);
    let index = context.recorder.borrow_mut().add(RecordedWork {
        what: RecordedKind::Task { name: name.to_owned(), function },
        inputs,
        place,
    });
    Ok(eval.heap().alloc(TaskValue { index, text: format!("task({name:?})") }))
}

/// `ocuroot`, `task`, `deploy`, `phase`, `input`, `ref`.
#[starlark_module]
pub(super) fn package(builder: &mut GlobalsBuilder) {
    /// Says which SDK the file is written for.
    fn ocuroot<'v>(
        #[starlark(require = pos)] version: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::need(eval)?;
        let place = Place::of_caller(eval);
        match version::select(version) {
            Ok(chosen) => {
                let file = place.position().map(|(file, ..)| file).unwrap_or_default();
                if context.session.versions.borrow_mut().insert(file, chosen).is_some() {
                    context.warn("`ocuroot` is called a second time; the last call counts", &place);
                }
            }
            Err(error) => return fail(error),
        }
        Ok(NoneType)
    }

    /// A one-off step.
    fn task<'v>(
        r#fn: Value<'v>,
        name: &str,
        #[starlark(default = "")] annotation: &str,
        inputs: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let _ = annotation;
        add_task("task", r#fn, name, inputs, eval)
    }

    /// The old name of `task`.
    fn call<'v>(
        r#fn: Value<'v>,
        name: &str,
        #[starlark(default = "")] annotation: &str,
        inputs: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let _ = annotation;
        add_task("call", r#fn, name, inputs, eval)
    }

    /// A deployment to one environment.
    fn deploy<'v>(
        environment: Value<'v>,
        up: Value<'v>,
        down: Value<'v>,
        inputs: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        const IMPLICIT: &str = "environment";
        let context = Context::only_in(FileKind::Release, "deploy", eval)?;
        let place = Place::of_caller(eval);
        let environment = environment_name(environment, eval.heap())?;
        if let Err(error) = names::environment(&environment) {
            context.problem(&SdkError::new(error), &place);
        }
        let mut inputs = inputs::read(context, inputs, eval.heap(), |error| {
            context.problem(&SdkError::new(format!("deploy to `{environment}`: {error}")), &place);
        });
        let implicit = Input { source: Some(format!("@/environment/{environment}")), ..Input::default() };
        if inputs.insert(IMPLICIT.to_owned(), implicit).is_some() {
            context.problem(
                &SdkError::hinted(
                    format!(
                        "deploy to `{environment}`: the input `{IMPLICIT}` is given by the deployment itself"
                    ),
                    "drop it, or call it something else",
                ),
                &place,
            );
        }
        let up = register_function(eval, up);
        let down = register_function(eval, down);
        let text = format!("deploy({environment:?})");
        let index = context.recorder.borrow_mut().add(RecordedWork {
            what: RecordedKind::Deploy { environment, up, down },
            inputs,
            place,
        });
        Ok(eval.heap().alloc(TaskValue { index, text }))
    }

    /// Groups tasks that may run at the same time.
    fn phase<'v>(
        name: &str,
        tasks: Option<Value<'v>>,
        work: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::only_in(FileKind::Release, "phase", eval)?;
        let place = Place::of_caller(eval);
        let mut works = Vec::new();
        for list in [tasks, work].into_iter().flatten().filter(|list| !list.is_none()) {
            for item in list.iterate(eval.heap())? {
                match TaskValue::from_value(item) {
                    Some(task) => works.push(task.index),
                    None => context.problem(
                        &SdkError::hinted(
                            format!("phase `{name}` holds tasks and deployments, not `{}`", item.to_repr()),
                            "list what `task(…)` and `deploy(…)` return",
                        ),
                        &place,
                    ),
                }
            }
        }
        let mut recorder = context.recorder.borrow_mut();
        if recorder.group(name, works, place.clone()).is_err() {
            context.problem(
                &SdkError::new(format!("phase `{name}` holds a task that is in a phase already")),
                &place,
            );
        }
        Ok(NoneType)
    }

    /// An input with a ref, a default, or both.
    fn input<'v>(
        r#ref: Option<Value<'v>>,
        default: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let described = inputs::descriptor(context, r#ref, default, eval.heap())?;
        Ok(json::to_value(&described, eval.heap()))
    }

    /// A required input.
    fn r#ref<'v>(
        #[starlark(require = pos)] text: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let absolute = context.absolute(text)?;
        Ok(json::to_value(&serde_json::json!({ "ref": absolute.to_string() }), eval.heap()))
    }
}

/// `done`, `next`, `outputs`, `secret`.
#[starlark_module]
pub(super) fn results(builder: &mut GlobalsBuilder) {
    /// The function has succeeded.
    fn done<'v>(
        #[starlark(default = "")] annotation: &str,
        outputs: Option<Value<'v>>,
        tags: Option<Value<'v>>,
        watch: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let outputs = match outputs.filter(|outputs| !outputs.is_none()) {
            None => None,
            Some(outputs) => match json::from_value(outputs, eval.heap()) {
                Ok(serde_json::Value::Object(outputs)) => Some(outputs),
                Ok(_) => return fail(format!("outputs are a dict, not `{}`", outputs.get_type())),
                Err(error) => return fail(format!("outputs: {error}")),
            },
        };
        let tags = texts("tags", tags, eval.heap())?;
        for tag in &tags {
            if let Err(error) = names::tag(tag) {
                return Err(SdkError::new(error).into());
            }
        }
        let outcome = Outcome::Done {
            annotation: annotation.to_owned(),
            outputs,
            tags,
            watch: texts("watch", watch, eval.heap())?,
        };
        context.last_result.replace(Some(outcome.clone()));
        Ok(eval.heap().alloc(ResultValue { outcome }))
    }

    /// Carries on with another function once its inputs exist.
    fn next<'v>(
        r#fn: Value<'v>,
        #[starlark(default = "")] annotation: &str,
        inputs: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let mut problems = Vec::new();
        let inputs = inputs::read(context, inputs, eval.heap(), |error| problems.push(error));
        let mut function = None;
        if let Some(functions) = context.functions {
            match functions.entry(r#fn) {
                Ok(entry) => {
                    problems.extend(inputs::misfits(&entry.site, &entry.file.spelling, &inputs));
                    function = Some(functions.definition(entry));
                }
                Err(error) => problems.push(error),
            }
        }
        let place = Place::of_caller(eval);
        let mut problems = problems.into_iter();
        if let Some(first) = problems.next() {
            for other in problems {
                context.problem(&other, &place);
            }
            return Err(first.into());
        }
        let outcome = Outcome::Next { function, annotation: annotation.to_owned(), inputs };
        context.last_result.replace(Some(outcome.clone()));
        Ok(eval.heap().alloc(ResultValue { outcome }))
    }

    /// `{"outputs": {…}}` of the named arguments.
    fn outputs<'v>(
        #[starlark(kwargs)] named: SmallMap<String, Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let named = heap.alloc(AllocDict(named));
        Ok(heap.alloc(AllocDict([("outputs", named)])))
    }

    /// Masks a value from now on, and returns it.
    fn secret<'v>(
        #[starlark(require = pos)] value: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        match value.unpack_str() {
            Some(text) => context.host.secrets().add(text),
            None => return fail(format!("a secret is a string, not `{}`", value.get_type())),
        }
        Ok(value)
    }
}

/// A list or tuple of strings.
fn texts<'v>(what: &str, value: Option<Value<'v>>, heap: Heap<'v>) -> Result<Vec<String>, SdkError> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(Vec::new());
    };
    let json = json::from_value(value, heap)?;
    serde_json::from_value(json.clone())
        .map_err(|_| SdkError::new(format!("`{what}` is a list of strings, not `{json}`")))
}

/// What a function returned: `done(…)`, `next(…)`, or something that says no more than that it
/// came to its end.
pub(super) fn outcome(returned: Value<'_>) -> Option<Outcome> {
    returned.downcast_ref::<ResultValue>().map(|value| value.outcome.clone())
}
