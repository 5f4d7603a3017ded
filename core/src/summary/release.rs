//! The part of a summary that is about one release.
//!
//! It depends on what lies in the release's folder, and on what [`ReleaseSummary::uses`] names. To keep
//! it so, links are followed only as the tool itself makes them: `@/custom/x` to `@r4/custom/x`, a tag to
//! its release; what leads anywhere else counts as not there.

use std::collections::{BTreeMap, BTreeSet};

use super::whole::count;
use super::{Open, ReleaseSummary};
use crate::documents::{Function, Marker, Run, Status};
use crate::envelope::Document;
use crate::glob::Glob;
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

/// What is to be told of `release`; `entries` are its runs, by place and number.
///
/// # Errors
/// What must be loaded.
pub(super) fn summary(
    snapshot: &Snapshot,
    release: &Ref,
    entries: &[RunEntry],
) -> Result<ReleaseSummary, Needs> {
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
    let tags: BTreeSet<String> = tags.filter(|tag| !tag.is_empty()).collect();
    let mut newest: BTreeMap<&Ref, &RunEntry> = BTreeMap::new();
    for entry in entries {
        newest.insert(&entry.place, entry);
    }
    let mut not_complete = BTreeMap::new();
    let mut uses = BTreeSet::new();
    for (place, entry) in newest {
        if entry.status() != Status::Complete {
            let attempts = entries.iter().filter(|other| other.place == *place).count();
            if let Some(open) = needs.take(open(snapshot, release, entry, attempts, &mut uses)) {
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
        commit: commit.as_ref().map(Ref::subpath).unwrap_or_default().to_owned(),
        tags: tags.into_iter().collect(),
        time: marker.time,
        status: Status::of_release(&statuses),
        runs: count(entries),
        open: not_complete,
        more: 0,
        uses,
        cut: Vec::new(),
    })
}

/// The marker that ties a release to its commit.
fn commit(snapshot: &Snapshot, release: &Ref) -> Result<Option<Ref>, Needs> {
    let Ok(glob) = Glob::new(&format!("{}/commit/*", Glob::escape(release.as_str()))) else {
        return Ok(None);
    };
    Ok(snapshot.search(&glob)?.into_iter().next())
}

fn open(
    snapshot: &Snapshot,
    release: &Ref,
    entry: &RunEntry,
    attempts: usize,
    uses: &mut BTreeSet<Ref>,
) -> Result<Open, Needs> {
    let mut needs = Needs::default();
    let status = entry.status();
    let since = needs.take(status_marker(snapshot, entry)).unwrap_or_default().time;
    let mut waits = Vec::new();
    if matches!(status, Status::Pending | Status::Paused) {
        let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
        if let Some(function) = run.as_ref().and_then(|run| run.functions.last()) {
            waits = needs.take(waits_for(snapshot, release, function, uses)).unwrap_or_default();
        }
    }
    waits.truncate(MOST_WAITS);
    needs.settle(Open { status, since, attempts: attempts as u64, waits })
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
