//! From the summary of a package as it was to the one of the package as it will be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, Live, RELEASES, ReleaseSummary, Sample, Summary, bounded, live, release, whole};
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
    let mut packages: BTreeSet<Ref> = written.map(Ref::package).collect();
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
        for (written, write) in &transaction.writes {
            let here = written.marker() != Some(Side::Intent) && written.package() == *package;
            if here && needs.take(says_more(snapshot, transaction, written)) != Some(false) {
                writes.push((written, write));
            }
        }
        needs.settle(())?;
        let change = Change { old: &old, before: snapshot, after: &after, transaction, writes };
        if let Some(new) = change.summary(trees.after)? {
            return Ok(Some(new));
        }
    }
    whole::of_package(&after, package, trees.after)
}

/// A summary that this version wrote: one that it would write again as it is.
fn written_here(stored: &[u8]) -> Option<Summary> {
    Summary::parse(stored).filter(|summary| summary.to_text().as_bytes() == stored)
}

/// Whether a write changes what a document says, and not only which links lead to it. Only of Tasks the
/// latter does not count: `@/deploy/prod` leaves the Task of one release for that of the next.
fn says_more(before: &Snapshot, transaction: &Transaction, written: &Ref) -> Result<bool, Needs> {
    let in_release = written.release().is_some_and(|release| !release.is_empty());
    let task = in_release
        && matches!(written.kind(), Some(Kind::Task | Kind::Deploy))
        && !written.subpath().contains('/');
    match transaction.writes.get(written) {
        Some(Write::Put(document)) if task && was_there(before, transaction, written)? => {
            Ok(before.get(written)?.is_none_or(|old| old.content != document.content))
        }
        _ => Ok(true),
    }
}

/// Whether there was a document, as the transaction says that expects it or none.
fn was_there(before: &Snapshot, transaction: &Transaction, written: &Ref) -> Result<bool, Needs> {
    match transaction.requires.get(written) {
        Some(Expect::Absent) => Ok(false),
        Some(Expect::Blob(_)) => Ok(true),
        None => before.exists(written),
    }
}

/// A summary, and what happens to its package.
struct Change<'a> {
    old: &'a Summary,
    before: &'a Snapshot,
    after: &'a Snapshot,
    transaction: &'a Transaction,
    /// Those to this package that count.
    writes: Vec<(&'a Ref, &'a Write)>,
}

/// The releases that the new summary tells of.
struct Window {
    /// Newest first.
    names: Vec<Ref>,
    /// Those that came to be.
    new: BTreeSet<Ref>,
    /// How many there are, also older ones.
    count: usize,
}

