//! Puts an old store's documents where they belong now.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::bodies::Bodies;
use super::names::Names;
use super::parts::{CurrentParts, File, FunctionParts, Parts, PlaceParts, ReleaseParts, RunParts};
use super::status::{self, Standing};
use super::{OldFile, Remark, ids};
use crate::documents::{Function, Intent, Package, Release, Run, Status, Task, Work, body_type};
use crate::envelope::{Content, Document, EnvelopeError};
use crate::memory::Memory;
use crate::natural;
use crate::order::Order as _;
use crate::refs::{Kind, Marker, Ref};
use crate::times;
use crate::{release, repo_config, run};

/// What a document of the new store is.
enum Held {
    Document(Document),
    /// No document, and kept for that.
    Bytes(Vec<u8>),
}

/// What later steps want to know of a run.
struct RunFacts {
    run_type: String,
    /// Inputs of its first function.
    input: Value,
    output: Value,
    standing: Standing,
}

/// A release while it is written.
struct Here<'a> {
    old: &'a Ref,
    new: Ref,
    package: Package,
}

/// A run while it is written.
struct RunHere<'a> {
    here: &'a Here<'a>,
    /// `task/<name>` or `deploy/<environment>`.
    place: &'a str,
    at: Ref,
    run_type: String,
    standing: Standing,
}

