//! Commands that a page offers to be copied.
//!
//! Names come from stores, and anybody may have written them; what is copied goes to a shell. So what
//! a shell could take for more than a word is quoted.
//!
//! ```
//! use ocuroot_core::screens::commands;
//!
//! let release = "github.com/acme/shop/-/web/release.ocu.star/@r142".parse()?;
//! assert_eq!(commands::retry(&release), "ocuroot release retry web/release.ocu.star/@r142");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use crate::refs::Ref;

/// Tries again what failed in a release.
#[must_use]
pub fn retry(release: &Ref) -> String {
    format!("ocuroot release retry {}", word(&in_repo(release)))
}

/// Tries again what was left running by a process that is gone.
#[must_use]
pub fn retry_stale(release: &Ref) -> String {
    format!("ocuroot release retry --stale {}", word(&in_repo(release)))
}

/// Executes what is ready in a release.
#[must_use]
pub fn carry_on(release: &Ref) -> String {
    format!("ocuroot release continue {}", word(&in_repo(release)))
}

/// Says yes where custom state is asked for.
#[must_use]
pub fn approve(custom: &Ref) -> String {
    format!("ocuroot state set {} yes", word(custom.as_str()))
}

/// A ref as it is typed in a checkout of its repo, where such commands run.
fn in_repo(reference: &Ref) -> String {
    let text = reference.as_str();
    text.split_once("/-/").map_or(text, |(_, path)| path).to_owned()
}

/// `text` as one word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@+:,#%=".contains(c);
    if !text.is_empty() && !text.starts_with(['-', '#', '=', '%']) && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_one_word() {
        for (text, expected) in [
            ("a/release.ocu.star/@r1", "a/release.ocu.star/@r1"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a';reboot;'", r"'a'\'';reboot;'\'''"),
            ("-rf", "'-rf'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
