//! What git hosts are asked, and how their answers read.
//!
//! Nothing here talks to a network. An [`Ask`] is what somebody wants to know, an [`Answer`] what the
//! host says, in the same words whichever host it is.

pub mod ask;

pub use ask::{
    Answer, Ask, Commit, Entry, EntryKind, File, Head, History, Listing, Proposal, Viewer, Wanted,
};
