//! What is asked about that is no run: releases, deployments, packages, environments.

use std::collections::{BTreeMap, BTreeSet};

use super::enquiry::freeze_words;
use super::{Action, Enquiry, Help, Sentence, Why, Word, name};
use crate::commands;
use crate::documents::{Release, Status};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::freeze;
use crate::glob::Glob;
use crate::intent::{self, Applied, Change};
use crate::ops;
use crate::order::{Gather as _, Order as _};
use crate::reconcile;
use crate::refs::{Kind, Marker, Ref};
use crate::resolve::{self, LinkCycle};
use crate::runs::{self, RunEntry};
use crate::snapshot::{Needs, Unmet};
use crate::times;

impl Enquiry<'_> {
    /// See [`why::of`](super::of).
    ///
    /// # Errors
    /// What must be loaded.
    pub fn of(&mut self, reference: &Ref) -> Result<Option<Why>, Needs> {
        let reference = reference.document().to_state();
        match reference.kind() {
            Some(Kind::Environment) if reference.is_global() => self.environment(&reference),
            Some(Kind::Custom) => self.custom(&reference),
            Some(Kind::Op) => self.op(&reference),
            Some(Kind::Task | Kind::Deploy) => self.work(&reference),
            None if !reference.path().is_empty() => match reference.release() {
                None | Some("") => self.package(&reference.package()),
                Some(_) => self.release(&reference),
            },
            _ => Ok(None),
        }
    }

    /// Each task and deployment of `release` that is not complete, by its newest run, and the operations
    /// that wait; in the order of the release file.
    ///
    /// # Errors
    /// What must be loaded.
    pub fn open_of_release(&mut self, release: &Ref) -> Result<Vec<Why>, Needs> {
        let mut needs = Needs::default();
        let body = needs.take(self.snapshot.get(release)).flatten().and_then(Document::read::<Release>);
        let runs = needs.take(runs::of_release(self.snapshot, release)).unwrap_or_default();
        let ops = needs.take(self.ops_of(release)).unwrap_or_default();
        let package = body.unwrap_or_default().package;
        let order: BTreeMap<String, usize> = package
            .works()
            .enumerate()
            .map(|(index, (_, work))| (format!("{release}/{}", work.place()), index))
            .gather();
        let mut newest: Vec<RunEntry> = newest_of(runs).into_values().collect();
        newest.retain(|entry| entry.status() != Status::Complete);
        newest.order_by_key(|entry| order.get(entry.place.as_str()).copied().unwrap_or(usize::MAX));
        let mut open = Vec::new();
        for entry in newest {
            open.extend(needs.take(self.run(&entry)));
        }
        for op in ops {
            open.extend(needs.take(self.op(&op)).flatten());
        }
        needs.settle(open)
    }

    /// A run, a task or a deployment.
    fn work(&mut self, reference: &Ref) -> Result<Option<Why>, Needs> {
        let release = resolve::release(self.snapshot, reference)?;
        let mut segments = reference.segments();
        let kind = reference.kind().map_or("task", Kind::as_str);
        let place = format!("{kind}/{}", segments.next().unwrap_or_default());
        if release.release() == Some("") || reference.release() == Some("") {
            let Ok(current) = reference.package().with_release("").and_then(|at| at.child(&place)) else {
                return Ok(None);
            };
            return self.current(&current);
        }
        let Ok(place) = release.child(&place) else { return Ok(None) };
        let entries = runs::of_place(self.snapshot, &place)?;
        let entry = match segments.next() {
            Some(number) => entries.into_iter().find(|entry| number.parse() == Ok(entry.number)),
            None => entries.into_iter().next_back(),
        };
        entry.map(|entry| self.run(&entry)).transpose()
    }

    /// What is deployed in an environment, or the result of the newest task of that name.
    fn current(&mut self, current: &Ref) -> Result<Option<Why>, Needs> {
        let mut needs = Needs::default();
        let live = needs.take(intent::current_task(self.snapshot, current)).flatten();
        let live_entry = live.as_ref().map(|(_, task)| runs::find(self.snapshot, &task.run_ref));
        let live_entry = live_entry.and_then(|found| needs.take(found)).flatten();
        let all = needs.take(runs::of_package(self.snapshot, &current.package())).unwrap_or_default();
        let mut all = newest_of(all);
        all.retain(|place, _| place.kind() == current.kind() && place.subpath() == current.subpath());
        let live_release = live.as_ref().and_then(|(place, _)| place.release_number());
        let newest_release = all.keys().filter_map(Ref::release_number).max();
        let mut open = Vec::new();
        for entry in all.into_values() {
            let of_interest = match entry.status() {
                Status::Complete | Status::FailedRetried => false,
                status if status.is_open() => true,
                // Something that failed long ago and was overtaken is nobody's business.
                _ => {
                    let number = entry.place.release_number();
                    number > live_release || number == newest_release || number == live_release
                }
            };
            if of_interest {
                open.extend(needs.take(self.run(&entry)));
            }
        }
        let nothing = open.is_empty() && live.is_none();
        let mut about = None;
        if current.kind() == Some(Kind::Deploy) {
            about = needs.take(self.difference(current, &open)).flatten();
            if about.is_none() && live.is_some() {
                about = needs.take(self.reconcile(current)).flatten();
            }
        }
        if nothing && about.is_none() {
            return needs.settle(None);
        }
        open.extend(about);
        let done = match live_entry {
            Some(entry) => {
                let standing = needs.take(self.standing(&entry));
                standing.map(|standing| (standing.since, standing.sentence))
            }
            None => None,
        };
        let name = match &live {
            Some((place, _)) => name::of(&place.release_ref(), current).and_text(" "),
            None => Sentence::text("nothing is there yet"),
        };
        let (since, done) = done.unwrap_or_default();
        needs.settle(Some(gathered(current, since, or_nothing(name.and(done), &open), open)))
    }

    /// What intent wants that state is not, and why it is not so yet.
    fn difference(&self, current: &Ref, open: &[Why]) -> Result<Option<Why>, Needs> {
        let Some(change) = intent::difference(self.snapshot, current)? else { return Ok(None) };
        // A run on its way explains it.
        let explained = |why: &Why| matches!(why.status, Word::Running | Word::Failed | Word::Stale);
        if open.iter().any(explained) {
            return Ok(None);
        }
        let what = match change {
            Change::Create => "intent asks for it, and it is not there",
            Change::Update => "intent asks for something else",
            Change::Delete => "intent for it is gone, and it is still there",
        };
        let (reason, help) = match intent::apply(self.snapshot, current, &Facts::at("")) {
            Err(Unmet::Needs(needs)) => return Err(needs),
            Err(Unmet::Error(error)) => (format!("cannot be applied: {error}"), None),
            Ok((_, Applied::Unchanged(why))) => (why, None),
            Ok(_) => (String::new(), Some(commands::apply(current))),
        };
        let sentence = match &help {
            Some(command) => {
                Sentence::text(&format!("{what}; apply it with ")).and(Sentence::command(command))
            }
            None => Sentence::text(&format!("{what}, but {reason}")),
        };
        let help = help.map(|command| Help { action: Action::Apply { command }, alone: true });
        Ok(Some(one(current, Word::Differs, sentence, help.into_iter().collect())))
    }

    /// Whether a deployment is to be made again, and why it is not yet.
    fn reconcile(&self, current: &Ref) -> Result<Option<Why>, Needs> {
        let Some(stale) = reconcile::check(self.snapshot, current)? else { return Ok(None) };
        let changed = stale.changed.join(", ");
        let sentence = match stale.blocked {
            Some(why) => Sentence::text(&format!("its input changed ({changed}), but {why}")),
            None => match freeze::of(self.snapshot, current.subpath(), &self.facts.now)? {
                Some(freeze) => Sentence::text(&format!("its input changed ({changed}), but it is frozen"))
                    .and(freeze_words(&freeze)),
                None => Sentence::text(&format!("its input changed ({changed}); deploy it again with "))
                    .and(Sentence::command("ocuroot work any")),
            },
        };
        Ok(Some(one(current, Word::Differs, sentence, Vec::new())))
    }

    fn release(&mut self, reference: &Ref) -> Result<Option<Why>, Needs> {
        let release = resolve::release(self.snapshot, reference)?;
        if !self.snapshot.exists(&release)? {
            return Ok(None);
        }
        let mut needs = Needs::default();
        let runs = needs.take(runs::of_release(self.snapshot, &release)).unwrap_or_default();
        let newest = newest_of(runs);
        let total = newest.len();
        let complete = newest.values().filter(|entry| entry.status() == Status::Complete).count();
        let last = needs.take(self.last_end(newest.values())).unwrap_or_default();
        let open = needs.take(self.open_of_release(&release)).unwrap_or_default();
        let sentence = match (total, total - complete) {
            (0, _) => Sentence::text("has no runs: its file deploys nowhere yet"),
            (_, 0) => Sentence::text(&self.ago("completed", &last)),
            (_, _) => Sentence::text(&format!("{complete} of {total} complete")),
        };
        needs.settle(Some(gathered(&release, last, or_nothing(sentence, &open), open)))
    }

    /// When the last of these ended.
    fn last_end<'e>(&mut self, entries: impl Iterator<Item = &'e RunEntry>) -> Result<String, Needs> {
        let mut needs = Needs::default();
        let mut last: Option<(jiff::Timestamp, String)> = None;
        for entry in entries.filter(|entry| entry.status() == Status::Complete) {
            let since = needs.take(self.standing(entry)).map(|standing| standing.since).unwrap_or_default();
            if let Some(time) = times::parse(&since) {
                last = last.max(Some((time, since)));
            }
        }
        needs.settle(last.map(|(_, since)| since).unwrap_or_default())
    }

    /// The newest release, and what is still open of older ones.
    fn package(&mut self, package: &Ref) -> Result<Option<Why>, Needs> {
        let Some(newest) = resolve::newest_release(self.snapshot, package)? else { return Ok(None) };
        let mut needs = Needs::default();
        let release = needs.take(self.release(&newest)).flatten();
        let older = needs.take(runs::of_package(self.snapshot, package)).unwrap_or_default();
        let mut open = release.as_ref().map(|release| release.open.clone()).unwrap_or_default();
        for entry in newest_of(older).into_values() {
            if entry.release() != newest && entry.status().is_open() {
                open.extend(needs.take(self.run(&entry)));
            }
        }
        let (since, said) = release.map(|release| (release.since, release.sentence)).unwrap_or_default();
        let sentence = name::of(&newest, package).and_text(": ").and(said);
        needs.settle(Some(gathered(package, since, sentence, open)))
    }

    fn environment(&mut self, environment: &Ref) -> Result<Option<Why>, Needs> {
        let mut needs = Needs::default();
        let there = needs.take(self.snapshot.exists(environment)).unwrap_or_default();
        let wanted = needs.take(self.snapshot.exists(&environment.to_intent())).unwrap_or_default();
        let runs = needs.take(runs::of_environment(self.snapshot, environment.subpath())).unwrap_or_default();
        let mut open = Vec::new();
        let mut newest: BTreeMap<Ref, RunEntry> = BTreeMap::new();
        for entry in newest_of(runs).into_values() {
            if entry.status().is_open() {
                open.extend(needs.take(self.run(&entry)));
            } else {
                let package = entry.place.package();
                let newer = newest
                    .get(&package)
                    .is_none_or(|other| entry.place.release_number() > other.place.release_number());
                if newer {
                    newest.insert(package, entry);
                }
            }
        }
        // Of those that have ended, the newest of a package tells.
        for entry in newest.into_values().filter(|entry| entry.status() == Status::Failed) {
            open.extend(needs.take(self.run(&entry)));
        }
        if !there && !wanted && open.is_empty() {
            return needs.settle(None);
        }
        if let Some(difference) = needs.take(self.plain_difference(environment)).flatten() {
            open.push(difference);
        }
        let frozen = needs.take(freeze::of(self.snapshot, environment.subpath(), &self.facts.now)).flatten();
        let said = match open.len() {
            0 => "nothing waits".to_owned(),
            1 => "1 thing is not done".to_owned(),
            many => format!("{many} things are not done"),
        };
        let said = Sentence::text(if there { "" } else { "does not exist; " }).and_text(&said);
        let sentence = match frozen {
            Some(freeze) => said.and_text("; frozen").and(freeze_words(&freeze)),
            None => said,
        };
        needs.settle(Some(gathered(environment, String::new(), sentence, open)))
    }

    fn custom(&mut self, custom: &Ref) -> Result<Option<Why>, Needs> {
        let at = match resolve::for_write(self.snapshot, custom) {
            Ok(at) => at,
            Err(Unmet::Needs(needs)) => return Err(needs),
            Err(Unmet::Error(LinkCycle { .. })) => return Ok(None),
        };
        if let Some(difference) = self.plain_difference(&at)? {
            return Ok(Some(difference));
        }
        Ok(self.snapshot.exists(&at)?.then(|| one(&at, Word::Complete, Sentence::text("set"), Vec::new())))
    }

    /// How custom state or an environment differs from its intent.
    fn plain_difference(&self, at: &Ref) -> Result<Option<Why>, Needs> {
        let Some(change) = intent::difference(self.snapshot, at)? else { return Ok(None) };
        let command = commands::apply(at);
        let what = match change {
            Change::Create => "is set in intent, and only has to be applied: ",
            Change::Update => "is another in intent; apply it with ",
            Change::Delete => "is gone from intent; apply that with ",
        };
        let sentence = Sentence::text(what).and(Sentence::command(&command));
        let help = vec![Help { action: Action::Apply { command }, alone: true }];
        Ok(Some(one(at, Word::Differs, sentence, help)))
    }

    fn ops_of(&self, release: &Ref) -> Result<Vec<Ref>, Needs> {
        match Glob::new(&format!("{}/op/*", Glob::escape(release.as_str()))) {
            Ok(glob) => self.snapshot.search_in(Marker::State, &glob),
            Err(_) => Ok(Vec::new()),
        }
    }

    fn op(&mut self, op: &Ref) -> Result<Option<Why>, Needs> {
        let release = resolve::release(self.snapshot, op)?;
        let op = release.child(&format!("op/{}", op.subpath())).unwrap_or_else(|_| op.clone());
        if !self.snapshot.exists(&op)? {
            return Ok(None);
        }
        let what = match op.subpath() {
            "check_envs" => "environments have changed, and the release file is to be looked at again",
            _ => "this operation is unknown here; a newer version may know it",
        };
        let why = match ops::blocked(self.snapshot, &op)? {
            Some(why) => one(&op, Word::Waiting, Sentence::text(&format!("{what}; but {why}")), Vec::new()),
            None => {
                let command = commands::WORK_OPS.to_owned();
                let sentence = Sentence::text(&format!("{what}: ")).and(Sentence::command(&command));
                let help = vec![Help { action: Action::Continue { command }, alone: true }];
                one(&op, Word::Queued, sentence, help)
            }
        };
        Ok(Some(why))
    }
}

