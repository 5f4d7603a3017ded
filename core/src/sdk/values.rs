//! The values that the SDK's functions return.
//!
//! Each is a plain piece of data, so that it may be kept in a global and frozen with its file.

#![allow(
    clippy::panic,
    reason = "the interpreter could write its values to a file, which nothing asks it to"
)]
#![allow(unsafe_code, reason = "the interpreter's derives implement its marker traits")]

use std::collections::BTreeMap;
use std::fmt;

use allocative::Allocative;
use serde_json::{Map, Value as Json};
use starlark::any::ProvidesStaticType;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::starlark_module;
use starlark::values::dict::AllocDict;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueError, starlark_value,
};
use starlark::{methods_static, starlark_simple_value};

use super::host::HttpResponse;
use super::json;
use crate::documents::{Environment, FunctionDef, Inputs};

/// What `task` and `deploy` return: the index of the call.
#[derive(Debug, Clone, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(super) struct TaskValue {
    pub(super) index: usize,
    pub(super) text: String,
}
starlark_simple_value!(TaskValue);

impl fmt::Display for TaskValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[starlark_value(type = "task")]
impl<'v> StarlarkValue<'v> for TaskValue {}

/// What `done` and `next` return.
#[derive(Debug, Clone, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(super) struct ResultValue {
    #[allocative(skip)]
    pub(super) outcome: Outcome,
}
starlark_simple_value!(ResultValue);

/// How a function ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Done {
        annotation: String,
        outputs: Option<Map<String, Json>>,
        tags: Vec<String>,
        watch: Vec<String>,
    },
    Next {
        /// None while files are evaluated: nothing is called then.
        function: Option<FunctionDef>,
        annotation: String,
        inputs: Inputs,
    },
}

impl fmt::Display for ResultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Done { outputs, .. } => {
                let outputs = outputs.clone().unwrap_or_default();
                write!(f, "done(outputs = {})", Json::Object(outputs))
            }
            Outcome::Next { function, .. } => {
                let name = function.as_ref().map_or("", |function| function.name.as_str());
                write!(f, "next({name})")
            }
        }
    }
}

#[starlark_value(type = "result")]
impl<'v> StarlarkValue<'v> for ResultValue {}

/// An environment: `.name`, `.attributes`, `.json()`, `.dict()`.
#[derive(Debug, Clone, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(super) struct EnvironmentValue {
    #[allocative(skip)]
    pub(super) environment: Environment,
}
starlark_simple_value!(EnvironmentValue);

impl EnvironmentValue {
    /// `{"attributes": {…}, "name": …}`.
    pub(super) fn to_json(&self) -> Json {
        serde_json::json!({
            "name": self.environment.name,
            "attributes": self.environment.attributes,
        })
    }
}

impl fmt::Display for EnvironmentValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment { name, attributes, .. } = &self.environment;
        let attributes = serde_json::json!(attributes);
        write!(f, "environment(name = {}, attributes = {attributes})", Json::from(name.as_str()))
    }
}

methods_static!(ENVIRONMENT_METHODS = environment_methods);

#[starlark_module]
fn environment_methods(builder: &mut MethodsBuilder) {
    /// The environment as JSON text.
    fn json(this: &EnvironmentValue) -> starlark::Result<String> {
        Ok(this.to_json().to_string())
    }

    /// The environment as a dict.
    fn dict<'v>(this: &EnvironmentValue, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        Ok(json::to_value(&this.to_json(), heap))
    }
}

#[starlark_value(type = "environment")]
impl<'v> StarlarkValue<'v> for EnvironmentValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(ENVIRONMENT_METHODS.methods())
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match attribute {
            "name" => Some(heap.alloc(self.environment.name.as_str())),
            "attributes" => Some(texts(&self.environment.attributes, heap)),
            _ => None,
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        ["name", "attributes"].map(str::to_owned).into()
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(EnvironmentValue::from_value(other).is_some_and(|other| other.environment == self.environment))
    }
}

/// A dict of strings.
pub(super) fn texts<'v>(map: &BTreeMap<String, String>, heap: Heap<'v>) -> Value<'v> {
    heap.alloc(AllocDict(map.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// A server's answer: a struct that also answers `r["status_code"]`, as older files ask.
#[derive(Debug, Clone, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(super) struct ResponseValue {
    #[allocative(skip)]
    pub(super) response: HttpResponse,
}
starlark_simple_value!(ResponseValue);

impl ResponseValue {
    const FIELDS: [&'static str; 4] = ["status_code", "status_text", "headers", "body"];

    fn field<'v>(&self, name: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let HttpResponse { status_code, status_text, headers, body } = &self.response;
        match name {
            "status_code" => Some(heap.alloc(i32::from(*status_code))),
            "status_text" => Some(heap.alloc(status_text.as_str())),
            "headers" => Some(
                heap.alloc(AllocDict(headers.iter().map(|(name, values)| (name.as_str(), values.clone())))),
            ),
            "body" => Some(heap.alloc(body.as_str())),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Json {
        let HttpResponse { status_code, status_text, headers, body } = &self.response;
        serde_json::json!({
            "status_code": status_code,
            "status_text": status_text,
            "headers": headers,
            "body": body,
        })
    }
}

impl fmt::Display for ResponseValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HttpResponse { status_code, status_text, headers, body } = &self.response;
        write!(
            f,
            "struct(status_code = {status_code}, status_text = {}, headers = {}, body = {})",
            Json::from(status_text.as_str()),
            serde_json::json!(headers),
            Json::from(body.as_str()),
        )
    }
}

#[starlark_value(type = "struct")]
impl<'v> StarlarkValue<'v> for ResponseValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        self.field(attribute, heap)
    }

    fn dir_attr(&self) -> Vec<String> {
        ResponseValue::FIELDS.map(str::to_owned).into()
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        index
            .unpack_str()
            .and_then(|name| self.field(name, heap))
            .ok_or_else(|| ValueError::KeyNotFound(index.to_repr()).into())
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.unpack_str().is_some_and(|name| ResponseValue::FIELDS.contains(&name)))
    }
}
