//! What should be against what is: the differences, and carrying one out.
//!
//! Intent is edited by people; state is written by the tool. [`diff`] pairs the two, [`apply`]
//! takes one difference and moves state towards intent: custom state and environments are copied,
//! for deployments a run is queued (spec: work, "Intent against state").

mod deploy;
mod many;

use std::collections::{BTreeMap, BTreeSet};

use crate::order::{Gather as _, Order as _};
pub(crate) use deploy::blocked;
use deploy::{Down, apply_deploy, same_inputs, take_down};
pub use many::{apply_all, declare};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::documents::{Environment, Intent, Release, Status, Task, body_type};
use crate::envelope::{Content, Document};
use crate::facts::Facts;
use crate::glob::Glob;
use crate::refs::{Kind, Marker, Ref, RefError};
use crate::resolve::{self, LinkCycle};
use crate::rollback;
use crate::run::RunError;
use crate::runs;
use crate::snapshot::{Needs, OfKind, Snapshot, Unmet, lift, unmet};
use crate::transaction::{Edit, Transaction};

/// How intent and state differ at a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// In intent only.
    Create,
    /// In both, and different.
    Update,
    /// In state only.
    Delete,
}

/// One difference between intent and state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    /// Spelled with `@`; where intent names a release by tag, by that tag.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// What would become of state.
    pub change: Change,
}

/// Why intent cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// The ref names something that people do not set.
    #[error(
        "{0} is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied"
    )]
    NotIntent(Ref),
    /// An environment whose body is none, or whose name is not its ref's.
    #[error("{reference}: {problem}")]
    Environment {
        /// Of the environment.
        reference: Ref,
        /// What is wrong, and how it should be.
        problem: String,
    },
    /// A deployment intent whose body cannot be read.
    #[error("{reference}: {problem}")]
    Deploy {
        /// Of the intent.
        reference: Ref,
        /// What is wrong, and how it should be.
        problem: String,
    },
    /// Nothing in intent or in state at this ref.
    #[error("there is nothing at {0}, in intent or in state")]
    Nothing(Ref),
    /// Nothing to delete.
    #[error("there is no intent at {0}")]
    NoIntent(Ref),
    /// Something is stored as intent that is no document. It says nothing, and so does not say that
    /// the thing should go.
    #[error("{reference} cannot be read ({problem}): mend it, or delete it with `ocuroot state delete`")]
    Broken {
        /// Of the intent.
        reference: Ref,
        /// Why it is none.
        problem: String,
    },
    /// A run cannot be queued.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Links lead in a circle.
    #[error(transparent)]
    Links(#[from] LinkCycle),
    /// A name that makes no ref.
    #[error(transparent)]
    Ref(#[from] RefError),
}

lift!(RunError => IntentError, LinkCycle => IntentError);
unmet!(IntentError => IntentError, RefError => IntentError);

/// What can be intended, by the form of its ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Deploy,
    Custom,
    Environment,
}

fn subject(reference: &Ref) -> Option<Subject> {
    match reference.kind()? {
        Kind::Environment if reference.is_global() && reference.release() == Some("") => {
            Some(Subject::Environment)
        }
        Kind::Custom if reference.release().is_some() => Some(Subject::Custom),
        Kind::Deploy
            if !reference.is_global()
                && reference.release() == Some("")
                && !reference.subpath().contains('/') =>
        {
            Some(Subject::Deploy)
        }
        _ => None,
    }
}

/// Checks what a person wants to write as intent.
///
/// # Errors
/// [`IntentError::NotIntent`] for a ref that holds no intent, or what is wrong with the body.
pub fn validate(reference: &Ref, body: &Value) -> Result<&'static str, IntentError> {
    match subject(reference) {
        Some(Subject::Custom) => Ok(body_type::of_custom(body)),
        Some(Subject::Environment) => {
            environment(reference, body)?;
            Ok(body_type::ENVIRONMENT)
        }
        Some(Subject::Deploy) => {
            deploy_intent(reference, body)?;
            Ok(body_type::INTENT)
        }
        None => Err(IntentError::NotIntent(reference.clone())),
    }
}

