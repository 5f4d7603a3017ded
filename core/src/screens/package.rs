//! A package: its releases, and which of them was live where, and when.
//!
//! The first page is made of the package's summary: its newest releases, what is live now, and what
//! comes next. [`timeline`] then reads when each of them was deployed, [`older`] the releases that the
//! summary has no room for, [`steps`] how far each has come through its phases; each when it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::columns::{self, EnvironmentAt};
use super::overview::{Cell, cell, word_of};
use super::standing::{Depth, Look, Standing, number};
use super::status::{Tone, Word};
use super::{summaries, titles};
use crate::documents::{Marker, Release, Run, RunType, Status};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze;
use crate::glob::Glob;
use crate::order::{Gather as _, Order as _};
use crate::refs::{Kind, Marker as Side, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{ReleaseSummary, Summary};
use crate::{overview, times};

/// The screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackagePage {
    /// The time that ages are counted from, RFC 3339.
    pub now: String,
    /// The package.
    pub package: Ref,
    /// What it is called.
    pub name: String,
    /// Its repo.
    pub repo: String,
    /// How many releases it has in all.
    pub count: usize,
    /// What is broken, and what needs a person; the most urgent of each.
    pub notes: Vec<Standing>,
    /// The environments it is deployed to, in promotion order.
    pub lanes: Vec<LaneNow>,
    /// Its newest releases, newest first.
    pub releases: Vec<ReleaseRow>,
}

/// What is live in an environment, and what comes next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneNow {
    /// The environment.
    pub environment: EnvironmentAt,
    /// As in the Overview.
    pub cell: Cell,
    /// The freeze that is in force, in words.
    pub frozen: Option<String>,
}

/// A release in the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseRow {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// How it stands.
    pub word: Word,
    /// Full hash of its commit.
    pub commit: String,
    /// First line of the commit's message.
    pub subject: String,
    /// Name of the commit's author.
    pub author: String,
    /// Its names, sorted.
    pub tags: Vec<String>,
    /// When it was made, RFC 3339; empty where the store does not say.
    pub time: String,
    /// How long ago, in seconds.
    pub age: Option<u64>,
    /// The environments where it is live, in promotion order.
    pub live_in: Vec<String>,
}

/// The screen of `package`; none where it has no release. `stored` are the summaries that the store keeps.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    package: &Ref,
    facts: &Facts,
    depth: Depth,
) -> Result<Option<PackagePage>, Needs> {
    let mut needs = Needs::default();
    // What others have live tells what this one waits for; a store without summaries is not listed for it.
    let summary = match summaries::one(snapshot, stored, package)? {
        Some(summary) => summary,
        None => return Ok(None),
    };
    let none = BTreeMap::new();
    let look = Look { snapshot, summaries: stored.unwrap_or(&none), facts, depth };
    let all = stored.filter(|stored| !stored.is_empty());
    // Where no release is or is to be, nothing is shown.
    let environments = match all {
        Some(all) => columns::environments(snapshot, all.values(), Depth::First),
        None => columns::environments(snapshot, [&*summary], Depth::First),
    };
    let environments = needs.take(environments).unwrap_or_default();
    let standings = needs.take(look.standings(&summary)).unwrap_or_default();
    let mut lanes = Vec::new();
    for environment in environments.all {
        let cell = cell(&look, &summary, &environment.name, &standings, None);
        if !cell.target {
            continue;
        }
        let frozen = match depth {
            Depth::First => None,
            Depth::Whole => needs.take(freeze::of(snapshot, &environment.name, &facts.now)).flatten(),
        };
        lanes.push(LaneNow { environment, cell, frozen: frozen.map(|freeze| freeze.to_string()) });
    }
    let most = |tone: Tone| {
        let of = standings.iter().filter(move |standing| standing.word.tone() == tone);
        of.min_by_key(|standing| (standing.word, !standing.alone)).cloned()
    };
    let notes = most(Tone::Bad).into_iter().chain(most(Tone::You)).collect();
    let releases = summary.releases.iter().filter_map(|release| {
        let live_in =
            lanes.iter().filter(|lane| lane.cell.live.as_ref().is_some_and(|live| live.id == release.id));
        row(
            &look,
            package,
            release,
            word_of(release, &standings),
            live_in.map(|lane| lane.environment.name.clone()).collect(),
        )
    });
    let releases = releases.collect();
    needs.settle(Some(PackagePage {
        now: facts.now.clone(),
        package: package.clone(),
        name: titles::package(package),
        repo: package.repo().unwrap_or_default().to_owned(),
        count: summary.counts.releases,
        notes,
        lanes,
        releases,
    }))
}

