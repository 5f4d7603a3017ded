//! The order in which environments are shown: that in which releases pass through them.
//!
//! An environment's place is the phase in which most packages deploy to it, counted among the phases
//! that deploy; those of one place are in natural order of their names. A rule is drawn where the
//! attribute `type` changes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::standing::Depth;
use crate::documents::Environment;
use crate::glob::Glob;
use crate::natural;
use crate::order::{Gather as _, Order as _};
use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{self, Summary};

/// The environments of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environments {
    /// In the order in which they are shown.
    pub all: Vec<EnvironmentAt>,
}

/// An environment in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentAt {
    /// Its name.
    pub name: String,
    /// Its attribute `type`; empty where it has none.
    pub kind: String,
    /// Whether its `type` is another than that of the one before.
    pub edge: bool,
    /// Whether it is registered. Releases may still be live in one that is not any more.
    pub registered: bool,
}

impl Environments {
    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|environment| environment.name.as_str())
    }
}

/// All environments of a store: those registered, and those that any of `summaries` names. At first
/// only the latter: that takes no listing.
///
/// # Errors
/// What must be loaded: the documents of environments, and where an older tool wrote the summary of a
/// package, its newest release.
pub fn environments<'a>(
    snapshot: &Snapshot,
    summaries: impl IntoIterator<Item = &'a Summary> + Clone,
    depth: Depth,
) -> Result<Environments, Needs> {
    let mut needs = Needs::default();
    let mut names: BTreeSet<String> =
        summaries.clone().into_iter().flat_map(named).map(str::to_owned).gather();
    if depth == Depth::Whole {
        let registered = needs.take(registered(snapshot)).unwrap_or_default();
        names.extend(registered.iter().map(|at| at.subpath().to_owned()));
    }
    let mut kinds: BTreeMap<String, Option<String>> = BTreeMap::new();
    for name in names {
        let at = format!("@/environment/{name}").parse::<Ref>().ok();
        let document = at.and_then(|at| needs.take(snapshot.get(&at)).flatten());
        let kind = document.map(|document| {
            let environment = document.read::<Environment>();
            environment.and_then(|it| it.attributes.get("type").cloned()).unwrap_or_default()
        });
        kinds.insert(name, kind);
    }
    let mut votes: BTreeMap<String, BTreeMap<usize, usize>> = BTreeMap::new();
    for summary in summaries {
        for (place, names) in needs.take(phases(snapshot, summary)).unwrap_or_default().iter().enumerate() {
            for name in names {
                *votes.entry(name.clone()).or_default().entry(place).or_default() += 1;
            }
        }
    }
    needs.settle(())?;
    let place = |name: &str| {
        let most = votes.get(name)?.iter().max_by_key(|(place, count)| (**count, Reverse(**place)))?;
        Some(*most.0)
    };
    let mut sorted: Vec<(usize, String, Option<String>)> =
        kinds.into_iter().map(|(name, kind)| (place(&name).unwrap_or(usize::MAX), name, kind)).collect();
    sorted.order_by(|one, other| one.0.cmp(&other.0).then_with(|| natural::compare(&one.1, &other.1)));
    let mut all: Vec<EnvironmentAt> = Vec::new();
    for (_, name, kind) in sorted {
        let registered = kind.is_some();
        let kind = kind.unwrap_or_default();
        let edge = all.last().is_some_and(|before| before.kind != kind);
        all.push(EnvironmentAt { name, kind, edge, registered });
    }
    Ok(Environments { all })
}

fn registered(snapshot: &Snapshot) -> Result<Vec<Ref>, Needs> {
    Glob::new("@/environment/*").map_or(Ok(Vec::new()), |glob| snapshot.search(&glob))
}

/// The environments that a summary speaks of.
fn named(summary: &Summary) -> BTreeSet<&str> {
    let open = summary.releases.iter().flat_map(|release| release.open.keys());
    let open = open.filter_map(|place| place.strip_prefix("deploy/"));
    summary.live.keys().map(String::as_str).chain(open).gather()
}

/// The environments of each phase of the newest release that deploys.
fn phases<'a>(snapshot: &Snapshot, summary: &'a Summary) -> Result<Cow<'a, [Vec<String>]>, Needs> {
    if let Some(phases) = &summary.phases {
        return Ok(Cow::Borrowed(phases));
    }
    let newest = summary.releases.first().and_then(|newest| summary.package.with_release(&newest.id).ok());
    Ok(Cow::Owned(match newest {
        Some(newest) => summary::phases(snapshot, &newest)?,
        None => Vec::new(),
    }))
}
