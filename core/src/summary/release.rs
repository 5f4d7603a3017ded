//! The part of a summary that is about one release.
//!
//! It depends on what lies in the release's folder, and on what [`ReleaseSummary::uses`] names. To keep
//! it so, links are followed only as the tool itself makes them: `@/custom/x` to `@r4/custom/x`, a tag to
//! its release; what leads anywhere else counts as not there.

use std::collections::{BTreeMap, BTreeSet};

use super::bounded::keeps_itself;
use super::whole::count;
use super::{Open, ReleaseSummary};
use crate::documents::{Function, Marker, Release, Run, Status, Work};
use crate::envelope::Document;
use crate::glob::Glob;
use crate::order::{Gather as _, Order as _};
use crate::ready;
use crate::refs::{Kind, Marker as Side, Ref};
use crate::release::literal;
use crate::resolve;
use crate::run;
use crate::runs::RunEntry;
use crate::snapshot::{Needs, Snapshot, Unmet};

/// Refs that are named of those that a run waits for.
const MOST_WAITS: usize = 3;

/// Characters of a commit's subject that are kept.
const SUBJECT: usize = 100;

/// What was told of a release before, and how much of it still holds.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// That.
    pub(super) told: Option<&'a ReleaseSummary>,
    /// Whether its document and its commit are as they were.
    pub(super) itself: bool,
    /// The tasks and deployments that are not, by name (`deploy/prod`).
    pub(super) touched: BTreeSet<&'a str>,
}

impl Known<'_> {
    fn itself(&self) -> Option<&ReleaseSummary> {
        self.told.filter(|told| self.itself && keeps_itself(told))
    }

    /// Since when a task or deployment stands where it does.
    fn since(&self, place: &str) -> Option<String> {
        let open = self.told?.open.get(place).filter(|_| !self.touched.contains(place))?;
        Some(open.since.clone())
    }
}

/// The task or deployment that a run belongs to which `written` is a part of, by name.
pub(super) fn place_of(written: &Ref) -> Option<&str> {
    let below = written.as_str().strip_prefix(written.release_ref().as_str())?.strip_prefix('/')?;
    let end = below.match_indices('/').nth(1)?.0;
    below.get(..end).filter(|_| matches!(written.kind(), Some(Kind::Task | Kind::Deploy)))
}

/// What is to be told of `release`; `entries` are its runs, by place and number.
///
/// # Errors
/// What must be loaded.
pub(super) fn summary(
    snapshot: &Snapshot,
    release: &Ref,
    entries: &[RunEntry],
    known: &Known<'_>,
) -> Result<ReleaseSummary, Needs> {
    let mut needs = Needs::default();
    let mut newest: BTreeMap<&Ref, &RunEntry> = BTreeMap::new();
    for entry in entries {
        newest.insert(&entry.place, entry);
    }
    let mut not_complete = BTreeMap::new();
    let mut uses = BTreeSet::new();
    for (place, entry) in newest.iter().filter(|(_, entry)| entry.status() != Status::Complete) {
        let name = place.as_str().strip_prefix(release.as_str()).unwrap_or_default();
        let name = name.trim_start_matches('/').to_owned();
        let attempts = entries.iter().filter(|other| other.place == **place).count() as u64;
        let since = match known.since(&name) {
            Some(since) => Ok(since),
            None => status_marker(snapshot, entry).map(|marker| marker.time),
        };
        let since = needs.take(since).unwrap_or_default();
        let waits = needs.take(waits(snapshot, release, entry, &mut uses)).unwrap_or_default();
        let has_ended = |status| matches!(status, Status::Failed | Status::Cancelled);
        let waits = few(waits, |place| newest.get(place).is_none_or(|before| !has_ended(before.status())));
        not_complete.insert(name, Open { status: entry.status(), since, attempts, waits });
    }
    let itself = match known.itself() {
        Some(told) => Some(told.clone()),
        None => needs.take(itself(snapshot, release)),
    };
    let Some(itself) = itself else { return Err(needs) };
    let statuses: Vec<Status> = entries.iter().map(RunEntry::status).collect();
    needs.settle(ReleaseSummary {
        status: Status::of_release(&statuses),
        runs: count(entries),
        open: not_complete,
        more: 0,
        uses,
        cut: Vec::new(),
        ..itself
    })
}

