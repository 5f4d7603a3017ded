//! The SDK at a prompt: what is typed is evaluated, with the globals of a file at hand.
//!
//! Each piece of code is a file of its own that shares its globals with those before it; a function
//! sees the globals of earlier pieces as they were where it was defined. Besides
//! the SDK there are two functions that read the stores, which no file has, since what a file does
//! must follow from its inputs:
//!
//! * `state_get("./@/task/build#output/image")`: the value at a ref, as `ocuroot state get` prints
//!   it; `None` where there is nothing. With `+` it is read from intent.
//! * `state_match("**/@/deploy/*")`: the refs that a glob matches, as a list.
//!
//! Core has no terminal. Where code comes from and where answers go is a [`Console`], and the stores
//! are read through [`State`].

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;
use starlark::environment::{Globals, GlobalsBuilder, Module};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value;
use starlark::values::list::AllocList;

use super::context::{Context, FileKind, Session, SourceFile};
use super::diagnostics::{Diagnostic, Diagnostics, SdkError, Severity};
use super::host::{Host, HostError};
use super::limits::Limits;
use super::nesting;
use super::program::{Evaluation, Loader, Program, builder, prepare};
use super::source::{self, Sites};
use super::{json, text};
use crate::refs::Ref;

/// How positions name what is typed.
const NAME: &str = "<repl>";

/// Reads the stores.
pub trait State: Send + Sync {
    /// The value that a ref, as it was typed, means; none where there is nothing.
    ///
    /// # Errors
    /// It is no ref, or the stores cannot be read.
    fn get(&self, reference: &str) -> Result<Option<Json>, HostError>;

    /// The refs that a glob matches, sorted.
    ///
    /// # Errors
    /// It is no glob, or the stores cannot be read.
    fn matching(&self, glob: &str) -> Result<Vec<String>, HostError>;
}

/// Where code comes from, and where answers go.
pub trait Console {
    /// The next piece of code; none ends. `names` are those that can be used in it, sorted.
    fn read(&mut self, names: &[String]) -> Option<String>;

    /// Takes the value of the last expression, as it would be written in a file; none where that is
    /// `None` or there is none. Returns whether to go on.
    fn answer(&mut self, answer: Result<Option<String>, Diagnostics>) -> bool;
}

/// What code finds around it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The file whose globals are at hand, private ones too.
    pub program: Option<&'a Program>,
    /// The folder that `load` counts from, by its path from the repo root.
    pub folder: &'a str,
    /// What refs are made absolute against.
    pub base: &'a Ref,
    /// The world.
    pub host: &'a dyn Host,
    /// The stores.
    pub state: &'a dyn State,
    /// How much each piece of code may do.
    pub limits: &'a Limits,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Evaluates what `console` reads, piece by piece, until it ends.
pub fn repl(surroundings: Surroundings<'_>, console: &mut dyn Console) {
    let session = Session::default();
    Module::with_temp_heap(|module| {
        if let Some(program) = surroundings.program {
            let loaded = program.loaded();
            session.files.replace(loaded.iter().map(|loaded| Arc::clone(&loaded.file)).collect());
            session.modules.replace(loaded.to_vec());
            for (name, value) in program.globals() {
                module.set(name, module.heap().access_owned_frozen_value(&value));
            }
        }
        loop {
            let own = module.names_and_visibilities().map(|(name, _)| name.as_str().to_owned());
            let names: BTreeSet<String> = own.chain(predeclared()).collect();
            let Some(code) = console.read(&names.into_iter().collect::<Vec<_>>()) else { return };
            let answer = evaluate(&module, &session, surroundings, &code);
            let secrets = surroundings.host.secrets();
            let answer = answer
                .map(|value| value.map(|value| secrets.mask(&value).into_owned()))
                .map_err(|diagnostics| diagnostics.masked(secrets));
            if !console.answer(answer) {
                return;
            }
        }
    });
}

fn evaluate(
    module: &Module<'_>,
    session: &Session,
    surroundings: Surroundings<'_>,
    code: &str,
) -> Result<Option<String>, Diagnostics> {
    let Surroundings { program, folder, base, host, state, limits } = surroundings;
    let kind = program.map_or(FileKind::Release, Program::kind);
    let context = Context {
        host,
        session,
        kind,
        base,
        limits,
        state: Some(state),
        functions: None,
        thread: "repl".to_owned(),
        recorder: RefCell::default(),
        last_result: RefCell::default(),
        last_statement: RefCell::default(),
    };
    let evaluation = Evaluation { session, kind, base, host, limits };
    let loader = Loader { evaluation, folder: folder.to_owned() };
    let value = source::parse(NAME, code).and_then(|mut ast| {
        let file = SourceFile {
            path: NAME.to_owned(),
            spelling: NAME.to_owned(),
            code: ast.file_span(ast.statement().span).file.id(),
            sites: Sites::of(&ast),
        };
        ast.replace_binary_operators(&HashMap::from([("*".to_owned(), text::MULTIPLY.to_owned())]));
        session.files.borrow_mut().push(Arc::new(file));
        let mut eval = Evaluator::new(module);
        prepare(&mut eval, &context)?;
        eval.set_loader(&loader);
        let value = eval.eval_module(ast, globals()).map_err(|error| context.located(error))?;
        Ok((!value.is_none()).then(|| text::to_repr(value)))
    });
    session.loading.borrow_mut().clear();
    let mut problems = session.diagnostics.take();
    problems.retain(|problem| problem.severity == Severity::Error);
    match value {
        Ok(value) if problems.is_empty() => Ok(value),
        Ok(_) => Err(Diagnostics(problems)),
        Err(error) => {
            problems.insert(0, Diagnostic::of(&error));
            Err(Diagnostics(problems))
        }
    }
}

