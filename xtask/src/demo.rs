//! Shows the main job on `examples/shop`: release, approve, add and delete an environment, fail
//! and retry; and checks at each step that what should be live is what answers. It ends with the
//! dashboard of all that, which a person at a terminal may look at for as long as they like.
//!
//! The example is copied to `target/demo`, where it becomes a git repo of its own; nothing outside
//! that folder is written, and it stays until the next demo for looking around. Its servers are
//! told the process that owns them and end with it, so none outlives this program however it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bundle::{self, Profile};
use crate::project::{self, Failure, Outcome, Project};
use crate::setup;

/// What becomes of the example's servers when the demo ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    End,
    Keep,
}

/// Runs the demo.
///
/// # Errors
///
/// The first thing that was not as it should be.
pub(crate) fn run(project: &Project, servers: Servers) -> Outcome {
    let start = Instant::now();
    setup::run(project, setup::For::Demo)?;

    println!("Building the tool. The first time this takes some minutes: Starlark is compiled too.");
    project::run(&mut project.cargo("build --locked --package ocuroot"))?;

    let folder = project.target().join("demo");
    let _lock = lock(&project.target().join("demo.lock"))?;
    let demo = Demo::prepare(project, &folder, servers)?;
    let story = demo.tell(start).and_then(|()| demo.show(project));
    let end = match servers {
        Servers::End => demo.end_servers(),
        Servers::Keep => Ok(()),
    };
    story.and(end)
}

/// Shows CI: a push, pull requests and workflows, on a git host that lives as long as the demo. It is
/// what `tests/tests/ci.rs` tests, told.
///
/// # Errors
///
/// The first thing that was not as it should be.
pub(crate) fn on_a_git_host(project: &Project, host: Servers) -> Outcome {
    setup::run(project, setup::For::DemoCi)?;
    println!("Building the tool. The first time this takes some minutes: Starlark is compiled too.");
    project::run(&mut project.cargo("build --locked --package ocuroot"))?;
    let mut demo = project.cargo("run --locked --quiet --package ocuroot-tests --example ci");
    if host == Servers::Keep {
        demo.args(["--", "--keep"]);
    }
    // It takes this program's place, so that whoever ends this one ends it, and all that it has started.
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(&mut demo);
        Err(project::not_started(&demo, &error))
    }
    #[cfg(not(unix))]
    project::run(&mut demo)
}

/// One demo at a time. The system drops the lock with the process.
fn lock(path: &Path) -> Outcome<File> {
    let file = File::create(path).map_err(|e| project::file("create", path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::new(
            format!("another demo holds {}", path.display()),
            "wait for it to end, or end it",
        )),
        Err(std::fs::TryLockError::Error(e)) => Err(project::file("lock", path, &e)),
    }
}

const ENVIRONMENTS: &str = "environments.ocu.star";
const NETWORK: &str = "network/release.ocu.star";
const BACKEND: &str = "backend/release.ocu.star";
const FRONTEND: &str = "frontend/release.ocu.star";

struct Demo {
    shop: PathBuf,
    run: PathBuf,
    home: PathBuf,
    tool: PathBuf,
    path: std::ffi::OsString,
    servers: Servers,
}

