//! The world as a release file sees it: one trait of a few methods.
//!
//! The evaluator itself touches nothing. Whatever a file asks for goes through [`Host`]: the
//! command line answers with the real thing, the browser and `lint` with a
//! [`PureHost`](super::PureHost) that holds a snapshot and refuses effects.
//!
//! Paths are as the file wrote them, relative to the folder that the host stands for (the package
//! file's folder, or the repo root for `repo.ocu.star`). Only [`Host::source`] counts from the
//! repo root: its paths are normalised before, so they hold no `..`.

use std::collections::BTreeMap;

use crate::documents::{Environment, Log};
use crate::secrets::Secrets;

/// What a release file can reach.
pub trait Host: Send + Sync {
    /// The text of a Starlark file, by its path from the repo root.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    fn source(&self, path: &str) -> Result<String, HostError>;

    /// Runs a command to its end. Unless it is muted, its lines are logged as they come.
    ///
    /// # Errors
    /// The command could not be started. An exit code other than zero is an answer.
    fn shell(&self, command: &Shell) -> Result<ShellOutput, HostError>;

    /// The text of a file.
    ///
    /// # Errors
    /// It is not there, or it cannot be read.
    fn read(&self, path: &str) -> Result<String, HostError>;

    /// Writes a file, and the folders that it needs.
    ///
    /// # Errors
    /// It cannot be written.
    fn write(&self, path: &str, content: &str) -> Result<(), HostError>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// It is no folder, or it cannot be read.
    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError>;

    /// Whether there is a folder at `path`.
    ///
    /// # Errors
    /// The host cannot tell.
    fn is_dir(&self, path: &str) -> Result<bool, HostError>;

    /// The environment variables.
    ///
    /// # Errors
    /// The host has none to give.
    fn env(&self) -> Result<BTreeMap<String, String>, HostError>;

    /// The platform that commands run on.
    ///
    /// # Errors
    /// The host has none.
    fn platform(&self) -> Result<Platform, HostError>;

    /// The folder that relative paths count from.
    ///
    /// # Errors
    /// The host has none.
    fn pwd(&self) -> Result<String, HostError>;

    /// Asks a server. Redirects are followed, and any status is an answer.
    ///
    /// # Errors
    /// There was no answer.
    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, HostError>;

    /// Takes a line of output. The host knows the time and masks secrets.
    fn log(&self, line: Log);

    /// The values to mask, which `secret()` adds to.
    fn secrets(&self) -> &Secrets;

    /// The environments in state.
    ///
    /// # Errors
    /// The state cannot be read.
    fn environments(&self) -> Result<Vec<Environment>, HostError>;
}

/// Why a host could not do what it was asked for, as a sentence for the file's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl HostError {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> HostError {
        HostError { message: message.into(), hint: None }
    }
}

/// A command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shell {
    /// What the shell is given after `-c`.
    pub command: String,
    /// The shell.
    pub shell: String,
    /// Where it runs.
    pub dir: String,
    /// Variables besides those of the process.
    pub env: BTreeMap<String, String>,
    /// Whether its output stays out of the log.
    pub mute: bool,
    /// Attributes for the lines that it prints: where in the file it was called.
    pub attributes: BTreeMap<String, String>,
}

/// What a command did. Output that is not UTF-8 is replaced by U+FFFD where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellOutput {
    /// All of its stdout.
    pub stdout: String,
    /// All of its stderr.
    pub stderr: String,
    /// Both, in the order in which lines came.
    pub combined_output: String,
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub exit_code: i32,
}

/// Where commands run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `darwin` or `windows`.
    pub os: String,
    /// `amd64` or `arm64`.
    pub arch: String,
}

/// A question to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Where.
    pub url: String,
    /// Each name with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// What is sent. Only `POST`, `PUT` and `PATCH` have one.
    pub body: Option<String>,
}

/// A server's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// `200`.
    pub status_code: u16,
    /// `200 OK`.
    pub status_text: String,
    /// Canonical name (`Content-Type`) to values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body. What is not UTF-8 is replaced.
    pub body: String,
}
