//! What can go wrong between a decision and the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ocuroot_core::{Marker, Ref};

/// Versions of the layout that this build reads, as they stand in a store's marker file.
const SUPPORTED: &str = "1, 2 and 3";

/// Why a store could not be opened, read or written.
///
/// A message says what happened, where, and what to do next. A variant exists where a caller may
/// want to branch; everything else is [`StoreError::Io`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The place of a store is taken by something that is no folder.
    #[error("{} is not a folder, so it cannot hold a store: name another place in repo.ocu.star, or move that file away", path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
    /// State and intent were both given this folder.
    #[error("state and intent cannot both lie directly in {}: give intent a folder of its own, or leave `intent` out and both get one below it", path.display())]
    SameFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A store of the other kind.
    #[error("{} holds {found}, but it was opened as the place of {expected}: check the order of the stores in repo.ocu.star", path.display())]
    WrongSide {
        /// The store's folder.
        path: PathBuf,
        /// What its marker says: `state` or `intent`.
        found: &'static str,
        /// What it was opened as.
        expected: &'static str,
    },
    /// A marker file that cannot be understood.
    #[error("{} does not say which version of store this is ({reason}): restore the file; a current store has {{\"version\":3}}", path.display())]
    Marker {
        /// The marker file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A store of a version that this build does not know.
    #[error("the store in {} has version {found}, and this build of Ocuroot knows versions {SUPPORTED}: install a newer Ocuroot. Nothing was changed", path.display())]
    UnknownVersion {
        /// The store's folder.
        path: PathBuf,
        /// The version it has, as it is written there.
        found: String,
    },
    /// A store that this build only reads, until it has been upgraded.
    #[error("the store in {} has the old version {found} and can only be read: run `ocuroot state upgrade` first", path.display())]
    OldVersion {
        /// The store's folder.
        path: PathBuf,
        /// The version it has.
        found: u64,
    },
    /// Somebody else is writing, and did not finish in time.
    #[error("the store in {} is being written by {}; waited {} s. Try again when that process has finished", path.display(), holder_text(holder.as_ref()), waited.as_secs())]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Who holds the lock, if it said so.
        holder: Option<Holder>,
        /// How long this process waited.
        waited: Duration,
    },
    /// The store may be read but not written.
    #[error("cannot write to {}: {source}. Check the rights of the store's folder, and that its file system is not mounted read-only", path.display())]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// No space is left for what was to be written.
    #[error("no space left to write {}: {source}. Nothing was changed; make room and try again", path.display())]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A process died while it wrote, and this one lacks the rights to finish for it.
    #[error("a process died while it wrote to the store in {}, and this one may not write there: run any command once as somebody who may, and it will be finished", path.display())]
    Unfinished {
        /// The store's folder.
        path: PathBuf,
    },
    /// The journal of an interrupted transaction that cannot be followed.
    #[error("a transaction was interrupted, and {} does not lead to its end ({reason}): keep a copy of the store, then remove the file and run `ocuroot state check`", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A remote that the user's git cannot read from or write to.
    #[error("the store needs `git` access to {url}: {problem}")]
    Remote {
        /// The remote, without userinfo.
        url: String,
        /// What is in the way.
        problem: RemoteProblem,
    },
    /// A branch that is not there, and is not to be made.
    #[error(
        "branch {branch} is not in {url}, and repo.ocu.star says not to create it (create_branch=False): push that branch, or name another one"
    )]
    NoBranch {
        /// The remote, without userinfo.
        url: String,
        /// The branch.
        branch: String,
    },
    /// State and intent were both given this branch.
    #[error(
        "state and intent cannot both lie directly on branch {branch} of {url}: give intent a branch of its own, or leave `intent` out and both get a folder on it"
    )]
    SameBranch {
        /// The remote, without userinfo.
        url: String,
        /// The branch.
        branch: String,
    },
    /// One store is in git, the other in a folder.
    #[error("state and intent must both lie in git or both in folders: change one of them in repo.ocu.star")]
    MixedKinds,
    /// There is no folder to keep clones in.
    #[error(
        "a git store is kept in $OCUROOT_HOME, by default ~/.ocuroot, and there is no home folder: set OCUROOT_HOME"
    )]
    NoHome,
    /// There is no `git` to run.
    #[error("cannot run `git`: {0}; install git and make sure that it is on PATH")]
    NoGit(io::Error),
    /// The clone of a git store does not do what it should, and making it anew did not help.
    #[error("the clone of the store in {} cannot be used ({reason}): remove that folder and try again", folder.display())]
    Clone {
        /// The clone.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A support file at a place where none may be.
    #[error("the support file {path:?} cannot be written: {reason}. See `support_files` in repo.ocu.star")]
    SupportFile {
        /// Its path from the branch's root.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that git keeps for itself.
    #[error(
        "git cannot hold a file in a folder called .git, so {reference} cannot be stored: choose another name"
    )]
    GitName {
        /// The ref.
        reference: Ref,
    },
    /// State and intent lie in two remotes, or in one that takes one branch at a time, and only the first
    /// has the change.
    #[error(
        "state has been written and intent has not: {error}. What intent should say now, `ocuroot state diff` shows"
    )]
    Partly {
        /// Why not.
        error: Box<StoreError>,
    },
    /// Others were always faster.
    #[error("gave up after {} s: others keep writing to {url}. Nothing was changed; try again", waited.as_secs())]
    Crowded {
        /// The remote, without userinfo.
        url: String,
        /// How long this process tried.
        waited: Duration,
    },
    /// A ref that names no document of a store, like one that starts with `./`.
    #[error("{reference} is not the full name of a document, so nothing can be stored there")]
    Address {
        /// The ref.
        reference: Ref,
    },
    /// Documents to be imported are there already, and say something else.
    #[error("{} there already and not the same: {}. Nothing was written", if documents.len() == 1 { "1 document is".to_owned() } else { format!("{} documents are", documents.len()) }, few(documents))]
    Differ {
        /// Their refs, or paths below `refs/`.
        documents: Vec<String>,
    },
    /// A decision kept meeting changes by others.
    #[error("gave up after {attempts} attempts: others keep changing {}. Try again", refs_text(refs))]
    Busy {
        /// What changed the last time.
        refs: Vec<Ref>,
        /// How often it was decided anew.
        attempts: u32,
    },
    /// A question that asks again for what it was given. A fault of this program.
    #[error(
        "a question to the store never settles; this is a fault in Ocuroot, please report it. It asked for: {needs}"
    )]
    Unsettled {
        /// What it asked for.
        needs: String,
    },
    /// Anything else that the system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was to be done, as a verb.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl StoreError {
    /// The error for something that could not be read.
    pub(crate) fn read(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        StoreError::Io { action, path: path.to_owned(), source }
    }

    /// The error for something that could not be written.
    pub(crate) fn write(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::DiskFull { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { path, source }
            }
            _ => StoreError::Io { action, path, source },
        }
    }
}

