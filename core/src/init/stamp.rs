//! The first line of what `init` writes, by which it knows its own.
//!
//! ```text
//! # ocuroot init --store git --ci github --branch main: template 1, 3f2a9c1d7e
//! ```
//!
//! The last word is made of everything below. As long as it fits nobody has changed the file, and a newer
//! template may take its place; what somebody has changed is theirs. In `repo.ocu.star` the line also says
//! what the set-up was made for, so that it need not be said again.

use super::{Platform, Setup, Store};
use crate::envelope::BlobId;

/// Counts up with every change of a template.
pub(super) const TEMPLATE: u32 = 1;

/// What there is where a file should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Missing,
    /// The file, as it should be.
    Same,
    /// A file that `init` wrote, and nobody has changed since.
    Older,
    /// A file that `init` wrote, and somebody has changed; or one of a newer `init`.
    Changed,
    /// Somebody's own.
    Foreign,
}

/// How what is there, `existing`, stands to what `init` would write.
#[must_use]
pub fn compare(wanted: &str, existing: Option<&str>) -> Standing {
    let Some(existing) = existing else { return Standing::Missing };
    if existing == wanted {
        return Standing::Same;
    }
    match read(existing) {
        None => Standing::Foreign,
        Some(stamp) if stamp.intact && stamp.template <= TEMPLATE => Standing::Older,
        Some(_) => Standing::Changed,
    }
}

/// Puts the stamp above `text`. `options` are what the set-up was made for.
pub(super) fn stamped(comment: &str, options: &str, text: &str) -> String {
    format!("{comment} ocuroot init{options}: template {TEMPLATE}, {}\n{text}", digest(text))
}

/// The options of a set-up as the stamp has them.
pub(super) fn spelled(setup: &Setup) -> String {
    let platform = setup.platform.map_or("none", Platform::as_str);
    format!(" --store {} --ci {platform} --branch {}", setup.store.as_str(), setup.branch)
}

/// What a set-up was made for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) store: Option<Store>,
    pub(super) platform: Option<Option<Platform>>,
    pub(super) branch: Option<String>,
}

/// What the stamp of `text` says the set-up was made for.
pub(super) fn options(text: &str) -> Options {
    let mut options = Options::default();
    let Some(stamp) = read(text) else { return options };
    let words: Vec<&str> = stamp.options.split_whitespace().collect();
    for pair in words.chunks(2) {
        match pair {
            ["--store", "git"] => options.store = Some(Store::Git),
            ["--store", "fs"] => options.store = Some(Store::Fs),
            ["--ci", "none"] => options.platform = Some(None),
            ["--ci", name] => options.platform = name.parse().ok().map(Some),
            ["--branch", name] => options.branch = Some((*name).to_owned()),
            _ => {}
        }
    }
    options
}

/// Whether `init` wrote a file.
pub(super) fn is_stamped(text: &str) -> bool {
    read(text).is_some()
}

struct Stamp<'a> {
    options: &'a str,
    template: u32,
    intact: bool,
}

fn read(text: &str) -> Option<Stamp<'_>> {
    let (line, below) = text.split_once('\n')?;
    let line = line.trim_end_matches('\r');
    let line = line.strip_prefix("# ").or_else(|| line.strip_prefix("// "))?;
    let (options, rest) = line.strip_prefix("ocuroot init")?.rsplit_once(": template ")?;
    let (template, sum) = rest.split_once(", ")?;
    Some(Stamp { options, template: template.parse().ok()?, intact: digest(below) == sum })
}

/// A few digits of a text's digest. Line ends do not count: git may change them in a checkout.
fn digest(text: &str) -> String {
    BlobId::of(text.replace("\r\n", "\n").as_bytes()).to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_is_told_from_what_people_wrote() {
        let written = stamped("#", " --store fs --ci none --branch main", "a\nb\n");
        let newer = stamped("#", "", "a\nc\n");
        assert_eq!(compare(&newer, None), Standing::Missing);
        assert_eq!(compare(&written, Some(&written)), Standing::Same);
        assert_eq!(compare(&newer, Some(&written)), Standing::Older);
        assert_eq!(compare(&newer, Some(&written.replace('\n', "\r\n"))), Standing::Older);
        assert_eq!(compare(&newer, Some(&format!("{written}more\n"))), Standing::Changed);
        let future = written.replace("template 1", "template 99");
        assert_eq!(compare(&newer, Some(&future)), Standing::Changed);
        assert_eq!(compare(&newer, Some("a\nb\n")), Standing::Foreign);
        assert_eq!(compare(&newer, Some("")), Standing::Foreign);
        let read = options(&written);
        assert_eq!(
            (read.store, read.platform, read.branch.as_deref()),
            (Some(Store::Fs), Some(None), Some("main"))
        );
    }
}
