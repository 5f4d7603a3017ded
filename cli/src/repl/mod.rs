//! The prompt: where code is typed or read from, and the stores that it can look into.
//!
//! On a terminal lines can be edited ([`Terminal`]); otherwise they are read as they come
//! ([`Lines`]), and the first mistake ends it. What code means is core's (`sdk/repl.rs`).

mod complete;
mod state;
mod terminal;

use std::io::BufRead;

use ocuroot_core::sdk::{Console, Diagnostics, Rest, rest};

pub use state::Stores;
pub use terminal::Terminal;

use crate::error::Failure;

/// One piece of code, given on the command line.
#[derive(Debug)]
pub struct Once {
    code: Option<String>,
    answer: Result<Option<String>, Diagnostics>,
}

impl Once {
    /// This one.
    #[must_use]
    pub fn new(code: String) -> Once {
        Once { code: Some(code), answer: Ok(None) }
    }

    /// What it came to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn answer(self) -> Result<Option<String>, Diagnostics> {
        self.answer
    }
}

impl Console for Once {
    fn read(&mut self, _: &[String]) -> Option<String> {
        self.code.take()
    }

    fn answer(&mut self, answer: Result<Option<String>, Diagnostics>) -> bool {
        self.answer = answer;
        true
    }
}

/// Code that is read from a pipe or a file. A piece is evaluated as soon as it is whole, so that
/// whoever writes it line by line is answered line by line.
pub struct Lines<R, P> {
    input: R,
    print: P,
    /// The line that showed that the block before it had ended.
    held: String,
    failure: Option<Failure>,
}

impl<R, P> std::fmt::Debug for Lines<R, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("held", &self.held).finish_non_exhaustive()
    }
}

impl<R: BufRead, P: FnMut(&str) -> Result<(), Failure>> Lines<R, P> {
    /// Code from `input`; answers go to `print`.
    pub fn new(input: R, print: P) -> Lines<R, P> {
        Lines { input, print, held: String::new(), failure: None }
    }

    /// Why it ended before its input did.
    pub fn failure(self) -> Option<Failure> {
        self.failure
    }
}

impl<R: BufRead, P: FnMut(&str) -> Result<(), Failure>> Console for Lines<R, P> {
    fn read(&mut self, _: &[String]) -> Option<String> {
        let mut code = std::mem::take(&mut self.held);
        loop {
            if code.trim().is_empty() {
                code.clear();
            } else if rest(&code) == Rest::Nothing {
                return Some(code);
            }
            let mut line = String::new();
            match self.input.read_line(&mut line) {
                Ok(0) => return (!code.is_empty()).then_some(code),
                Ok(_) => {}
                Err(source) => {
                    self.failure = Some(Failure::File { path: "stdin".into(), source });
                    return None;
                }
            }
            if !code.is_empty() && rest(&code) == Rest::Block && !continues_block(&line) {
                self.held = line;
                return Some(code);
            }
            code.push_str(&line);
        }
    }

    fn answer(&mut self, answer: Result<Option<String>, Diagnostics>) -> bool {
        let printed = match answer {
            Ok(None) => Ok(()),
            Ok(Some(value)) => (self.print)(&value),
            Err(diagnostics) => Err(diagnostics.into()),
        };
        self.failure = printed.err();
        self.failure.is_none()
    }
}

/// Whether a line belongs to the block before it.
fn continues_block(line: &str) -> bool {
    let indented = line.starts_with([' ', '\t', '#']) || line.trim().is_empty();
    indented || line.starts_with("else") || line.starts_with("elif")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that a text is read in.
    fn pieces(text: &str) -> Vec<String> {
        let mut lines = Lines::new(text.as_bytes(), |_: &str| Ok(()));
        std::iter::from_fn(|| lines.read(&[])).map(|piece| piece.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_text_is_read_in_pieces_that_are_whole() {
        for (text, expected) in [
            ("", &[][..]),
            ("\n\n", &[]),
            ("1\n\n2", &["1", "2"]),
            ("f(\n1,\n)\n2\n", &["f(\n1,\n)", "2"]),
            ("def f():\n    x = 1\n\n    return x\nf()\n", &["def f():\n    x = 1\n\n    return x", "f()"]),
            ("if x:\n  y\nelse:\n  z\nw", &["if x:\n  y\nelse:\n  z", "w"]),
            ("def f():\n  pass\ndef g():\n  pass\n", &["def f():\n  pass", "def g():\n  pass"]),
            ("def f(\n", &["def f("]),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }
}
