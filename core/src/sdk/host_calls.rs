//! The functions that reach the world: commands, files, the platform, servers.

use std::collections::BTreeMap;

use starlark::collections::SmallMap;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::DictRef;
use starlark::values::none::NoneType;
use starlark::values::structs::AllocStruct;
use starlark::values::{Heap, Value};

use super::context::Context;
use super::diagnostics::{Place, SdkError, fail};
use super::host::{HttpRequest, Shell};
use super::json;
use super::values::{ResponseValue, texts};

/// Lines of a muted command's output that its failure shows.
const SHOWN_LINES: usize = 10;

/// `shell`, `os`, `arch`, `env`, `pwd`, `read_dir`, `is_dir`: both predeclared and in `host`.
#[starlark_module]
pub(super) fn both(builder: &mut GlobalsBuilder) {
    /// Runs a command.
    fn shell<'v>(
        command: &str,
        #[starlark(default = "sh")] shell: &str,
        #[starlark(default = ".")] dir: &str,
        env: Option<Value<'v>>,
        #[starlark(default = false)] mute: bool,
        #[starlark(default = false)] continue_on_error: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = Context::need(eval)?;
        let place = Place::of_caller(eval);
        let output = context
            .host
            .shell(&Shell {
                command: command.to_owned(),
                shell: shell.to_owned(),
                dir: dir.to_owned(),
                env: variables(env)?,
                mute,
                attributes: context.log_attributes(&place),
            })
            .map_err(SdkError::from)?;
        if output.exit_code != 0 && !continue_on_error {
            let first = command.trim().lines().next().unwrap_or_default();
            let mut message = format!("command exited with code {}: {first}", output.exit_code);
            if mute {
                let lines: Vec<&str> = output.combined_output.lines().collect();
                for line in lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default() {
                    message.push('\n');
                    message.push_str(line);
                }
            }
            return fail(message);
        }
        let heap = eval.heap();
        Ok(heap.alloc(AllocStruct([
            ("stdout", heap.alloc(output.stdout)),
            ("stderr", heap.alloc(output.stderr)),
            ("combined_output", heap.alloc(output.combined_output)),
            ("exit_code", heap.alloc(output.exit_code)),
        ])))
    }

    /// `linux`, `darwin` or `windows`.
    fn os<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        Ok(Context::need(eval)?.host.platform().map_err(SdkError::from)?.os)
    }

    /// `amd64` or `arm64`.
    fn arch<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        Ok(Context::need(eval)?.host.platform().map_err(SdkError::from)?.arch)
    }

    /// The environment variables.
    fn env<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<Value<'v>> {
        let variables = Context::need(eval)?.host.env().map_err(SdkError::from)?;
        Ok(texts(&variables, eval.heap()))
    }

    /// The folder that relative paths count from.
    fn pwd<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        Ok(Context::need(eval)?.host.pwd().map_err(SdkError::from)?)
    }

    /// The names in a folder, sorted.
    fn read_dir<'v>(path: &str, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<Vec<String>> {
        Ok(Context::need(eval)?.host.read_dir(path).map_err(SdkError::from)?)
    }

    /// Whether there is a folder.
    fn is_dir<'v>(path: &str, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<bool> {
        Ok(Context::need(eval)?.host.is_dir(path).map_err(SdkError::from)?)
    }
}

fn read_file(path: &str, eval: &Evaluator<'_, '_, '_>) -> starlark::Result<String> {
    Ok(Context::need(eval)?.host.read(path).map_err(SdkError::from)?)
}

fn write_file(path: &str, content: &str, eval: &Evaluator<'_, '_, '_>) -> starlark::Result<NoneType> {
    Context::need(eval)?.host.write(path, content).map_err(SdkError::from)?;
    Ok(NoneType)
}

/// `read` and `write`.
#[starlark_module]
pub(super) fn predeclared(builder: &mut GlobalsBuilder) {
    /// The text of a file.
    fn read<'v>(path: &str, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        read_file(path, eval)
    }

    /// Writes a file.
    fn write<'v>(path: &str, content: &str, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<NoneType> {
        write_file(path, content, eval)
    }
}

/// `host.read_file` and `host.write_file`.
#[starlark_module]
pub(super) fn host_only(builder: &mut GlobalsBuilder) {
    /// The text of a file.
    fn read_file<'v>(path: &str, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        self::read_file(path, eval)
    }

    /// Writes a file.
    fn write_file<'v>(
        path: &str,
        content: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        self::write_file(path, content, eval)
    }
}

