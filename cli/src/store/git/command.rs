//! The user's own `git`, which reaches the remote: it knows their keys, helpers and proxies.
//!
//! It runs in the clone, with what the user has configured, except for what would get in the way
//! there: hooks, housekeeping at a bad moment, questions on the terminal. The remote's URL may hold a
//! token, so it is handed over in the environment and neither on the command line nor in a file.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ocuroot_core::repo_config::strip_userinfo;

use super::super::error::{RemoteProblem, StoreError};

/// What is set for every command in a clone, besides the remote's URL.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.gpgSign", "false"),
    ("push.followTags", "false"),
    ("push.recurseSubmodules", "no"),
];

/// Variables that would send git to another repo than the clone, as they do inside a git hook.
const ELSEWHERE: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
];

/// What a command came to.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: String,
    /// Without the URL's userinfo.
    pub(super) stderr: String,
}

impl Answer {
    /// The answer's text on stdout.
    ///
    /// # Errors
    /// What the remote has to do with it, if the command failed.
    pub(super) fn or_problem(self, url: &str) -> Result<String, StoreError> {
        if self.success { Ok(self.stdout) } else { Err(problem(url, &self.stderr)) }
    }
}

/// Runs git in the clone at `folder` of the remote at `url`.
///
/// # Errors
/// When there is no git.
pub(super) fn git(
    folder: &Path,
    url: &str,
    arguments: &[&str],
    stdin: Option<&str>,
) -> Result<Answer, StoreError> {
    let mut command = elsewhere();
    command.env("GIT_DIR", folder);
    run(command, folder, url, arguments, stdin)
}

/// What stands for the remote's URL in the arguments of [`beside`].
pub(super) const REMOTE: &str = "ocuroot-remote:";

/// Runs git in a folder that is no clone.
///
/// # Errors
/// When there is no git.
pub(super) fn beside(folder: &Path, url: &str, arguments: &[&str]) -> Result<Answer, StoreError> {
    run(elsewhere(), folder, url, arguments, None)
}

/// A git that looks for its repo itself.
fn elsewhere() -> Command {
    let mut command = Command::new("git");
    for variable in ELSEWHERE {
        command.env_remove(variable);
    }
    command
}

fn run(
    mut command: Command,
    folder: &Path,
    url: &str,
    arguments: &[&str],
    stdin: Option<&str>,
) -> Result<Answer, StoreError> {
    command.current_dir(folder).args(arguments);
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    // What the environment configures stays, and ours is added behind it.
    let given = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse::<usize>().ok());
    let alias = format!("url.{url}.insteadOf");
    let settings = SETTINGS.iter().copied().chain([("remote.origin.url", url), (alias.as_str(), REMOTE)]);
    let mut count = given.unwrap_or(0);
    for (key, value) in settings {
        command.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
        count += 1;
    }
    command.env("GIT_CONFIG_COUNT", count.to_string());
    let began = std::time::Instant::now();
    let output = command.spawn().and_then(|mut child| {
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A git that ends early says why on stderr.
            let _ = pipe.write_all(text.as_bytes());
        }
        child.wait_with_output()
    });
    let output = output.map_err(StoreError::NoGit)?;
    let clean = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(url, &strip_userinfo(url));
    let answer = Answer {
        success: output.status.success(),
        stdout: clean(&output.stdout),
        stderr: clean(&output.stderr).trim().to_owned(),
    };
    tracing::debug!(
        url = strip_userinfo(url),
        status = %output.status,
        took = ?began.elapsed(),
        stderr = answer.stderr,
        "git {}",
        arguments.join(" ")
    );
    Ok(answer)
}

/// What git's words about a remote mean.
pub(super) fn problem(url: &str, stderr: &str) -> StoreError {
    let url = strip_userinfo(url);
    let message = reason(stderr);
    let says = |needles: &[&str]| needles.iter().any(|needle| stderr.contains(needle));
    let problem = if says(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "Permission denied (publickey",
        "Host key verification failed",
        "requested URL returned error: 401",
        "requested URL returned error: 403",
        "Invalid username or",
    ]) {
        RemoteProblem::Authentication(message)
    } else if says(&[
        "does not appear to be a git repository",
        "epository not found",
        "returned error: 404",
        "' not found",
        "does not exist",
        "not a git repository",
    ]) {
        RemoteProblem::NotFound(message)
    } else if says(&[
        "Could not resolve host",
        "Connection refused",
        "Connection timed out",
        "Connection reset",
        "Failed to connect",
        "Network is unreachable",
        "No route to host",
        "Operation timed out",
        "early EOF",
        "hung up unexpectedly",
        "Could not read from remote repository",
        "unable to access",
    ]) {
        RemoteProblem::Unreachable(message)
    } else {
        RemoteProblem::Other(message)
    };
    StoreError::Remote { url, problem }
}

/// The line of git's output that says what is the matter. What ssh says stands before git's own words,
/// which then only say that it did not work.
fn reason(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = |start: &str| {
        lines.iter().find_map(|line| {
            line.strip_prefix(start).filter(|rest| !rest.starts_with("Could not read from remote repository"))
        })
    };
    let line = said("fatal: ").or_else(|| said("error: ")).or_else(|| said("remote: "));
    let first = line.or_else(|| lines.first().copied()).unwrap_or("git gave no reason");
    first.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_a_remote_is_told_apart() {
        for (stderr, expected) in [
            (
                "fatal: Authentication failed for 'https://h/r.git/'",
                "authentication failed (Authentication failed for 'https://h/r.git/'). Give git",
            ),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                "authentication failed (could not read Username",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure",
                "authentication failed (git@h: Permission denied (publickey))",
            ),
            (
                "fatal: '/srv/x.git' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                "there is no repo that these credentials can see ('/srv/x.git' does not appear to be",
            ),
            (
                "fatal: unable to access 'http://127.0.0.1:1/x.git/': Failed to connect to 127.0.0.1 port 1",
                "it cannot be reached (unable to access 'http://127.0.0.1:1/x.git/': Failed to connect",
            ),
            ("", "git gave no reason"),
            ("error: something\nodd", "something"),
        ] {
            let error = problem("https://me:token@h/r.git", stderr).to_string();
            let start = "the store needs `git` access to https://h/r.git: ";
            assert!(error.starts_with(&format!("{start}{expected}")), "{stderr}: {error}");
        }
    }
}
