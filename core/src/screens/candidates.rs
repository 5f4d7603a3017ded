//! Where a viewer's plan has to look: what summaries do not show to be no work.
//!
//! [`plan::plan`](crate::plan::plan) opens every release and reads every deployment, which takes hundreds
//! of requests of a large store. A summary says of its package which operations wait and where runs are
//! open, and what makes it plain that the rest is as intended ([`Work`](crate::summary::Work)). What it
//! does not settle is a candidate, and judged by the same rules as everything is. So the plan of the
//! candidates is the plan, as long as the summaries are right; where there is none, or an old one, all of
//! the package is a candidate.
//!
//! Folders around packages are listed all the same: there may be others in them, and they tell which
//! summaries are out of date.

use std::collections::{BTreeMap, BTreeSet};

use crate::documents::Status;
use crate::glob::Glob;
use crate::order::{Gather as _, Order as _};
use crate::plan::Candidates;
use crate::refs::{Kind, Marker, Ref};
use crate::resolve;
use crate::runs;
use crate::snapshot::{Needs, OfKind, Snapshot};
use crate::summary::{Sum, Summary, Work, hash};

/// Where work may be. `stored` are the summaries that the store keeps, and that are not out of date.
///
/// # Errors
/// What must be loaded.
pub fn of(snapshot: &Snapshot, stored: &BTreeMap<Ref, Summary>) -> Result<Candidates, Needs> {
    let mut needs = Needs::default();
    let mut intents: BTreeMap<Ref, Vec<Ref>> = BTreeMap::new();
    let all = needs.take(all_intents(snapshot));
    let intents_known = all.is_some();
    for intent in all.unwrap_or_default() {
        intents.entry(intent.package()).or_default().push(intent);
    }
    // A folder in which there are other packages is looked through for them.
    let told: BTreeMap<&str, (&Summary, &Work)> = stored
        .values()
        .filter_map(|summary| Some((summary, summary.work.as_ref().filter(|work| !work.inner)?)))
        .map(|(summary, work)| (summary.package.as_str(), (summary, work)))
        .gather();
    let around =
        told.keys().flat_map(|package| package.match_indices('/').filter_map(|(end, _)| package.get(..end)));
    let mut search = Search {
        snapshot,
        around: around.gather(),
        told,
        intents,
        intents_known,
        values: BTreeMap::new(),
        found: Candidates::default(),
        needs,
    };
    search.global();
    search.folder("");
    let Search { intents, mut found, needs, .. } = search;
    // Those of packages that no summary settles, and of packages that are not there.
    found.intents.extend(intents.into_values().flatten());
    found.runs.retain(|run| matches!(run.status(), Status::Pending | Status::Paused));
    found.runs.order_by(|a, b| a.reference.cmp(&b.reference));
    found.ops.order();
    needs.settle(found)
}

fn all_intents(snapshot: &Snapshot) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut found = needs.take(snapshot.of_kind(Marker::Intent, &OfKind::DEPLOYS)).unwrap_or_default();
    found.extend(needs.take(snapshot.of_kind(Marker::Intent, &OfKind::CUSTOM)).unwrap_or_default());
    let environments = matching(snapshot, Marker::Intent, OfKind::ENVIRONMENTS.glob);
    found.extend(needs.take(environments).unwrap_or_default());
    needs.settle(found)
}

