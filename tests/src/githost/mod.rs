//! A real git host with a real CI runner, on this machine and for as long as a test lasts.
//!
//! [`Host`] is Gitea and its Actions runner; [`repo::Repo`] a repo there, as somebody who works in it
//! sees it: a clone, pull requests, and the runs of its workflows. [`scenario`] tells what happens
//! from a push on, for the tests and for the demo.
//!
//! Nothing here is the project's own stand-in for anything: jobs get their sources by `git fetch` and
//! write to the stores by `git push`, and workflows start each other through the host's API.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Outcome, path_with_ocuroot};
use api::{Api, text};
use process::Guarded;

pub mod api;
pub mod fixture;
pub mod process;
pub mod repo;
pub mod scenario;
pub mod shared;

/// How often something is looked at that does not say by itself when it changes.
pub const POLL: Duration = Duration::from_millis(100);

/// How long anything may take that a scenario waits for.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Who owns the repos, and works in them.
pub const USER: &str = "ann";

/// What [`USER`] signs in with.
pub const PASSWORD: &str = "correct horse battery";

/// Set by whoever is told to end: what waits gives up, and everything that was started is ended.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Looks until `look` finds something.
///
/// # Errors
/// When it finds nothing for [`DEADLINE`], which is told with `what`, when it fails, and when
/// [`INTERRUPTED`] is set.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        if start.elapsed() > DEADLINE {
            return Err(format!("waited {} s in vain for {what}", DEADLINE.as_secs()).into());
        }
        std::thread::sleep(POLL);
    }
}

/// The programs that a host is made of. `cargo xtask setup` builds them.
#[derive(Clone, Debug)]
pub struct Tools {
    gitea: PathBuf,
    runner: PathBuf,
}

impl Tools {
    /// Those on PATH, if they are there.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let find =
            |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file());
        let tools = Self { gitea: find("gitea")?, runner: find("gitea-runner")? };
        // Somebody's own Gitea would look for its files elsewhere.
        tools.share()?.join("templates").is_dir().then_some(tools)
    }

    /// What Gitea reads while it runs.
    fn share(&self) -> Option<PathBuf> {
        Some(self.gitea.parent()?.parent()?.join("share"))
    }
}

/// Gitea with its runners. All of it ends when this is dropped.
#[derive(Debug)]
pub struct Host {
    /// The one that runs jobs for `ubuntu-latest`.
    runner: Option<Guarded>,
    gitea: Option<Guarded>,
    tools: Tools,
    url: String,
    api: Api,
    token: String,
    path: std::ffi::OsString,
    count: AtomicUsize,
    // Last: the folder goes when nobody works in it any more.
    folder: tempfile::TempDir,
}

impl Host {
    /// Starts the host, and a runner that does two jobs at a time.
    ///
    /// # Errors
    /// When a part of it does not start.
    pub fn start(tools: Tools) -> Outcome<Self> {
        let mut host = Self::without_runner(tools, "")?;
        host.runner = Some(host.start_runner("ubuntu-latest", 2)?);
        Ok(host)
    }

