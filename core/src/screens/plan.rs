//! The work that would be done now, each item a sentence: the items of `work cascade --dryrun`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::candidates;
use super::diff;
use super::fields;
use super::prose::Prose;
use super::status::Word;
use super::titles;
use super::turn;
use crate::documents::{Run, RunType};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::intent::{self, Change};
use crate::natural;
use crate::order::Order as _;
use crate::plan::{self, LeftOut, Plan, ReadyRun, Reason, Scope, StaleDeploy, WaitingOp};
use crate::refs::{Kind, Marker, Ref};
use crate::resolve;
use crate::runs;
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::summary::Summary;
use crate::why::{Enquiry, Sentence};

/// The page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Page {
    /// How many items there are.
    pub count: usize,
    /// Groups that have any, what takes something away first.
    pub groups: Vec<Group>,
    /// What a freeze holds.
    pub frozen: Vec<Held>,
    /// What a person must set.
    pub approvals: Vec<Waits>,
    /// How many runs wait for an earlier phase of their release.
    pub later: usize,
    /// Everything else that is no work now, and why: the first [`MOST`].
    pub others: Vec<Other>,
    /// How many of those there are.
    pub left_out: usize,
}

/// As many things that are left out are told one by one.
pub const MOST: usize = 50;

impl Page {
    /// The documents of intent behind the items, in their order: who changed one and when is in its
    /// history.
    pub fn causes(&self) -> impl Iterator<Item = &Ref> {
        let items = self.groups.iter().flat_map(|group| &group.items);
        items.filter_map(|item| item.cause.as_ref()).filter(|cause| cause.marker() == Some(Marker::Intent))
    }
}

/// Items of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub cause: Cause,
    /// As people count.
    pub items: Vec<Item>,
}

/// Why items are there, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// They take something away.
    TakesAway,
    /// Intent has changed.
    Intent,
    /// All that they wait for is there.
    Ready,
    /// What they were deployed with has changed.
    Input,
    /// Operations.
    Upkeep,
}

impl Cause {
    /// The group's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Cause::TakesAway => "Takes something away",
            Cause::Intent => "Because intent changed",
            Cause::Ready => "Ready to run",
            Cause::Input => "Because an input changed",
            Cause::Upkeep => "Upkeep",
        }
    }
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// The work itself, as `--dryrun` lists it.
    pub item: plan::Item,
    /// `Deploy`, `Tear down`, …
    pub verb: &'static str,
    /// Subject and place.
    pub what: Prose,
    /// Why it is there.
    pub why: Prose,
    /// The document whose last change is behind it: who changed it and when is in its history.
    pub cause: Option<Ref>,
    /// The repo of its source, as it is shown; empty for intent that has none.
    pub repo: String,
}

impl Item {
    /// Whether a filter in small letters finds it: by its sentence or by its ref.
    #[must_use]
    pub fn is_about(&self, filter: &str) -> bool {
        let text =
            format!("{} {} {} {}", self.verb, self.what, self.item.reference, self.repo).to_lowercase();
        filter.split_whitespace().all(|word| text.contains(word))
    }
}

/// What one freeze holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The freeze, as what is said of them: "frozen until 2026-12-27: sale".
    pub why: String,
    /// Its document.
    pub at: Ref,
    /// Runs and deployments.
    pub runs: Vec<Named>,
}

/// A run as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The run, or what is to run again.
    pub run: Ref,
    /// Name of its package.
    pub package: String,
    /// Its release, `r12`.
    pub id: String,
    /// The task, or the environment.
    pub place: String,
}

/// A release some of whose runs wait for custom state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waits {
    /// The release.
    pub release: Ref,
    /// Name of its package.
    pub package: String,
    /// Its name, `r12`.
    pub id: String,
    /// The custom state that is not set, spelled with `@`.
    pub missing: Vec<Ref>,
    /// The runs that wait for it.
    pub runs: Vec<Ref>,
}

/// Something that is no work now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    /// What it is about.
    pub what: Named,
    /// How it stands, or the run that is in its way.
    pub word: Word,
    /// Why, as what is said of it.
    pub says: Sentence,
}

/// The work that is known now. `stored` are the summaries that the store keeps: what they settle is not
/// looked at. Without any, the store is listed as a whole.
///
/// # Errors
/// What must be loaded.
pub fn page(
    snapshot: &Snapshot,
    stored: Option<&BTreeMap<Ref, Summary>>,
    facts: &Facts,
) -> Result<Page, Needs> {
    let plan = match stored {
        Some(stored) => plan::plan_at(snapshot, &candidates::of(snapshot, stored)?, facts)?,
        None => plan::plan(snapshot, &Scope::Everything, facts)?,
    };
    of(snapshot, &plan, facts)
}

