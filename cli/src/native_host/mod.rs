//! The real thing behind [`Host`]: processes, files, servers, the clock.
//!
//! ```no_run
//! use std::sync::Arc;
//! use ocuroot::native_host::NativeHost;
//! use ocuroot_core::secrets::Secrets;
//!
//! let host = NativeHost::new("/src/shop", "web", Arc::new(Secrets::default()))
//!     .logging_to(Arc::new(|line| eprintln!("{}", line.message)));
//! ```

mod http;
mod process;

pub(crate) use http::without_userinfo;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocuroot_core::documents::{Environment, Log};
use ocuroot_core::sdk::{
    Host, HostError, HttpRequest, HttpResponse, Platform, STACK_BYTES, Shell, ShellOutput,
};
use ocuroot_core::secrets::Secrets;

/// Takes lines of output, masked and with their time.
pub type LogSink = Arc<dyn Fn(Log) + Send + Sync>;

/// Answers `environments()`.
pub type EnvironmentSource = Arc<dyn Fn() -> Result<Vec<Environment>, HostError> + Send + Sync>;

/// Reads a Starlark file by its path from the repo root.
pub type FileSource = Arc<dyn Fn(&str) -> Result<String, HostError> + Send + Sync>;

/// Runs `work` on a stack that is large enough for any file that the SDK accepts.
///
/// # Errors
/// The system has no thread to spare, or `work` panicked.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)?
            .join()
            .map_err(|_| io::Error::other("the evaluation panicked"))
    })
}

/// The machine, seen from one folder of one repo.
#[derive(Clone)]
pub struct NativeHost {
    root: PathBuf,
    folder: PathBuf,
    secrets: Arc<Secrets>,
    log: LogSink,
    environments: EnvironmentSource,
    source: Option<FileSource>,
    hidden: Vec<&'static str>,
    client: http::Client,
}

impl std::fmt::Debug for NativeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeHost")
            .field("root", &self.root)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl NativeHost {
    /// A host for the files of the repo at `root`. Commands run, and relative paths count from,
    /// `folder` within it (empty: the root itself). It logs to nowhere and knows no environments.
    pub fn new(root: impl Into<PathBuf>, folder: impl AsRef<Path>, secrets: Arc<Secrets>) -> NativeHost {
        let root = root.into();
        NativeHost {
            folder: root.join(folder),
            root,
            secrets,
            log: Arc::new(|_| {}),
            environments: Arc::new(|| Ok(Vec::new())),
            source: None,
            hidden: Vec::new(),
            client: http::Client::default(),
        }
    }

    /// The same host, which logs to `log`.
    #[must_use]
    pub fn logging_to(self, log: LogSink) -> NativeHost {
        NativeHost { log, ..self }
    }

    /// The same host, which asks `environments` for what is in state.
    #[must_use]
    pub fn with_environments(self, environments: EnvironmentSource) -> NativeHost {
        NativeHost { environments, ..self }
    }

    /// The same host, which takes Starlark files from `source` instead of the working tree.
    #[must_use]
    pub fn with_source(self, source: FileSource) -> NativeHost {
        NativeHost { source: Some(source), ..self }
    }

    /// The same host, where files and their commands see none of these environment variables.
    #[must_use]
    pub fn hiding(self, hidden: Vec<&'static str>) -> NativeHost {
        NativeHost { hidden, ..self }
    }

    /// Stamps, masks and logs a line.
    fn emit(&self, mut line: Log) {
        if line.timestamp.is_empty() {
            line.timestamp = jiff::Timestamp::now().to_string();
        }
        line.message = self.secrets.mask(&line.message).into_owned();
        (self.log)(line);
    }
}

impl Host for NativeHost {
    fn source(&self, path: &str) -> Result<String, HostError> {
        if let Some(source) = &self.source {
            return source(path);
        }
        let file = self.root.join(path);
        let text = read_text(&file, path)?;
        // A link may lead anywhere; a repo must be whole when it is cloned.
        let inside = match (self.root.canonicalize(), file.canonicalize()) {
            (Ok(root), Ok(file)) => file.starts_with(root),
            _ => false,
        };
        if inside {
            Ok(text)
        } else {
            Err(HostError::new(format!("`{path}` is a link that leaves the repo")))
        }
    }