impl Change<'_> {
    /// The new summary; none when it cannot be told from the old one.
    fn summary(&self, tree: &str) -> Result<Option<Summary>, Needs> {
        let Some(window) = self.window()? else { return Ok(None) };
        let touched: BTreeSet<Ref> = self
            .writes
            .iter()
            .filter(|(written, _)| {
                written.release().is_some_and(|name| !name.is_empty()) && written.kind() != Some(Kind::Op)
            })
            .map(|(written, _)| written.release_ref())
            .collect();
        let mut needs = Needs::default();
        // What runs there are now in the releases that matter.
        let mut entries: BTreeMap<&Ref, Vec<RunEntry>> = BTreeMap::new();
        let mut counts = Counts { releases: window.count, ..self.old.counts.clone() };
        let has_runs = |written: &Ref| matches!(written.kind(), Some(Kind::Task | Kind::Deploy));
        let with_runs: BTreeSet<Ref> = self
            .writes
            .iter()
            .filter(|(written, _)| has_runs(written))
            .map(|(w, _)| w.release_ref())
            .collect();
        for name in touched.iter().filter(|name| with_runs.contains(*name) || window.names.contains(name)) {
            let after = needs.take(runs::of_release(self.after, name)).unwrap_or_default();
            for entry in needs.take(runs::of_release(self.before, name)).unwrap_or_default() {
                let count = counts.runs.entry(entry.status()).or_default();
                let Some(less) = count.checked_sub(1) else { return Ok(None) };
                *count = less;
            }
            for entry in &after {
                *counts.runs.entry(entry.status()).or_default() += 1;
            }
            entries.insert(name, after);
        }
        counts.runs.retain(|_, count| *count > 0);
        let mut releases = Vec::new();
        for name in &window.names {
            let kept = self.kept(name).filter(|_| !touched.contains(name)).cloned();
            releases.extend(match kept {
                Some(kept) => Some(kept),
                None => needs.take(self.release(name, &entries)),
            });
        }
        let live = needs.take(self.live(&window, &entries)).unwrap_or_default();
        needs.settle(())?;
        let package = self.old.package.clone();
        let mut summary = Summary { package, tree: tree.to_owned(), counts, live, releases };
        loop {
            match bounded::bounded(summary.clone()) {
                Ok(bounded) => return Ok(Some(bounded)),
                Err(lacking) => {
                    let mut needs = Needs::default();
                    for index in lacking {
                        let (Some(release), Some(name)) =
                            (summary.releases.get_mut(index), window.names.get(index))
                        else {
                            return Ok(None);
                        };
                        if let Some(whole) = needs.take(self.release(name, &entries)) {
                            *release = whole;
                        }
                    }
                    needs.settle(())?;
                }
            }
        }
    }

    /// Which releases are the newest; none when an old one comes back, of which nothing is known here.
    fn window(&self) -> Result<Option<Window>, Needs> {
        let old = self.old;
        if old.releases.len() != old.counts.releases.min(RELEASES) {
            return Ok(None);
        }
        let mut needs = Needs::default();
        let mut new = BTreeSet::new();
        for (written, write) in &self.writes {
            if written.kind().is_none() && written.release_number().is_some() {
                match (needs.take(was_there(self.before, self.transaction, written)), write) {
                    (Some(false), Write::Put(_)) => {
                        new.insert((*written).clone());
                    }
                    (Some(true), Write::Delete) => return Ok(None),
                    _ => {}
                }
            }
        }
        needs.settle(())?;
        let named = old.releases.iter().map(|release| old.package.with_release(&release.id));
        let Ok(mut names) = named.collect::<Result<Vec<Ref>, _>>() else { return Ok(None) };
        let count = old.counts.releases + new.len();
        names.extend(new.iter().cloned());
        names.sort_by_key(|name| std::cmp::Reverse(name.release_number()));
        names.truncate(RELEASES);
        Ok(Some(Window { names, new, count }))
    }

    /// What is told of a release, if nothing that it depends on beyond its own folder is touched.
    fn kept(&self, name: &Ref) -> Option<&ReleaseSummary> {
        let release = self.old.releases.iter().find(|release| Some(release.id.as_str()) == name.release())?;
        let may_change =
            |source: &Ref| self.writes.iter().any(|(written, _)| release::may_change(source, written));
        (!release.uses.iter().any(may_change)).then_some(release)
    }

    /// What is told of a release now.
    fn release(&self, name: &Ref, known: &BTreeMap<&Ref, Vec<RunEntry>>) -> Result<ReleaseSummary, Needs> {
        match known.get(name) {
            Some(entries) => release::summary(self.after, name, entries),
            None => release::summary(self.after, name, &runs::of_release(self.after, name)?),
        }
    }

    /// What is live now.
    fn live(
        &self,
        window: &Window,
        entries: &BTreeMap<&Ref, Vec<RunEntry>>,
    ) -> Result<BTreeMap<String, Live>, Needs> {
        let mut needs = Needs::default();
        let touched: BTreeSet<&str> = self.writes.iter().filter_map(|(w, _)| self.environment(w)).collect();
        let all: BTreeSet<&str> =
            self.old.live.keys().map(String::as_str).chain(touched.iter().copied()).collect();
        let mut now = BTreeMap::new();
        for environment in all {
            let old = self.old.live.get(environment);
            let mut live = if touched.contains(environment) {
                let current = self.old.package.child(&format!("@/deploy/{environment}"));
                let Ok(current) = current else { continue };
                match needs.take(live::of(self.after, &current)) {
                    Some(Some(live)) => live,
                    Some(None) | None => continue,
                }
            } else {
                let Some(old) = old else { continue };
                old.clone()
            };
            let samples = match old {
                Some(old) => self.samples(&old.samples, environment, window, entries),
                None => self.all_samples(environment, window),
            };
            live.set_samples(needs.take(samples).unwrap_or_default());
            now.insert(environment.to_owned(), live);
        }
        needs.settle(now)
    }

    /// The environment in which another thing may be live once `written` is, or since another time.
    fn environment<'b>(&self, written: &'b Ref) -> Option<&'b str> {
        let environment = written.segments().next().filter(|_| written.kind() == Some(Kind::Deploy))?;
        let ended = || {
            let live = self.old.live.get(environment)?;
            let here = written.release() == Some(&live.release);
            (here && written.subpath().ends_with("/status/complete")).then_some(())
        };
        (written.subpath() == environment || ended().is_some()).then_some(environment)
    }

    /// The newest samples of an environment, of which `old` were the newest before.
    fn samples(
        &self,
        old: &[Sample],
        environment: &str,
        window: &Window,
        entries: &BTreeMap<&Ref, Vec<RunEntry>>,
    ) -> Result<Vec<Sample>, Needs> {
        let recent: BTreeSet<u64> = window.names.iter().filter_map(Ref::release_number).collect();
        let touched = self.writes.iter().filter_map(|(written, _)| {
            let of_this = written.kind() == Some(Kind::Deploy);
            let mut segments = written.segments().filter(|_| of_this);
            let run = (segments.next()? == environment).then(|| segments.next())??;
            Some((written.release_number()?, run.parse::<u64>().ok()?))
        });
        let touched: BTreeSet<(u64, u64)> = touched.collect();
        let is_touched = |release: &Ref, run: u64| {
            window.new.contains(release)
                || release.release_number().is_some_and(|number| touched.contains(&(number, run)))
        };
        let mut now: Vec<Sample> = old
            .iter()
            .filter(|sample| {
                recent.contains(&sample.release) && !touched.contains(&(sample.release, sample.run))
            })
            .copied()
            .collect();
        let mut needs = Needs::default();
        for (name, entries) in entries.iter().filter(|(name, _)| window.names.contains(name)) {
            for entry in entries {
                let of_this = entry.is_deploy() && entry.name() == environment;
                if of_this && is_touched(name, entry.number) {
                    now.extend(needs.take(live::sample(self.after, entry)).flatten());
                }
            }
        }
        needs.settle(())?;
        // Older ones than the oldest that is known may take the place of one that went, unless their
        // releases are too old as well.
        let oldest =
            old.last().filter(|oldest| old.len() >= live::SAMPLES && recent.contains(&oldest.release));
        let enough = oldest.is_none_or(|oldest| {
            let place = |sample: &Sample| (sample.release, sample.run);
            now.iter().filter(|sample| place(sample) >= place(oldest)).count() >= live::SAMPLES
        });
        if enough { Ok(now) } else { self.all_samples(environment, window) }
    }

    /// The newest samples of an environment, of all releases that the summary tells of.
    fn all_samples(&self, environment: &str, window: &Window) -> Result<Vec<Sample>, Needs> {
        let mut needs = Needs::default();
        let mut recent = Vec::new();
        for name in &window.names {
            if let Ok(place) = name.child(&format!("deploy/{environment}")) {
                let runs = needs.take(runs::of_place(self.after, &place)).unwrap_or_default();
                recent.extend(runs.into_iter().rev());
            }
        }
        needs.settle(())?;
        live::newest_samples(self.after, recent.iter())
    }
}
