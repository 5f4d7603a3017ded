//! Stores as text, and decisions checked on them.
//!
//! One document a line; a line that starts with `#` is a comment:
//!
//! ```text
//! s/-/p/@r1 = release c1: build(img<-@/custom/img) | >prod(port<-n/-/n/@/deploy/prod#output/port?80)
//! s/-/p/@r1/task/build/1 = complete build(img<-@/custom/img="a")
//! s/-/p/@r1/deploy/prod/1 = pending up(port<-n/-/n/@/deploy/prod#output/port?80) after s/-/p/@r1/task/build/*/status/complete
//! s/-/p/@r1/deploy/prod = up 1(port=80) {"url":"x"}
//! s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
//! s/-/p/+/deploy/prod = r1(port=80)
//! @/custom/img = "a"
//! ```
//!
//! * a release: its commit (the marker is written too), then phases between ` | `, tasks and `>`
//!   deployments between `; `
//! * a run: its status (the marker is written too), the function's name and inputs; further functions
//!   behind ` + `; ` after ` and its dependencies; ` => ` and its output
//! * a Task: type, number of its run, inputs, output
//! * an intent to deploy: the release and the inputs
//! * inputs: `name<-ref=value?default`, each part but the name optional
//! * `REF !text`: bytes that may be no document; `REF = {…}`: any other body

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use ocuroot_core::Kind;
use ocuroot_core::documents::{
    DeployDef, Function, FunctionDef, Input, Inputs, Intent, Marker, Owner, Package, Phase, Release, Run,
    RunType, Status, Task, TaskDef, Work, body_type,
};
use ocuroot_core::envelope::Document;
use ocuroot_core::facts::Facts;
use ocuroot_core::memory::{DecideError, Memory, Reads};
use ocuroot_core::order::Order as _;
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::summary::{self, Summary};
use ocuroot_core::transaction::Transaction;
use ocuroot_core::{Marker as Side, Ref};
use serde_json::{Map, Value};

/// When the documents of fixtures were written.
pub(crate) const THEN: &str = "2026-01-01T00:00:00Z";
/// When decisions are taken.
pub(crate) const NOW: &str = "2026-02-01T00:00:00Z";

