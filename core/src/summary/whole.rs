//! A summary, made of everything that a package has.

use std::collections::BTreeMap;

use super::release::{self, Known};
use super::{Counts, RELEASES, Summary, bounded, live, work};
use crate::documents::{Status, Task};
use crate::glob::Glob;
use crate::order::Order as _;
use crate::refs::Ref;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};

/// The summary of `package`; `tree` is git's id of its folder. None for a package without releases.
///
/// # Errors
/// What must be loaded.
pub fn of_package(snapshot: &Snapshot, package: &Ref, tree: &str) -> Result<Option<Summary>, Needs> {
    let Some(Draft { mut needs, mut summary, newest, runs, currents, deployed }) = draft(snapshot, package)?
    else {
        return Ok(None);
    };
    let mut inputs = BTreeMap::new();
    for (current, place, task) in &deployed {
        let environment = current.subpath();
        let recent = newest.iter().filter_map(|name| runs.get(name)).flat_map(|entries| entries.iter().rev());
        let runs = recent.filter(|entry| entry.is_deploy() && entry.name() == environment);
        let samples = needs.take(live::newest_samples(snapshot, runs)).unwrap_or_default();
        if let Some(live) = summary.live.get_mut(environment) {
            live.set_samples(samples);
        }
        let asked = work::inputs(current, place, task);
        inputs.extend(asked.map(|asked| (environment.to_owned(), asked)));
    }
    let work = needs.take(work::of_package(snapshot, package, &currents, &summary.live));
    needs.settle(())?;
    summary.work = work.map(|mut work| {
        work.set_inputs(inputs);
        work
    });
    tree.clone_into(&mut summary.tree);
    Ok(Some(bounded::whole(summary)))
}

/// As [`of_package`], for a viewer of a store that keeps no summaries: however long it is, and without what
/// takes many documents and only the Plan and estimates use, which is how long deployments took and what may
/// be work.
///
/// # Errors
/// What must be loaded.
pub fn standing(snapshot: &Snapshot, package: &Ref) -> Result<Option<Summary>, Needs> {
    match draft(snapshot, package)? {
        Some(Draft { needs, summary, .. }) => needs.settle(Some(summary)),
        None => Ok(None),
    }
}

/// A summary that is not whole yet.
struct Draft {
    needs: Needs,
    summary: Summary,
    /// The releases that it tells of.
    newest: Vec<Ref>,
    /// The runs of each release.
    runs: BTreeMap<Ref, Vec<RunEntry>>,
    /// Every `…/@/deploy/<environment>`.
    currents: Vec<Ref>,
    /// Those where something is live, what they lead to, and its Task.
    deployed: Vec<(Ref, Ref, Task)>,
}

fn draft(snapshot: &Snapshot, package: &Ref) -> Result<Option<Draft>, Needs> {
    let mut newest = releases(snapshot, package)?;
    let count_of_all = newest.len();
    newest.reverse();
    newest.truncate(RELEASES);
    let Some(newest_of_all) = newest.first() else { return Ok(None) };
    let mut needs = Needs::default();
    let all = needs.take(runs::of_package(snapshot, package)).unwrap_or_default();
    let counts = Counts { releases: count_of_all, runs: count(&all) };
    let mut runs: BTreeMap<Ref, Vec<RunEntry>> = BTreeMap::new();
    for entry in all {
        runs.entry(entry.release()).or_default().push(entry);
    }
    let mut releases = Vec::new();
    for name in &newest {
        let entries = runs.get(name).map_or(&[][..], Vec::as_slice);
        releases.extend(needs.take(release::summary(snapshot, name, entries, &Known::default())));
    }
    let phases = needs.take(release::phases(snapshot, newest_of_all));
    let currents = needs.take(currents(snapshot, package)).unwrap_or_default();
    let (mut live, mut deployed) = (BTreeMap::new(), Vec::new());
    for current in &currents {
        if let Some(Some((one, place, task))) = needs.take(live::of(snapshot, current)) {
            live.insert(current.subpath().to_owned(), one);
            deployed.push((current.clone(), place, task));
        }
    }
    let (package, tree) = (package.clone(), String::new());
    let summary = Summary { package, tree, counts, live, releases, phases, work: None };
    Ok(Some(Draft { needs, summary, newest, runs, currents, deployed }))
}

/// The releases of a package, by number.
fn releases(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    let Ok(glob) = Glob::new(&format!("{}/@r*", Glob::escape(package.as_str()))) else {
        return Ok(Vec::new());
    };
    let mut found = snapshot.search(&glob)?;
    found.retain(|release| release.release_number().is_some());
    found.order_by_key(Ref::release_number);
    Ok(found)
}

pub(super) fn currents(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    match Glob::new(&format!("{}/@/deploy/*", Glob::escape(package.as_str()))) {
        Ok(glob) => snapshot.search(&glob),
        Err(_) => Ok(Vec::new()),
    }
}

/// How many of `entries` are in each status.
pub(super) fn count(entries: &[RunEntry]) -> BTreeMap<Status, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.status()).or_default() += 1;
    }
    counts
}
