//! The bodies of documents, field by field.
//!
//! A store holds JSON; this module says what each kind of body means. Two habits of real stores
//! shape it. Any list or map may be `null`, so every one of them reads `null` as empty. And other
//! versions of the tool add fields of their own, so every body keeps what it does not know in
//! `extra` and writes it back: nothing that a store holds is lost by being read.
//!
//! ```
//! use ocuroot_core::documents::Intent;
//!
//! let text = r#"{"release":"shop/-/web.ocu.star/@r4","input":null,"note":"by hand"}"#;
//! let intent: Intent = serde_json::from_str(text)?;
//! assert!(intent.input.is_empty());
//! assert_eq!(serde_json::to_value(&intent)?["note"], "by hand");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::refs::Ref;
use crate::times;

/// Reads `null` as the type's empty value: in real stores any list or map may be null.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Fields of a body that this version does not know, kept as they are.
pub type Extra = Map<String, Value>;

/// Inputs by name, sorted.
pub type Inputs = BTreeMap<String, Input>;

/// A release: one package at one commit. `<package>/@r<N>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Full hash of the source commit.
    #[serde(default, deserialize_with = "nullable")]
    pub commit: String,
    /// What the release file defined at that commit.
    #[serde(default, deserialize_with = "nullable")]
    pub package: Package,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a release file defines: phases of tasks, and the functions that they name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Every function that a task names, by `<name>/<pos>`.
    #[serde(default, deserialize_with = "nullable")]
    pub functions: BTreeMap<String, PackageFunction>,
    /// The phases, in the order in which they run.
    #[serde(default, deserialize_with = "nullable")]
    pub phases: Vec<Phase>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Package {
    /// Every task and deployment with the index of its phase, in file order.
    pub fn works(&self) -> impl Iterator<Item = (usize, &Work)> {
        self.phases
            .iter()
            .enumerate()
            .flat_map(|(index, phase)| phase.tasks.iter().map(move |work| (index, work)))
    }

    /// The deployment to `environment`, if the package has one.
    #[must_use]
    pub fn deploy(&self, environment: &str) -> Option<&DeployDef> {
        self.works().find_map(|(_, work)| match work {
            Work::Deploy(deploy) if deploy.environment == environment => Some(deploy),
            _ => None,
        })
    }
}

/// An entry of [`Package::functions`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFunction {
    /// The function.
    pub function: FunctionDef,
}

/// A group of tasks that may run at the same time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name; empty for the phase that a task outside any phase forms by itself.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Its tasks and deployments, in file order.
    #[serde(default, deserialize_with = "nullable")]
    pub tasks: Vec<Work>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One item of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// A one-off step.
    Task(TaskDef),
    /// A deployment to one environment.
    Deploy(DeployDef),
}

impl Work {
    /// Where its runs live below the release: `task/<name>` or `deploy/<environment>`.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Work::Task(task) => format!("task/{}", task.name),
            Work::Deploy(deploy) => format!("deploy/{}", deploy.environment),
        }
    }

    /// The type of its first run: `task` or `up`.
    #[must_use]
    pub fn run_type(&self) -> RunType {
        match self {
            Work::Task(_) => RunType::Task,
            Work::Deploy(_) => RunType::Up,
        }
    }

    /// The function that its first run calls, and with which inputs.
    #[must_use]
    pub fn first_function(&self) -> (&FunctionDef, &Inputs) {
        match self {
            Work::Task(task) => (&task.function, &task.inputs),
            Work::Deploy(deploy) => (&deploy.up, &deploy.inputs),
        }
    }
}

