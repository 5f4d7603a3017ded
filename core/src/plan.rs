//! The work that would be done now, and what is left out and why.
//!
//! A plan is a pure function of the two stores and the time: differences between intent and state, runs that
//! can start, deployments whose inputs have changed, operations that wait. Computing it changes
//! nothing; carrying it out is up to the caller, who plans again afterwards.
//!
//! ```
//! use ocuroot_core::facts::Facts;
//! use ocuroot_core::plan::{Scope, plan};
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let facts = Facts::at("2026-02-01T00:00:00Z");
//! let plan = plan(&Snapshot::empty(), &Scope::Everything, &facts).unwrap();
//! assert_eq!(serde_json::to_string(&plan.items())?, "[]");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::documents::{Release, Run, Status};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze::{self, Freeze};
use crate::glob::Glob;
use crate::intent::{self, Change, Difference};
use crate::ops;
use crate::order::{Gather as _, Order as _};
use crate::ready::{self, Missing, Readiness};
use crate::reconcile::{self, Stale};
use crate::refs::{Kind, Ref};
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Snapshot, Unmet};

/// Which work is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Everything,
    /// That of releases of one repo at one commit. Intent belongs to no commit, and is all there.
    Commit {
        /// The repo's name, as in refs.
        repo: String,
        /// Full hash.
        commit: String,
    },
}

/// What is to be done with an item's ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkType {
    /// Intent that has no state yet.
    Create,
    /// Intent that differs from state.
    Update,
    /// State whose intent is gone.
    Delete,
    /// A run that can start, or a deployment to be made again.
    Run,
    /// An operation on a release.
    Op,
    /// A release to be made.
    Release,
}

impl From<Change> for WorkType {
    fn from(change: Change) -> Self {
        match change {
            Change::Create => WorkType::Create,
            Change::Update => WorkType::Update,
            Change::Delete => WorkType::Delete,
        }
    }
}

/// One piece of work, as `--dryrun` prints it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// What it is about.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// What is to be done.
    pub work_type: WorkType,
    /// The source commit that it belongs to; intent has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A run that can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyRun {
    /// The run.
    pub run: Ref,
    /// The commit of its release.
    pub commit: String,
}

/// A deployment to be made again.
#[derive(Clone, Debug, PartialEq)]
pub struct StaleDeploy {
    /// The deployment, and what has changed.
    pub stale: Stale,
    /// The commit of its release.
    pub commit: String,
}

/// An operation that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOp {
    /// `…/@r<N>/op/<name>`.
    pub op: Ref,
    /// The commit of its release.
    pub commit: String,
}

/// Something that is no work now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is about.
    pub reference: Ref,
    /// Why it has to wait.
    pub reason: Reason,
}

/// Why something is left out of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A run that waits for these.
    Waits(Vec<Missing>),
    /// Another run is in the way, or a failed one waits for a retry.
    Blocked(String),
    /// It cannot be carried out as it is.
    Invalid(String),
    /// Nothing is deployed there now.
    Frozen(Freeze),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Waits(missing) => {
                f.write_str("waits for ")?;
                for (index, missing) in missing.iter().enumerate() {
                    write!(f, "{}{missing}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Reason::Blocked(why) | Reason::Invalid(why) => f.write_str(why),
            Reason::Frozen(freeze) => freeze.fmt(f),
        }
    }
}

/// The work that is known now. Each list is sorted by ref.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Differences between intent and state that can be carried out.
    pub intent: Vec<Difference>,
    /// Runs that can start.
    pub ready: Vec<ReadyRun>,
    /// Deployments to be made again.
    pub reconcile: Vec<StaleDeploy>,
    /// Operations that wait.
    pub ops: Vec<WaitingOp>,
    /// What is no work now, and why.
    pub left_out: Vec<LeftOut>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intent.is_empty() && self.ready.is_empty() && self.reconcile.is_empty() && self.ops.is_empty()
    }

    /// The runs that a freeze holds, and the deployments that would be made again without one.
    #[must_use]
    pub fn frozen(&self) -> Vec<(Ref, Freeze)> {
        let frozen = |left: &LeftOut| match &left.reason {
            Reason::Frozen(freeze) => Some((left.reference.clone(), freeze.clone())),
            _ => None,
        };
        self.left_out.iter().filter_map(frozen).collect()
    }

    /// The plan as a list: intent, ready runs, reconcile, ops.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let intent = self.intent.iter().map(|difference| Item {
            reference: difference.reference.clone(),
            work_type: difference.change.into(),
            commit: None,
        });
        let item = |reference: &Ref, work_type, commit: &str| Item {
            reference: reference.clone(),
            work_type,
            commit: Some(commit.to_owned()),
        };
        let ready = self.ready.iter().map(|ready| item(&ready.run, WorkType::Run, &ready.commit));
        let reconcile =
            self.reconcile.iter().map(|deploy| item(&deploy.stale.task, WorkType::Run, &deploy.commit));
        let ops = self.ops.iter().map(|op| item(&op.op, WorkType::Op, &op.commit));
        intent.chain(ready).chain(reconcile).chain(ops).collect()
    }
}

