//! One environment: its attributes, everything that is deployed to it, beside another environment.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;

use super::environments::{self, Stands};
use super::overview::{self, Cell, LiveAt};
use super::standing::{Depth, Standing};
use super::status::Word;
use super::{summaries, titles};
use crate::documents::Status;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::natural;
use crate::order::Order as _;
use crate::refs::{Ref, RefError};
use crate::run;
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;
use crate::times;
use crate::why;

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// `@/environment/<name>`.
    pub reference: Ref,
    /// Its name.
    pub name: String,
    /// Whether it is anywhere at all; if not, nothing below means anything.
    pub exists: bool,
    /// Where it is.
    pub stands: Stands,
    /// Its attributes, `type` first, and those of the environment that it is compared with.
    pub attributes: Vec<Attribute>,
    /// The environments that it can be compared with, as people count.
    pub others: Vec<String>,
    /// The one that it is compared with.
    pub with: Option<String>,
    /// The freeze that is in force.
    pub freeze: Option<Frozen>,
    /// A row for every package that is or was to be deployed here or there, by repo and name.
    pub deployments: Vec<Deployment>,
    /// How many are live here.
    pub live: usize,
    /// How many have never been deployed here.
    pub never: usize,
    /// How many rows differ.
    pub different: usize,
    /// Runs that the freeze holds, longest first.
    pub held: Vec<Held>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value here.
    pub here: Option<String>,
    /// Its value in the other environment, where one is compared.
    pub there: Option<String>,
}

/// A freeze that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frozen {
    /// The document that says so.
    pub at: Ref,
    /// Why.
    pub reason: String,
    /// Until when; none when it lasts until it is lifted.
    pub until: Option<String>,
    /// Whether it is a freeze of every environment.
    pub everywhere: bool,
    /// What is wrong with the document.
    pub malformed: Option<String>,
}

impl From<Freeze> for Frozen {
    fn from(freeze: Freeze) -> Frozen {
        let everywhere = freeze.at.as_str() == freeze::EVERYWHERE;
        let Freeze { at, reason, until, malformed } = freeze;
        Frozen { at, reason, until, everywhere, malformed }
    }
}

/// A package in the environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deployment {
    /// The package.
    pub package: Ref,
    /// Its repo, as it is shown.
    pub repo: String,
    /// Its name, as it is shown.
    pub name: String,
    /// What is live here.
    pub here: Option<LiveAt>,
    /// What is live in the other environment.
    pub there: Option<LiveAt>,
    /// How the two differ. `Same` where nothing is compared.
    pub difference: Difference,
    /// The most urgent of what is not as it should be here.
    pub up: Option<Standing>,
    /// How many newer releases there are.
    pub newer: usize,
    /// First line of the commit's message of what is live, where the summary still tells of it.
    pub subject: String,
}

/// What is live here, seen from another environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The same release.
    Same,
    /// Nothing is live, here or there.
    Neither,
    /// This many releases older.
    Behind(u64),
    /// This many releases newer.
    Ahead(u64),
    /// Live here only.
    OnlyHere,
    /// Live there only.
    OnlyThere,
    /// Other releases, which have no order.
    Other,
}

impl Difference {
    /// Whether there is one.
    #[must_use]
    pub fn differs(self) -> bool {
        !matches!(self, Difference::Same | Difference::Neither)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Difference::Same => f.write_str("same"),
            Difference::Neither => f.write_str("in neither"),
            Difference::Behind(count) => write!(f, "{count} behind"),
            Difference::Ahead(count) => write!(f, "{count} ahead"),
            Difference::OnlyHere => f.write_str("only here"),
            Difference::OnlyThere => f.write_str("not here"),
            Difference::Other => f.write_str("another release"),
        }
    }
}

/// A run that a freeze holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The release.
    pub release: Ref,
    /// Name of its package.
    pub package: String,
    /// Its name.
    pub id: String,
    /// Since when it could start.
    pub since: String,
}