/// Builds the new store.
pub(super) struct Writer<'a> {
    names: &'a Names,
    held: BTreeMap<(Marker, String), Held>,
    /// By their new refs.
    runs: BTreeMap<Ref, RunFacts>,
    remarks: Vec<Remark>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(names: &'a Names) -> Writer<'a> {
        Writer { names, held: BTreeMap::new(), runs: BTreeMap::new(), remarks: Vec::new() }
    }

    pub(super) fn write(mut self, parts: Parts) -> (Memory, Vec<Remark>) {
        for (old, release) in parts.releases {
            let has_marker = parts.commits.contains(&old);
            self.release(&old, release, has_marker);
        }
        for (at, current) in parts.currents {
            self.current(&at, current);
        }
        for file in parts.others {
            self.other(file);
        }
        for (old, why) in parts.strays {
            self.stray(old, why);
        }
        self.link_back();
        let mut memory = Memory::default();
        for ((side, path), held) in self.held {
            match held {
                Held::Document(document) => memory.put_path(side, &path, document.to_text().as_bytes()),
                Held::Bytes(bytes) => memory.put_path(side, &path, &bytes),
            }
        }
        (memory, self.remarks)
    }

    fn remark(&mut self, path: &str, message: impl Into<String>) {
        self.remarks.push(Remark { path: path.to_owned(), message: message.into() });
    }

    /// Keeps a file as it is, where it is, or below if that is the place of another document now.
    fn stray(&mut self, old: OldFile, why: impl std::fmt::Display) {
        let mut key = (old.side, old.path.clone());
        while self.held.contains_key(&key) {
            key.1.push_str("/kept");
        }
        let place = if key.1 == old.path { String::new() } else { format!(" at {}", key.1) };
        self.remark(&old.path, format!("kept as it is{place}, and nothing reads it: {why}"));
        self.held.insert(key, Held::Bytes(old.bytes));
    }

    /// Writes a document; `old` is the file that it comes from, if it is one file's.
    fn put(&mut self, side: Marker, at: &Ref, mut document: Document, old: Option<&OldFile>) {
        let key = (side, at.to_state().as_str().to_owned());
        match old {
            Some(old) if self.held.contains_key(&key) => {
                self.stray(old.clone(), format_args!("there is another document at {at}"));
            }
            _ => {
                // Written anew when all links are known.
                document.links.clear();
                self.held.insert(key, Held::Document(document));
            }
        }
    }

    /// A body in place of an old one: what the envelope holds besides stays.
    fn put_body(&mut self, side: Marker, at: &Ref, hint: &str, body: &Value, old: &File) {
        let mut document = Document::new(hint, body);
        if let Ok(there) = &old.document {
            document.extra.clone_from(&there.extra);
        }
        self.put(side, at, document, Some(&old.old));
    }

    /// Bytes that are no document stay what they are, at the ref that they would have.
    fn unreadable(&mut self, at: &Ref, error: &EnvelopeError, file: File) {
        let key = (file.side, at.to_state().as_str().to_owned());
        if self.held.contains_key(&key) {
            return self.stray(file.old, error);
        }
        self.remark(&file.old.path, format!("kept as it is: {error}"));
        self.held.insert(key, Held::Bytes(file.old.bytes));
    }

    /// Says so when a body is not what its ref promises.
    fn expect<T: DeserializeOwned>(&mut self, path: &str, body: &Value, what: &str) -> Option<T> {
        match serde_json::from_value(body.clone()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.remark(path, format!("is not {what}: {error}"));
                None
            }
        }
    }

    fn release(&mut self, old: &Ref, parts: ReleaseParts, has_marker: bool) {
        let new = self.names.reference(old);
        let commit = parts.commit(old);
        let mut here = Here { old, new, package: Package::default() };
        match parts.document {
            None => self.remark(old.as_str(), "the release has no document"),
            Some(file) => match (file.body().cloned(), &file.document) {
                (Some(mut body), _) => {
                    Bodies { names: self.names, base: old }.release(&mut body);
                    if let Some(release) = self.expect::<Release>(&file.old.path, &body, "a release") {
                        here.package = release.package;
                    }
                    self.put_body(Marker::State, &here.new, body_type::RELEASE, &body, &file);
                }
                (None, Err(error)) => self.unreadable(&here.new, &error.clone(), file),
                (None, Ok(_)) => self.other(file),
            },
        }
        // A number needs no link: `@7` is understood as `@r7` anyway.
        let understood = old.release().and_then(ids::number) == here.new.release_number();
        if *old != here.new && !understood {
            self.put(Marker::State, old, Document::link(&here.new), None);
        }
        if let (false, Some(commit)) = (has_marker, commit)
            && let Ok(at) = here.new.child(&format!("commit/{commit}"))
        {
            let made = self.names.made(old).map(|made| made.to_string()).unwrap_or_default();
            self.put(Marker::State, &at, marker(Map::new(), &made, None), None);
        }
        for (place, parts) in parts.places {
            self.place(&here, &place, parts);
        }
    }

    fn place(&mut self, here: &Here<'_>, place: &str, parts: PlaceParts) {
        let mut runs: Vec<(u64, RunParts)> = Vec::new();
        for (id, run) in parts.runs {
            if let Some(number) = self.names.run(here.old, place, &id) {
                runs.push((number, run));
            }
        }
        runs.order_by_key(|(number, _)| *number);
        let types: Vec<String> = runs.iter().map(|(_, run)| said_type(run, place)).collect();
        // Where a package deploys to one place twice, a second run need not be a retry of the first.
        let once = here.package.works().filter(|(_, work)| work.place() == place).count() < 2;
        let result = parts.task.as_ref().and_then(completed).map(|run| self.names.reference(&run));
        for (index, (number, parts)) in runs.into_iter().enumerate() {
            let Ok(at) = here.new.child(&format!("{place}/{number}")) else { continue };
            let run_type = types.get(index).cloned().unwrap_or_default();
            let standing = status::standing(&parts).unwrap_or_else(|| {
                // One that says nothing of itself must not be done again if it has a result.
                let output = parts.run.as_ref().and_then(File::body).and_then(|body| body.get("output"));
                let done = result.as_ref() == Some(&at) || output.is_some_and(|output| !output.is_null());
                Standing::unsaid(if done { Status::Complete } else { Status::Pending })
            });
            let retried = once && types.get(index + 1..).is_some_and(|later| later.contains(&run_type));
            let status = match standing.status {
                Status::Failed if retried => Status::FailedRetried,
                status => status,
            };
            let standing = Standing { status, ..standing };
            self.run(&RunHere { here, place, at, run_type, standing }, parts);
        }
        if let Some(task) = parts.task
            && let Ok(at) = here.new.child(place)
        {
            self.task(here, place, &at, task);
        }
    }

    fn run(&mut self, run: &RunHere<'_>, mut parts: RunParts) {
        match parts.run.as_ref().map(|file| (&file.document, file.body())) {
            Some((Err(error), _)) => {
                let error = error.clone();
                parts.run.take().into_iter().for_each(|file| self.unreadable(&run.at, &error, file));
            }
            Some((Ok(_), Some(Value::Object(fields)))) => {
                let fields = fields.clone();
                self.run_document(run, fields, &mut parts);
            }
            // A link, or a body of another shape.
            Some(_) => parts.run.take().into_iter().for_each(|file| self.other(file)),
            None if parts.functions.values().any(|function| function.current().is_some()) => {
                self.run_document(run, Map::new(), &mut parts);
            }
            None => self.remark(run.at.as_str(), "there are documents below the run, but it has none itself"),
        }
        let Standing { status, time, started } = &run.standing;
        let mut fields = Map::new();
        for file in parts.statuses {
            match file.at.segments().last() {
                Some(name) if name == status.as_str() => {
                    fields = file.body().and_then(Value::as_object).cloned().unwrap_or_default();
                }
                Some(name) if Status::from_name(name).is_some() => {}
                _ => self.stray(file.old, "there is no such status"),
            }
        }
        if let Ok(at) = run::status_ref(&run.at, *status) {
            self.put(Marker::State, &at, marker(fields, time, started.clone()), None);
        }
        let mut logs: Vec<File> = parts.logs.into_iter().collect();
        for k in in_order(&parts.functions, None) {
            let Some(function) = parts.functions.remove(&k) else { continue };
            // What became a part of the run's document is not here any more.
            if let Some(state) = function.state {
                self.stray(state.old, format_args!("it could not be made a part of {}", run.at));
            }
            logs.extend(function.logs);
        }
        self.logs(&run.at, logs);
    }

    fn run_document(&mut self, run: &RunHere<'_>, mut fields: Map<String, Value>, parts: &mut RunParts) {
        let bodies = Bodies { names: self.names, base: run.here.old };
        bodies.reference(&mut fields, "release");
        fields.entry("release").or_insert_with(|| run.here.new.as_str().into());
        Bodies::run_type(&mut fields, &run.run_type);
        let entrypoint = fields.remove("entrypoint");
        let inline = fields.get_mut("functions").and_then(Value::as_array_mut).map(std::mem::take);
        let mut calls: Vec<Value> = Vec::new();
        for function in inline.into_iter().flatten() {
            calls.push(match function {
                Value::Object(function) => bodies.function(function, None),
                other => other,
            });
        }
        let mut output = Value::Null;
        if calls.is_empty() {
            let first = entrypoint.as_ref().and_then(Value::as_str);
            for k in in_order(&parts.functions, first) {
                let Some(function) = parts.functions.get_mut(&k) else { continue };
                let Some(current) = function.current().cloned() else { continue };
                let state = function.state.take();
                let besides = state.as_ref().and_then(File::body).and_then(Value::as_object);
                output = current.get("outputs").cloned().unwrap_or_default();
                calls.push(bodies.function(current, besides));
            }
        }
        let path = parts.run.as_ref().map_or(run.at.as_str(), |file| &file.old.path).to_owned();
        if calls.is_empty() {
            match defined(run) {
                Some(function) => {
                    calls.extend(serde_json::to_value(function).ok());
                    self.remark(&path, "its function has no document; taken from the release");
                }
                None => self.remark(&path, "the run has no functions"),
            }
        }
        let status = run.standing.status;
        let said = fields.entry("output").or_insert(Value::Null);
        if said.is_null() && status == Status::Complete && output.is_object() {
            *said = output;
        }
        let output = said.clone();
        fields.entry("watch_files").or_insert(Value::Null);
        let input = calls.first().and_then(|first| first.get("inputs")).cloned();
        fields.insert("functions".to_owned(), calls.into());
        let body = Value::Object(fields);
        self.expect::<Run>(&path, &body, "a run");
        let hint = if status == Status::Pending { body_type::RUN } else { body_type::RUN_STARTED };
        match &parts.run {
            Some(file) => self.put_body(Marker::State, &run.at, hint, &body, file),
            None => self.put(Marker::State, &run.at, Document::new(hint, &body), None),
        }
        let facts = RunFacts {
            run_type: run.run_type.clone(),
            input: input.unwrap_or_else(|| Map::new().into()),
            output,
            standing: run.standing.clone(),
        };
        self.runs.insert(run.at.clone(), facts);
    }

    /// What a run printed; its functions may have had documents of their own for that.
    fn logs(&mut self, run: &Ref, files: Vec<File>) {
        let Ok(at) = run.child("logs") else { return };
        let mut lines = Vec::new();
        let mut any = false;
        for file in files {
            match (&file.document, file.body()) {
                (Err(error), _) => {
                    self.unreadable(&at, &error.clone(), file);
                    continue;
                }
                (_, Some(Value::Array(more))) => lines.extend(more.iter().cloned()),
                (_, Some(Value::Null)) => {}
                _ => {
                    self.stray(file.old, "it is no list of what was printed");
                    continue;
                }
            }
            any = true;
        }
        // Where the run's own are unreadable they stay, and those of functions follow nowhere.
        if any && !self.held.contains_key(&(Marker::State, at.as_str().to_owned())) {
            let body = if lines.is_empty() { Value::Null } else { lines.into() };
            self.put(Marker::State, &at, Document::new(body_type::LOGS, &body), None);
        }
    }

    /// The result of a task or deployment.
    fn task(&mut self, here: &Here<'_>, place: &str, at: &Ref, file: File) {
        let fields = match (&file.document, file.body()) {
            (Err(error), _) => return self.unreadable(at, &error.clone(), file),
            (_, Some(Value::Object(fields))) => fields.clone(),
            _ => return self.other(file),
        };
        let mut fields = fields;
        let bodies = Bodies { names: self.names, base: here.old };
        if let Some(entrypoint) = fields.remove("entrypoint") {
            fields.entry("run_ref").or_insert(entrypoint);
        }
        bodies.reference(&mut fields, "run_ref");
        bodies.reference(&mut fields, "release");
        bodies.inputs(fields.get_mut("input"));
        fields.entry("release").or_insert_with(|| here.new.as_str().into());
        Bodies::run_type(&mut fields, default_type(place));
        let run = fields.get("run_ref").and_then(Value::as_str).and_then(|run| run.parse::<Ref>().ok());
        let facts = run.as_ref().and_then(|run| self.runs.get(run));
        if let Some(facts) = facts {
            fields.entry("input").or_insert_with(|| facts.input.clone());
        }
        fields.entry("output").or_insert(Value::Null);
        let body = Value::Object(fields);
        self.expect::<Task>(&file.old.path, &body, "the result of a task");
        self.put_body(Marker::State, at, body_type::TASK, &body, &file);
    }

    /// What is deployed, or the latest of a task: one link to the Task in place of one to every run.
    fn current(&mut self, at: &Ref, parts: CurrentParts) {
        let target = |file: &File| file.target().map(|target| self.names.reference(target));
        let target = match &parts.link {
            Some(link) => target(link),
            None => {
                let done = parts.runs.iter().filter_map(|link| {
                    let run = target(link)?;
                    let facts = self.runs.get(&run)?;
                    let done = facts.standing.status == Status::Complete;
                    let since = times::parse(&facts.standing.time);
                    let number = run.segments().last().and_then(ids::number);
                    done.then(|| ((since, number), run.clone(), facts.run_type == "down"))
                });
                match done.max_by(|one, other| one.0.cmp(&other.0)) {
                    // Taken down since: then nothing is there.
                    Some((_, _, true)) => return,
                    Some((_, run, false)) => Some(run),
                    None => {
                        let message = "links to runs none of which is complete, so nothing counts as current";
                        return self.remark(at.as_str(), message);
                    }
                }
            }
        };
        let Some(target) = target else { return };
        let place = place_of(&target);
        if let Some(facts) = self.runs.get(&target)
            && !self.held.contains_key(&(Marker::State, place.as_str().to_owned()))
        {
            let task = serde_json::json!({
                "run_ref": target, "type": facts.run_type, "release": target.release_ref(),
                "input": facts.input, "output": facts.output,
            });
            self.put(Marker::State, &place, Document::new(body_type::TASK, &task), None);
        }
        let old = parts.link.as_ref().map(|link| &link.old);
        self.put(Marker::State, at, Document::link(&place), old);
    }

    /// Everything that is no part of a release's work.
    fn other(&mut self, file: File) {
        let at = self.names.reference(&file.at);
        let document = match &file.document {
            Err(error) => return self.unreadable(&at, &error.clone(), file),
            Ok(document) => document,
        };
        let mut document = document.clone();
        let bodies = Bodies { names: self.names, base: &file.at };
        match &mut document.content {
            Content::Link(target) => *target = self.names.reference(target).to_state(),
            Content::Body { body_type, body } => {
                let is_config = file.at.path().rsplit('/').next() == Some(repo_config::FILE);
                let hint = match (file.at.kind(), body.as_object_mut()) {
                    (None, Some(fields)) if is_config && file.at.marker().is_some() => {
                        fields.entry("Remotes").or_insert_with(|| Vec::<Value>::new().into());
                        Some(body_type::REPO_CONFIG)
                    }
                    (Some(Kind::Environment), Some(_)) => Some(body_type::ENVIRONMENT),
                    (Some(Kind::Commit | Kind::Op), Some(_)) => Some(body_type::MARKER),
                    (Some(Kind::Deploy), Some(fields)) if file.side == Marker::Intent => {
                        bodies.reference(fields, "release");
                        bodies.inputs(fields.get_mut("input"));
                        Some(body_type::INTENT)
                    }
                    _ => None,
                };
                if let Some(hint) = hint {
                    hint.clone_into(body_type);
                }
                if hint == Some(body_type::INTENT) {
                    let body = body.clone();
                    self.expect::<Intent>(&file.old.path, &body, "an intent to deploy");
                }
            }
        }
        self.put(file.side, &at, document, Some(&file.old));
    }

    /// Tells every document which links lead to it.
    fn link_back(&mut self) {
        let mut back: BTreeMap<(Marker, String), Vec<String>> = BTreeMap::new();
        for ((side, from), held) in &self.held {
            if let Held::Document(Document { content: Content::Link(target), .. }) = held {
                back.entry((*side, target.as_str().to_owned())).or_default().push(from.clone());
            }
        }
        for (target, links) in back {
            if let Some(Held::Document(document)) = self.held.get_mut(&target) {
                document.links = links;
            }
        }
    }
}

