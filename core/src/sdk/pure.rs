//! A host that knows only what it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::host::{Host, HostError, HttpRequest, HttpResponse, Platform, Shell, ShellOutput};
use super::load;
use crate::documents::{Environment, Log};
use crate::secrets::Secrets;

/// Answers reads from a snapshot and refuses effects, so that a file can be evaluated to its
/// phases without running anything.
///
/// ```
/// use ocuroot_core::sdk::{Host, PureHost};
///
/// let host = PureHost::new([("web/release.ocu.star", "phase('build')")]).in_folder("web");
/// assert_eq!(host.read("release.ocu.star")?, "phase('build')");
/// assert!(host.write("x", "y").is_err());
/// # Ok::<(), ocuroot_core::sdk::HostError>(())
/// ```
#[derive(Debug)]
pub struct PureHost {
    /// Texts by path from the repo root.
    pub files: BTreeMap<String, String>,
    /// The folder that relative paths count from, from the repo root; empty for the root.
    pub folder: String,
    /// What `environments()` returns.
    pub environments: Vec<Environment>,
    /// What `env()` returns.
    pub variables: BTreeMap<String, String>,
    /// What `os()` and `arch()` return.
    pub platform: Platform,
    secrets: Secrets,
    logs: Mutex<Vec<Log>>,
}

impl PureHost {
    /// A host that knows `files`, by path from the repo root, and stands in the root.
    pub fn new<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> PureHost {
        PureHost {
            files: files.into_iter().map(|(path, text)| (path.into(), text.into())).collect(),
            folder: String::new(),
            environments: Vec::new(),
            variables: BTreeMap::new(),
            platform: Platform { os: "linux".to_owned(), arch: "amd64".to_owned() },
            secrets: Secrets::default(),
            logs: Mutex::new(Vec::new()),
        }
    }

    /// The same host, standing in `folder`.
    #[must_use]
    pub fn in_folder(mut self, folder: &str) -> PureHost {
        folder.trim_matches('/').clone_into(&mut self.folder);
        self
    }

    /// The same host, with these environments in state.
    #[must_use]
    pub fn with_environments(mut self, environments: Vec<Environment>) -> PureHost {
        self.environments = environments;
        self
    }

    /// What was logged so far, masked.
    pub fn logs(&self) -> Vec<Log> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The path from the repo root, without `.` and `..`.
    fn path(&self, path: &str) -> Result<String, HostError> {
        load::join(&self.folder, path)
            .ok_or_else(|| HostError::new(format!("`{path}` is not available here: it is outside the repo")))
    }

    fn refuse<T>(what: &str) -> Result<T, HostError> {
        Err(HostError {
            message: format!("`{what}` is not available here: this evaluation runs nothing"),
            hint: Some(
                "call it in the function of a task or a deploy, which only runs in a release".to_owned(),
            ),
        })
    }
}

impl Host for PureHost {
    fn source(&self, path: &str) -> Result<String, HostError> {
        match self.files.get(path) {
            Some(text) => Ok(text.clone()),
            None => Err(HostError::new(format!("there is no file `{path}`"))),
        }
    }

    fn shell(&self, _: &Shell) -> Result<ShellOutput, HostError> {
        PureHost::refuse("shell")
    }

    fn read(&self, path: &str) -> Result<String, HostError> {
        self.source(&self.path(path)?)
    }

    fn write(&self, _: &str, _: &str) -> Result<(), HostError> {
        PureHost::refuse("write")
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError> {
        if !self.is_dir(path)? {
            return Err(HostError::new(format!("there is no folder `{path}`")));
        }
        let prefix = below(&self.path(path)?);
        let names: BTreeSet<&str> =
            self.files.keys().filter_map(|file| file.strip_prefix(&prefix)?.split('/').next()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn is_dir(&self, path: &str) -> Result<bool, HostError> {
        let prefix = below(&self.path(path)?);
        Ok(prefix.is_empty() || self.files.keys().any(|file| file.starts_with(&prefix)))
    }

    fn env(&self) -> Result<BTreeMap<String, String>, HostError> {
        Ok(self.variables.clone())
    }

    fn platform(&self) -> Result<Platform, HostError> {
        Ok(self.platform.clone())
    }

    fn pwd(&self) -> Result<String, HostError> {
        Ok(format!("/{}", self.folder))
    }

    fn http(&self, _: &HttpRequest) -> Result<HttpResponse, HostError> {
        PureHost::refuse("http")
    }

    fn log(&self, mut line: Log) {
        line.message = self.secrets.mask(&line.message).into_owned();
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn environments(&self) -> Result<Vec<Environment>, HostError> {
        Ok(self.environments.clone())
    }
}

/// The prefix of all paths in a folder.
fn below(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_its_snapshot_from_its_folder() {
        let host = PureHost::new([("a/x.txt", "1"), ("a/sub/y.txt", "2"), ("top.txt", "3")]).in_folder("a");
        assert_eq!(host.read("x.txt").unwrap(), "1");
        assert_eq!(host.read("../top.txt").unwrap(), "3");
        assert_eq!(host.read_dir(".").unwrap(), ["sub", "x.txt"]);
        assert_eq!(host.read_dir("..").unwrap(), ["a", "top.txt"]);
        assert!(host.is_dir("sub").unwrap());
        assert!(!host.is_dir("x.txt").unwrap());
        assert!(!host.is_dir("nowhere").unwrap());
        assert!(host.read("../../etc/passwd").is_err());
        assert!(host.read_dir("nowhere").is_err());
    }
}