/// A plan as it is shown; also that which an edit would cause.
///
/// # Errors
/// What must be loaded.
pub fn of(snapshot: &Snapshot, plan: &Plan, facts: &Facts) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let mut found: Vec<(Cause, Item)> = Vec::new();
    for difference in &plan.intent {
        found.extend(needs.take(of_intent(snapshot, difference, facts)));
    }
    for ready in &plan.ready {
        found.extend(needs.take(of_run(snapshot, ready)));
    }
    for stale in &plan.reconcile {
        found.extend(needs.take(of_stale(snapshot, stale)));
    }
    found.extend(plan.ops.iter().map(of_op));
    let mut page = Page { count: found.len(), ..Page::default() };
    let order = |one: &Item, other: &Item| {
        let (one, other) = (&one.item.reference, &other.item.reference);
        titles::order(one, other).then_with(|| natural::compare(one.as_str(), other.as_str()))
    };
    found.order_by(|(cause, one), (other_cause, other)| {
        cause.cmp(other_cause).then_with(|| order(one, other))
    });
    for (cause, item) in found {
        match page.groups.last_mut().filter(|group| group.cause == cause) {
            Some(group) => group.items.push(item),
            None => page.groups.push(Group { cause, items: vec![item] }),
        }
    }
    let mut enquiry = Enquiry::new(snapshot, facts);
    for left in &plan.left_out {
        if needs.take(leave_out(snapshot, facts, &mut page, left)) != Some(false) {
            continue;
        }
        if page.others.len() < MOST {
            let other = needs.take(other(snapshot, &mut enquiry, left));
            if other.as_ref().is_some_and(|other| is_told(left, other.word)) {
                continue;
            }
            page.others.extend(other);
        }
        page.left_out += 1;
    }
    needs.settle(page)
}

fn raw(reference: &Ref, work_type: plan::WorkType, commit: Option<&str>) -> plan::Item {
    plan::Item { reference: reference.clone(), work_type, commit: commit.map(str::to_owned) }
}

/// The repo of a ref, as it is shown.
fn repo_of(reference: &Ref) -> String {
    titles::repo(reference.repo().unwrap_or_default(), true).to_owned()
}

/// `checkout r142`, leading to the release.
fn release(prose: &mut Prose, release: &Ref) {
    let text = format!("{} {}", titles::package(release), release.release().unwrap_or_default());
    prose.subject(&release.release_ref(), text.trim_end());
}

/// ` to prod`, leading to the environment.
fn place(prose: &mut Prose, word: &str, environment: &str) {
    if let Ok(at) = format!("@/environment/{environment}").parse() {
        prose.text(format!(" {word} ")).link(&at, environment);
    }
}

fn of_intent(
    snapshot: &Snapshot,
    difference: &intent::Difference,
    facts: &Facts,
) -> Result<(Cause, Item), Needs> {
    let full = diff::one(snapshot, difference, facts)?;
    let reference = &difference.reference;
    let gone = difference.change == Change::Delete;
    let mut what = Prose::default();
    let mut why = Prose::default();
    let verb = match reference.kind() {
        Some(Kind::Deploy) => {
            let live = match difference.change {
                Change::Create => None,
                _ => intent::current_task(snapshot, reference)?.map(|(at, _)| at.release_ref()),
            };
            let wanted =
                snapshot.get(&reference.to_intent())?.and_then(Document::read::<crate::documents::Intent>);
            let wanted = wanted.map(|wanted| resolve::release(snapshot, &wanted.release)).transpose()?;
            let again = wanted == live;
            match wanted.as_ref().or(live.as_ref()) {
                Some(named) => release(&mut what, named),
                None => drop(what.subject(&reference.package(), titles::package(reference))),
            }
            place(&mut what, if gone { "in" } else { "to" }, reference.subpath());
            if let (Some(live), false, false) = (&live, gone, again) {
                what.text(format!(", after {}", live.release().unwrap_or_default()));
            }
            if gone {
                why.text("Its intent was deleted. A ")
                    .code("down")
                    .text(" run starts; then nothing is live there.");
            } else {
                changed(&mut why, &full, "Intent asks for it.");
            }
            match (gone, again) {
                (true, _) => "Tear down",
                (false, true) => "Deploy again",
                (false, false) => "Deploy",
            }
        }
        kind => {
            let environment = kind == Some(Kind::Environment);
            what.text(if environment { "Environment " } else { "Custom state " });
            what.subject(reference, named(reference));
            if gone && environment {
                why.text("Its intent was deleted. What is deployed there is taken down first.");
            } else if gone {
                why.text("Its intent was deleted.");
            } else {
                changed(&mut why, &full, "It is in intent and not in state yet.");
                if environment {
                    why.text(" Packages check their environments afterwards.");
                }
            }
            match difference.change {
                Change::Create => "Create",
                Change::Update => "Update",
                Change::Delete => "Delete",
            }
        }
    };
    let item = Item {
        item: raw(reference, difference.change.into(), None),
        verb,
        what,
        why,
        cause: Some(reference.to_intent()),
        repo: repo_of(reference),
    };
    Ok((if gone { Cause::TakesAway } else { Cause::Intent }, item))
}

