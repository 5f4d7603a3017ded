//! What a task asks for, and whether its function takes it.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use starlark::values::dict::DictRef;
use starlark::values::{Heap, Value};

use super::context::Context;
use super::diagnostics::SdkError;
use super::json;
use super::source::{Parameter, ParameterKind, Site};
use crate::documents::{Input, Inputs};
use crate::names;

/// The keys of a dict that describes an input.
const DESCRIPTOR: [&str; 3] = ["ref", "default", "value"];

/// Reads the `inputs` argument of `task`, `deploy` and `next`. Every problem goes to `problem`.
pub(super) fn read<'v>(
    context: &Context<'_>,
    inputs: Option<Value<'v>>,
    heap: Heap<'v>,
    mut problem: impl FnMut(SdkError),
) -> Inputs {
    let mut found = Inputs::new();
    let Some(inputs) = inputs.filter(|value| !value.is_none()) else {
        return found;
    };
    let Some(dict) = DictRef::from_value(inputs) else {
        problem(SdkError::new(format!("inputs are a dict, not `{}`", inputs.get_type())));
        return found;
    };
    for (key, value) in dict.iter() {
        let Some(name) = key.unpack_str() else {
            problem(SdkError::new(format!("input names are strings, not `{}`", key.to_repr())));
            continue;
        };
        if let Err(error) = names::input(name) {
            problem(SdkError::new(error));
            continue;
        }
        match one(context, value, heap) {
            Ok(input) => {
                found.insert(name.to_owned(), input);
            }
            Err(error) => problem(SdkError::new(format!("input `{name}`: {error}"))),
        }
    }
    found
}

/// One input: a descriptor, or a plain value.
fn one<'v>(context: &Context<'_>, value: Value<'v>, heap: Heap<'v>) -> Result<Input, SdkError> {
    let json = json::from_value(value, heap)?;
    match json {
        Json::Object(mut fields)
            if !fields.is_empty() && fields.keys().all(|key| DESCRIPTOR.contains(&key.as_str())) =>
        {
            let source = match fields.remove("ref") {
                None | Some(Json::Null) => None,
                Some(Json::String(text)) => Some(context.absolute(&text)?),
                Some(other) => return Err(SdkError::new(format!("a ref is a string, not `{other}`"))),
            };
            let not_null = |value: Option<Json>| value.filter(|value| !value.is_null());
            Ok(Input {
                source: source.map(|source| source.to_string()),
                default: not_null(fields.remove("default")),
                value: not_null(fields.remove("value")),
                ..Input::default()
            })
        }
        plain => Ok(Input::fixed(plain)),
    }
}

/// What `ref("…")` and `input(ref, default)` return: a dict that describes the input.
pub(super) fn descriptor<'v>(
    context: &Context<'_>,
    source: Option<Value<'v>>,
    default: Option<Value<'v>>,
    heap: Heap<'v>,
) -> Result<Json, SdkError> {
    let mut fields = serde_json::Map::new();
    if let Some(source) = source.filter(|value| !value.is_none()) {
        let text = match (source.unpack_str(), DictRef::from_value(source)) {
            (Some(text), _) => text.to_owned(),
            (None, Some(dict)) => match dict.get_str("ref").and_then(|inner| inner.unpack_str()) {
                Some(text) => text.to_owned(),
                None => return Err(SdkError::new("`ref` is a string or what `ref()` returned")),
            },
            (None, None) => return Err(SdkError::new("`ref` is a string or what `ref()` returned")),
        };
        fields.insert("ref".to_owned(), Json::String(context.absolute(&text)?.to_string()));
    }
    if let Some(default) = default.filter(|value| !value.is_none()) {
        fields.insert("default".to_owned(), json::from_value(default, heap)?);
    }
    if fields.is_empty() {
        return Err(SdkError::new("an input has a ref, a default, or both"));
    }
    Ok(Json::Object(fields))
}

/// Whether a function wants its inputs as one struct, `ctx.inputs.<name>`.
pub(super) fn wants_context(site: &Site) -> bool {
    matches!(
        site.parameters.as_slice(),
        [Parameter { name, kind: ParameterKind::Required | ParameterKind::Optional }] if name == "ctx"
    )
}

/// Every way in which a function's parameters do not fit its inputs.
pub(super) fn misfits<T>(site: &Site, spelling: &str, inputs: &BTreeMap<String, T>) -> Vec<SdkError> {
    if wants_context(site) {
        return Vec::new();
    }
    let Site { name, line, column, parameters, .. } = site;
    let function = format!("function `{name}` ({spelling}:{line}:{column})");
    let catches_all = parameters.iter().any(|parameter| parameter.kind == ParameterKind::Keywords);
    let takes = |input: &str| {
        parameters.iter().any(|parameter| {
            parameter.name == input
                && matches!(parameter.kind, ParameterKind::Required | ParameterKind::Optional)
        })
    };
    let unknown = inputs.keys().filter(|input| !catches_all && !takes(input)).map(|input| {
        SdkError::hinted(
            format!("{function} has no parameter `{input}`"),
            format!("add `{input}` to its parameters, or drop the input"),
        )
    });
    let missing = parameters
        .iter()
        .filter(|parameter| {
            parameter.kind == ParameterKind::Required && !inputs.contains_key(&parameter.name)
        })
        .map(|Parameter { name: parameter, .. }| {
            SdkError::hinted(
                format!("{function} needs an input `{parameter}`"),
                format!("add `{parameter}` to the inputs, or give the parameter a default"),
            )
        });
    unknown.chain(missing).collect()
}
