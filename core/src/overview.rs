//! Releases as people look at them: a line each, and one in full.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::documents::{Marker as MarkerBody, Release, Run, Status, Task};
use crate::envelope::Document;
use crate::glob::Glob;
use crate::order::{Gather as _, Order as _};
use crate::ready::{self, Readiness};
use crate::refs::Ref;
use crate::run;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};

/// One release in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseSummary {
    /// `…/@r<N>`.
    pub release: Ref,
    /// Derived from its runs.
    pub status: Status,
    /// Full hash of its source commit.
    pub commit: String,
    /// First line of the commit's message.
    pub subject: String,
    /// Name of the commit's author.
    pub author: String,
    /// When it was made, RFC 3339; empty where nothing says so.
    pub time: String,
    /// Its names, sorted.
    pub tags: Vec<String>,
    /// Environments where it is what is deployed, sorted.
    pub live_in: Vec<String>,
}

/// A release in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseDetail {
    /// As in a list.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// Its phases, in the order in which they run.
    pub phases: Vec<PhaseDetail>,
}

impl std::ops::Deref for ReleaseDetail {
    type Target = ReleaseSummary;

    fn deref(&self) -> &ReleaseSummary {
        &self.summary
    }
}

/// A phase of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseDetail {
    /// May be empty.
    pub name: String,
    /// Tasks and deployments, in file order.
    pub work: Vec<WorkDetail>,
}

/// A task or deployment of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkDetail {
    /// `task/<name>` or `deploy/<environment>`.
    pub place: String,
    /// Its attempts, by number.
    pub runs: Vec<RunSummary>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: Ref,
    /// From 1.
    pub number: u64,
    /// Where it stands.
    pub status: Status,
    /// Since when, RFC 3339; empty where nothing says so.
    pub since: String,
    /// Refs of what it returned.
    pub outputs: Vec<String>,
    /// What it waits for: refs, or globs of refs.
    pub waits_for: Vec<String>,
}

/// All releases of `package`, newest first.
///
/// # Errors
/// What must be loaded.
pub fn releases(snapshot: &Snapshot, package: &Ref) -> Result<Vec<ReleaseSummary>, Needs> {
    let mut needs = Needs::default();
    let marks = needs.take(marks(snapshot, package)).unwrap_or_default();
    let mut found = Vec::new();
    let Ok(glob) = Glob::new(&format!("{}/@r*", Glob::escape(package.as_str()))) else { return Ok(found) };
    let mut all = snapshot.search(&glob)?;
    all.retain(|release| release.release_number().is_some());
    all.order_by_key(|release| std::cmp::Reverse(release.release_number()));
    for release in all {
        found.extend(needs.take(summary(snapshot, &release, &marks)).flatten());
    }
    needs.settle(found)
}

/// One release, without where it is live; none where there is no such.
///
/// # Errors
/// What must be loaded.
pub fn one(snapshot: &Snapshot, release: &Ref) -> Result<Option<ReleaseSummary>, Needs> {
    let mut needs = Needs::default();
    let document = needs.take(snapshot.get(release)).flatten();
    let links = document.map(|document| document.links.clone()).unwrap_or_default();
    let mut marks = Marks::default();
    let tags = links.iter().filter_map(|link| {
        let tag = link.parse::<Ref>().ok().filter(|tag| tag.kind().is_none())?;
        tag.release().filter(|name| !name.is_empty()).map(str::to_owned)
    });
    marks.tags.insert(release.clone(), tags.gather::<BTreeSet<String>>().into_iter().collect());
    let found = needs.take(summary(snapshot, release, &marks)).flatten();
    needs.settle(found)
}

/// One release in full; an unknown one has no phases.
///
/// # Errors
/// What must be loaded.
pub fn release(snapshot: &Snapshot, release: &Ref) -> Result<ReleaseDetail, Needs> {
    let mut needs = Needs::default();
    let marks = needs.take(marks(snapshot, &release.package())).unwrap_or_default();
    let summary = needs.take(summary(snapshot, release, &marks)).flatten();
    let body = snapshot.get(release)?.and_then(Document::read::<Release>).unwrap_or_default();
    let mut by_place: BTreeMap<String, Vec<RunEntry>> = BTreeMap::new();
    for entry in runs::of_release(snapshot, release)? {
        let kind = if entry.is_deploy() { "deploy" } else { "task" };
        by_place.entry(format!("{kind}/{}", entry.name())).or_default().push(entry);
    }
    let mut phases = Vec::new();
    for phase in &body.package.phases {
        let mut work = Vec::new();
        for item in &phase.tasks {
            let place = item.place();
            let mut attempts = Vec::new();
            for entry in by_place.remove(&place).unwrap_or_default() {
                attempts.extend(needs.take(run_summary(snapshot, &entry)));
            }
            work.push(WorkDetail { place, runs: attempts });
        }
        phases.push(PhaseDetail { name: phase.name.clone(), work });
    }
    let summary = summary.unwrap_or_else(|| ReleaseSummary {
        release: release.clone(),
        status: Status::Pending,
        commit: String::new(),
        subject: String::new(),
        author: String::new(),
        time: String::new(),
        tags: Vec::new(),
        live_in: Vec::new(),
    });
    needs.settle(ReleaseDetail { summary, phases })
}

