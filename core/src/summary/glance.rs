//! What a viewer sees first of a store that keeps no summaries.
//!
//! To make a package's summary takes all of its folders and thousands of its documents. What is live
//! where, and how the newest releases stand, is told by few of them: the folder of what is current, those
//! of the releases that are as new as anything live, and a document or two of each of these. Which release
//! a link leads to is told by git's id of it, since a link is always written the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::release::{self, Known};
use super::whole::{count, currents};
use super::{Counts, Live, RELEASES, Summary};
use crate::envelope::{BlobId, Document};
use crate::order::Order as _;
use crate::refs::{Marker, Ref};
use crate::runs;
use crate::snapshot::{Needs, Snapshot};

/// The summary of `package` as far as a first look goes: of the releases those from the newest down to the
/// oldest one that is live, or where none is, as many as a summary has; and of what is live no more than
/// which release that is. None for a package without releases.
///
/// # Errors
/// What must be loaded.
pub fn glance(snapshot: &Snapshot, package: &Ref) -> Result<Option<Summary>, Needs> {
    let names = releases(snapshot, package)?;
    let Some(newest) = names.first() else { return Ok(None) };
    let mut needs = Needs::default();
    let live = needs.take(live(snapshot, package, &names)).unwrap_or_default();
    let is_live = |release: &Ref| live.values().any(|live| release.release() == Some(live.release.as_str()));
    let oldest = names.iter().rposition(is_live).map_or(RELEASES, |oldest| oldest.saturating_add(1));
    let (mut releases, mut runs) = (Vec::new(), Vec::new());
    for name in names.iter().take(if needs.is_empty() { RELEASES.min(oldest) } else { 1 }) {
        let Some(entries) = needs.take(runs::of_release(snapshot, name)) else { continue };
        releases.extend(needs.take(release::summary(snapshot, name, &entries, &Known::default())));
        runs.extend(entries);
    }
    let phases = needs.take(release::phases(snapshot, newest));
    let counts = Counts { releases: names.len(), runs: count(&runs) };
    let (package, tree) = (package.clone(), String::new());
    needs.settle(Some(Summary { package, tree, counts, live, releases, phases, work: None }))
}

/// The releases of a package by their folders, newest first.
fn releases(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    let names = snapshot.children(Marker::State, package.as_str())?;
    let of = |name: &&str| package.with_release(name.strip_prefix('@')?).ok();
    let mut found: Vec<Ref> = names.iter().filter_map(of).collect();
    found.retain(|release| release.release_number().is_some());
    found.order_by_key(|release| Reverse(release.release_number()));
    Ok(found)
}

/// What is live in each environment: one of `releases`.
fn live(snapshot: &Snapshot, package: &Ref, releases: &[Ref]) -> Result<BTreeMap<String, Live>, Needs> {
    let mut needs = Needs::default();
    let mut live = BTreeMap::new();
    for current in currents(snapshot, package)? {
        let Some(Some(release)) = needs.take(target(snapshot, &current, releases)) else { continue };
        let release = release.release().unwrap_or_default().to_owned();
        let (since, intent) = (String::new(), String::new());
        let one = Live { release, since, took: None, samples: Vec::new(), intent };
        live.insert(current.subpath().to_owned(), one);
    }
    needs.settle(live)
}

/// Which of `releases` the link at `current` (`…/@/deploy/<environment>`) leads to.
fn target<'r>(snapshot: &Snapshot, current: &Ref, releases: &'r [Ref]) -> Result<Option<&'r Ref>, Needs> {
    let place = |release: &Ref| current.with_release(release.release()?).ok();
    if let Ok(Some(blob)) = snapshot.blob(current) {
        let id_of = |at: &Ref| BlobId::of(Document::link(at).to_text().as_bytes());
        let found = releases.iter().find(|release| place(release).is_some_and(|at| id_of(&at) == blob));
        if found.is_some() {
            return Ok(found);
        }
    }
    // Another tool wrote it, or somebody by hand.
    let target = snapshot.get(current)?.and_then(Document::target);
    Ok(releases.iter().find(|release| place(release).as_ref() == target))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::documents::{Status, body_type};

    #[test]
    fn of_releases_those_count_that_are_as_new_as_what_is_live() {
        let mut snapshot = Snapshot::empty();
        let mut put = |at: &str, document| snapshot.put(&format!("s/-/p/{at}").parse().unwrap(), document);
        for release in ["@r8", "@r9", "@r10"] {
            for at in ["", "/deploy/prod/1", "/deploy/test/1"] {
                put(&format!("{release}{at}"), Document::new(body_type::RELEASE, &json!({"commit": "c"})));
            }
        }
        for at in ["@r8/deploy/prod", "@r9/deploy/prod", "@r9/deploy/test", "@r10/deploy/test"] {
            put(&format!("{at}/1/status/complete"), Document::new(body_type::MARKER, &json!({})));
        }
        for (environment, release) in [("prod", "r9"), ("test", "r10")] {
            let target = format!("s/-/p/@{release}/deploy/{environment}").parse().unwrap();
            put(&format!("@/deploy/{environment}"), Document::link(&target));
        }
        let package: Ref = "s/-/p".parse().unwrap();
        let found = glance(&snapshot, &package).unwrap().unwrap();
        let live: Vec<_> = found.live.iter().map(|(name, live)| (&**name, &*live.release)).collect();
        assert_eq!(live, [("prod", "r9"), ("test", "r10")]);
        let releases: Vec<_> = found.releases.iter().map(|it| (&*it.id, it.open.len())).collect();
        assert_eq!(releases, [("r10", 1), ("r9", 0)]);
        assert_eq!(found.releases[0].open["deploy/prod"].status, Status::Pending);
        // As the whole summary has it, as far as both tell.
        let whole = super::super::of_package(&snapshot, &package, "").unwrap().unwrap();
        assert_eq!(whole.releases[..2], found.releases);
        assert_eq!((whole.phases, whole.counts.releases), (found.phases, found.counts.releases));
    }

    #[test]
    fn a_link_is_told_by_its_id() {
        let package: Ref = "s/-/p".parse().unwrap();
        let current: Ref = "s/-/p/@/deploy/prod".parse().unwrap();
        let at: Ref = "s/-/p/@r9/deploy/prod".parse().unwrap();
        let listed = |text: &str| {
            let mut snapshot = Snapshot::default();
            snapshot.list(Marker::State, "s/-/p", false, ["@", "@r8", "@r9", "@r10"]);
            snapshot.list(Marker::State, "s/-/p/@", false, ["deploy"]);
            snapshot.list(Marker::State, "s/-/p/@/deploy", false, ["prod"]);
            snapshot.list(Marker::State, "s/-/p/@/deploy/prod", true, []);
            snapshot.folder(Marker::State, "s/-/p/@/deploy/prod").identify(BlobId::of(text.as_bytes()));
            let releases = releases(&snapshot, &package).unwrap();
            live(&snapshot, &package, &releases).map(|live| live["prod"].release.clone())
        };
        assert_eq!(listed(&Document::link(&at).to_text()), Ok("r9".to_owned()));
        assert_eq!(listed("{}"), Err(Needs::body(&current)), "then it is read");
    }
}