/// What does not fit, without the names of types of this program.
fn in_words(error: &serde_json::Error) -> String {
    error.to_string().replace("struct Environment", "an object").replace("struct Intent", "an object")
}

fn environment(reference: &Ref, body: &Value) -> Result<Environment, IntentError> {
    let problem = |problem: String| IntentError::Environment { reference: reference.clone(), problem };
    let expected = r#"expected {"name": "…", "attributes": {"…": "…"}}"#;
    let environment: Environment = serde_json::from_value(body.clone())
        .map_err(|error| problem(format!("not an environment ({}); {expected}", in_words(&error))))?;
    if environment.name != reference.subpath() {
        return Err(problem(format!(
            "the environment is called {:?} but its ref says {:?}; make them the same",
            environment.name,
            reference.subpath()
        )));
    }
    crate::names::environment(&environment.name).map_err(|error| problem(error.to_string()))?;
    Ok(environment)
}

fn deploy_intent(reference: &Ref, body: &Value) -> Result<Intent, IntentError> {
    serde_json::from_value(body.clone()).map_err(|error| IntentError::Deploy {
        reference: reference.clone(),
        problem: format!(
            r#"not a deployment intent ({}); expected {{"release": "<ref>", "input": {{…}}}}"#,
            in_words(&error)
        ),
    })
}

/// Writes `body` as intent at `reference`.
///
/// # Errors
/// What must be loaded, or as [`validate`].
pub fn set(snapshot: &Snapshot, reference: &Ref, body: &Value) -> Result<Transaction, Unmet<IntentError>> {
    let intent = reference.document().to_intent();
    let body_type = validate(&intent, body)?;
    let mut edit = Edit::new(snapshot, format!("set {intent}"));
    edit.put_body(&intent, body_type, body)?;
    Ok(edit.finish())
}

/// Deletes the intent at `reference`.
///
/// # Errors
/// What must be loaded, or [`IntentError::Nothing`] when there is none.
pub fn delete(snapshot: &Snapshot, reference: &Ref) -> Result<Transaction, Unmet<IntentError>> {
    let intent = reference.document().to_intent();
    if subject(&intent).is_none() {
        return Err(IntentError::NotIntent(intent).into());
    }
    if snapshot.blob(&intent)?.is_none() {
        return Err(IntentError::NoIntent(intent).into());
    }
    let mut edit = Edit::new(snapshot, format!("delete {intent}"));
    edit.delete(&intent)?;
    Ok(edit.finish())
}

/// Every difference between intent and state, sorted by ref.
///
/// # Errors
/// What must be loaded.
pub fn diff(snapshot: &Snapshot) -> Result<Vec<Difference>, Needs> {
    let mut needs = Needs::default();
    let (mut intents, mut states) = (Vec::new(), BTreeSet::new());
    for kind in [OfKind::DEPLOYS, OfKind::CUSTOM, OfKind::ENVIRONMENTS] {
        states.extend(needs.take(snapshot.of_kind(Marker::State, &kind)).unwrap_or_default());
        intents.extend(needs.take(snapshot.of_kind(Marker::Intent, &kind)).unwrap_or_default());
    }
    needs.settle(())?;
    diff_among(snapshot, intents, states)
}

/// The differences between some `intents` and some `states`, spelled with `+` and with `@`. Those that
/// belong together are in both: what is intended and not among the states does not exist.
///
/// # Errors
/// What must be loaded.
pub(crate) fn diff_among(
    snapshot: &Snapshot,
    intents: Vec<Ref>,
    mut states: BTreeSet<Ref>,
) -> Result<Vec<Difference>, Needs> {
    let mut needs = Needs::default();
    // The global `@/environment/*` only: packages have none.
    let wanted = |at: &Ref| subject(at).is_some();
    states.retain(wanted);
    let mut by_target: BTreeMap<Ref, Ref> = BTreeMap::new();
    for intent in intents.into_iter().filter(wanted) {
        // A release by its tag and by its number is the same release.
        if let Some(target) = needs.take(target(snapshot, &intent)) {
            by_target.insert(target, intent);
        }
    }
    needs.settle(())?;
    let mut needs = Needs::default();
    let mut differences = Vec::new();
    let refs: BTreeSet<&Ref> = by_target.keys().chain(&states).gather();
    for reference in refs {
        let intent = by_target.get(reference);
        let change = match intent {
            // Nobody has to look for what is not there: some hosts call that an error.
            Some(_) if !states.contains(reference) => Some(Change::Create),
            _ => needs.take(change_at(snapshot, intent, reference)).flatten(),
        };
        let Some(change) = change else { continue };
        let spelled = intent.map_or_else(|| reference.clone(), Ref::to_state);
        differences.push(Difference { reference: spelled, change });
    }
    differences.order();
    needs.settle(differences)
}