fn row(
    look: &Look<'_>,
    package: &Ref,
    release: &ReleaseSummary,
    word: Word,
    live_in: Vec<String>,
) -> Option<ReleaseRow> {
    Some(ReleaseRow {
        release: package.with_release(&release.id).ok()?,
        id: release.id.clone(),
        word,
        commit: release.commit.clone(),
        subject: release.subject.clone(),
        author: release.author.clone(),
        tags: release.tags.clone(),
        age: look.age(&release.time),
        time: release.time.clone(),
        live_in,
    })
}

/// Up to `count` releases that are older than those of `page`, newest first.
///
/// # Errors
/// What must be loaded: one listing, and of each release its runs and two documents.
pub fn older(
    snapshot: &Snapshot,
    page: &PackagePage,
    count: usize,
    facts: &Facts,
) -> Result<Vec<ReleaseRow>, Needs> {
    let oldest = page.releases.last().and_then(|release| number(&release.id)).unwrap_or(u64::MAX);
    let names = snapshot.children(Side::State, page.package.as_str())?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name.strip_prefix('@')?)).collect();
    numbers.retain(|number| *number < oldest);
    numbers.order_by_key(|number| std::cmp::Reverse(*number));
    numbers.truncate(count);
    let mut needs = Needs::default();
    let mut rows = Vec::new();
    for number in numbers {
        let Ok(release) = page.package.with_release(&format!("r{number}")) else { continue };
        let Some(Some(found)) = needs.take(overview::one(snapshot, &release)) else { continue };
        let live_in = page
            .lanes
            .iter()
            .filter(|lane| lane.cell.live.as_ref().is_some_and(|live| live.release == release));
        let live_in = live_in.map(|lane| lane.environment.name.clone()).collect();
        rows.push(ReleaseRow {
            id: format!("r{number}"),
            word: Word::from(found.status),
            commit: found.commit,
            subject: found.subject,
            author: found.author,
            tags: found.tags,
            age: times::seconds(&found.time, &facts.now),
            time: found.time,
            live_in,
            release,
        });
    }
    needs.settle(rows)
}

/// Which releases to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// A part of a release's name, commit, message, tag or author.
    pub text: String,
    /// Those that stand so; all where none.
    pub word: Option<Word>,
}

/// The indexes of the `rows` that a search leaves.
#[must_use]
pub fn found(rows: &[ReleaseRow], search: &Search) -> Vec<usize> {
    let text = search.text.trim().to_lowercase();
    let is_in = |field: &str| field.to_lowercase().contains(&text);
    let matches = |row: &ReleaseRow| {
        (text.is_empty()
            || is_in(&row.id)
            || row.commit.starts_with(&text)
            || is_in(&row.subject)
            || is_in(&row.author)
            || row.tags.iter().any(|tag| is_in(tag)))
            && search.word.is_none_or(|word| word == row.word)
    };
    rows.iter().enumerate().filter(|(_, row)| matches(row)).map(|(index, _)| index).collect()
}

/// How far a release has come through one of its phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The phase's name; may be empty.
    pub name: String,
    /// The most urgent of what is open in it; complete where nothing is.
    pub word: Word,
}

