//! What differs between two values, field by field.
//!
//! A document is a tree of fields, so a difference is told by where it is and what stood and stands
//! there, not by lines of text. Objects are compared by key and arrays by position; what is on one side
//! only is told whole, not leaf by leaf.
//!
//! ```
//! use ocuroot_core::screens::fields::{self, Field};
//! use serde_json::json;
//!
//! let before = json!({"name": "prod", "attributes": {"tier": "cold"}});
//! let after = json!({"name": "prod", "attributes": {"tier": "warm"}, "note": null});
//! let changed: Vec<String> = fields::changes(Some(&before), Some(&after)).iter().map(Field::to_string).collect();
//! assert_eq!(changed, [r#"attributes.tier: "cold" → "warm""#, "note: nothing → null"]);
//! ```

use crate::order::Gather as _;
use serde::Serialize;
use serde_json::Value;

/// A field that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its keys from the top, `attributes.tier` or `functions[1].inputs`. Empty for the whole value.
    pub path: String,
    /// What is there before; none where there is no such field.
    pub before: Option<Value>,
    /// What is there after.
    pub after: Option<Value>,
}

impl Field {
    /// The value before, as it is shown; none where there was no field.
    #[must_use]
    pub fn before_text(&self) -> Option<String> {
        self.before.as_ref().map(text)
    }

    /// The value after, as it is shown.
    #[must_use]
    pub fn after_text(&self) -> Option<String> {
        self.after.as_ref().map(text)
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        let path = if self.path.is_empty() { "all" } else { &self.path };
        write!(f, "{path}: {} → {}", side(&self.before), side(&self.after))
    }
}

/// A value where there is no doubt that it is one: text without its quotes.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        value => value.to_string(),
    }
}

/// The fields in which two values differ, in the order of keys. None on one side means that there is
/// nothing at all: then the whole other value is the one difference.
#[must_use]
pub fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Field> {
    let mut found = Vec::new();
    compare(&mut String::new(), before, after, &mut found);
    found
}

fn compare(path: &mut String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Field>) {
    match (before, after) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            // Both are sorted, as every map here is; the union has to be as well.
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).gather();
            for key in keys {
                let length = path.len();
                push_key(path, key);
                compare(path, one.get(key), other.get(key), found);
                path.truncate(length);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                compare(path, one.get(index), other.get(index), found);
                path.truncate(length);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.push(Field { path: path.clone(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// A key that could be mistaken for several is quoted.
fn push_key(path: &mut String, key: &str) {
    let plain = !key.is_empty() && !key.contains(['.', '[', ']', '"', ' ']);
    match (plain, path.is_empty()) {
        (true, true) => path.push_str(key),
        (true, false) => {
            path.push('.');
            path.push_str(key);
        }
        (false, _) => path.push_str(&format!("[{}]", Value::from(key))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: Option<Value>, after: Option<Value>, expected: &[&str]) {
        let changed: Vec<String> =
            changes(before.as_ref(), after.as_ref()).iter().map(Field::to_string).collect();
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_difference_is_as_small_as_it_can_be_told() {
        check(Some(json!({"a": 1})), Some(json!({"a": 1})), &[]);
        check(None, None, &[]);
        check(Some(json!(1)), Some(json!("1")), &[r#"all: 1 → "1""#]);
        check(None, Some(json!({"a": 1})), &[r#"all: nothing → {"a":1}"#]);
        check(Some(json!({"a": 1})), None, &[r#"all: {"a":1} → nothing"#]);
        check(Some(json!({"a": {"b": 1}})), Some(json!({"a": [1]})), &[r#"a: {"b":1} → [1]"#]);
        check(
            Some(json!({"a": [1, {"x": 1}], "gone": {"deep": [1]}})),
            Some(json!({"a": [1, {"x": 2}, 3], "new": []})),
            &["a[1].x: 1 → 2", "a[2]: nothing → 3", r#"gone: {"deep":[1]} → nothing"#, "new: nothing → []"],
        );
    }

    #[test]
    fn odd_keys_are_quoted() {
        check(
            Some(json!({"a.b": 1, "": {"c": 1}})),
            Some(json!({"a.b": 2, "": {"c": 2}})),
            &[r#"[""].c: 1 → 2"#, r#"["a.b"]: 1 → 2"#],
        );
    }

    #[test]
    fn text_is_shown_without_quotes_unless_it_is_empty() {
        assert_eq!(text(&json!("cold")), "cold");
        assert_eq!(text(&json!("")), r#""""#);
        assert_eq!(text(&json!(null)), "null");
    }
}
