//! A release with its work and all attempts at it, read at once.
//!
//! Everything that a release page shows of the release itself lies below `…/@r<N>`. So the first
//! answer asks for that folder with all below it, and the second for all documents in it but the
//! logs, which are long and wanted one at a time.

use std::collections::BTreeMap;

use crate::documents::{Marker, Release, Run, RunType, Status, Task};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::refs::{Marker as Side, Ref};
use crate::release::{self, ReleaseError};
use crate::run;
use crate::runs::{self, RunEntry};
use crate::screens::Word;
use crate::screens::turn::{self, Turn};
use crate::snapshot::{Needs, Snapshot, Unmet};

/// A release, read.
pub(crate) struct Whole {
    /// `…/@r<N>`.
    pub(crate) release: Ref,
    /// Its document.
    pub(crate) body: Release,
    /// What points at it.
    pub(crate) links: Vec<String>,
    /// What its commit's marker says.
    pub(crate) marker: Marker,
    /// Its phases that have work, in the order in which they run. A last one, without a name, holds
    /// what its file does not name any more.
    pub(crate) phases: Vec<WholePhase>,
}

/// A phase of it.
pub(crate) struct WholePhase {
    /// May be empty.
    pub(crate) name: String,
    /// In file order.
    pub(crate) items: Vec<Item>,
}

/// A task or deployment.
pub(crate) struct Item {
    /// `…/@r<N>/deploy/prod`.
    pub(crate) place: Ref,
    /// By number.
    pub(crate) attempts: Vec<Attempt>,
    /// The result of the last attempt that completed.
    pub(crate) task: Option<Task>,
    /// What points at that result.
    pub(crate) links: Vec<String>,
}

/// A run.
pub(crate) struct Attempt {
    /// Where it stands, by listings.
    pub(crate) entry: RunEntry,
    /// Its document; none where it is none.
    pub(crate) run: Option<Run>,
    /// What the marker of its status says.
    pub(crate) marker: Marker,
}

impl Item {
    /// The name of the task or the environment.
    pub(crate) fn name(&self) -> &str {
        self.place.subpath()
    }

    /// `deploy/prod`.
    pub(crate) fn key(&self) -> String {
        key_of(&self.place)
    }

    /// The newest attempt, which says where it stands.
    pub(crate) fn newest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Where it stands.
    ///
    /// # Errors
    /// What must be loaded.
    pub(crate) fn turn(&self, snapshot: &Snapshot, facts: &Facts) -> Result<Turn, Needs> {
        // A release may name what nobody has queued yet.
        self.newest().map_or(Ok(Turn::plain(Word::Pending)), |newest| newest.turn(snapshot, facts))
    }
}

impl Attempt {
    /// Where it stands.
    ///
    /// # Errors
    /// What must be loaded.
    pub(crate) fn turn(&self, snapshot: &Snapshot, facts: &Facts) -> Result<Turn, Needs> {
        turn::of_run(snapshot, &self.entry, self.run.as_ref(), facts)
    }

    /// What it does.
    pub(crate) fn run_type(&self) -> RunType {
        let said = self.run.as_ref().and_then(|run| run.run_type);
        said.unwrap_or_else(|| self.entry.default_type())
    }

    /// When it began, as far as the store says. RFC 3339.
    pub(crate) fn started(&self) -> Option<&str> {
        match (&self.marker.started, self.entry.status()) {
            (Some(started), _) => Some(started),
            (None, Status::Running) => Some(self.marker.time.as_str()).filter(|time| !time.is_empty()),
            _ => None,
        }
    }

    /// When it ended, RFC 3339.
    pub(crate) fn ended(&self) -> Option<&str> {
        let over = !self.entry.status().is_open();
        Some(self.marker.time.as_str()).filter(|time| over && !time.is_empty())
    }

    /// How long it took, in seconds.
    pub(crate) fn took(&self) -> Option<u64> {
        self.ended().and_then(|_| self.marker.seconds())
    }
}