/// The phases of each release that the summary tells of, in order, by the release's name. A release
/// without phases has none.
///
/// # Errors
/// What must be loaded: a document of each release.
pub fn steps(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    package: &Ref,
) -> Result<BTreeMap<String, Vec<Step>>, Needs> {
    let mut needs = Needs::default();
    let mut all = BTreeMap::new();
    let Some(summary) = summaries::one(snapshot, stored, package)? else { return Ok(all) };
    for told in &summary.releases {
        let Ok(at) = package.with_release(&told.id) else { continue };
        let Some(release) = needs.take(snapshot.get(&at)) else { continue };
        let release = release.and_then(Document::read::<Release>).unwrap_or_default();
        let steps = release.package.phases.iter().map(|phase| {
            let words =
                phase.tasks.iter().filter_map(|work| Some(Word::from(told.open.get(&work.place())?.status)));
            Step { name: phase.name.clone(), word: words.min().unwrap_or(Word::Complete) }
        });
        all.insert(told.id.clone(), steps.collect());
    }
    needs.settle(all)
}

/// How many of a release's phases it has got to: those complete, and the one that it is in.
#[must_use]
pub fn reached(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.word < Word::Pending || step.word == Word::Complete).count()
}

/// What was live in an environment, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Oldest first; they do not overlap.
    pub segments: Vec<Segment>,
    /// Deployments that failed, oldest first.
    pub failures: Vec<Failure>,
}

/// A time in which one release was live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// Since when, RFC 3339.
    pub from: String,
    /// Until when; none where it is live now.
    pub to: Option<String>,
}

/// A deployment that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// How many times.
    pub times: usize,
    /// When it failed last, RFC 3339.
    pub time: String,
}

/// What is known before anything is read: what is live now.
#[must_use]
pub fn now_live(page: &PackagePage) -> BTreeMap<String, Lane> {
    let lanes = page.lanes.iter().map(|lane| {
        let live = lane.cell.live.as_ref();
        let segment = live.map(|live| Segment {
            release: live.release.clone(),
            id: live.id.clone(),
            from: live.since.clone(),
            to: None,
        });
        (
            lane.environment.name.clone(),
            Lane { segments: segment.into_iter().collect(), failures: Vec::new() },
        )
    });
    lanes.gather()
}

/// What is told of the past once the runs of releases were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// By environment.
    pub lanes: BTreeMap<String, Lane>,
    /// How long each release took, by its name, in seconds: until its last deployment so far ended.
    pub took: BTreeMap<String, u64>,
    /// How long those took mostly that are complete.
    pub usual: Option<u64>,
}

/// Where each of `releases` was live, and when.
///
/// # Errors
/// What must be loaded: of each release its deployments, and of each of their runs what says how it ended.
pub fn timeline<'a>(
    snapshot: &Snapshot,
    releases: impl IntoIterator<Item = &'a ReleaseRow>,
) -> Result<Timeline, Needs> {
    let mut needs = Needs::default();
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    let mut took: BTreeMap<String, u64> = BTreeMap::new();
    let mut complete = Vec::new();
    for release in releases {
        for marker in needs.take(ends(snapshot, &release.release)).unwrap_or_default() {
            let Some((run, status)) = marker.as_str().rsplit_once("/status/") else { continue };
            let (Ok(run), Some(status)) = (run.parse::<Ref>(), Status::from_name(status)) else { continue };
            let ended = matches!(status, Status::Complete | Status::Failed | Status::FailedRetried);
            if !ended {
                continue;
            }
            let time = needs.take(snapshot.get(&marker)).flatten().and_then(Document::read::<Marker>);
            let body = match status {
                Status::Complete => needs.take(snapshot.get(&run)).flatten().and_then(Document::read::<Run>),
                _ => None,
            };
            let Some(time) = time.map(|marker| marker.time).filter(|time| !time.is_empty()) else { continue };
            let what = match (status, body.and_then(|run| run.run_type)) {
                (Status::Complete, Some(RunType::Down)) => What::Down,
                (Status::Complete, _) => What::Up,
                _ => What::Failed,
            };
            if let Some(seconds) =
                times::seconds(&release.time, &time).filter(|_| !matches!(what, What::Down))
            {
                let longest = took.entry(release.id.clone()).or_default();
                *longest = seconds.max(*longest);
            }
            let environment = run.segments().next().unwrap_or_default().to_owned();
            let at = times::parse(&time).unwrap_or(Timestamp::MIN);
            events.entry(environment).or_default().push(Event {
                at,
                what,
                release: release.release.clone(),
                id: release.id.clone(),
                time,
            });
        }
        if release.word == Word::Complete {
            complete.extend(took.get(&release.id));
        }
    }
    needs.settle(())?;
    complete.order();
    let usual = complete.get(complete.len() / 2).copied();
    let lanes = events.into_iter().map(|(environment, events)| (environment, lane(events))).collect();
    Ok(Timeline { lanes, took, usual })
}

