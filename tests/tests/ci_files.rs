//! What `ocuroot init` writes for each CI platform works there, as far as that can be seen without one:
//! the platform's published schema or linter accepts the files, and the scripts in them, run by a shell
//! with the platform's variables set, release, start work and do it.
//!
//! The remote is a bare repo on this disk under the name that it would have on the platform's host; the
//! platform's API is a server in this process that notes what it is asked.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Must turn up nowhere.
const GIT_TOKEN: &str = "token-for-git-0123456789";
const TRIGGER_TOKEN: &str = "robot:token-for-triggers-0123456789";

/// Platforms that publish pages.
const PAGES: [&str; 4] = ["github", "gitea", "forgejo", "gitlab"];

/// A file's scripts, in the order in which the platform runs them, with the variables that the file sets.
type Scripts = Vec<(BTreeMap<String, String>, String)>;

/// One of the ways in which CI starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Release,
    Work,
    Intent,
    Dashboard,
}

impl Entry {
    fn name(self) -> &'static str {
        match self {
            Entry::Release => "release",
            Entry::Work => "work",
            Entry::Intent => "intent",
            Entry::Dashboard => "dashboard",
        }
    }
}

/// A repo that was set up for a platform, its remote, and the platform's API.
struct Site {
    folder: tempfile::TempDir,
    platform: &'static str,
    /// `http://127.0.0.1:1234`: the repo's host, and its API.
    origin: String,
    /// What the API answers.
    status: Arc<Mutex<&'static str>>,
    asked: Receiver<String>,
    trigger_token: &'static str,
}

/// A server that answers everything with `status`, and what it was asked.
fn server(status: Arc<Mutex<&'static str>>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).expect("a request");
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request);
                let length = text
                    .to_lowercase()
                    .split_once("content-length: ")
                    .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                if read == 0 || body.is_some_and(|body| body >= length.unwrap_or(0)) {
                    break;
                }
            }
            let status = *status.lock().expect("a status");
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("an answer");
            if sender.send(String::from_utf8_lossy(&request).into_owned()).is_err() {
                return;
            }
        }
    });
    (origin, asked)
}

