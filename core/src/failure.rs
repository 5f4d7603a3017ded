//! With what a run has failed, by its log.
//!
//! A run that fails leaves its error in its log: a line that begins with `error:`, and below it the
//! place in the file. What went wrong is said there; why, mostly by the last line that a command wrote
//! to its stderr before.
//!
//! ```
//! use ocuroot_core::failure;
//!
//! let log = [
//!     (false, "connecting"),
//!     (true, "certificate has expired"),
//!     (true, "error: command exited with code 3: upload"),
//!     (true, " --> web.ocu.star:8:9"),
//!     (true, "  |         ^^^^^^"),
//! ];
//! let failure = failure::of(log.into_iter()).unwrap();
//! assert_eq!((failure.line, failure.message), (2, "command exited with code 3: upload"));
//! assert_eq!(failure.before, Some((1, "certificate has expired")));
//! ```

/// With what a run has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The line that says it, from 0.
    pub line: usize,
    /// What it says.
    pub message: &'a str,
    /// What a command wrote to its stderr last, and in which line, where the message is about a command.
    pub before: Option<(usize, &'a str)>,
}

/// The failure that a log ends with; for each of its lines, whether it went to stderr, and its text.
/// None where the end is no error: the process was gone by then.
#[must_use]
pub fn of<'a>(
    lines: impl DoubleEndedIterator<Item = (bool, &'a str)> + ExactSizeIterator,
) -> Option<Failure<'a>> {
    let lines = lines.enumerate().rev().map(|(line, (is_error, text))| (line, is_error, text.trim()));
    let mut lines = lines.filter(|(.., text)| !text.is_empty()).take_while(|(_, is_error, _)| *is_error);
    let mut last = None;
    while let Some((line, _, text)) = lines.next() {
        if let Some(message) = text.strip_prefix("error:") {
            let about_command = message.trim_start().starts_with("command ");
            let before = lines.next().filter(|_| about_command).map(|(line, _, text)| (line, text));
            return Some(Failure { line, message: message.trim_start(), before });
        }
        last = last.or(Some(Failure { line, message: text, before: None }));
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_above_its_place() {
        for (log, expected) in [
            (&["out one"][..], None),
            (&[], None),
            (&["err error: x", "out gone on"], None),
            (
                &["out one", "err error: no such input", "err  --> a:1:1", "err   | ^^^"],
                Some((1, "no such input", None)),
            ),
            // Nothing of ours: the last line says it best.
            (&["err panic: a", "err exit status 2", "err "], Some((1, "exit status 2", None))),
            // Only what a command wrote is its last word.
            (&["err warning", "err error: no such input"], Some((1, "no such input", None))),
            (
                &["out one", "err error: command exited with code 1: x"],
                Some((1, "command exited with code 1: x", None)),
            ),
            (
                &["err error: mine", "err error: command exited with code 1: x", "err  --> a"],
                Some((1, "command exited with code 1: x", Some((0, "error: mine")))),
            ),
        ] {
            let lines: Vec<(bool, &str)> =
                log.iter().map(|line| (line.starts_with("err"), &line[4..])).collect();
            let found = of(lines.into_iter()).map(|failure| (failure.line, failure.message, failure.before));

            assert_eq!(found, expected, "{log:?}");
        }
    }
}
