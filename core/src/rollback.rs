//! Back to the release that was live before: what should be deployed is set back to it.
//!
//! What was live before is read off the store: each completed run of a deployment, in the order in
//! which they ended. Somebody who goes back and then on to something new has left behind what he
//! went back from, as in a browser: with r1, r2, r3, then r1 again and then r4, the release before
//! r4 is r1. So rolling back twice goes back by two, and never returns to what was left.
//!
//! Only intent is written. From there on it is like any other change of intent: it shows up in the
//! plan, and whoever does the work deploys it (spec: work, "release rollback").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::documents::{Intent, Marker, Release, Status, Task, body_type};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::intent::current_task;
use crate::order::{Gather as _, Order as _};
use crate::refs::{Ref, RefError};
use crate::release::{self, ReleaseError};
use crate::resolve;
use crate::run;
use crate::runs;
use crate::snapshot::{Needs, Snapshot, Unmet, unmet};
use crate::times;
use crate::transaction::{Edit, Transaction};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Of this package.
    pub package: &'a Ref,
    /// To this release, by number or tag; none: to the one that was live before.
    pub to: Option<&'a Ref>,
    /// In these environments; none: in all where the package is deployed.
    pub environments: &'a [String],
    /// Whether the releases that are rolled back from are never to be selected again.
    pub mark_bad: bool,
}

/// A deployment that is set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub environment: String,
    /// The release that was intended there, or where nothing was, the one that is live.
    pub from: Ref,
    /// The release that is intended from now on.
    pub to: Ref,
    /// Releases between the two that are marked as bad, newest first.
    pub skipped: Vec<Ref>,
}

/// Why nothing is rolled back. Where one deployment cannot be, none is: half a rollback is
/// something that nobody has asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// There is nothing to set back.
    #[error("nothing to roll back: no release of {0} is deployed")]
    NothingDeployed(Ref),
    /// Not where it was asked for.
    #[error("{package} is not deployed to {environment} (it is deployed to: {})", .deployed.join(", "))]
    NotDeployedTo {
        /// The package.
        package: Ref,
        /// Where it should be rolled back.
        environment: String,
        /// Where it could be.
        deployed: Vec<String>,
    },
    /// Nothing that was live before is left.
    #[error("nothing is rolled back: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoneBefore(Vec<NoneBefore>),
    /// The release that is named cannot go there.
    #[error("{release} has no deployment to {environment}, so nothing is rolled back")]
    NotTo {
        /// The release.
        release: Ref,
        /// Where it should go.
        environment: String,
    },
    /// The release that is named is of something else.
    #[error("{release} is a release of another package than {package}")]
    OtherPackage {
        /// The release.
        release: Ref,
        /// The package to be rolled back.
        package: Ref,
    },
    /// It is intended everywhere already.
    #[error("nothing to roll back: {0} is what should be deployed there already")]
    Already(Ref),
    /// The release that is named is not there, or cannot be read.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A name that makes no ref.
    #[error(transparent)]
    Ref(#[from] RefError),
}

unmet!(RollbackError => RollbackError, RefError => RollbackError);

/// A deployment for which no release before is left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "in {environment} no release was live before {from}{}",
    but(.skipped)
)]
pub struct NoneBefore {
    /// Where.
    pub environment: String,
    /// What is intended there.
    pub from: Ref,
    /// What was, but is marked as bad; newest first.
    pub skipped: Vec<Ref>,
}

fn but(skipped: &[Ref]) -> String {
    match skipped {
        [] => String::new(),
        some => {
            let some: Vec<&str> = some.iter().map(Ref::as_str).collect();
            format!(" that is not marked as bad ({} is)", some.join(", "))
        }
    }
}

