//! The host of `lint`: files are read, effects are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocuroot_core::documents::{Environment, Log};
use ocuroot_core::sdk::{Host, HostError, HttpRequest, HttpResponse, Platform, PureHost, Shell, ShellOutput};
use ocuroot_core::secrets::Secrets;

/// Answers reads from the disk, and everything else as [`PureHost`] does.
#[derive(Debug)]
pub struct LintHost {
    root: PathBuf,
    folder: PathBuf,
    pure: PureHost,
}

impl LintHost {
    /// For the release file at `file`, a path from `root`.
    #[must_use]
    pub fn new(root: &Path, file: &str, environments: Vec<Environment>) -> LintHost {
        let path = root.join(file);
        LintHost {
            root: root.to_owned(),
            folder: path.parent().unwrap_or(root).to_owned(),
            pure: PureHost::new(std::iter::empty::<(String, String)>()).with_environments(environments),
        }
    }
}

fn reading(path: &Path, error: &std::io::Error) -> HostError {
    HostError::new(format!("cannot read {}: {error}", path.display()))
}

impl Host for LintHost {
    fn source(&self, path: &str) -> Result<String, HostError> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path).map_err(|error| reading(&path, &error))
    }

    fn shell(&self, command: &Shell) -> Result<ShellOutput, HostError> {
        self.pure.shell(command)
    }

    fn read(&self, path: &str) -> Result<String, HostError> {
        let path = self.folder.join(path);
        std::fs::read_to_string(&path).map_err(|error| reading(&path, &error))
    }

    fn write(&self, path: &str, content: &str) -> Result<(), HostError> {
        self.pure.write(path, content)
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError> {
        let path = self.folder.join(path);
        let entries = std::fs::read_dir(&path).map_err(|error| reading(&path, &error))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn is_dir(&self, path: &str) -> Result<bool, HostError> {
        Ok(self.folder.join(path).is_dir())
    }

    fn env(&self) -> Result<BTreeMap<String, String>, HostError> {
        Ok(std::env::vars().collect())
    }

    fn platform(&self) -> Result<Platform, HostError> {
        Ok(crate::native_host::platform())
    }

    fn pwd(&self) -> Result<String, HostError> {
        Ok(self.folder.display().to_string())
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        self.pure.http(request)
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