/// How intent and state differ at one ref, spelled with `@`; none where they agree, and where there is
/// neither.
///
/// # Errors
/// What must be loaded.
pub fn difference(snapshot: &Snapshot, reference: &Ref) -> Result<Option<Change>, Needs> {
    let intent = reference.to_intent();
    let state = target(snapshot, &intent)?;
    if snapshot.exists(&intent)? {
        return change_at(snapshot, Some(&intent), &state);
    }
    Ok(snapshot.exists(&state)?.then_some(Change::Delete))
}

/// Where the intent at `intent` would be in state.
fn target(snapshot: &Snapshot, intent: &Ref) -> Result<Ref, Needs> {
    let state = intent.to_state();
    match state.release() {
        Some("") | None => Ok(state),
        Some(_) => match resolve::for_write(snapshot, &state) {
            Ok(target) => Ok(target),
            Err(Unmet::Needs(needs)) => Err(needs),
            Err(Unmet::Error(LinkCycle { .. })) => Ok(state),
        },
    }
}

/// How intent (where there is any) and the state at `reference` differ.
fn change_at(snapshot: &Snapshot, intent: Option<&Ref>, reference: &Ref) -> Result<Option<Change>, Needs> {
    let Some(intent) = intent else { return Ok(Some(Change::Delete)) };
    if !snapshot.exists(reference)? {
        return Ok(Some(Change::Create));
    }
    if snapshot.problem(intent)?.is_some() {
        // Applying it says so.
        return Ok(Some(Change::Update));
    }
    let (Some(wanted), Some(there)) = (snapshot.get(intent)?, snapshot.get(reference)?) else {
        // State cannot be read. `state check` says which; nobody acts on a guess.
        return Ok(None);
    };
    let same = match subject(reference) {
        Some(Subject::Deploy) => {
            let task = current_task(snapshot, reference)?;
            match (wanted.read::<Intent>(), task) {
                (Some(wanted), Some((place, task))) => {
                    resolve::release(snapshot, &wanted.release)? == resolve::release(snapshot, &task.release)?
                        && same_as_deployed(snapshot, &wanted, &place, &task)?
                }
                _ => false,
            }
        }
        Some(Subject::Environment) => same_environment(wanted.body(), there.body()),
        _ => wanted.body() == there.body(),
    };
    Ok((!same).then_some(Change::Update))
}

/// Whether a deployment of the intended release has the intended inputs. Intent without inputs, as
/// one writes it by hand, asks for those that the package names.
fn same_as_deployed(
    snapshot: &Snapshot,
    wanted: &Intent,
    place: &Ref,
    deployed: &Task,
) -> Result<bool, Needs> {
    if wanted.input == deployed.input || !wanted.input.is_empty() {
        return Ok(wanted.input == deployed.input);
    }
    let release = snapshot.get(&place.release_ref())?.and_then(Document::read::<Release>);
    let definition = release.as_ref().and_then(|release| release.package.deploy(place.subpath()));
    Ok(definition.is_some_and(|definition| same_inputs(&definition.inputs, &deployed.input)))
}

/// Environments compare with absent or null `attributes` equal to `{}`.
fn same_environment(one: Option<&Value>, other: Option<&Value>) -> bool {
    let plain = |body: Option<&Value>| {
        let mut body = body.cloned().unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut body
            && fields.get("attributes").is_none_or(Value::is_null)
        {
            fields.insert("attributes".to_owned(), Value::Object(Map::new()));
        }
        body
    };
    plain(one) == plain(other)
}

