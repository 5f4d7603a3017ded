//! The Release screen: one release, its phases as a pipeline, and what is the matter with it.
//!
//! [`first`] is what a summary tells of it, at the cost of one document. [`page`] draws from the release's own folder, and of the rest of the store only from what decides a
//! word: freezes, custom state that somebody must set, and the inputs of runs whose turn has come. What
//! a run was given and what it waits for in full is [`panel`]'s, for the one run that is looked at.
//! [`compare`] sets two releases side by side, and a run's log is [`super::log`]'s.
//!
//! ```
//! use ocuroot_core::documents::{Release, body_type};
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::facts::Facts;
//! use ocuroot_core::screens::{Word, release};
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let mut snapshot = Snapshot::empty();
//! let at = "github.com/acme/shop/-/web.ocu.star/@r2".parse()?;
//! snapshot.put(&at, Document::new(body_type::RELEASE, &Release { commit: "7be91d4".into(), ..Release::default() }));
//! let page = release::page(&snapshot, None, &at, &Facts::at("2026-05-12T16:42:06Z")).unwrap().unwrap();
//! assert_eq!((page.name.as_str(), page.word), ("r2", Word::Pending));
//! assert_eq!(page.commit_link.as_deref(), Some("https://github.com/acme/shop/commit/7be91d4"));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

pub mod compare;
mod first;
mod notes;
pub mod panel;
pub mod preview;
mod whole;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::first::first;
use self::whole::{Item, Whole};
use super::source_links::Host;
use super::turn::Turn;
use super::{Tone, Word};
use crate::documents::{RunType, Status};
use crate::facts::Facts;
use crate::natural;
use crate::order::Order as _;
use crate::refs::{Kind, Marker, Ref};
use crate::release::ReleaseError;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::Summary;
use crate::times;

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// `…/@r142`.
    pub release: Ref,
    /// The package that it is of.
    pub package: Ref,
    /// `r142`.
    pub name: String,
    /// Where it stands.
    pub word: Word,
    /// First line of its commit's message.
    pub subject: String,
    /// Of the commit; a name without an address.
    pub author: String,
    /// Full hash.
    pub commit: String,
    /// The commit's page on the host of its repo.
    pub commit_link: Option<String>,
    /// When it was made, RFC 3339. Empty where the store does not say.
    pub time: String,
    /// Its other names.
    pub tags: Vec<String>,
    /// Environments where it is what is deployed.
    pub live_in: Vec<String>,
    /// The release before it.
    pub previous: Option<Ref>,
    /// The release after it.
    pub next: Option<Ref>,
    /// All other releases of the package that it may be compared with, newest first; of very many only
    /// the newest.
    pub others: Vec<Ref>,
    /// What is the matter: broken first, then what needs a person, then information. Three at most.
    pub notes: Vec<Note>,
    /// In the order in which they run; those without work are left out.
    pub phases: Vec<Phase>,
}

/// A line across the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// Whose shape and tone it has.
    pub word: Word,
    /// What is so: a sentence.
    pub lead: String,
    /// Custom state that is not set, where that is it.
    pub missing: Option<Ref>,
    /// What follows from it: a sentence or none.
    pub text: String,
    /// What would help.
    pub action: Option<Action>,
}

/// The one thing to do about something.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Look at a run: its URL's fragment.
    Look(String),
    /// Set custom state.
    Approve(Approval),
    /// Have a command executed.
    Command(String),
}

/// Custom state that somebody must set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// What is to be set.
    pub custom: Ref,
    /// The command that sets it.
    pub command: String,
}

impl Approval {
    /// That of a ref to custom state.
    fn of(custom: &Ref) -> Approval {
        let custom = custom.document();
        Approval { command: crate::commands::approve(&custom), custom }
    }
}

/// A column of the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// From 1.
    pub number: usize,
    /// Its name, or that of its only work; may be empty.
    pub name: String,
    /// From its first start to its last end, in seconds; none while it is open.
    pub took: Option<u64>,
    /// How many stand where: `6 pending, 1 frozen`.
    pub count: String,
    /// Whether nothing here is of interest: all is complete, or has not begun.
    pub quiet: bool,
    /// Its tasks and deployments, in file order.
    pub nodes: Vec<Node>,
}

