//! The words and tones in which a status is shown.
//!
//! What is fine is silent; red is broken, amber is off its course, and the accent is what waits for a
//! person. A word always stands beside a shape.
//!
//! ```
//! use ocuroot_core::screens::{Tone, Word};
//!
//! assert_eq!(Word::NeedsApproval.to_string(), "needs approval");
//! assert_eq!(Word::NeedsApproval.tone(), Tone::You);
//! assert_eq!(Word::from(ocuroot_core::documents::Status::FailedRetried), Word::Retried);
//! ```

use serde::Serialize;

use crate::documents::Status;

/// Where something stands, in one word. In the order of urgency: where several are true, the first is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It ended with an error that nobody has dealt with.
    Failed,
    /// It waits for custom state that a person has to set, and can set now.
    NeedsApproval,
    /// It says that it runs, and has not been heard of.
    Stale,
    /// What is there is not what is wanted, and no run explains it.
    Differs,
    /// It executes.
    Running,
    /// It would start if there were no freeze.
    Frozen,
    /// It can start, and nobody has started it.
    Queued,
    /// Its turn has come, or it has begun, and it waits for something that nobody is asked for.
    Waiting,
    /// Its turn has not come.
    Pending,
    /// Nobody wants it any more.
    Cancelled,
    /// It failed, and another attempt took over.
    Retried,
    /// It is done.
    Complete,
}

/// How a status is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Broken.
    Bad,
    /// Waits for a person.
    You,
    /// Off its course.
    Warn,
    /// Healthy, or under way.
    Ok,
    /// Not of interest.
    Off,
}

impl Word {
    /// Its colour.
    #[must_use]
    pub fn tone(self) -> Tone {
        match self {
            Word::Failed => Tone::Bad,
            Word::NeedsApproval => Tone::You,
            Word::Stale | Word::Differs => Tone::Warn,
            Word::Running | Word::Complete => Tone::Ok,
            Word::Frozen | Word::Queued | Word::Waiting | Word::Pending | Word::Cancelled | Word::Retried => {
                Tone::Off
            }
        }
    }

    /// As it is shown.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Word::Failed => "failed",
            Word::NeedsApproval => "needs approval",
            Word::Stale => "stale",
            Word::Differs => "differs",
            Word::Running => "running",
            Word::Frozen => "frozen",
            Word::Queued => "queued",
            Word::Waiting => "waiting",
            Word::Pending => "pending",
            Word::Cancelled => "cancelled",
            Word::Retried => "retried",
            Word::Complete => "complete",
        }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.text())
    }
}

/// What a status alone says. What a run waits for can make it another word: see [`turn`](super::turn).
impl From<Status> for Word {
    fn from(status: Status) -> Word {
        match status {
            Status::Pending => Word::Pending,
            Status::Running => Word::Running,
            Status::Paused => Word::Waiting,
            Status::Complete => Word::Complete,
            Status::Failed => Word::Failed,
            Status::FailedRetried => Word::Retried,
            Status::Cancelled => Word::Cancelled,
        }
    }
}