impl Demo {
    /// Copies the example and makes it a repo with one commit.
    fn prepare(project: &Project, folder: &Path, servers: Servers) -> Outcome<Self> {
        let tool = format!("ocuroot{}", std::env::consts::EXE_SUFFIX);
        let demo = Self {
            shop: folder.join("shop"),
            run: folder.join("shop/.run"),
            home: folder.join("home"),
            tool: folder.join("bin").join(&tool),
            path: project.path(),
            servers,
        };
        if demo.run.exists() && demo.shop.join("lib/shop.mjs").exists() {
            demo.end_servers()?;
        }
        match std::fs::remove_dir_all(folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(project::file("remove", folder, &e));
            }
            _ => {}
        }
        // A copy: the next build may well be under way before the demo has ended.
        let built = project.target().join("debug").join(&tool);
        let bin = folder.join("bin");
        std::fs::create_dir_all(&bin).map_err(|e| project::file("create", &bin, &e))?;
        std::fs::copy(&built, &demo.tool).map_err(|e| project::file("copy", &built, &e))?;
        project::copy(&project.root().join("examples/shop"), &demo.shop)?;
        demo.git(&["init", "--quiet", "--initial-branch=main"])?;
        demo.commit("Open the shop")?;
        Ok(demo)
    }

    fn tell(&self, start: Instant) -> Outcome {
        say("The shop is a git repo with four release files. First, where it is to run.");
        self.ocuroot(&["release", "new", ENVIRONMENTS])?;
        self.ocuroot(&["state", "match", "@/environment/*"])?;

        say("The network gives each service a port in each environment. The others wait for it.");
        self.ocuroot(&["release", "new", NETWORK])?;
        self.ocuroot(&["state", "get", "./-/network/release.ocu.star/@/deploy/staging#output"])?;
        let took = project::duration(start.elapsed());
        println!("\n(The first release was done {took} after `cargo xtask demo`.)");

        say("The backend: built once, then staging, then production.");
        self.ocuroot(&["release", "new", BACKEND])?;
        self.expect_answer("backend", "staging", "backend 1.0.0-")?;
        self.expect_answer("backend", "production", "backend 1.0.0-")?;

        say("The frontend needs the network and the backend; production needs an approval too.");
        self.ocuroot(&["release", "new", FRONTEND])?;
        self.ocuroot(&["release", "list", FRONTEND])?;
        self.expect_answer("frontend", "staging", "served by backend 1.0.0-")?;
        self.expect_live("frontend", &["staging"])?;

        say("Approving is a change of intent, which the next `work` carries out.");
        let approval = "./-/frontend/release.ocu.star/@r1/custom/approve";
        self.ocuroot(&["state", "set", approval, "yes"])?;
        self.ocuroot(&["state", "diff"])?;
        self.ocuroot(&["work", "any"])?;
        self.expect_answer("frontend", "production", "served by backend 1.0.0-")?;
        self.expect_live("frontend", &["production", "staging"])?;

        say("A new environment is intent as well: every package follows it there.");
        let qa = r#"{"name":"qa","attributes":{}}"#;
        self.ocuroot(&["state", "set", "@/environment/qa", qa, "-f", "json"])?;
        self.ocuroot(&["work", "any", "--dryrun"])?;
        self.ocuroot(&["work", "any", "--comprehensive"])?;
        for package in ["backend", "frontend", "network"] {
            self.expect_live(package, &["production", "qa", "staging"])?;
        }
        let frontend = self.expect_answer("frontend", "qa", "served by backend 1.0.0-")?;
        let backend = self.expect_answer("backend", "qa", "backend 1.0.0-")?;

        say("And when it goes, everything in it goes.");
        self.ocuroot(&["state", "delete", "@/environment/qa"])?;
        self.ocuroot(&["work", "any", "--comprehensive"])?;
        for package in ["backend", "frontend", "network"] {
            self.expect_live(package, &["production", "staging"])?;
        }
        expect_silence(&frontend)?;
        expect_silence(&backend)?;

        say("A second release of the backend fails in production, which stays as it was.");
        self.break_production()?;
        self.ocuroot_fails(&["release", "new", BACKEND])?;
        self.ocuroot(&["release", "list", BACKEND])?;
        self.expect_answer("backend", "staging", "backend 1.1.0-")?;
        self.expect_answer("backend", "production", "backend 1.0.0-")?;

        say("What was in the way is gone; the same release tries again where it failed.");
        self.mend_production()?;
        self.ocuroot(&["release", "retry", BACKEND])?;
        self.expect_answer("backend", "production", "backend 1.1.0-")?;
        self.expect_answer("frontend", "production", "served by backend 1.1.0-")?;

        say("What is deployed where:");
        let matrix = self.matrix()?;
        println!("{}", render(&matrix));
        let r = |name: &str| (name.to_owned(), "r1".to_owned());
        let both: BTreeMap<_, _> = [r("production"), r("staging")].into();
        let second = both.keys().map(|e| (e.clone(), "r2".to_owned())).collect();
        let expected: Matrix = [
            ("backend".to_owned(), second),
            ("frontend".to_owned(), both.clone()),
            ("network".to_owned(), both),
        ]
        .into();
        if matrix == expected {
            return Ok(());
        }
        Err(Failure::new("that is not what should be deployed", format!("expected:\n{}", render(&expected))))
    }

    /// Shows the dashboard, if there is somebody to see it until they have seen enough.
    fn show(&self, project: &Project) -> Outcome {
        say("The dashboard: all of that, as a page. It is built first.");
        let bundle = bundle::run(project, Profile::Dev)?;
        prompt("ocuroot", &["state", "view"]);
        let mut view = self.tool(&["state", "view"]);
        view.env("OCUROOT_BUNDLE_DIR", bundle);
        let mut view = Ending::start(&view)
            .map_err(|e| Failure::new(format!("ocuroot could not be started: {e}"), "build it"))?;
        let mut url = String::new();
        if let Some(stdout) = view.child.stdout.as_mut() {
            let _ = BufReader::new(stdout).read_line(&mut url);
        }
        let url = url.trim();
        for (path, part) in [("", "<title>Ocuroot"), ("api/state/head", "\"commit\"")] {
            let answer = get(url, path).unwrap_or_else(|error| error.to_string());
            if !answer.contains(part) {
                return Err(Failure::new(
                    format!("the dashboard at {url}{path} should answer with `{part}`: {answer}"),
                    format!("run `ocuroot state view` in {}", self.shop.display()),
                ));
            }
        }
        let is_watched = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let stays = is_watched || self.servers == Servers::Keep;
        self.look_around(self.servers);
        println!("\n{url}");
        if !stays {
            println!("(It answers, and was ended: nobody is at a terminal. `--keep` leaves it there.)");
            return Ok(());
        }
        println!("The dashboard is there until Ctrl-C, and follows what is released meanwhile.");
        let _ = view.child.wait();
        Ok(())
    }

    fn look_around(&self, servers: Servers) {
        println!("\nLook around:");
        println!("  cd {}", self.shop.display());
        println!("  export PATH={}:$PATH", self.tool.parent().unwrap_or(&self.shop).display());
        println!("  ocuroot state match '**'        every document there is");
        println!("  ocuroot release show {BACKEND}/@r2");
        println!("  less README.md                  what the example's files say");
        match servers {
            Servers::Keep => println!(
                "The servers still run; `node lib/shop.mjs stop-all` there ends them, and so does the next demo."
            ),
            Servers::End => {
                println!("The servers end with this demo; `cargo xtask demo --keep` leaves them running.");
            }
        }
    }

    /// A program in the shop, shielded from the user's own settings.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            let foreign = ["GIT_", "OCU_", "OCUROOT_", "OTEL_", "ENABLE_OTEL"];
            if foreign.iter().any(|prefix| name_text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(&self.shop)
            .env("PATH", &self.path)
            .env("OCUROOT_HOME", &self.home)
            .env("SHOP_RUN", &self.run)
            .env("GIT_CONFIG_GLOBAL", self.home.join("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            // Ends the search for a repo at the copy: above it is the project's own.
            .env("GIT_CEILING_DIRECTORIES", self.shop.parent().unwrap_or(&self.shop));
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Demo")
                .env(format!("GIT_{role}_EMAIL"), "demo@localhost");
        }
        if self.servers == Servers::End {
            command.env("SHOP_OWNER", std::process::id().to_string());
        }
        command
    }

    fn git(&self, arguments: &[&str]) -> Outcome {
        project::run(self.command("git").args(arguments))
    }

    fn commit(&self, subject: &str) -> Outcome {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", subject])
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.tool);
        command.args(arguments);
        command
    }

    fn ocuroot(&self, arguments: &[&str]) -> Outcome {
        prompt("ocuroot", arguments);
        project::run(&mut self.tool(arguments))
    }

    fn ocuroot_fails(&self, arguments: &[&str]) -> Outcome {
        prompt("ocuroot", arguments);
        let mut command = self.tool(arguments);
        let status = command
            .status()
            .map_err(|e| Failure::new(format!("ocuroot could not be started: {e}"), "build it"))?;
        match status.code() {
            Some(1) => {
                println!("(exit 1, as it should)");
                Ok(())
            }
            _ => Err(Failure::new(
                format!("this should have failed with exit 1: {status}"),
                "see its output above",
            )),
        }
    }

    /// What `state get` says of a field that is a string.
    fn string(&self, reference: &str) -> Outcome<String> {
        let said = project::output(&mut self.tool(&["state", "get", reference]))?;
        Ok(said.trim().trim_matches('"').to_owned())
    }

    /// The release that is live for each package in each environment, as state has it.
    fn matrix(&self) -> Outcome<Matrix> {
        let mut matrix = Matrix::new();
        let refs = project::output(&mut self.tool(&["state", "match", "**/@/deploy/*"]))?;
        for reference in refs.lines() {
            let (package, environment) = reference
                .strip_prefix("shop/-/")
                .and_then(|rest| rest.split_once("/release.ocu.star/@/deploy/"))
                .ok_or_else(|| {
                    Failure::new(
                        format!("`state match` printed an odd ref: {reference}"),
                        "a deployment looks like shop/-/backend/release.ocu.star/@/deploy/staging",
                    )
                })?;
            let release = self.string(&format!("{reference}#release"))?;
            let release = release.rsplit('@').next().unwrap_or_default().to_owned();
            let row = matrix.entry(package.to_owned()).or_default();
            row.insert(environment.to_owned(), release);
        }
        Ok(matrix)
    }

    fn expect_live(&self, package: &str, environments: &[&str]) -> Outcome {
        let matrix = self.matrix()?;
        let live: Vec<&str> =
            matrix.get(package).into_iter().flat_map(|row| row.keys().map(String::as_str)).collect();
        if live == environments {
            return Ok(());
        }
        Err(Failure::new(
            format!("{package} is live in {live:?} and should be in {environments:?}"),
            format!("look around in {}", self.shop.display()),
        ))
    }

    /// Asks the server itself, and returns its address.
    fn expect_answer(&self, package: &str, environment: &str, part: &str) -> Outcome<String> {
        let url =
            self.string(&format!("./-/{package}/release.ocu.star/@/deploy/{environment}#output/url"))?;
        println!("\n$ curl {url}");
        let answer =
            get(&url, "").map_err(|e| Failure::new(format!("{url} does not answer: {e}"), self.advice()))?;
        println!("{}", answer.trim_end());
        let from_there = answer.contains(&format!(" in {environment}"));
        if from_there && answer.contains(part) {
            return Ok(url);
        }
        Err(Failure::new(format!("{package} in {environment} should answer with `{part}…`"), self.advice()))
    }

    fn advice(&self) -> String {
        format!("the servers' logs are in {}", self.run.display())
    }

    fn break_production(&self) -> Outcome {
        println!(
            "\n$ echo 1.1.0 > backend/VERSION; git commit --all --message 'Sell more'; touch .run/fail-production"
        );
        project::write(&self.shop.join("backend/VERSION"), "1.1.0\n")?;
        self.commit("Sell more")?;
        project::write(&self.run.join("fail-production"), "")
    }

    fn mend_production(&self) -> Outcome {
        println!("\n$ rm .run/fail-production");
        let path = self.run.join("fail-production");
        std::fs::remove_file(&path).map_err(|e| project::file("remove", &path, &e))
    }

    fn end_servers(&self) -> Outcome {
        project::output(self.command("node").args(["lib/shop.mjs", "stop-all"])).map(drop)
    }
}

