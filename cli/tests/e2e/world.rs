//! A repo, a home and a store of their own for one test, and the command to try in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::Expect;

/// What a repo is configured as when its fixture does not say.
const CONFIG: &str = "repo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\n";

/// See the module.
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// Hashes of the commits that were made, oldest first.
    commits: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// What a command came to, with all that differs from one time to the next replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Run {
    /// Both streams and the exit code, as tests spell them: what a command prints on stdout, then
    /// below `--- stderr` the rest, then the code where it is not 0.
    pub(crate) fn text(&self) -> String {
        let mut text = self.stdout.clone();
        if !self.stderr.is_empty() {
            text.push_str("--- stderr\n");
            text.push_str(&self.stderr);
        }
        if self.code != 0 {
            text.push_str(&format!("--- exit {}\n", self.code));
        }
        text
    }
}

impl World {
    /// A repo with the files of `fixture`, committed. Each file begins with a line
    /// `-- path/of/it --`; `repo.ocu.star` is written where the fixture has none.
    pub(crate) fn new(fixture: &str) -> World {
        let mut world = World::bare();
        std::fs::create_dir_all(world.root()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        if !fixture.contains("-- repo.ocu.star --") {
            world.write("repo.ocu.star", CONFIG);
        }
        world.write(".gitignore", ".store\n");
        for (path, text) in sections(fixture) {
            world.write(&path, &text);
        }
        world.commit("first");
        world
    }

    /// A home, and no repo yet.
    pub(crate) fn bare() -> World {
        let folder = tempfile::Builder::new().prefix("e2e").tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("home")).unwrap();
        World { folder, commits: Vec::new(), environment: BTreeMap::new() }
    }

    /// With an environment variable for every command.
    pub(crate) fn with(mut self, name: &str, value: &str) -> World {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Where the repo is.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// What `OCUROOT_HOME` is.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home/.ocuroot")
    }

    /// Writes a file of the repo.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The text of a file of the repo; empty when it is not there.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap_or_default()
    }

    /// Commits everything, and returns the hash.
    pub(crate) fn commit(&mut self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        let hash = self.git(&["rev-parse", "HEAD"]);
        self.commits.push(hash.clone());
        hash
    }

    /// Runs git in the repo.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.root());
        self.isolate(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn isolate(&self, command: &mut Command) {
        let home = self.folder.path().join("home");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CEILING_DIRECTORIES", self.folder.path())
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .envs(&self.environment);
    }

    /// `ocuroot` with arguments, in a folder of the repo, not started yet.
    pub(crate) fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocuroot"));
        command.args(arguments).current_dir(self.root().join(folder)).stdin(Stdio::null());
        self.isolate(&mut command);
        command
    }

    /// What `ocuroot` with these arguments comes to, at the root of the repo.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_in("", arguments)
    }

    /// What it comes to in a folder of the repo.
    pub(crate) fn run_in(&self, folder: &str, arguments: &[&str]) -> Run {
        self.tidy(&self.command(folder, arguments).output().unwrap())
    }

    /// Compares what a command line comes to. Words are separated by spaces; `'a b'` is one.
    #[track_caller]
    pub(crate) fn check(&self, line: &str, expected: Expect) {
        self.check_in("", line, expected);
    }

    /// Like [`World::check`], in a folder of the repo.
    #[track_caller]
    pub(crate) fn check_in(&self, folder: &str, line: &str, expected: Expect) {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        expected.assert_eq(&self.run_in(folder, &words).text());
    }

    /// Runs a command line that has to succeed and whose output is of no interest.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> Run {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = self.run(&words);
        assert_eq!(run.code, 0, "ocuroot {line}\n{}", run.text());
        run
    }

    /// Output of a process, with what differs from one time to the next replaced.
    pub(crate) fn tidy(&self, output: &Output) -> Run {
        Run {
            stdout: self.tidy_text(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.tidy_text(&String::from_utf8_lossy(&output.stderr)),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// `$DIR` for the temporary folder, `<commit 1>` for the first commit that was made,
    /// `<time>` and `<took>`.
    pub(crate) fn tidy_text(&self, text: &str) -> String {
        let folder = self.folder.path();
        let mut text = text.replace(&*folder.canonicalize().unwrap().to_string_lossy(), "$DIR");
        text = text.replace(&*folder.to_string_lossy(), "$DIR");
        for (index, hash) in self.commits.iter().enumerate() {
            let name = format!("<commit {}>", index + 1);
            text = text.replace(hash, &name).replace(&hash[..10], &name).replace(&hash[..7], &name);
        }
        without_times(&text)
    }

    /// Every file of the store and what is in it, to see whether a command has changed anything.
    /// The lock file, which says who wrote last, is left out.
    pub(crate) fn store(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.root().join(".store"), &mut files);
        files.retain(|path, _| path.file_name().is_none_or(|name| name != ".ocuroot-lock"));
        files
    }

    /// Runs a command that may change nothing in the store, and compares what it comes to.
    #[track_caller]
    pub(crate) fn check_reads_only(&self, line: &str, expected: Expect) {
        let before = self.store();
        self.check(line, expected);
        assert!(before == self.store(), "ocuroot {line} changed the store");
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

/// The files of a fixture.
fn sections(fixture: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in fixture.lines() {
        match line.strip_prefix("-- ").and_then(|line| line.strip_suffix(" --")) {
            Some(path) => files.push((path.to_owned(), String::new())),
            None => {
                let (_, text) = files.last_mut().expect("a fixture begins with `-- path --`");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    files
}

/// The words of a command line.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').expect("a quote that ends"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// Times and durations, replaced.
fn without_times(text: &str) -> String {
    let mut tidy = String::new();
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        let words: Vec<String> = line.trim_end_matches('\n').split(' ').map(without_time).collect();
        tidy.push_str(&without_ages(words).join(" "));
        tidy.push_str(end);
    }
    tidy
}

/// "failed 2 s ago", whatever the number.
fn without_ages(words: Vec<String>) -> Vec<String> {
    let number = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let unit = |word: &String| matches!(word.trim_end_matches([',', ';', ':', '"']), "s" | "min");
    let mut tidy: Vec<String> = Vec::new();
    for word in words {
        match tidy.last_mut().filter(|last| number(last) && unit(&word)) {
            Some(last) => *last = format!("<age>{}", word.trim_start_matches(['s', 'm', 'i', 'n'])),
            None => tidy.push(word),
        }
    }
    tidy
}

fn without_time(word: &str) -> String {
    let inner = word.trim_matches(|c| matches!(c, '"' | ',' | '(' | ')'));
    let digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if inner.len() >= 20 && inner.as_bytes()[4] == b'-' && inner.as_bytes()[10] == b'T' {
        return word.replace(inner, "<time>");
    }
    match inner.strip_suffix('s') {
        Some(number) if digits(&number.replace('m', "")) => word.replace(inner, "<took>"),
        _ => word.to_owned(),
    }
}
