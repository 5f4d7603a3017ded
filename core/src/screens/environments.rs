//! All environments in a list.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::deployed;
use super::status::Word;
use crate::documents::Environment;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze;
use crate::glob::Glob;
use crate::natural;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// By type, then by name.
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
    /// How many packages have something to do there.
    pub open: usize,
    /// The most urgent of that, and how many packages it is true of.
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

/// The list of environments, in state or in intent.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    summaries: &BTreeMap<Ref, Summary>,
    facts: &Facts,
) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let mut environments = Vec::new();
    for reference in all(snapshot)? {
        let name = reference.subpath().to_owned();
        let frozen = needs.take(freeze::of(snapshot, &name, &facts.now)).flatten();
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
        let mut words: BTreeMap<Word, usize> = BTreeMap::new();
        for summary in summaries.values() {
            let next = needs.take(deployed::next(snapshot, summary, &name, frozen.is_some())).flatten();
            if let Some(next) = next {
                *words.entry(next.word).or_default() += 1;
            }
        }
        let live = summaries.values().filter(|summary| summary.live.contains_key(&name)).count();
        environments.push(Row {
            reference,
            name,
            kind,
            attributes,
            live,
            open: words.values().sum(),
            urgent: words.first_key_value().map(|(word, count)| (*word, *count)),
            frozen: frozen.map(|freeze| freeze.to_string()),
            stands,
        });
    }
    environments.sort_by(|one: &Row, other| {
        natural::compare(&one.kind, &other.kind).then_with(|| natural::compare(&one.name, &other.name))
    });
    let attributes: BTreeSet<&String> = environments.iter().flat_map(|row| row.attributes.keys()).collect();
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