/// The environment `name`, compared with another one or not. `stored` are the summaries that the store
/// keeps.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    name: &str,
    with: Option<&str>,
    facts: &Facts,
    depth: Depth,
) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let summaries = summaries::all(snapshot, stored, depth)?;
    let overview = needs.take(overview::page(snapshot, stored, facts, &[], depth)).unwrap_or_default();
    let registered = needs.take(environments::all(snapshot)).unwrap_or_default();
    let freeze = needs.take(freeze::of(snapshot, name, &facts.now)).flatten().map(Frozen::from);
    let needs = needs.settle(Needs::default())?;
    let list = environments::of(snapshot, &overview, &registered)?.environments;
    let column = |name: &str| overview.columns.iter().position(|column| column.environment.name == name);
    let (column, other) = (column(name), with.and_then(column));
    let mut deployments = Vec::new();
    for group in &overview.groups {
        for package in &group.rows {
            let at = |column: Option<usize>| package.cells.get(column?).filter(|cell| cell.target);
            let (here, there) = (at(column), at(other));
            if here.is_none() && there.is_none() {
                continue;
            }
            let live = |cell: Option<&Cell>| cell.and_then(|cell| cell.live.clone());
            let (live_here, live_there) = (live(here), live(there));
            let difference = match with {
                None => Difference::Same,
                Some(_) => compare(live_here.as_ref(), live_there.as_ref()),
            };
            let releases = summaries.get(&package.package).map(|summary| summary.releases.as_slice());
            let id = live_here.as_ref().map(|live| live.id.as_str());
            let known = releases.unwrap_or_default().iter().find(|release| Some(release.id.as_str()) == id);
            deployments.push(Deployment {
                package: package.package.clone(),
                repo: group.title.clone(),
                name: package.name.clone(),
                here: live_here,
                there: live_there,
                difference,
                up: here.and_then(|cell| cell.up.clone()),
                newer: here.map_or(0, |cell| cell.newer),
                subject: known.map(|release| release.subject.clone()).unwrap_or_default(),
            });
        }
    }
    let row = |name: &str| list.iter().find(|row| row.name == name);
    let mut held: Vec<Held> = deployments.iter().filter_map(held).collect();
    held.order_by(|one, other| one.since.cmp(&other.since).then_with(|| one.release.cmp(&other.release)));
    needs.settle(Page {
        reference: format!("@/environment/{name}").parse().unwrap_or_default(),
        name: name.to_owned(),
        exists: row(name).is_some(),
        stands: row(name).map_or(Stands::Gone, |row| row.stands),
        attributes: attributes(row(name), with.and_then(row)),
        others: list.iter().map(|row| row.name.clone()).filter(|other| other != name).collect(),
        with: with.map(str::to_owned),
        freeze,
        live: deployments.iter().filter(|row| row.here.is_some()).count(),
        never: deployments.iter().filter(|row| row.here.is_none()).count(),
        different: deployments.iter().filter(|row| row.difference.differs()).count(),
        deployments,
        held,
    })
}

fn compare(here: Option<&LiveAt>, there: Option<&LiveAt>) -> Difference {
    let (here, there) = match (here, there) {
        (None, None) => return Difference::Neither,
        (Some(_), None) => return Difference::OnlyHere,
        (None, Some(_)) => return Difference::OnlyThere,
        (Some(here), Some(there)) => (here, there),
    };
    match (here.release.release_number(), there.release.release_number()) {
        (Some(here), Some(there)) => match here.cmp(&there) {
            Ordering::Equal => Difference::Same,
            Ordering::Less => Difference::Behind(there - here),
            Ordering::Greater => Difference::Ahead(here - there),
        },
        _ if here.id == there.id => Difference::Same,
        _ => Difference::Other,
    }
}

fn attributes(here: Option<&environments::Row>, there: Option<&environments::Row>) -> Vec<Attribute> {
    let value = |row: Option<&environments::Row>, name: &str| {
        let row = row?;
        match name {
            "type" => (!row.kind.is_empty()).then(|| row.kind.clone()),
            _ => row.attributes.get(name).cloned(),
        }
    };
    let mut names: Vec<&str> = [here, there]
        .into_iter()
        .flatten()
        .flat_map(|row| row.attributes.keys().map(String::as_str))
        .collect();
    names.order_by(|one, other| natural::compare(one, other));
    names.dedup();
    std::iter::once("type")
        .chain(names)
        .map(|name| Attribute { name: name.to_owned(), here: value(here, name), there: value(there, name) })
        .filter(|attribute| attribute.here.is_some() || attribute.there.is_some())
        .collect()
}

fn held(row: &Deployment) -> Option<Held> {
    let up = row.up.as_ref().filter(|up| up.word == Word::Frozen)?;
    Some(Held {
        release: up.release.clone(),
        package: row.name.clone(),
        id: up.id.clone(),
        since: up.since.clone(),
    })
}

