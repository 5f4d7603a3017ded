//! The part of a summary that is about what is deployed to one environment.
//!
//! It depends on the link `…/@/deploy/<environment>`, on the Task in one of the package's releases that
//! it leads to, on the end of that Task's run, and on the newest deployments to the environment that
//! took a known time.

use std::cmp::Reverse;

use serde_json::Map;

use super::release::{marker, status_marker};
use super::{Live, Sample};
use crate::documents::{Intent, Run, RunType, Status, Task, body_type};
use crate::envelope::{BlobId, Document};
use crate::order::Order as _;
use crate::refs::Ref;
use crate::run;
use crate::runs::RunEntry;
use crate::snapshot::{Needs, Snapshot};

/// How many deployments tell how long one takes.
pub(super) const SAMPLES: usize = 5;

/// What `current` (`…/@/deploy/<environment>`) stands for, without samples, what it leads to, and the Task
/// there. None when nothing is deployed.
///
/// # Errors
/// What must be loaded.
pub(super) fn of(snapshot: &Snapshot, current: &Ref) -> Result<Option<(Live, Ref, Task)>, Needs> {
    let Some(place) = snapshot.get(current)?.and_then(Document::target).cloned() else { return Ok(None) };
    let release = place.release().unwrap_or_default();
    if release.is_empty() || current.with_release(release).ok().as_ref() != Some(&place) {
        return Ok(None);
    }
    let Some(task) = snapshot.get(&place)?.and_then(Document::read::<Task>) else { return Ok(None) };
    let since = match run::status_ref(&task.run_ref, Status::Complete) {
        Ok(done) if done.is_below(&place) => marker(snapshot, &done)?.time,
        _ => String::new(),
    };
    let release = release.to_owned();
    let intent = intent_of(&task).to_string();
    Ok(Some((Live { release, since, took: None, samples: Vec::new(), intent }, place, task)))
}

/// The blob id of the intent that a claim writes for what is deployed.
fn intent_of(task: &Task) -> BlobId {
    let wanted = Intent { release: task.release.clone(), input: task.input.clone(), extra: Map::new() };
    BlobId::of(Document::new(body_type::INTENT, &wanted).to_text().as_bytes())
}

impl Live {
    /// Takes up what the newest deployments took: of `samples`, in any order.
    pub(super) fn set_samples(&mut self, mut samples: Vec<Sample>) {
        samples.order_by_key(|sample| Reverse(*sample));
        samples.truncate(SAMPLES);
        let mut seconds: Vec<u64> = samples.iter().map(|sample| sample.seconds).collect();
        seconds.order();
        self.took = seconds.get(seconds.len() / 2).copied();
        self.samples = samples;
    }
}

/// The newest samples among `runs` of one deployment, which come newest first.
///
/// # Errors
/// What must be loaded.
pub(super) fn newest_samples<'a>(
    snapshot: &Snapshot,
    runs: impl Iterator<Item = &'a RunEntry>,
) -> Result<Vec<Sample>, Needs> {
    let mut needs = Needs::default();
    let mut samples = Vec::new();
    let mut unread = 0;
    for entry in runs {
        // What is not read yet mostly is one.
        if samples.len() + unread >= SAMPLES {
            break;
        }
        match needs.take(sample(snapshot, entry)) {
            Some(found) => samples.extend(found),
            None => unread += 1,
        }
    }
    needs.settle(samples)
}

/// How long a run took, if it deployed something and the store says.
///
/// # Errors
/// What must be loaded.
pub(super) fn sample(snapshot: &Snapshot, entry: &RunEntry) -> Result<Option<Sample>, Needs> {
    let Some(release) = entry.place.release_number().filter(|_| entry.status() == Status::Complete) else {
        return Ok(None);
    };
    let mut needs = Needs::default();
    let run = needs.take(snapshot.get(&entry.reference)).flatten().and_then(Document::read::<Run>);
    let seconds = needs.take(status_marker(snapshot, entry)).and_then(|marker| marker.seconds());
    let up = run.is_some_and(|run| run.run_type.unwrap_or(entry.default_type()) == RunType::Up);
    let sample = seconds.filter(|_| up).map(|seconds| Sample { release, run: entry.number, seconds });
    needs.settle(sample)
}
