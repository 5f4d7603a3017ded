//! What a viewer needs first of a package, in one small file.
//!
//! A store of a hundred thousand documents is slow to list, so every transaction on a git state store
//! rewrites a summary for each package that it touched (spec: store, "Summaries"). It is derived from
//! the documents of that package in state and from nothing else, so the same documents give the same
//! bytes; and nothing that decides ever reads one.
//!
//! It is put together from parts that each depend on a few documents: [`release`] on those of one
//! release, [`live`] on one deployment's. A transaction that touches one release may keep the other
//! parts of the summary that is there.
//!
//! ```
//! use ocuroot_core::summary;
//!
//! let package = "github.com/example/shop/-/web.ocu.star".parse()?;
//! assert_eq!(
//!     summary::path(&package),
//!     ".ocuroot/summary/github.com%2Fexample%2Fshop%2F-%2Fweb.ocu.star.json"
//! );
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use sha2::{Digest, Sha256};

use crate::documents::{Function, Intent, Marker, Run, RunType, Status, Task, body_type};
use crate::envelope::{BlobId, Document};
use crate::glob::Glob;
use crate::intent;
use crate::ready;
use crate::refs::{Marker as Side, Ref};
use crate::resolve;
use crate::run;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};

/// How many releases a summary tells of.
pub const RELEASES: usize = 20;

/// The most that a summary's text has, in bytes. What people look at first is cut last; the counts
/// stay. Only a package with far more than 40 environments can have a longer one.
pub const MOST_BYTES: usize = 16 * 1024;

/// The longest file name that is not a hash, in bytes, without `.json`.
const LONGEST_NAME: usize = 200;

/// Refs that are named of those that a run waits for.
const MOST_WAITS: usize = 3;

/// Characters of a commit's subject that are kept.
const SUBJECT: usize = 100;

/// As `encodeURIComponent`, but for its five marks that few names hold.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A package at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The package.
    pub package: Ref,
    /// Git's id of its folder below `refs/`. A viewer that finds another there lists the folder.
    pub tree: String,
    /// How much there is in all.
    pub counts: Counts,
    /// What is deployed, by environment.
    #[serde(default)]
    pub live: BTreeMap<String, Live>,
    /// The newest releases, newest first.
    #[serde(default)]
    pub releases: Vec<ReleaseSummary>,
}

/// How much a package has in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Releases.
    pub releases: usize,
    /// Runs of all releases in each status.
    #[serde(default)]
    pub runs: BTreeMap<Status, usize>,
}

/// What is deployed to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The release, `r12`.
    pub release: String,
    /// When it was deployed, RFC 3339. Empty when the store does not say.
    pub since: String,
    /// How long the deployments of the newest releases to it took, in seconds: their median. None
    /// where no store of theirs says when they began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// The blob id of the intent that it was deployed from. An intent store that holds another at
    /// `…/@/deploy/<environment>` wants something else, which nobody has to open to see.
    pub intent: String,
}

/// A release at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSummary {
    /// Its name, `r12`.
    pub id: String,
    /// The source commit.
    pub commit: String,
    /// First line of the commit's message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The commit's author.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Its tags, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it was made, RFC 3339. Empty when the store does not say.
    pub time: String,
    /// Where it stands.
    pub status: Status,
    /// Its runs in each status.
    #[serde(default)]
    pub runs: BTreeMap<Status, usize>,
    /// Tasks and deployments whose newest run is not complete, by name (`deploy/prod`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<String, Open>,
    /// How many of those were left out for want of room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// A task or deployment that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Where its newest run stands.
    pub status: Status,
    /// Since when, RFC 3339.
    pub since: String,
    /// How many runs it has had.
    pub attempts: u64,
    /// Refs and globs of refs that it waits for, a few of them. What lies in other packages is named
    /// whether it is there or not: a summary knows one package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Summary {
    /// The text to store: JSON in one line, and a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Keys are strings and names of statuses, so there is nothing that can fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// Where the summary of a package lies, from the store's root.
#[must_use]
pub fn path(package: &Ref) -> String {
    let mut name = utf8_percent_encode(package.as_str(), ENCODED).to_string();
    if name.len() > LONGEST_NAME {
        let hash = Sha256::digest(package.as_str());
        name = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    }
    format!(".ocuroot/summary/{name}.json")
}

