//! What the `git` executable knows of the repo that a command runs in.
//!
//! The user's own git is asked, because it is the one that knows their configuration.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ocuroot_core::documents::Remote;
use ocuroot_core::release::Commit;
use ocuroot_core::repo_config::{self, strip_userinfo, strip_userinfo_in};

use crate::interrupt;

/// Variables that tie git to one repo, as `git rev-parse --local-env-vars` lists them. A command that
/// runs in a git hook inherits them, and they must not reach other repos.
pub const TIES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` to run.
    #[error("cannot run `git`: {0}; install git and make sure that it is on PATH")]
    Missing(std::io::Error),
    /// Nothing is checked out.
    #[error("no commit is checked out in {folder}: {message}")]
    NoCommit {
        /// Where git looked.
        folder: String,
        /// What it says.
        message: String,
    },
    /// A name that git does not know.
    #[error("{revision} is no commit of this repo{}", if *.shallow { ", as far as this shallow checkout knows" } else { "" })]
    NoRevision {
        /// What was asked for.
        revision: String,
        /// Whether only a part of the history is here.
        shallow: bool,
    },
    /// Two commits of which the first does not come before the second.
    #[error("{start} does not come before {end} in the history")]
    NotBefore {
        /// The first.
        start: String,
        /// The second.
        end: String,
        /// Whether it is the other way round.
        backwards: bool,
    },
    /// A shallow checkout that lacks what is between two commits.
    #[error("this checkout is shallow, and lacks a part of the history between {start} and {end}")]
    CutOff {
        /// The first.
        start: String,
        /// The second.
        end: String,
    },
    /// Git ran and refused.
    #[error("`git {command}` failed in {folder}: {message}")]
    Failed {
        /// The arguments.
        command: String,
        /// Where it ran.
        folder: String,
        /// What it printed on stderr.
        message: String,
    },
}

/// `fatal: x` without what git says before it.
fn reason(message: &str) -> &str {
    message.strip_prefix("fatal: ").unwrap_or(message)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, GitError> {
    let output = Command::new("git").current_dir(folder).args(arguments).env("LC_ALL", "C").output();
    let output = output.map_err(GitError::Missing)?;
    tracing::debug!(folder = %folder.display(), status = %output.status, "git {}", arguments.join(" "));
    if !output.status.success() {
        return Err(GitError::Failed {
            command: arguments.join(" "),
            folder: folder.display().to_string(),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}

/// Runs git where it may take long, ask a server or run hooks. It ends when the user gives up.
fn slowly(folder: &Path, arguments: &[&str]) -> Result<(), GitError> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    for name in TIES {
        command.env_remove(name);
    }
    // With a terminal it stays in our group, so that it can ask for a password; without one it must
    // not try, and can be ended with all that it has started.
    let alone = cfg!(unix) && !std::io::stdin().is_terminal();
    if alone {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.env("GIT_TERMINAL_PROMPT", "0");
    }
    let (child, _registered) = interrupt::spawn(&mut command, alone).map_err(|error| {
        if error.kind() != std::io::ErrorKind::Interrupted {
            return GitError::Missing(error);
        }
        GitError::Failed {
            command: arguments.first().copied().unwrap_or_default().to_owned(),
            folder: folder.display().to_string(),
            message: "interrupted".to_owned(),
        }
    })?;
    let output = child.wait_with_output().map_err(GitError::Missing)?;
    // A URL may hold a token.
    let shown = arguments.iter().map(|argument| strip_userinfo(argument)).collect::<Vec<_>>().join(" ");
    tracing::debug!(folder = %folder.display(), status = %output.status, "git {shown}");
    if output.status.success() {
        return Ok(());
    }
    Err(GitError::Failed {
        command: shown,
        folder: folder.display().to_string(),
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// The commit that is checked out.
///
/// # Errors
/// When `folder` is in no git repo, or the repo has no commit.
pub fn head(folder: &Path) -> Result<Commit, GitError> {
    show(folder, "HEAD").map_err(|error| match error {
        GitError::Failed { folder, message, .. } if message.contains("bad revision") => {
            GitError::NoCommit { folder, message: "there is none yet".to_owned() }
        }
        GitError::Failed { folder, message, .. } => {
            GitError::NoCommit { folder, message: reason(&message).to_owned() }
        }
        missing => missing,
    })
}

/// The files that differ from what is checked out, untracked ones too, by their paths from the
/// root. Those of `own` are no change: this process writes them for others.
///
/// # Errors
/// When git cannot tell.
pub fn changed_files(root: &Path, own: &[PathBuf]) -> Result<Vec<String>, GitError> {
    let own = own.iter().filter_map(|path| path.strip_prefix(root).ok());
    let own: Vec<String> = own.map(|path| format!(":(exclude,literal){}", path.display())).collect();
    let mut arguments = vec!["status", "--porcelain"];
    if !own.is_empty() {
        arguments.extend(["--", ":/"]);
        arguments.extend(own.iter().map(String::as_str));
    }
    let status = git(root, &arguments)?;
    Ok(status.lines().filter_map(|line| Some(line.get(3..)?.to_owned())).collect())
}

/// The files of what is checked out in `folder`, by their paths from there.
///
/// # Errors
/// When nothing is checked out.
pub fn files(folder: &Path) -> Result<Vec<String>, GitError> {
    Ok(paths(&git(folder, &["ls-tree", "-r", "-z", "--name-only", "HEAD"])?))
}

/// The files in `folder` that differ between `commit` and what is checked out, also those that are gone,
/// by their paths from there.
///
/// # Errors
/// When git does not have the commit.
pub fn changed_since(folder: &Path, commit: &str) -> Result<Vec<String>, GitError> {
    Ok(paths(&git(folder, &["diff", "-z", "--name-only", "--no-renames", "--relative", commit, "HEAD"])?))
}

fn paths(list: &str) -> Vec<String> {
    list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// The top of the repo that `folder` is in, with its files checked out.
///
/// # Errors
/// When there is none.
pub fn top(folder: &Path) -> Result<PathBuf, GitError> {
    git(folder, &["rev-parse", "--show-toplevel"]).map(PathBuf::from)
}

/// The files of the repo at `top`, by their paths from there, also those that are not committed yet; what
/// is ignored is left out.
///
/// # Errors
/// When git cannot tell.
pub fn all_files(top: &Path) -> Result<Vec<String>, GitError> {
    Ok(paths(&git(top, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?))
}

/// The default branch of `origin`, as far as it is known here, else the branch that is checked out.
#[must_use]
pub fn main_branch(folder: &Path) -> Option<String> {
    let name = |of: &str| git(folder, &["symbolic-ref", "--quiet", "--short", of]).ok();
    let default = name("refs/remotes/origin/HEAD");
    default.and_then(|name| Some(name.strip_prefix("origin/")?.to_owned())).or_else(|| name("HEAD"))
}

/// Subject and author of a commit; empty where git does not have the commit.
#[must_use]
pub fn describe(folder: &Path, hash: &str) -> Commit {
    let known = show(folder, hash).unwrap_or_default();
    Commit { hash: hash.to_owned(), ..known }
}

fn show(folder: &Path, revision: &str) -> Result<Commit, GitError> {
    let text = git(
        folder,
        &["log", "-1", "--no-show-signature", "--format=%H%x00%s%x00%an", "--end-of-options", revision, "--"],
    )?;
    let mut parts = text.split('\0').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Ok(Commit { hash: next(), subject: next(), author: next() })
}

/// The commits from `start` to `end`, both included, by their full hashes and with parents first.
/// Commits that came in with a merge in between are among them.
///
/// # Errors
/// When git does not know one of them, the first does not come before the second, or the checkout is
/// too shallow to tell.
pub fn commits_between(folder: &Path, start: &str, end: &str) -> Result<Vec<String>, GitError> {
    let shallow = || git(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|is| is == "true");
    let commit = |revision: &str| {
        let wanted = format!("{revision}^{{commit}}");
        git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).map_err(|error| {
            match error {
                // Without a word, since it was asked to be quiet; else it is about more than the name.
                GitError::Failed { message, .. } if message.is_empty() => {
                    GitError::NoRevision { revision: revision.to_owned(), shallow: shallow() }
                }
                other => other,
            }
        })
    };
    let (first, last) = (commit(start)?, commit(end)?);
    let (start, end) = (start.to_owned(), end.to_owned());
    let is_before =
        |one: &str, other: &str| git(folder, &["merge-base", "--is-ancestor", one, other]).is_ok();
    if !is_before(&first, &last) {
        let backwards = is_before(&last, &first);
        return Err(match shallow() && !backwards {
            true => GitError::CutOff { start, end },
            false => GitError::NotBefore { start, end, backwards },
        });
    }
    let between = git(folder, &["rev-list", "--reverse", "--topo-order", &format!("{first}..{last}")])?;
    let commits: Vec<String> = std::iter::once(first.as_str())
        .chain(between.lines().filter(|line| !line.is_empty()))
        .map(str::to_owned)
        .collect();
    // Where history was cut off in between, what came in with a merge may be missing.
    let edge = git(folder, &["rev-parse", "--git-path", "shallow"])?;
    let edge = std::fs::read_to_string(folder.join(edge)).unwrap_or_default();
    let is_edge = |commit: &String| edge.lines().any(|line| line == commit);
    if commits.iter().skip(1).any(is_edge) {
        return Err(GitError::CutOff { start, end });
    }
    Ok(commits)
}

/// The URL that `origin` is fetched from.
///
/// # Errors
/// When there is no such remote.
pub fn origin(folder: &Path) -> Result<String, GitError> {
    git(folder, &["remote", "get-url", "origin"])
}

/// All remotes, in the order of their names. None where `folder` is in no git repo.
#[must_use]
pub fn remotes(folder: &Path) -> Vec<Remote> {
    let names = git(folder, &["remote"]).unwrap_or_default();
    let url = |name: &str, push: bool| {
        let arguments: &[&str] =
            if push { &["remote", "get-url", "--push", name] } else { &["remote", "get-url", name] };
        git(folder, arguments).unwrap_or_default()
    };
    names
        .lines()
        .map(|name| Remote { name: name.to_owned(), url: url(name, false), push_url: url(name, true) })
        .collect()
}

/// Whether git has the commit, or a remote gives it now.
#[must_use]
pub fn obtain(folder: &Path, commit: &str) -> bool {
    let fetch = |remote: &Remote| fetch_commit(folder, &remote.name, commit).is_ok();
    has_commit(folder, commit) || remotes(folder).iter().any(fetch)
}

fn has_commit(folder: &Path, commit: &str) -> bool {
    git(folder, &["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok()
}

/// Fetches one commit from a remote, unless it is there. A shallow repo stays shallow.
fn fetch_commit(folder: &Path, remote: &str, commit: &str) -> Result<(), GitError> {
    if has_commit(folder, commit) {
        return Ok(());
    }
    let shallow = git(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer == "true");
    let depth: &[&str] = if shallow { &["--depth=1"] } else { &[] };
    slowly(folder, &[&["fetch", "--quiet", "--no-tags"], depth, &[remote, commit]].concat())
}

/// How many bytes the files of a commit take when they are checked out; none where git does not know.
#[must_use]
pub fn tree_size(folder: &Path, commit: &str) -> u64 {
    let list = git(folder, &["ls-tree", "-r", "-l", "--full-tree", commit]).unwrap_or_default();
    list.lines().filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
}

/// The text of a file as it is in a commit. `path` counts from `folder` if it starts with `./`, else
/// from the top of the repo.
///
/// # Errors
/// When git does not have the commit, or the commit the file.
pub fn file_at(folder: &Path, commit: &str, path: &str) -> Result<String, GitError> {
    git(folder, &["cat-file", "blob", &format!("{commit}:{path}")])
}

/// Where `folder` lies in its repo: empty at the top, else with a slash at the end.
#[must_use]
pub fn prefix(folder: &Path) -> String {
    git(folder, &["rev-parse", "--show-prefix"]).unwrap_or_default()
}

/// Makes a worktree of the repo at `root` in `folder`, which does not exist yet, at `commit`.
///
/// # Errors
/// When git does not have the commit.
pub fn add_worktree(root: &Path, folder: &Path, commit: &str) -> Result<(), GitError> {
    slowly(root, &["worktree", "add", "--quiet", "--detach", &folder.to_string_lossy(), commit])
}

/// Removes a worktree, whatever has been left in it.
///
/// # Errors
/// When it is none.
pub fn remove_worktree(root: &Path, folder: &Path) -> Result<(), GitError> {
    git(root, &["worktree", "remove", "--force", "--force", &folder.to_string_lossy()]).map(|_| ())
}

/// Clones `url` into `folder`, which does not exist yet, with `commit`, and checks nothing out.
///
/// # Errors
/// When the remote cannot be reached or does not have the commit. The URL's userinfo is left out.
pub fn clone(url: &str, folder: &Path, commit: &str) -> Result<(), GitError> {
    let parent = folder.parent().unwrap_or(folder);
    slowly(parent, &["clone", "--quiet", "--no-checkout", "--", url, &folder.to_string_lossy()])
        // A commit that no branch leads to may be there for those who know it.
        .and_then(|()| fetch_commit(folder, "origin", commit))
        .map_err(|error| match error {
            GitError::Failed { message, folder, .. } => GitError::Failed {
                command: format!("clone {}", strip_userinfo(url)),
                folder,
                message: strip_userinfo_in(&message),
            },
            missing => missing,
        })
}

/// Checks a commit out.
///
/// # Errors
/// When git does not have it.
pub fn checkout(folder: &Path, commit: &str) -> Result<(), GitError> {
    slowly(folder, &["checkout", "--quiet", "--detach", commit])
}

/// The folder of the checkout at `top` that has `repo.ocu.star`: the top itself, or the first below.
#[must_use]
pub fn ocuroot_root(top: &Path) -> PathBuf {
    if top.join(repo_config::FILE).is_file() {
        return top.to_owned();
    }
    let files = git(top, &["ls-files", "--", &format!(":(glob)**/{}", repo_config::FILE)]);
    let first = files.ok().and_then(|files| files.lines().next().map(|file| top.join(file)));
    first.as_deref().and_then(Path::parent).unwrap_or(top).to_owned()
}
