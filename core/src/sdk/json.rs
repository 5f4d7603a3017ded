//! JSON to Starlark values and back, and the `json` namespace.
//!
//! Integers of any size stay integers, floats stay floats, and the keys of an object are sorted
//! both ways.

use serde_json::{Map, Number, Value as Json};
use starlark::environment::GlobalsBuilder;
use starlark::starlark_module;
use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::UnpackFloat;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::structs::StructRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, UnpackValue, Value};

use super::diagnostics::{SdkError, fail};
use super::values::{EnvironmentValue, ResponseValue};

/// How deep values may be nested: a list may hold itself.
const DEEPEST: usize = 100;

/// The Starlark value of a JSON one. Keys are sorted.
pub(super) fn to_value<'v>(json: &Json, heap: Heap<'v>) -> Value<'v> {
    match json {
        Json::Null => Value::new_none(),
        Json::Bool(value) => Value::new_bool(*value),
        Json::Number(number) => number_to_value(number, heap),
        Json::String(text) => heap.alloc(text.as_str()),
        Json::Array(items) => heap.alloc(AllocList(items.iter().map(|item| to_value(item, heap)))),
        Json::Object(fields) => {
            heap.alloc(AllocDict(fields.iter().map(|(key, value)| (key.as_str(), to_value(value, heap)))))
        }
    }
}

fn number_to_value<'v>(number: &Number, heap: Heap<'v>) -> Value<'v> {
    if let Some(small) = number.as_i64() {
        return heap.alloc(small);
    }
    let text = number.to_string();
    if text.contains(['.', 'e', 'E']) {
        // A number beyond the range of floats reads as infinite; it was one somewhere else.
        return heap.alloc(text.parse::<f64>().unwrap_or(f64::NAN));
    }
    big_integer(&text, heap).unwrap_or_else(|| heap.alloc(text.parse::<f64>().unwrap_or(f64::NAN)))
}

/// An integer of any size, put together from pieces that fit a machine word.
fn big_integer<'v>(text: &str, heap: Heap<'v>) -> Option<Value<'v>> {
    const PIECE: usize = 18;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let shift = heap.alloc(10_i64.pow(18));
    let head = digits.len() % PIECE;
    let (first, rest) = digits.split_at_checked(head)?;
    let mut value = heap.alloc(if first.is_empty() { 0 } else { first.parse::<i64>().ok()? });
    for piece in rest.as_bytes().chunks(PIECE) {
        let piece: i64 = std::str::from_utf8(piece).ok()?.parse().ok()?;
        value = value.mul(shift, heap).ok()?.add(heap.alloc(piece), heap).ok()?;
    }
    if negative { value.minus(heap).ok() } else { Some(value) }
}

/// The JSON of a Starlark value.
///
/// # Errors
/// A function, a float that is no number, a key that is no string, or nesting that does not end.
pub(super) fn from_value<'v>(value: Value<'v>, heap: Heap<'v>) -> Result<Json, SdkError> {
    convert(value, heap, 0)
}