pub(crate) fn r(text: &str) -> Ref {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn facts() -> Facts {
    let owner = Owner { host: "h".into(), pid: 1, id: "me".into() };
    Facts { now: NOW.into(), owner, override_freeze: None, in_order: false }
}

/// A decision's result: what to write and what else it says, or what to load, or an error.
pub(crate) trait Outcome {
    type Value: Debug + PartialEq;
    fn split(self) -> Result<(Transaction, Self::Value), Unmet<String>>;
}

impl<V: Debug + PartialEq, E: Display> Outcome for Result<(Transaction, V), Unmet<E>> {
    type Value = V;
    fn split(self) -> Result<(Transaction, V), Unmet<String>> {
        self.map_err(|unmet| match unmet {
            Unmet::Needs(needs) => Unmet::Needs(needs),
            Unmet::Error(error) => Unmet::Error(error.to_string()),
        })
    }
}

impl<E: Display> Outcome for Result<Transaction, Unmet<E>> {
    type Value = ();
    fn split(self) -> Result<(Transaction, ()), Unmet<String>> {
        self.map(|transaction| (transaction, ())).split()
    }
}

impl<V: Debug + PartialEq> Outcome for Result<(Transaction, V), Needs> {
    type Value = V;
    fn split(self) -> Result<(Transaction, V), Unmet<String>> {
        self.map_err(Unmet::Needs)
    }
}

impl Outcome for Result<Transaction, Needs> {
    type Value = ();
    fn split(self) -> Result<(Transaction, ()), Unmet<String>> {
        self.map(|transaction| (transaction, ())).map_err(Unmet::Needs)
    }
}

/// Takes a decision on the store that `fixture` describes, carries it out and compares what changed
/// with `expected`: a line for each document (`+` new, `~` changed, `-` gone), or `error: ` and a part
/// of its message. Returns the store as it is then, and what else the decision said.
///
/// The decision is taken twice, with everything loaded and with nothing, and must be the same.
#[track_caller]
pub(crate) fn check<O: Outcome>(
    fixture: &str,
    decide: impl Fn(&Snapshot) -> O,
    expected: &str,
) -> (Memory, Option<O::Value>) {
    step(store(fixture), decide, expected)
}

/// As [`check`], on a store.
#[track_caller]
pub(crate) fn step<O: Outcome>(
    before: Memory,
    decide: impl Fn(&Snapshot) -> O,
    expected: &str,
) -> (Memory, Option<O::Value>) {
    let full = decide(&before.snapshot()).split();
    let partial = before.decide(|snapshot| decide(snapshot).split());
    let (transaction, value) = match (full, partial) {
        (Ok(full), Ok(partial)) => {
            assert_eq!(full, partial, "with nothing loaded the decision is another");
            full
        }
        (Err(Unmet::Error(full)), Err(DecideError::Decided(partial))) => {
            assert_eq!(full, partial, "with nothing loaded the error is another");
            let part = expected.trim().strip_prefix("error: ").unwrap_or_else(|| panic!("error: {full}"));
            assert!(full.contains(part), "error: {full}");
            return (before, None);
        }
        (full, partial) => panic!("{full:?}\nwith nothing loaded:\n{partial:?}"),
    };
    let mut after = before.clone();
    after.commit(&transaction).unwrap();
    assert_sound(&after);
    let actual = changes(&before, &after);
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(actual == expected, "expected:\n{}\n\nactual:\n{}\n", expected.join("\n"), actual.join("\n"));
    (after, Some(value))
}

/// The answer to a question about a store, asked with everything and with nothing loaded.
#[track_caller]
pub(crate) fn ask<T: Debug + PartialEq>(
    fixture: &str,
    question: impl Fn(&Snapshot) -> Result<T, Needs>,
) -> T {
    answer(&store(fixture), question).0
}

/// As [`ask`], on a store, and what was read to find the answer.
#[track_caller]
pub(crate) fn answer<T: Debug + PartialEq>(
    store: &Memory,
    question: impl Fn(&Snapshot) -> Result<T, Needs>,
) -> (T, Reads) {
    let full = question(&store.snapshot()).unwrap();
    let (partial, reads) = store.decide_counting(|snapshot| question(snapshot));
    assert_eq!(
        full,
        partial.unwrap_or_else(|error| panic!("{error:?}")),
        "with nothing loaded the answer is another"
    );
    (full, reads)
}

/// Each run has one status, and links and back-references agree.
#[track_caller]
pub(crate) fn assert_sound(store: &Memory) {
    let mut statuses: BTreeMap<Ref, usize> = BTreeMap::new();
    for at in store.refs() {
        let Some(document) = store.get(&at) else { continue };
        if is_run(&at) {
            statuses.entry(at.clone()).or_default();
        }
        if let Some((run, _)) = at.as_str().split_once("/status/") {
            *statuses.entry(r(run)).or_default() += 1;
        }
        if let Some(target) = document.target() {
            let target = if at.marker() == Some(Side::Intent) { target.to_intent() } else { target.clone() };
            if let Some(target) = store.get(&target) {
                assert!(
                    target.links.contains(&at.to_state().to_string()),
                    "{at} is not among its target's links"
                );
            }
        }
        for link in &document.links {
            let from = if at.marker() == Some(Side::Intent) { r(link).to_intent() } else { r(link) };
            let linked = store.get(&from).and_then(|link| link.target().cloned());
            assert_eq!(linked, Some(at.to_state()), "{at} says that {link} links to it");
        }
        if let Some(expected) = body_type_of(&at)
            && let Some(text) = store.bytes(&at)
            && document.body().is_some()
        {
            let envelope: Value = serde_json::from_slice(text).unwrap();
            let hint = envelope["body_type"].as_str().unwrap().trim_start_matches('*').to_owned();
            assert_eq!(hint, expected, "{at}");
        }
    }
    for (run, count) in statuses {
        assert_eq!(count, 1, "{run} has {count} statuses");
    }
}

/// The table of spec/documents.md, but for the `*` of runs that have started.
fn body_type_of(at: &Ref) -> Option<&'static str> {
    let last = at.segments().last().unwrap_or_default();
    Some(match at.kind() {
        None if at.path() == "repo.ocu.star" => "models.RepoConfig",
        None if at.path().is_empty() || at.repo() == Some(".") => return None,
        None => "release.ReleaseInfo",
        Some(Kind::Commit | Kind::Op) => "models.Marker",
        Some(Kind::Environment) => "sdk.Environment",
        Some(Kind::Task | Kind::Deploy) if at.subpath().contains("/status/") => "models.Marker",
        Some(Kind::Task | Kind::Deploy) if last == "logs" => "[]sdk.Log",
        Some(Kind::Task | Kind::Deploy) if is_run(at) => "models.Run",
        Some(Kind::Deploy) if at.marker() == Some(Side::Intent) => "models.Intent",
        Some(Kind::Task | Kind::Deploy) => "models.Task",
        _ => return None,
    })
}