impl Site {
    /// A repo as a new user has it after `init`, a commit and a push.
    fn new(platform: &'static str) -> Site {
        let status = Arc::new(Mutex::new("204 No Content"));
        let (origin, asked) = server(Arc::clone(&status));
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site { folder, platform, origin, status, asked, trigger_token: TRIGGER_TOKEN };
        fs::create_dir_all(site.path("bin")).expect("a folder for the binary");
        std::os::unix::fs::symlink(ocuroot(), site.path("bin/ocuroot")).expect("a link to the binary");
        site.git("", &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        for (name, value) in
            [("receive.advertisePushOptions", "true"), ("uploadpack.allowAnySHA1InWant", "true")]
        {
            site.git("remote.git", &["config", name, value]);
        }
        site.git("", &["init", "-q", "-b", "main", "repo"]);
        site.git("repo", &["remote", "add", "origin", &site.url()]);
        site.write("repo/Makefile", "all:\n\t@echo made it\n");
        let mut words = vec!["init", "--ci", platform];
        if PAGES.contains(&platform) {
            words.push("--dashboard");
        }
        let printed = site.ok("repo", &words);
        fs::create_dir_all(site.path("bundle")).expect("a folder");
        site.write("bundle/index.html", "<meta content=\"connect-src 'self'; base-uri 'none'\">");
        // The page that it leads to is there.
        let page = printed.rsplit("/docs/ci/").next().expect("a page");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci").join(page).is_file(), "{printed}");
        // What a user does who has a server of their own.
        let api = fs::read_to_string(site.path("repo/repo.ocu.star")).expect("repo.ocu.star");
        let api = ["https://circleci.com", "https://api.buildkite.com"]
            .iter()
            .fold(api, |text, server| text.replace(server, &site.origin));
        site.write("repo/repo.ocu.star", &api);
        // From here on, the host's name leads to the folder.
        let remote = site.path("remote.git");
        site.write("gitconfig", &format!("[url \"{}\"]\n\tinsteadOf = {}\n", remote.display(), site.url()));
        site.git("repo", &["add", "--all"]);
        site.git("repo", &["commit", "-q", "-m", "Set up Ocuroot"]);
        if platform == "github" {
            // As `init` says: there a job may not write the first commit of intent.
            site.ok("repo", &["release", "new", "environments.ocu.star"]);
        }
        site.git("repo", &["push", "-q", "origin", "HEAD"]);
        site
    }

    fn url(&self) -> String {
        format!("{}/acme/shop.git", self.origin)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).expect("a file");
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(std::env::split_paths(&path)));
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", path.expect("a PATH"))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            .stdin(Stdio::null());
        command
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.command("git", &self.path(folder)).args(arguments).output().expect("git");
        said(&format!("git {arguments:?}"), &output)
    }

    fn ok(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.command("ocuroot", &self.path(folder)).args(arguments).output().expect("ocuroot");
        said(&format!("ocuroot {arguments:?}"), &output)
    }

    /// What the platform does: gets `commit` of `branch`, where it does that itself, and runs the scripts.
    /// Returns everything that they print.
    fn job(&self, entry: Entry, branch: &str, commit: &str) -> Result<String, String> {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let job = folder.path();
        // The file is that of the branch; its jobs may get another commit.
        let read = |path: &str| self.git("remote.git", &["show", &format!("{branch}:{path}")]);
        let scripts = self.scripts(entry, commit, &read);
        let by_hand = matches!(self.platform, "gitea" | "forgejo");
        if !by_hand {
            self.git(
                &job.to_string_lossy(),
                &["clone", "-q", "--depth", "1", "--branch", branch, &self.url(), "."],
            );
            if self.platform == "github" || (self.platform == "buildkite" && entry == Entry::Work) {
                self.git(&job.to_string_lossy(), &["fetch", "-q", "--depth", "1", "origin", commit]);
                self.git(&job.to_string_lossy(), &["checkout", "-q", "--detach", commit]);
            }
        }
        let mut printed = String::new();
        for (variables, script) in scripts {
            let mut command = self.command("bash", job);
            command.args(["-e", "-o", "pipefail", "-c", &script]).env("CI", "true");
            command.env("GITHUB_PATH", self.path("github-path"));
            command.env("RUNNER_TOOL_CACHE", self.path("home/tools"));
            command.env("CI_PROJECT_DIR", job).env("CI_JOB_TOKEN", GIT_TOKEN);
            command.env("JENKINS_URL", format!("{}/", self.origin));
            command.env("OCUROOT_TRIGGER_TOKEN", self.trigger_token);
            // What a release of the tool has in it.
            command.env("OCUROOT_BUNDLE_DIR", self.path("bundle"));
            // Where the platform hands a job's token over by itself, nobody sets one.
            if self.platform != "gitlab" {
                command.env("OCUROOT_GIT_TOKEN", GIT_TOKEN);
            }
            if entry == Entry::Work && !matches!(self.platform, "github" | "gitea" | "forgejo") {
                command.env("OCUROOT_COMMIT", commit);
            }
            for (name, value) in variables {
                let value = value.replace("$CI_PROJECT_DIR", &job.to_string_lossy());
                command.env(name, value.replace("/home/", &format!("{}/", self.path("home").display())));
            }
            let output = command.output().expect("bash");
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            printed.push_str(&text);
            for secret in [GIT_TOKEN, TRIGGER_TOKEN] {
                assert!(!printed.contains(secret), "{} {entry:?} prints a token:\n{printed}", self.platform);
            }
            if !output.status.success() {
                return Err(printed);
            }
        }
        Ok(printed)
    }

    /// The scripts of an entry, out of the file that the platform reads.
    fn scripts(&self, entry: Entry, commit: &str, read: &dyn Fn(&str) -> String) -> Scripts {
        match self.platform {
            "github" | "gitea" | "forgejo" => {
                let path = format!(".{}/workflows/ocuroot-{}.yml", self.platform, entry.name());
                actions(&yaml(&read(&path)), commit)
            }
            "gitlab" => {
                let file = yaml(&read(".gitlab-ci.yml"));
                let variables = texts(&file[".ocuroot"]["variables"]);
                let job = match entry {
                    Entry::Dashboard => "pages".to_owned(),
                    other => format!("ocuroot {}", other.name()),
                };
                let job = &file[job];
                let lines = [&file[".ocuroot"]["before_script"], &job["script"]].into_iter().flat_map(list);
                vec![(variables, lines.map(text).collect::<Vec<_>>().join("\n"))]
            }
            "circleci" => {
                let file = yaml(&read(".circleci/config.yml"));
                let workflow = &file["workflows"][entry.name()]["jobs"][0]["ocuroot"];
                let mut variables = texts(&file["jobs"]["ocuroot"]["environment"]);
                let given = if entry == Entry::Work { commit } else { "" };
                variables.insert("OCUROOT_COMMIT".to_owned(), given.to_owned());
                let steps = list(&file["jobs"]["ocuroot"]["steps"]).into_iter();
                let scripts = steps.filter_map(|step| step["run"]["command"].as_str());
                let command = text(&workflow["command"]);
                scripts
                    .map(|script| (variables.clone(), script.replace("<< parameters.command >>", &command)))
                    .collect()
            }
            "buildkite" => {
                let file = yaml(&read(".buildkite/ocuroot.yml"));
                let label = format!("ocuroot {}", entry.name());
                let steps = list(&file["steps"]).into_iter().filter(|step| step["label"] == label.as_str());
                steps.map(|step| (BTreeMap::new(), text(&step["command"]).replace("$$", "$"))).collect()
            }
            "jenkins" => {
                let file = read("Jenkinsfile");
                let stage = format!("stage('{}')", entry.name());
                let (_, stage) = file.split_once(&stage).expect("the stage");
                let (_, script) = stage.split_once("sh '''").expect("its script");
                let (script, _) = script.split_once("'''").expect("its end");
                assert!(!script.contains('\\'), "Groovy reads backslashes itself");
                vec![(BTreeMap::new(), format!("set -x\n{script}"))]
            }
            other => panic!("no platform {other}"),
        }
    }

    /// Refs of what is deployed, as state has it.
    fn deployed(&self) -> Vec<String> {
        let lines = self.ok("repo", &["state", "match", "**/@/deploy/*"]);
        lines.lines().map(|line| line.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }
}

