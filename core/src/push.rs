//! What a push releases, and what it leaves for the next one to know.
//!
//! The first push of a repo releases every release file. A later one releases those that have changed
//! since, and those that said, when they were released, that a path which has changed matters to them
//! (`done(watch=[…])`). What git knows is passed in (spec: work, "push").
//!
//! ```
//! use ocuroot_core::documents::PushIndex;
//! use ocuroot_core::push::{Sources, Why, to_release};
//!
//! let sources = Sources {
//!     repo: "shop",
//!     files: &["api/release.ocu.star".to_owned(), "web/release.ocu.star".to_owned()],
//!     changed: &["web/release.ocu.star".to_owned(), "docs/a.md".to_owned()],
//! };
//! let first = to_release(None, &sources, &[]);
//! assert!(first.iter().all(|(_, why)| *why == Why::First) && first.len() == 2);
//! let later = to_release(Some(&PushIndex::default()), &sources, &[]);
//! assert_eq!(later, [("web/release.ocu.star".to_owned(), Why::Changed)]);
//! ```

use std::collections::BTreeSet;

use crate::documents::{PushIndex, PushedFile, Run, body_type};
use crate::envelope::Document;
use crate::glob::{Glob, GlobError};
use crate::order::Gather as _;
use crate::refs::{Ref, RefError};
use crate::release;
use crate::repo_config;
use crate::resolve::{self, LinkCycle};
use crate::runs;
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::transaction::{Edit, Transaction};

/// What git knows of the sources. All paths count from the root of the repo.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The repo's name.
    pub repo: &'a str,
    /// The release files of the commit: all `*.ocu.star` but `repo.ocu.star`.
    pub files: &'a [String],
    /// What has changed since the last push, files that are gone among them.
    pub changed: &'a [String],
}

/// Why a file is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing was pushed before.
    First,
    /// It has changed.
    Changed,
    /// It watches this path, and something there has changed.
    Watched(String),
    /// The last push could not release it.
    Unreleased,
}

/// Whether a path from the root is that of a release file.
#[must_use]
pub fn is_release_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".ocu.star") && name != repo_config::FILE
}

/// The files that a push releases, with the reason, in the order of `sources.files`.
#[must_use]
pub fn to_release(
    previous: Option<&PushIndex>,
    sources: &Sources<'_>,
    ignore: &[Glob],
) -> Vec<(String, Why)> {
    let changed: BTreeSet<&str> = sources.changed.iter().map(String::as_str).gather();
    let why = |file: &str| {
        let Some(previous) = previous else { return Some(Why::First) };
        if changed.contains(file) {
            return Some(Why::Changed);
        }
        let package = format!("{}/-/{file}", sources.repo);
        if previous.unreleased.contains(&package) {
            return Some(Why::Unreleased);
        }
        let watched = previous.release_configs.get(&package)?.watch_files.iter();
        let matters = |watch: &&String| changed.iter().any(|path| path.starts_with(prefix(watch)));
        watched.filter(|watch| !watch.is_empty()).find(matters).cloned().map(Why::Watched)
    };
    let kept = sources.files.iter().filter(|file| !ignore.iter().any(|glob| glob.is_match(file)));
    kept.filter_map(|file| Some((file.clone(), why(file)?))).collect()
}

/// What a watched path is a prefix of: `./lib` and `lib` are the same, `.` is all.
fn prefix(watch: &str) -> &str {
    let inner = watch.trim_start_matches('/');
    match inner.strip_prefix("./") {
        Some(inner) => inner,
        None if inner == "." => "",
        None => inner,
    }
}

/// A pattern of `release_ignore`: globs as everywhere, but `*` and `?` match `/` too.
///
/// # Errors
/// When it is none.
pub fn ignore(pattern: &str) -> Result<Glob, GlobError> {
    // So that errors point at what was written.
    Glob::new(pattern)?;
    let mut glob = String::new();
    let mut characters = pattern.chars();
    let mut class = false;
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                glob.push(c);
                glob.extend(characters.next());
            }
            _ if class => {
                glob.push(c);
                class = c != ']';
            }
            '[' => {
                glob.push(c);
                class = true;
            }
            '*' if glob.ends_with("**") => {}
            '*' => glob.push_str("**"),
            '?' => glob.push_str("[!\0]"),
            // In a ref `call/` is an old `task/`, and `+` may be intent; in a path they are what they are.
            'c' | '+' => glob.extend(['[', c, ']']),
            other => glob.push(other),
        }
    }
    Glob::new(&glob)
}

