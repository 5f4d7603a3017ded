//! Environments: asking for them, making them, declaring them.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::list::AllocList;
use starlark::values::{Heap, Value};

use super::context::{Context, FileKind};
use super::diagnostics::{Place, SdkError, fail};
use super::json;
use super::values::EnvironmentValue;
use crate::documents::Environment;
use crate::names;
use crate::order::Order as _;

/// `environments`, `environment`, `register_environment`, `environment_from_dict`,
/// `environment_from_json`.
#[starlark_module]
pub(super) fn functions(builder: &mut GlobalsBuilder) {
    /// The environments in state.
    fn environments<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let mut found = context.host.environments().map_err(SdkError::from)?;
        found.order_by(|a, b| a.name.cmp(&b.name));
        let values = found.into_iter().map(|environment| EnvironmentValue { environment });
        Ok(eval.heap().alloc(AllocList(values)))
    }

    /// Makes an environment. `register_environment` declares it.
    fn environment<'v>(
        name: &str,
        attributes: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<EnvironmentValue> {
        let context = Context::need(eval)?;
        let attributes = match attributes.filter(|attributes| !attributes.is_none()) {
            Some(attributes) => json::from_value(attributes, eval.heap())?,
            None => Json::Object(serde_json::Map::new()),
        };
        let made = read(&serde_json::json!({ "name": name, "attributes": attributes }))?;
        let place = Place::of_caller(eval);
        context.session.made.borrow_mut().push((name.to_owned(), place));
        Ok(EnvironmentValue { environment: made })
    }

    /// Declares an environment.
    fn register_environment<'v>(
        #[starlark(require = pos)] env: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::only_in(FileKind::Release, "register_environment", eval)?;
        let environment = match EnvironmentValue::from_value(env) {
            Some(value) => value.environment.clone(),
            None => read(&json::from_value(env, eval.heap())?)?,
        };
        let place = Place::of_caller(eval);
        let mut declared = context.session.environments.borrow_mut();
        let known = declared.iter().find(|(known, _)| known.name == environment.name);
        match known {
            None => declared.push((environment, place)),
            Some((known, _)) if *known == environment => {}
            Some((known, _)) => context.problem(
                &SdkError::new(format!("environment `{}` is registered twice, differently", known.name)),
                &place,
            ),
        }
        Ok(env)
    }

    /// An environment from what `.dict()` returned.
    fn environment_from_dict<'v>(
        #[starlark(require = pos)] d: Value<'v>,
        heap: Heap<'v>,
    ) -> starlark::Result<EnvironmentValue> {
        let environment = read(&json::from_value(d, heap)?)?;
        Ok(EnvironmentValue { environment })
    }

    /// An environment from what `.json()` returned.
    fn environment_from_json(#[starlark(require = pos)] s: &str) -> starlark::Result<EnvironmentValue> {
        match serde_json::from_str::<Json>(s) {
            Ok(json) => Ok(EnvironmentValue { environment: read(&json)? }),
            Err(error) => fail(format!("environment_from_json: {error}")),
        }
    }
}

/// Reads `{"name": …, "attributes": {…}}`.
fn read(json: &Json) -> Result<Environment, SdkError> {
    let wrong = |why: &str| SdkError::new(format!("this is not an environment: {why}"));
    let Json::Object(fields) = json else {
        return Err(wrong("it is no dict"));
    };
    let Some(name) = fields.get("name").and_then(Json::as_str) else {
        return Err(wrong("it has no `name`"));
    };
    names::environment(name).map_err(SdkError::new)?;
    let mut attributes = BTreeMap::new();
    match fields.get("attributes") {
        None | Some(Json::Null) => {}
        Some(Json::Object(given)) => {
            for (key, value) in given {
                let Some(text) = value.as_str() else {
                    return Err(SdkError::hinted(
                        format!("environment `{name}`: attribute `{key}` is a string, not `{value}`"),
                        format!("write `str({value})`"),
                    ));
                };
                attributes.insert(key.clone(), text.to_owned());
            }
        }
        Some(_) => return Err(wrong("its `attributes` are no dict")),
    }
    Ok(Environment { name: name.to_owned(), attributes, ..Environment::default() })
}

/// The name of an environment given as a string, a struct or a dict.
pub(super) fn environment_name<'v>(value: Value<'v>, heap: Heap<'v>) -> Result<String, SdkError> {
    if let Some(name) = value.unpack_str() {
        return Ok(name.to_owned());
    }
    let attribute = value.get_attr("name", heap).ok().flatten();
    let name = attribute.or_else(|| value.at(heap.alloc("name"), heap).ok());
    match name.and_then(|name| name.unpack_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(SdkError::new(format!("an environment is given by its name, not `{}`", value.to_repr()))),
    }
}
