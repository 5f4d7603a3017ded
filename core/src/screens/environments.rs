//! All environments in a list.
//!
//! What is up in them is read off the [Overview](super::overview), so that the two agree.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::overview::{self, Overview};
use super::standing::Depth;
use super::status::Word;
use crate::documents::Environment;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::order::Gather as _;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// In promotion order, those that are not applied yet last.
    pub environments: Vec<Row>,
    /// Names of all attributes that any of them has, sorted; `type` is not among them.
    pub attributes: Vec<String>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// `@/environment/<name>`.
    pub reference: Ref,
    /// Its name.
    pub name: String,
    /// Its attribute `type`; may be empty.
    pub kind: String,
    /// Its other attributes.
    pub attributes: BTreeMap<String, String>,
    /// How many packages are live there.
    pub live: usize,
    /// How many packages have a place there.
    pub targets: usize,
    /// The most urgent of what is up there, and how many packages it is true of.
    pub urgent: Option<(Word, usize)>,
    /// The freeze that is in force there, as a sentence.
    pub frozen: Option<String>,
    /// Whether it is in state.
    pub stands: Stands,
}

/// Where something that people set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// In intent and, the same, in state.
    Applied,
    /// In intent only: it is still to be applied.
    New,
    /// In both, and different.
    Changed,
    /// In state only: it goes once that is applied.
    Gone,
}

impl Stands {
    /// As it is shown; empty for what is as it should be.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Stands::Applied => "",
            Stands::New => "not applied yet",
            Stands::Changed => "change not applied yet",
            Stands::Gone => "deleted, not applied yet",
        }
    }
}

/// The list of environments, in state or in intent. `stored` are the summaries that the store keeps.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    facts: &Facts,
    depth: Depth,
) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let overview = needs.take(overview::page(snapshot, stored, facts, &[], depth));
    let registered = needs.take(all(snapshot));
    let (overview, registered) = needs
        .settle((overview, registered))
        .map(|(overview, registered)| (overview.unwrap_or_default(), registered.unwrap_or_default()))?;
    of(snapshot, &overview, &registered)
}

/// The list, of what was worked out before.
pub(super) fn of(
    snapshot: &Snapshot,
    overview: &Overview,
    registered: &BTreeSet<Ref>,
) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let known: Vec<&str> = overview.columns.iter().map(|column| column.environment.name.as_str()).collect();
    let others = registered.iter().map(Ref::subpath).filter(|name| !known.contains(name));
    let mut environments = Vec::new();
    for (index, name) in known.iter().copied().chain(others).enumerate() {
        let Ok(reference) = format!("@/environment/{name}").parse::<Ref>() else { continue };
        let there = needs.take(snapshot.get(&reference));
        let wanted = needs.take(snapshot.get(&reference.to_intent()));
        let (Some(there), Some(wanted)) = (there, wanted) else { continue };
        let stands = match (wanted, there) {
            (Some(_), None) => Stands::New,
            (None, _) => Stands::Gone,
            (Some(wanted), Some(there)) if same(wanted, there) => Stands::Applied,
            (Some(_), Some(_)) => Stands::Changed,
        };
        let body = there.or(wanted).and_then(Document::read::<Environment>).unwrap_or_default();
        let mut attributes = body.attributes;
        let kind = attributes.remove("type").unwrap_or_default();
        let rows = overview.groups.iter().flat_map(|group| &group.rows);
        let cells = rows.filter_map(|row| row.cells.get(index)).filter(|cell| cell.target);
        let mut words: BTreeMap<Word, usize> = BTreeMap::new();
        let (mut live, mut targets) = (0, 0);
        for cell in cells {
            targets += 1;
            live += usize::from(cell.live.is_some());
            if let Some(up) = &cell.up {
                *words.entry(up.word).or_default() += 1;
            }
        }
        environments.push(Row {
            reference,
            name: name.to_owned(),
            kind,
            attributes,
            live,
            targets,
            urgent: words.first_key_value().map(|(word, count)| (*word, *count)),
            frozen: overview.columns.get(index).and_then(|column| column.frozen.clone()),
            stands,
        });
    }
    let attributes: BTreeSet<&String> =
        environments.iter().flat_map(|row: &Row| row.attributes.keys()).gather();
    let attributes = attributes.into_iter().cloned().collect();
    needs.settle(Page { environments, attributes })
}

/// All environments, in state or in intent, sorted; spelled with `@`.
///
/// # Errors
/// What must be loaded.
pub fn all(snapshot: &Snapshot) -> Result<BTreeSet<Ref>, Needs> {
    let Ok(glob) = Glob::new("@/environment/*") else { return Ok(BTreeSet::new()) };
    let mut needs = Needs::default();
    let mut found = BTreeSet::new();
    for side in [Marker::State, Marker::Intent] {
        let refs = needs.take(snapshot.search_in(side, &glob)).unwrap_or_default();
        found.extend(refs.iter().map(Ref::to_state));
    }
    needs.settle(found)
}

fn same(one: &Document, other: &Document) -> bool {
    match (one.read::<Environment>(), other.read::<Environment>()) {
        (Some(one), Some(other)) => one == other,
        _ => one.body() == other.body(),
    }
}
