//! The first screen: what is live where, and what is not as it should be.
//!
//! A matrix of packages and environments, and beside it what asks for somebody: approvals, failures,
//! what runs, what waits and for what, open proposals, the newest releases. It is made of summaries and
//! of the documents of environments, so it is there after a few requests; [`Depth::Whole`] adds what only
//! intents, freezes and heartbeats tell, and moves no row.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::columns::{self, EnvironmentAt};
use super::standing::{Depth, Look, Standing, number};
use super::status::Word;
use super::{summaries, titles};
use crate::documents::Status;
use crate::facts::Facts;
use crate::freeze;
use crate::glob::Glob;
use crate::hosts::Proposal;
use crate::intent;
use crate::natural;
use crate::order::{Gather as _, Order as _};
use crate::refs::{Marker, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{Live, ReleaseSummary, Summary};
use crate::times;
use crate::why::{Part, Sentence};

/// How many of the newest releases are listed.
const LATEST: usize = 5;

/// How many things that are waited for are listed, and of each how many runs.
const WAITING: usize = 5;

/// Words that are counted at the top of a column: those that tint a cell.
const TINTED: [Word; 4] = [Word::Failed, Word::NeedsApproval, Word::Stale, Word::Differs];

/// Words by which one can filter, as the page shows them.
pub const CHIPS: [Word; 5] = [Word::NeedsApproval, Word::Failed, Word::Differs, Word::Stale, Word::Running];

/// The screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overview {
    /// The time that ages are counted from, RFC 3339.
    pub now: String,
    /// Environments, in promotion order.
    pub columns: Vec<Column>,
    /// Packages, by repo.
    pub groups: Vec<Group>,
    /// How much there is of each of [`CHIPS`].
    pub counts: BTreeMap<Word, usize>,
    /// What waits for a person: what would start something by itself first, then what waits longest.
    pub approvals: Vec<Entry>,
    /// What has failed or is stale, newest first.
    pub broken: Vec<Entry>,
    /// What runs, newest first.
    pub running: Vec<Entry>,
    /// What waits for something other than a person, by what that is: what most wait for first.
    pub waiting: Vec<Waiting>,
    /// How many runs wait so, those that have no room in the list as well.
    pub waits: usize,
    /// Open proposals, newest first.
    pub proposals: Vec<ProposalEntry>,
    /// The newest releases of all packages.
    pub latest: Vec<Latest>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name, type and rule.
    #[serde(flatten)]
    pub environment: EnvironmentAt,
    /// The most urgent of what is in it, and how much of that.
    pub urgent: Option<(Word, usize)>,
    /// The freeze that is in force in it, in words.
    pub frozen: Option<String>,
}

/// The packages of a repo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The repo.
    pub repo: String,
    /// What it is called here.
    pub title: String,
    /// What is up in it, the most urgent first.
    pub counts: Vec<(Word, usize)>,
    /// Its packages, by name.
    pub rows: Vec<Row>,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The package.
    pub package: Ref,
    /// What it is called here.
    pub name: String,
    /// Its newest release.
    pub newest: Option<Newest>,
    /// One for each column.
    pub cells: Vec<Cell>,
    /// All that is up with it, its tasks included.
    pub words: BTreeSet<Word>,
}

/// A package's newest release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Newest {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// How it stands.
    pub word: Word,
}

/// A package in an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Whether the package is, or is to be, deployed there.
    pub target: bool,
    /// What is live there.
    pub live: Option<LiveAt>,
    /// How many newer releases wait.
    pub newer: usize,
    /// The most urgent of what is not as it should be.
    pub up: Option<Standing>,
}

/// A release that is live somewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveAt {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// Since when, RFC 3339; empty where the store does not say.
    pub since: String,
    /// For how long, in seconds.
    pub age: Option<u64>,
}

/// A line of a list at the side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What the package is called.
    pub package: String,
    /// What stands so.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Runs that wait for one and the same thing: another package, an environment, the end of a freeze.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// Where they stand.
    pub word: Word,
    /// What they wait for; empty where the store does not say.
    pub says: Sentence,
    /// The runs, the one that has waited longest first.
    pub runs: Vec<Entry>,
    /// How many more there are.
    pub more: usize,
}

