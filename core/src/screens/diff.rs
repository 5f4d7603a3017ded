//! Intent beside state: each difference, field by field, and whether a run explains it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::candidates;
use super::fields::{self, Field};
use super::status::Word;
use crate::documents::{Inputs, Intent, Release};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::intent::{self, Change};
use crate::order::Gather as _;
use crate::refs::{Kind, Ref};
use crate::resolve;
use crate::runs;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;
use crate::why::Enquiry;

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// Sorted by ref.
    pub differences: Vec<Difference>,
    /// How many of them no run explains.
    pub unexplained: usize,
}

/// A document that is not in state as it is in intent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Spelled with `@`.
    pub reference: Ref,
    /// What would become of state.
    pub change: Change,
    /// Before: what is; after: what should be.
    pub fields: Vec<Field>,
    /// The run that is to make it so, or that failed to.
    pub explained: Option<Explained>,
    /// Why one of the documents cannot be read.
    pub problem: Option<String>,
}

/// A run that accounts for a difference: it is drift only where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The run.
    pub run: Ref,
    /// Where it stands.
    pub word: Word,
}

/// Every difference between intent and state. `stored` are the summaries that the store keeps: what they
/// settle is not looked at.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    facts: &Facts,
) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let mut differences = Vec::new();
    let found = match stored {
        Some(stored) => {
            let candidates = candidates::of(snapshot, stored)?;
            intent::diff_among(snapshot, candidates.intents, candidates.states)?
        }
        None => intent::diff(snapshot)?,
    };
    for difference in found {
        differences.extend(needs.take(one(snapshot, &difference, facts)));
    }
    let unexplained = differences.iter().filter(|one: &&Difference| one.explained.is_none()).count();
    needs.settle(Page { differences, unexplained })
}

/// One of them, in full.
///
/// # Errors
/// What must be loaded.
pub fn one(snapshot: &Snapshot, difference: &intent::Difference, facts: &Facts) -> Result<Difference, Needs> {
    let mut needs = Needs::default();
    let reference = &difference.reference;
    let intent = reference.to_intent();
    let is_there = difference.change != Change::Create;
    let problem = [Some(&intent), is_there.then_some(reference)]
        .into_iter()
        .flatten()
        .find_map(|at| needs.take(snapshot.problem(at)).flatten().map(|problem| format!("{at}: {problem}")));
    let wanted = needs.take(snapshot.get(&intent)).flatten().and_then(Document::body).cloned();
    let plain_document = |document: Option<&Document>| document.and_then(Document::body).cloned();
    let mut explained = None;
    let there = match reference.kind() {
        Some(Kind::Deploy) => {
            explained = needs.take(explanation(snapshot, reference, wanted.as_ref(), facts)).flatten();
            is_there.then(|| needs.take(intent::current_task(snapshot, reference)).flatten()).flatten()
        }
        _ => None,
    };
    let intended = wanted.as_ref().and_then(|body| serde_json::from_value::<Intent>(body.clone()).ok());
    let (there, wanted) = match (reference.kind(), intended) {
        (Some(Kind::Deploy), Some(intended)) => {
            let mut inputs = intended.input;
            if let Some((at, task)) = &there
                && inputs.is_empty()
            {
                // Intent without inputs, as one writes it by hand, asks for those that the package names.
                let same =
                    needs.take(resolve::release(snapshot, &intended.release)) == Some(at.release_ref());
                let release = needs.take(snapshot.get(&at.release_ref())).flatten();
                let release = release.and_then(Document::read::<Release>);
                let named = release.as_ref().and_then(|release| release.package.deploy(at.subpath()));
                inputs = match (same, named) {
                    (true, Some(named)) => named.inputs.clone(),
                    _ => task.input.clone(),
                };
            }
            let there = there.map(|(_, task)| plain(reference, &task.release, &task.input));
            (there, Some(plain(reference, &intended.release, &inputs)))
        }
        (Some(Kind::Deploy), None) => {
            (there.map(|(_, task)| plain(reference, &task.release, &task.input)), wanted)
        }
        _ => {
            let there = is_there.then(|| needs.take(snapshot.get(reference)).flatten()).flatten();
            (plain_document(there), wanted)
        }
    };
    needs.settle(Difference {
        reference: reference.clone(),
        change: difference.change,
        fields: fields::changes(there.as_ref(), wanted.as_ref()),
        explained,
        problem,
    })
}

/// A deployment as it is compared: its release, by name in its own package, and of each input the value.
fn plain(current: &Ref, release: &Ref, inputs: &Inputs) -> Value {
    let value = |input: &crate::documents::Input| {
        input.value.clone().or_else(|| input.default.clone()).unwrap_or(Value::Null)
    };
    let inputs: BTreeMap<&String, Value> = inputs.iter().map(|(name, input)| (name, value(input))).gather();
    let mut body = Map::new();
    let name = release.release().filter(|_| release.package() == current.package());
    body.insert("release".to_owned(), name.unwrap_or(release.as_str()).into());
    body.insert("input".to_owned(), serde_json::to_value(inputs).unwrap_or_default());
    Value::Object(body)
}

/// The newest run of the intended release there, if it is not complete; of the one that is deployed,
/// where nothing is intended any more.
fn explanation(
    snapshot: &Snapshot,
    current: &Ref,
    wanted: Option<&Value>,
    facts: &Facts,
) -> Result<Option<Explained>, Needs> {
    let intended = wanted.and_then(|body| serde_json::from_value::<Intent>(body.clone()).ok());
    let release = match intended {
        Some(intent) => Some(resolve::release(snapshot, &intent.release)?),
        None => intent::current_task(snapshot, current)?.map(|(place, _)| place.release_ref()),
    };
    let Some(place) =
        release.and_then(|release| release.child(&format!("deploy/{}", current.subpath())).ok())
    else {
        return Ok(None);
    };
    let newest = runs::of_place(snapshot, &place)?.into_iter().max_by_key(|entry| entry.number);
    let Some(newest) = newest else { return Ok(None) };
    let word = Enquiry::new(snapshot, facts).run(&newest)?.status;
    let explains = !matches!(word, Word::Complete | Word::Cancelled | Word::Retried);
    Ok(explains.then_some(Explained { run: newest.reference, word }))
}
