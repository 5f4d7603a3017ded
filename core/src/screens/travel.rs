//! Going through the commits of a store: which one is looked at, what is before and after it.
//!
//! A host tells commits newest first, a page at a time, and not how many there are. So a place among
//! them is counted from the newest one, and going further back than what is known asks for a page more.
//!
//! ```
//! use ocuroot_core::hosts::{Commit, History};
//! use ocuroot_core::screens::travel::{Travel, Wants};
//!
//! let commit = |id: &str| Commit { id: id.into(), ..Commit::default() };
//! let mut travel = Travel::default();
//! assert_eq!(travel.older(None), Err(Wants { page: 1 }));
//! travel.take(1, History { commits: vec![commit("c3"), commit("c2")], more: true });
//! assert_eq!(travel.older(None).unwrap().unwrap().id, "c2", "from the newest one");
//! assert_eq!(travel.newer(Some("c2")).unwrap(), None, "back to now");
//! assert_eq!(travel.older(Some("c2")), Err(Wants { page: 2 }));
//! ```

use serde::Serialize;

use crate::hosts::{Commit, History};
use crate::times;

/// As many pages of commits are looked through for one that a link names.
pub const MOST_PAGES: u32 = 20;

/// The commits of a branch, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Travel {
    commits: Vec<Commit>,
    pages: u32,
    whole: bool,
}

/// That a page of commits is to be fetched first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Which, from 1.
    pub page: u32,
}

/// What is shown of where one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// How many commits are newer.
    pub back: usize,
    /// How many are known.
    pub known: usize,
    /// Whether those are all.
    pub whole: bool,
    /// The commit's id.
    pub commit: String,
    /// Its time, RFC 3339.
    pub time: String,
    /// First line of its message.
    pub subject: String,
    /// Its author.
    pub author: String,
    /// How long ago it was, as text; none where its time is not known.
    pub age: Option<String>,
}

impl Travel {
    /// Takes up a page. One that is not the next is of no use, and left.
    pub fn take(&mut self, page: u32, history: History) {
        if page != self.pages + 1 {
            return;
        }
        self.pages = page;
        self.whole = !history.more || history.commits.is_empty();
        for commit in history.commits {
            // Between two requests the branch may have moved, and a commit come twice.
            if !self.commits.iter().any(|known| known.id == commit.id) {
                self.commits.push(commit);
            }
        }
    }

    /// The commits known so far, newest first.
    #[must_use]
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// The next page, for who wants more; none when there is none.
    #[must_use]
    pub fn more(&self) -> Option<Wants> {
        (!self.whole).then_some(Wants { page: self.pages + 1 })
    }

    /// The commit before `at`; before now, where that is none. None at the first commit of all.
    ///
    /// # Errors
    /// When more has to be fetched.
    pub fn older(&self, at: Option<&str>) -> Result<Option<&Commit>, Wants> {
        let back = self.back(at)?.unwrap_or(0);
        match (self.commits.get(back + 1), self.more()) {
            (None, Some(wants)) => Err(wants),
            (found, _) => Ok(found),
        }
    }

    /// The commit after `at`; none where that is now.
    ///
    /// # Errors
    /// When more has to be fetched in order to know where `at` is.
    pub fn newer(&self, at: Option<&str>) -> Result<Option<&Commit>, Wants> {
        let back = self.back(at)?.unwrap_or(0);
        // The newest is now: there one does not stand still.
        Ok(back.checked_sub(1).filter(|back| *back > 0).and_then(|back| self.commits.get(back)))
    }

    /// The commit that is `back` commits before now; none for now itself.
    #[must_use]
    pub fn at(&self, back: usize) -> Option<&Commit> {
        (back > 0).then(|| self.commits.get(back)).flatten()
    }

    /// Where one is.
    ///
    /// # Errors
    /// When more has to be fetched in order to know.
    pub fn position(&self, at: Option<&str>, now: &str) -> Result<Option<Position>, Wants> {
        let Some(back) = self.back(at)? else { return Ok(None) };
        let Some(commit) = self.commits.get(back) else { return Ok(None) };
        Ok(Some(Position {
            back,
            known: self.commits.len(),
            whole: self.whole,
            commit: commit.id.clone(),
            time: commit.time.clone(),
            subject: commit.subject.clone(),
            author: commit.author.clone(),
            age: times::seconds(&commit.time, now).map(times::age),
        }))
    }

    /// How many commits are newer than `at`, which may be cut short; none when it is not among those
    /// that are looked through.
    fn back(&self, at: Option<&str>) -> Result<Option<usize>, Wants> {
        let found = match at {
            None => (!self.commits.is_empty()).then_some(0),
            Some(at) => self.commits.iter().position(|commit| !at.is_empty() && commit.id.starts_with(at)),
        };
        match self.more().filter(|wants| found.is_none() && wants.page <= MOST_PAGES) {
            Some(wants) => Err(wants),
            None => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[&str], more: bool) -> History {
        let commit =
            |id: &&str| Commit { id: (*id).into(), time: "2026-05-11T14:00:00Z".into(), ..Commit::default() };
        History { commits: ids.iter().map(commit).collect(), more }
    }

    #[test]
    fn one_goes_from_commit_to_commit_and_back_to_now() {
        let mut travel = Travel::default();
        travel.take(2, page(&["c1"], false));
        assert!(travel.commits().is_empty(), "the first page comes first");
        travel.take(1, page(&["c4", "c3"], true));
        travel.take(2, page(&["c3", "c2", "c1"], false));
        let id = |commit: Result<Option<&Commit>, Wants>| commit.unwrap().map(|commit| commit.id.clone());
        let mut at = None;
        let mut way = Vec::new();
        while let Some(next) = id(travel.older(at.as_deref())) {
            way.push(next.clone());
            at = Some(next);
        }
        assert_eq!(way, ["c3", "c2", "c1"]);
        assert_eq!(id(travel.newer(Some("c1"))), Some("c2".into()));
        assert_eq!(id(travel.newer(Some("c3"))), None, "c4 is now");
        assert_eq!(id(travel.older(Some("gone"))), Some("c3".into()));
        assert_eq!(travel.at(0), None);
        assert_eq!(travel.at(3).unwrap().id, "c1");
    }

    #[test]
    fn a_commit_of_a_link_is_looked_for_page_by_page() {
        let mut travel = Travel::default();
        travel.take(1, page(&["c4"], true));
        assert_eq!(travel.position(Some("c2"), ""), Err(Wants { page: 2 }));
        travel.take(2, page(&["c3", "c2f00"], true));
        let position = travel.position(Some("c2"), "2026-05-12T17:00:00Z").unwrap().unwrap();
        assert_eq!((position.back, position.known, position.whole), (2, 3, false));
        assert_eq!(position.age.as_deref(), Some("1 d"));
        for number in 3..=MOST_PAGES {
            travel.take(number, page(&[&format!("d{number}")], true));
        }
        assert_eq!(travel.position(Some("gone"), ""), Ok(None), "one does not look for ever");
    }
}