/// An open proposal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProposalEntry {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Where a person reads it.
    pub url: String,
    /// Login of its author.
    pub author: String,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// For how long it is open, in seconds.
    pub age: Option<u64>,
    /// Whether it is a draft.
    pub draft: bool,
}

/// A release that is new.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latest {
    /// What the package is called.
    pub package: String,
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// How it stands.
    pub word: Word,
    /// First line of its commit's message.
    pub subject: String,
    /// When it was made, RFC 3339.
    pub time: String,
    /// How long ago, in seconds.
    pub age: Option<u64>,
}

/// The screen. `stored` are the summaries that the store keeps, none where it keeps none.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    facts: &Facts,
    proposals: &[Proposal],
    depth: Depth,
) -> Result<Overview, Needs> {
    let mut needs = Needs::default();
    let summaries = summaries::all(snapshot, stored, depth)?;
    let environments =
        needs.take(columns::environments(snapshot, summaries.values(), depth)).unwrap_or_default();
    let look = Look { snapshot, summaries: &summaries, facts, depth };
    let intents = match depth {
        Depth::First => None,
        Depth::Whole => needs.take(Intents::of(snapshot)),
    };
    let mut columns = Vec::new();
    for environment in environments.all {
        let frozen = match depth {
            Depth::First => None,
            Depth::Whole => needs.take(freeze::of(snapshot, &environment.name, &facts.now)).flatten(),
        };
        let frozen = frozen.map(|freeze| freeze.to_string());
        columns.push(Column { environment, urgent: None, frozen });
    }
    let same_host = titles::same_host(summaries.keys().filter_map(Ref::repo));
    let mut all = Overview { now: facts.now.clone(), ..Overview::default() };
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut waiting: Vec<Entry> = Vec::new();
    for (package, summary) in summaries.iter() {
        let Some(standings) = needs.take(look.standings(summary)) else { continue };
        let name = titles::package(package);
        let differ = intents.as_ref().map(|intents| intents.differ(&look, summary, &standings));
        let differ = differ.and_then(|differ| needs.take(differ)).unwrap_or_default();
        let row = row(&look, summary, &name, &columns, &standings, &differ);
        all.latest.extend(
            summary
                .releases
                .iter()
                .take(LATEST)
                .map(|release| latest(&look, summary, &name, release, &standings)),
        );
        let repo = package.repo().unwrap_or_default();
        let group = groups.entry(repo.to_owned()).or_insert_with(|| Group {
            repo: repo.to_owned(),
            title: titles::repo(repo, same_host).to_owned(),
            counts: Vec::new(),
            rows: Vec::new(),
        });
        for standing in standings.into_iter().chain(differ.into_values()) {
            if matches!(standing.word, Word::Waiting | Word::Frozen) {
                waiting.push(Entry { package: name.clone(), standing });
                continue;
            }
            if !CHIPS.contains(&standing.word) {
                continue;
            }
            *all.counts.entry(standing.word).or_default() += 1;
            match group.counts.iter_mut().find(|(word, _)| *word == standing.word) {
                Some((_, count)) => *count += 1,
                None => group.counts.push((standing.word, 1)),
            }
            let entry = Entry { package: name.clone(), standing };
            match entry.standing.word {
                Word::NeedsApproval => all.approvals.push(entry),
                Word::Failed | Word::Stale => all.broken.push(entry),
                Word::Running => all.running.push(entry),
                _ => {}
            }
        }
        group.rows.push(row);
    }
    needs.settle(())?;
    all.groups = groups.into_values().collect();
    all.groups.order_by(|one, other| natural::compare(&one.title, &other.title));
    for group in &mut all.groups {
        group.counts.order();
        distinct(&mut group.rows);
        group.rows.order_by(|one, other| natural::compare(&one.name, &other.name));
    }
    for (index, column) in columns.iter_mut().enumerate() {
        let mut count: BTreeMap<Word, usize> = BTreeMap::new();
        let rows = all.groups.iter().flat_map(|group| &group.rows);
        for up in rows.filter_map(|row| row.cells.get(index)?.up.as_ref()) {
            *count.entry(up.word).or_default() += 1;
        }
        column.urgent = count.into_iter().find(|(word, _)| TINTED.contains(word));
    }
    all.columns = columns;
    all.approvals.order_by_key(|entry| (!entry.standing.alone, Reverse(entry.standing.age)));
    all.broken.order_by_key(|entry| entry.standing.age);
    all.running.order_by_key(|entry| entry.standing.age);
    all.waits = waiting.len();
    all.waiting = self::waiting(waiting);
    all.latest.order_by_key(|latest| latest.age.unwrap_or(u64::MAX));
    all.latest.truncate(LATEST);
    all.proposals = proposals.iter().map(|proposal| self::proposal(&look, proposal)).collect();
    all.proposals.order_by_key(|proposal| proposal.age);
    Ok(all)
}