fn marker(mut fields: Map<String, Value>, time: &str, started: Option<String>) -> Document {
    if fields.get("time").and_then(Value::as_str).is_none_or(str::is_empty) {
        fields.insert("time".to_owned(), time.into());
    }
    if let Some(started) = started {
        fields.entry("started").or_insert(started.into());
    }
    Document::new(body_type::MARKER, &fields)
}

/// What a run below `place` does if nothing says so.
fn default_type(place: &str) -> &'static str {
    if place.starts_with("task/") { "task" } else { "up" }
}

/// What a run says that it does, or does by default.
fn said_type(run: &RunParts, place: &str) -> String {
    let mut fields = run.run.as_ref().and_then(File::body).and_then(Value::as_object).cloned();
    let mut fields = fields.take().unwrap_or_default();
    Bodies::run_type(&mut fields, default_type(place));
    fields.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The run that a Task is the result of, in its old spelling.
fn completed(task: &File) -> Option<Ref> {
    let body = task.body()?;
    let run = body.get("run_ref").or_else(|| body.get("entrypoint"))?;
    run.as_str()?.parse().ok()
}

/// The task or deployment that a ref to it, or to a run of it, names.
fn place_of(target: &Ref) -> Ref {
    let up = target.as_str().rsplit_once('/').and_then(|(up, last)| ids::number(last).map(|_| up));
    let is_run = target.kind().is_some() && target.segments().count() == 2;
    up.filter(|_| is_run).and_then(|up| up.parse().ok()).unwrap_or_else(|| target.clone())
}

/// The names of a run's functions as they follow each other: the one that it enters by, then in
/// their order.
fn in_order(functions: &BTreeMap<String, FunctionParts>, entrypoint: Option<&str>) -> Vec<String> {
    let first = entrypoint.and_then(|entrypoint| entrypoint.rsplit_once("/functions/")).map(|(_, k)| k);
    let mut names: Vec<String> = functions.keys().cloned().collect();
    names.order_by(|one, other| {
        let later = |name: &str| first != Some(name);
        later(one).cmp(&later(other)).then_with(|| natural::compare(one, other))
    });
    names
}

/// The function that a run begins with, as the release defines it.
fn defined(run: &RunHere<'_>) -> Option<Function> {
    let package = &run.here.package;
    let (phase, work) = package.works().find(|(_, work)| work.place() == run.place)?;
    let (function, inputs) = match work {
        Work::Deploy(deploy) if run.run_type == "down" => (&deploy.down, &deploy.inputs),
        work => work.first_function(),
    };
    Some(Function {
        function: function.clone(),
        dependencies: release::dependencies(&run.here.new, package, phase),
        inputs: inputs.clone(),
        extra: Map::new(),
    })
}