/// Asks a server.
fn ask<'v>(
    method: &str,
    url: &str,
    given: Option<Value<'v>>,
    body: Option<&str>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<ResponseValue> {
    let context = Context::need(eval)?;
    let response = context
        .host
        .http(&HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers(given, eval.heap())?,
            body: body.map(str::to_owned),
        })
        .map_err(SdkError::from)?;
    Ok(ResponseValue { response })
}

/// The members of `http`.
#[starlark_module]
pub(super) fn http(builder: &mut GlobalsBuilder) {
    fn get<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("GET", url, headers, None, eval)
    }

    fn head<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("HEAD", url, headers, None, eval)
    }

    fn delete<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("DELETE", url, headers, None, eval)
    }

    fn post<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        #[starlark(default = "")] body: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("POST", url, headers, Some(body), eval)
    }

    fn put<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        #[starlark(default = "")] body: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("PUT", url, headers, Some(body), eval)
    }

    fn patch<'v>(
        url: &str,
        headers: Option<Value<'v>>,
        #[starlark(default = "")] body: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ResponseValue> {
        ask("PATCH", url, headers, Some(body), eval)
    }
}

/// Variables for a command: a dict of strings; numbers and bools are written out.
fn variables(given: Option<Value<'_>>) -> Result<BTreeMap<String, String>, SdkError> {
    let mut variables = BTreeMap::new();
    let Some(given) = given.filter(|given| !given.is_none()) else {
        return Ok(variables);
    };
    let Some(dict) = DictRef::from_value(given) else {
        return Err(SdkError::new(format!("`env` is a dict, not `{}`", given.get_type())));
    };
    for (name, value) in dict.iter() {
        let name = name
            .unpack_str()
            .filter(|name| !name.is_empty() && !name.contains(['=', '\0']))
            .ok_or_else(|| SdkError::new(format!("`{}` cannot name a variable", name.to_repr())))?;
        let text = match value.get_type() {
            "string" | "int" | "float" | "bool" => value.to_str(),
            other => return Err(SdkError::new(format!("variable `{name}` is a string, not `{other}`"))),
        };
        variables.insert(name.to_owned(), text);
    }
    Ok(variables)
}

/// Headers of a request: each value a string or a list of them.
fn headers<'v>(given: Option<Value<'v>>, heap: Heap<'v>) -> Result<BTreeMap<String, Vec<String>>, SdkError> {
    let mut headers = BTreeMap::new();
    let Some(given) = given.filter(|given| !given.is_none()) else {
        return Ok(headers);
    };
    let serde_json::Value::Object(fields) = json::from_value(given, heap)? else {
        return Err(SdkError::new(format!("headers are a dict, not `{}`", given.get_type())));
    };
    for (name, value) in fields {
        let values = match value {
            serde_json::Value::String(text) => vec![text],
            list => serde_json::from_value(list)
                .map_err(|_| SdkError::new(format!("header `{name}` is a string or a list of strings")))?,
        };
        headers.insert(name, values);
    }
    Ok(headers)
}

/// `content-type` as `Content-Type`.
#[must_use]
pub fn canonical_header(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("-")
}

/// Helpers that older files use with `http`.
#[starlark_module]
pub(super) fn helpers(builder: &mut GlobalsBuilder) {
    /// `d[key]`, or an error.
    fn unwrap<'v>(
        d: Value<'v>,
        key: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let found = match DictRef::from_value(d) {
            Some(dict) => dict.get(key)?,
            None => d.at(key, eval.heap()).ok(),
        };
        match found {
            Some(value) => Ok(value),
            None => fail(format!("there is no {} in it", key.to_repr())),
        }
    }

    /// Headers with canonical names and lists of values.
    #[allow(non_snake_case, reason = "the name that users' files have")]
    fn normalizeHeaders<'v>(
        h: Option<Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<SmallMap<String, Vec<String>>> {
        let mut normal: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, values) in headers(h, heap)? {
            normal.entry(canonical_header(&name)).or_default().extend(values);
        }
        Ok(normal.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names() {
        for (name, expected) in [
            ("content-type", "Content-Type"),
            ("X-GITHUB-api-version", "X-Github-Api-Version"),
            ("etag", "Etag"),
            ("", ""),
            ("a--b", "A--B"),
        ] {
            assert_eq!(canonical_header(name), expected);
        }
    }
}
