//! The part of a summary that says what need not be looked at to know which work there is.
//!
//! Most of a store is over and done: its operations are gone, its custom state is as intended, and what
//! is deployed was deployed with what its inputs are still. [`Work`] says of one package what is left,
//! or leaves behind enough to see that nothing is. A viewer looks up the rest
//! (see the Plan screen); nothing that decides reads it.
//!
//! Custom state is told as one number: the sum, over the documents, of a hash of each one's ref and
//! content. Intent that gives the same sum is the same, and a sum is kept up to date by what is written.
//! Inputs are told as where they come from, once for all environments that ask alike (`*` stands for the
//! environment), and a hash of the values that each was deployed with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Live;
use crate::documents::Task;
use crate::envelope::BlobId;
use crate::glob::Glob;
use crate::order::Gather as _;
use crate::refs::{Kind, Marker, Ref};
use crate::snapshot::{Needs, Snapshot};

/// What stands for the environment in [`Asked::from`].
const ENVIRONMENT: &str = "*";

/// What a package has that may be work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Operations that wait: `@r12/op/check_envs`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ops: BTreeSet<String>,
    /// All custom state; as none where there is none.
    #[serde(default, skip_serializing_if = "Sum::is_none")]
    pub custom: Sum,
    /// Environments in which something is live that [`super::Summary::live`] does not tell of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<String>,
    /// Whether there are documents of other packages in this one's folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inner: bool,
    /// What is live was deployed with these inputs. An environment that is in none of them has some
    /// that cannot be told like this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Asked>,
}

/// Inputs of deployments to some environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Refs that they come from. A segment `*` stands for the environment.
    pub from: Vec<String>,
    /// By environment a [`hash`] of the values that they had.
    pub values: BTreeMap<String, String>,
}

/// Inputs of one deployment: where they come from, and a [`hash`] of their values.
pub(super) type Inputs = (Vec<String>, String);

/// Those by environment.
pub(super) type AllInputs = BTreeMap<String, Inputs>;

impl Work {
    /// The refs that the inputs of what is live in an environment come from, and a [`hash`] of the values
    /// that they had. None where that is not told.
    #[must_use]
    pub fn inputs_of(&self, environment: &str) -> Option<(Vec<Ref>, &str)> {
        let asked = self.inputs.iter().find(|asked| asked.values.contains_key(environment))?;
        let hash = asked.values.get(environment)?;
        let from = asked.from.iter().map(|source| replace(source, ENVIRONMENT, environment).parse());
        Some((from.collect::<Result<_, _>>().ok()?, hash))
    }

    /// The inputs by environment.
    pub(super) fn inputs(&self) -> AllInputs {
        let of = |asked: &Asked| {
            let from = asked.from.clone();
            asked.values.clone().into_iter().map(move |(name, hash)| (name, (from.clone(), hash)))
        };
        self.inputs.iter().flat_map(of).gather()
    }

    /// Takes up the inputs by environment.
    pub(super) fn set_inputs(&mut self, inputs: AllInputs) {
        let mut alike: BTreeMap<Vec<String>, BTreeMap<String, String>> = BTreeMap::new();
        for (environment, (from, hash)) in inputs {
            alike.entry(from).or_default().insert(environment, hash);
        }
        self.inputs = alike.into_iter().map(|(from, values)| Asked { from, values }).collect();
    }
}

/// What `package` has, all but the inputs; `live` is what is told to be live.
///
/// # Errors
/// What must be loaded.
pub(super) fn of_package(
    snapshot: &Snapshot,
    package: &Ref,
    currents: &[Ref],
    live: &BTreeMap<String, Live>,
) -> Result<Work, Needs> {
    let mut needs = Needs::default();
    let mut work = Work { inner: needs.take(is_around(snapshot, package)) == Some(true), ..Work::default() };
    for op in needs.take(search(snapshot, package, "@?*/op/*")).unwrap_or_default() {
        work.ops.extend(name(package, &op));
    }
    for custom in needs.take(search(snapshot, package, "@*/custom/**")).unwrap_or_default() {
        if let Some(Some(blob)) = needs.take(snapshot.blob(&custom)) {
            work.custom.add(&custom, blob);
        }
    }
    let told = |current: &&Ref| !live.contains_key(current.subpath());
    work.others = currents.iter().filter(told).map(|current| current.subpath().to_owned()).gather();
    needs.settle(work)
}

/// Whether there are documents of other packages in a package's folder.
pub(super) fn is_around(snapshot: &Snapshot, package: &Ref) -> Result<bool, Needs> {
    let inside = snapshot.children(Marker::State, package.as_str())?;
    let mut needs = Needs::default();
    for name in inside.iter().filter(|name| !name.starts_with('@')) {
        let path = format!("{package}/{name}");
        if needs.take(snapshot.holds_documents(Marker::State, &path)) == Some(true) {
            return Ok(true);
        }
    }
    needs.settle(false)
}

