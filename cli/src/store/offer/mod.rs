//! Stores as a git host would show them: commits, folders and files, by ids.
//!
//! The dashboard reads a store through whatever has it, mostly the API of a git host. `state view`
//! offers the same for a store that lies here, so that the page needs to know one way of reading. A
//! store on a git branch has all of that already. One in folders has neither commits nor ids: its
//! files get the ids that git would give them, and what lies there now counts as one commit.
//!
//! Whatever is asked for by its id is given only if the store itself leads there. A clone can hold
//! objects that no branch of the store has.

mod contents;
mod memory;

use ocuroot_core::Marker as Side;
use ocuroot_core::envelope::BlobId;
use serde::Serialize;

use super::error::StoreError;

pub(super) use contents::Contents;
pub use memory::MemoryOffer;

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its id.
    #[serde(rename = "commit")]
    pub id: String,
    /// The id of the folder at its root.
    pub tree: String,
    /// When it was made, RFC 3339.
    pub time: String,
    /// The first line of its message.
    pub subject: String,
    /// Who made it.
    pub author: String,
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A folder.
    Tree,
    /// A file.
    Blob,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its path, from the folder that was asked for.
    pub path: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Git's id of it.
    pub id: String,
}

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, from the root.
    pub path: String,
    /// Git's id of it.
    pub id: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A part of a history, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Whether the next page has some.
    pub more: bool,
}

/// How many commits a page of a history has.
pub(super) const PAGE: usize = 30;

/// Both sides of a store, as a git host would show them. Answers are as the store is, as far as this
/// machine knows; [`Updates`] brings what others did elsewhere.
pub trait Offer: Send {
    /// The newest commit of a side; none where nobody has written yet.
    ///
    /// # Errors
    /// When the store cannot be read; so say all of these.
    fn head(&mut self, side: Side) -> Result<Option<Commit>, StoreError>;

    /// A commit of a side's history; none if it is not in there.
    ///
    /// # Errors
    /// See [`Offer::head`].
    fn commit(&mut self, side: Side, id: &str) -> Result<Option<Commit>, StoreError>;

    /// The entries of a folder, with `recursive` those of all folders in it too; none for an id to
    /// which the store does not lead.
    ///
    /// # Errors
    /// See [`Offer::head`].
    fn tree(&mut self, side: Side, id: &str, recursive: bool) -> Result<Option<Vec<Entry>>, StoreError>;

    /// What is in files, by their ids, in any order. Those to which the store does not lead are left
    /// out.
    ///
    /// # Errors
    /// See [`Offer::head`].
    fn blobs(&mut self, side: Side, ids: &[String]) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Files of a commit, by their paths. Those that are not there are left out. None if there is no
    /// such commit.
    ///
    /// # Errors
    /// See [`Offer::head`].
    fn files(&mut self, side: Side, commit: &str, paths: &[String]) -> Result<Option<Vec<File>>, StoreError>;

    /// The commits up to `from` that changed what lies at `path` (empty: anything), a page of them,
    /// counted from 1. None if there is no such commit.
    ///
    /// # Errors
    /// See [`Offer::head`].
    fn history(
        &mut self,
        side: Side,
        from: &str,
        path: &str,
        page: usize,
    ) -> Result<Option<History>, StoreError>;

    /// What asks others whether they did something to the store; none where all of it lies here.
    fn updates(&self) -> Option<Box<dyn Updates>> {
        None
    }
}

/// Asks the place where a store really lies what is new there. An [`Offer`] then has it too.
pub trait Updates: Send {
    /// Asks once.
    ///
    /// # Errors
    /// When that place does not answer.
    fn fetch(&self) -> Result<(), StoreError>;
}

/// An id in hex; none for any other text.
pub(super) fn parse_id(text: &str) -> Option<BlobId> {
    let digits = text.as_bytes();
    if digits.len() != 40 {
        return None;
    }
    let mut id = [0; 20];
    for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
        let pair =
            std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(BlobId(id))
}

/// A time in seconds since 1970, RFC 3339.
pub(super) fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forty_digits() {
        let text = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";
        assert_eq!(parse_id(text), Some(BlobId::of(b"hello")));
        for bad in [
            "",
            "b6fc",
            &text.replace('b', "g"),
            &format!("{text}0"),
            "../../../../../../etc/passwd/x/y/z/00000",
        ] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
