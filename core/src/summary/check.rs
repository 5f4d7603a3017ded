//! Whether the summaries of a store are what they should be.

use std::collections::BTreeMap;

use super::{FOLDER, Summary, of_package, packages, path};
use crate::check::{Finding, Problem};
use crate::order::Order as _;
use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot};

/// A summary that is not as it should be, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// What is wrong.
    pub finding: Finding,
    /// The file, from the store's root.
    pub path: String,
    /// What belongs into it; none for a file that should not be there.
    pub text: Option<String>,
}

/// Compares the summaries of a store with its documents: `stored` has each file of [`FOLDER`] by its
/// path from the store's root, and `tree` tells git's id of a package's folder. The result is sorted by
/// path.
///
/// # Errors
/// What must be loaded.
pub fn check(
    snapshot: &Snapshot,
    stored: &BTreeMap<String, Vec<u8>>,
    tree: impl Fn(&Ref) -> String,
) -> Result<Vec<Mend>, Needs> {
    let mut needs = Needs::default();
    let mut wanted: BTreeMap<String, (Ref, Summary)> = BTreeMap::new();
    for package in needs.take(packages(snapshot)).unwrap_or_default() {
        if let Some(Some(summary)) = needs.take(of_package(snapshot, &package, &tree(&package))) {
            wanted.insert(path(&package), (package, summary));
        }
    }
    needs.settle(())?;
    let mut mends = Vec::new();
    let mut mend = |path: &str, place: &str, message: String, text: Option<String>| {
        let place = place.to_owned();
        let finding = Finding { place, problem: Problem::Summary, message, fixable: true };
        mends.push(Mend { finding, path: path.to_owned(), text });
    };
    for (path, (package, summary)) in &wanted {
        let text = summary.to_text();
        let message = match stored.get(path) {
            Some(bytes) if *bytes == text.as_bytes() => continue,
            Some(bytes) => match Summary::parse(bytes) {
                Some(_) => format!("{path} is out of date; --fix writes it anew"),
                None => format!("{path} is not a summary; --fix writes it anew"),
            },
            None => format!("there is no {path}, which viewers look at first; --fix writes it"),
        };
        mend(path, package.as_str(), message, Some(text));
    }
    // What people put beside them is theirs.
    let summaries = stored.keys().filter(|path| {
        let name = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| name.ends_with(".json") && !name.contains('/'))
    });
    for path in summaries.filter(|path| !wanted.contains_key(*path)) {
        let message = format!("{path} is the summary of no package that has releases; --fix deletes it");
        mend(path, path, message, None);
    }
    mends.order_by(|a, b| a.path.cmp(&b.path));
    Ok(mends)
}
