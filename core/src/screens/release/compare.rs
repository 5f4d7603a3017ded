//! Two releases of a package, side by side: their commits, and what differs in each task and deploy.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Word;
use super::whole::{self, Attempt, Item, Whole};
use crate::documents::Inputs;
use crate::facts::Facts;
use crate::order::Gather as _;
use crate::refs::Ref;
use crate::release::ReleaseError;
use crate::screens::fields::{self, Field};
use crate::screens::source_links::Host;
use crate::snapshot::{Needs, Snapshot};

/// Two releases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compare {
    /// The one whose page it is.
    pub one: Side,
    /// The one that it is compared with.
    pub other: Side,
    /// What lies between their commits, on the host of their repo.
    pub commits_link: Option<String>,
    /// What differs, by task and deployment, in file order.
    pub work: Vec<Work>,
    /// How many tasks and deployments are alike in all that is compared.
    pub alike: usize,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// `…/@r142`.
    pub release: Ref,
    /// Full hash.
    pub commit: String,
    /// First line of the commit's message.
    pub subject: String,
    /// When it was made, RFC 3339.
    pub time: String,
}

/// A task or deployment in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Work {
    /// `deploy/prod`.
    pub key: String,
    /// Where it stands in each; none where one does not have it.
    pub words: Pair<Word>,
    /// How long the newest attempt took in each, in seconds.
    pub took: Pair<u64>,
    /// Fields of inputs and outputs that differ, `input.image`: before, in [`Compare::other`]; after, in
    /// the release whose page it is.
    pub fields: Vec<Field>,
}

/// Something of both, the release's own first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// Of [`Compare::one`].
    pub one: Option<T>,
    /// Of [`Compare::other`].
    pub other: Option<T>,
}

/// `one` beside `other`, by number or tag.
///
/// # Errors
/// What must be loaded; within, why there is nothing to show.
pub fn compare(
    snapshot: &Snapshot,
    one: &Ref,
    other: &Ref,
    facts: &Facts,
) -> Result<Result<Compare, ReleaseError>, Needs> {
    let mut needs = Needs::default();
    let read = (needs.take(whole::read(snapshot, one)), needs.take(whole::read(snapshot, other)));
    let (Some(one), Some(other)) = read else { return Err(needs) };
    let (one, other) = match (one, other) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
    };
    let host = Host::of_repo(snapshot, &one.release.package(), &one.body.commit)?;
    // From the older to the newer, as hosts show it.
    let (from, to) = if one.release.release_number() < other.release.release_number() {
        (&one, &other)
    } else {
        (&other, &one)
    };
    let known = super::is_hash(&from.body.commit) && super::is_hash(&to.body.commit);
    let commits_link = host.filter(|_| known && from.body.commit != to.body.commit);
    let commits_link = commits_link.map(|host| host.compare(&from.body.commit, &to.body.commit));

    let mut keys: Vec<String> = one.items().map(|(_, item)| item.key()).collect();
    keys.extend(
        other
            .items()
            .map(|(_, item)| item.key())
            .filter(|key| one.items().all(|(_, item)| item.key() != *key)),
    );
    let all = keys.len();
    let mut needs = Needs::default();
    let word = |item: Option<&Item>| item.map(|item| Ok(item.turn(snapshot, facts)?.word)).transpose();
    let mut work = Vec::new();
    for key in keys {
        let pair = Pair { one: find(&one, &key), other: find(&other, &key) };
        let words = (needs.take(word(pair.one)), needs.take(word(pair.other)));
        let (Some(one), Some(other)) = words else { continue };
        work.extend(differing(key, pair, Pair { one, other }));
    }
    needs.settle(Ok(Compare {
        alike: all - work.len(),
        work,
        commits_link,
        one: side(&one),
        other: side(&other),
    }))
}

fn side(whole: &Whole) -> Side {
    Side {
        release: whole.release.clone(),
        commit: whole.body.commit.clone(),
        subject: super::text(whole, "subject"),
        time: whole.marker.time.clone(),
    }
}

fn find<'a>(whole: &'a Whole, key: &str) -> Option<&'a Item> {
    whole.items().map(|(_, item)| item).find(|item| item.key() == key)
}

/// The task or deployment `key`, if it differs between the two.
fn differing(key: String, items: Pair<&Item>, words: Pair<Word>) -> Option<Work> {
    let newest = Pair { one: items.one.and_then(Item::newest), other: items.other.and_then(Item::newest) };
    let took = Pair { one: newest.one.and_then(Attempt::took), other: newest.other.and_then(Attempt::took) };
    let fields = match (newest.one, newest.other) {
        (Some(one), Some(other)) => fields::changes(Some(&values(other)), Some(&values(one))),
        _ => Vec::new(),
    };
    let differs = words.one != words.other || took.one != took.other || !fields.is_empty();
    differs.then_some(Work { key, words, took, fields })
}

/// What a run was given and what it left: `{"input": {…}, "output": {…}}`.
fn values(attempt: &Attempt) -> Value {
    let run = attempt.run.as_ref();
    let empty = Inputs::new();
    let inputs = run.and_then(|run| run.functions.first()).map_or(&empty, |function| &function.inputs);
    let inputs: BTreeMap<&String, &Value> = inputs
        .iter()
        .filter_map(|(name, input)| Some((name, input.value.as_ref().or(input.default.as_ref())?)))
        .gather();
    let output = run.and_then(|run| run.output.clone()).unwrap_or_default();
    serde_json::json!({"input": inputs, "output": output})
}