/// Sets deployments back, all in one transaction. Returns what becomes of each, by environment.
///
/// The intent gets the inputs that the release was deployed with there, as its own claim had left
/// them: so it says again what it said then, and a ref that has gone since (an approval, say) holds
/// nothing up, since its value is still known. Refs that lead somewhere are resolved anew all the
/// same when it is deployed. A release that was never deployed there gets those of its package.
///
/// # Errors
/// What must be loaded, or why nothing is rolled back.
pub fn rollback(
    snapshot: &Snapshot,
    wish: &Wish<'_>,
    facts: &Facts,
) -> Result<(Transaction, Vec<Step>), Unmet<RollbackError>> {
    let package = wish.package;
    let to = match wish.to.map(|to| release::read(snapshot, to)) {
        None => None,
        Some(Ok((to, _))) => Some(to),
        Some(Err(Unmet::Needs(needs))) => return Err(needs.into()),
        Some(Err(Unmet::Error(error))) => return Err(RollbackError::from(error).into()),
    };
    if let Some(release) = to.clone().filter(|to| to.package() != *package) {
        return Err(RollbackError::OtherPackage { release, package: package.clone() }.into());
    }
    let intended = narrowed(wish, intended(snapshot, package)?)?;
    let from: BTreeSet<&Ref> = intended.values().gather();
    let mut needs = Needs::default();
    let mut steps = Vec::new();
    let mut none = Vec::new();
    for (environment, current) in &intended {
        if let Some(to) = &to {
            if to != current {
                let (environment, from) = (environment.clone(), current.clone());
                steps.push(Step { environment, from, to: to.clone(), skipped: Vec::new() });
            }
            continue;
        }
        let Some(history) = needs.take(history(snapshot, package, environment)) else { continue };
        let before: Vec<&Ref> = history.iter().take_while(|release| *release != current).collect();
        let mut skipped = Vec::new();
        let mut found = None;
        for release in before.into_iter().rev() {
            let left = wish.mark_bad && from.contains(release);
            match needs.take(if left { Ok(true) } else { is_bad(snapshot, release) }) {
                Some(true) => skipped.push(release.clone()),
                Some(false) => match needs.take(deploys_to(snapshot, release, environment)) {
                    Some(false) => {}
                    deploys => {
                        found = deploys.map(|_| release.clone());
                        break;
                    }
                },
                None => break,
            }
        }
        let (environment, from) = (environment.clone(), current.clone());
        match found {
            Some(to) => steps.push(Step { environment, from, to, skipped }),
            None => none.push(NoneBefore { environment, from, skipped }),
        }
    }
    needs.settle(())?;
    match to {
        _ if !none.is_empty() => Err(RollbackError::NoneBefore(none).into()),
        Some(to) if steps.is_empty() => Err(RollbackError::Already(to).into()),
        _ => Ok((write(snapshot, wish, &steps, facts)?, steps)),
    }
}

fn write(
    snapshot: &Snapshot,
    wish: &Wish<'_>,
    steps: &[Step],
    facts: &Facts,
) -> Result<Transaction, Unmet<RollbackError>> {
    let mut needs = Needs::default();
    let mut edit = Edit::new(snapshot, format!("roll back {}", wish.package));
    let mut bad: BTreeMap<&Ref, Vec<&str>> = BTreeMap::new();
    for Step { environment, from, to, .. } in steps {
        bad.entry(from).or_default().push(environment);
        match needs.take(deploys_to(snapshot, to, environment)) {
            None => continue,
            Some(true) => {}
            Some(false) => {
                let (release, environment) = (to.clone(), environment.clone());
                return Err(RollbackError::NotTo { release, environment }.into());
            }
        }
        let place = format!("deploy/{environment}");
        let current = wish.package.with_release("")?.child(&place)?;
        // Whatever is deployed there meanwhile, this was decided on what is live now.
        needs.take(edit.require_unchanged(&current));
        let deployed = needs.take(snapshot.get(&to.child(&place)?)).flatten();
        let input = deployed.and_then(Document::read::<Task>).map(|task| task.input).unwrap_or_default();
        let intent = current.to_intent();
        let Some(old) = needs.take(edit.get(&intent)) else { continue };
        let extra = old.and_then(Document::read::<Intent>).map(|old| old.extra).unwrap_or_default();
        let wanted = Intent { release: to.clone(), input, extra };
        needs.take(edit.put_body(&intent, body_type::INTENT, &wanted));
    }
    for (release, environments) in bad.into_iter().filter(|_| wish.mark_bad) {
        let mark = mark_of(release)?.to_intent();
        if needs.take(edit.get(&mark)) == Some(None) {
            let body = json!({"reason": "rolled back", "environments": environments, "time": facts.now});
            needs.take(edit.put_body(&mark, body_type::of_custom(&body), &body));
        }
    }
    Ok(needs.settle(edit.finish())?)
}

