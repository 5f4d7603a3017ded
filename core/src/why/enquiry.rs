//! Follows what runs wait for. One enquiry looks everything up once.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{self, Cause, Clause};
use super::{Action, Blocker, Help, LEASE, Sentence, Why, Word, name};
use crate::commands;
use crate::documents::{Function, Input, Log, Marker, Release, Run, Status};
use crate::envelope::Document;
use crate::facts::Facts;
use crate::failure;
use crate::freeze::{self, Freeze};
use crate::order::{Gather as _, Order as _};
use crate::outdated;
use crate::ready;
use crate::refs::{Kind, Ref};
use crate::resolve;
use crate::run;
use crate::runs::{self, RunEntry};
use crate::screens::turn::{self, Turn};
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::times;

/// As many runs are followed one behind the other.
const DEEPEST: usize = 40;

/// As many circles are named; then nothing is followed any more.
const CIRCLES: usize = 1000;

/// Characters of an error's message that are said.
const MESSAGE: usize = 200;

/// Questions about one snapshot at one time.
///
/// ```
/// use ocuroot_core::facts::Facts;
/// use ocuroot_core::snapshot::Snapshot;
/// use ocuroot_core::why::Enquiry;
///
/// let snapshot = Snapshot::empty();
/// let facts = Facts::at("2026-02-01T00:00:00Z");
/// let mut enquiry = Enquiry::new(&snapshot, &facts).with_lease(90).with_logs();
/// assert_eq!(enquiry.of(&"s/-/p/@r4".parse()?).unwrap(), None);
/// # Ok::<(), ocuroot_core::RefError>(())
/// ```
#[derive(Debug)]
pub struct Enquiry<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) facts: &'a Facts,
    lease: u64,
    logs: bool,
    /// Answers by run, and what is needed for one.
    known: BTreeMap<Ref, Result<Standing, Needs>>,
    /// The runs that are being followed.
    path: Vec<Ref>,
    /// How often that led back to one of them, or too far.
    circles: usize,
    phases: BTreeMap<Ref, BTreeMap<String, Phase>>,
}

/// The phase of a task.
#[derive(Clone, Debug)]
struct Phase {
    name: String,
    tasks: usize,
    index: usize,
}

/// What there is to say of a run.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) word: Word,
    pub(super) since: String,
    /// As a sentence of its own.
    pub(super) sentence: Sentence,
    /// In a sentence about another: shorter.
    pub(super) clause: Sentence,
    pub(super) blockers: Vec<Blocker>,
    causes: Vec<Cause>,
    pub(super) help: Vec<Help>,
}

