//! Printing, and the built-ins whose own version does not follow the Starlark specification.

use std::sync::OnceLock;

use starlark::collections::SmallMap;
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::DictRef;
use starlark::values::float::UnpackFloat;
use starlark::values::list::ListRef;
use starlark::values::none::NoneType;
use starlark::values::structs::StructRef;
use starlark::values::tuple::{TupleRef, UnpackTuple};
use starlark::values::{Heap, UnpackValue, Value, ValueLike};

use super::context::Context;
use super::diagnostics::{Place, SdkError};
use crate::order::Order as _;

/// What `a * b` may make at once: bytes of a string, items of a list.
const LARGEST_PRODUCT: usize = 16 << 20;

/// The name under which `*` is called: no file can spell it.
pub(super) const MULTIPLY: &str = "*";

/// How deep `str` follows values; a list may hold itself.
const DEEPEST: usize = 64;

/// `print`, `debug_break`, `str`, `repr`.
#[starlark_module]
pub(super) fn functions(builder: &mut GlobalsBuilder) {
    /// Writes values to the log.
    fn print<'v>(
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        #[starlark(require = named, default = " ")] sep: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let context = Context::need(eval)?;
        let texts: Vec<String> = values.items.iter().map(|value| to_str(*value)).collect();
        context.print(texts.join(sep), &Place::of_caller(eval));
        Ok(NoneType)
    }

    /// Writes the variables that the caller sees to the log.
    fn debug_break<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<NoneType> {
        let context = Context::need(eval)?;
        let place = Place::of_caller(eval);
        let mut variables: Vec<(String, String)> =
            eval.local_variables().into_iter().map(|(name, value)| (name, to_repr(value))).collect();
        variables.order();
        for (name, value) in variables {
            context.print(format!("{name} = {value}"), &place);
        }
        Ok(NoneType)
    }

    /// A value as text; a string as it is.
    fn str<'v>(#[starlark(require = pos)] x: Value<'v>) -> starlark::Result<String> {
        Ok(to_str(x))
    }

    /// A value as it would be written in a file.
    fn repr<'v>(#[starlark(require = pos)] x: Value<'v>) -> starlark::Result<String> {
        Ok(to_repr(x))
    }
}

/// The built-ins that copy a sequence, unless it is a range that is absurdly long. (A loop over
/// such a range is fine: it is how a file without `while` says "until".)
#[starlark_module]
pub(super) fn sequences(builder: &mut GlobalsBuilder) {
    fn list<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        bounded("list", &args.items, &[], eval)
    }

    fn tuple<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        bounded("tuple", &args.items, &[], eval)
    }

    fn set<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        bounded("set", &args.items, &[], eval)
    }

    fn reversed<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        bounded("reversed", &args.items, &[], eval)
    }

    fn zip<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        bounded("zip", &args.items, &[], eval)
    }

    fn enumerate<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        #[starlark(kwargs)] named: SmallMap<&str, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let named: Vec<(&str, Value<'v>)> = named.into_iter().collect();
        bounded("enumerate", &args.items, &named, eval)
    }

    fn sorted<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        #[starlark(kwargs)] named: SmallMap<&str, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let named: Vec<(&str, Value<'v>)> = named.into_iter().collect();
        bounded("sorted", &args.items, &named, eval)
    }
}