/// Package → environment → release.
type Matrix = BTreeMap<String, BTreeMap<String, String>>;

fn render(matrix: &Matrix) -> String {
    let environments: BTreeSet<&str> =
        matrix.values().flat_map(|row| row.keys().map(String::as_str)).collect();
    let widest = |names: &mut dyn Iterator<Item = &str>| names.map(str::len).max().unwrap_or(0);
    let first = widest(&mut matrix.keys().map(String::as_str));
    let width = widest(&mut environments.iter().copied()).max(2);
    let mut lines = vec![format!("  {:first$}", "")];
    lines.extend(matrix.keys().map(|package| format!("  {package:first$}")));
    for environment in &environments {
        let cells = std::iter::once(*environment)
            .chain(matrix.values().map(|row| row.get(*environment).map_or("-", String::as_str)));
        for (line, cell) in lines.iter_mut().zip(cells) {
            *line += &format!("  {cell:width$}");
        }
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

fn say(text: &str) {
    println!("\n── {text}");
}

fn prompt(program: &str, arguments: &[&str]) {
    println!("\n$ {}", project::words(Command::new(program).args(arguments)));
}

/// Runs a program until it ends, or whoever started this shell has gone: then nobody holds the other end
/// of its standard input.
const GUARD: &str = r#"exec 3<&0; "$@" 3<&- & it=$!
{ read -r _ <&3; kill $it; } & guard=$!
wait $it; code=$?; kill $guard 2>/dev/null; exit $code"#;

/// A process that ends with whoever has it, or with this program, however that ends. What it prints can be
/// read.
struct Ending {
    child: Child,
    /// What its guard reads, apart from the child: waiting for that would close it.
    held: Option<ChildStdin>,
}

impl Ending {
    fn start(command: &Command) -> std::io::Result<Self> {
        let mut guarded = if cfg!(unix) { Command::new("sh") } else { Command::new(command.get_program()) };
        if cfg!(unix) {
            guarded.args(["-c", GUARD, "sh"]).arg(command.get_program());
        }
        guarded.args(command.get_args()).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        // Ctrl-C is for this program; what it has started ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut guarded, 0);
        let mut child = guarded.spawn()?;
        Ok(Self { held: child.stdin.take(), child })
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.held.take());
        if !cfg!(unix) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The body that a server on this machine answers with, at a path below its address.
fn get(url: &str, path: &str) -> std::io::Result<String> {
    let port = url
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix('/'))
        .and_then(|port| port.parse::<u16>().ok())
        .ok_or_else(|| std::io::Error::other("not an address of this machine"))?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // HTTP/1.0: the answer ends where the connection does, without chunks.
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(body.unwrap_or_default().to_owned())
}

fn expect_silence(url: &str) -> Outcome {
    println!("\n$ curl {url}");
    match get(url, "") {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
            println!("(nobody answers, as it should be)");
            Ok(())
        }
        other => Err(Failure::new(
            format!("nobody should answer at {url}: {other:?}"),
            "its server should have been ended by the deployment's `down`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the next test runs and ends.
    #[cfg(unix)]
    #[test]
    #[ignore = "runs until it is ended"]
    fn it_holds_a_server() {
        let mut server = Command::new("sh");
        server.args(["-c", "echo $$; exec tail -f /dev/null >/dev/null"]);
        let mut server = Ending::start(&server).unwrap();
        let mut pid = String::new();
        BufReader::new(server.child.stdout.as_mut().unwrap()).read_line(&mut pid).unwrap();
        println!("pid: {}", pid.trim());
        server.child.wait().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_server_ends_with_a_program_that_is_ended() {
        let mut holder = Command::new(std::env::current_exe().unwrap());
        holder.args(["--ignored", "--exact", "--nocapture", "demo::tests::it_holds_a_server"]);
        let holder = holder.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
        let pid = lines.find_map(|line| Some(line.split_once("pid: ")?.1.to_owned())).unwrap();
        let kill = |signal: &str, pid: &str| Command::new("kill").args([signal, pid]).output().unwrap();
        assert!(kill("-0", &pid).status.success());
        kill("-TERM", &holder.id().to_string());
        assert!(!holder.wait().unwrap().success());
        // Ends when nobody is left who could write there.
        holder.stderr.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        assert!(!kill("-0", &pid).status.success());
    }

    #[test]
    fn a_matrix_has_a_column_for_each_environment() {
        let row =
            |cells: &[(&str, &str)]| cells.iter().map(|(e, r)| ((*e).to_owned(), (*r).to_owned())).collect();
        let matrix: Matrix = [
            ("backend".to_owned(), row(&[("staging", "r2"), ("production", "r1")])),
            ("web".to_owned(), row(&[("staging", "r10")])),
        ]
        .into();
        let expected =
            "\n           production  staging\n  backend  r1          r2\n  web      -           r10";
        assert_eq!(render(&matrix), &expected[1..]);
    }
}
