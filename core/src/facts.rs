//! What a decision depends on besides the store: when it is taken, and by whom.
//!
//! Core has no clock and knows no process, so callers pass both in. The same snapshot and the same
//! facts give the same transaction, byte for byte.

use crate::documents::{Marker, Owner};

/// When something is decided, and by which process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// RFC 3339, with an offset.
    pub now: String,
    /// The deciding process.
    pub owner: Owner,
    /// Why deploy runs start in spite of a [freeze](crate::freeze), where somebody says so.
    pub override_freeze: Option<String>,
    /// Whether this process follows a branch (`push`), and others may overtake it there: then it puts
    /// nothing older where something newer is. Who names a release means it.
    pub in_order: bool,
}

impl Facts {
    /// The time alone, for questions whose answer names no process.
    #[must_use]
    pub fn at(now: &str) -> Facts {
        let owner = Owner { host: String::new(), pid: 0, id: String::new() };
        Facts { now: now.to_owned(), owner, override_freeze: None, in_order: false }
    }

    /// A marker that says "now".
    #[must_use]
    pub fn marker(&self) -> Marker {
        Marker { time: self.now.clone(), ..Marker::default() }
    }

    /// The marker of a run that this process executes from now on.
    #[must_use]
    pub fn running(&self) -> Marker {
        Marker {
            time: self.now.clone(),
            owner: Some(self.owner.clone()),
            heartbeat: Some(self.now.clone()),
            ..Marker::default()
        }
    }
}
