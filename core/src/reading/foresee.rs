//! What a new commit most likely holds, before anybody has listed it.
//!
//! A release changes the folder of its package, the package's summary, and the intent of what it has
//! deployed. The new summary tells git's ids of two of these. So once the summaries of a new commit are
//! read, the folders that it has can be put together from those that were there before; and if git's id of
//! the root comes out as the commit says, that is what is there, and nothing has to be listed. If not,
//! something else was changed too. Of intent the host is asked then which files that commit changed, and the
//! same is done with these. Where that leads nowhere, listings tell, as ever.

use std::sync::Arc;

use super::branch::Look;
use super::forest::Supposed;
use super::id::Id;
use super::marker;
use super::reader::{Batch, Changes, Got, Reader, Stage, What};
use crate::hosts::{Ask, Change, Now};
use crate::order::Order as _;
use crate::refs::Marker;
use crate::summary;
use crate::times;

/// How far what a new commit holds is foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foresight {
    Unbegun,
    /// What it takes is asked for.
    Begun,
    /// Folders were put together, or nothing can be foreseen.
    Done,
}

/// Two commits that are further apart, in seconds, have more between them than is worth to be compared: a
/// week.
const LONG: u64 = 7 * 24 * 3600;

impl Reader {
    /// Puts together what a new commit of state may hold. Returns whether that is done, or there is nothing
    /// to begin with.
    pub(super) fn foresee(&mut self, batch: &mut Batch) -> bool {
        if self.foresight != Foresight::Done && self.look_ahead(batch).is_none_or(|done| done) {
            self.foresight = Foresight::Done;
        }
        self.foresight == Foresight::Done
    }

    /// As [`Reader::foresee`], of a new commit of intent that does not follow from one of state.
    pub(super) fn foresee_intent(&mut self, batch: &mut Batch) -> bool {
        let index = self.spot(Marker::Intent);
        if index == 0 || self.left(index).is_none() || self.is_listed(index) {
            return true;
        }
        !self.recall_roots(index, batch) && self.follow(index, batch).is_none_or(|done| done)
    }

    /// Puts together what a new commit holds of the files that it changed. Whether that is done; none where
    /// nobody tells which these are.
    fn follow(&mut self, index: usize, batch: &mut Batch) -> Option<bool> {
        let old = self.left(index)?;
        let spot = self.spots.get_mut(index)?;
        let changes = match &spot.changes {
            Changes::Unknown => {
                let (old, new) = (&spot.old.as_ref()?.commit, &spot.branch.commit);
                // Of many commits some hosts look through each.
                if times::seconds(&old.time, &new.time).is_none_or(|between| between > LONG) {
                    spot.changes = Changes::Untold;
                    return None;
                }
                let (from, to) = (old.id.clone(), new.id.clone());
                spot.changes = Changes::Asked;
                batch.asks.push((index, Ask::Changes { from, to }, What::Changes));
                return Some(false);
            }
            Changes::Asked => return Some(false),
            Changes::Untold => return None,
            Changes::Told(changes) => Arc::clone(changes),
        };
        let (mut supposed, mut waiting) = (Vec::new(), false);
        for Change { path, now } in changes.iter() {
            waiting |= self.recall_old(index, path, batch);
            let now = match now {
                Now::Gone => None,
                Now::Blob(id) => Some((false, Id::parse(id)?)),
                Now::Untold => match self.file(index, path, batch) {
                    Got::There(_) => match self.spots.get(index)?.branch.look(&self.forest, path) {
                        Look::File(id) => Some((false, id)),
                        _ => return None,
                    },
                    Got::Absent => None,
                    Got::Waiting => {
                        waiting = true;
                        continue;
                    }
                },
            };
            supposed.push((path.clone(), now));
        }
        if waiting {
            return Some(false);
        }
        let root = self.suppose(old, supposed);
        let spot = self.spots.get_mut(index)?;
        spot.changes = Changes::Untold;
        // Where the host tells which root a commit has, that has to be the one.
        spot.branch.root = spot.branch.root.or(root);
        Some(true)
    }