/// A task or deployment in the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Name of the task, or of the environment.
    pub name: String,
    /// Whether it is a deployment.
    pub is_deploy: bool,
    /// The newest attempt: `deploy/perf/3`. Without one, `deploy/perf`.
    pub fragment: String,
    /// Where it stands.
    pub word: Word,
    /// How many runs it has had.
    pub attempts: usize,
    /// How long the newest took, in seconds.
    pub took: Option<u64>,
    /// Since when it runs, RFC 3339.
    pub started: Option<String>,
    /// How long it usually takes, in seconds.
    pub usual: Option<u64>,
    /// Whether the newest attempt took the deployment down.
    pub down: bool,
}

impl Node {
    /// Whether a URL's fragment names it, or an earlier attempt at the same.
    #[must_use]
    pub fn is_named(&self, fragment: &str) -> bool {
        let kind = if self.is_deploy { "deploy/" } else { "task/" };
        let name = fragment.strip_prefix(kind).and_then(|rest| rest.strip_prefix(self.name.as_str()));
        name.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('/').is_some_and(|number| number.parse::<u64>().is_ok())
        })
    }

    /// What stands beside the name at the time `now`: how long it took, or where it stands.
    ///
    /// ```
    /// use ocuroot_core::screens::{Word, release::Node};
    ///
    /// let mut node = Node {
    ///     name: "perf".into(), is_deploy: true, fragment: "deploy/perf/3".into(), word: Word::Failed,
    ///     attempts: 3, took: Some(301), started: None, usual: Some(180), down: false,
    /// };
    /// assert_eq!(node.measure("2026-05-12T16:00:00Z"), "failed, 3 tries");
    /// node.word = Word::Complete;
    /// assert_eq!(node.measure("2026-05-12T16:00:00Z"), "5m 1s");
    /// node.word = Word::Running;
    /// node.started = Some("2026-05-12T15:58:48Z".into());
    /// assert_eq!(node.measure("2026-05-12T16:00:00Z"), "1:12 of ~3 min");
    /// ```
    #[must_use]
    pub fn measure(&self, now: &str) -> String {
        match self.word {
            Word::Complete if self.down => "taken down".to_owned(),
            Word::Complete => self.took.map(times::short_duration).unwrap_or_default(),
            Word::Running => {
                let Some(elapsed) = self.started.as_ref().and_then(|then| times::seconds(then, now)) else {
                    return self.word.to_string();
                };
                let usual = self.usual.map(|usual| format!(" of ~{}", times::age(usual))).unwrap_or_default();
                format!("{}{usual}", times::elapsed(elapsed))
            }
            Word::NeedsApproval => "approve".to_owned(),
            Word::Failed if self.attempts > 1 => format!("failed, {} tries", self.attempts),
            word => word.to_string(),
        }
    }
}

impl Page {
    /// The run that is looked at where nobody has chosen one: what is most urgent, and of what is not
    /// at all the first. Its fragment.
    #[must_use]
    pub fn focus(&self) -> Option<&str> {
        let nodes = || self.phases.iter().flat_map(|phase| &phase.nodes);
        let urgent = nodes().filter(|node| node.word < Word::Pending).min_by_key(|node| node.word);
        urgent.or_else(|| nodes().next()).map(|node| node.fragment.as_str())
    }

    /// The node that `key` leads to from the one at `from`, its phase and its place there: ← and → to
    /// the next phase, ↑ and ↓ within one, Home and End to its ends. None where there is none.
    #[must_use]
    pub fn step(&self, (phase, node): (usize, usize), key: &str) -> Option<(usize, usize)> {
        let last = |phase: usize| self.phases.get(phase)?.nodes.len().checked_sub(1);
        match key {
            "ArrowLeft" => {
                let phase = phase.checked_sub(1)?;
                Some((phase, node.min(last(phase)?)))
            }
            "ArrowRight" => Some((phase + 1, node.min(last(phase + 1)?))),
            "ArrowUp" => Some((phase, node.checked_sub(1)?)),
            "ArrowDown" => Some((phase, node + 1)).filter(|(_, node)| Some(*node) <= last(phase)),
            "Home" => Some((phase, 0)),
            "End" => Some((phase, last(phase)?)),
            _ => None,
        }
    }
}