/// The summary of `package`; `tree` is git's id of its folder.
///
/// # Errors
/// What must be loaded.
pub fn of_package(snapshot: &Snapshot, package: &Ref, tree: &str) -> Result<Summary, Needs> {
    let mut needs = Needs::default();
    let names = needs.take(releases(snapshot, package)).unwrap_or_default();
    let all = needs.take(runs::of_package(snapshot, package)).unwrap_or_default();
    let newest: Vec<&Ref> = names.iter().rev().take(RELEASES).collect();
    let counts = Counts { releases: names.len(), runs: count(&all) };
    let mut of: BTreeMap<Ref, Vec<RunEntry>> = BTreeMap::new();
    for entry in all {
        of.entry(entry.release()).or_default().push(entry);
    }
    let none = Vec::new();
    let mut releases = Vec::new();
    for name in &newest {
        releases.extend(needs.take(release(snapshot, name, of.get(*name).unwrap_or(&none))));
    }
    let recent: BTreeSet<&Ref> = newest.iter().copied().collect();
    let recent: Vec<&RunEntry> =
        of.iter().filter(|(name, _)| recent.contains(name)).flat_map(|(_, entries)| entries).collect();
    let mut deployed = BTreeMap::new();
    for current in needs.take(currents(snapshot, package)).unwrap_or_default() {
        if let Some(Some(live)) = needs.take(live(snapshot, &current, &recent)) {
            deployed.insert(current.subpath().to_owned(), live);
        }
    }
    let summary =
        Summary { package: package.clone(), tree: tree.to_owned(), counts, live: deployed, releases };
    needs.settle(bounded(summary))
}

/// The releases of a package, by number.
fn releases(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    let Ok(glob) = Glob::new(&format!("{}/@r*", Glob::escape(package.as_str()))) else {
        return Ok(Vec::new());
    };
    let mut found = snapshot.search(&glob)?;
    found.retain(|release| release.release_number().is_some());
    found.sort_by_key(Ref::release_number);
    Ok(found)
}

fn currents(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    match Glob::new(&format!("{}/@/deploy/*", Glob::escape(package.as_str()))) {
        Ok(glob) => snapshot.search(&glob),
        Err(_) => Ok(Vec::new()),
    }
}

fn count(entries: &[RunEntry]) -> BTreeMap<Status, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.status()).or_default() += 1;
    }
    counts
}

/// The part of a summary that is about one release; `entries` are its runs.
///
/// # Errors
/// What must be loaded.
pub fn release(snapshot: &Snapshot, release: &Ref, entries: &[RunEntry]) -> Result<ReleaseSummary, Needs> {
    let mut needs = Needs::default();
    let commits =
        needs.take(snapshot.children(Side::State, &format!("{release}/commit"))).unwrap_or_default();
    let commit = commits.first().copied().unwrap_or_default().to_owned();
    let at = release.child(&format!("commit/{commit}")).ok().filter(|_| !commit.is_empty());
    let marker = match at {
        Some(at) => needs.take(marker(snapshot, &at)).unwrap_or_default(),
        None => Marker::default(),
    };
    let links = needs.take(snapshot.get(release)).flatten().map(|document| document.links.clone());
    let tags = links.unwrap_or_default().into_iter().filter_map(|link| {
        let tag = link.parse::<Ref>().ok()?;
        (tag.kind().is_none() && tag.package() == release.package())
            .then(|| tag.release().map(str::to_owned))?
    });
    let tags: BTreeSet<String> = tags.filter(|tag| !tag.is_empty()).collect();
    let mut newest: BTreeMap<&Ref, &RunEntry> = BTreeMap::new();
    for entry in entries {
        newest.insert(&entry.place, entry);
    }
    let mut not_complete = BTreeMap::new();
    for (place, entry) in newest {
        if entry.status() != Status::Complete {
            let attempts = entries.iter().filter(|other| other.place == *place).count();
            if let Some(open) = needs.take(open(snapshot, entry, attempts)) {
                let name = place.as_str().strip_prefix(release.as_str()).unwrap_or_default();
                not_complete.insert(name.trim_start_matches('/').to_owned(), open);
            }
        }
    }
    let text = |key: &str| marker.extra.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let statuses: Vec<Status> = entries.iter().map(RunEntry::status).collect();
    needs.settle(ReleaseSummary {
        id: release.release().unwrap_or_default().to_owned(),
        subject: text("subject").chars().take(SUBJECT).collect(),
        author: text("author").chars().take(SUBJECT).collect(),
        commit,
        tags: tags.into_iter().collect(),
        time: marker.time,
        status: Status::of_release(&statuses),
        runs: count(entries),
        open: not_complete,
        more: 0,
    })
}

fn open(snapshot: &Snapshot, entry: &RunEntry, attempts: usize) -> Result<Open, Needs> {
    let mut needs = Needs::default();
    let status = entry.status();
    let since = needs.take(status_marker(snapshot, entry)).unwrap_or_default().time;
    let mut waits = Vec::new();
    if matches!(status, Status::Pending | Status::Paused) {
        let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
        if let Some(function) = run.as_ref().and_then(|run| run.functions.last()) {
            waits = needs.take(waits_for(snapshot, &entry.place.package(), function)).unwrap_or_default();
        }
    }
    waits.truncate(MOST_WAITS);
    needs.settle(Open { status, since, attempts: attempts as u64, waits })
}

