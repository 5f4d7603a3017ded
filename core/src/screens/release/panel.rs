//! One run in full: what it was given and from where, what it waits for, what it has left.
//!
//! A run's inputs are recorded when it starts, each with the ref that it was read from. Where that ref
//! leads now is looked up: if the same is there, it is said in which release it was made; if not, that
//! it has changed since. A run that waits is shown with what it would be given now.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::whole::{self, Attempt, Item, Whole, key_of};
use super::{Approval, Turn, Word};
use crate::commands;
use crate::documents::{Function, Input, RunType, Status};
use crate::facts::Facts;
use crate::order::Order as _;
use crate::refs::{Kind, Ref};
use crate::resolve;
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::why::{Blocker, Enquiry, Sentence};

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Panel {
    /// `…/@r142/deploy/perf/3`. The task or deployment where nothing has been queued.
    pub run: Ref,
    /// Its release.
    pub release: Ref,
    /// Name of the task, or of the environment.
    pub name: String,
    /// What it is, and in which phase: `Deploy, phase 3`.
    pub what: String,
    /// The attempt's number; 0 where there is none.
    pub number: u64,
    /// Where it stands.
    pub word: Word,
    /// Why it is not done, where it can still start: "waits for approve, custom state that somebody must
    /// set".
    pub why: Option<Sentence>,
    /// The command that tries again, if it failed and nothing has taken over.
    pub retry: Option<String>,
    /// The command that has it executed, if it could start.
    pub start: Option<String>,
    /// What it waits for: missing first, then what is there.
    pub waits: Vec<Wait>,
    /// How many of those are missing.
    pub missing: usize,
    /// Newest first.
    pub attempts: Vec<Try>,
    /// By name.
    pub inputs: Vec<Given>,
    /// In the order in which they are called.
    pub functions: Vec<Called>,
    /// What it has left, by name.
    pub outputs: Vec<Left>,
    /// Why it has no outputs, or none that count. Empty where it has.
    pub no_outputs: String,
    /// Why it was started in spite of a freeze.
    pub override_freeze: Option<String>,
    /// Whether it may have printed something.
    pub has_log: bool,
}

/// Something that a run waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    /// The shape that it has: of what is to be there, or complete.
    pub word: Word,
    /// As it is written: a ref, or a glob of refs. Without the release's own package.
    pub source: String,
    /// What there is to look at.
    pub target: Option<Target>,
    /// How that stands, without its name: "failed 38 min ago".
    pub sentence: Sentence,
    /// How to set it, where a person must, and now.
    pub approval: Option<Approval>,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A run of this release: its URL's fragment.
    Run(String),
    /// A document.
    Document(Ref),
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Try {
    /// From 1.
    pub number: u64,
    /// `deploy/perf/2`.
    pub fragment: String,
    /// Where it stands.
    pub word: Word,
    /// When it began, or if the store does not say when it ended. RFC 3339.
    pub time: String,
    /// In seconds.
    pub took: Option<u64>,
    /// Whether it takes the deployment down.
    pub down: bool,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Given {
    /// What the function calls it.
    pub name: String,
    /// JSON; none where it has none yet.
    pub value: Option<Value>,
    /// Where it came from.
    pub from: From,
}

/// Where an input's value came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// A document, or a field of one.
    Ref {
        /// As it is written, without the release's own package.
        source: String,
        /// The same, in full.
        target: Ref,
        /// Which release it is of, or what has become of it: `this release`, `r19`, `changed since`.
        note: String,
    },
    /// What the release file says where nothing is at the ref.
    Default {
        /// The file.
        file: String,
    },
    /// What the release file says.
    File {
        /// The file.
        file: String,
    },
    /// Text that is no ref, as old stores hold.
    Text(String),
}

/// A function of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Called {
    /// Its name.
    pub name: String,
    /// `<file>:<line>:<column>`.
    pub pos: String,
    /// Where it stands.
    pub word: Word,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Left {
    /// Its name.
    pub name: String,
    /// JSON.
    pub value: Value,
    /// Who in this release is given it: name and fragment.
    pub used_by: Vec<(String, String)>,
}

