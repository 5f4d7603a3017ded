//! Every row and sentence of `sdk`, on fixtures that are whole small repos.

#![expect(
    clippy::disallowed_methods,
    reason = "tests show that threads may call, and what a deep stack takes"
)]

mod bad_input;
mod host;
mod language;
mod packages;
mod repl;
mod repo;
mod runs;

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value as Json;

use super::*;
use crate::documents::{Environment, FunctionDef, Log, Work};
use crate::refs::Ref;
use crate::secrets::Secrets;

/// A repo in one string: `-- path --` starts a file. What stands before the first is
/// `release.ocu.star`.
pub(super) struct Fixture {
    pub(super) host: FakeHost,
    pub(super) main: String,
}

/// A host that can do everything, and says what it was asked.
pub(super) struct FakeHost {
    pub(super) pure: PureHost,
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) shell: ShellOutput,
}

impl Fixture {
    pub(super) fn new(text: &str) -> Fixture {
        let mut files: Vec<(String, String)> = vec![("release.ocu.star".to_owned(), String::new())];
        for line in text.lines() {
            match line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
                Some(path) => files.push((path.to_owned(), String::new())),
                None => {
                    let current = &mut files.last_mut().unwrap().1;
                    current.push_str(line);
                    current.push('\n');
                }
            }
        }
        if files[0].1.trim().is_empty() && files.len() > 1 {
            files.remove(0);
        }
        let main = files[0].0.clone();
        let folder = load::folder_of(&main).to_owned();
        Fixture {
            host: FakeHost {
                pure: PureHost::new(files).in_folder(&folder),
                asked: Mutex::default(),
                shell: ShellOutput::default(),
            },
            main,
        }
    }

    pub(super) fn with_environments(mut self, names: &[&str]) -> Fixture {
        self.host.pure.environments = names
            .iter()
            .map(|name| Environment {
                name: (*name).to_owned(),
                attributes: BTreeMap::from([("type".to_owned(), format!("{name}-type"))]),
                ..Environment::default()
            })
            .collect();
        self
    }

    fn kind(&self) -> FileKind {
        if self.main == "repo.ocu.star" { FileKind::Repo } else { FileKind::Release }
    }

    pub(super) fn base(&self) -> Ref {
        format!("g/o/r/-/{}/@r4", self.main).parse().unwrap()
    }

    pub(super) fn evaluate(&self) -> Result<Program, Diagnostics> {
        self.evaluate_within(&Limits::default())
    }

    pub(super) fn evaluate_within(&self, limits: &Limits) -> Result<Program, Diagnostics> {
        Program::evaluate(&self.main, self.kind(), &self.base(), &self.host, limits)
    }

    /// Calls the function of a task.
    pub(super) fn call(&self, task: &str, inputs: Json) -> Result<Returned, Diagnostics> {
        self.call_within(task, inputs, &Limits::default())
    }

    pub(super) fn call_within(
        &self,
        task: &str,
        inputs: Json,
        limits: &Limits,
    ) -> Result<Returned, Diagnostics> {
        let program = self.evaluate()?;
        let function = function_of(&program, task);
        let Json::Object(inputs) = inputs else { panic!("inputs are an object") };
        let inputs = inputs.into_iter().collect();
        program.call(&function, &inputs, &self.base(), &self.host, limits)
    }

    pub(super) fn printed(&self) -> Vec<String> {
        self.host.pure.logs().into_iter().map(|log| log.message).collect()
    }
}

/// The first function of a task or deployment.
pub(super) fn function_of(program: &Program, name: &str) -> FunctionDef {
    program
        .package()
        .unwrap()
        .works()
        .find_map(|(_, work)| match work {
            Work::Task(task) if task.name == name => Some(task.function.clone()),
            Work::Deploy(deploy) if deploy.environment == name => Some(deploy.up.clone()),
            _ => None,
        })
        .unwrap()
}

