//! What a runner of Actions reads in a job's log: [workflow commands].
//!
//! ```text
//! ::error file=release.ocu.star,line=7,col=1,title=build::unknown parameter `imgae`
//! ```
//!
//! A command is a line. What would end it, or a property of it, is written as `%0A` and the like.
//!
//! [workflow commands]: https://docs.github.com/actions/reference/workflow-commands-for-github-actions

use ocuroot_core::sdk::Severity;

/// Ends a group.
pub const GROUP_ENDS: &str = "::endgroup::";

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path from the folder that is checked out.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The column after its last character, if it ends in the same line.
    pub end_column: Option<usize>,
}

/// The line that marks a file, or just the job.
#[must_use]
pub fn annotation(severity: Severity, place: Option<&Place>, title: &str, message: &str) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(Place { file, line, column, end_column }) = place {
        properties.push(format!("file={}", property(file)));
        properties.push(format!("line={line}"));
        properties.push(format!("col={column}"));
        properties.extend(end_column.map(|end| format!("endColumn={end}")));
    }
    if !title.is_empty() {
        properties.push(format!("title={}", property(title)));
    }
    let space = if properties.is_empty() { "" } else { " " };
    format!("::{command}{space}{}::{}", properties.join(","), data(message))
}

/// The line that begins a group.
#[must_use]
pub fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

/// The line from which on the runner masks a value. It masks that line, too.
#[must_use]
pub fn mask(value: &str) -> String {
    format!("::add-mask::{}", data(value))
}

/// Whether the runner, and nobody else, reads what this process prints on stderr. A value that is to be
/// masked may be told to nobody else: in a file that `2> log` or `| tee log` makes it would stay for
/// good. So stderr has to be that of the shell that the runner has started. Where that cannot be told
/// nothing is.
#[must_use]
pub fn only_the_runner_reads() -> bool {
    #[cfg(unix)]
    {
        let stderr = |process: &str| std::fs::read_link(format!("/proc/{process}/fd/2")).ok();
        let (ours, theirs) = (stderr("self"), stderr(&std::os::unix::process::parent_id().to_string()));
        ours.is_some_and(|ours| Some(&ours) == theirs.as_ref() && !ours.is_file())
    }
    #[cfg(not(unix))]
    false
}

/// A text after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value before it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `text` with no command in it, and otherwise as it was. A command is at the start of a line, one of
/// the old form, `##[…]`, anywhere.
#[must_use]
pub fn inert(text: &str) -> String {
    // The runner takes what follows a carriage return for a line, too.
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace("##[", "## [");
    let lines = text.split('\n').map(|line| match line.trim_start() {
        start if start.starts_with("::") => line.replacen("::", ": :", 1),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations() {
        let at = |file: &str, end_column| Place { file: file.to_owned(), line: 7, column: 3, end_column };
        let cases = [
            (None, "", "no", "::error::no"),
            (None, "", "50%\r\ndone::x,y:z", "::error::50%25%0D%0Adone::x,y:z"),
            (None, "a:b,c%\n", "no", "::error title=a%3Ab%2Cc%25%0A::no"),
            (Some(at("a.ocu.star", None)), "", "no", "::error file=a.ocu.star,line=7,col=3::no"),
            (
                Some(at("C:\\a,b.star", Some(9))),
                "t",
                "no",
                "::error file=C%3A\\a%2Cb.star,line=7,col=3,endColumn=9,title=t::no",
            ),
        ];
        for (place, title, message, expected) in cases {
            assert_eq!(annotation(Severity::Error, place.as_ref(), title, message), expected);
        }
        assert_eq!(annotation(Severity::Warning, None, "", "odd"), "::warning::odd");
        assert_eq!(group("a\n::error::b"), "::group::a%0A::error::b");
        assert_eq!(mask("50%"), "::add-mask::50%25");
    }

    #[test]
    fn what_is_no_command_any_more() {
        let cases = [
            ("as it was", "as it was"),
            ("in a::b line", "in a::b line"),
            ("::error::x", ": :error::x"),
            ("a\n \t::error::x\n", "a\n \t: :error::x\n"),
            ("a\r::stop-commands::x", "a\n: :stop-commands::x"),
            ("a\r\n::x::", "a\n: :x::"),
            (":::error::x", ": ::error::x"),
            ("see ##[error]x", "see ## [error]x"),
            ("ünï ::x::", "ünï ::x::"),
        ];
        for (text, expected) in cases {
            assert_eq!(inert(text), expected);
            assert_eq!(inert(expected), expected, "twice is as once");
        }
    }
}
