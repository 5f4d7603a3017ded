//! A summary, made of everything that a package has.

use std::collections::BTreeMap;

use super::release::{self, Known};
use super::{Counts, RELEASES, Summary, bounded, live, work};
use crate::documents::Status;
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
    made(snapshot, package, tree, Extent::Whole)
}

/// As [`of_package`], for a viewer of a store that keeps no summaries: without what takes many documents
/// and only the Plan and estimates use, which is how long deployments took and what may be work.
///
/// # Errors
/// What must be loaded.
pub fn standing(snapshot: &Snapshot, package: &Ref) -> Result<Option<Summary>, Needs> {
    made(snapshot, package, "", Extent::Standing)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Standing,
    Whole,
}

fn made(snapshot: &Snapshot, package: &Ref, tree: &str, extent: Extent) -> Result<Option<Summary>, Needs> {
    let names = releases(snapshot, package)?;
    if names.is_empty() {
        return Ok(None);
    }
    let mut needs = Needs::default();
    let currents = needs.take(currents(snapshot, package)).unwrap_or_default();
    let all = needs.take(runs::of_package(snapshot, package)).unwrap_or_default();
    let counts = Counts { releases: names.len(), runs: count(&all) };
    let mut of: BTreeMap<Ref, Vec<RunEntry>> = BTreeMap::new();
    for entry in all {
        of.entry(entry.release()).or_default().push(entry);
    }
    let newest: Vec<&Ref> = names.iter().rev().take(RELEASES).collect();
    let mut releases = Vec::new();
    for name in &newest {
        let entries = of.get(*name).map_or(&[][..], Vec::as_slice);
        releases.extend(needs.take(release::summary(snapshot, name, entries, &Known::default())));
    }
    let phases = match newest.first() {
        Some(newest) => needs.take(release::phases(snapshot, newest)).unwrap_or_default(),
        None => Vec::new(),
    };
    let mut deployed = BTreeMap::new();
    let mut inputs = BTreeMap::new();
    for current in &currents {
        if let Some(Some((mut live, asked))) = needs.take(live::of(snapshot, current)) {
            if extent == Extent::Whole {
                let recent =
                    newest.iter().filter_map(|name| of.get(*name)).flat_map(|entries| entries.iter().rev());
                let runs = recent.filter(|entry| entry.is_deploy() && entry.name() == current.subpath());
                live.set_samples(needs.take(live::newest_samples(snapshot, runs)).unwrap_or_default());
            }
            deployed.insert(current.subpath().to_owned(), live);
            inputs.extend(asked.map(|asked| (current.subpath().to_owned(), asked)));
        }
    }
    let mut work = match extent {
        Extent::Standing => None,
        Extent::Whole => needs.take(work::of_package(snapshot, package, &currents, &deployed)),
    };
    needs.settle(())?;
    if let Some(work) = &mut work {
        work.set_inputs(inputs);
    }
    let (package, tree, phases) = (package.clone(), tree.to_owned(), Some(phases));
    let summary = Summary { package, tree, counts, live: deployed, releases, phases, work };
    Ok(Some(bounded::whole(summary)))
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
