//! Where work belongs, and the sources to do it with.
//!
//! A run belongs to a repo at a commit. That may be what is checked out where the command runs, or
//! another commit of that repo, or another repo; in a checkout of a store it is always elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::commands;
use ocuroot_core::documents::RepoConfig;
use ocuroot_core::envelope::Document;
use ocuroot_core::plan::Plan;
use ocuroot_core::repo_config;
use ocuroot_core::sdk::{Diagnostics, Program};

use crate::checkout::{Checkout, Sources};
use crate::error::Failure;
use crate::git;
use crate::interrupt;
use crate::native_host::{LogSink, NativeHost};
use crate::recorded;
use crate::repo::Place;
use crate::session::Session;
use crate::view::Event;

/// A repo at a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// The repo's name.
    pub repo: String,
    /// Full hash.
    pub commit: String,
}

impl Elsewhere {
    /// Where the work on `item` belongs.
    #[must_use]
    pub fn of(item: &Ref, commit: &str) -> Elsewhere {
        Elsewhere { repo: item.repo().unwrap_or_default().to_owned(), commit: commit.to_owned() }
    }
}

/// What is checked out here; none in a checkout of a store.
///
/// # Errors
/// When the source repo has no name or no commit.
pub fn own(session: &Session) -> Result<Option<Elsewhere>, Failure> {
    match &session.repo.place {
        Place::Source(_) => {
            let (repo, commit) = (session.repo.name()?, session.repo.commit()?);
            Ok(Some(Elsewhere { repo: repo.to_owned(), commit: commit.hash.clone() }))
        }
        Place::Store(_) => Ok(None),
    }
}

/// Calls `work` for each place of the plan, with the part of the plan that belongs there, intent left
/// out. A place whose sources cannot be had is reported, and the rest goes on: returns those.
///
/// # Errors
/// Those of `work`, or when the user gives up.
pub fn at_each(
    session: &mut Session,
    plan: &Plan,
    mut work: impl FnMut(&mut Session, &Sources, &Plan) -> Result<(), Failure>,
) -> Result<BTreeSet<Elsewhere>, Failure> {
    // What is checked out elsewhere goes before this process does.
    let _patience = interrupt::hold();
    let mut given_up = BTreeSet::new();
    for (place, part) in by_place(plan) {
        let done = match sources(session, &place) {
            Ok((sources, _checkout)) => work(session, &sources, &part),
            Err(error) => Err(error),
        };
        match done {
            Err(error @ Failure::Unsuccessful(_)) if interrupt::is_set() => return Err(error),
            Ok(()) | Err(Failure::Git(_) | Failure::File { .. } | Failure::NoSpace { .. })
                if interrupt::is_set() =>
            {
                let message = "interrupted; the same command goes on with what is left";
                return Err(Failure::Unsuccessful(message.to_owned()));
            }
            Ok(()) => {}
            Err(
                error @ (Failure::Git(_)
                | Failure::File { .. }
                | Failure::NoSpace { .. }
                | Failure::Unsuccessful(_)),
            ) => {
                session.view.show(&Event::Undone(&cannot_do(&place, &part, &error)));
                given_up.insert(place);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(given_up)
}

/// Why the work of a place is left, and what to do about it.
fn cannot_do(place: &Elsewhere, part: &Plan, error: &Failure) -> String {
    let Elsewhere { repo, commit } = place;
    let mut text = format!("cannot do the work of {repo} at {commit}: {error}");
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\n  {hint}"));
        return text;
    }
    let waiting: BTreeSet<Ref> = part.ready.iter().map(|ready| ready.run.release_ref()).collect();
    text.push_str("\n  push the commit to a remote of the repo again");
    for release in waiting {
        text.push_str(&format!(", or end what waits for it: {}", commands::cancel(&release)));
    }
    text
}

/// The plan's work by where it belongs, but for intent.
fn by_place(plan: &Plan) -> BTreeMap<Elsewhere, Plan> {
    let mut places: BTreeMap<Elsewhere, Plan> = BTreeMap::new();
    for ready in &plan.ready {
        places.entry(Elsewhere::of(&ready.run, &ready.commit)).or_default().ready.push(ready.clone());
    }
    for deploy in &plan.reconcile {
        let place = Elsewhere::of(&deploy.stale.task, &deploy.commit);
        places.entry(place).or_default().reconcile.push(deploy.clone());
    }
    for op in &plan.ops {
        places.entry(Elsewhere::of(&op.op, &op.commit)).or_default().ops.push(op.clone());
    }
    places
}

/// The sources of a place: what is checked out here, or a worktree or clone that lasts as long as what
/// comes with it.
fn sources(session: &mut Session, place: &Elsewhere) -> Result<(Sources, Option<Checkout>), Failure> {
    let checkout = match own(session)? {
        Some(own) if own == *place => return Ok((Sources::here(&session.repo.root), None)),
        Some(own) if own.repo == place.repo && git::obtain(&session.repo.root, &place.commit) => {
            Checkout::worktree(&session.repo.root, &place.commit)?
        }
        _ => {
            let Elsewhere { repo, commit } = place;
            session.view.show(&Event::Note(&format!("cloning {repo} for its work at {commit}")));
            Checkout::clone(&remotes(session, place)?, commit)?
        }
    };
    Ok((checkout.sources.clone(), Some(checkout)))
}

/// Where a repo can be cloned from: what its `repo.ocu.star` says, then the remotes that were recorded.
fn remotes(session: &mut Session, place: &Elsewhere) -> Result<Vec<String>, Failure> {
    let (at, config) = recorded(session, place)?;
    let config = config.unwrap_or_default();
    // A file that has problems says nothing, and the rest will do.
    let named = evaluate(session, &at, &config).map(|(program, _)| program.repo().remotes.clone());
    let mut urls = named.unwrap_or_default();
    urls.extend(config.remotes.into_iter().map(|remote| remote.url));
    let mut seen = BTreeSet::new();
    urls.retain(|url| !url.is_empty() && seen.insert(url.clone()));
    Ok(urls)
}

/// What state holds of the configuration of a repo at a commit, and where.
///
/// # Errors
/// When the stores cannot be read.
pub fn recorded(session: &mut Session, place: &Elsewhere) -> Result<(Ref, Option<RepoConfig>), Failure> {
    let at = repo_config::reference(&place.repo, &place.commit)?;
    let config = session.ask(|snapshot| Ok(snapshot.get(&at)?.and_then(Document::read::<RepoConfig>)))?;
    Ok((at, config))
}

/// Evaluates what [`recorded()`] found. What it prints is shown.
///
/// # Errors
/// Every problem of the file.
pub fn evaluate(
    session: &Session,
    at: &Ref,
    config: &RepoConfig,
) -> Result<(Program, NativeHost), Diagnostics> {
    let place = Elsewhere::of(at, at.release().unwrap_or_default());
    let is_here = own(session).is_ok_and(|own| own == Some(place));
    let view = Arc::clone(&session.view);
    let sink: LogSink = Arc::new(move |log| view.show(&Event::Note(&log.message)));
    recorded::evaluate(&session.repo.root, at, config, is_here, sink)
}
