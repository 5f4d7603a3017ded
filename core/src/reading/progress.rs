//! How far a load is, in a sentence.
//!
//! ```
//! use ocuroot_core::hosts;
//! use ocuroot_core::reading::{Progress, What};
//!
//! let asked = [(What::Documents, hosts::Progress { done: 1200, expected: Some(18_300) })];
//! assert_eq!(Progress::of(&asked).what, "Reading 1,200 of 18,300 documents");
//! ```

use crate::hosts::{self, Ask};
use crate::numbers::thousands;

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done and how far it is, as a sentence without a full stop; empty where nobody can say.
    pub what: String,
    /// How many are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// What a question is about, for people; the most telling last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Which commit is the newest, and whatever else takes one request.
    Heads,
    /// What folders hold.
    Folders,
    /// What documents say.
    Documents,
}

impl What {
    /// What that asks for.
    #[must_use]
    pub fn of(ask: &Ask) -> What {
        match ask {
            Ask::Folder { .. } | Ask::Below { .. } => What::Folders,
            Ask::Files { .. } => What::Documents,
            _ => What::Heads,
        }
    }
}

impl Progress {
    /// That of questions which are under way: of the most telling ones, together.
    #[must_use]
    pub fn of(asked: &[(What, hosts::Progress)]) -> Progress {
        let Some(what) = asked.iter().map(|(what, _)| *what).max() else {
            return Progress { what: "Looking what is known already".to_owned(), ..Progress::default() };
        };
        let these = || asked.iter().filter(|(other, _)| *other == what).map(|(_, progress)| progress);
        let done: usize = these().map(|progress| progress.done).sum();
        let of: Option<usize> = these().map(|progress| progress.expected).sum();
        let of = of.filter(|of| *of > 0);
        let what = match (what, of) {
            (What::Heads, _) => "Asking for the newest commits".to_owned(),
            (What::Folders, _) if done == 0 => "Listing folders".to_owned(),
            (What::Folders, _) => format!("Listing folders, {} entries so far", thousands(done)),
            (What::Documents, Some(of)) => {
                format!("Reading {} of {} documents", thousands(done), thousands(of))
            }
            (What::Documents, None) => "Reading documents".to_owned(),
        };
        let number = |number: usize| u64::try_from(number).unwrap_or_default();
        Progress { what, done: number(done), of: of.map(number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_of_what_is_under_way_is_told() {
        let at = |done, expected| hosts::Progress { done, expected };
        for (asked, text, of) in [
            (vec![], "Looking what is known already", None),
            (vec![(What::Heads, at(0, None))], "Asking for the newest commits", None),
            (vec![(What::Heads, at(0, None)), (What::Folders, at(0, None))], "Listing folders", None),
            (
                vec![(What::Folders, at(1000, None)), (What::Folders, at(234, None))],
                "Listing folders, 1,234 entries so far",
                None,
            ),
            (
                vec![
                    (What::Documents, at(3, Some(250))),
                    (What::Documents, at(0, Some(50))),
                    (What::Folders, at(9, None)),
                ],
                "Reading 3 of 300 documents",
                Some(300),
            ),
            // Of one of them nobody knows how many there are.
            (
                vec![(What::Documents, at(3, Some(5))), (What::Documents, at(0, None))],
                "Reading documents",
                None,
            ),
        ] {
            let progress = Progress::of(&asked);
            assert_eq!((progress.what.as_str(), progress.of), (text, of), "{asked:?}");
        }
    }

    #[test]
    fn what_is_asked_for() {
        let at = || ("c0ffee".to_owned(), "a".to_owned());
        let ((commit, path), (other, below)) = (at(), at());
        for (ask, what) in [
            (Ask::Head { branch: None, etag: None }, What::Heads),
            (Ask::Folder { commit, path, tree: None }, What::Folders),
            (Ask::Below { commit: other, path: below, tree: None }, What::Folders),
            (Ask::Files { commit: at().0, files: Vec::new() }, What::Documents),
        ] {
            assert_eq!(What::of(&ask), what, "{ask:?}");
        }
    }
}