/// The run, or the newest of the task or deployment, that a URL's fragment names: `deploy/prod/2`,
/// `deploy/prod`. None where there is no such thing in the release.
///
/// # Errors
/// What must be loaded.
pub fn panel(
    snapshot: &Snapshot,
    release: &Ref,
    fragment: &str,
    facts: &Facts,
) -> Result<Option<Panel>, Needs> {
    let Ok(whole) = whole::read(snapshot, release)? else { return Ok(None) };
    let Some((phase, item, attempt)) = find(&whole, fragment) else { return Ok(None) };
    let mut needs = Needs::default();
    let turn = match attempt {
        Some(attempt) => needs.take(attempt.turn(snapshot, facts)),
        None => needs.take(item.turn(snapshot, facts)),
    };
    let functions = attempt.and_then(|attempt| attempt.run.as_ref()).map(|run| run.functions.as_slice());
    let last = functions.and_then(<[Function]>::last);
    let open =
        attempt.is_some_and(|attempt| matches!(attempt.entry.status(), Status::Pending | Status::Paused));
    let why = match attempt.filter(|_| open) {
        Some(attempt) => needs.take(Enquiry::new(snapshot, facts).run(&attempt.entry)),
        None => None,
    };
    let (why, blockers) = why.map(|why| (why.sentence, why.blockers)).unzip();
    let mut inputs = Vec::new();
    if let Some(function) = last {
        for (name, input) in &function.inputs {
            inputs.extend(needs.take(given(snapshot, &whole, name, input, open)));
        }
    }
    let Some(Turn { word, approvals, .. }) = turn else { return Err(needs) };
    let mut waits: Vec<Wait> =
        blockers.unwrap_or_default().into_iter().map(|blocker| wait(&whole, blocker, &approvals)).collect();
    waits.order_by_key(urgency);
    let newest = item.newest().map(|newest| newest.entry.number);
    let is_newest = attempt.map(|attempt| attempt.entry.number) == newest;
    let run_type = attempt.map_or(RunType::Task, Attempt::run_type);
    let what = match (item.place.kind(), run_type) {
        (Some(Kind::Deploy), RunType::Down) => "Takes down",
        (Some(Kind::Deploy), _) => "Deploy",
        _ => "Task",
    };
    let command = |wanted: Word, command: fn(&Ref) -> String| {
        (word == wanted && is_newest).then(|| command(&whole.release))
    };
    let outputs = outputs(&whole, item, attempt);
    needs.settle(Some(Panel {
        run: attempt.map_or_else(|| item.place.clone(), |attempt| attempt.entry.reference.clone()),
        name: item.name().to_owned(),
        what: format!("{what}, phase {}", phase + 1),
        number: attempt.map_or(0, |attempt| attempt.entry.number),
        word,
        retry: command(Word::Failed, commands::retry).or_else(|| command(Word::Stale, commands::retry_stale)),
        start: command(Word::Queued, commands::carry_on),
        why,
        missing: waits.iter().filter(|wait| wait.word != Word::Complete).count(),
        waits,
        attempts: item.attempts.iter().rev().map(tried).collect(),
        inputs,
        functions: functions
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(index, function)| Called {
                name: function.function.name.clone(),
                pos: function.function.pos.clone(),
                word: if functions.is_some_and(|all| index + 1 < all.len()) { Word::Complete } else { word },
            })
            .collect(),
        no_outputs: match (outputs.is_empty(), word) {
            (false, _) => String::new(),
            (true, Word::Complete) => "None: it returned nothing.".to_owned(),
            (true, _) => "None: a run has outputs when it completes.".to_owned(),
        },
        outputs,
        override_freeze: attempt.and_then(|attempt| attempt.run.as_ref()?.override_freeze.clone()),
        has_log: attempt.is_some_and(|attempt| attempt.entry.status() != Status::Pending),
        release: whole.release,
    }))
}

/// What a fragment names.
fn find<'a>(whole: &'a Whole, fragment: &str) -> Option<(usize, &'a Item, Option<&'a Attempt>)> {
    let named = |item: &&'a Item| item.key() == fragment;
    if let Some((phase, item)) = whole.items().find(|(_, item)| named(item)) {
        return Some((phase, item, item.newest()));
    }
    let (place, number) = fragment.rsplit_once('/')?;
    let number: u64 = number.parse().ok()?;
    let (phase, item) = whole.items().find(|(_, item)| item.key() == place)?;
    let attempt = item.attempts.iter().find(|attempt| attempt.entry.number == number)?;
    Some((phase, item, Some(attempt)))
}

fn tried(attempt: &Attempt) -> Try {
    let status = attempt.entry.status();
    Try {
        number: attempt.entry.number,
        fragment: key_of(&attempt.entry.reference),
        word: Word::from(status),
        time: attempt.started().or(attempt.ended()).unwrap_or(&attempt.marker.time).to_owned(),
        took: attempt.took(),
        down: attempt.run_type() == RunType::Down,
    }
}