/// A one-off step of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDef {
    /// Its name within the package.
    pub name: String,
    /// What its function is given.
    #[serde(default, deserialize_with = "nullable")]
    pub inputs: Inputs,
    /// What is called.
    #[serde(rename = "fn")]
    pub function: FunctionDef,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A deployment to one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployDef {
    /// The environment's name.
    pub environment: String,
    /// Called to deploy.
    pub up: FunctionDef,
    /// Called to take the deployment down again.
    pub down: FunctionDef,
    /// What both are given, the environment included.
    #[serde(default, deserialize_with = "nullable")]
    pub inputs: Inputs,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a function is named so that a later process finds it again in the same source.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionDef {
    /// Its name.
    pub name: String,
    /// `<file>:<line>:<column>` of its definition, both from 1.
    pub pos: String,
}

/// A value that a function is given: where it comes from, and what it was when it was resolved.
///
/// An absent field and a `null` one mean the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the value comes from. Text, because old stores hold spellings that are no refs.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The value when the ref has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The value, once resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Input {
    /// An input that takes its value from `source`.
    #[must_use]
    pub fn from_ref(source: &Ref) -> Input {
        Input { source: Some(source.to_string()), ..Input::default() }
    }

    /// An input whose value is known from the start.
    #[must_use]
    pub fn fixed(value: Value) -> Input {
        Input { value: Some(value), ..Input::default() }
    }
}

/// What a run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunType {
    /// A one-off step.
    #[default]
    Task,
    /// Deploys.
    Up,
    /// Takes a deployment down.
    Down,
}

/// One attempt at a task or a deployment. `…/{task,deploy}/<name>/<n>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it does. Old stores leave it empty: then the ref tells.
    #[serde(rename = "type", default, deserialize_with = "run_type")]
    pub run_type: Option<RunType>,
    /// The release it belongs to.
    pub release: Ref,
    /// The functions called so far and, last, the one to call next.
    #[serde(default, deserialize_with = "nullable")]
    pub functions: Vec<Function>,
    /// What the last function returned. Written even when null.
    #[serde(default)]
    pub output: Option<Map<String, Value>>,
    /// Paths whose change should release again. Written even when null.
    #[serde(default)]
    pub watch_files: Option<Vec<String>>,
    /// Why it was started in spite of a freeze, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_freeze: Option<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Reads the type of a run; empty or null is none.
fn run_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RunType>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    match text.as_str() {
        "" => Ok(None),
        "task" | "call" => Ok(Some(RunType::Task)),
        "up" => Ok(Some(RunType::Up)),
        "down" => Ok(Some(RunType::Down)),
        other => Err(serde::de::Error::unknown_variant(other, &["task", "up", "down"])),
    }
}

/// A function of a run: what to call, when, and with what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// What is called.
    #[serde(rename = "fn")]
    pub function: FunctionDef,
    /// Glob refs; each must match something before the function may start.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// What it is given.
    #[serde(default, deserialize_with = "nullable")]
    pub inputs: Inputs,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The result of the last completed run of a task or deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The run that completed.
    pub run_ref: Ref,
    /// What that run did.
    #[serde(rename = "type", default, deserialize_with = "run_type")]
    pub run_type: Option<RunType>,
    /// The release it belongs to.
    pub release: Ref,
    /// The inputs of the run's first function, resolved.
    #[serde(default, deserialize_with = "nullable")]
    pub input: Inputs,
    /// What the run returned. Written even when null.
    #[serde(default)]
    pub output: Option<Map<String, Value>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What should be deployed to an environment. Intent, `<package>/@/deploy/<env>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The release that should be there, by number or tag.
    pub release: Ref,
    /// With these inputs.
    #[serde(default, deserialize_with = "nullable")]
    pub input: Inputs,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A place to deploy to. `@/environment/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name, the last segment of its ref.
    pub name: String,
    /// What release files may ask of it.
    #[serde(default, deserialize_with = "nullable")]
    pub attributes: BTreeMap<String, String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// That something happened, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// RFC 3339, with an offset.
    #[serde(default, deserialize_with = "nullable")]
    pub time: String,
    /// Who executes the run; only on the marker of a running one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// When the owner last said that it is alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
    /// When the run began that has this status now. What says so, the marker `running`, is gone by
    /// the time that somebody asks how long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Unknown fields, the subject and author of a commit marker among them.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Marker {
    /// How long the run took that this marker says has ended, in whole seconds; none where the store
    /// does not say when it began.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        let start = times::parse(self.started.as_ref()?)?;
        let end = times::parse(&self.time)?;
        u64::try_from(end.as_second() - start.as_second()).ok()
    }
}

