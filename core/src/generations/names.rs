//! What everything is called now: releases and runs by number, and refs that speak of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ids;
use super::parts::Parts;
use crate::natural;
use crate::order::{Gather as _, Order as _};
use crate::refs::{Kind, Marker, Ref};

/// Old names and the new ones.
#[derive(Default)]
pub(super) struct Names {
    /// The number of each release, by its old ref.
    releases: BTreeMap<Ref, u64>,
    /// When each was made, by its old ref, as far as the store says.
    made: BTreeMap<Ref, Timestamp>,
    /// Runs whose last segment is another one now, by their old refs.
    runs: BTreeMap<String, u64>,
    /// Where links in place of releases lead: `…/@v2` to `…/@<old release>`.
    tags: BTreeMap<Ref, Ref>,
    /// Where links in place of runs lead: `…/@/deploy/prod/<n>` to the run.
    current: BTreeMap<Ref, Ref>,
}

impl Names {
    pub(super) fn of(parts: &Parts) -> Names {
        let mut names = Names { tags: parts.tags.clone(), ..Names::default() };
        names.number_releases(parts);
        for (release, release_parts) in &parts.releases {
            for (place, place_parts) in &release_parts.places {
                let mut ids: Vec<&str> = place_parts.runs.keys().map(String::as_str).collect();
                ids.order_by(|one, other| ids::compare(one, other));
                let taken = ids.iter().filter_map(|id| ids::number(id)).gather();
                let others = ids.iter().filter(|id| ids::number(id).is_none());
                for (id, number) in ids::allot(&taken, others) {
                    names.runs.insert(format!("{release}/{place}/{id}"), number);
                }
            }
        }
        let links = parts.currents.values().flat_map(|current| &current.runs);
        names.current = links.filter_map(|link| Some((link.at.clone(), link.target()?.clone()))).gather();
        names
    }

    /// Numbers that are names already stay; other releases get theirs in the order in which they were
    /// made, package by package.
    fn number_releases(&mut self, parts: &Parts) {
        let mut packages: BTreeMap<Ref, Vec<&Ref>> = BTreeMap::new();
        for release in parts.releases.keys() {
            packages.entry(release.package()).or_default().push(release);
        }
        for releases in packages.values_mut() {
            releases.order_by(|one, other| {
                let name = |release: &Ref| release.release().unwrap_or_default().to_owned();
                ids::compare(ids::count(&name(one)), ids::count(&name(other))).then_with(|| one.cmp(other))
            });
            // Of one commit, a release with a higher count was made later, whatever clocks say.
            let mut last: BTreeMap<Option<&str>, Timestamp> = BTreeMap::new();
            for release in &*releases {
                let commit = release.release().and_then(ids::commit);
                let own = parts.releases.get(*release).and_then(|parts| parts.earliest(release));
                let before = last.get(&commit).copied().filter(|_| commit.is_some());
                if let Some(made) = own.max(before) {
                    last.insert(commit, made);
                    self.made.insert((*release).clone(), made);
                }
            }
            let of_today: BTreeSet<u64> =
                releases.iter().filter_map(|release| release.release_number()).gather();
            let fixed = |release: &Ref| {
                let bare = || ids::number(release.release()?).filter(|number| !of_today.contains(number));
                release.release_number().or_else(bare)
            };
            let taken: BTreeSet<u64> = releases.iter().filter_map(|release| fixed(release)).gather();
            let (named, mut others): (Vec<&Ref>, Vec<&Ref>) =
                releases.iter().copied().partition(|release| fixed(release).is_some());
            // Stable, so that releases of one moment stay in the order of their counts.
            others.order_by_key(|release| self.made.get(*release).copied());
            self.releases.extend(named.into_iter().filter_map(|named| Some((named.clone(), fixed(named)?))));
            self.releases.extend(ids::allot(&taken, others).into_iter().map(|(other, n)| (other.clone(), n)));
        }
    }