/// The package in a few lines: phases, tasks, functions and inputs.
pub(super) fn outline(program: &Program) -> String {
    let Some(package) = program.package() else { return "no package".to_owned() };
    let mut lines = Vec::new();
    for phase in &package.phases {
        lines.push(format!("phase {:?}", phase.name));
        for work in &phase.tasks {
            let (function, inputs) = work.first_function();
            let down = match work {
                Work::Task(_) => String::new(),
                Work::Deploy(deploy) => format!(" down {}/{}", deploy.down.name, deploy.down.pos),
            };
            let inputs =
                if inputs.is_empty() { String::new() } else { format!(" {}", serde_json::json!(inputs)) };
            lines.push(format!("  {} {}/{}{down}{inputs}", work.place(), function.name, function.pos));
        }
    }
    lines.join("\n")
}

/// Evaluates a repo and compares the outline of its package, or the problems: one a line,
/// `file:line:col message`.
#[track_caller]
pub(super) fn check(text: &str, expected: &str) {
    let fixture = Fixture::new(text).with_environments(&["production", "staging"]);
    let found = match fixture.evaluate() {
        Ok(program) => outline(&program),
        Err(problems) => problems_of(&problems),
    };
    assert_eq!(found, expected.trim_matches('\n'), "\n{text}");
}

/// `file:line:col message` of each problem.
pub(super) fn problems_of(problems: &Diagnostics) -> String {
    problems
        .iter()
        .map(|problem| {
            let Diagnostic { file, line, column, message, .. } = problem;
            if *line == 0 { message.clone() } else { format!("{file}:{line}:{column} {message}") }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Evaluates statements at the top level and compares what they print, or the problems.
#[track_caller]
pub(super) fn check_prints(text: &str, expected: &[&str]) {
    let fixture = Fixture::new(text).with_environments(&["staging", "production"]);
    match fixture.evaluate() {
        Ok(_) => assert_eq!(fixture.printed(), expected, "\n{text}"),
        Err(problems) => assert_eq!(problems_of(&problems).lines().collect::<Vec<_>>(), expected, "\n{text}"),
    }
}

impl FakeHost {
    pub(super) fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Host for FakeHost {
    fn source(&self, path: &str) -> Result<String, HostError> {
        self.pure.source(path)
    }

    fn shell(&self, command: &Shell) -> Result<ShellOutput, HostError> {
        let Shell { command, shell, dir, env, mute, .. } = command;
        self.note(format!("{shell} -c {command:?} in {dir} with {env:?} mute {mute}"));
        if command == "missing" {
            return Err(HostError::new("no shell"));
        }
        Ok(self.shell.clone())
    }

    fn read(&self, path: &str) -> Result<String, HostError> {
        self.pure.read(path)
    }

    fn write(&self, path: &str, content: &str) -> Result<(), HostError> {
        self.note(format!("write {path} {content}"));
        Ok(())
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError> {
        self.pure.read_dir(path)
    }

    fn is_dir(&self, path: &str) -> Result<bool, HostError> {
        self.pure.is_dir(path)
    }

    fn env(&self) -> Result<BTreeMap<String, String>, HostError> {
        Ok(BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]))
    }

    fn platform(&self) -> Result<Platform, HostError> {
        self.pure.platform()
    }

    fn pwd(&self) -> Result<String, HostError> {
        self.pure.pwd()
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        let HttpRequest { method, url, headers, body } = request;
        self.note(format!("{method} {url} {headers:?} {body:?}"));
        Ok(HttpResponse {
            status_code: 404,
            status_text: "404 Not Found".to_owned(),
            headers: BTreeMap::from([("Content-Type".to_owned(), vec!["text/plain".to_owned()])]),
            body: "nothing".to_owned(),
        })
    }

    fn log(&self, line: Log) {
        self.pure.log(line);
    }

    fn secrets(&self) -> &Secrets {
        self.pure.secrets()
    }

    fn environments(&self) -> Result<Vec<Environment>, HostError> {
        self.pure.environments()
    }
}
