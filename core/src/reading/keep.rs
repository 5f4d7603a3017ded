//! What a cache is asked for, and what it is given to keep.
//!
//! Folders and files are kept by git's id, so they are right forever and in every repo that has them. Of
//! a branch is kept what it was like when it was last read.

/// The largest file that is kept, in bytes. Of larger ones the id is believed that a folder tells: to
/// compute it, only to say so, takes a page longer than it may be busy.
pub const LARGEST: usize = 4_000_000;

/// What to look up in the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// Branches by their keys.
    pub branches: Vec<String>,
    /// Folders by git's id.
    pub trees: Vec<String>,
    /// Files by git's id.
    pub blobs: Vec<String>,
}

/// What was found there; the rest is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Keys with what was kept.
    pub branches: Vec<(String, Vec<u8>)>,
    /// Ids with what was kept.
    pub trees: Vec<(String, Vec<u8>)>,
    /// Ids with what was kept.
    pub blobs: Vec<(String, Vec<u8>)>,
}

/// Something for the cache to keep, in place of what it has under this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Of a branch.
    Branch {
        /// The repo, the branch and the commit if it is not the newest.
        key: String,
        /// What to give back.
        bytes: Vec<u8>,
    },
    /// A folder, with those below it.
    Tree {
        /// Git's id.
        id: String,
        /// What to give back.
        bytes: Vec<u8>,
    },
    /// A file.
    Blob {
        /// Git's id.
        id: String,
        /// Its content.
        bytes: Vec<u8>,
    },
}
