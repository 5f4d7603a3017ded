//! The file that says what a folder is: `.ocuroot-store`.
//!
//! It names the version of the layout and whether state or intent lies here. A folder without one
//! is a store that nobody has written to yet.

use std::io::ErrorKind;
use std::path::Path;

use ocuroot_core::Marker as Side;
use ocuroot_core::envelope::BlobId;
use serde_json::{Map, Value};

use super::error::{StoreError, side_name};

/// Its name in a store's folder.
pub(super) const NAME: &str = ".ocuroot-store";

/// The version that this build writes.
const CURRENT: u64 = 3;

/// What a store's marker says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StoreMarker {
    /// Nothing: a new store.
    Missing,
    /// A version that may be written; the content to write first, if it is not the current one.
    Writable { upgrade: Option<String> },
    /// The first version: to be read only, until it has been upgraded; then this is the content.
    Old { upgrade: String },
}

impl StoreMarker {
    /// Reads the marker of the store in `folder`.
    ///
    /// # Errors
    /// When the folder is none, belongs to the other side, or has a version that this build does
    /// not know.
    pub(super) fn read(folder: &Path, side: Side) -> Result<StoreMarker, StoreError> {
        let path = folder.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return missing(folder),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(StoreError::NotAFolder { path: folder.to_owned() });
            }
            Err(error) => return Err(StoreError::read("read", &path, error)),
        };
        StoreMarker::parse(&bytes, folder, side)
    }

    /// What `bytes`, the marker of the store in `folder`, say.
    ///
    /// # Errors
    /// As [`StoreMarker::read`].
    pub(super) fn parse(bytes: &[u8], folder: &Path, side: Side) -> Result<StoreMarker, StoreError> {
        parse(bytes, side).map_err(|wrong| match wrong {
            Wrong::Text(reason) => StoreError::Marker { path: folder.join(NAME), reason },
            Wrong::Version(found) => StoreError::UnknownVersion { path: folder.to_owned(), found },
            Wrong::Side => StoreError::WrongSide {
                path: folder.to_owned(),
                found: side_name(other(side)),
                expected: side_name(side),
            },
        })
    }

    /// The marker to write before anything else is written, if any.
    ///
    /// # Errors
    /// For a store that must be upgraded on request first.
    pub(super) fn to_write(&self, folder: &Path, side: Side) -> Result<Option<String>, StoreError> {
        match self {
            StoreMarker::Missing => Ok(Some(current(side))),
            StoreMarker::Writable { upgrade } => Ok(upgrade.clone()),
            StoreMarker::Old { .. } => Err(StoreError::OldVersion { path: folder.to_owned(), found: 1 }),
        }
    }

    /// The marker of the current version, if this is another one.
    pub(super) fn upgraded(&self, side: Side) -> Option<String> {
        match self {
            StoreMarker::Missing => Some(current(side)),
            StoreMarker::Writable { upgrade } => upgrade.clone(),
            StoreMarker::Old { upgrade } => Some(upgrade.clone()),
        }
    }

    /// The version; none for a store that nobody has written to.
    pub(super) fn version(&self) -> Option<u64> {
        match self {
            StoreMarker::Missing => None,
            StoreMarker::Writable { upgrade: None } => Some(CURRENT),
            StoreMarker::Writable { upgrade: Some(_) } => Some(2),
            StoreMarker::Old { .. } => Some(1),
        }
    }
}

/// The text of a marker by its blob id, for the markers that almost every store has: so a store need not
/// be asked for it.
pub(super) fn well_known(id: BlobId) -> Option<String> {
    let sides = [Side::State, Side::Intent].map(current);
    let old = [r#"{"version":1}"#, r#"{"version":2}"#].map(str::to_owned);
    sides.into_iter().chain(old).find(|text| BlobId::of(text.as_bytes()) == id)
}

/// The text of a new store's marker.
pub(super) fn current(side: Side) -> String {
    text(&Map::new(), side)
}

fn missing(folder: &Path) -> Result<StoreMarker, StoreError> {
    match std::fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => Err(StoreError::NotAFolder { path: folder.to_owned() }),
        Ok(_) => Ok(StoreMarker::Missing),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(StoreMarker::Missing),
        Err(error) => Err(StoreError::read("open", folder, error)),
    }
}

