//! What a viewer needs first of a package, in one small file.
//!
//! A store of a hundred thousand documents is slow to list, so every transaction on a git state store
//! rewrites a summary for each package that it touched (spec: store, "Summaries"). It is derived from
//! the documents of that package in state and from nothing else, so the same documents give the same
//! bytes; and nothing that decides ever reads one.
//!
//! ```json
//! {"package":"shop/-/web.ocu.star","tree":"9f2c…",
//!  "counts":{"releases":31,"runs":{"complete":118,"pending":2}},
//!  "live":{"prod":{"release":"r30","since":"2026-01-02T00:01:30Z","took":90,
//!                  "samples":[[30,1,95],[29,1,90],[28,2,88]],"intent":"5b7e…"}},
//!  "releases":[{"id":"r31","commit":"a41d…","subject":"Faster start","author":"Ada","tags":["v2.4"],
//!               "time":"2026-01-03T00:00:00Z","status":"paused","runs":{"complete":1,"pending":2},
//!               "open":{"deploy/prod":{"status":"pending","since":"2026-01-03T00:00:00Z","attempts":1,
//!                                      "waits":["shop/-/web.ocu.star/@/custom/approve"]}},
//!               "uses":["shop/-/web.ocu.star/@/custom/approve"]}],
//!  "phases":[["staging"],["prod"]],
//!  "work":{"ops":["@r31/op/check_envs"],"custom":"0b61…",
//!          "inputs":[{"from":["@/environment/*"],"values":{"prod":"77aa…"}}]}}
//! ```
//!
//! It is put together from parts that each depend on few documents, and says of each part on which:
//!
//! * a release on what lies in its own folder, and on what its open runs ask for elsewhere in the
//!   package: `uses`;
//! * what is live in an environment on the link `…/@/deploy/<environment>`, the Task that it leads to,
//!   the end of that Task's run, and `samples`, one for each of the newest deployments there;
//! * `phases` on the document of the newest release;
//! * `work` on which operations and custom state there are, and on the inputs of those Tasks.
//!
//! So [`update`] makes, from the summary that is there, the one that [`of_package`] would make of the
//! whole package, and reads only the releases and deployments that a transaction touches. What is cut
//! off for want of room leaves behind how long it was (`cut`), so that nobody has to look in order to
//! know whether it fits again.
//!
//! A stored summary that this version would not have written with the same bytes (one of a newer tool,
//! with fields of its own; one that somebody edited) is no ground to build on: it is replaced by one
//! made of the whole. To look at, any that has the known fields will do: [`Summary::parse`].
//!
//! ```
//! use ocuroot_core::summary;
//!
//! let package = "github.com/example/shop/-/web.ocu.star".parse()?;
//! assert_eq!(
//!     summary::path(&package),
//!     ".ocuroot/summary/github.com%2Fexample%2Fshop%2F-%2Fweb.ocu.star.json"
//! );
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

mod bounded;
mod check;
mod glance;
mod live;
mod release;
mod update;
mod whole;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::documents::Status;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Needs, Snapshot};

pub use check::{Mend, check};
pub use glance::glance;
pub(crate) use release::phases;
pub use update::{Trees, touched, update};
pub use whole::{of_package, standing};
pub use work::{Asked, Sum, Work, hash};

/// How many releases a summary tells of.
pub const RELEASES: usize = 20;

/// The most that a summary's text has, in bytes. What people look at first is cut last; the counts
/// stay. Only a package with far more than 40 environments can have a longer one.
pub const MOST_BYTES: usize = 16 * 1024;

/// Where summaries lie, from the store's root.
pub const FOLDER: &str = ".ocuroot/summary";

/// The longest file name that is not a hash, in bytes, without `.json`.
const LONGEST_NAME: usize = 200;

/// As `encodeURIComponent`, but for its five marks that few names hold.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A package at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The package.
    pub package: Ref,
    /// Git's id of its folder below `refs/`. A viewer that finds another there lists the folder.
    pub tree: String,
    /// How much there is in all.
    pub counts: Counts,
    /// What is deployed, by environment.
    #[serde(default)]
    pub live: BTreeMap<String, Live>,
    /// The newest releases, newest first.
    #[serde(default)]
    pub releases: Vec<ReleaseSummary>,
    /// The environments to which each phase of the newest release deploys, but for phases that deploy
    /// nowhere. None in a summary of an older tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Vec<Vec<String>>>,
    /// What may be work besides runs. None in a summary of an older tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