/// Calls the interpreter's own `name`, after a look at how long its arguments are.
fn bounded<'v>(
    name: &str,
    args: &[Value<'v>],
    named: &[(&str, Value<'v>)],
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    static OWN: OnceLock<Globals> = OnceLock::new();
    let too_long = |value: &Value<'v>| {
        value.get_type() == "range"
            && value
                .length()
                .is_ok_and(|length| usize::try_from(length).is_ok_and(|length| length > LARGEST_PRODUCT))
    };
    if args.iter().any(too_long) {
        return Err(SdkError::hinted(
            "evaluation was stopped: it uses too much memory",
            format!("`{name}` makes at most {LARGEST_PRODUCT} items"),
        )
        .into());
    }
    let own = OWN.get_or_init(|| Globals::extended_by(&[LibraryExtension::SetType]));
    let function = own.iter().find(|(known, _)| *known == name).map(|(_, function)| function);
    match function {
        Some(function) => eval.eval_function(function.to_value(), args, named),
        None => Err(SdkError::new(format!("there is no `{name}`")).into()),
    }
}

/// `a * b`, unless what it makes is absurdly large: the interpreter would make it in one go,
/// where nothing could stop it.
#[starlark_module]
pub(super) fn operators(builder: &mut GlobalsBuilder) {
    fn multiply<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        for (sequence, times) in [(left, right), (right, left)] {
            let length = match sequence.unpack_str() {
                Some(text) => text.len(),
                None => match (ListRef::from_value(sequence), TupleRef::from_value(sequence)) {
                    (Some(list), _) => list.content().len(),
                    (_, Some(tuple)) => tuple.len(),
                    _ => continue,
                },
            };
            let times = times.unpack_i32().and_then(|times| usize::try_from(times).ok());
            if times.is_some_and(|times| length.saturating_mul(times) > LARGEST_PRODUCT) {
                return Err(SdkError::hinted(
                    "evaluation was stopped: it uses too much memory",
                    format!("`*` makes at most {LARGEST_PRODUCT} characters or items"),
                )
                .into());
            }
        }
        left.mul(right, heap)
    }
}

/// `str(value)`.
pub(super) fn to_str(value: Value<'_>) -> String {
    match value.unpack_str() {
        Some(text) => text.to_owned(),
        None => to_repr(value),
    }
}

/// `repr(value)`. The interpreter's own shortens floats to seven digits.
pub(super) fn to_repr(value: Value<'_>) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: Value<'_>, depth: usize, out: &mut String) {
    if depth > DEEPEST {
        out.push_str("...");
        return;
    }
    let sequence = |open: &str, close: &str, items: &[Value<'_>], out: &mut String| {
        out.push_str(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            write(*item, depth + 1, out);
        }
        out.push_str(close);
    };
    if value.get_type() == "float" {
        let float = UnpackFloat::unpack_value(value).ok().flatten();
        out.push_str(&float.map_or_else(|| value.to_repr(), |float| float_text(float.0)));
    } else if let Some(list) = ListRef::from_value(value) {
        sequence("[", "]", list.content(), out);
    } else if let Some(tuple) = TupleRef::from_value(value) {
        let close = if tuple.len() == 1 { ",)" } else { ")" };
        sequence("(", close, tuple.content(), out);
    } else if let Some(dict) = DictRef::from_value(value) {
        out.push('{');
        for (index, (key, item)) in dict.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            write(key, depth + 1, out);
            out.push_str(": ");
            write(item, depth + 1, out);
        }
        out.push('}');
    } else if let Some(fields) = StructRef::from_value(value) {
        out.push_str("struct(");
        for (index, (name, item)) in fields.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.push_str(name.as_str());
            out.push_str(" = ");
            write(item, depth + 1, out);
        }
        out.push(')');
    } else {
        value.collect_repr(out);
    }
}

/// A float as the specification has it: as few digits as name it, an exponent below 1e-4 and
/// from 1e6, and always a `.` or an `e`.
fn float_text(float: f64) -> String {
    if !float.is_finite() {
        let text = if float.is_nan() {
            "nan"
        } else if float > 0.0 {
            "+inf"
        } else {
            "-inf"
        };
        return text.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..GENERAL_EXPONENT).contains(&exponent) || float == 0.0 {
        let plain = format!("{float}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The exponent from which `%g` writes one.
const GENERAL_EXPONENT: i32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats() {
        let cases = [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (3.25, "3.25"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123_456.0, "123456.0"),
            (1e20, "1e+20"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (1.5e300, "1.5e+300"),
            (f64::INFINITY, "+inf"),
            (f64::NAN, "nan"),
        ];
        for (float, expected) in cases {
            assert_eq!(float_text(float), expected);
        }
    }
}
