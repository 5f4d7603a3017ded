//! What a viewer's screens show: one file a screen.
//!
//! A page is a plain value in which everything is decided: the order of rows, the words for each
//! status, what is linked where. It is made by a function of a [`Snapshot`](crate::snapshot::Snapshot),
//! of stored [summaries](crate::summary) and of the time, which answers
//! [`Needs`](crate::snapshot::Needs) until enough is loaded. The dashboard draws pages, and tests read
//! them, without a browser.

pub mod candidates;
pub mod columns;
pub mod custom;
pub mod diff;
pub mod environment;
pub mod environments;
pub mod explorer;
pub mod fields;
pub mod log;
pub mod matrix;
pub mod overview;
pub mod package;
pub mod plan;
pub mod prose;
pub mod release;
pub mod search;
pub mod source_links;
pub mod standing;
pub mod status;
pub mod summaries;
pub mod titles;
pub mod travel;
pub mod turn;

pub use standing::{Depth, Standing};
pub use status::{Tone, Word};
