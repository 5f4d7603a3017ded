//! Commands that a page offers to be copied, and that the command line tells people to type.
//!
//! Names come from stores, and anybody may have written them; what is copied goes to a shell. So what
//! a shell could take for more than a word is quoted. Refs are whole, so that a command means the same
//! in whatever checkout of the store it is typed.
//!
//! ```
//! use ocuroot_core::commands;
//!
//! let release = "github.com/acme/shop/-/web/release.ocu.star/@r142".parse()?;
//! let retry = commands::retry(&release);
//! assert_eq!(retry, "ocuroot release retry github.com/acme/shop/-/web/release.ocu.star/@r142");
//!
//! let custom = "@/custom/$(reboot)".parse()?;
//! assert_eq!(commands::approve(&custom), "ocuroot state set '@/custom/$(reboot)' yes");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use serde_json::Value;

use crate::refs::Ref;

/// Executes the operations that are ready.
pub const WORK_OPS: &str = "ocuroot work ops";

/// Tries again what failed in a release.
#[must_use]
pub fn retry(release: &Ref) -> String {
    of("release retry", release)
}

/// Tries again what was left running by a process that is gone.
#[must_use]
pub fn retry_stale(release: &Ref) -> String {
    of("release retry --stale", release)
}

/// Executes what is ready in a release.
#[must_use]
pub fn carry_on(release: &Ref) -> String {
    of("release continue", release)
}

/// Ends what has not started of a release.
#[must_use]
pub fn cancel(release: &Ref) -> String {
    of("release cancel", release)
}

/// Makes a release of a package, at the commit that is checked out.
#[must_use]
pub fn release(package: &Ref) -> String {
    of("release new", package)
}

/// Lists the releases of a package.
#[must_use]
pub fn list(package: &Ref) -> String {
    of("release list", package)
}

/// Says yes where custom state is asked for.
#[must_use]
pub fn approve(custom: &Ref) -> String {
    format!("{} yes", of("state set", custom))
}

/// Sets custom state or an environment to a value.
#[must_use]
pub fn set(reference: &Ref, value: &Value) -> String {
    let set = of("state set", reference);
    match value {
        // What begins with a hyphen would be an option, or stdin.
        Value::String(text) if !text.starts_with('-') => format!("{set} {}", word(text)),
        value => format!("{set} {} -f json", word(&value.to_string())),
    }
}

/// Deletes what is set.
#[must_use]
pub fn delete(reference: &Ref) -> String {
    of("state delete", reference)
}

/// Applies intent that is there.
#[must_use]
pub fn apply(reference: &Ref) -> String {
    of("state apply", reference)
}

fn of(command: &str, reference: &Ref) -> String {
    format!("ocuroot {command} {}", word(reference.as_str()))
}

/// `text` as one word of a shell.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@+:,%=".contains(c);
    if !text.is_empty() && !text.starts_with(['-', '=', '%']) && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Texts as somebody hostile may have written them, and how they are typed.
    const TEXTS: [(&str, &str); 14] = [
        ("a/release.ocu.star/@r1", "a/release.ocu.star/@r1"),
        ("a b", "'a b'"),
        ("x$(touch /tmp/p)", "'x$(touch /tmp/p)'"),
        ("x`touch /tmp/p`", "'x`touch /tmp/p`'"),
        ("x;touch /tmp/p", "'x;touch /tmp/p'"),
        ("x&&y|z>w", "'x&&y|z>w'"),
        ("$HOME", "'$HOME'"),
        ("~/x", "'~/x'"),
        ("a';reboot;'", r"'a'\'';reboot;'\'''"),
        ("a\"b\"", "'a\"b\"'"),
        (r"a\b", r"'a\b'"),
        ("{a,b}*?[c]!", "'{a,b}*?[c]!'"),
        ("-rf", "'-rf'"),
        ("", "''"),
    ];

    /// The words that a shell makes of a line which is plain or in single quotes. None where it would do
    /// more than make words.
    fn words(line: &str) -> Option<Vec<String>> {
        let (mut words, mut word) = (Vec::new(), None::<String>);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                ' ' => words.extend(word.take()),
                '\'' => {
                    let word = word.get_or_insert_default();
                    loop {
                        match chars.next()? {
                            '\'' => break,
                            c => word.push(c),
                        }
                    }
                }
                '\\' => word.get_or_insert_default().push(chars.next()?),
                c if c.is_ascii_alphanumeric() || "_-./@+:,%=".contains(c) => {
                    word.get_or_insert_default().push(c);
                }
                _ => return None,
            }
        }
        words.extend(word);
        Some(words)
    }

    #[test]
    fn what_others_wrote_stays_one_word() {
        for (text, expected) in TEXTS {
            assert_eq!(word(text), expected);
            assert_eq!(words(&word(text)), Some(vec![text.to_owned()]));
        }
    }

    #[test]
    fn every_command_is_the_words_that_are_meant() {
        type Command = fn(&Ref) -> String;
        let commands: [(Command, &[&str], &[&str]); 8] = [
            (retry, &["release", "retry"], &[]),
            (retry_stale, &["release", "retry", "--stale"], &[]),
            (carry_on, &["release", "continue"], &[]),
            (cancel, &["release", "cancel"], &[]),
            (approve, &["state", "set"], &["yes"]),
            (delete, &["state", "delete"], &[]),
            (apply, &["state", "apply"], &[]),
            (
                |at| set(at, &json!({"a": "it's; $(x)"})),
                &["state", "set"],
                &[r#"{"a":"it's; $(x)"}"#, "-f", "json"],
            ),
        ];
        let mut tried = 0;
        for (text, _) in TEXTS {
            let Ok(reference) = format!("@/custom/{text}").parse::<Ref>() else { continue };
            tried += 1;
            for (command, before, after) in commands {
                let line = command(&reference);
                let mut expected = vec!["ocuroot"];
                expected.extend(before);
                expected.push(reference.as_str());
                expected.extend(after);
                assert_eq!(words(&line), Some(expected.into_iter().map(str::to_owned).collect()), "{line}");
            }
        }
        assert!(tried > 8, "{tried} of the texts can be in a ref");
    }

    #[test]
    fn values_are_written_so_that_they_are_read_back() {
        let custom = "@/custom/x".parse().unwrap();
        for (value, expected) in [
            (json!("yes"), "yes"),
            (json!("not yet"), "'not yet'"),
            (json!("-"), r#"'"-"' -f json"#),
            (json!("--force"), r#"'"--force"' -f json"#),
            (json!(-5), "'-5' -f json"),
            (json!(true), "true -f json"),
            (json!({"by": "o'neill"}), r#"'{"by":"o'\''neill"}' -f json"#),
        ] {
            assert_eq!(set(&custom, &value), format!("ocuroot state set @/custom/x {expected}"));
        }
    }
}
