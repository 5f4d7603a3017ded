//! Why a task or deployment waits, as far as a summary tells, with no document loaded.
//!
//! A summary names a few refs that a run waits for, and not how they stand; so a sentence of it is
//! shorter than that of an [`Enquiry`](super::Enquiry), and uses the same words.
//!
//! ```
//! use ocuroot_core::documents::Status;
//! use ocuroot_core::summary::Open;
//! use ocuroot_core::why;
//!
//! let release = "s/-/p/@r4".parse()?;
//! let open = Open {
//!     status: Status::Pending,
//!     since: "2026-02-01T00:00:00Z".to_owned(),
//!     attempts: 1,
//!     waits: vec!["s/-/p/@r4/custom/approve".to_owned()],
//! };
//! let brief = why::of_open(&release, &open, "2026-02-01T01:00:00Z");
//! assert_eq!(brief.status, why::Word::NeedsApproval);
//! assert_eq!(brief.sentence.to_string(), "waits for approve");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use serde::Serialize;

use super::enquiry::place_of;
use super::{Action, Sentence, Word, name};
use crate::commands;
use crate::documents::Status;
use crate::refs::{Kind, Ref};
use crate::summary::Open;
use crate::times;

/// As many things are named that something waits for.
const MOST: usize = 3;

/// The short form of a [`Why`](super::Why).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Brief {
    /// How it stands, as far as a summary tells: neither `stale` nor `frozen`, and `waiting` also where
    /// what it waits for in other packages may be there.
    pub status: Word,
    /// Why.
    pub sentence: Sentence,
    /// The custom state that somebody must set, and whatever else may help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<Action>,
}

/// Why a task or deployment of `release` is not complete, by the part of a summary about it. `now` is
/// RFC 3339.
#[must_use]
pub fn of_open(release: &Ref, open: &Open, now: &str) -> Brief {
    let age = times::seconds(&open.since, now).map(times::age);
    let ago = |what: &str| age.as_ref().map_or_else(|| what.to_owned(), |age| format!("{what} {age} ago"));
    let plain = |status, text: &str| Brief { status, sentence: Sentence::text(text), help: Vec::new() };
    match open.status {
        Status::Complete => plain(Word::Complete, &ago("completed")),
        Status::Cancelled => plain(Word::Cancelled, &ago("cancelled")),
        Status::FailedRetried => plain(Word::Retried, &ago("failed")),
        Status::Failed => {
            let tried =
                if open.attempts > 1 { format!(", attempt {}", open.attempts) } else { String::new() };
            let help = vec![Action::Retry { command: commands::retry(release) }];
            Brief { help, ..plain(Word::Failed, &(ago("failed") + &tried)) }
        }
        Status::Running => {
            let running = age.map_or_else(|| "running".to_owned(), |age| format!("running for {age}"));
            plain(Word::Running, &running)
        }
        Status::Pending | Status::Paused if open.waits.is_empty() => {
            let help = vec![Action::Continue { command: commands::carry_on(release) }];
            Brief { help, ..plain(Word::Queued, "ready, and no worker has taken it") }
        }
        Status::Pending | Status::Paused => waiting(release, &open.waits),
    }
}

fn waiting(release: &Ref, waits: &[String]) -> Brief {
    let custom = |text: &String| text.parse::<Ref>().ok().filter(|at| at.kind() == Some(Kind::Custom));
    let place = |text: &String| place_of(text);
    let mut names: Vec<Sentence> = Vec::new();
    let mut approvals = Vec::new();
    for at in waits.iter().filter_map(custom) {
        names.push(name::of(&at.document(), release));
        approvals.push(Action::Approve { reference: at.document() });
    }
    for text in waits.iter().filter(|text| custom(text).is_none()) {
        names.push(match (place(text), text.parse::<Ref>()) {
            (Some(place), _) => name::of(&place, release),
            (None, Ok(at)) => name::of(&at.document(), release),
            (None, Err(_)) => Sentence::text(text),
        });
    }
    let mut seen: Vec<Sentence> = Vec::new();
    names.retain(|name| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    });
    approvals.dedup();
    let status = match approvals.is_empty() {
        false => Word::NeedsApproval,
        true if waits.iter().all(|text| place(text).is_some()) => Word::Pending,
        true => Word::Waiting,
    };
    let last = names.len().min(MOST).saturating_sub(1);
    let more = names.len().saturating_sub(MOST);
    let mut sentence = Sentence::text("waits for ");
    for (index, name) in names.into_iter().take(MOST).enumerate() {
        let between = match index {
            0 => "",
            _ if index == last && more == 0 => " and ",
            _ => ", ",
        };
        sentence = sentence.and_text(between).and(name);
    }
    if more > 0 {
        sentence = sentence.and_text(&format!(" and {more} more"));
    }
    Brief { status, sentence, help: approvals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_the_same_words() {
        let release: Ref = "s/-/p/@r4".parse().unwrap();
        let dependency = |place: &str| format!("s/-/p/@r4/{place}/*/status/complete");
        for (status, attempts, waits, word, sentence) in [
            (Status::Failed, 3, vec![], "failed", "failed 2 h ago, attempt 3"),
            (Status::Failed, 1, vec![], "failed", "failed 2 h ago"),
            (Status::Running, 1, vec![], "running", "running for 2 h"),
            (Status::Cancelled, 1, vec![], "cancelled", "cancelled 2 h ago"),
            (Status::Pending, 1, vec![], "queued", "ready, and no worker has taken it"),
            (Status::Pending, 1, vec![dependency("task/build")], "pending", "waits for build"),
            (
                Status::Pending,
                1,
                vec![dependency("task/build"), "s/-/p/@/custom/ok#by".to_owned()],
                "needs approval",
                "waits for ok and build",
            ),
            (
                Status::Paused,
                1,
                vec![
                    "n/-/n.ocu.star/@/deploy/prod#output/x".to_owned(),
                    "n/-/n.ocu.star/@/deploy/prod#output/y".to_owned(),
                ],
                "waiting",
                "waits for n's deploy to prod",
            ),
        ] {
            let open = Open { status, since: "2026-02-01T00:00:00Z".to_owned(), attempts, waits };
            let brief = of_open(&release, &open, "2026-02-01T02:00:00Z");
            assert_eq!((brief.status.text(), brief.sentence.to_string().as_str()), (word, sentence));
        }
    }

    #[test]
    fn what_a_store_names_stays_one_word_of_the_commands() {
        let release: Ref = "s/-/x$(touch p)/@r1".parse().unwrap();
        let waits = vec!["s/-/p/@r1/custom/x$(touch /tmp/p);'".to_owned()];
        let approve = r"ocuroot state set 's/-/p/@r1/custom/x$(touch /tmp/p);'\''' yes";
        for (status, waits, command) in [
            (Status::Failed, vec![], "ocuroot release retry 's/-/x$(touch p)/@r1'"),
            (Status::Pending, vec![], "ocuroot release continue 's/-/x$(touch p)/@r1'"),
            (Status::Pending, waits, approve),
        ] {
            let open = Open { status, since: String::new(), attempts: 1, waits };
            let help = of_open(&release, &open, "").help;
            assert_eq!(help.iter().map(Action::command).collect::<Vec<_>>(), [command]);
        }
    }
}
