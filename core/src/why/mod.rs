//! Why it waits: for whatever is not done, a sentence that a person understands, and what would help.
//!
//! A run says that it waits for `…/@r4/task/smoke-test/*/status/complete`. Whoever looks at it at
//! night wants to know that the deployment to perf failed 43 minutes ago, two phases earlier, and how
//! to retry it. So what a run waits for is followed, through phases and other packages, until something
//! that a person can act on; links that go in a circle are named.
//!
//! ```
//! use ocuroot_core::documents::{Function, FunctionDef, Input, Run};
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::facts::Facts;
//! use ocuroot_core::snapshot::Snapshot;
//! use ocuroot_core::why;
//!
//! let mut snapshot = Snapshot::empty();
//! let run = "s/-/p/@r4/task/build/1".parse()?;
//! let approve = Input { source: Some("s/-/p/@r4/custom/approve".to_owned()), ..Input::default() };
//! # let function = Function { function: FunctionDef::default(), dependencies: vec![],
//! #     inputs: [("approve".to_owned(), approve)].into(), extra: Default::default() };
//! # let body = Run { run_type: None, release: "s/-/p/@r4".parse()?, functions: vec![function], output: None,
//! #     watch_files: None, override_freeze: None, extra: Default::default() };
//! snapshot.put(&run, Document::new("models.Run", &body));
//! let why = why::of(&snapshot, &run, &Facts::at("2026-02-01T00:00:00Z")).unwrap().unwrap();
//! assert_eq!(why.status, why::Word::NeedsApproval);
//! assert_eq!(why.sentence.to_string(), "waits for approve, custom state that somebody must set");
//! assert!(why.help.iter().all(|help| help.alone));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

mod cause;
mod enquiry;
mod name;
mod others;
mod reason;
mod sentence;

use crate::times;
use serde::Serialize;

pub use enquiry::Enquiry;
pub(crate) use name::of as named;
pub use sentence::{Part, Sentence};

use crate::commands;
use crate::documents::Status;
use crate::facts::Facts;
use crate::refs::Ref;
use crate::release;
use crate::runs::RunEntry;
pub use crate::screens::Word;
use crate::snapshot::{Needs, Snapshot};

/// For how long a process may be silent before its run counts as stale, in seconds, where nobody
/// says otherwise.
pub const LEASE: u64 = 15 * 60;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// What it is about: a run, a release, an operation, what is deployed in an environment.
    #[serde(rename = "ref")]
    pub about: Ref,
    /// How it stands.
    pub status: Word,
    /// Since when, RFC 3339; empty where nothing says so.
    pub since: String,
    /// Why, as what is said of it: "waits for approve, custom state that somebody must set".
    pub sentence: Sentence,
    /// What it asks for: what is missing first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Blocker>,
    /// What a person can do, what matters most first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<Help>,
    /// Of a release, a package or an environment: what in it is not done, the most urgent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Why>,
}

/// A dependency or an input of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The ref, or glob of refs, as the run has it; empty for an input that names none.
    pub source: String,
    /// The input's name; none for a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Whether it is there.
    pub there: bool,
    /// How what it waits for stands.
    pub status: Word,
    /// What is to be said of it, without its name.
    pub sentence: Sentence,
}

/// Something that a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Help {
    /// What.
    #[serde(flatten)]
    pub action: Action,
    /// Whether that alone starts something. If not, something else is missing too.
    pub alone: bool,
}

/// See [`Help`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// To retry what failed.
    Retry {
        /// The command line.
        command: String,
    },
    /// To set custom state.
    Approve {
        /// Which.
        #[serde(rename = "ref")]
        reference: Ref,
    },
    /// To apply intent that is there.
    Apply {
        /// The command line.
        command: String,
    },
    /// To start what is ready, at its commit.
    Continue {
        /// The command line.
        command: String,
    },
    /// To end a freeze.
    Thaw {
        /// The document that freezes.
        #[serde(rename = "ref")]
        reference: Ref,
    },
}

impl Action {
    /// What is typed to do it.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Action::Retry { command } | Action::Apply { command } | Action::Continue { command } => {
                command.clone()
            }
            Action::Approve { reference } => commands::approve(reference),
            Action::Thaw { reference } => commands::delete(reference),
        }
    }
}

/// Why what is at `reference` is not done: a run, a task or deployment of a release, a release, what
/// is deployed in an environment (`…/@/deploy/prod`), a package, an environment, an operation, custom
/// state. Done is an answer too. None where there is no such thing.
///
/// # Errors
/// What must be loaded, logs of a failed run among it.
pub fn of(snapshot: &Snapshot, reference: &Ref, facts: &Facts) -> Result<Option<Why>, Needs> {
    Enquiry::new(snapshot, facts).with_logs().of(reference)
}

/// How the run at `entry` stands by itself: whatever it waits for, and `stale` where its process has been
/// silent for longer than [`LEASE`].
///
/// # Errors
/// What must be loaded: of a run that is running, its heartbeat.
pub fn word(snapshot: &Snapshot, entry: &RunEntry, facts: &Facts) -> Result<Word, Needs> {
    let status = entry.status();
    if status != Status::Running {
        return Ok(status.into());
    }
    let Some(now) = times::parse(&facts.now) else { return Ok(Word::Running) };
    let lease = jiff::SignedDuration::from_secs(LEASE.cast_signed());
    let stale = release::is_stale(snapshot, entry, now.checked_sub(lease).unwrap_or(now))?;
    Ok(if stale { Word::Stale } else { Word::Running })
}

/// Each task and deployment of `release` that is not complete, by its newest run, and the operations
/// that wait; in the order of the release file. Opens no logs.
///
/// # Errors
/// What must be loaded.
pub fn of_release(snapshot: &Snapshot, release: &Ref, facts: &Facts) -> Result<Vec<Why>, Needs> {
    Enquiry::new(snapshot, facts).open_of_release(release)
}
