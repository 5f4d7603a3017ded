//! From the summary of a package as it was to the one of the package as it will be.

mod live;
mod work;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::release::{self, Known};
use super::{Counts, RELEASES, ReleaseSummary, Summary, bounded, whole};
use crate::order::{Gather as _, Order as _};
use crate::refs::{Kind, Marker as Side, Ref};
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};
use crate::transaction::{Expect, Transaction, Write};

/// Git's ids of a package's folder below `refs/`: before a transaction, and after it. Empty where there
/// is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trees<'a> {
    /// Before.
    pub before: &'a str,
    /// After.
    pub after: &'a str,
}

/// The packages whose summaries a transaction changes, if they have any: those whose folders it changes.
/// That is, the packages of the documents that it writes to state, and those around them, since a
/// package's folder may hold the folder of another.
#[must_use]
pub fn touched(transaction: &Transaction) -> BTreeSet<Ref> {
    let written = transaction.writes.keys().filter(|written| written.marker() != Some(Side::Intent));
    let mut packages: BTreeSet<Ref> = written.map(Ref::package).gather();
    packages.remove(&Ref::default());
    let inner: Vec<Ref> = packages.iter().cloned().collect();
    for package in inner {
        let mut text = package.as_str();
        // A repo by itself is no package.
        let repo = package.repo().map_or(0, |repo| repo.len() + "/-".len());
        while let Some((around, _)) = text.rsplit_once('/')
            && around.len() >= repo
        {
            packages.extend(around.parse::<Ref>());
            text = around;
        }
    }
    packages
}

/// The summary of `package` once `transaction` has been carried out on what `snapshot` shows: the same,
/// to the byte, as [`super::of_package`] makes of the whole. None when the package has no releases then.
///
/// Where `stored`, the summary that lies in the store, describes the package as it was (its `tree` is
/// the one before) only the releases and deployments that the transaction touches are read.
///
/// # Errors
/// What must be loaded into `snapshot`.
pub fn update(
    stored: Option<&[u8]>,
    snapshot: &Snapshot,
    transaction: &Transaction,
    package: &Ref,
    trees: Trees<'_>,
) -> Result<Option<Summary>, Needs> {
    let after = snapshot.with(transaction);
    if let Some(old) = stored.and_then(written_here)
        && (&old.package, old.tree.as_str()) == (package, trees.before)
    {
        let mut needs = Needs::default();
        let mut writes = Vec::new();
        for written in transaction.writes.keys() {
            if written.marker() != Some(Side::Intent) && written.package() == *package {
                let what = needs.take(what(snapshot, transaction, written));
                writes.extend(what.filter(|what| *what != What::Links).map(|what| (written, what)));
            }
        }
        needs.settle(())?;
        let written = transaction.writes.keys().filter(|written| written.marker() != Some(Side::Intent));
        let inner = written.filter(|written| written.is_below(package) && written.package() != *package);
        let inner = inner.count() > 0;
        let told =
            Change::new(&old, snapshot, &after, writes, inner)?.map(|change| change.summary(trees.after));
        if let Some(new) = told.transpose()?.flatten() {
            return Ok(Some(new));
        }
    }
    whole::of_package(&after, package, trees.after)
}

/// A summary that this version wrote: one that it would write again as it is.
fn written_here(stored: &[u8]) -> Option<Summary> {
    Summary::parse(stored).filter(|summary| summary.to_text().as_bytes() == stored)
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// There was no such document.
    New,
    /// There was another.
    Other,
    /// There is none any more.
    Gone,
    /// A Task says what it said, and is only linked from elsewhere: `@/deploy/prod` leaves the one of one
    /// release for that of the next.
    Links,
}

fn what(before: &Snapshot, transaction: &Transaction, written: &Ref) -> Result<What, Needs> {
    let Some(Write::Put(document)) = transaction.writes.get(written) else { return Ok(What::Gone) };
    // That it is still as the transaction expects is for others to see to.
    let was_there = match transaction.requires.get(written) {
        Some(expect) => *expect != Expect::Absent,
        None => before.exists(written)?,
    };
    let task = is_run_or_task(written) && !written.subpath().contains('/');
    Ok(if !was_there {
        What::New
    } else if task && before.get(written)?.is_some_and(|old| old.content == document.content) {
        What::Links
    } else {
        What::Other
    })
}

/// Whether something lies in a task or deployment of a release.
fn is_run_or_task(at: &Ref) -> bool {
    at.release().is_some_and(|name| !name.is_empty()) && matches!(at.kind(), Some(Kind::Task | Kind::Deploy))
}

/// A summary, and what happens to its package.
struct Change<'a> {
    old: &'a Summary,
    before: &'a Snapshot,
    after: &'a Snapshot,
    /// Whether something is written to other packages in the package's folder.
    inner: bool,
    /// What is written to the package, as far as it counts.
    writes: Vec<(&'a Ref, What)>,
    counts: Counts,
    /// The releases that the new summary tells of, newest first.
    window: Vec<Ref>,
    /// Of each touched release the runs that there are now, by place and number.
    runs: BTreeMap<Ref, Vec<RunEntry>>,
}