/// What a custom document or an environment is called.
fn named(reference: &Ref) -> String {
    let release = reference.release().filter(|release| !release.is_empty());
    match (reference.is_global(), release) {
        (true, _) => reference.subpath().to_owned(),
        (false, Some(release)) => {
            format!("{} of {} {release}", reference.subpath(), titles::package(reference))
        }
        (false, None) => format!("{} of {}", reference.subpath(), titles::package(reference)),
    }
}

/// Which fields differ: up to two of them, and how many more.
fn changed(why: &mut Prose, difference: &diff::Difference, otherwise: &str) {
    if difference.change == Change::Create || difference.fields.is_empty() {
        why.text(otherwise);
        return;
    }
    for (index, field) in difference.fields.iter().take(2).enumerate() {
        if index > 0 {
            why.text("; ");
        }
        if field.path.is_empty() {
            why.text("The value");
        } else {
            why.code(&field.path);
        }
        why.change(field.before_text(), field.after_text());
    }
    match difference.fields.len() {
        0..=2 => why.text("."),
        more => why.text(format!("; {} more fields differ.", more - 2)),
    };
}

fn of_run(snapshot: &Snapshot, ready: &ReadyRun) -> Result<(Cause, Item), Needs> {
    let run = snapshot.get(&ready.run)?.and_then(Document::read::<Run>);
    let down = run.as_ref().and_then(|run| run.run_type) == Some(RunType::Down);
    let goes_on = run.is_some_and(|run| run.functions.len() > 1);
    let mut segments = ready.run.segments();
    let name = segments.next().unwrap_or_default();
    let attempt = segments.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(1);
    let mut what = Prose::default();
    release(&mut what, &ready.run);
    let verb = match (ready.run.kind(), down) {
        (Some(Kind::Deploy), true) => {
            place(&mut what, "in", name);
            "Tear down"
        }
        (Some(Kind::Deploy), false) => {
            place(&mut what, "to", name);
            "Deploy"
        }
        _ => {
            what.text(", ").link(&ready.run, name);
            "Run"
        }
    };
    if attempt > 1 {
        what.text(format!(", attempt {attempt}"));
    }
    let mut why = Prose::default();
    why.text(if goes_on {
        "It has begun, and what it waited for is there."
    } else {
        "Everything it waits for is there."
    });
    let item = Item {
        item: raw(&ready.run, plan::WorkType::Run, Some(&ready.commit)),
        verb,
        what,
        why,
        cause: Some(ready.run.clone()),
        repo: repo_of(&ready.run),
    };
    Ok((if down { Cause::TakesAway } else { Cause::Ready }, item))
}

fn of_stale(snapshot: &Snapshot, deploy: &StaleDeploy) -> Result<(Cause, Item), Needs> {
    let stale = &deploy.stale;
    let before =
        intent::current_task(snapshot, &stale.current)?.map(|(_, task)| task.input).unwrap_or_default();
    let mut what = Prose::default();
    release(&mut what, &stale.task);
    place(&mut what, "to", stale.current.subpath());
    let mut why = Prose::default();
    let mut cause = None;
    for (index, name) in stale.changed.iter().enumerate() {
        if index > 0 {
            why.text(" ");
        }
        let after = stale.inputs.get(name);
        let value = |input: Option<&crate::documents::Input>| input?.value.as_ref().map(fields::text);
        why.code(name).change(value(before.get(name)), value(after));
        let source = after.and_then(|input| input.source.as_ref()?.parse::<Ref>().ok());
        if let Some(source) = source {
            let found = match resolve::document(snapshot, &source) {
                Ok(found) => found.map(|found| found.reference),
                Err(Unmet::Needs(needs)) => return Err(needs),
                Err(Unmet::Error(_)) => None,
            };
            why.text(": ").link(&source, source.as_str());
            if let Some(id) = found.as_ref().and_then(|found| found.release()).filter(|id| !id.is_empty()) {
                why.text(format!(" comes from {id}"));
            }
            cause = cause.or(found);
        }
        why.text(".");
    }
    let item = Item {
        item: raw(&stale.task, plan::WorkType::Run, Some(&deploy.commit)),
        verb: "Deploy again",
        what,
        why,
        cause,
        repo: repo_of(&stale.task),
    };
    Ok((Cause::Input, item))
}

