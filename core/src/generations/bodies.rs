//! Old bodies, field by field, into those of [`crate::documents`]. What is not known stays.

use serde_json::{Map, Value};

use super::names::Names;
use crate::refs::Ref;

type Fields = Map<String, Value>;

/// Rewrites refs in a body below `base`.
pub(super) struct Bodies<'a> {
    pub(super) names: &'a Names,
    /// A full ref, which relative ones start from.
    pub(super) base: &'a Ref,
}

impl Bodies<'_> {
    /// The field `name`, a ref, in today's spelling.
    pub(super) fn reference(&self, fields: &mut Fields, name: &str) {
        if let Some(Value::String(text)) = fields.get_mut(name) {
            *text = self.names.text(text, self.base);
        }
    }

    /// The refs that inputs come from.
    pub(super) fn inputs(&self, inputs: Option<&mut Value>) {
        for input in inputs.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            if let Some(input) = input.as_object_mut() {
                self.reference(input, "ref");
            }
        }
    }

    /// A release: phases have `tasks`, each a `task` or a `deploy`.
    pub(super) fn release(&self, body: &mut Value) {
        let phases = body.get_mut("package").and_then(|package| package.get_mut("phases"));
        for phase in phases.and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(phase) = phase.as_object_mut() else { continue };
            rename(phase, "work", "tasks");
            for item in phase.get_mut("tasks").and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(item) = item.as_object_mut() else { continue };
                rename(item, "call", "task");
                for work in item.values_mut() {
                    self.inputs(work.get_mut("inputs"));
                }
            }
        }
    }

    /// A function of a run, as it is in a run, or `current` of a document of its own with what that
    /// says `besides`.
    pub(super) fn function(&self, mut fields: Fields, besides: Option<&Fields>) -> Value {
        // What they say is in the run's marker.
        for name in ["id", "status"] {
            fields.remove(name);
        }
        self.inputs(fields.get_mut("inputs"));
        let dependencies = fields.get_mut("dependencies").and_then(Value::as_array_mut);
        for dependency in dependencies.into_iter().flatten() {
            if let Value::String(text) = dependency {
                *text = self.names.dependency(text, self.base);
            }
        }
        // Its history among that: when it began and ended, which nothing else knows.
        for (name, value) in besides.into_iter().flatten().filter(|(name, _)| *name != "current") {
            fields.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Value::Object(fields)
    }

    /// The type of a run: `call` was the word for `task`, and mostly there was none.
    pub(super) fn run_type(fields: &mut Fields, default: &str) {
        let said = fields.get("type").and_then(Value::as_str).unwrap_or_default();
        let now = match said {
            "" => default,
            "call" | "work" => "task",
            _ => return,
        };
        fields.insert("type".to_owned(), now.into());
    }
}

/// Gives a field its new name, unless there is such a field.
fn rename(fields: &mut Fields, from: &str, to: &str) {
    if !fields.contains_key(to)
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}
