//! The real world, as release files reach it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ocuroot_core::documents::{Environment, Log};
use ocuroot_core::sdk::{
    Host, HostError, HttpRequest, HttpResponse, Platform, Shell, ShellOutput, canonical_header,
};
use ocuroot_core::secrets::Secrets;

use crate::identity;
use crate::interrupt;
use crate::programs::Sink;

/// The host of one release file, or of `repo.ocu.star`.
pub struct NativeHost {
    root: PathBuf,
    folder: PathBuf,
    secrets: Arc<Secrets>,
    environments: Vec<Environment>,
    sink: Sink,
    replaced: BTreeMap<String, String>,
}

impl std::fmt::Debug for NativeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeHost").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// This machine, in the SDK's words.
#[must_use]
pub fn platform() -> Platform {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform { os: os.to_owned(), arch: arch.to_owned() }
}

impl NativeHost {
    /// For a file in `folder` of the repo at `root`. Output goes nowhere, and there are no
    /// environments, unless the methods below say so.
    #[must_use]
    pub fn new(root: &Path, folder: &Path, secrets: Arc<Secrets>) -> NativeHost {
        NativeHost {
            root: root.to_owned(),
            folder: folder.to_owned(),
            secrets,
            environments: Vec::new(),
            sink: Arc::new(|_| {}),
            replaced: BTreeMap::new(),
        }
    }

    /// With the environments that state holds.
    #[must_use]
    pub fn with_environments(mut self, environments: Vec<Environment>) -> NativeHost {
        self.environments = environments;
        self
    }

    /// With somebody who takes what is printed: masked, and with the time filled in.
    #[must_use]
    pub fn with_sink(mut self, sink: Sink) -> NativeHost {
        self.sink = sink;
        self
    }

    /// With `text` in place of the file at `path`, a path from the root.
    #[must_use]
    pub fn with_source(mut self, path: &str, text: &str) -> NativeHost {
        self.replaced.insert(path.to_owned(), text.to_owned());
        self
    }

    fn failed(action: &str, path: &Path, error: &std::io::Error) -> HostError {
        HostError::new(format!("cannot {action} {}: {error}", path.display()))
    }
}

impl Host for NativeHost {
    fn source(&self, path: &str) -> Result<String, HostError> {
        if let Some(text) = self.replaced.get(path) {
            return Ok(text.clone());
        }
        let path = self.root.join(path);
        std::fs::read_to_string(&path).map_err(|error| NativeHost::failed("read", &path, &error))
    }

    fn shell(&self, command: &Shell) -> Result<ShellOutput, HostError> {
        if interrupt::is_set() {
            return Err(HostError::new("interrupted"));
        }
        // A command of its own group can be ended with all that it started. At a terminal it must
        // stay in ours, or it could not ask for a password.
        let group = !std::io::stdin().is_terminal();
        let folder = self.folder.join(&command.dir);
        let mut process = Command::new(&command.shell);
        process.arg("-c").arg(&command.command).current_dir(&folder).envs(&command.env);
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if group {
            process.process_group(0);
        }
        let mut child = process.spawn().map_err(|error| {
            HostError::new(format!("cannot run {} in {}: {error}", command.shell, folder.display()))
        })?;
        let registered = interrupt::child(child.id(), group);
        let combined = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = std::thread::scope(|scope| {
            let out = scope.spawn(|| self.stream(stdout, 1, command, &combined));
            let err = scope.spawn(|| self.stream(stderr, 2, command, &combined));
            (out.join().unwrap_or_default(), err.join().unwrap_or_default())
        });
        let status =
            child.wait().map_err(|error| HostError::new(format!("lost {}: {error}", command.shell)))?;
        drop(registered);
        let combined_output = std::mem::take(&mut *combined.lock().unwrap_or_else(PoisonError::into_inner));
        let exit_code = status.code().or_else(|| {
            use std::os::unix::process::ExitStatusExt;
            status.signal().map(|signal| 128 + signal)
        });
        Ok(ShellOutput { stdout, stderr, combined_output, exit_code: exit_code.unwrap_or(-1) })
    }

    fn read(&self, path: &str) -> Result<String, HostError> {
        let path = self.folder.join(path);
        let bytes = std::fs::read(&path).map_err(|error| NativeHost::failed("read", &path, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn write(&self, path: &str, content: &str) -> Result<(), HostError> {
        let path = self.folder.join(path);
        let failed = |error: std::io::Error| NativeHost::failed("write", &path, &error);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, content).map_err(failed)
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError> {
        let path = self.folder.join(path);
        let entries = std::fs::read_dir(&path).map_err(|error| NativeHost::failed("list", &path, &error))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn is_dir(&self, path: &str) -> Result<bool, HostError> {
        Ok(self.folder.join(path).is_dir())
    }

    fn env(&self) -> Result<BTreeMap<String, String>, HostError> {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Ok(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    fn platform(&self) -> Result<Platform, HostError> {
        Ok(platform())
    }

    fn pwd(&self) -> Result<String, HostError> {
        Ok(self.folder.display().to_string())
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let failed = |error: &dyn std::fmt::Display| {
            HostError::new(format!("no answer to {} {}: {error}", request.method, request.url))
        };
        let mut builder = ureq::http::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, values) in &request.headers {
            for value in values {
                builder = builder.header(name, value);
            }
        }
        let sent = builder.body(request.body.clone().unwrap_or_default()).map_err(|error| failed(&error))?;
        let mut answer = agent.run(sent).map_err(|error| failed(&error))?;
        let status = answer.status();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(canonical_header(name.as_str())).or_default().push(value);
        }
        let mut body = Vec::new();
        answer.body_mut().as_reader().read_to_end(&mut body).map_err(|error| failed(&error))?;
        let reason = status.canonical_reason().unwrap_or_default();
        Ok(HttpResponse {
            status_code: status.as_u16(),
            status_text: format!("{} {reason}", status.as_u16()).trim_end().to_owned(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    fn log(&self, mut line: Log) {
        line.message = self.secrets.mask(&line.message).into_owned();
        if line.timestamp.is_empty() {
            line.timestamp = identity::now();
        }
        (self.sink)(line);
    }

    fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn environments(&self) -> Result<Vec<Environment>, HostError> {
        Ok(self.environments.clone())
    }
}

impl NativeHost {
    /// Reads a stream of a command to its end, line by line into the log unless muted.
    fn stream(
        &self,
        stream: Option<impl Read>,
        number: u8,
        command: &Shell,
        combined: &Mutex<String>,
    ) -> String {
        let mut all = String::new();
        let Some(stream) = stream else { return all };
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            all.push_str(&text);
            combined.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            if !command.mute {
                self.log(Log {
                    timestamp: String::new(),
                    message: text.trim_end_matches(['\n', '\r']).to_owned(),
                    attributes: command.attributes.clone(),
                    stream: number,
                    extra: ocuroot_core::documents::Extra::new(),
                });
            }
            line.clear();
        }
        all
    }
}