fn matching(snapshot: &Snapshot, side: Marker, pattern: &str) -> Result<Vec<Ref>, Needs> {
    match Glob::new(pattern) {
        Ok(glob) => snapshot.search_in(side, &glob),
        Err(_) => Ok(Vec::new()),
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    /// Packages whose summaries settle something.
    told: BTreeMap<&'a str, (&'a Summary, &'a Work)>,
    /// Folders around those.
    around: BTreeSet<&'a str>,
    /// Intent by package, where nothing is settled yet.
    intents: BTreeMap<Ref, Vec<Ref>>,
    /// Whether that is all there is. Before, nobody can tell what is settled.
    intents_known: bool,
    /// What inputs are now, by where they come from.
    values: BTreeMap<Ref, Option<serde_json::Value>>,
    found: Candidates,
    needs: Needs,
}

impl Search<'_> {
    fn take<T: Default>(&mut self, result: Result<T, Needs>) -> T {
        self.needs.take(result).unwrap_or_default()
    }

    /// Environments, and custom state of no package.
    fn global(&mut self) {
        let mut intents = self.intents.remove(&Ref::default()).unwrap_or_default();
        // In one pattern, so that the folder around both is listed once.
        let states = self.take(matching(self.snapshot, Marker::State, "@*/{environment/*,custom/**}"));
        self.found.states.extend(states);
        // The same bytes say the same. Where ids are not known, both are read.
        let snapshot = self.snapshot;
        let blob = |at: &Ref| snapshot.blob(at).ok().flatten();
        let states = &mut self.found.states;
        intents.retain(|intent| {
            let state = intent.to_state();
            let same = blob(intent).is_some_and(|wanted| blob(&state) == Some(wanted));
            !(same && states.remove(&state))
        });
        self.found.intents.extend(intents);
    }

    /// Looks through a folder of state.
    fn folder(&mut self, path: &str) {
        let mut is_package = false;
        for name in self.take(self.snapshot.children(Marker::State, path)) {
            if name.starts_with('@') {
                is_package = !path.is_empty();
                continue;
            }
            let slash = if path.is_empty() { "" } else { "/" };
            let inner = format!("{path}{slash}{name}");
            match self.told.get(inner.as_str()).copied() {
                Some((summary, work)) => self.package(summary, work),
                None if self.around.contains(inner.as_str()) => self.folder(&inner),
                None => self.all(&inner, "{,**/}"),
            }
        }
        if is_package {
            self.all(path, "");
        }
    }

    /// Takes up everything in a folder that no summary tells of, or only of the package at it.
    fn all(&mut self, path: &str, between: &str) {
        let start = format!("{}/{between}", Glob::escape(path));
        let found = |pattern: &str| matching(self.snapshot, Marker::State, &format!("{start}{pattern}"));
        let (deployed, custom, ops) = (found("@/deploy/*"), found("@*/custom/**"), found("@?*/op/*"));
        let runs = match (between, path.parse()) {
            ("", Ok(package)) => runs::of_package(self.snapshot, &package),
            _ => runs::startable_below(self.snapshot, path),
        };
        let deployed = self.take(deployed);
        self.found.states.extend(deployed.iter().cloned());
        self.found.deployed.extend(deployed);
        let custom = self.take(custom);
        self.found.states.extend(custom);
        let ops = self.take(ops);
        self.found.ops.extend(ops);
        let runs = self.take(runs);
        self.found.runs.extend(runs);
    }

    /// Takes up what a summary does not settle.
    fn package(&mut self, summary: &Summary, work: &Work) {
        let package = &summary.package;
        let intents = self.intents.remove(package).unwrap_or_default();
        let (custom, deploys): (Vec<Ref>, Vec<Ref>) =
            intents.into_iter().partition(|intent| intent.kind() == Some(Kind::Custom));
        if self.intents_known {
            self.custom(package, custom, work);
            self.deploys(summary, work, deploys);
        }
        self.runs(summary);
        let ops = work.ops.iter().filter_map(|op| package.child(op).ok());
        self.found.ops.extend(ops);
    }

    fn custom(&mut self, package: &Ref, intents: Vec<Ref>, work: &Work) {
        let mut sum = Sum::default();
        let (mut plain, mut missing) = (true, Needs::default());
        for intent in &intents {
            // A release by its tag means that of its number.
            plain &= intent.release() == Some("") || intent.release_number().is_some();
            match self.snapshot.blob(intent) {
                Ok(blob) => blob.into_iter().for_each(|blob| sum.add(&intent.to_state(), blob)),
                Err(needs) => missing.merge(needs),
            }
        }
        if !missing.is_empty() {
            self.needs.merge(missing);
            return;
        }
        if !plain || sum != work.custom {
            let pattern = format!("{}/@*/custom/**", Glob::escape(package.as_str()));
            let states = self.take(matching(self.snapshot, Marker::State, &pattern));
            self.found.states.extend(states);
            self.found.intents.extend(intents);
        }
    }

    fn deploys(&mut self, summary: &Summary, work: &Work, intents: Vec<Ref>) {
        let package = &summary.package;
        let current = |environment: &String| package.child(&format!("@/deploy/{environment}")).ok();
        self.found.states.extend(work.others.iter().filter_map(current));
        self.found.deployed.extend(work.others.iter().filter_map(current));
        let mut wanted: BTreeMap<String, Ref> =
            intents.into_iter().map(|intent| (intent.subpath().to_owned(), intent)).gather();
        for (environment, live) in &summary.live {
            let Some(current) = current(environment) else { continue };
            if self.has_changed(work, environment) {
                self.found.deployed.push(current.clone());
            }
            if let Some(intent) = wanted.get(environment)
                && let Some(blob) = self.take(self.snapshot.blob(intent))
                && blob.to_string() == live.intent
            {
                wanted.remove(environment);
                continue;
            }
            self.found.states.insert(current);
        }
        self.found.intents.extend(wanted.into_values());
    }

    /// Whether what is live in an environment may have been deployed with other inputs than there are now.
    fn has_changed(&mut self, work: &Work, environment: &str) -> bool {
        let Some((from, told)) = work.inputs_of(environment) else { return true };
        for source in &from {
            if !self.values.contains_key(source) {
                match resolve::by_ref(self.snapshot, source) {
                    Ok(value) => drop(self.values.insert(source.clone(), value)),
                    Err(needs) => self.needs.merge(needs),
                }
            }
        }
        let values: Option<Vec<_>> =
            from.iter().map(|source| self.values.get(source).and_then(Option::as_ref)).collect();
        // Not before all of them are known; what is gone now is for the rules to judge.
        match values {
            Some(values) => hash(&values) != told,
            None => from.iter().all(|source| self.values.contains_key(source)),
        }
    }

    fn runs(&mut self, summary: &Summary) {
        let startable = |runs: &BTreeMap<Status, usize>| {
            let of = |status| runs.get(&status).copied().unwrap_or_default();
            of(Status::Pending) + of(Status::Paused)
        };
        let here = summary.releases.iter().filter(|release| startable(&release.runs) > 0);
        let told: usize = here.clone().map(|release| startable(&release.runs)).sum();
        if told != startable(&summary.counts.runs) {
            let runs = self.take(runs::of_package(self.snapshot, &summary.package));
            self.found.runs.extend(runs);
            return;
        }
        for release in here {
            let Ok(at) = summary.package.with_release(&release.id) else { continue };
            let runs = self.take(runs::of_release(self.snapshot, &at));
            self.found.runs.extend(runs);
        }
    }
}