impl<'a> Enquiry<'a> {
    /// One that opens no logs, with the usual lease.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, facts: &'a Facts) -> Enquiry<'a> {
        let (known, path, phases) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Enquiry { snapshot, facts, lease: LEASE, logs: false, known, path, circles: 0, phases }
    }

    /// Where a run counts as stale after other than the usual [`LEASE`] without a heartbeat, in seconds.
    #[must_use]
    pub fn with_lease(mut self, seconds: u64) -> Self {
        self.lease = seconds;
        self
    }

    /// Opens the logs of failed runs, to say with which error they ended.
    #[must_use]
    pub fn with_logs(mut self) -> Self {
        self.logs = true;
        self
    }

    /// Why the run at `entry` is not done.
    ///
    /// # Errors
    /// What must be loaded.
    pub fn run(&mut self, entry: &RunEntry) -> Result<Why, Needs> {
        let standing = self.standing(entry)?;
        Ok(Why {
            about: entry.reference.clone(),
            status: standing.word,
            since: standing.since,
            sentence: standing.sentence,
            blockers: standing.blockers,
            help: standing.help,
            open: Vec::new(),
        })
    }

    /// "3 h" since `then`; none where that is no time.
    pub(super) fn age(&self, then: &str) -> Option<String> {
        times::seconds(then, &self.facts.now).map(times::age)
    }

    /// "failed 3 h ago", or "failed".
    pub(super) fn ago(&self, what: &str, then: &str) -> String {
        self.age(then).map_or_else(|| what.to_owned(), |age| format!("{what} {age} ago"))
    }

    fn marker(&self, entry: &RunEntry) -> Result<Marker, Needs> {
        match run::status_ref(&entry.reference, entry.status()) {
            Ok(at) if !entry.statuses.is_empty() => {
                Ok(self.snapshot.get(&at)?.and_then(Document::read).unwrap_or_default())
            }
            _ => Ok(Marker::default()),
        }
    }

    pub(super) fn standing(&mut self, entry: &RunEntry) -> Result<Standing, Needs> {
        if let Some(known) = self.known.get(&entry.reference) {
            return known.clone();
        }
        let circles = self.circles;
        self.path.push(entry.reference.clone());
        let standing = match entry.status() {
            Status::Pending | Status::Paused => self.waiting(entry),
            Status::Running => self.running(entry),
            _ => self.ended(entry),
        };
        self.path.pop();
        // What was found on the way round a circle is said from where one came.
        if self.circles == circles || self.path.is_empty() {
            self.known.insert(entry.reference.clone(), standing.clone());
        }
        standing
    }

    fn ended(&mut self, entry: &RunEntry) -> Result<Standing, Needs> {
        let mut needs = Needs::default();
        let release = entry.release();
        let since = needs.take(self.marker(entry)).unwrap_or_default().time;
        let plain = |word: Word, sentence: Sentence, clause: Sentence| Standing {
            word,
            since: since.clone(),
            sentence,
            clause,
            blockers: Vec::new(),
            causes: Vec::new(),
            help: Vec::new(),
        };
        let standing = match entry.status() {
            Status::Failed => {
                let failed = Sentence::text(&self.ago("failed", &since));
                let command = commands::retry(&release);
                let attempts = needs.take(runs::of_place(self.snapshot, &entry.place)).unwrap_or_default();
                let error = if self.logs { needs.take(self.error(entry)).flatten() } else { None };
                let tried = match attempts.len() {
                    0 | 1 => String::new(),
                    many => format!(", attempt {} of {many}", entry.number),
                };
                let sentence = failed
                    .clone()
                    .and_text(&tried)
                    .and_text(&error.map(|error| format!(": {error}")).unwrap_or_default())
                    .and_text("; retry with ")
                    .and(Sentence::command(&command));
                let help = vec![Help { action: Action::Retry { command }, alone: true }];
                Standing { help, ..plain(Word::Failed, sentence, failed.and_text(&tried)) }
            }
            Status::FailedRetried => {
                let newest =
                    needs.take(runs::of_place(self.snapshot, &entry.place)).unwrap_or_default().pop();
                let failed = Sentence::text(&self.ago("failed", &since));
                let newer = newest.filter(|newest| newest.reference != entry.reference);
                let sentence = match newer {
                    Some(newer) => {
                        let label = format!("attempt {}", newer.number);
                        let then = needs.take(self.standing(&newer)).map(|standing| standing.clause);
                        failed
                            .and_text("; then ")
                            .and(Sentence::reference(&newer.reference, &label))
                            .and_text(" ")
                            .and(then.unwrap_or_default())
                    }
                    None => failed.and_text(" and was to be retried"),
                };
                plain(Word::Retried, sentence.clone(), sentence)
            }
            Status::Cancelled => {
                let read = |document: Option<&Document>| document.and_then(Document::read::<Run>);
                let body = needs.take(self.snapshot.get(&entry.reference).map(read)).flatten();
                let newer =
                    body.and_then(|body| needs.take(outdated::holds(self.snapshot, entry, &body)).flatten());
                let cancelled = Sentence::text(&self.ago("cancelled", &since));
                let sentence = match newer {
                    Some(newer) => cancelled
                        .and_text(": ")
                        .and(name::of(&newer, &release))
                        .and_text(" is newer, and is there or on its way"),
                    None => cancelled,
                };
                plain(Word::Cancelled, sentence.clone(), Sentence::text("was ").and(sentence))
            }
            _ => {
                let sentence = Sentence::text(&self.ago("completed", &since));
                plain(Word::Complete, sentence.clone(), sentence)
            }
        };
        needs.settle(standing)
    }

    /// The error that a failed run ended with.
    fn error(&self, entry: &RunEntry) -> Result<Option<String>, Needs> {
        let Ok(at) = entry.reference.child("logs") else { return Ok(None) };
        let logs = self.snapshot.get(&at)?.and_then(Document::read::<Option<Vec<Log>>>).flatten();
        let logs = logs.unwrap_or_default();
        // It has failed, so whatever it ended with is its error.
        let lines: Vec<(bool, &str)> =
            logs.iter().flat_map(|log| log.message.lines().map(|line| (true, line))).collect();
        let error = failure::of(lines.into_iter()).map(|failure| failure.message);
        Ok(error.map(|error| match error.char_indices().nth(MESSAGE) {
            Some((end, _)) => format!("{}…", error.get(..end).unwrap_or_default().trim_end()),
            None => error.to_owned(),
        }))
    }

    fn running(&mut self, entry: &RunEntry) -> Result<Standing, Needs> {
        let marker = self.marker(entry)?;
        let since = marker.started.clone().unwrap_or_else(|| marker.time.clone());
        let owner = marker.owner.filter(|owner| !owner.host.is_empty());
        let last = marker.heartbeat.unwrap_or(marker.time);
        let silent = times::seconds(&last, &self.facts.now);
        // A time that cannot be read was not written by a process that is still alive.
        let stale = silent.is_none_or(|seconds| seconds > self.lease);
        let release = entry.release();
        let standing = |word, since, sentence: Sentence, clause, help| Standing {
            word,
            since,
            sentence,
            clause,
            blockers: Vec::new(),
            causes: Vec::new(),
            help,
        };
        Ok(if stale {
            let process = owner.map_or_else(
                || "its process".to_owned(),
                |owner| format!("its process, {} on {},", owner.pid, owner.host),
            );
            let silent = silent.map(|seconds| format!(" for {}", times::age(seconds))).unwrap_or_default();
            let short = format!("stale: no heartbeat{silent}");
            let command = commands::retry_stale(&release);
            let sentence = Sentence::text(&format!("{short}, {process} may have died; take it up with "))
                .and(Sentence::command(&command));
            let help = vec![Help { action: Action::Retry { command }, alone: true }];
            standing(Word::Stale, last, sentence, Sentence::text(&format!("is {short}")), help)
        } else {
            let mut sentence = "running".to_owned();
            if let Some(age) = self.age(&since) {
                sentence.push_str(&format!(" for {age}"));
            }
            let clause = Sentence::text(&format!("has been {sentence}"));
            if let Some(owner) = owner {
                sentence.push_str(&format!(" on {}, process {}", owner.host, owner.pid));
            }
            standing(Word::Running, since, Sentence::text(&sentence), clause, Vec::new())
        })
    }

    fn waiting(&mut self, entry: &RunEntry) -> Result<Standing, Needs> {
        let mut needs = Needs::default();
        let since = needs.take(self.marker(entry)).unwrap_or_default().time;
        let body = self.snapshot.get(&entry.reference)?.and_then(Document::read::<Run>);
        let release = entry.release();
        let Some((run, function)) = body.as_ref().and_then(|run| Some((run, run.functions.last()?))) else {
            let sentence = Sentence::text("its document cannot be read; see what is wrong with ")
                .and(Sentence::command("ocuroot state check"));
            let clause = Sentence::text("cannot be read");
            let (blockers, causes, help) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Standing { word: Word::Waiting, since, sentence, clause, blockers, causes, help });
        };
        let turn = turn::of_run(self.snapshot, entry, body.as_ref(), self.facts);
        let turn = needs.take(turn).unwrap_or_else(|| Turn::plain(Word::Waiting));
        let (dependencies, mut blockers) =
            needs.take(self.dependencies(&release, function)).unwrap_or_default();
        let (inputs, more) = needs.take(self.inputs(entry, function, &turn)).unwrap_or_default();
        blockers.extend(more);
        blockers.order_by_key(|blocker| blocker.there);
        let standing = match (turn.word, turn.freeze) {
            (_, Some(freeze)) => frozen(&freeze),
            (Word::Queued, None) => {
                needs.take(self.queued(entry, run)).unwrap_or_else(|| unsaid(Word::Queued))
            }
            (word, None) => {
                let held = match self.facts.override_freeze {
                    None => needs.take(freeze::holds(self.snapshot, entry, run, self.facts)).flatten(),
                    Some(_) => None,
                };
                let phase = if inputs.is_empty() && held.is_none() {
                    needs.take(self.phase_before(entry, &dependencies)).flatten()
                } else {
                    None
                };
                let held = held.map(|freeze| freeze_cause(&freeze));
                let causes = cause::sorted(inputs.into_iter().chain(dependencies).chain(held).collect());
                let sentence = match phase {
                    Some(phase) => cause::waits_for_phase(&phase, &causes),
                    None => cause::waits_for(&causes),
                };
                let clause = cause::waits_for(causes.get(..1).unwrap_or_default());
                let clause = match causes.len() {
                    0 | 1 => clause,
                    many => clause.and_text(&format!(", and for {} more", many - 1)),
                };
                let help = cause::help(&causes);
                Standing { sentence, clause, causes, help, ..unsaid(word) }
            }
        };
        needs.settle(Standing { since, blockers, ..standing })
    }

    /// What is to be said of a run that can start.
    fn queued(&self, entry: &RunEntry, run: &Run) -> Result<Standing, Needs> {
        let release = entry.release();
        let command = commands::carry_on(&release);
        let newer = outdated::holds(self.snapshot, entry, run)?;
        let commit = self.snapshot.get(&release)?.and_then(Document::read::<Release>);
        let commit: String = commit.unwrap_or_default().commit.chars().take(7).collect();
        let at = if commit.is_empty() { String::new() } else { format!(" at commit {commit}") };
        let ready = match newer {
            Some(newer) => Sentence::text("ready, but ")
                .and(name::of(&newer, &release))
                .and_text(" is newer, and is there or on its way; to deploy it all the same: "),
            None => Sentence::text("ready, and no worker has taken it; start it with "),
        };
        let sentence = ready.and(Sentence::command(&command)).and_text(&at);
        let help = vec![Help { action: Action::Continue { command }, alone: true }];
        let clause = Sentence::text("is ready, and no worker has taken it");
        Ok(Standing { sentence, clause, help, ..unsaid(Word::Queued) })
    }

    /// What is missing of a function's dependencies, and all of them.
    fn dependencies(
        &mut self,
        release: &Ref,
        function: &Function,
    ) -> Result<(Vec<Cause>, Vec<Blocker>), Needs> {
        let mut needs = Needs::default();
        let mut causes = Vec::new();
        let mut blockers = Vec::new();
        let blocker = |source: &String, there, status, sentence| Blocker {
            source: source.clone(),
            input: None,
            there,
            status,
            sentence,
        };
        for source in &function.dependencies {
            match needs.take(ready::holds(self.snapshot, source)) {
                None => {}
                Some(true) => {
                    blockers.push(blocker(source, true, Word::Complete, Sentence::text("complete")));
                }
                Some(false) => {
                    let found = match ready::place_of(source) {
                        Some(place) => needs.take(self.before(&place, release)),
                        None => Some((
                            Word::Waiting,
                            Sentence::text("nothing matches it yet"),
                            vec![named(Sentence::text(source), Clause::does("matches nothing yet"), source)],
                        )),
                    };
                    if let Some((word, sentence, found)) = found {
                        causes.extend(found);
                        blockers.push(blocker(source, false, word, sentence));
                    }
                }
            }
        }
        needs.settle((causes, blockers))
    }

    /// How the task at `place` stands that a run of `release` depends on, and what stands in the way of
    /// it: the task itself, or where it waits for others of its release, those.
    fn before(&mut self, place: &Ref, release: &Ref) -> Result<(Word, Sentence, Vec<Cause>), Needs> {
        let Some(entry) = runs::of_place(self.snapshot, place)?.pop() else {
            let clause = Clause::does("has no run");
            let cause = named(name::of(place, release), clause.clone(), place.as_str());
            let cause = Cause { phase: true, ..cause };
            return Ok((Word::Waiting, clause.alone(), vec![cause]));
        };
        if self.leads_back(&entry) {
            let cause = self.circle(&entry, release);
            return Ok((cause.word, cause.clause.alone(), vec![cause]));
        }
        let standing = self.standing(&entry)?;
        let mut causes = Vec::new();
        for cause in &standing.causes {
            let mut help = cause.help.clone();
            if let Some(help) = &mut help {
                help.alone |= cause.direct && standing.causes.len() == 1;
            }
            let clause = Clause::Does(Sentence::text("waits for ").and(cause.relative()));
            let through = Cause {
                key: cause.key.clone(),
                word: cause.word,
                clause,
                ..self.through(&entry, &standing, release)
            };
            let cause = if cause.phase { cause.clone() } else { through };
            causes.push(Cause { help, direct: false, ..cause });
        }
        if causes.is_empty() {
            causes.push(self.through(&entry, &standing, release));
        }
        for cause in &mut causes {
            cause.phase = true;
        }
        Ok((standing.word, standing.sentence, causes))
    }

    /// A run as what another one waits for.
    fn through(&self, entry: &RunEntry, standing: &Standing, context: &Ref) -> Cause {
        let name = name::of(&entry.place, context);
        // A task is often called as the approval that it waits for.
        let alike = standing.causes.iter().any(|cause| cause.name.to_string() == name.to_string());
        let name = if alike { Sentence::text("task ").and(name) } else { name };
        Cause {
            // The reader looks for the place itself, whatever it is that it waits for.
            key: entry.place.to_string(),
            place: Some(entry.place.to_string()),
            name: link_to_run(name, entry),
            clause: Clause::Does(standing.clause.clone()),
            word: standing.word,
            help: standing.help.first().cloned(),
            direct: false,
            phase: false,
        }
    }

    fn leads_back(&self, entry: &RunEntry) -> bool {
        self.path.contains(&entry.reference) || self.path.len() > DEEPEST || self.circles > CIRCLES
    }

    /// What waits for that which waits for it.
    fn circle(&mut self, entry: &RunEntry, context: &Ref) -> Cause {
        self.circles += 1;
        let clause = Clause::does("waits for it in turn, so none of them can start");
        let cause = named(name::of(&entry.place, context), clause, entry.place.as_str());
        Cause { name: link_to_run(cause.name, entry), ..cause }
    }

    /// What is missing of a function's inputs, and all of them that come from somewhere.
    fn inputs(
        &mut self,
        entry: &RunEntry,
        function: &Function,
        turn: &Turn,
    ) -> Result<(Vec<Cause>, Vec<Blocker>), Needs> {
        let mut needs = Needs::default();
        let mut causes = Vec::new();
        let mut blockers = Vec::new();
        for (name, input) in &function.inputs {
            let Some(value) = needs.take(resolve::input(self.snapshot, input)) else { continue };
            let source = input.source.clone().unwrap_or_default();
            let blocker = |there, status, sentence| Blocker {
                source: source.clone(),
                input: Some(name.clone()),
                there,
                status,
                sentence,
            };
            match value {
                Some(_) if source.is_empty() => {}
                Some(_) => blockers.push(blocker(true, Word::Complete, Sentence::text("there"))),
                None => {
                    let Some(cause) = needs.take(self.missing(entry, name, input, turn)) else { continue };
                    blockers.push(blocker(false, cause.word, cause.clause.alone()));
                    causes.push(cause);
                }
            }
        }
        needs.settle((causes, blockers))
    }

    /// Why an input has no value.
    fn missing(&mut self, entry: &RunEntry, name: &str, input: &Input, turn: &Turn) -> Result<Cause, Needs> {
        let Some(text) = &input.source else {
            let what = Sentence::text(&format!("a value for its input {name}"));
            return Ok(named(what, Clause::does("nothing gives"), &format!("input {name}")));
        };
        let Ok(source) = text.parse::<Ref>() else {
            let clause = Clause::does("is no ref; the release file must be changed");
            return Ok(named(Sentence::text(text), clause, text));
        };
        let context = entry.release();
        let document = source.document();
        let at = match resolve::document(self.snapshot, &source) {
            Ok(found) => found.map(|found| found.reference),
            Err(Unmet::Needs(needs)) => return Err(needs),
            Err(Unmet::Error(circle)) => {
                let clause = Clause::Does(Sentence::text(&circle.to_string()));
                return Ok(named(name::of(&document, &context), clause, document.as_str()));
            }
        };
        let of = |clause: Clause| named(name::of(&document, &context), clause, document.as_str());
        match source.kind() {
            Some(Kind::Task | Kind::Deploy) => self.output(entry, &source, at.is_some()),
            Some(Kind::Custom) => {
                let help = |action| Some(Help { action, alone: false });
                if turn::is_to_be_applied(self.snapshot, &document)? {
                    let action = Action::Apply { command: commands::apply(&document) };
                    let clause = Clause::does("is set in intent, and only has to be applied");
                    return Ok(Cause { help: help(action), direct: true, ..of(clause) });
                }
                let clause = match (at, source.fragment().unwrap_or_default()) {
                    (None, _) => Clause::Is(Sentence::text("custom state that somebody must set")),
                    (Some(_), "") => Clause::does("is null"),
                    (Some(_), fragment) => Clause::does(&format!("has no field {fragment}")),
                };
                let action = Action::Approve { reference: document.to_state() };
                let asked = turn.approvals.contains(&document);
                let word = if asked { Word::NeedsApproval } else { Word::Pending };
                Ok(Cause { help: help(action), direct: true, word, ..of(clause) })
            }
            _ if at.is_some() => {
                Ok(of(Clause::does(&format!("has no field {}", source.fragment().unwrap_or("value")))))
            }
            _ => Ok(of(Clause::does("does not exist"))),
        }
    }

    /// Why there is no output at `source`; `there` says whether there is a result at all.
    fn output(&mut self, entry: &RunEntry, source: &Ref, there: bool) -> Result<Cause, Needs> {
        let context = entry.release();
        let segment = source.segments().next().unwrap_or_default();
        let kind = source.kind().map_or("task", Kind::as_str);
        let place = source.release_ref().to_state().child(&format!("{kind}/{segment}"));
        let Ok(place) = place else {
            return Ok(named(name::of(source, &context), Clause::does("does not exist"), source.as_str()));
        };
        let of = |clause: Clause| named(name::of(&place, &context), clause, place.as_str());
        let of_package = |clause: Clause| named(name::of(&place.package(), &context), clause, place.as_str());
        let Some(newest) = self.newest(&place, &context)? else {
            let release = resolve::newest_release(self.snapshot, &place.package())?;
            let never = if source.kind() == Some(Kind::Deploy) { "was never deployed" } else { "never ran" };
            return Ok(match release {
                None => of_package(Clause::does("has no release yet")),
                Some(_) if source.kind() == Some(Kind::Deploy) => {
                    of_package(Clause::does(&format!("{never} to {segment}")))
                }
                Some(_) => of(Clause::does(never)),
            });
        };
        if newest.place == entry.place {
            let clause = Clause::Is(Sentence::text(
                "its own output, which is there only afterwards; the input lacks a default",
            ));
            return Ok(of(clause));
        }
        if self.leads_back(&newest) {
            return Ok(self.circle(&newest, &context));
        }
        let standing = self.standing(&newest)?;
        let cause = self.through(&newest, &standing, &context);
        if standing.word != Word::Complete {
            return Ok(cause);
        }
        let clause = match source.fragment() {
            // A deployment that was taken down has a result, and no link.
            _ if !there => Clause::Does(Sentence::text(&self.ago("was taken down", &standing.since))),
            Some(fragment) => standing
                .clause
                .and_text(" without ")
                .and_text(&fragment.replacen("output/", "output ", 1))
                .into(),
            None => standing.clause.and_text(" without a result").into(),
        };
        Ok(Cause { clause, word: Word::Waiting, help: None, ..cause })
    }

    /// The run that a ref to a task or deployment waits for: of the release that it names; where it
    /// names none, of the run's own where it is of that package, or else of the newest that has one.
    fn newest(&self, place: &Ref, context: &Ref) -> Result<Option<RunEntry>, Needs> {
        if place.release().is_some_and(|release| !release.is_empty()) {
            let release = resolve::release(self.snapshot, place)?;
            let named =
                place.with_release(release.release().unwrap_or_default()).unwrap_or_else(|_| place.clone());
            return Ok(runs::of_place(self.snapshot, &named)?.pop());
        }
        let mut releases = Vec::new();
        if place.package() == context.package() {
            releases.push(context.clone());
        }
        releases.extend(resolve::newest_release(self.snapshot, &place.package())?);
        for release in releases {
            let Ok(here) = place.with_release(release.release().unwrap_or_default()) else { continue };
            if let Some(entry) = runs::of_place(self.snapshot, &here)?.pop() {
                return Ok(Some(entry));
            }
        }
        let mut all = runs::of_package(self.snapshot, &place.package())?;
        all.retain(|other| other.place.kind() == place.kind() && other.place.subpath() == place.subpath());
        Ok(all.into_iter().max_by_key(|other| (other.place.release_number(), other.number)))
    }

    /// The name of the phase before that of `entry`, where it has one and more than one task, and all
    /// `causes` are in it.
    fn phase_before(&mut self, entry: &RunEntry, causes: &[Cause]) -> Result<Option<String>, Needs> {
        let release = entry.release();
        let phases = match self.phases.get(&release) {
            Some(phases) => phases,
            None => {
                let body =
                    self.snapshot.get(&release)?.and_then(Document::read::<Release>).unwrap_or_default();
                let mut phases = BTreeMap::new();
                for (index, work) in body.package.works() {
                    let Some(phase) = body.package.phases.get(index) else { continue };
                    let phase = Phase { name: phase.name.clone(), tasks: phase.tasks.len(), index };
                    phases.insert(format!("{release}/{}", work.place()), phase);
                }
                self.phases.entry(release).or_insert(phases)
            }
        };
        let found: Option<Vec<&Phase>> =
            causes.iter().map(|cause| phases.get(cause.place.as_ref()?)).collect();
        let found = found.unwrap_or_default();
        let indices: BTreeSet<usize> = found.iter().map(|phase| phase.index).gather();
        let own = phases.get(entry.place.as_str()).map(|own| own.index);
        let first = found.first().filter(|phase| {
            indices.len() == 1 && own == Some(phase.index + 1) && phase.tasks > 1 && !phase.name.is_empty()
        });
        Ok(first.map(|phase| phase.name.clone()))
    }
}

