//! A value written as a Starlark expression, on a command line for example.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Diagnostics, FileKind, Limits, Program, PureHost, Returned};
use crate::documents::Work;
use crate::refs::Ref;

/// What `text` evaluates to, without any effects: `["a", 1 + 1]` is `["a", 2]`.
///
/// # Errors
/// When it does not evaluate, or to something that is no JSON.
pub fn evaluate_expression(text: &str) -> Result<Value, Diagnostics> {
    let file = "value";
    // On the first line, so that lines in errors are those of the expression.
    let source = format!(
        "def value(): return done(outputs = {{\"value\": (\\\n{text}\n)}})\ntask(value, name = \"value\")\n"
    );
    let host = PureHost::new([(file, source)]);
    let base: Ref = "./-/value/@r1".parse().map_err(|error| Diagnostics::message(format!("{error}")))?;
    let limits = Limits::default();
    let program = Program::evaluate(file, FileKind::Release, &base, &host, &limits)?;
    let function = program.package().and_then(|package| match package.works().next() {
        Some((_, Work::Task(task))) => Some(task.function.clone()),
        _ => None,
    });
    let inputs = BTreeMap::new();
    match program.call(&function.unwrap_or_default(), &inputs, &base, &host, &limits)? {
        Returned::Done { outputs: Some(mut outputs), .. } => {
            Ok(outputs.remove("value").unwrap_or(Value::Null))
        }
        Returned::Done { .. } | Returned::Next { .. } => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_become_json_and_effects_are_refused() {
        for (text, expected) in [
            ("1 + 1", json!(2)),
            ("{\"a\": [True, None]}", json!({"a": [true, null]})),
            ("[\n  x * 2\n  for x in range(3)\n]", json!([0, 2, 4])),
        ] {
            assert_eq!(evaluate_expression(text).unwrap(), expected, "{text}");
        }
        for text in ["1 +", "nope", "shell(\"true\").stdout"] {
            assert!(evaluate_expression(text).is_err(), "{text}");
        }
    }
}