    /// Starts the host, with more settings: further sections of its `app.ini`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn without_runner(tools: Tools, settings: &str) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("ocuroot-ci").tempdir()?;
        let path = path_with_ocuroot(&folder.path().join("bin"))?;
        // A server that wants a number cannot be given a free one but like this. Should somebody else
        // take the port in between, Gitea says so and ends, and so does the test.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let nobody = Api::new(&url, String::new());
        let mut host = Self {
            runner: None,
            gitea: None,
            tools,
            url,
            api: nobody,
            token: String::new(),
            path,
            count: AtomicUsize::new(0),
            folder,
        };
        host.start_gitea(port, settings)?;
        Ok(host)
    }

    fn start_gitea(&mut self, port: u16, more: &str) -> Outcome {
        let home = self.folder.path().join("gitea");
        let ini = home.join("app.ini");
        // Its templates are read from where set-up has put them; what it writes goes to the folder.
        let share = self.tools.share().ok_or("gitea lies in no folder")?;
        std::fs::create_dir_all(&home)?;
        std::fs::write(&ini, settings(&self.url, port, &home, &share) + more)?;
        self.gitea_command(&["migrate"])?;
        let user = ["admin", "user", "create", "--admin", "--username", USER, "--password", PASSWORD];
        let mail = ["--email", "ann@example.com", "--must-change-password=false"];
        self.gitea_command(&[&user[..], &mail].concat())?;
        let mut web = Command::new(&self.tools.gitea);
        web.arg("-c").arg(&ini).arg("web");
        self.shield(&mut web, &home);
        self.gitea = Some(Guarded::start(&web, &home.join("output"))?);
        wait_for("Gitea to answer", || Ok(self.api.get("/version").ok()))?;
        self.token = self.token("all", &["all"])?;
        self.api = Api::new(&self.url, format!("token {}", self.token));
        Ok(())
    }

    fn gitea_command(&self, words: &[&str]) -> Outcome {
        let home = self.folder.path().join("gitea");
        let mut command = Command::new(&self.tools.gitea);
        command.arg("-c").arg(home.join("app.ini")).args(words);
        self.shield(&mut command, &home);
        output(&mut command).map(drop)
    }

    /// Starts a runner for jobs that ask for `label`, as many as `slots` at a time.
    ///
    /// # Errors
    /// When it cannot be registered or started.
    pub fn start_runner(&self, label: &str, slots: usize) -> Outcome<Guarded> {
        let home = self.folder.path().join(format!("runner-{}-{}", label, self.next()));
        std::fs::create_dir_all(&home)?;
        let config = home.join("config.json");
        let file = home.join("registration");
        // JSON is YAML too.
        let text = json!({
            "runner": {
                "file": file, "capacity": slots, "labels": [format!("{label}:host")],
                "fetch_interval": "200ms", "fetch_interval_max": "200ms",
                "log_report_interval": "1s", "log_report_max_latency": "500ms",
            },
            "cache": { "enabled": false },
            "host": { "workdir_parent": home.join("work") },
        });
        std::fs::write(&config, text.to_string())?;
        let token = self.api.post("/admin/actions/runners/registration-token", &json!({}))?;
        let runner = |words: &[&str]| {
            let mut command = Command::new(&self.tools.runner);
            command.arg("--config").arg(&config).args(words);
            self.shield(&mut command, &home);
            command.env("CI_RUN", self.run()).env("CI_OWNER", std::process::id().to_string());
            command
        };
        let who = ["--instance", &self.url, "--token", text_of(&token), "--name", label];
        output(&mut runner(&[&["register", "--no-interactive"][..], &who].concat()))?;
        Guarded::start(&runner(&["daemon"]), &home.join("output"))
    }

    /// A token of [`USER`] with these rights.
    ///
    /// # Errors
    /// When the host gives none.
    pub fn token(&self, name: &str, scopes: &[&str]) -> Outcome<String> {
        Api::token(&self.url, USER, PASSWORD, &format!("{name}-{}", self.next()), scopes)
    }

    /// Makes a program see nothing of who runs the tests: its settings, keys and repos are in `home`.
    pub(crate) fn shield(&self, command: &mut Command, home: &Path) {
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let foreign = ["GIT_", "OCU_", "OCUROOT_", "OTEL_", "ENABLE_OTEL", "GITEA_", "GITHUB_", "XDG_"];
            if foreign.iter().any(|prefix| known.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(home)
            .env("PATH", &self.path)
            .env("HOME", home)
            .env("OCUROOT_HOME", home.join("ocuroot"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("CI");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Ann")
                .env(format!("GIT_{role}_EMAIL"), "ann@example.com");
        }
    }

    /// Makes git authenticate as [`USER`] at this host, with nothing of it in a URL.
    pub(crate) fn authenticate(&self, command: &mut Command) {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("http.{}/.extraheader", self.url))
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: {}", api::basic(USER, &self.token)));
    }

    /// The token with which [`Self::api`] asks.
    #[must_use]
    pub fn own_token(&self) -> &str {
        &self.token
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its API, as [`USER`].
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Where clones are, and what else is only for a while.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where deployed servers say who they are.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// From now on, what a repo is about to do (build a version, deploy to an environment) waits.
    ///
    /// # Errors
    /// When the system has no named pipes.
    pub fn hold(&self, repo: &str, what: &str) -> Outcome<Hold> {
        std::fs::create_dir_all(self.run())?;
        let hold = Hold(self.run().join(format!("hold-{repo}-{what}")));
        output(Command::new("mkfifo").arg(&hold.0))?;
        Ok(hold)
    }

    fn next(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything stays until somebody presses Enter, or Ctrl-C.
    pub fn keep(&self) {
        println!("{} has the user {USER} with the password \"{PASSWORD}\".", self.url);
        println!("What is cloned and deployed is in {}. Press Enter to end it all.", self.folder().display());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(std::io::stdin().lines().next().is_some()));
        while told.try_recv().is_err() && !INTERRUPTED.load(Ordering::Relaxed) {
            std::thread::sleep(POLL);
        }
    }
}

/// Something that a repo does not go on with.
#[derive(Debug)]
pub struct Hold(PathBuf);

impl Hold {
    /// It is about to be done.
    ///
    /// # Errors
    /// When it is not, until the deadline.
    pub fn begun(&self) -> Outcome {
        let begun = self.0.with_added_extension("begun");
        wait_for(&format!("{} to begin", self.0.display()), || Ok(begun.exists().then_some(())))
    }

    /// It goes on, and whoever comes later is not held.
    ///
    /// # Errors
    /// When nobody waits.
    pub fn release(self) -> Outcome {
        // Whoever reads has begun already, so this does not wait.
        std::fs::write(&self.0, "")?;
        Ok(std::fs::remove_file(&self.0)?)
    }

    /// Nobody is held any more. Who was has gone.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn forget(self) -> Outcome {
        Ok(std::fs::remove_file(&self.0)?)
    }
}

fn text_of(answer: &serde_json::Value) -> &str {
    text(answer, "token")
}

/// What Gitea is told: all on this machine and in `home`, and no mail, ssh or service of others.
fn settings(url: &str, port: u16, home: &Path, share: &Path) -> String {
    let home = home.display();
    let share = share.display();
    // Gitea does not want to be root; in a container there may be nobody else.
    let root = rustix::process::geteuid().is_root();
    format!(
        "\
RUN_MODE = prod
WORK_PATH = {home}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = {root}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = {url}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {share}
[database]
DB_TYPE = sqlite3
PATH = {home}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = for-tests-only
INTERNAL_TOKEN = for-tests-only
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[repository]
ROOT = {home}/repos
DEFAULT_BRANCH = main
[actions]
ENABLED = true
[log]
MODE = file
LEVEL = Info
[cron]
ENABLED = false
[indexer]
STARTUP_TIMEOUT = 0
[queue]
TYPE = channel
[mailer]
ENABLED = false
"
    )
}

/// Runs a program to its end. Returns what it said on stdout.
///
/// # Errors
/// When it cannot be started, or fails; then with all that it said.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(std::process::Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    Err(format!(
        "{words:?} failed ({})\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