fn is_run(at: &Ref) -> bool {
    matches!(at.kind(), Some(Kind::Task | Kind::Deploy))
        && at.segments().count() == 2
        && at.segments().last().is_some_and(|last| last.parse::<u64>().is_ok())
}

/// The store that a text describes.
#[track_caller]
pub(crate) fn store(fixture: &str) -> Memory {
    let mut store = Memory::default();
    let mut links = Vec::new();
    for line in fixture.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((at, target)) = line.split_once(" -> ") {
            store.put(&r(at), &Document::link(&r(target).to_state()));
            links.push((r(at), r(target)));
        } else if let Some((at, bytes)) = line.split_once(" !") {
            store.put_bytes(&r(at), bytes.as_bytes());
        } else if let Some((at, body)) = line.split_once(" = ") {
            put(&mut store, &r(at), body);
        } else {
            panic!("what is {line:?}?");
        }
    }
    for (from, target) in links {
        if let Some(mut document) = store.get(&target) {
            document.links.push(from.to_state().to_string());
            document.links.order();
            store.put(&target, &document);
        }
    }
    store
}

fn marker() -> Document {
    Document::new(body_type::MARKER, &Marker { time: THEN.into(), ..Marker::default() })
}

fn put(store: &mut Memory, at: &Ref, body: &str) {
    if let Some(rest) = body.strip_prefix("release ") {
        let (commit, package) = rest.split_once(':').unwrap();
        let release = Release { commit: commit.into(), package: package_of(package), extra: Map::new() };
        store.put(at, &Document::new(body_type::RELEASE, &release));
        store.put(&at.child(&format!("commit/{commit}")).unwrap(), &marker());
    } else if is_run(at) && !body.starts_with('{') {
        let (status, run) = body.split_once(' ').unwrap();
        let status = Status::from_name(status).unwrap_or_else(|| panic!("the status {status}?"));
        store.put(&at.child(&format!("status/{status}")).unwrap(), &marker());
        let hint = if status == Status::Pending { body_type::RUN } else { body_type::RUN_STARTED };
        store.put(at, &Document::new(hint, &run_of(at, run)));
    } else if at.kind() == Some(Kind::Deploy)
        && at.marker() == Some(Side::Intent)
        && body.starts_with(char::is_alphabetic)
    {
        let (name, input) = call_of(body);
        let release = at.package().with_release(&name).unwrap();
        store.put(at, &Document::new(body_type::INTENT, &Intent { release, input, extra: Map::new() }));
    } else if matches!(at.kind(), Some(Kind::Task | Kind::Deploy))
        && at.segments().count() == 1
        && !body.starts_with('{')
    {
        let (kind, rest) = body.split_once(' ').unwrap();
        let (call, output) =
            rest.split_once(" {").map_or((rest, None), |(call, output)| (call, Some(output)));
        let (number, input) = call_of(call);
        let task = Task {
            run_ref: at.child(&number).unwrap(),
            run_type: Some(serde_json::from_value(kind.into()).unwrap()),
            release: at.release_ref(),
            input,
            output: output.map(|output| serde_json::from_str(&format!("{{{output}")).unwrap()),
            extra: Map::new(),
        };
        store.put(at, &Document::new(body_type::TASK, &task));
    } else {
        let value: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{body}: {error}"));
        let hint = body_type_of(at).unwrap_or(body_type::of_custom(&value));
        store.put(at, &Document::new(hint, &value));
    }
}

