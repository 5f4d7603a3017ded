//! The summaries that screens are drawn from: those that a store keeps, or where it keeps none, those
//! made here of its documents.
//!
//! ```
//! use ocuroot_core::screens::{Depth, summaries};
//! use ocuroot_core::snapshot::Snapshot;
//!
//! // A store without summaries is listed; this one is empty.
//! assert!(summaries::all(&Snapshot::empty(), None, Depth::First).unwrap().is_empty());
//! assert!(!summaries::all(&Snapshot::default(), None, Depth::First).unwrap_err().folders.is_empty());
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::standing::Depth;
use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{self, Summary};

/// Every package's summary. `stored` are those that the store keeps. Of one that keeps none the folders are
/// listed: at first those of what is current and of the newest releases, and then all, and what they tell
/// of is read; but for how long deployments took, and what may be work.
///
/// # Errors
/// What must be loaded.
pub fn all<'a>(
    snapshot: &Snapshot,
    stored: Option<&'a BTreeMap<Ref, Summary>>,
    depth: Depth,
) -> Result<Cow<'a, BTreeMap<Ref, Summary>>, Needs> {
    if let Some(stored) = stored.filter(|stored| !stored.is_empty()) {
        return Ok(Cow::Borrowed(stored));
    }
    let mut needs = Needs::default();
    let mut made = BTreeMap::new();
    for package in summary::packages(snapshot)? {
        let summary = match depth {
            Depth::First => summary::glance(snapshot, &package),
            Depth::Whole => summary::standing(snapshot, &package),
        };
        if let Some(Some(summary)) = needs.take(summary) {
            made.insert(package, summary);
        }
    }
    needs.settle(Cow::Owned(made))
}

/// One package's summary, with all that it tells; none where it has no release.
///
/// # Errors
/// What must be loaded.
pub fn one<'a>(
    snapshot: &Snapshot,
    stored: Option<&'a BTreeMap<Ref, Summary>>,
    package: &Ref,
) -> Result<Option<Cow<'a, Summary>>, Needs> {
    if let Some(stored) = stored.and_then(|stored| stored.get(package)) {
        return Ok(Some(Cow::Borrowed(stored)));
    }
    // Nothing here compares trees, so nobody has to ask for the id of one.
    Ok(summary::of_package(snapshot, package, "")?.map(Cow::Owned))
}
