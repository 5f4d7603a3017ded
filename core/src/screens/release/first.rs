//! A release as its summary and its document tell of it: what one sees first.
//!
//! A summary says of every task and deployment that is not complete where it stands, and the document
//! says which there are and in which order. That is one document to read, where the whole takes a
//! listing and all that it names.

use std::collections::BTreeMap;

use super::{MOST_OTHERS, Node, Page, Phase, count, is_quiet};
use crate::documents::{self, Release, Work};
use crate::facts::Facts;
use crate::order::Order as _;
use crate::refs::Ref;
use crate::screens::Word;
use crate::screens::overview::word_of;
use crate::screens::standing::{Depth, Look};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;

/// The page of `release` without what only its own folder tells: how long things took, its notes, and
/// releases that the summary has no room for. None where the summaries do not tell enough.
///
/// # Errors
/// What must be loaded.
pub fn first(
    snapshot: &Snapshot,
    summaries: Option<&BTreeMap<Ref, Summary>>,
    release: &Ref,
    facts: &Facts,
) -> Result<Option<Page>, Needs> {
    let package = release.package();
    let Some((summaries, summary)) = summaries.and_then(|all| Some((all, all.get(&package)?))) else {
        return Ok(None);
    };
    let name = release.release().unwrap_or_default();
    let is_it = |other: &&crate::summary::ReleaseSummary| {
        other.id == name || other.tags.iter().any(|tag| tag == name)
    };
    let Some(told) = summary.releases.iter().find(is_it).filter(|told| told.more == 0) else {
        return Ok(None);
    };
    let Ok(at) = package.with_release(&told.id) else { return Ok(None) };
    let Some(body) = snapshot.get(&at)?.and_then(|document| document.read::<Release>()) else {
        return Ok(None);
    };
    // What has no run at all is not told of.
    let works: usize = body.package.phases.iter().map(|phase| phase.tasks.len()).sum();
    if told.runs.values().sum::<usize>() < works {
        return Ok(None);
    }
    let look = Look { snapshot, summaries, facts, depth: Depth::First };
    let standings = look.standings(summary)?;
    let node = |work: &Work| {
        let place = at.child(&work.place()).ok()?;
        let key = super::whole::key_of(&place);
        let open = told.open.get(&key);
        let said = standings.iter().find(|standing| standing.at == place).map(|standing| standing.word);
        let (kind, name) = key.split_once('/')?;
        let is_deploy = kind == "deploy";
        let attempts = open.map_or(1, |open| open.attempts);
        Some(Node {
            name: name.to_owned(),
            is_deploy,
            fragment: format!("{key}/{attempts}"),
            word: said.or_else(|| Some(Word::from(open?.status))).unwrap_or(Word::Complete),
            attempts: usize::try_from(attempts).unwrap_or(1),
            took: None,
            started: open
                .filter(|open| open.status == documents::Status::Running)
                .map(|open| open.since.clone()),
            usual: summary.live.get(name).filter(|_| is_deploy).and_then(|live| live.took),
            down: false,
        })
    };
    let phases =
        body.package.phases.iter().map(|phase| (phase, phase.tasks.iter().filter_map(node).collect()));
    let phases = phases.filter(|(_, nodes): &(_, Vec<Node>)| !nodes.is_empty()).enumerate();
    let phases = phases.map(|(index, (phase, nodes))| Phase {
        number: index + 1,
        name: match nodes.as_slice() {
            [only] if phase.name.is_empty() => only.name.clone(),
            _ => phase.name.clone(),
        },
        took: None,
        count: count(&nodes),
        quiet: is_quiet(&nodes),
        nodes,
    });
    let phases = phases.collect();
    let number = at.release_number();
    let mut siblings: Vec<Ref> =
        summary.releases.iter().filter_map(|other| package.with_release(&other.id).ok()).collect();
    siblings.order_by_key(Ref::release_number);
    let live = summary.live.iter().filter(|(_, live)| live.release == told.id);
    Ok(Some(Page {
        name: told.id.clone(),
        word: word_of(told, &standings),
        subject: told.subject.clone(),
        author: told.author.clone(),
        commit_link: None,
        commit: told.commit.clone(),
        time: told.time.clone(),
        tags: told.tags.clone(),
        live_in: live.map(|(environment, _)| environment.clone()).collect(),
        previous: siblings.iter().rev().find(|other| other.release_number() < number).cloned(),
        next: siblings.iter().find(|other| other.release_number() > number).cloned(),
        others: siblings
            .iter()
            .rev()
            .filter(|other| other.release_number() != number)
            .take(MOST_OTHERS)
            .cloned()
            .collect(),
        notes: Vec::new(),
        phases,
        release: at,
        package,
    }))
}