/// What is told of a release without its runs.
fn itself(snapshot: &Snapshot, release: &Ref) -> Result<ReleaseSummary, Needs> {
    let mut needs = Needs::default();
    let commit = needs.take(commit(snapshot, release)).flatten();
    let marker = match &commit {
        Some(commit) => needs.take(marker(snapshot, commit)).unwrap_or_default(),
        None => Marker::default(),
    };
    let links = needs.take(snapshot.get(release)).flatten().map(|document| document.links.clone());
    let tags = links.unwrap_or_default().into_iter().filter_map(|link| {
        let tag = link.parse::<Ref>().ok()?;
        (tag.kind().is_none() && tag.package() == release.package())
            .then(|| tag.release().map(str::to_owned))?
    });
    let tags: BTreeSet<String> = tags.filter(|tag| !tag.is_empty()).gather();
    let text = |key: &str| {
        let text = marker.extra.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        text.chars().take(SUBJECT).collect()
    };
    needs.settle(ReleaseSummary {
        id: release.release().unwrap_or_default().to_owned(),
        subject: text("subject"),
        author: text("author"),
        commit: commit.as_ref().map(Ref::subpath).unwrap_or_default().to_owned(),
        tags: tags.into_iter().collect(),
        time: marker.time.clone(),
        status: Status::Pending,
        runs: BTreeMap::new(),
        open: BTreeMap::new(),
        more: 0,
        uses: BTreeSet::new(),
        cut: Vec::new(),
    })
}

/// The environments that each phase of a release deploys to, but for phases that deploy nowhere.
///
/// # Errors
/// The release's document.
pub(crate) fn phases(snapshot: &Snapshot, release: &Ref) -> Result<Vec<Vec<String>>, Needs> {
    let release = snapshot.get(release)?.and_then(Document::read::<Release>).unwrap_or_default();
    let phases = release.package.phases.iter().map(|phase| {
        let places = phase.tasks.iter().map(Work::place);
        places.filter_map(|place| Some(place.strip_prefix("deploy/")?.to_owned())).collect::<Vec<_>>()
    });
    Ok(phases.filter(|phase| !phase.is_empty()).collect())
}

/// The marker that ties a release to its commit.
fn commit(snapshot: &Snapshot, release: &Ref) -> Result<Option<Ref>, Needs> {
    let Ok(glob) = Glob::new(&format!("{}/commit/*", Glob::escape(release.as_str()))) else {
        return Ok(None);
    };
    Ok(snapshot.search(&glob)?.into_iter().next())
}

/// As many of `waits` as are named, in their order: of too many those that decide whose turn it is, what is
/// on its way of an earlier phase before what a person has to set.
fn few(waits: Vec<String>, is_on_its_way: impl Fn(&Ref) -> bool) -> Vec<String> {
    if waits.len() <= MOST_WAITS {
        return waits;
    }
    let rank = |wait: &String| match (ready::place_of(wait), wait.parse::<Ref>()) {
        (Some(place), _) => {
            if is_on_its_way(&place) {
                0
            } else {
                2
            }
        }
        (None, Ok(source)) if source.kind() == Some(Kind::Custom) => 1,
        (None, _) => 2,
    };
    let mut ranked: Vec<(usize, String)> = waits.into_iter().enumerate().collect();
    ranked.order_by_key(|(index, wait)| (rank(wait), *index));
    ranked.truncate(MOST_WAITS);
    ranked.order();
    ranked.into_iter().map(|(_, wait)| wait).collect()
}