    /// None where nothing can be foreseen.
    fn look_ahead(&mut self, batch: &mut Batch) -> Option<bool> {
        let settled = |stage| matches!(stage, Stage::Found | Stage::Missing);
        if !settled(self.spots.first()?.stage) {
            return Some(false);
        }
        let old = self.left(0)?;
        // Out of the cache: then all of it may be known.
        if self.foresight == Foresight::Unbegun && self.is_listed(0) {
            return None;
        }
        if self.spots.iter().any(|spot| !settled(spot.stage)) {
            return Some(false);
        }
        if self.recall_roots(0, batch) {
            return Some(false);
        }
        let prefix = self.prefix(old, Marker::State)?;
        // It tells whether there are other summaries at all.
        self.foresight = Foresight::Begun;
        if matches!(self.list(0, "", false, batch), Got::Waiting) {
            return Some(false);
        }
        let read = match self.read_summaries(&prefix, batch) {
            Got::There(read) => read,
            Got::Waiting => return Some(false),
            Got::Absent => return None,
        };
        let kept = format!("{prefix}{}", summary::FOLDER.split('/').next().unwrap_or_default());
        let Look::Folder(id) = self.spots.first()?.branch.look(&self.forest, &kept) else { return None };
        let mut state = vec![(kept, Some((true, id)))];
        let mut changed = Vec::new();
        let mut waiting = false;
        for (package, summary) in &read {
            let (path, tree) = (format!("{prefix}refs/{package}"), Id::parse(&summary.tree)?);
            waiting |= self.recall_old(0, &path, batch);
            if self.spots.first()?.old.as_ref()?.look(&self.forest, &path) != Look::Folder(tree) {
                changed.push(summary);
                state.push((path, Some((true, tree))));
            }
        }
        let other = self.spot(Marker::Intent);
        let is_open = other == 0 || !self.is_listed(other);
        let intent_root = self.left(other).filter(|_| is_open);
        let mut intent = Vec::new();
        if let Some(old) = intent_root {
            waiting |= self.recall_roots(other, batch);
            if let Some(prefix) = self.prefix(old, Marker::Intent) {
                for summary in changed {
                    for (environment, live) in &summary.live {
                        let path =
                            format!("{prefix}refs/{}/@/deploy/{environment}/@object.json", summary.package);
                        waiting |= self.recall_old(other, &path, batch);
                        intent.extend(Id::parse(&live.intent).map(|id| (path, Some((false, id)))));
                    }
                }
            }
        }
        if waiting {
            return Some(false);
        }
        if other == 0 {
            state.append(&mut intent);
        }
        self.suppose(old, state);
        if let Some(old) = intent_root.filter(|_| other != 0 && !intent.is_empty()) {
            self.suppose(old, intent);
            // Where no root is told it has to be listed to see whether that was right, and tells all then.
            if let Some(spot) = self.spots.get_mut(other).filter(|spot| spot.branch.root.is_none()) {
                spot.changes = Changes::Untold;
            }
        }
        Some(true)
    }

    fn suppose(&mut self, old: Id, mut changes: Vec<(String, Option<(bool, Id)>)>) -> Option<Id> {
        changes.order();
        let changes: Vec<Supposed<'_>> = changes.iter().map(|(path, now)| (path.as_str(), *now)).collect();
        self.forest.suppose(Some(old), &changes).flatten()
    }

    /// The root of a branch before, where it is known and that of the commit now is another.
    fn left(&self, index: usize) -> Option<Id> {
        let spot = self.spots.get(index).filter(|spot| spot.stage == Stage::Found)?;
        let old = spot.old.as_ref()?;
        let is_other = old.commit.id != spot.branch.commit.id && old.root != spot.branch.root;
        old.root.filter(|_| is_other)
    }

    /// Whether the root of a branch is listed.
    fn is_listed(&self, index: usize) -> bool {
        let root = self.spots.get(index).and_then(|spot| spot.branch.root);
        root.is_some_and(|root| self.forest.get(&root).is_some())
    }

    /// Whether the cache is still to be asked for the roots of a branch before and now.
    fn recall_roots(&mut self, index: usize, batch: &mut Batch) -> bool {
        let root = self.spots.get(index).and_then(|spot| spot.branch.root);
        let waiting = root.is_some_and(|root| self.recall(index, "", root, batch));
        // Whatever is below it.
        waiting | self.recall_old(index, "refs", batch)
    }

    /// Where a store lies in a branch, by what was there before.
    fn prefix(&self, root: Id, side: Marker) -> Option<String> {
        let items = self.forest.get(&root)?;
        let own = match side {
            Marker::State => "state",
            Marker::Intent => "intent",
        };
        if self.forest.child(items, marker::NAME).is_some() {
            return Some(String::new());
        }
        self.forest.child(items, own).filter(|item| item.folder).map(|_| format!("{own}/"))
    }

    /// Whether the cache is still to be asked for a folder on the way to a path as it was before.
    fn recall_old(&mut self, index: usize, path: &str, batch: &mut Batch) -> bool {
        let old = self.spots.get(index).and_then(|spot| spot.old.as_ref());
        let Some(Look::Unknown(Some((_, id)))) = old.map(|old| old.look(&self.forest, path)) else {
            return false;
        };
        match self.tried.get(&id) {
            Some(answered) => !answered,
            None => {
                batch.trees.insert(id);
                true
            }
        }
    }
}
