//! Where documents lie in a store, on a disk and in git alike: `refs/<canonical ref>/@object.json`.

use ocuroot_core::glob::Descent;
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::{Marker as Side, Ref};

/// The folder of all documents.
pub(super) const REFS: &str = "refs";
/// The file that holds a document.
pub(super) const OBJECT: &str = "@object.json";

/// Where a document lies: in which store, and under which path in its folder. None for a ref that
/// no store can hold: one that is relative (`./…`).
pub(super) fn document_path(reference: &Ref) -> Option<(Side, String)> {
    let side = reference.marker().unwrap_or(Side::State);
    let document = reference.document().to_state();
    let path = document.as_str();
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return None;
    }
    let slash = if path.is_empty() { "" } else { "/" };
    Some((side, format!("{REFS}/{path}{slash}{OBJECT}")))
}

/// What a folder below `refs/` holds.
pub(super) struct Listing {
    /// Below `refs/`.
    pub(super) path: String,
    /// Whether a document lies directly in it.
    pub(super) document: bool,
    /// The names of the folders in it.
    pub(super) folders: Vec<String>,
}

impl Listing {
    /// Of a folder that is not there, or of which nothing is known yet.
    pub(super) fn empty(path: String) -> Listing {
        Listing { path, document: false, folders: Vec::new() }
    }

    /// Tells a snapshot.
    pub(super) fn record(&self, side: Side, snapshot: &mut Snapshot) {
        snapshot.list(side, &self.path, self.document, self.folders.iter().map(String::as_str));
    }

    /// The path of a folder in this one.
    pub(super) fn child(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        }
    }

    /// The folders in this one below which something could match.
    pub(super) fn matching<'g>(&self, descent: &Descent<'g>) -> impl Iterator<Item = (Descent<'g>, String)> {
        self.folders.iter().filter_map(|name| {
            let below = descent.enter(name);
            below.may_match_below().then(|| (below, self.child(name)))
        })
    }
}

/// The one spelling of a folder that is asked for. None for a pattern's prefix that leads out of the
/// store: such a prefix is anybody's text.
pub(super) fn inside(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let out = segments.iter().any(|segment| matches!(*segment, "." | "..") || segment.contains('\0'));
    (!out).then(|| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_no_store_holds_have_no_path() {
        let path = |text: &str| document_path(&text.parse().unwrap());
        assert_eq!(path("+/custom/a#b"), Some((Side::Intent, "refs/@/custom/a/@object.json".to_owned())));
        assert_eq!(path(""), Some((Side::State, "refs/@object.json".to_owned())));
        assert_eq!(path("./-/p/@"), None);
    }
}
