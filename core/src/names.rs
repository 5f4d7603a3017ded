//! What things may be called.
//!
//! Names end up as segments of refs, and refs as paths of files, so each kind of name is checked
//! where it enters: an environment when it is declared, an input when a task asks for it, a tag
//! when a function returns it. The rules are those of `documents`.
//!
//! ```
//! use ocuroot_core::names;
//!
//! assert!(names::environment("eu-west.1").is_ok());
//! let error = names::tag("r5").unwrap_err();
//! assert!(error.to_string().contains("`r5`"));
//! ```

use std::fmt;

/// Longest name, in bytes: a name is one segment of a ref.
const LONGEST: usize = 255;

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not {what}: {why}")]
pub struct NameError {
    /// The name, as it was given.
    pub name: String,
    /// What it was meant to be, with its article: `a tag`.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// Checks the name of an environment: letters, digits, `_`, `.` and `-`.
///
/// # Errors
/// The name is empty, too long, holds another character, or is `.` or `..`.
pub fn environment(name: &str) -> Result<(), NameError> {
    check(name, "an environment name", |c| c.is_ascii_alphanumeric() || "_.-".contains(c))?;
    no_dots(name, "an environment name")
}

/// Checks the name of an input: a letter or `_`, then letters, digits and `_`.
///
/// # Errors
/// The name could not be that of a parameter.
pub fn input(name: &str) -> Result<(), NameError> {
    const WHAT: &str = "an input name";
    check(name, WHAT, |c| c.is_ascii_alphanumeric() || c == '_')?;
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(refuse(name, WHAT, "it must not start with a digit"));
    }
    Ok(())
}

/// Checks a tag: letters, digits, `_`, `.` and `-`, and not what a release's number looks like.
///
/// # Errors
/// The tag is empty, too long, holds another character, or is `r` and digits.
pub fn tag(name: &str) -> Result<(), NameError> {
    const WHAT: &str = "a tag";
    check(name, WHAT, |c| c.is_ascii_alphanumeric() || "_.-".contains(c))?;
    if name.strip_prefix('r').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(refuse(name, WHAT, "`r` and digits name a release by its number"));
    }
    no_dots(name, WHAT)
}

/// Checks the name of a task: not empty, and fit to be one segment of a ref.
///
/// # Errors
/// The name is empty, too long, holds a `/` or a character that no ref may hold, or starts with
/// `@`.
pub fn task(name: &str) -> Result<(), NameError> {
    const WHAT: &str = "a task name";
    check(name, WHAT, |c| !c.is_control() && !"/\\#=".contains(c))?;
    if name.starts_with('@') {
        return Err(refuse(name, WHAT, "it must not start with `@`"));
    }
    no_dots(name, WHAT)
}

fn check(name: &str, what: &'static str, allowed: impl Fn(char) -> bool) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(refuse(name, what, "it is empty"));
    }
    if name.len() > LONGEST {
        return Err(refuse(name, what, format_args!("it is longer than {LONGEST} bytes")));
    }
    match name.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(refuse(name, what, format_args!("it must not hold {c:?}"))),
        None => Ok(()),
    }
}

fn no_dots(name: &str, what: &'static str) -> Result<(), NameError> {
    if matches!(name, "." | ".." | "-") {
        return Err(refuse(name, what, "it means something else in a ref"));
    }
    Ok(())
}

fn refuse(name: &str, what: &'static str, why: impl fmt::Display) -> NameError {
    NameError { name: name.to_owned(), what, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_kind() {
        type Rule = fn(&str) -> Result<(), NameError>;
        let long = "x".repeat(256);
        let cases: &[(Rule, &[&str], &[&str])] = &[
            (
                environment,
                &["prod", "eu-west.1", "A_9", "r5"],
                &["", "a/b", "a b", "é", ".", "..", "a@b", &long],
            ),
            (input, &["a", "_x", "env_2"], &["", "2a", "a-b", "a.b", "é"]),
            (
                tag,
                &["v1", "0.1.0-1", "release", "r", "r5a", "r-5", "R5", "5"],
                &["", "r5", "r01", "a/b", "a b", "..", "@x"],
            ),
            (
                task,
                &["build", "build it", "ünï", "a.b", "a@b", "[x]"],
                &["", "a/b", "..", ".", "@a", "a\nb", "a\\b", "a=b", "a#b"],
            ),
        ];
        for (rule, good, bad) in cases {
            for name in *good {
                assert_eq!(rule(name), Ok(()), "{name}");
            }
            for name in *bad {
                assert!(rule(name).is_err(), "{name}");
            }
        }
    }
}
