//! The user's own `git`, which reaches the remote: it knows their keys, helpers and proxies.
//!
//! It runs in the clone, with what the user has configured, except for what would get in the way
//! there: hooks, housekeeping at a bad moment, questions on the terminal.
//!
//! The userinfo of an HTTP remote may be a token. Git never sees it in the URL, which would stand in the
//! list of processes; a credential helper of ours takes it from the environment of that one command.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ocuroot_core::repo_config::{strip_userinfo, strip_userinfo_in};
use percent_encoding::percent_decode_str;

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
    // A server that says nothing for a minute will say nothing any more.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
];

/// Answers with what the environment holds.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$OCUROOT_STORE_USER\" \"$OCUROOT_STORE_PASSWORD\"; }; f";

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
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_CONFIG_PARAMETERS",
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
pub(super) fn elsewhere() -> Command {
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
    let mut settings: Vec<(String, String)> =
        SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let remote = match credentials(url) {
        None => url.to_owned(),
        Some((user, password)) => {
            command.env("OCUROOT_STORE_USER", user).env("OCUROOT_STORE_PASSWORD", password);
            let remote = strip_userinfo(url);
            // The first one empties the list: nobody else is asked about this remote.
            settings.extend(
                ["", HELPER].map(|helper| (format!("credential.{remote}.helper"), helper.to_owned())),
            );
            remote
        }
    };
    settings.push((format!("url.{remote}.insteadOf"), REMOTE.to_owned()));
    settings.push(("remote.origin.url".to_owned(), remote));
    let given = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse::<usize>().ok());
    let first = given.unwrap_or(0);
    for (index, (key, value)) in settings.iter().enumerate() {
        let number = first + index;
        command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.env("GIT_CONFIG_COUNT", (first + settings.len()).to_string());
    let began = std::time::Instant::now();
    let output = command.spawn().and_then(|mut child| {
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A git that ends early says why on stderr.
            let _ = pipe.write_all(text.as_bytes());
        }
        child.wait_with_output()
    });
    let output = output.map_err(StoreError::NoGit)?;
    let clean = |bytes: &[u8]| strip_userinfo_in(&String::from_utf8_lossy(bytes));
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

/// User and password of an HTTP URL; of a token alone, that as the user. None for one without, and for
/// other kinds of URLs, whose user is no secret.
fn credentials(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let (userinfo, _) = authority.rsplit_once('@')?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    matches!(scheme, "http" | "https").then(|| (decoded(user), decoded(password)))
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
    fn credentials_of_http_alone_are_taken_out() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (url, expected) in [
            ("https://ada:p%40ss@h/r.git", pair("ada", "p@ss")),
            ("http://TOKEN@h:80/r.git", pair("TOKEN", "")),
            ("https://h/r@x.git", None),
            ("ssh://git@h/r.git", None),
            ("git@h:o/r.git", None),
            ("/srv/r.git", None),
        ] {
            assert_eq!(credentials(url), expected, "{url}");
        }
    }

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