fn of_op(op: &WaitingOp) -> (Cause, Item) {
    let mut what = Prose::default();
    let mut why = Prose::default();
    let verb = if op.op.subpath() == "check_envs" {
        what.text("Environments of ");
        release(&mut what, &op.op);
        why.text("Environments have changed. New deployments may follow.");
        "Check"
    } else {
        what.code(op.op.subpath()).text(" of ");
        release(&mut what, &op.op);
        "Do"
    };
    let item = Item {
        item: raw(&op.op, plan::WorkType::Op, Some(&op.commit)),
        verb,
        what,
        why,
        cause: Some(op.op.clone()),
        repo: repo_of(&op.op),
    };
    (Cause::Upkeep, item)
}

fn run_name(reference: &Ref) -> Named {
    Named {
        run: reference.clone(),
        package: if reference.is_global() { String::new() } else { titles::package(reference) },
        id: reference.release().unwrap_or_default().to_owned(),
        place: reference.segments().next().unwrap_or_default().to_owned(),
    }
}

/// Puts it where it is one of many; false where it is told by itself.
fn leave_out(snapshot: &Snapshot, facts: &Facts, page: &mut Page, left: &LeftOut) -> Result<bool, Needs> {
    let named = run_name(&left.reference);
    let approvals = match &left.reason {
        Reason::Frozen(freeze) => {
            let malformed =
                freeze.malformed.as_ref().map(|what| format!(", its document is malformed: {what}"));
            let why = freeze.says() + &malformed.unwrap_or_default();
            match page.frozen.iter_mut().find(|held| held.at == freeze.at) {
                Some(held) => held.runs.push(named),
                None => page.frozen.push(Held { why, at: freeze.at.clone(), runs: vec![named] }),
            }
            return Ok(true);
        }
        Reason::Waits(_) => {
            let Some(entry) = runs::find(snapshot, &left.reference)? else { return Ok(false) };
            let run = snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
            let turn = turn::of_run(snapshot, &entry, run.as_ref(), facts)?;
            if turn.word == Word::Pending {
                page.later += 1;
                return Ok(true);
            }
            turn.approvals
        }
        Reason::Blocked(_) | Reason::Invalid(_) => return Ok(false),
    };
    if approvals.is_empty() {
        return Ok(false);
    }
    let release = left.reference.release_ref();
    let entry = match page.approvals.iter_mut().position(|waits| waits.release == release) {
        Some(index) => page.approvals.get_mut(index),
        None => {
            let Named { package, id, .. } = named;
            page.approvals.push(Waits { release, package, id, missing: Vec::new(), runs: Vec::new() });
            page.approvals.last_mut()
        }
    };
    if let Some(entry) = entry {
        entry.runs.push(left.reference.clone());
        for one in approvals {
            if !entry.missing.contains(&one) {
                entry.missing.push(one);
            }
        }
    }
    Ok(true)
}

/// Whether what is left out is intent that a run carries out, which waits and is listed itself.
fn is_told(left: &LeftOut, run: Word) -> bool {
    let waits = matches!(run, Word::NeedsApproval | Word::Frozen | Word::Pending | Word::Waiting);
    matches!(left.reason, Reason::Blocked(_)) && waits
}

/// What is left out for a reason of its own.
fn other(snapshot: &Snapshot, enquiry: &mut Enquiry<'_>, left: &LeftOut) -> Result<Other, Needs> {
    let waits = match &left.reason {
        Reason::Waits(_) => runs::find(snapshot, &left.reference)?,
        _ => None,
    };
    let (word, says) = match waits {
        Some(entry) => {
            let why = enquiry.run(&entry)?;
            (why.status, why.sentence)
        }
        None => enquiry.reason(&left.reason.to_string(), &left.reference)?,
    };
    Ok(Other { what: run_name(&left.reference), word, says })
}