impl<'a> Change<'a> {
    /// Looks at what is touched. None when the new summary cannot be told from the old one.
    fn new(
        old: &'a Summary,
        before: &'a Snapshot,
        after: &'a Snapshot,
        writes: Vec<(&'a Ref, What)>,
        inner: bool,
    ) -> Result<Option<Change<'a>>, Needs> {
        let Some((window, releases)) = window(old, &writes) else { return Ok(None) };
        // Operations come and go with every environment, and no release's part tells of one.
        let touched = writes.iter().filter(|(written, _)| {
            is_run_or_task(written)
                || written.kind() != Some(Kind::Op) && window.contains(&written.release_ref())
        });
        let touched: BTreeSet<Ref> = touched.map(|(written, _)| written.release_ref()).gather();
        let mut counts = Counts { releases, ..old.counts.clone() };
        let mut runs = BTreeMap::new();
        let mut needs = Needs::default();
        for name in touched {
            for entry in needs.take(runs::of_release(before, &name)).unwrap_or_default() {
                let count = counts.runs.entry(entry.status()).or_default();
                let Some(less) = count.checked_sub(1) else { return Ok(None) };
                *count = less;
            }
            let now = needs.take(runs::of_release(after, &name)).unwrap_or_default();
            for entry in &now {
                *counts.runs.entry(entry.status()).or_default() += 1;
            }
            runs.insert(name, now);
        }
        counts.runs.retain(|_, count| *count > 0);
        needs.settle(Some(Change { old, before, after, inner, writes, counts, window, runs }))
    }

    /// The new summary; none when it cannot be told from the old one.
    fn summary(&self, tree: &str) -> Result<Option<Summary>, Needs> {
        let mut needs = Needs::default();
        let mut releases = Vec::new();
        for name in &self.window {
            let kept = self.told(name).filter(|told| self.still_holds(name, told)).cloned();
            releases.extend(kept.or_else(|| needs.take(self.release(name))));
        }
        let phases = needs.take(self.phases()).unwrap_or_default();
        let (live, inputs) = needs.take(self.live()).unwrap_or_default();
        let work = needs.take(self.work(&live)).flatten();
        needs.settle(())?;
        let Some(mut work) = work else { return Ok(None) };
        work.set_inputs(inputs);
        let (package, counts) = (self.old.package.clone(), self.counts.clone());
        let (tree, phases, work) = (tree.to_owned(), Some(phases), Some(work));
        let mut summary = Summary { package, tree, counts, live, releases, phases, work };
        loop {
            let lacking = match bounded::bounded(summary.clone()) {
                Ok(bounded) => return Ok(Some(bounded)),
                Err(lacking) => lacking,
            };
            let mut needs = Needs::default();
            for index in lacking {
                let (Some(release), Some(name)) = (summary.releases.get_mut(index), self.window.get(index))
                else {
                    return Ok(None);
                };
                if let Some(whole) = needs.take(self.release(name)) {
                    *release = whole;
                }
            }
            needs.settle(())?;
        }
    }

    /// Where the newest release deploys to, phase by phase.
    fn phases(&self) -> Result<Vec<Vec<String>>, Needs> {
        let Some(newest) = self.window.first() else { return Ok(Vec::new()) };
        let was_newest =
            self.old.releases.first().is_some_and(|release| Some(release.id.as_str()) == newest.release());
        let written = self.writes.iter().any(|(written, _)| *written == newest);
        match self.old.phases.as_ref().filter(|_| was_newest && !written) {
            Some(phases) => Ok(phases.clone()),
            None => release::phases(self.after, newest),
        }
    }

    /// What was told of a release.
    fn told(&self, name: &Ref) -> Option<&'a ReleaseSummary> {
        self.old.releases.iter().find(|release| Some(release.id.as_str()) == name.release())
    }

    /// Whether nothing is touched that this depends on.
    fn still_holds(&self, name: &Ref, told: &ReleaseSummary) -> bool {
        let may_change = |source| self.writes.iter().any(|(written, _)| release::may_change(source, written));
        !self.runs.contains_key(name) && !told.uses.iter().any(may_change)
    }

    /// What is to be told of a release now; what was told before and is not touched is not looked up.
    fn release(&self, name: &Ref) -> Result<ReleaseSummary, Needs> {
        let here =
            || self.writes.iter().map(|(written, _)| *written).filter(|w| w.release() == name.release());
        let by_itself = here().any(|written| matches!(written.kind(), None | Some(Kind::Commit)));
        let known = Known {
            told: self.told(name),
            itself: !by_itself,
            touched: here().filter_map(release::place_of).gather(),
        };
        match self.runs.get(name) {
            Some(runs) => release::summary(self.after, name, runs, &known),
            None => release::summary(self.after, name, &runs::of_release(self.after, name)?, &known),
        }
    }
}

/// Which releases are the newest once `writes` are done, newest first, and how many there are in all. None
/// when that cannot be told from those that were the newest.
fn window(old: &Summary, writes: &[(&Ref, What)]) -> Option<(Vec<Ref>, usize)> {
    if old.releases.len() != old.counts.releases.min(RELEASES) {
        return None;
    }
    let named = old.releases.iter().map(|release| old.package.with_release(&release.id));
    let mut names = named.collect::<Result<Vec<Ref>, _>>().ok()?;
    let mut count = old.counts.releases;
    for (written, what) in writes {
        if written.kind().is_none() && written.release_number().is_some() {
            match what {
                What::New => {
                    names.push((*written).clone());
                    count += 1;
                }
                // An older one may take its place.
                What::Gone => return None,
                What::Other | What::Links => {}
            }
        }
    }
    names.order_by_key(|name| Reverse(name.release_number()));
    names.truncate(RELEASES);
    Some((names, count))
}
