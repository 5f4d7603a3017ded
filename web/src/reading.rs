//! Reads the store that is looked at. (So far there is nothing that reads.)

use std::collections::BTreeMap;

use leptos::prelude::*;
use ocuroot_core::Ref;
use ocuroot_core::hosts::stores::Located;
use ocuroot_core::hosts::{Answer, Ask, Commit, Side};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::Summary;

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done, as a sentence without a full stop: `Reading 4,120 of 18,300 refs`.
    pub what: String,
    /// How many are done, and of how many.
    pub done: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// Why something cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProblem {
    /// What is the matter, in a few words.
    pub title: String,
    /// Why, and what to do about it.
    pub message: String,
    /// What a person can do.
    pub remedy: Remedy,
}

/// What a person can do about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again.
    Retry,
    /// Ask again at this time (RFC 3339); the page does so by itself.
    Wait(String),
    /// Say who they are.
    SignIn,
    /// Choose another source.
    Source,
    /// Change these lines of a host's settings.
    Settings(Vec<String>),
}

impl ReadProblem {
    /// A question that goes on asking for what is there.
    #[must_use]
    pub fn stuck(needs: &Needs) -> ReadProblem {
        let what = needs
            .bodies
            .iter()
            .next()
            .map(Ref::to_string)
            .or_else(|| needs.folders.iter().next().map(|folder| format!("the folder {}", folder.path)));
        ReadProblem {
            title: "This could not be worked out".to_owned(),
            message: format!(
                "The page went on asking for {}, which is as loaded as it can be. That is a defect of the page.",
                what.unwrap_or_default()
            ),
            remedy: Remedy::Retry,
        }
    }
}

/// How fresh what one sees is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The commit of state that is shown, once it is known.
    pub state: Option<Commit>,
    /// The commit of intent that is shown, where it is known.
    pub intent: Option<Commit>,
    /// When the host was last asked for newer ones, RFC 3339.
    pub checked: String,
    /// How many newer commits of state there are that are not shown yet, as far as that is known: at
    /// least 1 if there are any.
    pub newer: usize,
    /// Why the host could not be asked, if the last time it could not.
    pub problem: Option<ReadProblem>,
    /// How many requests are left, and until when (RFC 3339), where the host says so.
    pub left: Option<(u64, String)>,
}

/// What reads a store: a handle, cheap to clone. Reading stops when the last one is gone.
#[derive(Clone, Debug)]
pub struct Reading {
    snapshot: Snapshot,
    freshness: RwSignal<Freshness>,
}

impl Reading {
    /// Reads the store at `located`, as of the commit `at` of its state or else as it is now. Nothing is
    /// asked of the host before [`load`](Reading::load). Tokens are those of [`account`](crate::account).
    #[must_use]
    pub fn open(_located: &Located, _at: Option<&str>) -> Reading {
        Reading { snapshot: Snapshot::default(), freshness: RwSignal::new(Freshness::default()) }
    }

    /// Calls `changed` whenever answers may have changed.
    pub fn on_change(&self, _changed: impl Fn() + 'static) {}

    /// Lets what has failed be tried again.
    pub fn forget_problems(&self) {}

    /// Shows the newer commits that [`Freshness::newer`] counts.
    pub fn show_newer(&self) {}

    /// Whether newer commits are shown by themselves, as soon as they are known.
    pub fn follow(&self, _always: bool) {}

    /// How fresh what one sees is.
    #[must_use]
    pub fn freshness(&self) -> Signal<Freshness> {
        self.freshness.into()
    }

    /// Whether the store's heads are known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        false
    }

    /// What is loaded.
    pub fn look<T>(&self, look: impl FnOnce(&Snapshot, Option<&BTreeMap<Ref, Summary>>) -> T) -> T {
        look(&self.snapshot, None)
    }

    /// Loads what is needed; with no needs, what every screen needs.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub async fn load(&self, _needs: &Needs, _tell: &dyn Fn(Progress)) -> Result<(), ReadProblem> {
        Err(ReadProblem {
            title: "There is nothing that reads yet".to_owned(),
            message: String::new(),
            remedy: Remedy::Source,
        })
    }

    /// Asks the host something that no snapshot holds: the history of a document, open proposals.
    ///
    /// # Errors
    /// Why it does not answer.
    pub async fn ask(&self, _side: Side, _ask: Ask) -> Result<Answer, ReadProblem> {
        Err(ReadProblem {
            title: "There is nothing that reads yet".to_owned(),
            message: String::new(),
            remedy: Remedy::Source,
        })
    }
}
