//! Executes runs: claims what is ready, calls its functions, records how they end.
//!
//! Every function call has a thread of its own; everything that reads or writes the store happens
//! in one loop. What ends while a transaction is being carried out is recorded together in the
//! next, and what that makes ready is claimed in the same one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ocuroot_core::Ref;
use ocuroot_core::commands;
use ocuroot_core::documents::{Log, RunType, Status};
use ocuroot_core::facts::Facts;
use ocuroot_core::freeze;
use ocuroot_core::open;
use ocuroot_core::outdated;
use ocuroot_core::ready::Missing;
use ocuroot_core::release;
use ocuroot_core::run::{self, Claimed, Completion, RunError};
use ocuroot_core::runs;
use ocuroot_core::sdk::{Diagnostics, Limits, Program, Returned, STACK_BYTES};
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::transaction::{Steps, Transaction};
use ocuroot_core::why::{Enquiry, Sentence};

use crate::checkout::Sources;
use crate::error::Failure;
use crate::identity::{self, FLUSH};
use crate::interrupt;
use crate::native_host::LogSink;
use crate::programs::Programs;
use crate::session::{Session, environments};
use crate::view::{Event, showing};

/// How long functions may take to end after the user has given up.
const GRACE: Duration = Duration::from_secs(5);

/// How long the end of one run waits for that of others, to be recorded together with them: a
/// fraction of what a push costs.
const GATHER: Duration = Duration::from_millis(200);

/// How many runs are claimed at once where a claim is a push, though not all of them execute at once:
/// a phase of quick functions then takes one push. What has not begun by the next flush is given
/// back, so that other processes can take it.
const CLAIMS: usize = 64;

/// An open run that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The run.
    pub run: Ref,
    /// What for, as the run has it.
    pub missing: Vec<Missing>,
    /// What for, as people understand it.
    pub why: Sentence,
}

/// How releases went.
#[derive(Debug, Default)]
pub struct Report {
    /// Runs that failed in this process.
    pub failed: Vec<Ref>,
    /// Open runs that wait, and for what.
    pub waiting: Vec<Waiting>,
    /// How many runs were executed.
    pub executed: usize,
}

impl Report {
    /// This and `other`.
    pub fn merge(&mut self, other: Report) {
        self.failed.extend(other.failed);
        self.waiting.extend(other.waiting);
        self.executed += other.executed;
    }
}

/// How many runs execute at the same time: `--jobs`, or as many as there are cores.
#[must_use]
pub fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// How many runs to claim in one transaction when `jobs` execute at the same time.
#[must_use]
pub fn claims(session: &Session, jobs: usize) -> usize {
    if session.stores.is_remote() { jobs.max(CLAIMS) } else { jobs }
}

/// A function that has ended, or the signal that the user has given up.
enum Message {
    Ended(Box<Ended>),
    Interrupted,
}

struct Ended {
    claimed: Claimed,
    result: Result<Returned, Diagnostics>,
    took: Duration,
}

/// A run that executes in this process.
struct Active {
    /// All that it has printed.
    logs: Arc<Mutex<Vec<Log>>>,
    /// Whether its function has ended, though that is not recorded yet.
    ended: bool,
}

/// What the transaction that records some ends did with each run.
struct Recorded {
    run: Ref,
    run_type: RunType,
    status: Status,
    took: Duration,
    outputs: Vec<String>,
}