/// What is predeclared in files, and what is here besides.
fn globals() -> &'static Globals {
    static GLOBALS: OnceLock<Globals> = OnceLock::new();
    GLOBALS.get_or_init(|| builder().with(functions).build())
}

/// The names of that, with those of namespaces: `json.encode`.
fn predeclared() -> impl Iterator<Item = String> {
    globals().iter().filter(|(name, _)| *name != text::MULTIPLY).flat_map(|(name, value)| {
        let members = value.to_value().dir_attr();
        let is_namespace = value.to_value().get_type() == "namespace";
        let members = members.into_iter().filter(move |_| is_namespace);
        std::iter::once(name.to_owned()).chain(members.map(move |member| format!("{name}.{member}")))
    })
}

/// `state_get`, `state_match`.
#[starlark_module]
fn functions(builder: &mut GlobalsBuilder) {
    /// The value at a ref.
    fn state_get<'v>(
        #[starlark(require = pos)] r#ref: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let found = state(eval)?.get(r#ref).map_err(SdkError::from)?;
        Ok(found.map_or(Value::new_none(), |found| json::to_value(&found, eval.heap())))
    }

    /// The refs that a glob matches.
    fn state_match<'v>(
        #[starlark(require = pos, default = "**")] glob: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let found = state(eval)?.matching(glob).map_err(SdkError::from)?;
        Ok(eval.heap().alloc(AllocList(found)))
    }
}

fn state<'a>(eval: &Evaluator<'_, 'a, '_>) -> starlark::Result<&'a dyn State> {
    Context::need(eval)?.state.ok_or_else(|| SdkError::new("no store is read here").into())
}

/// What has to follow before a text can be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: it is whole.
    Nothing,
    /// It ends within the block of a `def`, `for` or `if`, which may be all of it or may go on.
    Block,
    /// It ends within brackets, a string of several lines, or a line that goes on.
    Inside,
}

/// Whether `code` is whole, as far as its text tells.
///
/// ```
/// use ocuroot_core::sdk::{Rest, rest};
///
/// assert_eq!(rest("build(1)"), Rest::Nothing);
/// assert_eq!(rest("build("), Rest::Inside);
/// assert_eq!(rest("def build(x):"), Rest::Block);
/// ```
#[must_use]
pub fn rest(code: &str) -> Rest {
    let bytes = code.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    let (mut open, mut last, mut indented, mut line_start) = (0_usize, b'\n', false, true);
    let mut index = 0;
    while let Some(byte) = at(index) {
        if line_start && open == 0 && last != b'\\' {
            let width = bytes.iter().skip(index).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            index += width;
            line_start = false;
            // A blank line, or one with nothing but a comment, belongs to what is around it.
            if !matches!(at(index), Some(b'\n' | b'\r' | b'#') | None) {
                indented = width > 0;
            }
            continue;
        }
        match byte {
            b'\n' => line_start = true,
            b'#' => {
                while at(index + 1).is_some_and(|byte| byte != b'\n') {
                    index += 1;
                }
            }
            b'"' | b'\'' => {
                let end = nesting::end_of_string(bytes, index);
                let triple = at(index + 1) == Some(byte) && at(index + 2) == Some(byte);
                if triple && end >= bytes.len() {
                    return Rest::Inside;
                }
                // A string that does not end where its line does is a mistake, and says so later.
                index = if at(end) == Some(b'\n') { end - 1 } else { end };
                last = byte;
            }
            b'(' | b'[' | b'{' => {
                open += 1;
                last = byte;
            }
            b')' | b']' | b'}' => {
                open = open.saturating_sub(1);
                last = byte;
            }
            b' ' | b'\t' | b'\r' => {}
            other => last = other,
        }
        index += 1;
    }
    match (open, last) {
        (0, b':') => Rest::Block,
        (0, b'\\') => Rest::Inside,
        (0, _) if indented => Rest::Block,
        (0, _) => Rest::Nothing,
        _ => Rest::Inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_follow() {
        for (code, expected) in [
            ("", Rest::Nothing),
            ("1 + 1", Rest::Nothing),
            ("f(\n  1,\n  2)", Rest::Nothing),
            ("f(\n  1,", Rest::Inside),
            ("x = {1:", Rest::Inside),
            ("x = \"\"\"a", Rest::Inside),
            ("x = \"\"\"a\n b\"\"\"", Rest::Nothing),
            ("x = \"(\" # (", Rest::Nothing),
            ("x = \"a:", Rest::Nothing),
            ("x = \"a\ny", Rest::Nothing),
            ("x = 1 + \\", Rest::Inside),
            ("x = 1 + \\\n  2", Rest::Nothing),
            ("# nothing:", Rest::Nothing),
            ("def f(): # yes", Rest::Block),
            ("def f(): return 1", Rest::Nothing),
            ("def f():\n    return 1", Rest::Block),
            ("def f():\n    return 1\n\n", Rest::Block),
            ("def f():\n    return 1\n# x", Rest::Block),
            ("def f():\n    return 1\nf()", Rest::Nothing),
            ("if x:\n    y\nelse:", Rest::Block),
            (")", Rest::Nothing),
        ] {
            assert_eq!(rest(code), expected, "{code:?}");
        }
    }
}
