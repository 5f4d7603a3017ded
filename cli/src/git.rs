//! What the `git` executable knows of the repo that a command runs in.
//!
//! The user's own git is asked, because it is the one that knows their configuration.

use std::path::Path;
use std::process::Command;

use ocuroot_core::documents::Remote;
use ocuroot_core::release::Commit;
use ocuroot_core::repo_config::strip_userinfo;

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
    let output =
        Command::new("git").current_dir(folder).args(arguments).output().map_err(GitError::Missing)?;
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

/// The commit that is checked out.
///
/// # Errors
/// When `folder` is in no git repo, or the repo has no commit.
pub fn head(folder: &Path) -> Result<String, GitError> {
    git(folder, &["rev-parse", "--verify", "HEAD"]).map_err(|error| match error {
        GitError::Failed { folder, message, .. } if message.contains("Needed a single revision") => {
            GitError::NoCommit { folder, message: "there is none yet".to_owned() }
        }
        GitError::Failed { folder, message, .. } => {
            GitError::NoCommit { folder, message: reason(&message).to_owned() }
        }
        missing => missing,
    })
}

/// The files that differ from what is checked out, untracked ones too, by their paths from the
/// root. None where git cannot tell.
#[must_use]
pub fn changed_files(root: &Path) -> Vec<String> {
    let status = git(root, &["status", "--porcelain"]).unwrap_or_default();
    status.lines().filter_map(|line| Some(line.get(3..)?.to_owned())).collect()
}

/// Subject and author of a commit; empty where git does not have the commit.
#[must_use]
pub fn describe(folder: &Path, hash: &str) -> Commit {
    let text = git(folder, &["log", "-1", "--format=%s%x00%an", hash]).unwrap_or_default();
    let (subject, author) = text.split_once('\0').unwrap_or_default();
    Commit { hash: hash.to_owned(), subject: subject.to_owned(), author: author.to_owned() }
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

/// Makes a worktree of the repo at `root` in `folder`, which does not exist yet, at `commit`.
///
/// # Errors
/// When git does not have the commit.
pub fn add_worktree(root: &Path, folder: &Path, commit: &str) -> Result<(), GitError> {
    let folder = folder.to_string_lossy();
    git(root, &["worktree", "add", "--quiet", "--detach", &folder, commit]).map(|_| ())
}

/// Removes a worktree, whatever has been left in it.
///
/// # Errors
/// When it is none.
pub fn remove_worktree(root: &Path, folder: &Path) -> Result<(), GitError> {
    git(root, &["worktree", "remove", "--force", &folder.to_string_lossy()]).map(|_| ())
}

/// Clones `url` into `folder`, which does not exist yet, and checks `commit` out there.
///
/// # Errors
/// When the remote cannot be reached or does not have the commit. The URL's userinfo is left out.
pub fn clone(url: &str, folder: &Path, commit: &str) -> Result<(), GitError> {
    let parent = folder.parent().unwrap_or(folder);
    let cloned = git(parent, &["clone", "--quiet", "--no-checkout", url, &folder.to_string_lossy()]);
    cloned.map_err(|error| match error {
        GitError::Failed { message, folder, .. } => GitError::Failed {
            command: format!("clone {}", strip_userinfo(url)),
            folder,
            message: message.replace(url, &strip_userinfo(url)),
        },
        missing => missing,
    })?;
    git(folder, &["checkout", "--quiet", "--detach", commit]).map(|_| ())
}
