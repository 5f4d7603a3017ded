//! Where an old run stands: one answer out of many markers.

use jiff::Timestamp;
use serde_json::Value;

use super::parts::{File, FunctionParts, RunParts};
use crate::documents::Status;
use crate::order::Order as _;
use crate::times;

/// That something was in a status at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sign {
    status: Status,
    /// RFC 3339, as it was written; empty where nothing says so.
    time: String,
}

impl Sign {
    fn at(&self) -> Option<Timestamp> {
        times::parse(&self.time)
    }

    /// What a status marker says.
    fn of_marker(file: &File) -> Option<Sign> {
        let status = Status::from_name(file.at.segments().last()?)?;
        let time = file.body().and_then(|body| body.get("time")?.as_str()).unwrap_or_default();
        Some(Sign { status, time: time.to_owned() })
    }

    /// What an entry of a function's history says.
    fn of_entry(entry: &Value) -> Option<Sign> {
        let status = Status::from_name(entry.get("status")?.as_str()?)?;
        let time = entry.get("time").and_then(Value::as_str).unwrap_or_default();
        Some(Sign { status, time: time.to_owned() })
    }

    /// How far a run has come. It never goes back, so what says more is newer.
    fn progress(&self) -> (u8, Option<Timestamp>) {
        let rank = match self.status {
            Status::Pending => 0,
            Status::Paused => 1,
            Status::Running => 2,
            Status::Complete | Status::Failed | Status::FailedRetried | Status::Cancelled => 3,
        };
        (rank, self.at())
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: Status,
    /// Since when: RFC 3339; empty where nothing says so.
    pub(super) time: String,
    /// Since when it was running, if it has ended and its functions' histories say so.
    pub(super) started: Option<String>,
}

impl Standing {
    /// That of a run of which no document says where it stands.
    pub(super) fn unsaid(status: Status) -> Standing {
        Standing { status, time: String::new(), started: None }
    }
}

/// Where a run stands by its markers, and by its functions'. None if nothing says anything.
pub(super) fn standing(run: &RunParts) -> Option<Standing> {
    let functions: Vec<Vec<Sign>> = run.functions.values().map(signs).collect();
    let markers = run.statuses.iter().filter_map(Sign::of_marker);
    // The last of equals counts, and that should be what the run says of itself.
    let Sign { status, time } = together(&functions).into_iter().chain(markers).max_by_key(Sign::progress)?;
    let running = functions.iter().flatten().filter(|sign| sign.status == Status::Running);
    let started = running.filter(|_| !status.is_open()).min_by_key(|sign| sign.at());
    Some(Standing { status, time, started: started.map(|sign| sign.time.clone()) })
}

/// All that is said of a function, what it is at the moment last.
fn signs(function: &FunctionParts) -> Vec<Sign> {
    let history = function.state.as_ref().and_then(File::body).and_then(|body| body.get("history"));
    let entries = history.and_then(Value::as_array).into_iter().flatten().filter_map(Sign::of_entry);
    let markers = function.statuses.iter().filter_map(Sign::of_marker);
    let mut signs: Vec<Sign> = markers.chain(entries).collect();
    let current = function.current().and_then(|current| Status::from_name(current.get("status")?.as_str()?));
    match current {
        Some(status) => {
            let known = signs.iter().rev().find(|sign| sign.status == status).cloned();
            signs.push(known.unwrap_or(Sign { status, time: String::new() }));
        }
        None => signs.order_by_key(Sign::progress),
    }
    signs
}

/// What the functions of a run come to.
fn together(functions: &[Vec<Sign>]) -> Option<Sign> {
    let last: Vec<&Sign> = functions.iter().filter_map(|signs| signs.last()).collect();
    let of =
        |status: Status| last.iter().copied().filter(|sign| sign.status == status).max_by_key(|s| s.at());
    for status in [Status::Failed, Status::FailedRetried, Status::Cancelled, Status::Running, Status::Paused]
    {
        if let Some(sign) = of(status) {
            return Some(sign.clone());
        }
    }
    let (pending, complete) = (of(Status::Pending), of(Status::Complete));
    // One that waits behind one that is done waits for its inputs.
    let paused = |pending: &Sign| Sign { status: Status::Paused, ..pending.clone() };
    match (pending, complete) {
        (Some(pending), Some(_)) => Some(paused(pending)),
        (pending, complete) => pending.or(complete).cloned(),
    }
}