/// Runs of the releases that `sources` belong to, until none of them is ready. `claimed` are runs that
/// were claimed for this process already.
///
/// # Errors
/// When the stores cannot be read or written; runs that execute then are ended first.
pub fn run(
    session: &mut Session,
    sources: &Sources,
    releases: &[Ref],
    claimed: Vec<Claimed>,
    jobs: usize,
) -> Result<Report, Failure> {
    let environments = session.read(environments)?;
    let programs = Programs::new(sources, Arc::clone(&session.repo.secrets), environments);
    let (sender, receiver) = channel();
    let (interrupt_sender, interrupts) = channel();
    let _listening = interrupt::listen(interrupt_sender);
    forward(interrupts, sender.clone());
    let mut engine = Engine {
        session,
        programs,
        here: sources.are_here(),
        releases,
        sender,
        receiver,
        active: BTreeMap::new(),
        queue: VecDeque::new(),
        jobs,
        claims: 0,
        report: Report::default(),
    };
    engine.claims = claims(engine.session, jobs);
    engine.start(claimed);
    if let Err(error) = engine.work() {
        engine.stop();
        return Err(error);
    }
    let mut report = engine.report;
    let lease = identity::lease_seconds()?;
    for release in releases {
        let facts = session.facts();
        let (waiting, status) = session.ask(|snapshot| {
            let mut needs = Needs::default();
            let mut enquiry = Enquiry::new(snapshot, &facts).with_lease(lease);
            let mut waiting = Vec::new();
            for (run, missing) in open::waiting(snapshot, release)? {
                let Some(Some(why)) = needs.take(enquiry.of(&run)) else { continue };
                waiting.push(Waiting { run, missing, why: why.sentence });
            }
            needs.settle((waiting, runs::release_status(snapshot, release)?))
        })?;
        report.waiting.extend(waiting);
        let held = session.ask(|snapshot| freeze::held(snapshot, release, &facts))?;
        crate::freeze::show(session, &held);
        if session.in_order {
            for (run, newer) in session.ask(|snapshot| outdated::overtaken(snapshot, release))? {
                session.view.show(&Event::Note(&format!("{run} is cancelled: {newer} is newer, and there")));
            }
        }
        session.view.show(&Event::Standing { release, status });
    }
    Ok(report)
}

/// Signals arrive on a channel of their own type.
fn forward(interrupts: Receiver<()>, sender: Sender<Message>) {
    std::thread::spawn(move || {
        for () in interrupts {
            if sender.send(Message::Interrupted).is_err() {
                return;
            }
        }
    });
}

struct Engine<'a> {
    session: &'a mut Session,
    programs: Programs,
    /// Whether their files are those that are checked out here.
    here: bool,
    releases: &'a [Ref],
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    active: BTreeMap<Ref, Active>,
    /// Claimed, and not begun.
    queue: VecDeque<Claimed>,
    /// How many execute at the same time.
    jobs: usize,
    /// How many are claimed at the same time.
    claims: usize,
    report: Report,
}