/// The process that executes a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Name of the machine.
    pub host: String,
    /// Process id on it.
    pub pid: u32,
    /// Random, one a process: the same pid comes back after a restart.
    pub id: String,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// RFC 3339.
    #[serde(default, deserialize_with = "nullable")]
    pub timestamp: String,
    /// The line, without its end.
    #[serde(default, deserialize_with = "nullable")]
    pub message: String,
    /// Where it was printed: `filename`, `line`, `col`, `thread`, …
    #[serde(default, deserialize_with = "nullable")]
    pub attributes: BTreeMap<String, String>,
    /// 0: printed by the file; 1: a command's stdout; 2: its stderr.
    #[serde(default, deserialize_with = "nullable")]
    pub stream: u8,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What `repo.ocu.star` was at a commit. `<repo>/-/repo.ocu.star/@<commit>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepoConfig {
    /// Where the repo can be cloned from, without userinfo.
    #[serde(rename = "Remotes", default, deserialize_with = "nullable")]
    pub remotes: Vec<Remote>,
    /// The file, in base64.
    #[serde(default, deserialize_with = "nullable")]
    pub source: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A remote of a source repo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Remote {
    /// `origin`, mostly.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// To fetch from.
    #[serde(rename = "URL", default, deserialize_with = "nullable")]
    pub url: String,
    /// To push to.
    #[serde(rename = "PushURL", default, deserialize_with = "nullable")]
    pub push_url: String,
}

/// What the last push of a repo has released: `<repo>/-/repo.ocu.star/@<commit>/push/index`. Of a checkout of
/// intent only its commits: `@/push/intent_commit`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PushIndex {
    /// The commit that was pushed.
    #[serde(default, deserialize_with = "nullable")]
    pub commit: String,
    /// That of the push before; empty for the first one.
    #[serde(default, deserialize_with = "nullable")]
    pub previous_commit: String,
    /// What was released, by package: `<repo>/-/<file>`.
    #[serde(default, deserialize_with = "nullable")]
    pub release_configs: BTreeMap<String, PushedFile>,
    /// Packages whose file could not be released, because it has problems: the next push tries again.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeSet::is_empty")]
    pub unreleased: BTreeSet<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A release file that was pushed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PushedFile {
    /// Files and folders whose change releases it again.
    #[serde(default, deserialize_with = "nullable")]
    pub watch_files: BTreeSet<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started yet.
    Pending,
    /// A process executes it.
    Running,
    /// Its next function lacks inputs.
    Paused,
    /// Done.
    Complete,
    /// Ended with an error.
    Failed,
    /// Failed, and a retry took over.
    FailedRetried,
    /// Ended before it started.
    Cancelled,
}

impl Status {
    /// All of them, in the order in which a run may pass through them.
    pub const ALL: [Status; 7] = [
        Status::Pending,
        Status::Running,
        Status::Paused,
        Status::Complete,
        Status::Failed,
        Status::FailedRetried,
        Status::Cancelled,
    ];

    /// The name that a status marker's ref ends with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Complete => "complete",
            Status::Failed => "failed",
            Status::FailedRetried => "failed_retried",
            Status::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether a run in this status may still go on: pending, paused or running.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Status::Pending | Status::Paused | Status::Running)
    }

    /// The status of a release whose runs have `runs`.
    ///
    /// Order of precedence as in `documents`: all pending, then failed, running, cancelled,
    /// pending or paused, else complete. A release without any run is pending: it waits for its
    /// first environment.
    #[must_use]
    pub fn of_release(runs: &[Status]) -> Status {
        let any = |wanted: &[Status]| runs.iter().any(|status| wanted.contains(status));
        if runs.iter().all(|status| *status == Status::Pending) {
            Status::Pending
        } else if any(&[Status::Failed]) {
            Status::Failed
        } else if any(&[Status::Running]) {
            Status::Running
        } else if any(&[Status::Cancelled]) {
            Status::Cancelled
        } else if any(&[Status::Pending, Status::Paused]) {
            Status::Paused
        } else {
            Status::Complete
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The hints for readers that envelopes carry, one for each kind of body.
pub mod body_type {
    /// [`super::Release`].
    pub const RELEASE: &str = "release.ReleaseInfo";
    /// [`super::Marker`].
    pub const MARKER: &str = "models.Marker";
    /// [`super::Task`].
    pub const TASK: &str = "models.Task";
    /// [`super::Run`] that has not started.
    pub const RUN: &str = "models.Run";
    /// [`super::Run`] once started.
    pub const RUN_STARTED: &str = "*models.Run";
    /// A list of [`super::Log`].
    pub const LOGS: &str = "[]sdk.Log";
    /// [`super::Environment`].
    pub const ENVIRONMENT: &str = "sdk.Environment";
    /// [`super::RepoConfig`].
    pub const REPO_CONFIG: &str = "models.RepoConfig";
    /// [`super::PushIndex`].
    pub const PUSH_INDEX: &str = "*models.PushIndex";
    /// [`super::Intent`].
    pub const INTENT: &str = "models.Intent";

    /// The hint for custom state, which may be any JSON.
    #[must_use]
    pub fn of_custom(value: &serde_json::Value) -> &'static str {
        use serde_json::Value;
        match value {
            Value::Null => "",
            Value::Bool(_) => "bool",
            Value::Number(_) => "float64",
            Value::String(_) => "string",
            Value::Array(_) => "[]interface {}",
            Value::Object(_) => "map[string]interface {}",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_and_big_numbers_survive() {
        let cases = [
            json!({"commit": "c", "package": {"functions": {}, "phases": [], "x": 1}, "later": [1.5]}),
            serde_json::from_str(r#"{"commit":"c","package":{"functions":{},"phases":[{"name":"","tasks":[{"task":{"name":"a","inputs":{"n":{"default":12345678901234567890123}},"fn":{"name":"f","pos":"a:1:1"},"k":9007199254740993}}]}]}}"#).unwrap(),
        ];
        for case in cases {
            let release: Release = serde_json::from_value(case.clone()).unwrap();
            assert_eq!(serde_json::to_value(&release).unwrap(), case);
        }
    }

    #[test]
    fn null_lists_and_maps_are_empty() {
        let run: Run = serde_json::from_value(json!({
            "type": "", "release": "r/-/p/@r1", "functions": null, "output": null
        }))
        .unwrap();
        assert_eq!(run.run_type, None);
        assert!(run.functions.is_empty());
        let written = serde_json::to_value(&run).unwrap();
        assert_eq!(written["output"], Value::Null);
        assert_eq!(written["watch_files"], Value::Null);
    }

    #[test]
    fn the_status_of_a_release_follows_its_runs() {
        use Status::*;
        let cases: &[(&[Status], Status)] = &[
            (&[], Pending),
            (&[Pending, Pending], Pending),
            (&[Complete, Pending], Paused),
            (&[Complete, Paused], Paused),
            (&[Failed, Running], Failed),
            (&[Running, Cancelled], Running),
            (&[Cancelled, Pending], Cancelled),
            (&[FailedRetried, Complete], Complete),
            (&[FailedRetried, Pending], Paused),
        ];
        for (runs, expected) in cases {
            assert_eq!(Status::of_release(runs), *expected, "{runs:?}");
        }
    }
}
