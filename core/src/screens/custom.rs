//! Custom state and environments, as intent: what people have set, and what runs wait for them to set.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::environments::Stands;
use super::standing::{self, Depth, Look};
use super::titles;
use super::turn;
use crate::commands;
use crate::documents::Environment;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::intent::{self, Change};
use crate::natural;
use crate::order::{Gather as _, Order as _};
use crate::refs::{Kind, Marker, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// What runs wait for and somebody must set: what most wait for first.
    pub missing: Vec<Missing>,
    /// Custom state that is set: that of no package first, then by package and newest release.
    pub custom: Vec<Entry>,
    /// Environments, as people count.
    pub environments: Vec<Entry>,
}

/// Something that is set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Spelled with `@`.
    pub reference: Ref,
    /// What it is called: `freeze`, or with its package `approve of checkout r142`.
    pub name: String,
    /// Its value in intent, or in state where it is only there; none where it cannot be read.
    pub value: Option<Value>,
    /// Why it cannot be read.
    pub problem: Option<String>,
    /// Where it is.
    pub stands: Stands,
    /// What waits for it, or would if it were not applied.
    pub waiting: Vec<Waiting>,
    /// What is typed to set it.
    pub set: String,
    /// What is typed to delete it.
    pub delete: String,
}

/// Something that somebody must set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Spelled with `@`.
    pub reference: Ref,
    /// What it is called.
    pub name: String,
    /// What waits for it, longest first.
    pub waiting: Vec<Waiting>,
    /// What is typed to set it.
    pub set: String,
}

/// A task or deployment that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// `…/@r12/deploy/prod`.
    pub at: Ref,
    /// Name of its package.
    pub package: String,
    /// Its release, `r12`.
    pub id: String,
    /// The task, or the environment.
    pub place: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// Those of one release, as they stand one after the other.
///
/// ```
/// use ocuroot_core::screens::custom::{Waiting, by_release};
///
/// let waiting = |id: &str, place: &str| Waiting {
///     at: format!("s/-/web/@{id}/deploy/{place}").parse().unwrap(),
///     package: "web".into(),
///     id: id.into(),
///     place: place.into(),
///     since: String::new(),
/// };
/// let all = [waiting("r4", "eu"), waiting("r4", "us"), waiting("r5", "eu")];
/// let said: Vec<String> = by_release(&all)
///     .map(|runs| format!("{} in {}", runs[0].id, runs.iter().map(|run| run.place.as_str()).collect::<Vec<_>>().join(", ")))
///     .collect();
/// assert_eq!(said, ["r4 in eu, us", "r5 in eu"]);
/// ```
pub fn by_release(all: &[Waiting]) -> impl Iterator<Item = &[Waiting]> {
    all.chunk_by(|one, other| one.at.release_ref() == other.at.release_ref())
}

/// What is set, of `summaries` what waits for it.
///
/// # Errors
/// What must be loaded: the whole of intent's custom state and environments, and for each whether it is
/// in state.
pub fn page(snapshot: &Snapshot, summaries: &BTreeMap<Ref, Summary>, facts: &Facts) -> Result<Page, Needs> {
    let look = Look { snapshot, summaries, facts, depth: Depth::Whole };
    let mut needs = Needs::default();
    let Waits { mut named, asked } = needs.take(waits(&look)).unwrap_or_default();
    let mut set: BTreeSet<Ref> = BTreeSet::new();
    // What is in state only is told of here where one listing shows it. `diff` finds the rest.
    for (side, patterns) in [
        (Marker::Intent, ["{,**/}@*/custom/**", "@/environment/*"]),
        (Marker::State, ["@/custom/**", "@/environment/*"]),
    ] {
        for glob in patterns.into_iter().filter_map(|pattern| Glob::new(pattern).ok()) {
            let found = needs.take(snapshot.search_in(side, &glob)).unwrap_or_default();
            set.extend(found.iter().map(Ref::to_state));
        }
    }
    let mut needs = needs.settle(Needs::default())?;
    let (mut custom, mut environments) = (Vec::new(), Vec::new());
    for reference in set {
        let waits = named.remove(&reference).unwrap_or_default();
        let Some(entry) = needs.take(entry(snapshot, reference, waits)) else { continue };
        match entry.reference.kind() {
            Some(Kind::Environment) => environments.push(entry),
            _ => custom.push(entry),
        }
    }
    let missing = asked.into_iter().map(|(reference, waiting)| {
        let (name, set) = (name(&reference), set_command(&reference, None));
        Missing { reference, name, waiting, set }
    });
    let mut missing: Vec<Missing> = missing.collect();
    custom.order_by(|one: &Entry, other| order(&one.reference, &other.reference));
    environments.order_by(|one: &Entry, other| natural::compare(&one.name, &other.name));
    missing.order_by(|one: &Missing, other| {
        other.waiting.len().cmp(&one.waiting.len()).then_with(|| order(&one.reference, &other.reference))
    });
    needs.settle(Page { missing, custom, environments })
}

