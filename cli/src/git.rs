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