/// The most releases that are offered to be compared with.
const MOST_OTHERS: usize = 200;

/// The page of `release`, a number or a tag. `summaries` are those that are stored, where there are.
///
/// # Errors
/// What must be loaded; within, why there is nothing to show.
pub fn page(
    snapshot: &Snapshot,
    summaries: Option<&BTreeMap<Ref, Summary>>,
    release: &Ref,
    facts: &Facts,
) -> Result<Result<Page, ReleaseError>, Needs> {
    let mut needs = Needs::default();
    let package = release.package();
    let siblings = needs.take(siblings(snapshot, &package));
    // Nobody can say where a deployment stands without.
    needs.take(crate::freeze::is_any(snapshot));
    let whole = needs.take(whole::read(snapshot, release));
    let (Some(siblings), Some(whole)) = (siblings, whole) else { return Err(needs) };
    needs.settle(())?;
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => return Ok(Err(error)),
    };

    let mut needs = Needs::default();
    let host = needs.take(Host::of_repo(snapshot, &package, &whole.body.commit)).flatten();
    let mut turns: BTreeMap<Ref, Turn> = BTreeMap::new();
    for (_, item) in whole.items() {
        if let Some(turn) = needs.take(item.turn(snapshot, facts)) {
            turns.insert(item.place.clone(), turn);
        }
    }
    needs.settle(())?;

    let usual = |item: &Item| {
        let summary = summaries?.get(&package)?;
        summary.live.get(item.name())?.took.filter(|_| item.place.kind() == Some(Kind::Deploy))
    };
    let phases: Vec<Phase> = whole
        .phases
        .iter()
        .enumerate()
        .map(|(index, phase)| {
            let nodes: Vec<Node> =
                phase.items.iter().map(|item| node(item, turns.get(&item.place), usual(item))).collect();
            let name = match nodes.as_slice() {
                [only] if phase.name.is_empty() => only.name.clone(),
                _ => phase.name.clone(),
            };
            Phase {
                number: index + 1,
                name,
                took: took(&phase.items),
                count: count(&nodes),
                quiet: is_quiet(&nodes),
                nodes,
            }
        })
        .collect();
    let number = whole.release.release_number();
    Ok(Ok(Page {
        name: whole.release.release().unwrap_or_default().to_owned(),
        word: word(&whole, &phases),
        subject: text(&whole, "subject"),
        author: text(&whole, "author"),
        commit_link: host.filter(|_| is_hash(&whole.body.commit)).map(|host| host.commit(&whole.body.commit)),
        commit: whole.body.commit.clone(),
        time: whole.marker.time.clone(),
        tags: tags(&whole),
        live_in: live_in(&whole),
        others: siblings
            .iter()
            .rev()
            .filter(|other| other.release_number() != number)
            .take(MOST_OTHERS)
            .cloned()
            .collect(),
        previous: siblings.iter().rev().find(|other| other.release_number() < number).cloned(),
        next: siblings.iter().find(|other| other.release_number() > number).cloned(),
        notes: notes::of(&whole, &phases, &turns, facts),
        phases,
        package,
        release: whole.release,
    }))
}

/// The releases of a package, by number, as far as one listing tells.
fn siblings(snapshot: &Snapshot, package: &Ref) -> Result<Vec<Ref>, Needs> {
    let entries = snapshot.children(Marker::State, package.to_state().as_str())?;
    let mut releases: Vec<Ref> = entries
        .into_iter()
        .filter_map(|entry| package.with_release(entry.strip_prefix('@')?).ok())
        .filter(|release| release.release_number().is_some())
        .collect();
    releases.order_by_key(Ref::release_number);
    Ok(releases)
}