fn entry(snapshot: &Snapshot, reference: Ref, waiting: Vec<Waiting>) -> Result<Entry, Needs> {
    let intent = reference.to_intent();
    let change = intent::difference(snapshot, &reference)?;
    let problem = snapshot.problem(&intent)?.map(ToString::to_string);
    let stands = match change {
        None => Stands::Applied,
        Some(Change::Create) => Stands::New,
        Some(Change::Update) => Stands::Changed,
        Some(Change::Delete) => Stands::Gone,
    };
    let at = if stands == Stands::Gone { &reference } else { &intent };
    let value = snapshot.get(at)?.and_then(Document::body).cloned();
    Ok(Entry {
        name: name(&reference),
        set: set_command(&reference, value.as_ref()),
        delete: commands::delete(&reference),
        reference,
        value,
        problem,
        stands,
        waiting,
    })
}

/// What waits for custom state, by that state's ref; longest first.
#[derive(Default)]
struct Waits {
    /// For whatever reason.
    named: BTreeMap<Ref, Vec<Waiting>>,
    /// Because somebody must set it.
    asked: BTreeMap<Ref, Vec<Waiting>>,
}

fn waits(look: &Look<'_>) -> Result<Waits, Needs> {
    let mut needs = Needs::default();
    let mut all = Waits::default();
    for summary in look.summaries.values() {
        for (release, place, open) in standing::open(summary) {
            let at = summary.package.with_release(&release.id).and_then(|release| release.child(place));
            let Ok(at) = at else { continue };
            let custom = open.waits.iter().filter_map(|wait| wait.parse::<Ref>().ok());
            let custom = custom.filter(|wait| wait.kind() == Some(Kind::Custom));
            let custom: BTreeSet<Ref> = custom.map(|wait| wait.document().to_state()).gather();
            if custom.is_empty() {
                continue;
            }
            let turn = needs.take(turn::of_open(look, release, &at, open));
            let asked = turn.into_iter().flat_map(|turn| turn.approvals).map(|one| one.to_state()).gather();
            let waiting = Waiting {
                package: titles::package(&at),
                id: release.id.clone(),
                place: at.subpath().to_owned(),
                since: open.since.clone(),
                at,
            };
            for (by, refs) in [(&mut all.named, custom), (&mut all.asked, asked)] {
                for reference in refs {
                    by.entry(reference).or_default().push(waiting.clone());
                }
            }
        }
    }
    for waiting in all.named.values_mut().chain(all.asked.values_mut()) {
        waiting.order_by(|one, other| one.since.cmp(&other.since).then_with(|| one.at.cmp(&other.at)));
    }
    needs.settle(all)
}

/// What custom state or an environment is called.
#[must_use]
pub fn name(reference: &Ref) -> String {
    let release = reference.release().filter(|release| !release.is_empty());
    let subpath = reference.subpath();
    match release {
        _ if reference.is_global() => subpath.to_owned(),
        Some(release) => format!("{subpath} of {} {release}", titles::package(reference)),
        None => format!("{subpath} of {}", titles::package(reference)),
    }
}

/// Those of no package first, then by package, and there the newest release first.
fn order(one: &Ref, other: &Ref) -> std::cmp::Ordering {
    (!one.is_global())
        .cmp(&!other.is_global())
        .then_with(|| titles::order(one, other))
        .then_with(|| other.release_number().cmp(&one.release_number()))
        .then_with(|| natural::compare(one.as_str(), other.as_str()))
}

/// What is typed to set `reference` to `value`: where none is given, to something that is there.
fn set_command(reference: &Ref, value: Option<&Value>) -> String {
    value.map_or_else(|| commands::approve(reference), |value| commands::set(reference, value))
}

/// What is typed to change an environment: all of it, as JSON in one line.
#[must_use]
pub fn environment_command(name: &str, attributes: impl IntoIterator<Item = (String, String)>) -> String {
    let attributes = attributes.into_iter().collect();
    let environment = Environment { name: name.to_owned(), attributes, ..Environment::default() };
    let reference = format!("@/environment/{name}").parse::<Ref>();
    let typed = reference.ok().zip(serde_json::to_value(&environment).ok());
    typed.map(|(reference, value)| commands::set(&reference, &value)).unwrap_or_default()
}
