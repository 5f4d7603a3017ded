//! Stores of the first version, told in the terms of the current one.
//!
//! Three generations of stores are in use. The second differs from the third in its marker only. The
//! first spells things differently, and keeps some in other places: intent may lie among state, under
//! `+`; releases are called `<commit>.<n>`; a run's functions are documents of their own, each with a
//! status; what is deployed is said by a link for every run. [`translate`] takes all files of such a
//! store and returns the same as a [`Memory`] of the current version, so that nothing above this module
//! knows that versions exist. Whoever reads an old store reads that, and upgrading one is writing it.
//!
//! ```
//! use ocuroot_core::Marker;
//! use ocuroot_core::generations::{OldFile, translate};
//!
//! let old = |path: &str, body: &str| OldFile {
//!     side: Marker::State,
//!     path: path.into(),
//!     bytes: format!(r#"{{"kind":"ref","body":{body}}}"#).into(),
//! };
//! let new = translate([
//!     old("s/-/p/@c0ffee.1", r#"{"commit":"c0ffee","package":{"phases":[]}}"#),
//!     old("s/-/p/+c0ffee.1/custom/ok", "1"),
//! ]);
//! let refs: Vec<String> = new.memory.refs().map(|at| at.to_string()).collect();
//! // The old name stays as a link, like a tag, so that refs that people wrote down still resolve.
//! assert_eq!(refs, ["s/-/p/@c0ffee.1", "s/-/p/@r1", "s/-/p/@r1/commit/c0ffee", "s/-/p/+r1/custom/ok"]);
//! assert!(new.remarks.is_empty());
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```
//!
//! Nothing is lost: a file that cannot be translated (its bytes are no document, its path no ref, its
//! place taken) is in the result as it is, and a [`Remark`] says so.

mod bodies;
mod ids;
mod names;
mod parts;
mod status;
mod write;

use crate::memory::Memory;
use crate::order::Order as _;
use crate::refs::{Marker, Ref};
use names::Names;
use parts::Parts;
use write::Writer;

/// A document's file in an old store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldFile {
    /// The store that it lies in. Where both are one, all is state.
    pub side: Marker,
    /// The folder of its `@object.json`, below `refs/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// An old store in the terms of the current version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// Its documents.
    pub memory: Memory,
    /// Releases that have another name now: the old one, and the new one.
    pub renamed: Vec<(Ref, Ref)>,
    /// What a person should look at, sorted by place.
    pub remarks: Vec<Remark>,
}

/// Something that could not be translated, or was, by a guess.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Remark {
    /// The old file's folder below `refs/`.
    pub path: String,
    /// What is the matter, and what was made of it.
    pub message: String,
}

/// Translates the files of a store of version 1, state and intent together. One of the two may be of a
/// later version already.
#[must_use]
pub fn translate(files: impl IntoIterator<Item = OldFile>) -> Translation {
    let parts = Parts::sort(files);
    let names = Names::of(&parts);
    let renamed = names.renamed();
    let (memory, mut remarks) = Writer::new(&names).write(parts);
    remarks.order();
    Translation { memory, renamed, remarks }
}