fn said(what: &str, output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {stdout}{stderr}");
    stdout.trim_end().to_owned()
}

/// The steps of a workflow, with the expressions that ours use filled in.
fn actions(file: &Value, commit: &str) -> Scripts {
    let jobs = file["jobs"].as_object().expect("jobs");
    let job = jobs.values().next().expect("a job");
    let evaluated = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").expect("an end");
            out.push_str(before);
            out.push_str(match expression.trim() {
                "github.sha" | "inputs.commit" => commit,
                "github.token" | "secrets.OCUROOT_GIT_TOKEN || github.token" => GIT_TOKEN,
                "secrets.OCUROOT_TRIGGER_TOKEN || github.token" => TRIGGER_TOKEN,
                other => panic!("this test knows no {other}"),
            });
            rest = after;
        }
        out + rest
    };
    let mut scripts = Vec::new();
    for step in list(&job["steps"]) {
        let Some(script) = step["run"].as_str() else { continue };
        let mut variables = texts(&job["env"]);
        variables.extend(texts(&step["env"]));
        let variables = variables.into_iter().map(|(name, value)| (name, evaluated(&value))).collect();
        // An expression in a script would be code.
        assert!(!script.contains("${{"), "{script}");
        scripts.push((variables, script.to_owned()));
    }
    scripts
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map(|list| list.iter().collect()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// The binary: `OCUROOT_BIN`, or the one that was built into the folder that this test is in.
fn ocuroot() -> PathBuf {
    if let Some(binary) = std::env::var_os("OCUROOT_BIN") {
        return PathBuf::from(binary);
    }
    let test = std::env::current_exe().expect("the path of this test");
    let binary = test.ancestors().nth(2).expect("a target folder above it").join("ocuroot");
    assert!(binary.is_file(), "there is no {}; cargo build --package ocuroot", binary.display());
    binary
}

/// From a push to a changed intent, and from there to the work that it starts.
fn works(platform: &'static str, api: &str) -> Site {
    let site = Site::new(platform);
    let commit = site.git("repo", &["rev-parse", "HEAD"]);

    let printed = site.job(Entry::Release, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
    assert!(printed.contains("made it"), "{printed}");
    assert_eq!(site.deployed(), ["production", "staging"], "{printed}");
    assert_eq!(site.asked.try_recv().ok(), None, "a release starts nothing else");

    // Again for the same commit: nothing is released twice.
    let printed = site.job(Entry::Release, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
    assert_eq!(site.ok("repo", &["release", "list", "release.ocu.star"]).lines().count(), 2, "{printed}");

    let qa = r#"{"name": "qa", "attributes": {"type": "staging"}}"#;
    site.ok("repo", &["state", "set", "@/environment/qa", qa, "-f", "json"]);
    let tip = site.git("remote.git", &["rev-parse", "ocuroot/intent"]);
    let printed =
        site.job(Entry::Intent, "ocuroot/intent", &tip).unwrap_or_else(|printed| panic!("{printed}"));
    let request = site.asked.try_recv().unwrap_or_else(|_| panic!("nothing was started:\n{printed}"));
    assert!(request.starts_with(&format!("POST {api} HTTP")), "{request}");
    let token = if platform == "jenkins" {
        "cm9ib3Q6dG9rZW4tZm9yLXRyaWdnZXJzLTAxMjM0NTY3ODk="
    } else {
        TRIGGER_TOKEN
    };
    assert!(request.contains(token) && request.contains(&commit), "{request}");

    let printed = site.job(Entry::Work, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
    assert_eq!(site.deployed(), ["production", "qa", "staging"], "{printed}");
    site.ok("repo", &["state", "check"]);

    let gone = "1234567890123456789012345678901234567890";
    if !matches!(platform, "github" | "buildkite") {
        let printed = site.job(Entry::Work, "main", gone).expect_err("a commit that is gone");
        assert!(
            printed.contains(&format!("{gone} cannot be fetched: it is gone from acme/shop")),
            "{printed}"
        );
    }
    let history = site.git("remote.git", &["log", "--all", "--patch"]);
    for secret in [GIT_TOKEN, TRIGGER_TOKEN] {
        assert!(!history.contains(secret), "{platform}: a token is committed");
    }
    site
}

/// No token, and one without rights: the job says which right is missing, and fails.
fn refused(mut site: Site, right: &str) {
    let tip = site.git("remote.git", &["rev-parse", "ocuroot/intent"]);
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        *site.status.lock().expect("a status") = status;
        let printed = site.job(Entry::Intent, "ocuroot/intent", &tip).expect_err("no right");
        let expected = format!("{status}: the token in OCUROOT_TRIGGER_TOKEN needs {right}");
        assert!(printed.contains(&expected), "{printed}");
    }
    // Elsewhere the platform hands one over in any case.
    if matches!(site.platform, "circleci" | "buildkite" | "jenkins") {
        site.trigger_token = "";
        let printed = site.job(Entry::Intent, "ocuroot/intent", &tip).expect_err("no token");
        assert!(printed.contains("OCUROOT_TRIGGER_TOKEN"), "{printed}");
    }
}

#[test]
fn github() {
    let site = works("github", "/api/v3/repos/acme/shop/actions/workflows/ocuroot-work.yml/dispatches");
    refused(site, "the right actions:write on acme/shop");
}

#[test]
fn gitea() {
    let site = works("gitea", "/api/v1/repos/acme/shop/actions/workflows/ocuroot-work.yml/dispatches");
    refused(site, "the right write:repository on acme/shop");
}

#[test]
fn forgejo() {
    let _ = works("forgejo", "/api/v1/repos/acme/shop/actions/workflows/ocuroot-work.yml/dispatches");
}

#[test]
fn gitlab() {
    let site = works("gitlab", "/api/v4/projects/acme%2Fshop/trigger/pipeline");
    refused(site, "the right to start pipelines of acme/shop");
}

#[test]
fn circleci() {
    let site = works("circleci", "/api/v2/project/gh/acme/shop/pipeline");
    refused(site, "the right to start pipelines of acme/shop");
}

#[test]
fn buildkite() {
    let site = works("buildkite", "/v2/organizations/acme/pipelines/shop/builds");
    refused(site, "the right write_builds on acme/shop");
}

#[test]
fn jenkins() {
    let site = works("jenkins", "/job/shop/job/main/buildWithParameters");
    refused(site, "the right Job/Build on job/shop/job/main");
}

/// GitHub refuses workflow files that a job pushes, so a release without the branch says what to do.
#[test]
fn dashboards_are_published() {
    for platform in PAGES {
        let site = Site::new(platform);
        let commit = site.git("repo", &["rev-parse", "HEAD"]);
        let printed =
            site.job(Entry::Dashboard, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
        assert!(printed.contains("wrote the dashboard to public"), "{platform}: {printed}");
        if matches!(platform, "gitea" | "forgejo") {
            // Again: the branch is there by now.
            site.job(Entry::Dashboard, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
            let files = site.git("remote.git", &["ls-tree", "-r", "--name-only", "pages"]);
            assert_eq!(files, "index.html\nstores.json");
            let page = site.git("remote.git", &["show", "pages:index.html"]);
            let origin = &site.origin;
            assert!(page.contains(&format!("connect-src 'self' {origin};")), "{page}");
            assert_eq!(site.git("remote.git", &["rev-list", "--count", "pages"]), "1");
        }
    }
}

#[test]
fn github_without_the_branch_for_intent() {
    let site = Site::new("github");
    site.git("remote.git", &["branch", "-D", "ocuroot/intent"]);
    let commit = site.git("repo", &["rev-parse", "HEAD"]);
    let printed = site.job(Entry::Release, "main", &commit).expect_err("no branch");
    assert!(printed.contains("::error::ocuroot/intent is not there yet"), "{printed}");
    assert!(printed.contains("run once: ocuroot release new environments.ocu.star"), "{printed}");
}

/// The linter for each platform, and what it takes before the file.
const LINTERS: [(&str, &str, &[&str]); 6] = [
    // Without programs that may or may not be on this machine.
    ("github", "actionlint", &["-shellcheck=", "-pyflakes="]),
    ("gitea", "actionlint", &["-shellcheck=", "-pyflakes="]),
    ("forgejo", "actionlint", &["-shellcheck=", "-pyflakes=", "-ignore", "label \"docker\" is unknown"]),
    ("gitlab", "check-jsonschema", &["--builtin-schema", "vendor.gitlab-ci"]),
    ("circleci", "check-jsonschema", &["--builtin-schema", "vendor.circle-ci"]),
    ("buildkite", "check-jsonschema", &["--builtin-schema", "vendor.buildkite"]),
];

#[test]
fn linters_accept_the_files() {
    for (platform, linter, arguments) in LINTERS {
        if Command::new(linter).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
        {
            println!("skipped: {linter} is not on PATH, so the files for {platform} are not checked");
            continue;
        }
        let site = Site::new(platform);
        let commit = site.git("repo", &["rev-parse", "HEAD"]);
        site.job(Entry::Release, "main", &commit).unwrap_or_else(|printed| panic!("{printed}"));
        let mut checked = 0;
        for branch in ["main", "ocuroot/intent"] {
            let files = site.git("remote.git", &["ls-tree", "-r", "--name-only", branch]);
            for path in files.lines().filter(|path| path.ends_with(".yml") && path.starts_with('.')) {
                let text = site.git("remote.git", &["show", &format!("{branch}:{path}")]);
                let file = site.path("to-check.yml");
                fs::write(&file, &text).expect("a file");
                let output = Command::new(linter).args(arguments).arg(&file).output().expect("the linter");
                said(&format!("{linter} on {path}\n{text}"), &output);
                // It is really looked at.
                let broken = text.replace("jobs:", "jbos:").replace("command:", "comand: 1\n    x:");
                let broken = broken.replace("script:", "script: 1\n  scripts:");
                fs::write(&file, broken).expect("a file");
                let output = Command::new(linter).args(arguments).arg(&file).output().expect("the linter");
                assert!(!output.status.success(), "{linter} accepts anything");
                checked += 1;
            }
        }
        assert!(checked >= 2, "{platform}: {checked} files");
    }
}