impl Engine<'_> {
    fn work(&mut self) -> Result<(), Failure> {
        let mut given_up: Option<Instant> = None;
        // Once more after everything has ended: of two processes that each record the end of what
        // the other waits for, the later one sees both.
        loop {
            self.record(Vec::new())?;
            let nothing = self.active.is_empty() && self.queue.is_empty();
            if nothing || given_up.is_some() {
                break;
            }
            self.wait_for_all(&mut given_up)?;
        }
        if given_up.is_some() {
            return Err(Failure::Unsuccessful(
                "interrupted; `ocuroot release retry` takes it up again".to_owned(),
            ));
        }
        Ok(())
    }

    /// Waits until nothing executes any more; what becomes ready meanwhile is started too.
    fn wait_for_all(&mut self, given_up: &mut Option<Instant>) -> Result<(), Failure> {
        let mut flushed = Instant::now();
        while !self.active.is_empty() || !self.queue.is_empty() {
            let mut ended = Vec::new();
            let patience = given_up.map_or(FLUSH, |since| GRACE.saturating_sub(since.elapsed()));
            let mut next = self.receiver.recv_timeout(patience);
            let first = Instant::now();
            while let Ok(message) = next {
                match message {
                    Message::Ended(end) => {
                        if let Some(active) = self.active.get_mut(&end.claimed.run) {
                            active.ended = true;
                        }
                        ended.push(*end);
                        self.fill();
                    }
                    // Only wakes this up.
                    Message::Interrupted => {}
                }
                let others = ended.len() < self.active.len() && !interrupt::is_set();
                let wait = if others { GATHER.saturating_sub(first.elapsed()) } else { Duration::ZERO };
                next = self.receiver.recv_timeout(wait);
            }
            // What was ended by giving up may be heard of before the giving up is.
            if interrupt::is_set() {
                given_up.get_or_insert_with(Instant::now);
                self.give_back()?;
            }
            if given_up.is_some_and(|since| since.elapsed() >= GRACE) {
                return self.abandon();
            }
            if !ended.is_empty() {
                let all = ended.len() == self.active.len() && self.queue.is_empty();
                self.record(ended)?;
                if all {
                    // What executes now has just been claimed, however long others had to be waited for.
                    flushed = Instant::now();
                }
            }
            if flushed.elapsed() >= FLUSH {
                self.flush()?;
                flushed = Instant::now();
            }
        }
        Ok(())
    }

    /// Records how functions ended, and claims what can start now.
    fn record(&mut self, ended: Vec<Ended>) -> Result<(), Failure> {
        let logs: Vec<Vec<Log>> = ended.iter().map(|end| self.logs_of(end)).collect();
        let clock = self.session.clock();
        let mine = self.active.len().saturating_sub(ended.len()) + self.queue.len();
        let slots = self.claims.saturating_sub(mine);
        let releases = self.releases;
        // Others write too: an approval, an output, the end of what runs here wait for.
        self.session.refresh();
        let (recorded, claimed, lost) = self.session.decide(|snapshot| {
            step(snapshot, &ended, &logs, releases, slots, &clock()).map_err(Unmet::<RunError>::from)
        })?;
        for end in &ended {
            self.active.remove(&end.claimed.run);
        }
        let view = Arc::clone(&self.session.view);
        for Recorded { run, run_type, status, took, outputs } in &recorded {
            if *status == Status::Running {
                continue;
            }
            self.report.executed += 1;
            if *status == Status::Failed {
                self.report.failed.push(run.clone());
            }
            tracing::info!(run = %run, status = %status, took = ?took, "run ended");
            view.show(&Event::Ended { run, run_type: *run_type, status: *status, took: *took, outputs });
        }
        for run in lost {
            view.show(&Event::Note(&format!(
                "{run} was taken over by somebody else; its result here is dropped"
            )));
        }
        self.start(claimed);
        Ok(())
    }

    /// What a run printed, with the error that ended it as the last line.
    fn logs_of(&self, end: &Ended) -> Vec<Log> {
        let mut logs = self
            .active
            .get(&end.claimed.run)
            .map(|active| active.logs.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default();
        if let Err(diagnostics) = &end.result {
            let text = self.session.repo.secrets.mask(&diagnostics.to_string()).into_owned();
            for line in text.lines() {
                let log = error_line(line, &end.claimed.function.name);
                self.session.view.show(&Event::Output { run: &end.claimed.run, log: &log });
                logs.push(log);
            }
            self.session.view.show(&Event::Diagnosed {
                what: "",
                diagnostics,
                here: self.here,
                run: Some(&end.claimed.run),
            });
        }
        logs
    }

    /// Begins claimed runs, now or when others have ended.
    fn start(&mut self, claimed: Vec<Claimed>) {
        self.queue.extend(claimed);
        self.fill();
    }

    /// Calls functions of claimed runs, each in a thread of its own, as many as may execute.
    fn fill(&mut self) {
        let executing = self.active.values().filter(|active| !active.ended).count();
        let free = if interrupt::is_set() { 0 } else { self.jobs.saturating_sub(executing) };
        let begin: Vec<Claimed> = self.queue.drain(..free.min(self.queue.len())).collect();
        for claimed in begin {
            let logs = Arc::new(Mutex::new(claimed.logs.clone()));
            let view = Arc::clone(&self.session.view);
            tracing::info!(run = %claimed.run, function = claimed.function.name, "run started");
            view.show(&Event::Started { run: &claimed.run, function: &claimed.function.name });
            let sink: LogSink = {
                let (logs, run) = (Arc::clone(&logs), claimed.run.clone());
                Arc::new(move |log: Log| {
                    view.show(&Event::Output { run: &run, log: &log });
                    logs.lock().unwrap_or_else(PoisonError::into_inner).push(log);
                })
            };
            self.active.insert(claimed.run.clone(), Active { logs, ended: false });
            let program = self.load(&claimed.release);
            let host = self.programs.host(claimed.release.path(), sink);
            let sender = self.sender.clone();
            let lost = claimed.clone();
            let work = move || {
                let began = Instant::now();
                let inputs = claimed
                    .inputs
                    .iter()
                    .filter_map(|(name, input)| Some((name.clone(), input.value.clone()?)))
                    .collect();
                // The loop waits for an answer, so there has to be one even if this program is at fault.
                let call = || {
                    program.and_then(|program| {
                        program.call(&claimed.function, &inputs, &claimed.release, &host, &Limits::default())
                    })
                };
                let result =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or_else(|_| {
                        Err(Diagnostics::message(
                            "this is a fault in Ocuroot, please report it: a function call panicked",
                        ))
                    });
                // The loop is gone only when the process ends.
                let _ =
                    sender.send(Message::Ended(Box::new(Ended { claimed, result, took: began.elapsed() })));
            };
            // Deeply nested data needs more stack than threads have by themselves.
            if let Err(error) = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work) {
                let result = Err(Diagnostics::message(format!("cannot start a thread for it: {error}")));
                let ended = Ended { claimed: lost, result, took: Duration::ZERO };
                let _ = self.sender.send(Message::Ended(Box::new(ended)));
            }
        }
    }

    /// The program of a release. What its top level prints belongs to no run.
    fn load(&mut self, release: &Ref) -> Result<Arc<Program>, Diagnostics> {
        self.programs.load(release, showing(&self.session.view, release))
    }

    /// Writes what runs have printed since the last time, and that they are alive.
    fn flush(&mut self) -> Result<(), Failure> {
        self.give_back()?;
        let mut batch: Vec<(Ref, Vec<Log>)> = Vec::new();
        for (run, active) in &self.active {
            batch.push((run.clone(), active.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()));
        }
        let facts = self.session.facts();
        self.session.decide(|snapshot| {
            let mut steps = Steps::new(snapshot);
            for (run, logs) in &batch {
                match run::progress(steps.here(), run, logs, &facts) {
                    Ok(step) => steps.take(step),
                    Err(Unmet::Needs(needs)) => return Err(Unmet::Needs(needs)),
                    // Somebody took the run over; its end here will say so.
                    Err(Unmet::Error(_)) => {}
                }
            }
            Ok::<_, Unmet<RunError>>((steps.finish(), ()))
        })
    }

    /// Gives back what was claimed and has not begun.
    fn give_back(&mut self) -> Result<(), Failure> {
        if self.queue.is_empty() {
            return Ok(());
        }
        let facts = self.session.facts();
        let queue = std::mem::take(&mut self.queue);
        // These are no quick functions.
        self.claims = self.jobs;
        self.session.decide(|snapshot| {
            let mut steps = Steps::new(snapshot);
            for claimed in &queue {
                match run::give_back(steps.here(), claimed, &facts) {
                    Ok(step) => steps.take(step),
                    Err(Unmet::Needs(needs)) => return Err(Unmet::Needs(needs)),
                    // Somebody took it over, so there is nothing to give.
                    Err(Unmet::Error(_)) => {}
                }
            }
            Ok::<_, Unmet<RunError>>((steps.finish(), ()))
        })
    }

    /// This process cannot go on: ends what executes, and says what is left behind.
    fn stop(&mut self) {
        interrupt::stop();
        let since = Instant::now();
        let mut left: BTreeSet<Ref> =
            self.active.iter().filter(|(_, active)| !active.ended).map(|(run, _)| run.clone()).collect();
        while let (false, Ok(message)) =
            (left.is_empty(), self.receiver.recv_timeout(GRACE.saturating_sub(since.elapsed())))
        {
            if let Message::Ended(end) = message {
                left.remove(&end.claimed.run);
            }
        }
        interrupt::kill_children();
        for run in self.active.keys() {
            self.session.view.show(&Event::Note(&format!(
                "how {run} ended is not recorded; it is stale after a while, then: {}",
                commands::retry_stale(&run.release_ref())
            )));
        }
    }

    /// The user has given up and functions do not end: their runs have failed.
    fn abandon(&mut self) -> Result<(), Failure> {
        interrupt::kill_children();
        let facts = self.session.facts();
        let batch: Vec<(Ref, Vec<Log>)> = self
            .active
            .iter()
            .map(|(run, active)| {
                let mut logs = active.logs.lock().unwrap_or_else(PoisonError::into_inner).clone();
                logs.push(error_line("interrupted", ""));
                (run.clone(), logs)
            })
            .collect();
        self.session.decide(|snapshot| {
            let mut steps = Steps::new(snapshot);
            for (run, logs) in &batch {
                steps.take(run::fail(steps.here(), run, logs, &facts)?);
            }
            Ok::<_, Unmet<RunError>>((steps.finish(), ()))
        })?;
        self.active.clear();
        Err(Failure::Unsuccessful("interrupted; `ocuroot release retry` takes it up again".to_owned()))
    }
}