    /// The releases that are called something else now: old refs and new ones, in the order of these.
    pub(super) fn renamed(&self) -> Vec<(Ref, Ref)> {
        let pairs = self.releases.keys().map(|old| (old.clone(), self.reference(old)));
        let mut renamed: Vec<(Ref, Ref)> = pairs.filter(|(old, new)| old != new).collect();
        renamed.order_by(|one, other| natural::compare(one.1.as_str(), other.1.as_str()));
        renamed
    }

    /// When a release was made, by its old ref.
    pub(super) fn made(&self, release: &Ref) -> Option<Timestamp> {
        self.made.get(release).copied()
    }

    /// The number of a run, by its old release, place and name.
    pub(super) fn run(&self, release: &Ref, place: &str, id: &str) -> Option<u64> {
        self.runs.get(&format!("{release}/{place}/{id}")).copied().or_else(|| ids::number(id))
    }

    /// What is meant by an old ref, spelled as it is now. A full ref; of functions, which have no
    /// documents any more, it becomes the ref of their run.
    pub(super) fn reference(&self, old: &Ref) -> Ref {
        let state = old.to_state();
        let mut new = self.in_release(&state).unwrap_or_else(|| state.clone());
        if let Some(below) = self.below_place(&state)
            && let Some(kind) = new.kind()
        {
            let fragment = new.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
            let text = format!("{}/{kind}/{below}{fragment}", new.release_ref());
            new = text.parse().unwrap_or(new);
        }
        if old.marker() == Some(Marker::Intent) { new.to_intent() } else { new }
    }

    /// With the number of the release in place of its old name. Tags stay.
    fn in_release(&self, state: &Ref) -> Option<Ref> {
        let number = self.releases.get(&state.release_ref())?;
        state.with_release(&format!("r{number}")).ok()
    }

    /// What follows the kind in a ref to a run or to something below one; none when it stays.
    fn below_place(&self, state: &Ref) -> Option<String> {
        let kind = state.kind().filter(|kind| matches!(kind, Kind::Task | Kind::Deploy))?;
        let segments: Vec<&str> = state.segments().collect();
        let [name, id, below @ ..] = segments.as_slice() else { return None };
        let mut release = state.release_ref();
        if let Some(target) = self.tags.get(&release) {
            release = target.clone();
        }
        let mut run = format!("{release}/{kind}/{name}/{id}");
        if let Some(target) = run.parse().ok().and_then(|run: Ref| self.current.get(&run).cloned()) {
            run = target.to_string();
        }
        let id = self.runs.get(&run).map_or_else(|| (*id).to_owned(), u64::to_string);
        let below = match below {
            ["functions", _, below @ ..] => below,
            below => below,
        };
        let segments: Vec<&str> = [*name, &id].into_iter().chain(below.iter().copied()).collect();
        Some(segments.join("/"))
    }

    /// As [`Names::reference`], for a ref in the body of a document below `base`. What is no ref stays.
    pub(super) fn text(&self, old: &str, base: &Ref) -> String {
        let Ok(spelled) = old.parse::<Ref>() else { return old.to_owned() };
        let full = match spelled.relative_to(base) {
            Ok(full) if !spelled.is_global() => full,
            _ => return spelled.to_string(),
        };
        let new = self.reference(&full);
        if new == full { spelled.to_string() } else { new.to_string() }
    }

    /// As [`Names::text`], for what a function waits for. Old functions wait for one run to be
    /// complete, or for what the task itself says; which run it is does not matter, and now that may
    /// be a later one.
    pub(super) fn dependency(&self, old: &str, base: &Ref) -> String {
        let new = self.text(old, base);
        let Ok(reference) = new.parse::<Ref>() else { return new };
        if !matches!(reference.kind(), Some(Kind::Task | Kind::Deploy)) {
            return new;
        }
        let segments: Vec<&str> = reference.segments().collect();
        let (name, status) = match segments.as_slice() {
            [name, "status", status] => (name, status),
            [name, n, "status", status] if ids::number(n).is_some() => (name, status),
            _ => return new,
        };
        let kind = reference.kind().map(Kind::as_str).unwrap_or_default();
        format!("{}/{kind}/{name}/*/status/{status}", reference.release_ref())
    }
}