enum Wrong {
    Text(String),
    Version(String),
    Side,
}

fn parse(bytes: &[u8], side: Side) -> Result<StoreMarker, Wrong> {
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| Wrong::Text(error.to_string()))?;
    let version = fields.get("version").ok_or_else(|| Wrong::Text("it has no \"version\"".to_owned()))?;
    let marker = match version.as_u64() {
        Some(1) => StoreMarker::Old { upgrade: text(&fields, side) },
        Some(2) => StoreMarker::Writable { upgrade: Some(text(&fields, side)) },
        Some(CURRENT) => StoreMarker::Writable { upgrade: None },
        _ => return Err(Wrong::Version(version.to_string())),
    };
    // Only the current version says whose it is.
    let tagged = |side| fields.get("Tags").is_some_and(|tags| tags.get(side_name(side)).is_some());
    if tagged(other(side)) && !tagged(side) {
        return Err(Wrong::Side);
    }
    Ok(marker)
}

/// The marker of a current store, with whatever else an older one said.
fn text(fields: &Map<String, Value>, side: Side) -> String {
    let mut rest = fields.clone();
    rest.remove("version");
    rest.remove("Tags");
    // The order of the keys is the one that every store has, whatever map serde_json is built with.
    let mut text = format!("{{\"version\":{CURRENT},\"Tags\":{{\"{}\":{{}}}}", side_name(side));
    for (key, value) in rest {
        text.push_str(&format!(",{}:{value}", Value::String(key)));
    }
    text.push('}');
    text
}

fn other(side: Side) -> Side {
    match side {
        Side::State => Side::Intent,
        Side::Intent => Side::State,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StoreMarker, StoreError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), text).unwrap();
        StoreMarker::read(folder.path(), Side::State)
    }

    #[test]
    fn every_version_is_told_apart() {
        let upgraded = |rest: &str| StoreMarker::Writable {
            upgrade: Some(format!("{{\"version\":3,\"Tags\":{{\"state\":{{}}}}{rest}}}")),
        };
        let old = StoreMarker::Old { upgrade: r#"{"version":3,"Tags":{"state":{}}}"#.to_owned() };
        for (text, expected) in [
            (r#"{"version":3,"Tags":{"state":{}}}"#, StoreMarker::Writable { upgrade: None }),
            (r#"{"version":3}"#, StoreMarker::Writable { upgrade: None }),
            (r#"{"version":3,"Tags":{"state":{},"intent":{}}}"#, StoreMarker::Writable { upgrade: None }),
            (r#"{"version":2}"#, upgraded("")),
            (r#"{"note":"x","version":2}"#, upgraded(r#","note":"x""#)),
            ("{\"version\": 1}\n", old),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_says_why() {
        for (text, needle) in [
            (r#"{"version":9}"#, "has version 9, and this build of Ocuroot knows versions 1, 2 and 3"),
            (r#"{"version":"3"}"#, "has version \"3\""),
            (r#"{"version":-1}"#, "has version -1"),
            ("{}", "it has no \"version\""),
            ("", "EOF"),
            (
                r#"{"version":3,"Tags":{"intent":{}}}"#,
                "holds intent, but it was opened as the place of state",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_is_no_store_and_nothing_is_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        let error = StoreMarker::read(&file, Side::State).unwrap_err();
        assert!(matches!(error, StoreError::NotAFolder { .. }), "{error}");
        let marker = StoreMarker::read(&folder.path().join("not/there"), Side::State).unwrap();
        assert_eq!(marker, StoreMarker::Missing);
        let text = marker.to_write(folder.path(), Side::Intent).unwrap().unwrap();
        assert_eq!(text, r#"{"version":3,"Tags":{"intent":{}}}"#);
    }
}
