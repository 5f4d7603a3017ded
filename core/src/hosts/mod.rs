//! What git hosts are asked, and how their answers read.
//!
//! Nothing here talks to a network. An [`Ask`] is what somebody wants to know, an [`Answer`] what the
//! host says, in the same words whichever host it is.

pub mod ask;
pub mod error;
pub mod exchange;
mod gitea;
mod github;
mod gitlab;
pub mod host;
pub mod limits;
mod local;
pub mod request;
mod shapes;
pub mod signin;
pub mod source;
pub mod stores;
mod wire;

pub use ask::{
    Answer, Ask, Change, Commit, Entry, EntryKind, File, Head, History, Listing, Now, Proposal, Viewer,
    Wanted,
};
pub use error::{HostError, Until};
pub use exchange::{Exchange, Progress};
pub use host::{Host, Side};
pub use limits::Limits;
pub use local::{is_over, told_problem};
pub use request::{Method, Request, Response, Token, Unreachable};
pub use source::{Kind, Source, SourceError};