impl From<Sentence> for Clause {
    fn from(sentence: Sentence) -> Clause {
        Clause::Does(sentence)
    }
}

/// A cause that nobody can do anything about from here.
fn named(name: Sentence, clause: Clause, key: &str) -> Cause {
    let key = key.to_owned();
    Cause { key, place: None, name, clause, word: Word::Waiting, help: None, direct: false, phase: false }
}

/// A name that leads to the run instead of its task.
fn link_to_run(name: Sentence, entry: &RunEntry) -> Sentence {
    name.parts().iter().fold(Sentence::default(), |sentence, part| match part {
        super::Part::Ref { label, .. } => sentence.and(Sentence::reference(&entry.reference, label)),
        super::Part::Text(text) => sentence.and_text(text),
        super::Part::Command { command } => sentence.and(Sentence::command(command)),
    })
}

pub(super) fn unsaid(word: Word) -> Standing {
    Standing {
        word,
        since: String::new(),
        sentence: Sentence::default(),
        clause: Sentence::default(),
        blockers: Vec::new(),
        causes: Vec::new(),
        help: Vec::new(),
    }
}

/// The words of a freeze, after "frozen" or "the freeze".
pub(super) fn freeze_words(freeze: &Freeze) -> Sentence {
    let until = freeze.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let reason = if freeze.reason.is_empty() { String::new() } else { format!(": {}", freeze.reason) };
    Sentence::text(&format!("{until}{reason}, says "))
        .and(Sentence::reference(&freeze.at, freeze.at.as_str()))
}

fn frozen(freeze: &Freeze) -> Standing {
    let sentence = Sentence::text("frozen").and(freeze_words(freeze));
    let action = Action::Thaw { reference: freeze.at.clone() };
    let clause = Sentence::text("is ").and(sentence.clone());
    let help = vec![Help { action, alone: true }];
    Standing { sentence, clause, help, ..unsaid(Word::Frozen) }
}

fn freeze_cause(freeze: &Freeze) -> Cause {
    let when = match &freeze.until {
        Some(until) => format!("which is planned for {until}"),
        None => "which nobody has planned".to_owned(),
    };
    let reason = if freeze.reason.is_empty() { String::new() } else { format!(": {}", freeze.reason) };
    let name = Sentence::text("the end of ").and(Sentence::reference(&freeze.at, "the freeze"));
    let help = Help { action: Action::Thaw { reference: freeze.at.clone() }, alone: false };
    let clause = Clause::Is(Sentence::text(&format!("{when}{reason}")));
    let word = Word::Frozen;
    Cause { word, help: Some(help), direct: true, ..named(name, clause, freeze.at.as_str()) }
}
