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

use crate::documents::{self, Status};
use crate::glob::Glob;
use crate::order::Order as _;
use crate::refs::{Kind, Marker, Ref};
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
        standing(&self.statuses)
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
    search(snapshot, release, Level::Release, Wanted::default())
}

/// All runs of one task or deployment of a release, by number.
///
/// # Errors
/// What must be loaded.
pub fn of_place(snapshot: &Snapshot, place: &Ref) -> Result<Vec<RunEntry>, Needs> {
    search(snapshot, place, Level::Place, Wanted::default())
}

/// All runs of one package, in every release.
///
/// # Errors
/// What must be loaded.
pub fn of_package(snapshot: &Snapshot, package: &Ref) -> Result<Vec<RunEntry>, Needs> {
    search(snapshot, package, Level::Package, Wanted::default())
}

/// All runs that deploy a package to one environment, or take it down there, in every release.
///
/// # Errors
/// What must be loaded.
pub fn of_deployment(snapshot: &Snapshot, package: &Ref, environment: &str) -> Result<Vec<RunEntry>, Needs> {
    search(snapshot, package, Level::Package, Wanted { environment: Some(environment), ..Wanted::default() })
}

/// All runs that deploy to one environment, or take something down there, of every package.
///
/// # Errors
/// What must be loaded.
pub fn of_environment(snapshot: &Snapshot, environment: &str) -> Result<Vec<RunEntry>, Needs> {
    search(
        snapshot,
        &Ref::default(),
        Level::Root,
        Wanted { environment: Some(environment), ..Wanted::default() },
    )
}

/// All runs of a store.
///
/// # Errors
/// What must be loaded.
pub fn of_store(snapshot: &Snapshot) -> Result<Vec<RunEntry>, Needs> {
    search(snapshot, &Ref::default(), Level::Root, Wanted::default())
}

/// All runs of a store that have the marker of a running one; other markers are not looked at.
///
/// # Errors
/// What must be loaded.
pub fn running(snapshot: &Snapshot) -> Result<Vec<RunEntry>, Needs> {
    let Ok(glob) = Glob::new("**/@?*/{task,deploy}/*/*/status/running") else { return Ok(Vec::new()) };
    let run = |marker: Ref| {
        let (run, _) = marker.as_str().split_once("/status/")?;
        let (place, number) = run.rsplit_once('/')?;
        Some(RunEntry {
            reference: run.parse().ok()?,
            place: place.parse().ok()?,
            number: number.parse().ok()?,
            statuses: vec![Status::Running],
        })
    };
    Ok(snapshot.search(&glob)?.into_iter().filter_map(run).collect())
}

/// Those of [`of_store`] that may start: pending or paused.
///
/// # Errors
/// What must be loaded.
pub fn startable(snapshot: &Snapshot) -> Result<Vec<RunEntry>, Needs> {
    search(snapshot, &Ref::default(), Level::Root, Wanted { startable: true, ..Wanted::default() })
}

/// Those of [`startable`] that are somewhere below a folder of the store.
///
/// # Errors
/// What must be loaded.
pub(crate) fn startable_below(snapshot: &Snapshot, path: &str) -> Result<Vec<RunEntry>, Needs> {
    search_below(snapshot, path, Level::Path, Wanted { startable: true, ..Wanted::default() })
}

/// The run that `reference` names, with its statuses; none when it is not there.
///
/// # Errors
/// What must be loaded.
pub fn find(snapshot: &Snapshot, reference: &Ref) -> Result<Option<RunEntry>, Needs> {
    Ok(search(snapshot, reference, Level::Run, Wanted::default())?.into_iter().next())
}

/// What a folder is, on the way from a store's root down to the status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Root,
    /// Part of a repo's name or of a path.
    Path,
    /// A package: only its releases are of interest.
    Package,
    Release,
    /// `task` or `deploy`.
    Kind,
    Place,
    Run,
    Statuses,
    Status,
}

/// Which runs are wanted.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted<'a> {
    /// Those of deployments to this environment only.
    environment: Option<&'a str>,
    /// Pending or paused ones only.
    startable: bool,
}

impl Level {
    /// What the folder `name` in a folder of this level is; none when no run can be there.
    fn below(self, name: &str, wanted: Wanted<'_>) -> Option<Level> {
        match self {
            // `@` alone is the current release, which has no runs of its own.
            Level::Root => (!name.starts_with('@')).then_some(Level::Path),
            Level::Path | Level::Package if name.len() > 1 && name.starts_with('@') => Some(Level::Release),
            Level::Path => (name != "@").then_some(Level::Path),
            Level::Package | Level::Status => None,
            Level::Release => {
                let kind = name == "deploy" || name == "task" && wanted.environment.is_none();
                kind.then_some(Level::Kind)
            }
            Level::Kind => wanted.environment.is_none_or(|wanted| wanted == name).then_some(Level::Place),
            Level::Place => number(name).map(|_| Level::Run),
            Level::Run => (name == "status").then_some(Level::Statuses),
            Level::Statuses => Status::from_name(name).map(|_| Level::Status),
        }
    }

    /// The pattern of all runs and their statuses below the folder at `path`: how much is to be
    /// listed in one go.
    fn pattern(self, path: &str, wanted: Wanted<'_>) -> String {
        let path = Glob::escape(path);
        let place = match wanted.environment {
            Some(environment) => format!("deploy/{}", Glob::escape(environment)),
            None => "{task,deploy}/*".to_owned(),
        };
        let run = "*{,/status/*}";
        match self {
            Level::Root => format!("**/@?*/{place}/{run}"),
            Level::Path => format!("{path}/{{,**/}}@?*/{place}/{run}"),
            Level::Package => format!("{path}/@?*/{place}/{run}"),
            Level::Release => format!("{path}/{place}/{run}"),
            Level::Place => format!("{path}/{run}"),
            Level::Run | Level::Kind | Level::Statuses | Level::Status => format!("{path}{{,/status/*}}"),
        }
    }
}