    fn shell(&self, command: &Shell) -> Result<ShellOutput, HostError> {
        let mute = command.mute;
        process::run(command, &self.folder.join(&command.dir), &self.hidden, |stream, message| {
            if !mute {
                self.emit(Log {
                    timestamp: String::new(),
                    message,
                    attributes: command.attributes.clone(),
                    stream,
                    extra: serde_json::Map::new(),
                });
            }
        })
    }

    fn read(&self, path: &str) -> Result<String, HostError> {
        read_text(&self.folder.join(path), path)
    }

    fn write(&self, path: &str, content: &str) -> Result<(), HostError> {
        let file = self.folder.join(path);
        let written = match file.parent() {
            Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(&file, content)),
            None => fs::write(&file, content),
        };
        written.map_err(|error| HostError::new(format!("cannot write `{path}`: {}", why(&error))))
    }

    fn read_dir(&self, path: &str) -> Result<Vec<String>, HostError> {
        let entries = fs::read_dir(self.folder.join(path))
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
            .map_err(|error| HostError::new(format!("cannot read folder `{path}`: {}", why(&error))))?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn is_dir(&self, path: &str) -> Result<bool, HostError> {
        Ok(self.folder.join(path).is_dir())
    }

    fn env(&self) -> Result<BTreeMap<String, String>, HostError> {
        Ok(std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| !self.hidden.contains(&name.as_str()))
            .collect())
    }

    fn platform(&self) -> Result<Platform, HostError> {
        Ok(platform())
    }

    fn pwd(&self) -> Result<String, HostError> {
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        Ok(folder.to_string_lossy().into_owned())
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        self.client.ask(request)
    }

    fn log(&self, line: Log) {
        self.emit(line);
    }

    fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn environments(&self) -> Result<Vec<Environment>, HostError> {
        (self.environments)()
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
        "x86" => "386",
        other => other,
    };
    Platform { os: os.to_owned(), arch: arch.to_owned() }
}

fn read_text(file: &Path, path: &str) -> Result<String, HostError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(HostError::new(format!("there is no file `{path}`")));
        }
        Err(error) => return Err(HostError::new(format!("cannot read `{path}`: {}", why(&error)))),
    };
    String::from_utf8(bytes).map_err(|_| HostError::new(format!("cannot read `{path}`: it is not UTF-8")))
}