fn search(snapshot: &Snapshot, package: &Ref, pattern: &str) -> Result<Vec<Ref>, Needs> {
    match Glob::new(&format!("{}/{pattern}", Glob::escape(package.as_str()))) {
        Ok(glob) => snapshot.search(&glob),
        Err(_) => Ok(Vec::new()),
    }
}

/// What an operation is called in [`Work::ops`]; none for what is no operation.
pub(super) fn name(package: &Ref, op: &Ref) -> Option<String> {
    let is_one = op.kind() == Some(Kind::Op)
        && op.release().is_some_and(|release| !release.is_empty())
        && !op.subpath().contains('/');
    let name = op.as_str().strip_prefix(package.as_str())?.strip_prefix('/')?;
    is_one.then(|| name.to_owned())
}

/// The inputs that `task` was deployed with, those left out that come from the deployment itself. None
/// where one is such that its ref and its value do not tell whether it has changed.
pub(super) fn inputs(current: &Ref, place: &Ref, task: &Task) -> Option<Inputs> {
    let (mut from, mut values) = (Vec::new(), Vec::new());
    for input in task.input.values() {
        let value = input.value.as_ref().filter(|value| !value.is_null());
        let Some(source) = &input.source else {
            // A default that was not taken would be one now.
            if value.is_none() && input.default.is_some() {
                return None;
            }
            continue;
        };
        let at: Ref = source.parse().ok()?;
        if at.is_below(current) || at.is_below(place) {
            continue;
        }
        // By a tag it may still be the deployment itself.
        let elsewhere = at.package() != current.package()
            || at.kind() != current.kind()
            || at.segments().next() != current.segments().next();
        if !elsewhere || source.contains(ENVIRONMENT) {
            return None;
        }
        from.push(replace(source, current.subpath(), ENVIRONMENT));
        values.push(value?);
    }
    Some((from, hash(&values)))
}

/// `text` with every segment that is `old` replaced.
fn replace(text: &str, old: &str, new: &str) -> String {
    let ends = |c: char| matches!(c, '/' | '#');
    let part = |part: &str| {
        let name = part.trim_end_matches(ends);
        let end = part.get(name.len()..).unwrap_or_default();
        format!("{}{end}", if name == old { new } else { name })
    };
    text.split_inclusive(ends).map(part).collect()
}

/// What tells values from others.
#[must_use]
pub fn hash(values: &[&Value]) -> String {
    let hash = Sha256::digest(super::json(&values));
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What tells a set of documents from others: a sum of one hash of each. Written in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sum(u128);

impl Sum {
    /// Whether it is that of no documents.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// Takes in a document; `at` is spelled with `@`.
    pub fn add(&mut self, at: &Ref, blob: BlobId) {
        self.0 = self.0.wrapping_add(of_document(at, blob));
    }

    /// Takes out a document.
    pub(super) fn remove(&mut self, at: &Ref, blob: BlobId) {
        self.0 = self.0.wrapping_sub(of_document(at, blob));
    }
}

fn of_document(at: &Ref, blob: BlobId) -> u128 {
    let hash = Sha256::digest(format!("{at}\n{blob}"));
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

impl TryFrom<String> for Sum {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Sum, Self::Error> {
        u128::from_str_radix(&text, 16).map(Sum)
    }
}

impl From<Sum> for String {
    fn from(Sum(number): Sum) -> String {
        format!("{number:032x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_told_by_its_place() {
        for (source, told) in [
            ("@/environment/prod", "@/environment/*"),
            ("s/-/net/@/deploy/prod#output/port", "s/-/net/@/deploy/*#output/port"),
            ("s/-/net/@/deploy/prod-eu#prod", "s/-/net/@/deploy/prod-eu#*"),
            ("prod/-/prod2/@/custom/x", "*/-/prod2/@/custom/x"),
        ] {
            assert_eq!(replace(source, "prod", "*"), told);
            assert_eq!(replace(told, "*", "prod"), source);
        }
    }

    #[test]
    fn a_sum_is_the_same_in_any_order() {
        let (a, b): (Ref, Ref) = ("s/-/p/@/custom/a".parse().unwrap(), "s/-/p/@/custom/b".parse().unwrap());
        let (one, two) = (BlobId::of(b"1"), BlobId::of(b"2"));
        let mut sum = Sum::default();
        sum.add(&a, one);
        sum.add(&b, two);
        let mut other = Sum::default();
        other.add(&b, two);
        assert_ne!(sum, other);
        other.add(&a, two);
        assert_ne!(sum, other);
        other.remove(&a, two);
        other.add(&a, one);
        assert_eq!(sum, other);
        assert_eq!(Sum::try_from(String::from(sum)), Ok(sum));
    }
}