impl Whole {
    /// Every task and deployment with the index of its phase.
    pub(crate) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.phases
            .iter()
            .enumerate()
            .flat_map(|(index, phase)| phase.items.iter().map(move |item| (index, item)))
    }

    /// The task or deployment at `place`, with the index of its phase.
    pub(crate) fn item(&self, place: &Ref) -> Option<(usize, &Item)> {
        self.items().find(|(_, item)| item.place == *place)
    }
}

/// `deploy/prod` for `…/@r4/deploy/prod`, `deploy/prod/2` for its second run: how a run is spelled in
/// a URL's fragment.
pub(crate) fn key_of(place: &Ref) -> String {
    let release = place.release_ref();
    place.as_str().strip_prefix(release.as_str()).unwrap_or_default().trim_start_matches('/').to_owned()
}

/// Reads `release`, by number or tag.
///
/// # Errors
/// What must be loaded; within, why there is nothing to show.
pub(crate) fn read(snapshot: &Snapshot, release: &Ref) -> Result<Result<Whole, ReleaseError>, Needs> {
    let mut needs = Needs::default();
    // A number is where it lies, so its folder need not wait for the document.
    let early =
        release.release_number().map(|_| needs.take(list(snapshot, &release.release_ref().to_state())));
    let (release, body) = match release::read(snapshot, release) {
        Ok(read) => read,
        Err(Unmet::Error(error)) => return needs.settle(Err(error)),
        Err(Unmet::Needs(more)) => {
            needs.merge(more);
            return Err(needs);
        }
    };
    if early.is_none() {
        needs.take(list(snapshot, &release));
    }
    needs.settle(())?;

    let mut needs = Needs::default();
    let links = snapshot.get(&release)?.map(|document| document.links.clone()).unwrap_or_default();
    let marker = release.child(&format!("commit/{}", body.commit)).ok();
    let marker = marker.and_then(|at| needs.take(marker_at(snapshot, &at))).unwrap_or_default();
    let mut by_place: BTreeMap<Ref, Vec<RunEntry>> = BTreeMap::new();
    for entry in runs::of_release(snapshot, &release)? {
        by_place.entry(entry.place.clone()).or_default().push(entry);
    }
    let mut phases = Vec::new();
    for phase in &body.package.phases {
        let mut items = Vec::new();
        for work in &phase.tasks {
            let Ok(place) = release.child(&work.place()) else { continue };
            let entries = by_place.remove(&place).unwrap_or_default();
            items.extend(needs.take(item(snapshot, place, entries)));
        }
        phases.push(WholePhase { name: phase.name.clone(), items });
    }
    let mut rest = Vec::new();
    for (place, entries) in by_place {
        rest.extend(needs.take(item(snapshot, place, entries)));
    }
    phases.push(WholePhase { name: String::new(), items: rest });
    phases.retain(|phase| !phase.items.is_empty());
    needs.settle(Ok(Whole { release, body, links, marker, phases }))
}

/// Has the folder of a release listed with all below it.
fn list(snapshot: &Snapshot, release: &Ref) -> Result<(), Needs> {
    let Ok(glob) = Glob::new(&format!("{}/**", Glob::escape(release.as_str()))) else { return Ok(()) };
    snapshot.search_paths(Side::State, &glob, &mut |_| {})
}

fn item(snapshot: &Snapshot, place: Ref, entries: Vec<RunEntry>) -> Result<Item, Needs> {
    let mut needs = Needs::default();
    let mut attempts = Vec::new();
    for entry in entries {
        let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
        let marker = match run::status_ref(&entry.reference, entry.status()) {
            Ok(at) if !entry.statuses.is_empty() => needs.take(marker_at(snapshot, &at)),
            _ => None,
        };
        attempts.push(Attempt { entry, run, marker: marker.unwrap_or_default() });
    }
    let document = needs.take(snapshot.get(&place)).flatten();
    let task = document.and_then(Document::read::<Task>);
    let links = document.map(|document| document.links.clone()).unwrap_or_default();
    needs.settle(Item { place, attempts, task, links })
}

fn marker_at(snapshot: &Snapshot, at: &Ref) -> Result<Marker, Needs> {
    Ok(snapshot.get(at)?.and_then(Document::read).unwrap_or_default())
}
