//! The file that says which version of store lies in a folder: `.ocuroot-store`.

use serde_json::{Map, Value};

use super::id::Id;
use crate::refs::Marker;

/// Its name in a store's folder.
pub(super) const NAME: &str = ".ocuroot-store";

/// The layout of a store. The second and the third version differ in their marker only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Version 1: to be read whole, and translated.
    First,
    /// Version 2 or 3.
    Current,
}

/// Why a marker says no layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is of the other store.
    Side,
    /// A version that this build does not know, as it is written there.
    Version(String),
    /// It is no marker, and why.
    Text(String),
}

/// What a marker's bytes say of the store of `side`.
///
/// # Errors
/// When they say nothing that this build understands.
pub(super) fn parse(bytes: &[u8], side: Marker) -> Result<Layout, Wrong> {
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| Wrong::Text(error.to_string()))?;
    let version = fields.get("version").ok_or_else(|| Wrong::Text("it has no \"version\"".to_owned()))?;
    let layout = match version.as_u64() {
        Some(1) => Layout::First,
        Some(2 | 3) => Layout::Current,
        _ => return Err(Wrong::Version(version.to_string())),
    };
    // Only the current version says whose it is.
    let tagged = |name| fields.get("Tags").is_some_and(|tags| tags.get(name).is_some());
    let (own, other) = match side {
        Marker::State => ("state", "intent"),
        Marker::Intent => ("intent", "state"),
    };
    if tagged(other) && !tagged(own) { Err(Wrong::Side) } else { Ok(layout) }
}

/// The bytes of a marker by its id, for those that almost every store has: so nobody need be asked.
pub(super) fn well_known(id: &Id) -> Option<&'static [u8]> {
    const KNOWN: [&str; 4] = [
        r#"{"version":3,"Tags":{"state":{}}}"#,
        r#"{"version":3,"Tags":{"intent":{}}}"#,
        r#"{"version":2}"#,
        r#"{"version":1}"#,
    ];
    KNOWN.iter().map(|text| text.as_bytes()).find(|bytes| Id::of_blob(bytes, Some(id)) == *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_told_apart() {
        let cases = [
            (r#"{"version":3,"Tags":{"state":{}}}"#, Ok(Layout::Current)),
            (r#"{"version":3}"#, Ok(Layout::Current)),
            (r#"{"version":3,"Tags":{"state":{},"intent":{}}}"#, Ok(Layout::Current)),
            (r#"{"note":"x","version":2}"#, Ok(Layout::Current)),
            ("{\"version\": 1}\n", Ok(Layout::First)),
            (r#"{"version":3,"Tags":{"intent":{}}}"#, Err(Wrong::Side)),
            (r#"{"version":4}"#, Err(Wrong::Version("4".into()))),
            (r#"{"version":"three"}"#, Err(Wrong::Version("\"three\"".into()))),
            ("{}", Err(Wrong::Text("it has no \"version\"".into()))),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes(), Marker::State), expected, "{text}");
        }
        assert!(matches!(parse(b"<html>", Marker::State), Err(Wrong::Text(_))));
        let id = Id::of_blob(br#"{"version":2}"#, None);
        assert_eq!(well_known(&id), Some(&br#"{"version":2}"#[..]));
        assert_eq!(well_known(&Id::of_blob(b"{}", None)), None);
    }
}