/// A package in the notation of the fixtures.
pub(crate) fn package_of(text: &str) -> Package {
    let work = |text: &str| match text.strip_prefix('>') {
        Some(deploy) => {
            let (environment, inputs) = call_of(deploy);
            Work::Deploy(DeployDef {
                environment,
                up: function_of("up"),
                down: function_of("down"),
                inputs,
                extra: Map::new(),
            })
        }
        None => {
            let (name, inputs) = call_of(text);
            Work::Task(TaskDef { function: function_of(&name), name, inputs, extra: Map::new() })
        }
    };
    let phase = |text: &str| Phase {
        name: String::new(),
        tasks: text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(work).collect(),
        extra: Map::new(),
    };
    let phases = if text.trim().is_empty() { Vec::new() } else { text.split('|').map(phase).collect() };
    Package { phases, ..Package::default() }
}

pub(crate) fn function_of(name: &str) -> FunctionDef {
    FunctionDef { name: name.into(), pos: "p:1:1".into() }
}

fn run_of(at: &Ref, text: &str) -> Run {
    let (text, output) = text.split_once(" => ").map_or((text, None), |(text, output)| (text, Some(output)));
    let (calls, dependencies) = text.split_once(" after ").unwrap_or((text, ""));
    let functions: Vec<Function> = calls
        .split(" + ")
        .enumerate()
        .map(|(index, call)| {
            let (name, inputs) = call_of(call);
            let all = dependencies.split(' ').filter(|text| !text.is_empty()).map(str::to_owned);
            let dependencies = if index == 0 { all.collect() } else { Vec::new() };
            Function { function: function_of(&name), dependencies, inputs, extra: Map::new() }
        })
        .collect();
    let run_type = match (at.kind(), functions[0].function.name.as_str()) {
        (Some(Kind::Deploy), "down") => RunType::Down,
        (Some(Kind::Deploy), _) => RunType::Up,
        _ => RunType::Task,
    };
    Run {
        run_type: Some(run_type),
        release: at.release_ref(),
        functions,
        output: output.map(|output| serde_json::from_str(output).unwrap()),
        watch_files: None,
        override_freeze: None,
        extra: Map::new(),
    }
}

fn call_of(text: &str) -> (String, Inputs) {
    let (name, inputs) = text.trim().split_once('(').unwrap_or((text.trim(), ")"));
    (name.into(), inputs_of(inputs.strip_suffix(')').unwrap_or_else(|| panic!("{text} has no )"))))
}