/// The newest run at each place.
fn newest_of(entries: Vec<RunEntry>) -> BTreeMap<Ref, RunEntry> {
    // By place and number, so that a later one replaces an earlier one.
    entries.into_iter().map(|entry| (entry.place.clone(), entry)).gather()
}

fn one(about: &Ref, status: Word, sentence: Sentence, help: Vec<Help>) -> Why {
    Why {
        about: about.clone(),
        status,
        since: String::new(),
        sentence,
        blockers: Vec::new(),
        help,
        open: Vec::new(),
    }
}

/// `sentence`, and that nothing is open where that is so.
fn or_nothing(sentence: Sentence, open: &[Why]) -> Sentence {
    if open.is_empty() { sentence.and_text(", nothing waits") } else { sentence }
}

/// Something that many things may be open in: as urgent as the most urgent of them.
fn gathered(about: &Ref, since: String, sentence: Sentence, mut open: Vec<Why>) -> Why {
    open.order_by_key(|why| why.status);
    let status = open.first().map_or(Word::Complete, |why| why.status);
    let mut seen = BTreeSet::new();
    let all = open.iter().flat_map(|why| &why.help);
    let alone = |help: &Help| all.clone().any(|other| other.action == help.action && other.alone);
    let help = all.clone().filter(|help| seen.insert(help.action.clone()));
    let help = help.map(|help| Help { action: help.action.clone(), alone: alone(help) }).collect();
    let since = open.first().map_or(since, |why| why.since.clone());
    Why { about: about.clone(), status, since, sentence, blockers: Vec::new(), help, open }
}
