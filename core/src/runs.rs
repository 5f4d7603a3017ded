//! Which runs there are, and where each stands.
//!
//! A run is told by where its documents lie: `…/@r4/task/build/1` is the first attempt at the task
//! `build` of release 4, and `…/1/status/complete` says that it is done. So runs and their statuses
//! are read off listings, without opening a document.
//!
//! ```
//! use ocuroot_core::documents::Status;
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::runs;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let mut snapshot = Snapshot::empty();
//! for at in ["s/-/p/@r4/task/build/1", "s/-/p/@r4/task/build/1/status/complete"] {
//!     snapshot.put(&at.parse()?, Document::new("", &()));
//! }
//! let found = runs::of_release(&snapshot, &"s/-/p/@r4".parse()?).unwrap();
//! assert_eq!(found[0].number, 1);
//! assert_eq!(found[0].status(), Status::Complete);
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::BTreeMap;

use crate::documents::{self, Status};
use crate::glob::Glob;
use crate::refs::{Kind, Ref};
use crate::snapshot::{Needs, Snapshot};

/// A run, as far as listings tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// `…/@r<N>/{task,deploy}/<name>/<n>`.
    pub reference: Ref,
    /// The task or deployment that it is an attempt at: the ref without `<n>`.
    pub place: Ref,
    /// `n`, from 1.
    pub number: u64,
    /// The statuses it has a marker for: one, where nothing went wrong.
    pub statuses: Vec<Status>,
}

impl RunEntry {
    /// Where the run stands. Without a marker it is pending. With several, the one that is least
    /// likely to do work twice counts: an ended run stays ended.
    #[must_use]
    pub fn status(&self) -> Status {
        const ENDED_FIRST: [Status; 7] = [
            Status::Complete,
            Status::FailedRetried,
            Status::Cancelled,
            Status::Failed,
            Status::Running,
            Status::Paused,
            Status::Pending,
        ];
        ENDED_FIRST.into_iter().find(|status| self.statuses.contains(status)).unwrap_or(Status::Pending)
    }

    /// The release it belongs to.
    #[must_use]
    pub fn release(&self) -> Ref {
        self.place.release_ref()
    }

    /// Name of the task, or of the environment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.subpath()
    }

    /// Whether it is a run of a deployment.
    #[must_use]
    pub fn is_deploy(&self) -> bool {
        self.place.kind() == Some(Kind::Deploy)
    }

    /// What it does, where its body does not say.
    #[must_use]
    pub fn default_type(&self) -> documents::RunType {
        if self.is_deploy() { documents::RunType::Up } else { documents::RunType::Task }
    }
}

/// All runs of one release, by place and number.
///
/// # Errors
/// What must be loaded.
pub fn of_release(snapshot: &Snapshot, release: &Ref) -> Result<Vec<RunEntry>, Needs> {
    matching(snapshot, &format!("{}/{{task,deploy}}/**", Glob::escape(release.as_str())))
}

/// All runs of one task or deployment of a release, by number.
///
/// # Errors
/// What must be loaded.
pub fn of_place(snapshot: &Snapshot, place: &Ref) -> Result<Vec<RunEntry>, Needs> {
    matching(snapshot, &format!("{}/**", Glob::escape(place.as_str())))
}

/// All runs of one package, in every release.
///
/// # Errors
/// What must be loaded.
pub fn of_package(snapshot: &Snapshot, package: &Ref) -> Result<Vec<RunEntry>, Needs> {
    matching(snapshot, &format!("{}/@?*/{{task,deploy}}/**", Glob::escape(package.as_str())))
}

/// All runs that deploy a package to one environment, or take it down there, in every release.
///
/// # Errors
/// What must be loaded.
pub fn of_deployment(snapshot: &Snapshot, package: &Ref, environment: &str) -> Result<Vec<RunEntry>, Needs> {
    let (package, environment) = (Glob::escape(package.as_str()), Glob::escape(environment));
    matching(snapshot, &format!("{package}/@?*/deploy/{environment}/**"))
}

/// All runs of a store.
///
/// # Errors
/// What must be loaded.
pub fn of_store(snapshot: &Snapshot) -> Result<Vec<RunEntry>, Needs> {
    matching(snapshot, "**/@?*/{task,deploy}/**")
}

/// The run that `reference` names, with its statuses; none when it is not there.
///
/// # Errors
/// What must be loaded.
pub fn find(snapshot: &Snapshot, reference: &Ref) -> Result<Option<RunEntry>, Needs> {
    let pattern = format!("{}{{,/status/*}}", Glob::escape(reference.as_str()));
    Ok(matching(snapshot, &pattern)?.into_iter().next())
}

fn matching(snapshot: &Snapshot, pattern: &str) -> Result<Vec<RunEntry>, Needs> {
    // Built from an escaped ref, so there is nothing that could be malformed.
    let Ok(glob) = Glob::new(pattern) else { return Ok(Vec::new()) };
    let mut found: BTreeMap<(String, u64), (bool, Vec<Status>)> = BTreeMap::new();
    snapshot.search_paths(&glob, &mut |path| {
        if let Some((place, number, rest)) = split(path) {
            let entry = || (false, Vec::new());
            if rest.is_empty() {
                found.entry((place.to_owned(), number)).or_insert_with(entry).0 = true;
            } else if let Some(status) = rest.strip_prefix("status/").and_then(Status::from_name) {
                found.entry((place.to_owned(), number)).or_insert_with(entry).1.push(status);
            }
        }
    })?;
    let run = |((place, number), (there, statuses)): ((String, u64), (bool, Vec<Status>))| {
        let place: Ref = place.parse().ok()?;
        let reference = place.child(&number.to_string()).ok()?;
        there.then_some(RunEntry { reference, place, number, statuses })
    };
    Ok(found.into_iter().filter_map(run).collect())
}

/// Splits `<place>/<n>[/<rest>]`. Names hold no `/`, so the place ends after type and name.
fn split(path: &str) -> Option<(&str, u64, &str)> {
    let marker = path.find("/@").map_or(0, |slash| slash + 1);
    let mut ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > marker);
    let (_release, _kind, name) = (ends.next()?, ends.next()?, ends.next()?);
    let number_end = ends.next().unwrap_or(path.len());
    let number = path.get(name + 1..number_end)?;
    if number.starts_with('0') || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = path.get(number_end..)?.trim_start_matches('/');
    Some((path.get(..name)?, number.parse().ok()?, rest))
}

/// The statuses of all runs of a release, and what they come to.
///
/// # Errors
/// What must be loaded.
pub fn release_status(snapshot: &Snapshot, release: &Ref) -> Result<Status, Needs> {
    let statuses: Vec<Status> = of_release(snapshot, release)?.iter().map(RunEntry::status).collect();
    Ok(Status::of_release(&statuses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_into_place_number_and_rest() {
        for (path, expected) in [
            ("s/-/p/@r1/task/build/1", Some(("s/-/p/@r1/task/build", 1, ""))),
            ("s/-/p/@r1/deploy/prod/12/status/complete", Some(("s/-/p/@r1/deploy/prod", 12, "status/complete"))),
            ("s/-/p/@r1/deploy/prod", None),
            ("s/-/p/@r1/deploy/prod/x", None),
            ("s/-/p/@r1/deploy/prod/01", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }
}
