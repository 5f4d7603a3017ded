//! From what a screen lacks to what a host is asked.
//!
//! A screen is a function of a [`Snapshot`]; where that does not hold what it takes, the function
//! returns [`Needs`]. A [`Reader`] turns those into [`Job`]s: look this up in the cache, ask a host that.
//! Whoever has a network carries them out and gives back what came of them, and once there are no more
//! jobs the snapshot holds what was needed.
//!
//! ```
//! use ocuroot_core::generations::translate;
//! use ocuroot_core::hosts::{Answer, Ask, Commit, Entry, EntryKind, Head};
//! use ocuroot_core::reading::{Place, Reader, Recalled, Wants, Work};
//! use ocuroot_core::snapshot::Needs;
//!
//! let place = Place { key: "github:acme/releases".into(), ..Place::default() };
//! let mut reader = Reader::new(place.clone(), place, None);
//! let wants = Wants { needs: Needs::body(&"@/environment/prod".parse()?), summaries: false };
//! loop {
//!     let jobs = reader.jobs(&wants);
//!     if jobs.is_empty() {
//!         break;
//!     }
//!     for job in jobs {
//!         match job.work {
//!             // Nothing is in the cache.
//!             Work::Recall(_) => reader.recalled(job.id, Recalled::default()),
//!             Work::Ask { ask: Ask::Head { .. }, .. } => {
//!                 let commit = Commit { id: "c0ffee".repeat(7)[..40].into(), ..Commit::default() };
//!                 reader.answered(job.id, Answer::Head(Head::At { branch: "state".into(), commit, etag: None }));
//!             }
//!             Work::Translate(files) => reader.translated(job.id, translate(files)),
//!             // An empty branch: a store that nobody has written to.
//!             Work::Ask { .. } => reader.answered(job.id, Answer::Folder(Some(vec![]))),
//!         }
//!     }
//! }
//! assert_eq!(reader.snapshot().get(&"@/environment/prod".parse()?), Ok(None));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```
//!
//! # What it asks for
//!
//! 1. The head of each branch, with the ETag of the one before. The same commit as last time: what is
//!    known of it is known still, out of the cache.
//! 2. The root folder, which tells where the store lies and which version it has.
//! 3. For screens that draw from summaries, the folder of those and the ones that are not in the cache.
//! 4. Folders and documents, as they are needed. A document that is named is fetched by its path, with
//!    no folder listed. A folder is asked for in the cache by its id first; folders that a new commit did
//!    not touch have the ids that they had.
//!
//! A whole subtree is listed at once where it is small, or where nobody can say how large it is and the
//! host answers much at once; else folder by folder, as far as a pattern can match. Where a host gives up
//! on a large subtree ([`Listing::whole`](crate::hosts::Listing::whole)), its folders are listed each by
//! itself.
//!
//! Stores of version 1 are read whole and translated ([`crate::generations`]). That is a job, too, so that
//! a page need not have the code for it before it meets such a store.
//!
//! # At an earlier commit
//!
//! With `at`, state is read at that commit, and intent at the newest one of its branch that is not later
//! than it, by their times; hosts tell commits newest first, so that takes a request for every page of
//! commits since. If there is none among the newest [`PAGES`] pages, intent is read as empty.

mod answers;
mod branch;
mod foresee;
mod forest;
mod id;
mod jobs;
mod keep;
mod listing;
mod marker;
pub mod pace;
mod progress;
mod reader;
#[cfg(test)]
mod tests;
mod trouble;

pub use keep::{Keep, LARGEST, Recall, Recalled};
pub use progress::{Progress, What};
pub use reader::{Changed, PAGES, Problem, Reader};
pub use trouble::{ReadProblem, Remedy};

use crate::generations::OldFile;
use crate::hosts::Ask;
use crate::refs::Marker;
use crate::snapshot::{Needs, address};

/// Where a store lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which of the caller's hosts; told back in [`Work::Ask`].
    pub host: usize,
    /// What the cache calls the repo.
    pub key: String,
    /// None for the repo's default branch.
    pub branch: Option<String>,
    /// How many entries of a whole subtree the host lists in one request, about. 0 where that is not
    /// known.
    pub page: usize,
}

/// What a screen lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Folders and documents.
    pub needs: Needs,
    /// The summaries of the state store.
    pub summaries: bool,
}

impl Wants {
    /// Whether anything of a store is wanted.
    fn touch(&self, side: Marker) -> bool {
        let Needs { folders, bodies } = &self.needs;
        folders.iter().any(|folder| folder.side == side) || bodies.iter().any(|body| address(body).0 == side)
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// To give its result back with.
    pub id: u32,
    /// What is to be done.
    pub work: Work,
}

/// What a [`Job`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Look this up in the cache; [`Reader::recalled`] takes what there is.
    Recall(Recall),
    /// Ask a host; [`Reader::answered`] takes what it says.
    Ask {
        /// Which, as [`Place::host`] says.
        host: usize,
        /// The question.
        ask: Ask,
    },
    /// Have [`translate`](crate::generations::translate) make current documents of a store of version 1;
    /// [`Reader::translated`] takes them.
    Translate(Vec<OldFile>),
}