/// The refs that a function still waits for, as far as one package tells: dependencies lie in it,
/// and of inputs only those are looked up that do.
fn waits_for(snapshot: &Snapshot, package: &Ref, function: &Function) -> Result<Vec<String>, Needs> {
    let mut needs = Needs::default();
    let mut waits = Vec::new();
    for dependency in &function.dependencies {
        if needs.take(ready::holds(snapshot, dependency)) == Some(false) {
            waits.push(dependency.clone());
        }
    }
    for input in function.inputs.values().filter(|input| input.value.is_none() && input.default.is_none()) {
        let Some(source) = &input.source else { continue };
        let own = source.parse::<Ref>().is_ok_and(|source| {
            source.marker() != Some(Side::Intent) && !source.is_global() && source.package() == *package
        });
        if !own || needs.take(resolve::input(snapshot, input)) == Some(None) {
            waits.push(source.clone());
        }
    }
    needs.settle(waits)
}

fn marker(snapshot: &Snapshot, at: &Ref) -> Result<Marker, Needs> {
    Ok(snapshot.get(at)?.and_then(Document::read).unwrap_or_default())
}

fn status_marker(snapshot: &Snapshot, entry: &RunEntry) -> Result<Marker, Needs> {
    match run::status_ref(&entry.reference, entry.status()) {
        Ok(at) if !entry.statuses.is_empty() => marker(snapshot, &at),
        _ => Ok(Marker::default()),
    }
}

/// The part of a summary that is about one current deployment (`…/@/deploy/<environment>`); how long
/// it takes is told from those of `recent` that are runs of it. None when nothing is deployed.
///
/// # Errors
/// What must be loaded.
pub fn live(snapshot: &Snapshot, current: &Ref, recent: &[&RunEntry]) -> Result<Option<Live>, Needs> {
    let Some((place, task)) = intent::current_task(snapshot, current)? else { return Ok(None) };
    let mut needs = Needs::default();
    let done = run::status_ref(&task.run_ref, Status::Complete);
    let since = done.map_or(Ok(Marker::default()), |done| marker(snapshot, &done));
    let since = needs.take(since).unwrap_or_default().time;
    let mut took: Vec<u64> = Vec::new();
    for entry in recent {
        let of_this =
            entry.is_deploy() && entry.name() == current.subpath() && entry.status() == Status::Complete;
        if of_this && needs.take(is_up(snapshot, entry)) == Some(true) {
            took.extend(needs.take(status_marker(snapshot, entry)).and_then(|marker| marker.seconds()));
        }
    }
    took.sort_unstable();
    needs.settle(Some(Live {
        release: place.release().unwrap_or_default().to_owned(),
        since,
        took: took.get(took.len() / 2).copied(),
        intent: intent_of(&task).to_string(),
    }))
}

fn is_up(snapshot: &Snapshot, entry: &RunEntry) -> Result<bool, Needs> {
    let run = snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
    Ok(run.is_some_and(|run| run.run_type.unwrap_or(entry.default_type()) == RunType::Up))
}

/// The blob id of the intent that a claim writes for what is deployed.
fn intent_of(task: &Task) -> BlobId {
    let wanted = Intent { release: task.release.clone(), input: task.input.clone(), extra: Map::new() };
    BlobId::of(Document::new(body_type::INTENT, &wanted).to_text().as_bytes())
}

/// Cuts a summary down to [`MOST_BYTES`]: what is said of old releases goes before what is said of new
/// ones, and details before names.
fn bounded(mut summary: Summary) -> Summary {
    let fits = |summary: &Summary| summary.to_text().len() <= MOST_BYTES;
    let steps: [fn(&mut ReleaseSummary); 3] = [
        |release| release.open.values_mut().for_each(|open| open.waits.clear()),
        |release| {
            release.more += release.open.len();
            release.open.clear();
        },
        |release| {
            release.subject.clear();
            release.author.clear();
            release.tags.clear();
        },
    ];
    for step in steps {
        for index in (0..summary.releases.len()).rev() {
            if fits(&summary) {
                return summary;
            }
            if let Some(release) = summary.releases.get_mut(index) {
                step(release);
            }
        }
    }
    while !fits(&summary) && summary.releases.pop().is_some() {}
    summary
}

/// The packages that have summaries: those with a release, sorted.
///
/// # Errors
/// What must be loaded.
pub fn packages(snapshot: &Snapshot) -> Result<BTreeSet<Ref>, Needs> {
    let Ok(glob) = Glob::new("**/@r*") else { return Ok(BTreeSet::new()) };
    Ok(snapshot.search(&glob)?.iter().filter(|at| at.release_number().is_some()).map(Ref::package).collect())
}