/// Runs that wait, by what they wait for.
fn waiting(entries: Vec<Entry>) -> Vec<Waiting> {
    let mut found: BTreeMap<(Word, Vec<String>), Waiting> = BTreeMap::new();
    let mut entries = entries;
    entries.order_by_key(|entry| Reverse(entry.standing.age));
    for entry in entries {
        let Standing { word, says, .. } = &entry.standing;
        // Two packages may call different things by one name.
        let parts = says.parts().iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Ref { reference, .. } => reference.to_string(),
            Part::Command { command } => command.clone(),
        });
        let group = found.entry((*word, parts.collect())).or_insert_with(|| Waiting {
            word: *word,
            says: says.clone(),
            runs: Vec::new(),
            more: 0,
        });
        match group.runs.len() < WAITING {
            true => group.runs.push(entry),
            false => group.more += 1,
        }
    }
    let mut groups: Vec<Waiting> = found.into_values().collect();
    groups.order_by_key(|group| {
        let longest = group.runs.first().and_then(|entry| entry.standing.age);
        Reverse((group.runs.len() + group.more, longest))
    });
    groups.truncate(WAITING);
    groups
}

/// Packages of one repo whose short names are the same are called by their paths.
fn distinct(rows: &mut [Row]) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for row in &*rows {
        *count.entry(row.name.clone()).or_default() += 1;
    }
    for row in rows.iter_mut().filter(|row| count.get(&row.name).is_some_and(|count| *count > 1)) {
        row.name = row.package.path().to_owned();
    }
}

fn row(
    look: &Look<'_>,
    summary: &Summary,
    name: &str,
    columns: &[Column],
    standings: &[Standing],
    differ: &BTreeMap<String, Standing>,
) -> Row {
    let package = &summary.package;
    let cells = columns.iter().map(|column| {
        let environment = column.environment.name.as_str();
        cell(look, summary, environment, standings, differ.get(environment))
    });
    Row {
        package: package.clone(),
        name: name.to_owned(),
        newest: summary.releases.first().and_then(|release| {
            let word = word_of(release, standings);
            Some(Newest { release: package.with_release(&release.id).ok()?, id: release.id.clone(), word })
        }),
        cells: cells.collect(),
        words: standings.iter().chain(differ.values()).map(|standing| standing.word).gather(),
    }
}

/// A package in an environment.
pub(super) fn cell(
    look: &Look<'_>,
    summary: &Summary,
    environment: &str,
    standings: &[Standing],
    differs: Option<&Standing>,
) -> Cell {
    let live = summary.live.get(environment);
    let place = format!("deploy/{environment}");
    let here = standings.iter().filter(|standing| standing.deploy && standing.name == environment);
    let up = here.chain(differs).filter(|standing| standing.word <= Word::Queued);
    // Of two with one word the newer release was found first.
    let up = up.min_by_key(|standing| standing.word);
    let target = live.is_some()
        || differs.is_some()
        || summary.releases.iter().any(|release| release.open.contains_key(&place));
    Cell {
        target,
        newer: live.map_or(0, |live| newer(summary, &place, &live.release)),
        live: live.and_then(|live| live_at(look, summary, live)),
        up: up.cloned(),
    }
}

fn live_at(look: &Look<'_>, summary: &Summary, live: &Live) -> Option<LiveAt> {
    Some(LiveAt {
        release: summary.package.with_release(&live.release).ok()?,
        id: live.release.clone(),
        since: live.since.clone(),
        age: look.age(&live.since),
    })
}