/// `source` without what goes without saying on the page of `release`: its repo and package.
fn short(release: &Ref, source: &str) -> String {
    let package = release.package();
    source
        .strip_prefix(package.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .or_else(|| source.strip_prefix(package.repo()?)?.strip_prefix("/-/"))
        .unwrap_or(source)
        .to_owned()
}

/// What there is to show of a dependency or an input; `approvals` are what somebody must set.
fn wait(whole: &Whole, blocker: Blocker, approvals: &[Ref]) -> Wait {
    // A dependency is spelled as a pattern of what is to be there; people know the task.
    let source = blocker.source.strip_suffix("/*/status/complete").unwrap_or(&blocker.source);
    let reference = source.parse::<Ref>().ok();
    let approval = reference.as_ref().filter(|at| approvals.contains(&at.document())).map(Approval::of);
    let own = reference.as_ref().and_then(|at| own_work(whole, at));
    let shown = match (&blocker.input, source) {
        (Some(input), "") => input.clone(),
        _ => short(&whole.release, source),
    };
    let word = if blocker.there { Word::Complete } else { blocker.status };
    Wait {
        word,
        source: shown,
        target: own.or_else(|| reference.map(Target::Document)),
        sentence: blocker.sentence,
        approval,
    }
}

/// What a person can do something about comes first, then what is broken, and what is there last.
fn urgency(wait: &Wait) -> u8 {
    match wait.word {
        Word::NeedsApproval => 0,
        Word::Failed => 1,
        Word::Complete => 3,
        _ => 2,
    }
}

/// The run of this release that `source` is about.
fn own_work(whole: &Whole, source: &Ref) -> Option<Target> {
    let place = source.document();
    let (_, item) = whole.item(&place)?;
    Some(Target::Run(item.newest().map_or_else(|| item.key(), |run| key_of(&run.entry.reference))))
}

/// An input, with its value: as it was given, or if the run is `open` as it would be now.
fn given(snapshot: &Snapshot, whole: &Whole, name: &str, input: &Input, open: bool) -> Result<Given, Needs> {
    let file = || whole.release.path().rsplit('/').next().unwrap_or_default().to_owned();
    let Some(spelled) = &input.source else {
        let value = input.value.clone().or_else(|| input.default.clone());
        let from = match (&input.value, &input.default) {
            (Some(value), Some(default)) if value == default => From::Default { file: file() },
            (None, Some(_)) => From::Default { file: file() },
            _ => From::File { file: file() },
        };
        return Ok(Given { name: name.to_owned(), value, from });
    };
    let value = if open { resolve::input(snapshot, input)? } else { input.value.clone() };
    let Ok(target) = spelled.parse::<Ref>() else {
        return Ok(Given { name: name.to_owned(), value, from: From::Text(spelled.clone()) });
    };
    let found = match resolve::document(snapshot, &target) {
        Ok(found) => found,
        Err(Unmet::Error(_)) => None,
        Err(Unmet::Needs(needs)) => return Err(needs),
    };
    let now = found.as_ref().and_then(|found| {
        let body = found.document.body()?;
        target.fragment().map_or(Some(body), |fragment| resolve::field(body, fragment))
    });
    if now.is_none() && value.is_some() && value == input.default {
        return Ok(Given { name: name.to_owned(), value, from: From::Default { file: file() } });
    }
    let at = found.as_ref().map(|found| &found.reference);
    let same = match (now, &value) {
        // An environment is given with its attributes, be there any or not.
        (Some(now), Some(value)) => {
            now == value || target.kind() == Some(Kind::Environment) && now.get("name") == value.get("name")
        }
        _ => true,
    };
    let note = match at {
        _ if !same => "changed since".to_owned(),
        None if value.is_some() => "gone since".to_owned(),
        None => String::new(),
        Some(at) if at.release_ref() == whole.release => "this release".to_owned(),
        Some(at) => at.release().unwrap_or_default().to_owned(),
    };
    let source = short(&whole.release, spelled);
    Ok(Given { name: name.to_owned(), value, from: From::Ref { source, target, note } })
}

/// What a run has left, and who in the release is given it.
fn outputs(whole: &Whole, item: &Item, attempt: Option<&Attempt>) -> Vec<Left> {
    let Some(attempt) = attempt else { return Vec::new() };
    // A run keeps what its last function returned; the Task, what counts.
    let of_run = attempt.run.as_ref().and_then(|run| run.output.as_ref());
    let of_task = item.task.as_ref().filter(|task| task.run_ref == attempt.entry.reference);
    let Some(output) = of_run.or_else(|| of_task?.output.as_ref()) else { return Vec::new() };
    let users = users(whole, &item.place);
    let left = |(name, value): (&String, &Value)| Left {
        name: name.clone(),
        value: value.clone(),
        used_by: users.get(name.as_str()).into_iter().flatten().cloned().collect(),
    };
    output.iter().map(left).collect()
}

/// Who in the release is given which output of `place`.
fn users(whole: &Whole, place: &Ref) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut users: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (_, other) in whole.items().filter(|(_, other)| other.place != *place) {
        let Some(newest) = other.newest() else { continue };
        let inputs =
            newest.run.iter().flat_map(|run| &run.functions).flat_map(|function| function.inputs.values());
        for source in inputs.filter_map(|input| input.source.as_ref()?.parse::<Ref>().ok()) {
            let Some(field) = source.fragment().and_then(|fragment| fragment.strip_prefix("output/")) else {
                continue;
            };
            if source.document() == *place {
                let name = field.split('/').next().unwrap_or_default().to_owned();
                let user = (other.name().to_owned(), key_of(&newest.entry.reference));
                users.entry(name).or_default().insert(user);
            }
        }
    }
    users
}