/// Something that happened to a deployment in the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The run.
    pub run: Ref,
    /// Name of its package.
    pub package: String,
    /// The release, `r12`.
    pub id: String,
    /// What came of it.
    pub word: Word,
    /// When, RFC 3339; empty where the store does not say.
    pub time: String,
    /// Which attempt it was.
    pub attempt: u64,
}

/// The newest deployments to the environment, newest first, as far as the summaries that a store keeps
/// (`stored`) tell of them: one document for each, and no listing. [`whole_history`] knows the others, and
/// all where there are no summaries.
///
/// # Errors
/// What must be loaded.
pub fn history(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    name: &str,
    facts: &Facts,
) -> Result<Vec<Event>, Needs> {
    let Some(summaries) = stored.filter(|stored| !stored.is_empty()) else {
        return whole_history(snapshot, name, facts);
    };
    let mut needs = Needs::default();
    let mut events = Vec::new();
    let place = |summary: &Summary, release: &str| {
        summary.package.with_release(release)?.child(&format!("deploy/{name}"))
    };
    let entry = |place: &Ref, number: u64, status: Status| {
        let reference = place.child(&number.to_string())?;
        Ok::<_, RefError>(RunEntry { reference, place: place.clone(), number, statuses: vec![status] })
    };
    for summary in summaries.values() {
        let Some(live) = summary.live.get(name) else { continue };
        let mut known = false;
        for sample in &live.samples {
            let release = format!("r{}", sample.release);
            known |= release == live.release;
            let run = place(summary, &release).and_then(|place| entry(&place, sample.run, Status::Complete));
            if let Ok(run) = run {
                events.extend(needs.take(event(snapshot, &run, facts)));
            }
        }
        if !known && let Ok(place) = place(summary, &live.release) {
            events.push(Event {
                run: place,
                package: titles::package(&summary.package),
                id: live.release.clone(),
                word: Word::Complete,
                time: live.since.clone(),
                attempt: 1,
            });
        }
    }
    for summary in summaries.values() {
        for release in &summary.releases {
            let Some(open) = release.open.get(&format!("deploy/{name}")) else { continue };
            let run = place(summary, &release.id).and_then(|place| entry(&place, open.attempts, open.status));
            if matches!(open.status, Status::Failed | Status::Running | Status::Cancelled)
                && let Ok(run) = run
            {
                events.push(Event {
                    word: needs.take(why::word(snapshot, &run, facts)).unwrap_or(Word::Running),
                    run: run.reference,
                    package: titles::package(&summary.package),
                    id: release.id.clone(),
                    time: open.since.clone(),
                    attempt: open.attempts,
                });
            }
        }
    }
    events.order_by(newest_first);
    needs.settle(events)
}

/// Every run that deployed to the environment or took something down there, newest first. It lists
/// the runs of every package, and reads a document for each.
///
/// # Errors
/// What must be loaded.
pub fn whole_history(snapshot: &Snapshot, name: &str, facts: &Facts) -> Result<Vec<Event>, Needs> {
    let mut needs = Needs::default();
    let mut events = Vec::new();
    for entry in runs::of_environment(snapshot, name)? {
        if !matches!(entry.status(), Status::Pending | Status::Paused) {
            events.extend(needs.take(event(snapshot, &entry, facts)));
        }
    }
    events.order_by(newest_first);
    needs.settle(events)
}

fn event(snapshot: &Snapshot, run: &RunEntry, facts: &Facts) -> Result<Event, Needs> {
    let time = match run::status_ref(&run.reference, run.status()) {
        Ok(marker) => snapshot.get(&marker)?.and_then(Document::read::<crate::documents::Marker>),
        Err(_) => None,
    };
    Ok(Event {
        run: run.reference.clone(),
        package: titles::package(&run.reference),
        id: run.reference.release().unwrap_or_default().to_owned(),
        word: why::word(snapshot, run, facts)?,
        time: time.map(|marker| marker.time).unwrap_or_default(),
        attempt: run.number,
    })
}

fn newest_first(one: &Event, other: &Event) -> Ordering {
    let time = |event: &Event| times::parse(&event.time);
    time(other).cmp(&time(one)).then_with(|| natural::compare(other.run.as_str(), one.run.as_str()))
}