/// How many releases are newer than `live`, without those that were cancelled there.
fn newer(summary: &Summary, place: &str, live: &str) -> usize {
    let live = number(live);
    let cancelled = |release: &ReleaseSummary| {
        release.open.get(place).is_some_and(|open| open.status == Status::Cancelled)
    };
    let listed = summary.releases.iter().filter(|release| number(&release.id) > live && !cancelled(release));
    let listed = listed.count();
    // Those that the summary has no room for: releases are numbered one after the other.
    let oldest = summary.releases.last().and_then(|release| number(&release.id));
    let before = oldest.zip(live).map_or(0, |(oldest, live)| oldest.saturating_sub(live.saturating_add(1)));
    listed.saturating_add(usize::try_from(before).unwrap_or(0))
}

/// How a release stands, in a word: the most urgent of what is open in it.
pub(super) fn word_of(release: &ReleaseSummary, standings: &[Standing]) -> Word {
    let own = standings.iter().filter(|standing| standing.id == release.id);
    let open = own.map(|standing| standing.word).filter(|word| *word <= Word::Queued).min();
    open.unwrap_or_else(|| Word::from(release.status))
}

fn latest(
    look: &Look<'_>,
    summary: &Summary,
    name: &str,
    release: &ReleaseSummary,
    standings: &[Standing],
) -> Latest {
    Latest {
        package: name.to_owned(),
        release: summary.package.with_release(&release.id).unwrap_or_else(|_| summary.package.clone()),
        id: release.id.clone(),
        word: word_of(release, standings),
        subject: release.subject.clone(),
        time: release.time.clone(),
        age: look.age(&release.time),
    }
}

fn proposal(look: &Look<'_>, proposal: &Proposal) -> ProposalEntry {
    ProposalEntry {
        number: proposal.number,
        title: proposal.title.clone(),
        url: proposal.url.clone(),
        author: proposal.author.clone(),
        opened: proposal.opened.clone(),
        age: look.age(&proposal.opened),
        draft: proposal.draft,
    }
}

/// What should be deployed, by where: `…/@/deploy/<environment>`.
struct Intents {
    all: BTreeMap<Ref, BTreeSet<String>>,
}

impl Intents {
    fn of(snapshot: &Snapshot) -> Result<Intents, Needs> {
        let Ok(glob) = Glob::new("**/+/deploy/*") else { return Ok(Intents { all: BTreeMap::new() }) };
        let mut all: BTreeMap<Ref, BTreeSet<String>> = BTreeMap::new();
        for at in snapshot.search_in(Marker::Intent, &glob)? {
            all.entry(at.package()).or_default().insert(at.subpath().to_owned());
        }
        Ok(Intents { all })
    }

    /// The environments where what is live is not what is wanted, and no run explains it.
    fn differ(
        &self,
        look: &Look<'_>,
        summary: &Summary,
        standings: &[Standing],
    ) -> Result<BTreeMap<String, Standing>, Needs> {
        let mut needs = Needs::default();
        let mut found = BTreeMap::new();
        let none = BTreeSet::new();
        let wanted = self.all.get(&summary.package).unwrap_or(&none);
        let names: BTreeSet<&String> = wanted.iter().chain(summary.live.keys()).gather();
        for name in names {
            // A run that failed, runs or waits is why.
            let explains = |it: &Standing| it.deploy && it.name == *name && it.word != Word::Cancelled;
            if standings.iter().any(explains) {
                continue;
            }
            let live = summary.live.get(name);
            let differs = needs.take(differs(look, summary, name, live, wanted.contains(name))).flatten();
            found.extend(differs.map(|differs| (name.clone(), differs)));
        }
        needs.settle(found)
    }
}