/// The status markers of a release's deployments.
fn ends(snapshot: &Snapshot, release: &Ref) -> Result<Vec<Ref>, Needs> {
    let glob = Glob::new(&format!("{}/deploy/*/*/status/*", Glob::escape(release.as_str())));
    let found = glob.map_or(Ok(Vec::new()), |glob| snapshot.search(&glob))?;
    Ok(found.into_iter().filter(|at| at.kind() == Some(Kind::Deploy)).collect())
}

struct Event {
    at: Timestamp,
    what: What,
    release: Ref,
    id: String,
    time: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Up,
    Down,
    Failed,
}

fn lane(mut events: Vec<Event>) -> Lane {
    events.order_by_key(|event| (event.at, number(&event.id)));
    let mut lane = Lane::default();
    for event in events {
        let open = lane.segments.last_mut().filter(|segment| segment.to.is_none());
        match event.what {
            // The same again, with other inputs: it goes on.
            What::Up if open.as_ref().is_some_and(|open| open.release == event.release) => {}
            What::Up => {
                if let Some(open) = open {
                    open.to = Some(event.time.clone());
                }
                let (release, id) = (event.release, event.id);
                lane.segments.push(Segment { release, id, from: event.time, to: None });
            }
            What::Down => {
                if let Some(open) = open {
                    open.to = Some(event.time);
                }
            }
            What::Failed => match lane.failures.iter_mut().find(|failure| failure.release == event.release) {
                Some(failure) => {
                    (failure.times, failure.time) = (failure.times.saturating_add(1), event.time)
                }
                None => {
                    let (release, id) = (event.release, event.id);
                    lane.failures.push(Failure { release, id, times: 1, time: event.time });
                }
            },
        }
    }
    lane
}

/// A piece of a lane, placed: both ends in thousandths of its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a, T> {
    /// What.
    pub of: &'a T,
    /// Where it starts.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

impl Lane {
    /// The segments that reach into the last `range` seconds before `now`.
    #[must_use]
    pub fn placed(&self, now: &str, range: u64) -> Vec<Placed<'_, Segment>> {
        let segments = self.segments.iter().map(|segment| {
            let end = segment.to.as_deref().map_or(1000, |to| thousandths(to, now, range));
            Placed { of: segment, start: thousandths(&segment.from, now, range), end }
        });
        segments.filter(|placed| placed.end > 0).collect()
    }

    /// The failures in the last `range` seconds before `now`.
    #[must_use]
    pub fn failed(&self, now: &str, range: u64) -> Vec<Placed<'_, Failure>> {
        let failures = self.failures.iter().map(|failure| {
            let at = thousandths(&failure.time, now, range);
            Placed { of: failure, start: at, end: at }
        });
        failures.filter(|placed| placed.start > 0).collect()
    }
}

/// How many of the last releases a line reaches back to by itself.
const REACHED: usize = 3;

/// Days that a line can be long, besides all that is known.
pub const RANGES: [u64; 5] = [1, 7, 30, 90, 365];