/// The Task that a deployment's current link leads to, and where it is.
///
/// # Errors
/// What must be loaded.
pub fn current_task(snapshot: &Snapshot, current: &Ref) -> Result<Option<(Ref, Task)>, Needs> {
    match resolve::document(snapshot, current) {
        Ok(found) => Ok(found.and_then(|found| Some((found.reference, found.document.read::<Task>()?)))),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(LinkCycle { .. })) => Ok(None),
    }
}

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// State became intent; with the refs of what this asks others to look at: ops and runs.
    Changed(Vec<Ref>),
    /// Nothing to do, and why.
    Unchanged(String),
}

/// Carries out the intent at `reference` (spelled with `@` or `+`).
///
/// # Errors
/// What must be loaded, or why it cannot be done.
pub fn apply(
    snapshot: &Snapshot,
    reference: &Ref,
    facts: &Facts,
) -> Result<(Transaction, Applied), Unmet<IntentError>> {
    let reference = reference.document().to_state();
    match subject(&reference) {
        Some(Subject::Custom) => apply_custom(snapshot, &reference),
        Some(Subject::Environment) => apply_environment(snapshot, &reference, facts),
        Some(Subject::Deploy) => apply_deploy(snapshot, &reference, facts),
        None => Err(IntentError::NotIntent(reference).into()),
    }
}

type Outcome = Result<(Transaction, Applied), Unmet<IntentError>>;

fn unchanged(why: impl Into<String>) -> Outcome {
    Ok((Transaction::default(), Applied::Unchanged(why.into())))
}

fn apply_custom(snapshot: &Snapshot, reference: &Ref) -> Outcome {
    let state = resolve::for_write(snapshot, reference)?;
    let intent = custom_intent(snapshot, reference, &state)?;
    let mut edit = Edit::new(snapshot, format!("apply {reference}"));
    match intent.map(|document| &document.content) {
        Some(Content::Body { body_type, body }) => edit.put_body(&state, body_type, body)?,
        Some(Content::Link(_)) => return Err(IntentError::NotIntent(reference.to_intent()).into()),
        None if snapshot.blob(&state)?.is_some() => edit.delete(&state)?,
        None => return Err(IntentError::Nothing(reference.clone()).into()),
    }
    let transaction = edit.finish();
    if transaction.is_empty() {
        return unchanged("state is as intended");
    }
    Ok((transaction, Applied::Changed(vec![state])))
}

/// The intent for custom state, which may spell the release by its number or by any of its tags,
/// however the caller spells it.
fn custom_intent<'a>(
    snapshot: &'a Snapshot,
    reference: &Ref,
    state: &Ref,
) -> Result<Option<&'a Document>, Unmet<IntentError>> {
    let mut spellings = vec![reference.clone(), state.clone()];
    if let Some(release) = snapshot.get(&state.release_ref())?
        && state.release() != Some("")
    {
        let tags = release.links.iter().filter_map(|link| link.parse::<Ref>().ok());
        let tags = tags.filter(|tag| tag.kind().is_none() && tag.package() == state.package());
        spellings.extend(tags.filter_map(|tag| state.with_release(tag.release()?).ok()));
    }
    for spelling in spellings {
        if let Some(intent) = wanted(snapshot, &spelling)? {
            return Ok(Some(intent));
        }
    }
    Ok(None)
}

/// The intent for what is at `reference` in state.
fn wanted<'a>(snapshot: &'a Snapshot, reference: &Ref) -> Result<Option<&'a Document>, Unmet<IntentError>> {
    let intent = reference.to_intent();
    match snapshot.problem(&intent)? {
        Some(problem) => Err(IntentError::Broken { problem: problem.to_string(), reference: intent }.into()),
        None => Ok(snapshot.get(&intent)?),
    }
}