fn text(whole: &Whole, key: &str) -> String {
    whole.marker.extra.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn is_hash(commit: &str) -> bool {
    !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tags are links to the release, so it knows them.
fn tags(whole: &Whole) -> Vec<String> {
    let tag = |link: &String| {
        let tag = link.parse::<Ref>().ok()?;
        let is_tag = tag.kind().is_none() && tag.package() == whole.release.package();
        tag.release().filter(|name| is_tag && !name.is_empty()).map(str::to_owned)
    };
    let mut tags: Vec<String> = whole.links.iter().filter_map(tag).collect();
    tags.order_by(|one, other| natural::compare(one, other));
    tags.dedup();
    tags
}

/// What is deployed is a link to the Task of its deployment.
fn live_in(whole: &Whole) -> Vec<String> {
    let is_live = |item: &&Item| {
        item.links.iter().filter_map(|link| link.parse::<Ref>().ok()).any(|link| {
            link.release() == Some("") && link.kind() == Some(Kind::Deploy) && link.subpath() == item.name()
        })
    };
    let deploys = whole.items().map(|(_, item)| item);
    let deploys = deploys.filter(|item| item.place.kind() == Some(Kind::Deploy));
    let mut live: Vec<String> = deploys.filter(is_live).map(|item| item.name().to_owned()).collect();
    live.order_by(|one, other| natural::compare(one, other));
    live
}

/// Where a release stands: as its runs say, but for what they cannot say of themselves.
fn word(whole: &Whole, phases: &[Phase]) -> Word {
    let attempts = whole.items().flat_map(|(_, item)| &item.attempts);
    let statuses: Vec<Status> = attempts.map(|attempt| attempt.entry.status()).collect();
    let word = Word::from(Status::of_release(&statuses));
    let urgent = phases.iter().flat_map(|phase| &phase.nodes).map(|node| node.word).min();
    match (word, urgent) {
        (Word::Running | Word::Waiting | Word::Pending, Some(urgent)) if urgent < word => urgent,
        _ => word,
    }
}

fn node(item: &Item, turn: Option<&Turn>, usual: Option<u64>) -> Node {
    let newest = item.newest();
    let word = turn.map_or(Word::Pending, |turn| turn.word);
    Node {
        name: item.name().to_owned(),
        is_deploy: item.place.kind() == Some(Kind::Deploy),
        fragment: newest.map_or_else(|| item.key(), |newest| whole::key_of(&newest.entry.reference)),
        word,
        attempts: item.attempts.len(),
        took: newest.and_then(whole::Attempt::took),
        started: newest
            .and_then(whole::Attempt::started)
            .filter(|_| word == Word::Running)
            .map(str::to_owned),
        usual,
        down: newest.is_some_and(|newest| newest.run_type() == RunType::Down),
    }
}

/// From the first start to the last end.
fn took(items: &[Item]) -> Option<u64> {
    let over = |item: &Item| item.newest().is_some_and(|newest| !newest.entry.status().is_open());
    let attempts = || items.iter().flat_map(|item| &item.attempts);
    let first = attempts().filter_map(|attempt| times::parse(attempt.started()?)).min()?;
    let last = attempts().filter_map(|attempt| times::parse(attempt.ended()?)).max()?;
    u64::try_from(last.as_second() - first.as_second()).ok().filter(|_| items.iter().all(over))
}

fn count(nodes: &[Node]) -> String {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    for node in nodes {
        *words.entry(node.word).or_default() += 1;
    }
    // The many come first; of equally many the more urgent.
    let mut words: Vec<(Word, usize)> = words.into_iter().collect();
    words.order_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
    words.join(", ")
}

fn is_quiet(nodes: &[Node]) -> bool {
    let all = |words: &[Word]| nodes.iter().all(|node| words.contains(&node.word));
    all(&[Word::Complete]) || all(&[Word::Pending, Word::Frozen]) || all(&[Word::Cancelled])
}

impl Note {
    /// Its colour.
    #[must_use]
    pub fn tone(&self) -> Tone {
        self.word.tone()
    }
}