fn search(
    snapshot: &Snapshot,
    start: &Ref,
    level: Level,
    wanted: Wanted<'_>,
) -> Result<Vec<RunEntry>, Needs> {
    search_below(snapshot, start.as_str(), level, wanted)
}

/// The runs below `start`, by place and number. Walks folders by what refs look like, which is many
/// times faster than to match a pattern against each.
fn search_below(
    snapshot: &Snapshot,
    start: &str,
    level: Level,
    wanted: Wanted<'_>,
) -> Result<Vec<RunEntry>, Needs> {
    // Built from escaped text, so there is nothing that could be malformed.
    let Ok(glob) = Glob::new(&level.pattern(start, wanted)) else { return Ok(Vec::new()) };
    let mut found: Vec<RunEntry> = Vec::new();
    // A run comes right before its statuses, and most are over: those cost no ref.
    let mut run = String::new();
    let mut statuses = Vec::new();
    let enter = |level: Level, name: &str| level.below(name, wanted);
    snapshot.walk(Marker::State, start, level, &glob, &enter, &mut |level, path| match level {
        Level::Run => {
            found.extend(entry(&run, std::mem::take(&mut statuses), wanted, found.last()));
            path.clone_into(&mut run);
        }
        Level::Status if !run.is_empty() => {
            let status = path.strip_prefix(run.as_str()).and_then(|rest| rest.strip_prefix("/status/"));
            statuses.extend(status.and_then(Status::from_name));
        }
        _ => {}
    })?;
    found.extend(entry(&run, statuses, wanted, found.last()));
    found.order_by(|a, b| (a.place.as_str(), a.number).cmp(&(b.place.as_str(), b.number)));
    Ok(found)
}

/// The run at `path`, if it is wanted; `last` is the one before, mostly at the same place.
fn entry(path: &str, statuses: Vec<Status>, wanted: Wanted<'_>, last: Option<&RunEntry>) -> Option<RunEntry> {
    let starts = matches!(standing(&statuses), Status::Pending | Status::Paused);
    if wanted.startable && !starts {
        return None;
    }
    let (place, name) = path.rsplit_once('/')?;
    let place = match last.filter(|last| last.place.as_str() == place) {
        Some(last) => last.place.clone(),
        None => place.parse().ok()?,
    };
    Some(RunEntry { reference: path.parse().ok()?, place, number: number(name)?, statuses })
}

/// Where a run with these markers stands.
fn standing(statuses: &[Status]) -> Status {
    const ENDED_FIRST: [Status; 7] = [
        Status::Complete,
        Status::FailedRetried,
        Status::Cancelled,
        Status::Failed,
        Status::Running,
        Status::Paused,
        Status::Pending,
    ];
    ENDED_FIRST.into_iter().find(|status| statuses.contains(status)).unwrap_or(Status::Pending)
}

/// The number of a run, from the name of its folder.
fn number(name: &str) -> Option<u64> {
    let canonical = !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| name.parse().ok()).flatten()
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
    fn runs_are_where_refs_say_and_nowhere_else() {
        let mut snapshot = Snapshot::empty();
        for at in [
            "s/-/p/@r1/task/build/2",
            "s/-/p/@r1/task/build/10",
            "s/-/p/@r1/task/build/10/status/failed",
            "s/-/p/@r1/task/build/10/status/odd",
            "s/-/p/@r1/task/build/10/logs",
            "s/-/p/@r1/task/build/01",
            "s/-/p/@r1/task/build/x",
            "s/-/p/@r1/task/build/3/status/complete",
            "s/-/p/@r1/task/build/2/task/1",
            "s/-/p/@r1/task/build",
            "s/-/p/@r1/deploy/prod/1",
            "s/-/p/@/deploy/prod/1",
            "s/-/p/@r2/custom/task/build/1",
            "s/-/p/task/@r1/deploy/qa/1",
            "@r1/task/x/1",
        ] {
            snapshot.put(&at.parse().unwrap(), crate::envelope::Document::new("", &()));
        }
        let found: Vec<String> = of_store(&snapshot)
            .unwrap()
            .iter()
            .map(|run| format!("{} {} {}", run.place, run.number, run.status()))
            .collect();
        assert_eq!(
            found,
            [
                "s/-/p/@r1/deploy/prod 1 pending",
                "s/-/p/@r1/task/build 2 pending",
                "s/-/p/@r1/task/build 10 failed",
                "s/-/p/task/@r1/deploy/qa 1 pending",
            ]
        );
        let count = |found: Result<Vec<RunEntry>, Needs>| found.unwrap().len();
        assert_eq!(count(of_environment(&snapshot, "prod")), 1);
        assert_eq!(count(of_deployment(&snapshot, &"s/-/p".parse().unwrap(), "prod")), 1);
        assert_eq!(count(of_package(&snapshot, &"s/-/p".parse().unwrap())), 3);
        assert_eq!(count(of_release(&snapshot, &"s/-/p/@r1".parse().unwrap())), 3);
        assert_eq!(count(of_place(&snapshot, &"s/-/p/@r1/task/build".parse().unwrap())), 2);
        assert!(find(&snapshot, &"s/-/p/@r1/task/build/3".parse().unwrap()).unwrap().is_none());
    }
}