/// What the last push of a repo left.
///
/// # Errors
/// What must be loaded, or that the links to it lead in a circle.
pub fn previous(snapshot: &Snapshot, repo: &str) -> Result<Option<PushIndex>, Unmet<LinkCycle>> {
    let Ok(newest) = newest(repo) else { return Ok(None) };
    Ok(resolve::document(snapshot, &newest)?.and_then(|found| found.document.read()))
}

fn newest(repo: &str) -> Result<Ref, RefError> {
    format!("{repo}/-/{}/@/push/index", repo_config::FILE).parse()
}

/// What a push has done.
#[derive(Clone, Copy, Debug)]
pub struct Pushed<'a> {
    /// The repo's name.
    pub repo: &'a str,
    /// Full hash.
    pub commit: &'a str,
    /// Packages whose file was released, or has nothing to release.
    pub released: &'a BTreeSet<Ref>,
    /// Packages whose file has problems.
    pub unreleased: &'a BTreeSet<Ref>,
}

/// Records a push: for each released package the paths that its runs at this commit watch; other
/// packages keep their entry.
///
/// # Errors
/// What must be loaded, or that the refs cannot be.
pub fn record(snapshot: &Snapshot, pushed: &Pushed<'_>) -> Result<Transaction, Unmet<PushError>> {
    let at = repo_config::reference(pushed.repo, pushed.commit)?.child("push/index")?;
    let mut index = previous(snapshot, pushed.repo)?.unwrap_or_default();
    if index.commit != pushed.commit {
        index.previous_commit = std::mem::replace(&mut index.commit, pushed.commit.to_owned());
    }
    let mut needs = Needs::default();
    for package in pushed.released {
        // A file of environments has no release, and nothing that it could watch.
        if let Some(Some(watched)) = needs.take(watched(snapshot, package, pushed.commit)) {
            let entry: &mut PushedFile = index.release_configs.entry(package.to_string()).or_default();
            entry.watch_files = watched;
        }
        index.unreleased.remove(package.as_str());
    }
    needs.settle(())?;
    index.unreleased.extend(pushed.unreleased.iter().map(ToString::to_string));
    let mut edit = Edit::new(snapshot, format!("push {} at {}", pushed.repo, pushed.commit));
    edit.put_body(&at, body_type::PUSH_INDEX, &index)?;
    edit.link(&newest(pushed.repo)?, &at)?;
    Ok(edit.finish())
}

/// The paths that the runs of a package's releases at a commit watch; none where it has no release.
fn watched(snapshot: &Snapshot, package: &Ref, commit: &str) -> Result<Option<BTreeSet<String>>, Needs> {
    let mut needs = Needs::default();
    let mut watched = BTreeSet::new();
    let releases = release::of_commit(snapshot, package, commit)?;
    for release in &releases {
        for entry in needs.take(runs::of_release(snapshot, release)).unwrap_or_default() {
            let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
            watched.extend(run.and_then(|run| run.watch_files).unwrap_or_default());
        }
    }
    needs.settle((!releases.is_empty()).then_some(watched))
}

/// Records which commit of intent was carried out last.
///
/// # Errors
/// What must be loaded.
pub fn record_intent(snapshot: &Snapshot, commit: &str) -> Result<Transaction, Unmet<PushError>> {
    let at: Ref = "@/push/intent_commit".parse()?;
    let mut index = snapshot.get(&at)?.and_then(Document::read::<PushIndex>).unwrap_or_default();
    if index.commit != commit {
        index.previous_commit = std::mem::replace(&mut index.commit, commit.to_owned());
    }
    let mut edit = Edit::new(snapshot, format!("push of intent {commit}"));
    edit.put_body(&at, body_type::PUSH_INDEX, &index)?;
    Ok(edit.finish())
}

/// Why a push cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Links lead in a circle.
    #[error(transparent)]
    Links(#[from] LinkCycle),
    /// A name that makes no ref.
    #[error(transparent)]
    Ref(#[from] RefError),
}

crate::snapshot::lift!(LinkCycle => PushError);
crate::snapshot::unmet!(RefError => PushError);