/// An error of the system without its number.
fn why(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn host() -> (tempfile::TempDir, NativeHost, Arc<Mutex<Vec<Log>>>) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("web/sub")).unwrap();
        fs::write(folder.path().join("web/a.txt"), "A").unwrap();
        fs::write(folder.path().join("lib.star"), "x = 1").unwrap();
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&logs);
        let host = NativeHost::new(folder.path(), "web", Arc::default())
            .logging_to(Arc::new(move |line| sink.lock().unwrap().push(line)));
        (folder, host, logs)
    }

    fn sh(command: &str) -> Shell {
        Shell { command: command.to_owned(), shell: "sh".to_owned(), dir: ".".to_owned(), ..Shell::default() }
    }

    #[test]
    fn a_deep_stack() {
        assert_eq!(on_deep_stack(|| 4).unwrap(), 4);
        assert!(on_deep_stack(|| panic!("no")).is_err());
    }

    #[test]
    fn files() {
        let (folder, host, _) = host();
        assert_eq!(host.source("lib.star").unwrap(), "x = 1");
        assert_eq!(host.source("nope.star").unwrap_err().message, "there is no file `nope.star`");
        assert_eq!(host.read("a.txt").unwrap(), "A");
        assert_eq!(host.read("../lib.star").unwrap(), "x = 1");
        host.write("deep/er/b.txt", "B").unwrap();
        assert_eq!(host.read_dir(".").unwrap(), ["a.txt", "deep", "sub"]);
        assert!(host.read_dir("nope").unwrap_err().message.starts_with("cannot read folder `nope`: no such"));
        assert!(host.is_dir("sub").unwrap() && !host.is_dir("a.txt").unwrap() && !host.is_dir("x").unwrap());
        let absolute = folder.path().join("web/a.txt");
        assert_eq!(host.read(&absolute.to_string_lossy()).unwrap(), "A");
        fs::write(folder.path().join("web/bin"), [0xff, 0xfe]).unwrap();
        assert_eq!(host.read("bin").unwrap_err().message, "cannot read `bin`: it is not UTF-8");
        assert!(host.pwd().unwrap().ends_with("/web"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hosts", folder.path().join("out.star")).unwrap();
            assert!(host.source("out.star").unwrap_err().message.contains("leaves the repo"));
        }
    }

    #[test]
    fn commands_stream_their_lines() {
        let (_folder, host, logs) = host();
        host.secrets().add("hunter2");
        let mut command = sh("echo one; echo hunter2 >&2; printf tail; pwd; echo $EXTRA");
        command.env.insert("EXTRA".to_owned(), "more".to_owned());
        command.attributes.insert("line".to_owned(), "4".to_owned());
        command.dir = "sub".to_owned();
        let output = host.shell(&command).unwrap();
        assert!(
            output.stdout.starts_with("one\ntail/") && output.stdout.ends_with("/web/sub\nmore\n"),
            "{output:?}"
        );
        assert_eq!(output.stderr, "hunter2\n");
        assert_eq!(output.combined_output.len(), output.stdout.len() + output.stderr.len());
        assert_eq!(output.exit_code, 0);
        let logs = logs.lock().unwrap();
        let mut lines: Vec<_> = logs.iter().map(|log| (log.stream, log.message.as_str())).collect();
        lines.sort_unstable();
        assert_eq!(lines[0], (1, "more"));
        assert_eq!(lines[1], (1, "one"));
        assert_eq!(lines[3], (2, "<secret>"));
        assert_eq!(logs[0].attributes["line"], "4");
        assert!(logs[0].timestamp.parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn exit_codes_signals_and_what_is_no_text() {
        let (_folder, host, logs) = host();
        assert_eq!(host.shell(&sh("exit 3")).unwrap().exit_code, 3);
        assert_eq!(host.shell(&sh("kill -9 $$")).unwrap().exit_code, 137);
        let odd = host.shell(&sh(r"printf 'a\377b\r\n'")).unwrap();
        assert_eq!(odd.stdout, "a\u{fffd}b\r\n");
        assert_eq!(logs.lock().unwrap()[0].message, "a\u{fffd}b");
        let mut muted = sh("echo quiet");
        muted.mute = true;
        assert_eq!(host.shell(&muted).unwrap().stdout, "quiet\n");
        assert_eq!(logs.lock().unwrap().len(), 1);
        let mut missing = sh("x");
        missing.shell = "no-such-shell".to_owned();
        assert!(host.shell(&missing).unwrap_err().message.contains("no-such-shell"));
        missing.dir = "no/such/folder".to_owned();
        assert!(host.shell(&missing).unwrap_err().message.contains("no/such/folder"));
    }

    #[test]
    fn a_server_left_behind_does_not_hold_up_the_command() {
        let (_folder, host, _) = host();
        let start = std::time::Instant::now();
        let output = host.shell(&sh("echo up; sleep 30 & echo $!")).unwrap();
        assert!(start.elapsed().as_secs() < 20);
        assert!(output.stdout.starts_with("up\n"));
        let pid = output.stdout.lines().nth(1).unwrap().to_owned();
        host.shell(&sh(&format!("kill {pid}"))).unwrap();
    }

    #[test]
    fn much_output_on_both_streams() {
        let (_folder, host, logs) = host();
        let output = host
            .shell(&sh("i=0; while [ $i -lt 3000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done"))
            .unwrap();
        assert_eq!(output.stdout.lines().count(), 3000);
        assert_eq!(output.stderr.lines().count(), 3000);
        assert_eq!(logs.lock().unwrap().len(), 6000);
    }
}