fn apply_environment(snapshot: &Snapshot, reference: &Ref, facts: &Facts) -> Outcome {
    let Some(intent) = wanted(snapshot, reference)? else {
        return delete_environment(snapshot, reference, facts);
    };
    let there = snapshot.get(reference)?;
    let mut edit = Edit::new(snapshot, format!("apply {reference}"));
    let body = intent.body().ok_or_else(|| IntentError::NotIntent(reference.to_intent()))?;
    environment(reference, body)?;
    if there.is_some_and(|there| same_environment(Some(body), there.body())) {
        return unchanged("state is as intended");
    }
    edit.put_body(reference, body_type::ENVIRONMENT, body)?;
    let mut ops = Vec::new();
    for release in releases_to_check(snapshot)? {
        let op = release.child("op/check_envs")?;
        edit.put_body(&op, body_type::MARKER, &facts.marker())?;
        ops.push(op);
    }
    Ok((edit.finish(), Applied::Changed(ops)))
}

/// Takes down every deployment to an environment, and deletes it. While something is being deployed
/// to it, it stays, since nobody would take that down later.
fn delete_environment(snapshot: &Snapshot, reference: &Ref, facts: &Facts) -> Outcome {
    if snapshot.blob(reference)?.is_none() {
        return Err(IntentError::Nothing(reference.clone()).into());
    }
    let mut edit = Edit::new(snapshot, format!("apply {reference}"));
    let mut queued = Vec::new();
    let mut waits = None;
    let mut needs = Needs::default();
    let currents = needs.take(deployments_to(snapshot, reference.subpath())).unwrap_or_default();
    for current in &currents {
        match needs.take_unmet(take_down(snapshot, &mut edit, current, facts))? {
            Some(Some(Down::Queued(run))) => queued.push(run),
            Some(Some(Down::Blocked(why))) => waits = waits.or(Some(why)),
            Some(Some(Down::UnderWay(_)) | None) | None => {}
        }
    }
    for entry in needs.take(runs::of_environment(snapshot, reference.subpath())).unwrap_or_default() {
        let first = !currents.iter().any(|current| current.package() == entry.place.package());
        if first && matches!(entry.status(), Status::Running | Status::Paused) {
            waits = waits.or(Some(format!("{} is {}", entry.reference, entry.status())));
        }
    }
    needs.settle(())?;
    match waits {
        Some(why) if queued.is_empty() => return unchanged(why),
        Some(_) => {}
        None => edit.delete(reference)?,
    }
    Ok((edit.finish(), Applied::Changed(queued)))
}

/// The current deployments to an environment: `…/@/deploy/<environment>`.
fn deployments_to(snapshot: &Snapshot, environment: &str) -> Result<Vec<Ref>, Needs> {
    let mut all = snapshot.of_kind(Marker::State, &OfKind::DEPLOYS)?;
    all.retain(|current| current.subpath() == environment);
    Ok(all)
}

/// For every package its newest release that is deployed anywhere, or else its newest. Releases that
/// are marked as bad go nowhere new.
fn releases_to_check(snapshot: &Snapshot) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut all: BTreeMap<Ref, BTreeMap<u64, Ref>> = BTreeMap::new();
    let mut deployed = all.clone();
    let add = |to: &mut BTreeMap<Ref, BTreeMap<u64, Ref>>, release: Ref| {
        if let Some(number) = release.release_number() {
            to.entry(release.package()).or_default().insert(number, release);
        }
    };
    if let Ok(glob) = Glob::new("**/@r*") {
        for release in needs.take(snapshot.search(&glob)).unwrap_or_default() {
            add(&mut all, release);
        }
    }
    for current in needs.take(snapshot.of_kind(Marker::State, &OfKind::DEPLOYS)).unwrap_or_default() {
        if let Some(Some((task, _))) = needs.take(current_task(snapshot, &current)) {
            add(&mut deployed, task.release_ref());
        }
    }
    let mut wanted = Vec::new();
    for (package, releases) in &all {
        let deployed = deployed.get(package).into_iter().flat_map(|deployed| deployed.values().rev());
        for release in deployed.chain(releases.values().rev()) {
            match needs.take(rollback::is_bad(snapshot, release)) {
                Some(true) => continue,
                Some(false) => wanted.push(release.clone()),
                None => {}
            }
            break;
        }
    }
    needs.settle(wanted)
}