fn convert<'v>(value: Value<'v>, heap: Heap<'v>, depth: usize) -> Result<Json, SdkError> {
    if depth > DEEPEST {
        return Err(SdkError::new(format!("a value is nested more than {DEEPEST} deep, or holds itself")));
    }
    let inner = |value| convert(value, heap, depth + 1);
    if value.is_none() {
        return Ok(Json::Null);
    }
    if let Some(value) = value.unpack_bool() {
        return Ok(Json::Bool(value));
    }
    if let Some(text) = value.unpack_str() {
        return Ok(Json::String(text.to_owned()));
    }
    match value.get_type() {
        "int" => {
            return value
                .to_str()
                .parse::<Number>()
                .map(Json::Number)
                .map_err(|error| SdkError::new(error.to_string()));
        }
        "float" => {
            let float = UnpackFloat::unpack_value(value).ok().flatten().map_or(f64::NAN, |float| float.0);
            return Number::from_f64(float)
                .map(Json::Number)
                .ok_or_else(|| SdkError::new(format!("JSON has no number `{value}`")));
        }
        _ => {}
    }
    if let Some(list) = ListRef::from_value(value) {
        return list.iter().map(inner).collect();
    }
    if let Some(tuple) = TupleRef::from_value(value) {
        return tuple.iter().map(inner).collect();
    }
    if let Some(dict) = DictRef::from_value(value) {
        let mut fields = Map::new();
        for (key, value) in dict.iter() {
            let Some(key) = key.unpack_str() else {
                return Err(SdkError::new(format!(
                    "a JSON object has strings as keys, not `{}` ({})",
                    key.to_repr(),
                    key.get_type()
                )));
            };
            fields.insert(key.to_owned(), inner(value)?);
        }
        return Ok(Json::Object(fields));
    }
    if let Some(fields) = StructRef::from_value(value) {
        return fields
            .iter()
            .map(|(key, value)| Ok((key.as_str().to_owned(), inner(value)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Json::Object);
    }
    if let Some(environment) = EnvironmentValue::from_value(value) {
        return Ok(environment.to_json());
    }
    if let Some(response) = ResponseValue::from_value(value) {
        return Ok(response.to_json());
    }
    if matches!(value.get_type(), "set" | "range") {
        let items = value.iterate(heap).map_err(|error| SdkError::new(error.without_diagnostic()))?;
        return items.map(inner).collect();
    }
    Err(SdkError::new(format!("a value of type `{}` has no JSON", value.get_type())))
}

/// `json.encode`, `json.decode`, `json.indent`.
#[starlark_module]
pub(super) fn namespace(builder: &mut GlobalsBuilder) {
    /// The value as JSON text, keys sorted.
    fn encode<'v>(#[starlark(require = pos)] x: Value<'v>, heap: Heap<'v>) -> starlark::Result<String> {
        Ok(from_value(x, heap)?.to_string())
    }

    /// The value of a JSON text; `default` if it is none.
    fn decode<'v>(
        #[starlark(require = pos)] x: &str,
        default: Option<Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        match (serde_json::from_str::<Json>(x), default) {
            (Ok(json), _) => Ok(to_value(&json, heap)),
            (Err(_), Some(default)) => Ok(default),
            (Err(error), None) => fail(format!("json.decode: {error}")),
        }
    }

    /// A JSON text over several lines.
    fn indent(
        #[starlark(require = pos)] s: &str,
        #[starlark(default = "")] prefix: &str,
        #[starlark(default = "\t")] indent: &str,
    ) -> starlark::Result<String> {
        match serde_json::from_str::<serde::de::IgnoredAny>(s) {
            Ok(_) => Ok(indented(s, prefix, indent)),
            Err(error) => fail(format!("json.indent: {error}")),
        }
    }
}

/// Sets a valid JSON text over several lines. Numbers and the order of keys stay as written.
fn indented(text: &str, prefix: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut fresh = false;
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(prefix);
        out.push_str(&indent.repeat(depth));
    };
    for c in text.chars() {
        if in_string {
            out.push(c);
            in_string = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        if fresh && !matches!(c, '}' | ']') {
            new_line(&mut out, depth);
        }
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !fresh {
                    new_line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
        fresh = matches!(c, '{' | '[');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value() {
        let texts = [
            "0",
            "-1",
            "2147483648",
            "9007199254740993",
            "-9223372036854775808",
            "18446744073709551615",
            "123456789012345678901234567890",
            "-1000000000000000000000000000000000001",
            "1.0",
            "0.5",
            "1e+20",
            "100000000000000000000",
        ];
        for text in texts {
            let json: Json = serde_json::from_str(text).unwrap();
            let back = Heap::temp(|heap| from_value(to_value(&json, heap), heap).unwrap());
            let (json, back) = (json.to_string(), back.to_string());
            let same = json == back
                || json.parse::<f64>().unwrap().to_string() == back.parse::<f64>().unwrap().to_string();
            assert!(same, "{json} {back}");
            assert_eq!(json.contains(['.', 'e']), back.contains(['.', 'e']), "{json} {back}");
        }
    }

    #[test]
    fn indenting() {
        let cases = [
            ("{}", "{}"),
            ("[ ]", "[]"),
            (r#"{"b":[1,2],"a":{}}"#, "{\n-\t\"b\": [\n-\t\t1,\n-\t\t2\n-\t],\n-\t\"a\": {}\n-}"),
            (r#"["a\"[,"]"#, "[\n-\t\"a\\\"[,\"\n-]"),
            ("[[[]]]", "[\n-\t[\n-\t\t[]\n-\t]\n-]"),
            (" 1.50 ", "1.50"),
        ];
        for (text, expected) in cases {
            assert_eq!(indented(text, "-", "\t"), expected, "{text}");
        }
    }
}