/// How much a package has in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Releases.
    pub releases: usize,
    /// Runs of all releases in each status.
    #[serde(default)]
    pub runs: BTreeMap<Status, usize>,
}

/// What is deployed to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The release, `r12`.
    pub release: String,
    /// When it was deployed, RFC 3339. Empty when the store does not say.
    pub since: String,
    /// How long a deployment to it takes, in seconds: the median of `samples`. None where no store
    /// of theirs says when they began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// How long the newest deployments took, a few of them, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// The blob id of the intent that it was deployed from. An intent store that holds another at
    /// `…/@/deploy/<environment>` wants something else, which nobody has to open to see.
    pub intent: String,
}

/// How long one deployment took. Written as `[release, run, seconds]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub struct Sample {
    /// Number of its release.
    pub release: u64,
    /// Number of its run.
    pub run: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
}

impl From<(u64, u64, u64)> for Sample {
    fn from((release, run, seconds): (u64, u64, u64)) -> Sample {
        Sample { release, run, seconds }
    }
}

impl From<Sample> for (u64, u64, u64) {
    fn from(Sample { release, run, seconds }: Sample) -> (u64, u64, u64) {
        (release, run, seconds)
    }
}

/// A release at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSummary {
    /// Its name, `r12`.
    pub id: String,
    /// The source commit.
    pub commit: String,
    /// First line of the commit's message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The commit's author.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Its tags, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it was made, RFC 3339. Empty when the store does not say.
    pub time: String,
    /// Where it stands.
    pub status: Status,
    /// Its runs in each status.
    #[serde(default)]
    pub runs: BTreeMap<Status, usize>,
    /// Tasks and deployments whose newest run is not complete, by name (`deploy/prod`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<String, Open>,
    /// How many of those were left out for want of room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
    /// What its open runs ask for that lies in the package but not in the release: a change of those
    /// can change what they wait for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uses: BTreeSet<Ref>,
    /// Where something was left out for want of room: how long this release's text was before each
    /// cut, in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<usize>,
}

/// A task or deployment that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Where its newest run stands.
    pub status: Status,
    /// Since when, RFC 3339.
    pub since: String,
    /// How many runs it has had.
    pub attempts: u64,
    /// Refs and globs of refs that it waits for, a few of them. What lies in other packages is named
    /// whether it is there or not: a summary knows one package. Environments are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Summary {
    /// The text to store: JSON in one line, and a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        json(self) + "\n"
    }

    /// Reads a stored summary, to look at; fields that this version does not know are left out. None
    /// when it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Summary> {
        serde_json::from_slice(bytes).ok()
    }
}

fn json(value: &impl Serialize) -> String {
    // Keys are strings and names of statuses, so there is nothing that can fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// Where the summary of a package lies, from the store's root.
#[must_use]
pub fn path(package: &Ref) -> String {
    let mut name = utf8_percent_encode(package.as_str(), ENCODED).to_string();
    if name.len() > LONGEST_NAME {
        let hash = Sha256::digest(package.as_str());
        name = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    }
    format!("{FOLDER}/{name}.json")
}

/// The packages that may have a summary: those with a folder of a release, sorted. No such folder is
/// looked into: that is where nearly all of a store lies.
///
/// # Errors
/// The folders around them that must be listed.
pub fn packages(snapshot: &Snapshot) -> Result<BTreeSet<Ref>, Needs> {
    let mut needs = Needs::default();
    let mut packages = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        for name in needs.take(snapshot.children(Marker::State, &path)).unwrap_or_default() {
            let inside = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            if !name.starts_with('@') {
                open.push(inside);
            } else if let Some(release) = inside.parse::<Ref>().ok().filter(is_release) {
                packages.insert(release.package());
            }
        }
    }
    needs.settle(packages)
}

fn is_release(at: &Ref) -> bool {
    at.release_number().is_some()
}