/// What is in the way between a store and its remote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteProblem {
    /// No credentials, or such that are not enough.
    #[error(
        "authentication failed ({0}). Give git credentials for it: an ssh key, a credential helper, or a token in the URL's userinfo"
    )]
    Authentication(String),
    /// No repo there.
    #[error(
        "there is no repo that these credentials can see ({0}). Check the URL that `store.git` is given in repo.ocu.star"
    )]
    NotFound(String),
    /// No answer.
    #[error("it cannot be reached ({0}). Check the address and the network, and try again")]
    Unreachable(String),
    /// It does not take the push.
    #[error("it does not accept a push to branch {branch} ({message}). {}", declined_hint(message))]
    Declined {
        /// The branch.
        branch: String,
        /// The remote's words.
        message: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The process that holds a store's lock, as it introduced itself in the lock file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// Why [`super::Stores::decide`] and [`super::Stores::read`] have no result.
#[derive(Debug, thiserror::Error)]
pub enum Decided<E> {
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question itself was answered with an error.
    #[error("{0}")]
    Error(E),
}

/// `state` or `intent`.
pub(crate) fn side_name(side: Marker) -> &'static str {
    match side {
        Marker::State => "state",
        Marker::Intent => "intent",
    }
}

/// What to do about a push that was not accepted.
fn declined_hint(message: &str) -> &'static str {
    let says = |needles: &[&str]| needles.iter().any(|needle| message.contains(needle));
    if says(&["No space", "quota", "unpacker error"]) {
        "Make room on the remote, and see that its user may write there"
    } else if says(&["cannot create", "lock"]) {
        "Look after that branch on the remote: a lock that was left behind, or another branch whose name begins with this one's"
    } else {
        "Allow this user to push there, or take the protection off that branch"
    }
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), ToString::to_string)
}

/// The first few of many.
fn few(documents: &[String]) -> String {
    let (shown, rest) = documents.split_at(documents.len().min(3));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", shown.join(", "))
}

fn refs_text(refs: &[Ref]) -> String {
    match refs {
        [] => "the store".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