/// What a run waits for.
fn waits(
    snapshot: &Snapshot,
    release: &Ref,
    entry: &RunEntry,
    uses: &mut BTreeSet<Ref>,
) -> Result<Vec<String>, Needs> {
    if !matches!(entry.status(), Status::Pending | Status::Paused) {
        return Ok(Vec::new());
    }
    let run = snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
    let Some(function) = run.as_ref().and_then(|run| run.functions.last()) else { return Ok(Vec::new()) };
    waits_for(snapshot, release, function, uses)
}

/// The refs that a function still waits for, as far as one package tells: of dependencies those are
/// looked up that lie in the release, as all do that the tool writes, and of inputs those in the package.
fn waits_for(
    snapshot: &Snapshot,
    release: &Ref,
    function: &Function,
    uses: &mut BTreeSet<Ref>,
) -> Result<Vec<String>, Needs> {
    let mut needs = Needs::default();
    let mut waits = Vec::new();
    let within = literal(release.as_str());
    for dependency in &function.dependencies {
        let here = dependency.parse::<Ref>().is_ok_and(|parsed| parsed.release_ref().as_str() == within);
        if !here || needs.take(ready::holds(snapshot, dependency)) == Some(false) {
            waits.push(dependency.clone());
        }
    }
    for input in function.inputs.values().filter(|input| input.value.is_none() && input.default.is_none()) {
        let Some(spelled) = &input.source else { continue };
        match spelled.parse::<Ref>() {
            // Every deployment is given its environment, and there is none without.
            Ok(source) if source.kind() == Some(Kind::Environment) && source.is_global() => {}
            Ok(source)
                if source.marker() != Some(Side::Intent)
                    && !source.is_global()
                    && source.package() == release.package() =>
            {
                // Operations come and go with every environment, and nobody waits for one.
                let outside = source.release() != release.release() || source.kind() == Some(Kind::Op);
                if outside {
                    uses.insert(source.document());
                }
                if needs.take(has_value(snapshot, &source, outside)) == Some(false) {
                    waits.push(spelled.clone());
                }
            }
            _ => waits.push(spelled.clone()),
        }
    }
    needs.settle(waits)
}

/// Whether there is something at `source`: under the name that it asks for, and unless it asks for
/// something `outside` of the run's release, in no other.
fn has_value(snapshot: &Snapshot, source: &Ref, outside: bool) -> Result<bool, Needs> {
    let found = match resolve::document(snapshot, source) {
        Ok(Some(found)) => found,
        Ok(None) | Err(Unmet::Error(_)) => return Ok(false),
        Err(Unmet::Needs(needs)) => return Err(needs),
    };
    let at = &found.reference;
    let same = at.package() == source.package()
        && (at.kind(), at.subpath()) == (source.kind(), source.subpath())
        && (outside || at.release() == source.release());
    let body = found.document.body().filter(|_| same);
    Ok(body.is_some_and(|body| match source.fragment() {
        Some(fragment) => resolve::field(body, fragment).is_some(),
        None => !body.is_null(),
    }))
}

/// Whether what is found at `source`, one of a release's [`ReleaseSummary::uses`], may be another once
/// `written` is.
pub(super) fn may_change(source: &Ref, written: &Ref) -> bool {
    match written.kind() {
        // A release or a tag: what a name stands for, or which release is the newest.
        None => source.release_number().is_none() || written.release() == source.release(),
        kind => {
            let rest = source.subpath().strip_prefix(written.subpath());
            kind == source.kind() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

pub(super) fn marker(snapshot: &Snapshot, at: &Ref) -> Result<Marker, Needs> {
    Ok(snapshot.get(at)?.and_then(Document::read).unwrap_or_default())
}

pub(super) fn status_marker(snapshot: &Snapshot, entry: &RunEntry) -> Result<Marker, Needs> {
    match run::status_ref(&entry.reference, entry.status()) {
        Ok(at) if !entry.statuses.is_empty() => marker(snapshot, &at),
        _ => Ok(Marker::default()),
    }
}