/// The commits of releases, looked up once each.
struct Commits<'a> {
    snapshot: &'a Snapshot,
    known: BTreeMap<Ref, Option<String>>,
}

impl Commits<'_> {
    /// The commit of `release`; none when its document is not there.
    fn of(&mut self, release: &Ref) -> Result<Option<String>, Needs> {
        if let Some(known) = self.known.get(release) {
            return Ok(known.clone());
        }
        let commit = self.snapshot.get(release)?.and_then(Document::read::<Release>).map(|body| body.commit);
        self.known.insert(release.clone(), commit.clone());
        Ok(commit)
    }
}

/// Where work may be: a plan looks at these and at nothing else. Whoever names fewer than there are
/// answers for it that the others are no work, and wait for nothing that a plan tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates {
    /// Intent, spelled with `+`.
    pub intents: Vec<Ref>,
    /// State that intent could be about: what belongs to `intents`, and what may have none.
    pub states: BTreeSet<Ref>,
    /// Pending and paused runs, sorted by ref.
    pub runs: Vec<RunEntry>,
    /// What is deployed: `…/@/deploy/<environment>`.
    pub deployed: Vec<Ref>,
    /// Operations, sorted.
    pub ops: Vec<Ref>,
}

/// The work that `scope` takes in. `facts` tell the time, for freezes that end.
///
/// # Errors
/// What must be loaded.
pub fn plan(snapshot: &Snapshot, scope: &Scope, facts: &Facts) -> Result<Plan, Needs> {
    let mut plan = Plan::default();
    let mut needs = Needs::default();
    needs.take(plan_intent(snapshot, &mut plan));
    needs.take(plan_runs(snapshot, scope, facts, &mut plan));
    needs.settle(plan)
}

/// The work that there is at `candidates`: with all of them, the same as [`plan`] finds.
///
/// # Errors
/// What must be loaded.
pub fn plan_at(snapshot: &Snapshot, candidates: &Candidates, facts: &Facts) -> Result<Plan, Needs> {
    let mut plan = Plan::default();
    let mut needs = Needs::default();
    let differences = intent::diff_among(snapshot, candidates.intents.clone(), candidates.states.clone());
    let differences = needs.take(differences).unwrap_or_default();
    needs.take(judge_intent(snapshot, differences, &mut plan));
    let stale = needs.take(reconcile::check_all(snapshot, &candidates.deployed)).unwrap_or_default();
    let mut commits = Commits { snapshot, known: BTreeMap::new() };
    let (runs, ops) = (candidates.runs.clone(), candidates.ops.clone());
    needs.take(judge(snapshot, facts, &mut commits, (runs, stale, ops), &mut plan));
    needs.settle(plan)
}

/// Differences between intent and state, the ones that wait left out.
///
/// # Errors
/// What must be loaded.
pub fn plan_intent(snapshot: &Snapshot, plan: &mut Plan) -> Result<(), Needs> {
    judge_intent(snapshot, intent::diff(snapshot)?, plan)
}

fn judge_intent(snapshot: &Snapshot, differences: Vec<Difference>, plan: &mut Plan) -> Result<(), Needs> {
    let mut needs = Needs::default();
    // What an apply would do does not depend on when it is done, and nobody sees these facts.
    let facts = Facts::at("");
    for difference in differences {
        let reason = match difference.reference.kind() {
            Some(Kind::Deploy | Kind::Environment | Kind::Custom) => {
                match intent::apply(snapshot, &difference.reference, &facts) {
                    Ok((_, intent::Applied::Unchanged(why))) => Some(Reason::Blocked(why)),
                    Ok(_) => None,
                    Err(Unmet::Needs(more)) => {
                        needs.merge(more);
                        continue;
                    }
                    Err(Unmet::Error(error)) => Some(Reason::Invalid(error.to_string())),
                }
            }
            _ => None,
        };
        match reason {
            None => plan.intent.push(difference),
            Some(reason) => plan.left_out.push(LeftOut { reference: difference.reference, reason }),
        }
    }
    needs.settle(())
}

/// Ready runs, deployments to be made again and operations.
///
/// # Errors
/// What must be loaded.
pub fn plan_runs(snapshot: &Snapshot, scope: &Scope, facts: &Facts, plan: &mut Plan) -> Result<(), Needs> {
    let mut needs = Needs::default();
    let mut commits = Commits { snapshot, known: BTreeMap::new() };
    let releases = match scope {
        Scope::Everything => None,
        Scope::Commit { repo, commit } => {
            let releases: BTreeSet<Ref> = releases_at(snapshot, repo, commit)?.into_iter().gather();
            commits.known.extend(releases.iter().map(|release| (release.clone(), Some(commit.clone()))));
            Some(releases)
        }
    };
    let runs = needs.take(scoped_runs(snapshot, releases.as_ref())).unwrap_or_default();
    let stale = match &releases {
        None => reconcile::stale(snapshot),
        Some(releases) => reconcile::stale_of(snapshot, releases),
    };
    let stale = needs.take(stale).unwrap_or_default();
    let ops = needs.take(scoped_ops(snapshot, releases.as_ref())).unwrap_or_default();
    needs.take(judge(snapshot, facts, &mut commits, (runs, stale, ops), plan));
    needs.settle(())
}

