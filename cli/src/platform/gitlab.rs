//! What GitLab reads in a job's log: [collapsible sections].
//!
//! ```text
//! ␛[0Ksection_start:1764095400:ocuroot_build_1[collapsed=true]␍␛[0K✓ build/1 complete 0.4s
//! …
//! ␛[0Ksection_end:1764095401:ocuroot_build_1␍␛[0K
//! ```
//!
//! [collapsible sections]: https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections

use std::time::{SystemTime, UNIX_EPOCH};

use super::Group;

/// The lines that begin and end a group.
pub(super) fn section(group: &Group<'_>, now: SystemTime) -> (String, String) {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = format!("ocuroot_{}", name(group.name));
    let collapsed = if group.open { "" } else { "[collapsed=true]" };
    let title = group.title.replace(['\r', '\n'], " ");
    (
        format!("\x1b[0Ksection_start:{}:{name}{collapsed}\r\x1b[0K{}", seconds(group.began), inert(&title)),
        format!("\x1b[0Ksection_end:{}:{name}\r\x1b[0K", seconds(now)),
    )
}

/// What a section may be called.
fn name(text: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect()
}

/// `text` with no section in it: those begin with an escape.
pub(super) fn inert(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\x1b', "\u{241b}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sections() {
        let began = UNIX_EPOCH + Duration::from_secs(10);
        let now = began + Duration::from_secs(2);
        let group = Group { name: "a/b/1\n", title: "a\n\x1b[0Ksection_end", began, open: false };
        assert_eq!(
            section(&group, now),
            (
                "\x1b[0Ksection_start:10:ocuroot_a_b_1_[collapsed=true]\r\x1b[0Ka ␛[0Ksection_end".to_owned(),
                "\x1b[0Ksection_end:12:ocuroot_a_b_1_\r\x1b[0K".to_owned()
            )
        );
        assert!(section(&Group { open: true, ..group }, now).0.contains("b_1_\r"));
    }

    #[test]
    fn what_is_no_section_any_more() {
        assert_eq!(inert("a\r\n\x1b[0Ksection_end:1:x\rb"), "a\n␛[0Ksection_end:1:x\nb");
    }
}
