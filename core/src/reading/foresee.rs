//! What a new commit most likely holds, before anybody has listed it.
//!
//! A release changes the folder of its package, the package's summary, and the intent of what it has
//! deployed. The new summary tells git's ids of two of these. So once the summaries of a new commit are
//! read, the folders that it has can be put together from those that were there before; and if git's id of
//! the root comes out as the commit says, that is what is there, and nothing has to be listed. If not,
//! something else was changed too, and listings tell what, as ever. Of intent that is mostly in `refs`: with
//! that listed first, by its path, the root needs no listing.

use super::branch::Look;
use super::id::Id;
use super::marker;
use super::reader::{Batch, Got, Reader, Stage};
use crate::order::Order as _;
use crate::refs::Marker;
use crate::summary;

/// How far what a new commit holds is foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foresight {
    Unbegun,
    /// What it takes is asked for.
    Begun,
    /// Folders were put together, or nothing can be foreseen.
    Done,
}

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
        let Some((old, _)) = self.roots(index).filter(|_| index != 0) else { return true };
        let Some(prefix) = self.prefix(old, Marker::Intent) else { return true };
        let refs = format!("{prefix}refs");
        match self.list(index, &refs, false, batch) {
            Got::There(id) => {
                self.suppose(old, vec![(refs, true, id)]);
                true
            }
            Got::Absent => true,
            Got::Waiting => false,
        }
    }

    /// None where nothing can be foreseen.
    fn look_ahead(&mut self, batch: &mut Batch) -> Option<bool> {
        let settled = |stage| matches!(stage, Stage::Found | Stage::Missing);
        if !settled(self.spots.first()?.stage) {
            return Some(false);
        }
        let (old, new) = self.moved_roots(0)?;
        // Out of the cache: then all of it may be known.
        if self.foresight == Foresight::Unbegun && self.forest.get(&new).is_some() {
            return None;
        }
        if self.spots.iter().any(|spot| !settled(spot.stage)) {
            return Some(false);
        }
        if self.recall(0, "", new, batch) {
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
        let mut state = vec![(kept, true, id)];
        let mut changed = Vec::new();
        let mut waiting = false;
        for (package, summary) in &read {
            let (path, tree) = (format!("{prefix}refs/{package}"), Id::parse(&summary.tree)?);
            waiting |= self.recall_old(0, &path, batch);
            if self.spots.first()?.old.as_ref()?.look(&self.forest, &path) != Look::Folder(tree) {
                changed.push(summary);
                state.push((path, true, tree));
            }
        }
        let other = self.spot(Marker::Intent);
        let intent_roots = if other == 0 { Some((old, new)) } else { self.roots(other) };
        let mut intent = Vec::new();
        if let Some((old, new)) = intent_roots {
            waiting |= self.recall(other, "", new, batch);
            if let Some(prefix) = self.prefix(old, Marker::Intent) {
                for summary in changed {
                    for (environment, live) in &summary.live {
                        let path =
                            format!("{prefix}refs/{}/@/deploy/{environment}/@object.json", summary.package);
                        waiting |= self.recall_old(other, &path, batch);
                        intent.extend(Id::parse(&live.intent).map(|id| (path, false, id)));
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
        if let Some((old, _)) = intent_roots.filter(|_| other != 0) {
            self.suppose(old, intent);
        }
        Some(true)
    }

    fn suppose(&mut self, old: Id, mut changes: Vec<(String, bool, Id)>) {
        changes.order();
        let changes: Vec<(&str, bool, Id)> =
            changes.iter().map(|(path, folder, id)| (path.as_str(), *folder, *id)).collect();
        self.forest.suppose(Some(old), &changes);
    }

    /// The roots of a branch before and now, where they are known and differ.
    fn moved_roots(&self, index: usize) -> Option<(Id, Id)> {
        let spot = self.spots.get(index).filter(|spot| spot.stage == Stage::Found)?;
        let (old, new) = (spot.old.as_ref()?.root?, spot.branch.root?);
        (old != new).then_some((old, new))
    }

    /// As [`Reader::moved_roots`], where the new one is not listed.
    fn roots(&self, index: usize) -> Option<(Id, Id)> {
        self.moved_roots(index).filter(|(_, new)| self.forest.get(new).is_none())
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