fn error_line(message: &str, function: &str) -> Log {
    Log {
        timestamp: identity::now(),
        message: message.to_owned(),
        attributes: [("thread".to_owned(), function.to_owned()), ("level".to_owned(), "error".to_owned())]
            .into(),
        stream: 2,
        extra: ocuroot_core::documents::Extra::new(),
    }
}

type Step = (Transaction, (Vec<Recorded>, Vec<Claimed>, Vec<Ref>));

/// One transaction: how functions ended, and the claims on what can start now.
fn step(
    snapshot: &Snapshot,
    ended: &[Ended],
    logs: &[Vec<Log>],
    releases: &[Ref],
    slots: usize,
    facts: &Facts,
) -> Result<Step, Needs> {
    let mut steps = Steps::new(snapshot);
    let (mut recorded, mut claimed, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for (end, logs) in ended.iter().zip(logs) {
        let run = &end.claimed.run;
        match end_of(steps.here(), end, logs, facts) {
            Ok((step, status, claim)) => {
                steps.take(step);
                claimed.extend(claim);
                let outputs = match (&end.result, status) {
                    (Ok(Returned::Done { outputs: Some(outputs), .. }), Status::Complete) => {
                        let place = run.as_str().rsplit_once('/').map_or(run.as_str(), |(place, _)| place);
                        outputs.keys().map(|key| format!("{place}#output/{key}")).collect()
                    }
                    _ => Vec::new(),
                };
                let (run, run_type) = (run.clone(), end.claimed.run_type);
                recorded.push(Recorded { run, run_type, status, took: end.took, outputs });
            }
            Err(Unmet::Needs(needs)) => return Err(needs),
            Err(Unmet::Error(_)) => lost.push(run.clone()),
        }
    }
    claimed.extend(claim(&mut steps, releases, slots.saturating_sub(claimed.len()), facts)?);
    Ok((steps.finish(), (recorded, claimed, lost)))
}

/// Claims what can start in `releases`, at most `slots` runs, unless the user has given up.
///
/// # Errors
/// What must be loaded.
pub fn claim(
    steps: &mut Steps,
    releases: &[Ref],
    slots: usize,
    facts: &Facts,
) -> Result<Vec<Claimed>, Needs> {
    let mut claimed = Vec::new();
    for release in releases {
        let left = if interrupt::is_set() { 0 } else { slots.saturating_sub(claimed.len()) };
        let candidates = open::startable(steps.here(), release)?;
        let (step, more) = run::claim_ready(steps.here(), &candidates, left, facts)?;
        steps.take(step);
        claimed.extend(more);
    }
    Ok(claimed)
}

type End = (Transaction, Status, Option<Claimed>);

/// The step that records how one function ended.
fn end_of(snapshot: &Snapshot, end: &Ended, logs: &[Log], facts: &Facts) -> Result<End, Unmet<RunError>> {
    let run = &end.claimed.run;
    match &end.result {
        Err(_) => Ok((run::fail(snapshot, run, logs, facts)?, Status::Failed, None)),
        Ok(Returned::Next { function, inputs, .. }) => {
            let (step, claim) = run::next(snapshot, run, function.clone(), inputs.clone(), logs, facts)?;
            let status = if claim.is_some() { Status::Running } else { Status::Paused };
            Ok((step, status, claim))
        }
        Ok(Returned::Done { outputs, tags, watch, .. }) => {
            let completion =
                Completion { output: outputs.clone(), tags: tags.clone(), watch_files: watch.clone() };
            match run::complete(snapshot, run, &completion, logs, facts) {
                Ok(step) => Ok((step, Status::Complete, None)),
                Err(Unmet::Error(error @ RunError::Tag { .. })) => {
                    let mut logs = logs.to_vec();
                    logs.push(error_line(&error.to_string(), &end.claimed.function.name));
                    Ok((run::fail(snapshot, run, &logs, facts)?, Status::Failed, None))
                }
                Err(other) => Err(other),
            }
        }
    }
}

/// Announces a release, which `sources` belong to, to whoever watches.
///
/// # Errors
/// When the stores cannot be read.
pub fn announce(session: &mut Session, sources: &Sources, release: &Ref) -> Result<(), Failure> {
    let commit = session.read(|snapshot| Ok::<_, Unmet<_>>(release::read(snapshot, release)?.1.commit))?;
    let commit = match session.repo.commit() {
        Ok(here) if here.hash == commit => here.clone(),
        _ => crate::git::describe(&sources.root, &commit),
    };
    session.view.show(&Event::Release { release, commit: &commit.hash, subject: &commit.subject });
    Ok(())
}