fn differs(
    look: &Look<'_>,
    summary: &Summary,
    name: &str,
    live: Option<&Live>,
    wanted: bool,
) -> Result<Option<Standing>, Needs> {
    let current =
        summary.package.with_release("").and_then(|current| current.child(&format!("deploy/{name}")));
    let Ok(current) = current else { return Ok(None) };
    if wanted
        && let Some(live) = live
        && (look.snapshot.blob(&current.to_intent())?.is_some_and(|blob| blob.to_string() == live.intent)
            || intent::difference(look.snapshot, &current)?.is_none())
    {
        return Ok(None);
    }
    let says = match (live, wanted) {
        (Some(_), false) => "its intent was deleted, it will be taken down",
        (None, _) => "wanted here, and no run yet",
        _ => "intent says something else, and no run yet",
    };
    let release = live.and_then(|live| summary.package.with_release(&live.release).ok());
    Ok(Some(Standing {
        word: Word::Differs,
        package: summary.package.clone(),
        release: release.unwrap_or_else(|| summary.package.clone()),
        id: live.map(|live| live.release.clone()).unwrap_or_default(),
        at: current,
        deploy: true,
        name: name.to_owned(),
        since: String::new(),
        age: None,
        attempts: 0,
        approvals: Vec::new(),
        alone: false,
        usual: None,
        says: Sentence::text(says),
    }))
}

impl Cell {
    /// The cell as a sentence or two: "r141 is live for 3 d. r142 failed 38 min ago, after 3 attempts."
    #[must_use]
    pub fn story(&self) -> Sentence {
        let Some(live) = &self.live else {
            return match &self.up {
                Some(up) => Sentence::text("Nothing is live here. ").and(up.story()),
                None if self.target => Sentence::text("Never deployed here."),
                None => Sentence::text("Not a target of this package."),
            };
        };
        let mut story = Sentence::reference(&live.release, &live.id).and_text(" is live");
        if let Some(age) = live.age {
            story = story.and_text(&format!(" for {}", times::age(age)));
        }
        story = story.and_text(". ");
        match &self.up {
            Some(up) => story.and(up.story()),
            None if self.newer == 1 => story.and_text("1 newer waits."),
            None if self.newer > 1 => story.and_text(&format!("{} newer wait.", self.newer)),
            None => story,
        }
    }

    /// The cell in few words, for those who cannot see it: "r141, +2 newer, 3d, needs approval".
    #[must_use]
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        match &self.live {
            Some(live) => {
                parts.push(live.id.clone());
                parts.extend((self.newer > 0).then(|| format!("+{} newer", self.newer)));
                parts.extend(live.age.map(times::short_age));
            }
            None => parts.push(if self.target { "never" } else { "not a target" }.to_owned()),
        }
        parts.extend(self.up.as_ref().map(|up| up.word.to_string()));
        parts.join(", ")
    }
}

impl Standing {
    /// What is so, as a sentence: "r142 waits 26 min, only for custom/approve."
    #[must_use]
    pub fn story(&self) -> Sentence {
        let ago = self.age.map(|age| format!(" {} ago", times::age(age))).unwrap_or_default();
        let since = self.age.map(|age| format!(" since {}", times::age(age))).unwrap_or_default();
        let id = Sentence::reference(&self.release, &self.id);
        let says = |before: &str| match self.says.is_empty() {
            true => Sentence::default(),
            false => Sentence::text(before).and(self.says.clone()),
        };
        let story = match self.word {
            Word::Failed => id.and_text(&format!(" failed{ago}")).and(says(", ")),
            Word::Running => id.and_text(
                &self.progress().map(|so_far| format!(" runs: {so_far}")).unwrap_or(" runs".to_owned()),
            ),
            Word::Stale => id.and_text(&format!(" is stale{since}")).and(says(": ")),
            Word::Frozen => id.and_text(&format!(" is held{since}")).and(says(": ")),
            Word::Queued => id.and_text(&format!(" is ready{since}, and nobody has started it")),
            Word::Differs => Sentence::text("Differs").and(says(": ")),
            _ if self.says.is_empty() => id.and_text(&format!(" is {}{since}", self.word)),
            _ => id
                .and_text(" ")
                .and(self.says.clone())
                .and_text(&self.age.map(|age| format!(" ({})", times::age(age))).unwrap_or_default()),
        };
        story.and_text(".")
    }

    /// How far a run has come: "1:12 of ~3 min".
    #[must_use]
    pub fn progress(&self) -> Option<String> {
        let so_far = times::elapsed(self.age?);
        Some(match self.usual {
            Some(usual) => format!("{so_far} of ~{}", times::age(usual)),
            None => so_far,
        })
    }
}