/// How many days of the past show something: the least of a week or [longer](RANGES) that reach back to
/// when the last few releases came to an environment, or failed on the way there. None for all that is
/// known.
#[must_use]
pub fn range(lanes: &BTreeMap<String, Lane>, now: &str) -> Option<u64> {
    let mut last: BTreeMap<&Ref, u64> = BTreeMap::new();
    for (release, ago) in moments(lanes, now) {
        let least = last.entry(release).or_insert(ago);
        *least = ago.min(*least);
    }
    let mut ago: Vec<u64> = last.into_values().collect();
    ago.order();
    let furthest = ago.into_iter().take(REACHED).next_back().unwrap_or_default();
    RANGES.into_iter().skip(1).find(|days| furthest < days.saturating_mul(86_400))
}

/// How many days there are to all that is known of the past.
#[must_use]
pub fn all(lanes: &BTreeMap<String, Lane>, now: &str) -> u64 {
    let furthest = moments(lanes, now).map(|(_, ago)| ago).max().unwrap_or_default();
    // The first stands a little from the edge.
    (furthest + furthest / 20).div_ceil(86_400).max(1)
}

/// When releases came to an environment, or failed on the way there: how many seconds before `now`.
fn moments<'a>(lanes: &'a BTreeMap<String, Lane>, now: &'a str) -> impl Iterator<Item = (&'a Ref, u64)> + 'a {
    let of = |lane: &'a Lane| {
        let live = lane.segments.iter().map(|segment| (&segment.release, segment.from.as_str()));
        live.chain(lane.failures.iter().map(|failure| (&failure.release, failure.time.as_str())))
    };
    let all = lanes.values().flat_map(of);
    all.filter_map(move |(release, time)| Some((release, times::seconds(time, now)?)))
}

/// Where a moment is on a line of `range` seconds that ends now, in thousandths. A time that nobody knows
/// is before all of it.
fn thousandths(time: &str, now: &str, range: u64) -> u32 {
    let ago = times::seconds(time, now).unwrap_or(u64::MAX).min(range);
    let share = (range - ago).saturating_mul(1000).checked_div(range).unwrap_or(0);
    u32::try_from(share).unwrap_or(1000)
}

/// The marks of a line of `range` seconds that ends now: midnights of the reader's days (hours where the
/// line is a day or two), in thousandths, with what they are called.
#[must_use]
pub fn ticks(now: &str, range: u64, offset: i32) -> Vec<(u32, String)> {
    const HOUR: i64 = 3600;
    let Some(end) = times::parse(now) else { return Vec::new() };
    const MOST: i64 = 31;
    let days = range / 86_400;
    let step = match days {
        0..=2 => 4 * HOUR,
        3..=10 => 24 * HOUR,
        11..=45 => 5 * 24 * HOUR,
        46..=120 => 15 * 24 * HOUR,
        _ => i64::try_from(days / 6).unwrap_or(i64::MAX).saturating_mul(24 * HOUR),
    };
    let end = end.as_second();
    let local = end.saturating_add(i64::from(offset));
    let last = local.saturating_sub(local.rem_euclid(step));
    let marks = (0..MOST)
        .map(|index: i64| last.saturating_sub(index.saturating_mul(step)).saturating_sub(i64::from(offset)));
    let mut seen = BTreeSet::new();
    let marks = marks.filter_map(|second| {
        let time = Timestamp::from_second(second).ok()?.to_string();
        let at = thousandths(&time, now, range);
        let label = match step < 24 * HOUR {
            true => times::clock(&time, offset).get(..5)?.to_owned(),
            // Days do not tell where there is more than a year of them.
            false if days > 300 => {
                let day = times::day(&time, offset);
                format!("{} {}", day.split(' ').next_back()?, time.get(..4)?)
            }
            false => times::day(&time, offset),
        };
        (at > 0).then_some((at, label))
    });
    let mut marks: Vec<(u32, String)> = marks.filter(|(at, _)| seen.insert(*at)).collect();
    marks.reverse();
    marks
}