/// What points at the releases of a package: tags, and current deployments by environment.
#[derive(Default)]
struct Marks {
    tags: BTreeMap<Ref, Vec<String>>,
    live_in: BTreeMap<Ref, Vec<String>>,
}

fn marks(snapshot: &Snapshot, package: &Ref) -> Result<Marks, Needs> {
    let mut needs = Needs::default();
    let mut marks = Marks::default();
    let escaped = Glob::escape(package.as_str());
    let search = |pattern: String| Glob::new(&pattern).map_or(Ok(Vec::new()), |glob| snapshot.search(&glob));
    for name in needs.take(search(format!("{escaped}/@?*"))).unwrap_or_default() {
        let Some(Some(document)) = needs.take(snapshot.get(&name)) else { continue };
        if let (Some(target), Some(tag)) = (document.target(), name.release()) {
            marks.tags.entry(target.release_ref()).or_default().push(tag.to_owned());
        }
    }
    for current in needs.take(search(format!("{escaped}/@/deploy/*"))).unwrap_or_default() {
        let Some(Some(document)) = needs.take(snapshot.get(&current)) else { continue };
        if let Some(target) = document.target() {
            marks.live_in.entry(target.release_ref()).or_default().push(current.subpath().to_owned());
        }
    }
    needs.settle(marks)
}

fn summary(snapshot: &Snapshot, release: &Ref, marks: &Marks) -> Result<Option<ReleaseSummary>, Needs> {
    let mut needs = Needs::default();
    let body = needs.take(snapshot.get(release)).flatten().and_then(Document::read::<Release>);
    let status = needs.take(runs::release_status(snapshot, release));
    let (Some(body), Some(status)) = (body, status) else { return needs.settle(None) };
    let marker = release.child(&format!("commit/{}", body.commit)).ok();
    let marker = match marker {
        Some(marker) => needs.take(snapshot.get(&marker)).flatten().and_then(Document::read::<MarkerBody>),
        None => None,
    }
    .unwrap_or_default();
    let text =
        |key: &str| marker.extra.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let summary = ReleaseSummary {
        release: release.clone(),
        status,
        subject: text("subject"),
        author: text("author"),
        commit: body.commit,
        time: marker.time.clone(),
        tags: marks.tags.get(release).cloned().unwrap_or_default(),
        live_in: marks.live_in.get(release).cloned().unwrap_or_default(),
    };
    needs.settle(Some(summary))
}

fn run_summary(snapshot: &Snapshot, entry: &RunEntry) -> Result<RunSummary, Needs> {
    let mut needs = Needs::default();
    let status = entry.status();
    let body = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
    let since = match run::status_ref(&entry.reference, status) {
        Ok(marker) => needs.take(snapshot.get(&marker)).flatten().and_then(Document::read::<MarkerBody>),
        Err(_) => None,
    };
    let mut waits_for = Vec::new();
    if matches!(status, Status::Pending | Status::Paused)
        && let Some(function) = body.as_ref().and_then(|run| run.functions.last())
        && let Some(Readiness::Waiting(missing)) = needs.take(ready::check(snapshot, function))
    {
        waits_for.extend(missing.iter().map(|missing| missing.source().to_owned()));
    }
    // The Task of the run that completed last is what its outputs' refs lead to.
    let task = needs.take(snapshot.get(&entry.place)).flatten().and_then(Document::read::<Task>);
    let outputs = match task {
        Some(task) if task.run_ref == entry.reference => task
            .output
            .unwrap_or_default()
            .keys()
            .map(|key| format!("{}#output/{key}", entry.place))
            .collect(),
        _ => Vec::new(),
    };
    needs.settle(RunSummary {
        run: entry.reference.clone(),
        number: entry.number,
        status,
        since: since.unwrap_or_default().time,
        outputs,
        waits_for,
    })
}
