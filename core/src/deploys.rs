//! Which deployments came of which commits.
//!
//! ```
//! use ocuroot_core::deploys;
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let mut snapshot = Snapshot::empty();
//! for at in ["shop/-/web.ocu.star/@r4/commit/c0ffee", "shop/-/web.ocu.star/@r4/deploy/prod"] {
//!     snapshot.put(&at.parse()?, Document::new("", &()));
//! }
//! let found = deploys::of_commits(&snapshot, "shop", &["beef".into(), "c0ffee".into()]).unwrap();
//! assert_eq!(found[0].reference.as_str(), "shop/-/web.ocu.star/@r4/deploy/prod");
//! assert!(deploys::of_commits(&snapshot, "shop", &["beef".into()]).unwrap().is_empty());
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::collections::BTreeMap;

use serde::Serialize;

use crate::documents::Release;
use crate::envelope::Document;
use crate::glob::Glob;
use crate::natural;
use crate::order::{Gather as _, Order as _};
use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot};

/// A release that was put into an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// `…/@r<N>/deploy/<environment>`: what its last complete run came to. That may be its end.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// `…/@r<N>`.
    pub release: Ref,
    /// Where it was deployed.
    pub environment: String,
    /// Full hash of the release's commit.
    pub commit: String,
    /// Whether it is what is deployed there now.
    pub live: bool,
}

/// The deployments of all packages of `repo` whose release is of one of `commits`, each once: in the
/// order of the commits, then by package, number and environment. Only what was complete once is a
/// deployment.
///
/// # Errors
/// What must be loaded.
pub fn of_commits(snapshot: &Snapshot, repo: &str, commits: &[String]) -> Result<Vec<Deployment>, Needs> {
    let order: BTreeMap<&str, usize> =
        (0..).zip(commits).map(|(index, commit)| (commit.as_str(), index)).gather();
    let repo = Glob::escape(repo);
    let search = |pattern: &str| match Glob::new(&format!("{repo}/-/**/{pattern}")) {
        Ok(glob) => snapshot.search(&glob),
        Err(_) => Ok(Vec::new()),
    };
    let mut needs = Needs::default();
    let markers = needs.take(search("@?*/commit/*")).unwrap_or_default();
    let deploys = needs.take(search("@?*/deploy/*")).unwrap_or_default();
    let current = needs.take(search("@/deploy/*")).unwrap_or_default();
    let mut needs = needs.settle(Needs::default())?;
    let mut of_release: BTreeMap<Ref, String> = BTreeMap::new();
    for marker in markers {
        of_release.insert(marker.release_ref(), marker.subpath().to_owned());
    }
    let mut live = Vec::new();
    for link in current {
        let document = needs.take(snapshot.get(&link)).flatten();
        live.extend(document.and_then(Document::target).cloned());
    }
    let mut found = Vec::new();
    for reference in deploys {
        let release = reference.release_ref();
        let commit = match of_release.get(&release) {
            Some(commit) => commit.clone(),
            None => {
                let document = needs.take(snapshot.get(&release)).flatten();
                let commit = document.and_then(Document::read::<Release>).map(|release| release.commit);
                let commit = commit.unwrap_or_default();
                of_release.insert(release.clone(), commit.clone());
                commit
            }
        };
        let Some(index) = order.get(commit.as_str()) else { continue };
        let environment = reference.subpath().to_owned();
        let live = live.contains(&reference);
        found.push((*index, Deployment { reference, release, environment, commit, live }));
    }
    found.order_by(|(one_index, one), (other_index, other)| {
        let text = |deployment: &Deployment| deployment.reference.to_string();
        one_index.cmp(other_index).then_with(|| natural::compare(&text(one), &text(other)))
    });
    needs.settle(found.into_iter().map(|(_, deployment)| deployment).collect())
}