/// Whether a release is not to be selected any more: `…/@r<N>/custom/bad` is there, in state or in
/// intent, and is not `false`.
///
/// # Errors
/// What must be loaded.
pub fn is_bad(snapshot: &Snapshot, release: &Ref) -> Result<bool, Needs> {
    let Ok(mark) = mark_of(release) else { return Ok(false) };
    let mut needs = Needs::default();
    let mut bad = false;
    for mark in [mark.to_intent(), mark] {
        let Some(true) = needs.take(snapshot.exists(&mark)) else { continue };
        let Some(document) = needs.take(snapshot.get(&mark)) else { continue };
        let body = document.and_then(Document::body);
        bad |= !matches!(body, Some(Value::Null | Value::Bool(false)));
    }
    needs.settle(bad)
}

fn mark_of(release: &Ref) -> Result<Ref, RefError> {
    release.child("custom/bad")
}

/// Where `package` is deployed, and for each environment the release that should be there.
///
/// After a deploy has failed that is not the one that is live, and what people want to get away
/// from is the former.
fn intended(snapshot: &Snapshot, package: &Ref) -> Result<BTreeMap<String, Ref>, Needs> {
    let pattern = format!("{}/@/deploy/*", Glob::escape(package.as_str()));
    let Ok(glob) = Glob::new(&pattern) else { return Ok(BTreeMap::new()) };
    let mut needs = Needs::default();
    let mut found = BTreeMap::new();
    for current in snapshot.search(&glob)? {
        let intent = needs.take(snapshot.get(&current.to_intent())).flatten();
        let Some(Some((place, _))) = needs.take(current_task(snapshot, &current)) else { continue };
        let wanted = intent.and_then(Document::read::<Intent>);
        let wanted = wanted.and_then(|wanted| needs.take(resolve::release(snapshot, &wanted.release)));
        let known = |release: &Ref| release.package() == *package;
        let wanted = wanted
            .filter(|release| known(release) && needs.take(snapshot.exists(release)).unwrap_or_default());
        found.insert(current.subpath().to_owned(), wanted.unwrap_or_else(|| place.release_ref()));
    }
    needs.settle(found)
}

/// Those of the environments that are wished for.
fn narrowed(
    wish: &Wish<'_>,
    mut intended: BTreeMap<String, Ref>,
) -> Result<BTreeMap<String, Ref>, RollbackError> {
    if intended.is_empty() {
        return Err(RollbackError::NothingDeployed(wish.package.clone()));
    }
    if let Some(other) = wish.environments.iter().find(|wanted| !intended.contains_key(*wanted)) {
        return Err(RollbackError::NotDeployedTo {
            package: wish.package.clone(),
            environment: other.clone(),
            deployed: intended.into_keys().collect(),
        });
    }
    intended.retain(|environment, _| wish.environments.is_empty() || wish.environments.contains(environment));
    Ok(intended)
}

/// The releases that were live in an environment, oldest first, without those that were left by
/// going back. See the [module's page](self).
fn history(snapshot: &Snapshot, package: &Ref, environment: &str) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut ended = Vec::new();
    for entry in runs::of_deployment(snapshot, package, environment)? {
        if entry.status() != Status::Complete {
            continue;
        }
        let Ok(marker) = run::status_ref(&entry.reference, Status::Complete) else { continue };
        let marker = needs.take(snapshot.get(&marker)).flatten().and_then(Document::read::<Marker>);
        // A time that cannot be read is older than any: then numbers decide.
        let time = marker.and_then(|marker| times::parse(&marker.time));
        ended.push((time, entry.release().release_number(), entry.number, entry.release()));
    }
    needs.settle(())?;
    ended.order();
    let mut live: Vec<Ref> = Vec::new();
    // Taking a deployment down is a run too. It is one of the release that is live, so it changes
    // nothing here.
    for (_, _, _, release) in ended {
        match live.iter().position(|before| *before == release) {
            Some(at) => live.truncate(at + 1),
            None => live.push(release),
        }
    }
    Ok(live)
}

fn deploys_to(snapshot: &Snapshot, release: &Ref, environment: &str) -> Result<bool, Needs> {
    let release = snapshot.get(release)?.and_then(Document::read::<Release>);
    Ok(release.is_some_and(|release| release.package.deploy(environment).is_some()))
}
