//! How a command ends badly: exit code, message and hint, decided here and nowhere else.
//!
//! Commands return a [`Failure`]; `main` has it shown once. Nothing else shows errors.

use std::path::PathBuf;

use ocuroot_core::glob::GlobError;
use ocuroot_core::hosts::stores::StoresError;
use ocuroot_core::init::InitError;
use ocuroot_core::intent::IntentError;
use ocuroot_core::push::PushError;
use ocuroot_core::release::ReleaseError;
use ocuroot_core::resolve::LinkCycle;
use ocuroot_core::rollback::RollbackError;
use ocuroot_core::run::RunError;
use ocuroot_core::sdk::Diagnostics;
use ocuroot_core::{Ref, RefError, commands};

use crate::git::GitError;
use crate::platform::Platform;
use crate::store::{Decided, RemoteProblem, StoreError};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It was done, and did not go well; everything worth saying has been said.
    #[error("{0}")]
    Unsuccessful(String),
    /// No root upwards of a folder.
    #[error("not inside a repo with repo.ocu.star (looked in {} and up to /)", .0.display())]
    NoRepo(PathBuf),
    /// A folder in no git repo.
    #[error("{} is in no git repo", .0.display())]
    NoGitRepo(PathBuf),
    /// What a repo could be set up with.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The repo's configuration names no store.
    #[error("{0} sets no store")]
    NoStore(String),
    /// A repo without a name.
    #[error("this repo has no name: {0}")]
    NoName(String),
    /// A source repo is needed, and a store is checked out in this folder.
    #[error("{} is a store, not a source repo", .0.display())]
    NoSource(PathBuf),
    /// A checkout of a store that does not say where the stores are.
    #[error("{} holds a store in which no repo has recorded a configuration that names the stores{}", root.display(), problems.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
    NoRecordedRepo {
        /// The checkout.
        root: PathBuf,
        /// What is wrong with those that are recorded.
        problems: Vec<String>,
    },
    /// A relative path that was recorded, and means nothing where the command runs.
    #[error("{config} names the folder {path:?} as a store, which counts from the root of that repo; {} is another folder", folder.display())]
    RelativeStore {
        /// The path.
        path: String,
        /// The store that is here.
        folder: PathBuf,
        /// Whose configuration it is.
        config: Ref,
    },
    /// A feature that this build does not have.
    #[error("{0}")]
    Unsupported(String),
    /// Nothing at a ref.
    #[error("{reference} not found")]
    NotFound {
        /// What was asked for.
        reference: Ref,
        /// What there is that looks most like it.
        nearest: Option<Ref>,
    },
    /// Which release file is meant cannot be told.
    #[error("{message}")]
    WhichFile {
        /// What is the matter.
        message: String,
        /// The release files to choose from, relative to the working directory.
        files: Vec<String>,
    },
    /// The release belongs to another commit than the one that is checked out.
    #[error("{release} is a release of commit {commit}, but {head} is checked out")]
    OtherCommit {
        /// The release.
        release: Ref,
        /// Its commit.
        commit: String,
        /// The commit that is checked out.
        head: String,
    },
    /// A file of the user's could not be read or written.
    #[error("cannot read {}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the user named could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Unwritten {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of an export file.
    #[error("line {line} of {file}: {problem}. Nothing was written")]
    Line {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A disk that what is about to be written could fill.
    #[error("{} has {free_mb} MB free, and {needed_mb} MB are needed to go on without filling the disk", .folder.display())]
    NoSpace {
        /// Where it would be written.
        folder: PathBuf,
        /// With what should stay free.
        needed_mb: u64,
        /// What is free.
        free_mb: u64,
    },
    /// What is checked out is not what was committed.
    #[error("not everything is committed: {}", some(.0))]
    Uncommitted(Vec<String>),
    /// What has changed since the last push cannot be told.
    #[error("the last push was of commit {0}, which is not in this checkout, and no remote gives it")]
    NoLastPush(String),
    /// JSON that is none.
    #[error("{what} is not JSON: {source}")]
    Json {
        /// What should have been JSON.
        what: String,
        /// Why it is none.
        source: serde_json::Error,
    },
    /// Problems in Starlark files.
    #[error("{0}")]
    Starlark(Diagnostics),
    /// A ref on the command line.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// A glob on the command line.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The stores.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A decision about a release.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A decision to roll back.
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    /// What a push leaves for the next one.
    #[error(transparent)]
    Push(#[from] PushError),
    /// A decision about intent.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// A decision about a run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Links in a store.
    #[error(transparent)]
    Links(#[from] LinkCycle),
    /// No dashboard in this build, or in the folder that was named.
    #[error("{}", .0.as_ref().map_or("this build of ocuroot has no dashboard".to_owned(), |folder| format!("there is no dashboard in {}", folder.display())))]
    NoDashboard(Option<PathBuf>),
    /// A list of stores that is none.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address, with its port.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The terminal or pipe that output goes to.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
}

/// What one may do who has named a release that there is not.
#[must_use]
pub fn listed(package: &Ref) -> String {
    format!("`{}` lists those that there are", commands::list(package))
}

/// Some files, and how many more there are.
fn some(files: &[String]) -> String {
    let more = files.len().saturating_sub(5);
    let named = files.get(..files.len() - more).unwrap_or_default().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Failure::Starlark(diagnostics)
    }
}

impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl<E: Into<Failure>> From<Decided<E>> for Failure {
    fn from(decided: Decided<E>) -> Self {
        match decided {
            Decided::Store(error) => Failure::Store(error),
            Decided::Error(error) => error.into(),
        }
    }
}

impl Failure {
    /// 2 for a command line that is wrong, else 1 (spec: cli, "Exit codes").
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) | Failure::Ref(_) | Failure::Glob(_) => 2,
            _ => 1,
        }
    }

    /// What to do next, where the message does not say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Failure::NoRepo(_) => {
                Some("run this in a repo, or write repo.ocu.star with `ocuroot init`".to_owned())
            }
            Failure::NoGitRepo(_) => Some("make one first: git init".to_owned()),
            Failure::Init(InitError::NoRemote(_)) => {
                Some("git remote add origin URL, or do without: --store fs --ci none".to_owned())
            }
            Failure::Init(InitError::NoServer { .. }) => {
                Some("--ci none leaves it out; a remote called origin comes first where there are several".to_owned())
            }
            Failure::Init(InitError::NoDashboard { help, .. }) => Some(help.clone()),
            Failure::Init(InitError::Odd { .. }) => {
                Some("call it otherwise, or write repo.ocu.star by hand".to_owned())
            }
            Failure::NoStore(_) => Some(
                "add `store.set(store.fs(\"./.store\"))` to it, or a git store: `store.git(…)`".to_owned(),
            ),
            Failure::NoSource(_) => Some(
                "write full refs here, as in <repo>/-/<file>/@r1/custom/approve or @/environment/prod; release in a checkout of the repo".to_owned(),
            ),
            Failure::NoRecordedRepo { .. } => Some(
                "a repo records it with whatever it writes first: run `ocuroot release new` or `ocuroot state set` in a repo whose repo.ocu.star names this store".to_owned(),
            ),
            Failure::RelativeStore { .. } => {
                Some("run this in a checkout of that repo, or name the store there by a URL or an absolute path".to_owned())
            }
            Failure::NoName(_) => {
                Some("set one in repo.ocu.star: `repo_alias(\"my-repo\")`, or add a remote".to_owned())
            }
            Failure::NotFound { nearest: Some(nearest), reference } if *nearest == reference.document() => {
                Some(format!("{nearest} is there, but has no such field"))
            }
            Failure::NotFound { nearest: Some(nearest), .. } => Some(format!("did you mean {nearest}?")),
            Failure::NotFound { nearest: None, .. } => {
                Some("`ocuroot state match` lists what there is".to_owned())
            }
            Failure::WhichFile { files, .. } if !files.is_empty() => {
                Some(format!("name one of them:\n{}", files.join("\n")))
            }
            Failure::Release(ReleaseError::Unknown(release))
            | Failure::Rollback(RollbackError::Release(ReleaseError::Unknown(release))) => {
                Some(match release.release() {
                    Some(name) if !name.is_empty() => listed(&release.package()),
                    _ => "nothing of it has been released yet: `ocuroot release new` does".to_owned(),
                })
            }
            Failure::OtherCommit { commit, .. } => Some(format!("git checkout {commit}")),
            Failure::Release(ReleaseError::Released { .. }) => {
                Some("use --force to release it again, or `ocuroot release continue` to go on".to_owned())
            }
            Failure::Store(StoreError::Differ { .. }) => {
                Some("--force overwrites them with what the file says".to_owned())
            }
            Failure::Git(GitError::NoRevision { shallow: true, .. } | GitError::CutOff { .. }) => {
                Some(Platform::current().whole_history().to_owned())
            }
            Failure::Git(GitError::NotBefore { backwards: true, start, end }) => {
                Some(format!("the other way round? ocuroot find-deploys {end} {start}"))
            }
            Failure::Rollback(RollbackError::NoneBefore(_)) => {
                Some("name the release to go to, or with --env other environments".to_owned())
            }
            Failure::Rollback(RollbackError::NotTo { .. }) => {
                Some("name the environments that it does deploy to: --env …".to_owned())
            }
            Failure::NoDashboard(_) => Some(
                "build it with `cargo xtask bundle --release` in a clone of Ocuroot, and name its target/bundle with --from".to_owned(),
            ),
            Failure::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Some("something else listens there; without --port the first that is free is taken".to_owned())
            }
            Failure::Uncommitted(_) => {
                Some("commit, stash or ignore them: what is pushed is a commit".to_owned())
            }
            Failure::NoLastPush(_) => Some(Platform::current().whole_history().to_owned()),
            Failure::Store(StoreError::Remote { problem: RemoteProblem::Declined { .. }, .. }) => {
                Platform::current().protection().map(str::to_owned)
            }
            Failure::NoSpace { .. } => {
                Some("make room, or name a folder on another disk in TMPDIR; OCUROOT_MIN_FREE_MB says what stays free".to_owned())
            }
            Failure::Git(GitError::NoCommit { .. }) => {
                Some("a release is of a commit: `git init` if need be, and commit first".to_owned())
            }
            _ => None,
        }
    }

    /// The message and the hint, as they are printed.
    #[must_use]
    pub fn render(&self) -> String {
        let message = match self {
            // A diagnostic says by itself that it is an error.
            Failure::Starlark(diagnostics) => diagnostics.to_string().trim_end().to_owned(),
            other => format!("error: {other}"),
        };
        match self.hint() {
            // The lines of a list stand below the text of the first.
            Some(hint) => format!("{message}\n  help: {}", hint.replace('\n', "\n        ")),
            None => message,
        }
    }
}