/// Inputs in the notation of the fixtures.
pub(crate) fn inputs_of(text: &str) -> Inputs {
    let json =
        |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let input = |text: &str| {
        let name_end = text.find(['<', '=', '?']).unwrap();
        let (name, rest) = text.split_at(name_end);
        let (rest, default) =
            rest.split_once('?').map_or((rest, None), |(rest, default)| (rest, Some(json(default))));
        let (rest, value) =
            rest.split_once('=').map_or((rest, None), |(rest, value)| (rest, Some(json(value))));
        let source = rest.strip_prefix("<-").map(|source| r(source).to_string());
        (name.to_owned(), Input { source, default, value, extra: Map::new() })
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(input).collect()
}

/// What differs, a line a document. Changes of nothing but back-references are left out.
fn changes(before: &Memory, after: &Memory) -> Vec<String> {
    let mut refs: Vec<Ref> = before.refs().chain(after.refs()).collect();
    refs.order();
    refs.dedup();
    refs.iter()
        .filter_map(|at| {
            let line = |store: &Memory| store.bytes(at).map(|_| render(at, store.get(at).as_ref()));
            match (line(before), line(after)) {
                (Some(old), Some(new)) => (old != new).then(|| format!("~ {at}{new}")),
                (None, Some(new)) => Some(format!("+ {at}{new}")),
                (Some(_), None) => Some(format!("- {at}")),
                (None, None) => None,
            }
            .map(|line| line.trim_end().to_owned())
        })
        .collect()
}

/// A document in the notation of the fixtures.
fn render(at: &Ref, document: Option<&Document>) -> String {
    let Some(document) = document else { return " !".into() };
    if let Some(target) = document.target() {
        return format!(" -> {target}");
    }
    if at.subpath().contains("/status/") || at.kind() == Some(Kind::Op) {
        let marker: Marker = document.read().unwrap();
        let time = match marker.time.as_str() {
            NOW => "",
            THEN => " then",
            other => other,
        };
        let owner = marker.owner.map(|owner| format!(" by {}", owner.id)).unwrap_or_default();
        return format!("{time}{owner}");
    }
    if is_run(at)
        && let Some(run) = document.read::<Run>()
    {
        assert_eq!(run.release, at.release_ref());
        let calls: Vec<String> =
            run.functions.iter().map(|function| call(&function.function.name, &function.inputs)).collect();
        let dependencies: Vec<&str> =
            run.functions.iter().flat_map(|f| &f.dependencies).map(String::as_str).collect();
        let after = if dependencies.is_empty() {
            String::new()
        } else {
            format!(" after {}", dependencies.join(" "))
        };
        let output = run.output.map(|output| format!(" => {}", Value::Object(output))).unwrap_or_default();
        let watch = run.watch_files.map(|files| format!(" watch {}", files.join(" "))).unwrap_or_default();
        let freeze =
            run.override_freeze.map(|why| format!(" in spite of a freeze: {why}")).unwrap_or_default();
        let kind = match (run.run_type.unwrap(), run.functions[0].function.name.as_str()) {
            (RunType::Up, "up") | (RunType::Down, "down") | (RunType::Task, _) => String::new(),
            (other, _) => format!("{other:?} "),
        };
        return format!(" = {kind}{}{after}{output}{watch}{freeze}", calls.join(" + "));
    }
    if let Some(task) = document.read::<Task>() {
        assert_eq!(task.release, at.release_ref());
        let kind = format!("{:?}", task.run_type.unwrap()).to_lowercase();
        let number = task.run_ref.as_str().rsplit_once('/').unwrap().1.to_owned();
        let output = task.output.map(|output| format!(" {}", Value::Object(output))).unwrap_or_default();
        return format!(" = {kind} {}{output}", call(&number, &task.input));
    }
    if at.kind() == Some(Kind::Deploy)
        && let Some(intent) = document.read::<Intent>()
    {
        let extra =
            if intent.extra.is_empty() { String::new() } else { format!(" {}", Value::Object(intent.extra)) };
        return format!(" = {}{extra}", call(intent.release.release().unwrap(), &intent.input));
    }
    if at.kind().is_none()
        && let Some(release) = document.read::<Release>()
    {
        let phases: Vec<String> = release.package.phases.iter().map(phase).collect();
        return format!(" = release {}: {}", release.commit, phases.join(" | "));
    }
    format!(" = {}", document.body().unwrap())
}

fn phase(phase: &Phase) -> String {
    let work = |work: &Work| match work {
        Work::Task(task) => call(&task.name, &task.inputs),
        Work::Deploy(deploy) => format!(">{}", call(&deploy.environment, &deploy.inputs)),
    };
    phase.tasks.iter().map(work).collect::<Vec<_>>().join("; ")
}

fn call(name: &str, inputs: &Inputs) -> String {
    let input = |(name, input): (&String, &Input)| {
        let source = input.source.as_ref().map(|source| format!("<-{source}")).unwrap_or_default();
        let value = input.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        let default = input.default.as_ref().map(|default| format!("?{default}")).unwrap_or_default();
        format!("{name}{source}{value}{default}")
    };
    if inputs.is_empty() {
        return name.into();
    }
    format!("{name}({})", inputs.iter().map(input).collect::<Vec<_>>().join(", "))
}

/// The summaries that the store would keep.
pub(crate) fn kept(store: &Memory) -> BTreeMap<Ref, Summary> {
    let snapshot = store.snapshot();
    let packages = summary::packages(&snapshot).unwrap().into_iter();
    let made = packages.filter_map(|package| summary::of_package(&snapshot, &package, "").unwrap());
    made.map(|summary| (summary.package.clone(), summary)).collect()
}
