//! The summaries that screens are drawn from: those that a store keeps, or where it keeps none, those
//! made here of its documents.
//!
//! ```
//! use ocuroot_core::screens::summaries;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! // A store without summaries is listed once; this one is empty.
//! assert!(summaries::all(&Snapshot::empty(), None).unwrap().is_empty());
//! assert!(!summaries::all(&Snapshot::default(), None).unwrap_err().folders.is_empty());
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{self, Summary};

/// Every package's summary. `stored` are those that the store keeps; one that keeps none is listed as a
/// whole, and all that they tell is read.
///
/// # Errors
/// What must be loaded.
pub fn all<'a>(
    snapshot: &Snapshot,
    stored: Option<&'a BTreeMap<Ref, Summary>>,
) -> Result<Cow<'a, BTreeMap<Ref, Summary>>, Needs> {
    if let Some(stored) = stored.filter(|stored| !stored.is_empty()) {
        return Ok(Cow::Borrowed(stored));
    }
    let mut needs = Needs::default();
    let mut made = BTreeMap::new();
    for package in summary::packages(snapshot)? {
        // Nothing here compares trees, so nobody has to ask for the id of one.
        if let Some(Some(summary)) = needs.take(summary::of_package(snapshot, &package, "")) {
            made.insert(package, summary);
        }
    }
    needs.settle(Cow::Owned(made))
}

/// One package's summary, as in [`all`]; none where it has no release.
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
    Ok(summary::of_package(snapshot, package, "")?.map(Cow::Owned))
}