/// Which runs can start, which deployments can be made again and which operations are to be done.
fn judge(
    snapshot: &Snapshot,
    facts: &Facts,
    commits: &mut Commits<'_>,
    (runs, stale, ops): (Vec<RunEntry>, Vec<Stale>, Vec<Ref>),
    plan: &mut Plan,
) -> Result<(), Needs> {
    let mut needs = Needs::default();
    let overridden = facts.override_freeze.is_some();
    for entry in runs {
        let Some(Some(commit)) = needs.take(commits.of(&entry.release())) else { continue };
        let Some(Some(document)) = needs.take(snapshot.get(&entry.reference)) else { continue };
        let run = document.read::<Run>();
        let Some((run, function)) = run.as_ref().and_then(|run| Some((run, run.functions.last()?))) else {
            let reason = Reason::Invalid("the run's document cannot be read".to_owned());
            plan.left_out.push(LeftOut { reference: entry.reference, reason });
            continue;
        };
        match needs.take(ready::check(snapshot, function)) {
            None => {}
            Some(Readiness::Ready(_)) => {
                let held = if overridden { Ok(None) } else { freeze::holds(snapshot, &entry, run, facts) };
                match needs.take(held) {
                    None => {}
                    Some(None) => plan.ready.push(ReadyRun { run: entry.reference, commit }),
                    Some(Some(freeze)) => {
                        let reason = Reason::Frozen(freeze);
                        plan.left_out.push(LeftOut { reference: entry.reference, reason });
                    }
                }
            }
            Some(Readiness::Waiting(missing)) => {
                plan.left_out.push(LeftOut { reference: entry.reference, reason: Reason::Waits(missing) });
            }
        }
    }
    for stale in stale {
        let Some(Some(commit)) = needs.take(commits.of(&stale.task.release_ref())) else { continue };
        let environment = stale.current.subpath();
        let held = if overridden { Ok(None) } else { freeze::of(snapshot, environment, &facts.now) };
        let Some(held) = needs.take(held) else { continue };
        match stale.blocked.clone().map(Reason::Blocked).or(held.map(Reason::Frozen)) {
            Some(reason) => plan.left_out.push(LeftOut { reference: stale.task, reason }),
            None => plan.reconcile.push(StaleDeploy { stale, commit }),
        }
    }
    for op in ops {
        let Some(Some(commit)) = needs.take(commits.of(&op.release_ref())) else { continue };
        match needs.take(ops::blocked(snapshot, &op)) {
            None => {}
            Some(None) => plan.ops.push(WaitingOp { op, commit }),
            Some(Some(why)) => plan.left_out.push(LeftOut { reference: op, reason: Reason::Blocked(why) }),
        }
    }
    plan.left_out.order_by(|a, b| a.reference.cmp(&b.reference));
    needs.settle(())
}

/// The runs that may start, sorted by ref. Of the scope's releases only, where they are known: then
/// no other release's folder is opened.
fn scoped_runs(snapshot: &Snapshot, releases: Option<&BTreeSet<Ref>>) -> Result<Vec<RunEntry>, Needs> {
    let mut found = Vec::new();
    match releases {
        None => found = runs::startable(snapshot)?,
        Some(releases) => {
            let mut needs = Needs::default();
            for release in releases {
                found.extend(needs.take(runs::of_release(snapshot, release)).unwrap_or_default());
            }
            needs.settle(())?;
        }
    }
    found.retain(|entry| matches!(entry.status(), Status::Pending | Status::Paused));
    found.order_by(|a, b| a.reference.cmp(&b.reference));
    Ok(found)
}

fn scoped_ops(snapshot: &Snapshot, releases: Option<&BTreeSet<Ref>>) -> Result<Vec<Ref>, Needs> {
    let Some(releases) = releases else { return ops::waiting(snapshot) };
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for release in releases {
        let Ok(glob) = Glob::new(&format!("{}/op/*", Glob::escape(release.as_str()))) else { continue };
        found.extend(needs.take(snapshot.search(&glob)).unwrap_or_default());
    }
    found.order();
    needs.settle(found)
}

/// The releases of a repo's packages at one commit.
///
/// # Errors
/// What must be loaded.
pub fn releases_at(snapshot: &Snapshot, repo: &str, commit: &str) -> Result<Vec<Ref>, Needs> {
    let pattern = format!("{}/-/**/@?*/commit/{}", Glob::escape(repo), Glob::escape(commit));
    let Ok(glob) = Glob::new(&pattern) else { return Ok(Vec::new()) };
    Ok(snapshot.search(&glob)?.iter().map(Ref::release_ref).collect())
}
