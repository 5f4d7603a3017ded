//! What came of what was asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::branch::{Branch, Look};
use super::foresee::Foresight;
use super::id::Id;
use super::keep::{Keep, LARGEST, Recalled};
use super::listing::{OBJECT, differences};
use super::reader::{
    Changed, Changes, FOLLOWED, Ground, PAGES, Pin, Problem, Reader, SIDES, Sent, Stage, Summaries, What,
};
use crate::generations::Translation;
use crate::hosts::{Answer, Commit, Entry, File, Head, History};
use crate::order::Gather as _;
use crate::refs::{Marker, Ref};
use crate::snapshot::Snapshot;
use crate::times;

impl Reader {
    /// Takes in what the cache has; what it does not have is asked of a host.
    pub fn recalled(&mut self, job: u32, found: Recalled) {
        let Some(sent) = self.landing(job) else { return };
        let What::Recall { branches, ids } = sent.what else { return };
        // They are taken in step by step; until then nothing else is done.
        let trees = found.trees.into_iter().filter_map(|(id, bytes)| Some((Id::parse(&id)?, bytes)));
        self.packs.extend(trees);
        for index in branches {
            let Some(spot) = self.spots.get_mut(index) else { continue };
            let key = spot.key();
            spot.asking = false;
            spot.stage = Stage::Open;
            let record = found.branches.iter().find(|(other, _)| *other == key);
            let Some((branch, etag)) = record.and_then(|(_, bytes)| Branch::of_record(bytes)) else {
                continue;
            };
            match spot.pin {
                Pin::Head => {
                    spot.old = Some(branch);
                    spot.etag = etag;
                }
                // A commit does not change.
                Pin::Commit(_) | Pin::Before(_) => {
                    spot.branch = branch;
                    spot.stage = Stage::Found;
                }
            }
        }
        self.tried.extend(ids.into_iter().map(|id| (id, true)));
        for (id, bytes) in found.blobs {
            if let Some(id) = Id::parse(&id) {
                self.bytes.insert(id, Arc::from(bytes));
                // Whoever needs it later finds it there again.
                self.tried.remove(&id);
            }
        }
    }

    /// Notes that a job came to nothing: what it was for is asked again by the next [`Reader::jobs`] that
    /// wants it. Returns whether that is to be told: where there is another way, that is gone first.
    pub fn failed(&mut self, job: u32) -> bool {
        let Some(sent) = self.landing(job) else { return true };
        let matters = !matches!(sent.what, What::Changes);
        match sent.what {
            // Then there is no cache.
            What::Recall { branches, ids } => {
                self.tried.extend(ids.into_iter().map(|id| (id, true)));
                for index in branches {
                    if let Some(spot) = self.spots.get_mut(index) {
                        (spot.asking, spot.stage) = (false, Stage::Open);
                    }
                }
            }
            what => self.landed(sent.spot, &what),
        }
        matters
    }

    fn landing(&mut self, job: u32) -> Option<Sent> {
        let at = self.flying.iter().position(|(id, _)| *id == job)?;
        Some(self.flying.swap_remove(at).1)
    }

    /// Notes that a question is no longer on its way.
    fn landed(&mut self, spot: usize, what: &What) {
        let Some(spot) = self.spots.get_mut(spot) else { return };
        match what {
            What::Recall { .. } | What::Translation => {}
            What::Commit { .. } => spot.asking = false,
            What::Changes => spot.changes = Changes::Untold,
            What::Folder { path, deep: true, .. } => {
                spot.belows.remove(path);
            }
            What::Folder { path, .. } => {
                spot.folders.remove(path);
            }
            What::Files { files } => files.iter().for_each(|(path, _)| {
                spot.files.remove(path);
            }),
        }
    }

    /// Takes in what became of a store of version 1.
    pub fn translated(&mut self, job: u32, translation: Translation) {
        let Some(sent) = self.landing(job) else { return };
        if matches!(sent.what, What::Translation) && sent.epoch == self.epoch {
            self.snapshot = translation.memory.snapshot();
            self.remarks = translation.remarks;
            self.translated = true;
        }
    }

    /// Takes in what a host said.
    pub fn answered(&mut self, job: u32, answer: Answer) {
        let Some(sent) = self.landing(job) else { return };
        self.landed(sent.spot, &sent.what);
        let current = sent.epoch == self.epoch;
        match (sent.what, answer) {
            (What::Commit { poll: true }, Answer::Head(head)) => self.polled(sent.spot, head),
            (What::Commit { poll: false }, answer) if current => self.found(sent.spot, answer),
            (What::Folder { path, id, .. }, Answer::Folder(entries)) => {
                self.listed(sent.spot, current, &path, id, entries.as_deref(), false);
            }
            (What::Folder { path, id, .. }, Answer::Below(listing)) => match listing {
                Some(listing) if !listing.whole => {
                    if let Some(spot) = self.spots.get_mut(sent.spot) {
                        spot.large.insert(path);
                    }
                }
                listing => {
                    let entries = listing.map(|listing| listing.entries);
                    self.listed(sent.spot, current, &path, id, entries.as_deref(), true);
                }
            },
            (What::Changes, Answer::Changes(Some(changes))) if current && changes.len() <= FOLLOWED => {
                if let Some(spot) = self.spots.get_mut(sent.spot) {
                    spot.changes = Changes::Told(Arc::new(changes));
                }
            }
            (What::Files { files }, Answer::Files(answers)) => {
                self.read(sent.spot, current, &files, answers);
            }
            _ => {}
        }
    }

    fn polled(&mut self, index: usize, head: Head) {
        let Some(spot) = self.spots.get_mut(index) else { return };
        match head {
            // A branch that is gone for the moment, between a delete and a push say, is what it was.
            Head::Unchanged | Head::Missing => {}
            Head::At { commit, etag, .. } if commit.id == spot.branch.commit.id => {
                spot.etag = etag;
                spot.news = None;
            }
            Head::At { commit, etag, .. } => spot.news = Some((commit, etag)),
        }
    }

    /// Which commit a branch is at.
    fn found(&mut self, index: usize, answer: Answer) {
        let until = self.spots.first().map(|state| state.branch.commit.time.clone()).unwrap_or_default();
        let Some(spot) = self.spots.get_mut(index) else { return };
        let (commit, etag) = match answer {
            Answer::Head(Head::Missing) => {
                spot.stage = Stage::Missing;
                return;
            }
            Answer::Head(Head::Unchanged) => match &spot.old {
                Some(old) => (old.commit.clone(), spot.etag.clone()),
                None => {
                    // An ETag of nothing that is known.
                    spot.etag = None;
                    return;
                }
            },
            Answer::Head(Head::At { commit, etag, .. }) => {
                if matches!(spot.pin, Pin::Before(_)) && !is_until(&commit, &until) {
                    spot.branch.commit = commit;
                    spot.stage = Stage::Page(1);
                    return;
                }
                (commit, etag)
            }
            Answer::Commit(commit) => (commit, None),
            Answer::History(History { commits, more }) => {
                let page = match spot.stage {
                    Stage::Page(page) => page,
                    _ => 1,
                };
                match commits.into_iter().find(|commit| is_until(commit, &until)) {
                    Some(commit) => (commit, None),
                    None if more && page < PAGES => {
                        spot.stage = Stage::Page(page + 1);
                        return;
                    }
                    None => {
                        spot.stage = Stage::Missing;
                        return;
                    }
                }
            }
            _ => return,
        };
        spot.stage = Stage::Found;
        spot.etag = etag;
        spot.branch = match &spot.old {
            Some(old) if old.commit.id == commit.id => Branch { commit, ..old.clone() },
            _ => Branch { root: commit.tree.as_deref().and_then(Id::parse), commit, ..Branch::default() },
        };
        self.grown = true;
    }

    fn listed(
        &mut self,
        index: usize,
        current: bool,
        path: &str,
        id: Option<Id>,
        entries: Option<&[Entry]>,
        deep: bool,
    ) {
        let taken = entries.map(|entries| self.forest.take(id, entries, deep));
        let Some(spot) = self.spots.get_mut(index) else { return };
        let found = match taken {
            // A folder whose id the host has told, and which is none.
            None if id.is_some() => {
                self.problem = Some(Problem::Nonsense { path: path.to_owned() });
                return;
            }
            None => None,
            Some(Some(taken)) => Some(taken),
            Some(None) => {
                self.problem = Some(Problem::Nonsense { path: path.to_owned() });
                return;
            }
        };
        self.grown = true;
        if !current {
            return;
        }
        match found {
            Some(root) if path.is_empty() => spot.branch.root = Some(root),
            found => spot.branch.note(&self.forest, path, found.map(|id| (true, id))),
        }
    }

    fn read(&mut self, index: usize, current: bool, asked: &[(String, Option<Id>)], answers: Vec<File>) {
        let mut answers: std::collections::BTreeMap<String, Option<Vec<u8>>> =
            answers.into_iter().map(|file| (file.path, file.bytes)).gather();
        let Some(spot) = self.spots.get_mut(index) else { return };
        let like = spot.branch.root.or(spot.old.as_ref().and_then(|old| old.root));
        for (path, id) in asked {
            let Some(bytes) = answers.remove(path) else { continue };
            match (bytes, id) {
                (Some(bytes), id) => {
                    let large = bytes.len() > LARGEST;
                    let real = match id {
                        Some(id) if large => *id,
                        id => Id::of_blob(&bytes, id.as_ref().or(like.as_ref())),
                    };
                    let id = id.unwrap_or(real);
                    if current {
                        spot.branch.note(&self.forest, path, Some((false, id)));
                    }
                    // Nothing is kept under a name that is not its own.
                    if id == real && !large {
                        self.keeps.push(Keep::Blob { id: id.to_string(), bytes: bytes.clone() });
                    }
                    self.bytes.insert(id, Arc::from(bytes));
                    self.tried.remove(&id);
                }
                (None, Some(id)) => {
                    self.lost.insert(*id);
                }
                (None, None) if current => spot.branch.note(&self.forest, path, None),
                (None, None) => {}
            }
            self.grown = true;
        }
    }

    /// What the cache is to keep of what has come since the last time. Best called when nothing is on its
    /// way: folders are put together then.
    pub fn keeps(&mut self) -> Vec<Keep> {
        self.some_keeps(usize::MAX).0
    }

    /// As [`Reader::keeps`], folders of about so many entries at once; and whether there is more.
    pub fn some_keeps(&mut self, mut entries: usize) -> (Vec<Keep>, bool) {
        let mut keeps = std::mem::take(&mut self.keeps);
        if !self.flying.is_empty() || self.busy || !self.grown {
            return (keeps, false);
        }
        for spot in self.spots.iter().filter(|spot| spot.stage == Stage::Found) {
            let known = spot.branch.known.values().flatten().filter(|(folder, _)| *folder);
            let roots: BTreeSet<Id> = known.map(|(_, id)| *id).chain(spot.branch.root).gather();
            for root in roots {
                let keep = &mut |id: Id, bytes| keeps.push(Keep::Tree { id: id.to_string(), bytes });
                if !self.forest.pack(&root, &mut entries, keep) {
                    return (keeps, true);
                }
            }
        }
        // What is said of branches comes last, when the cache has what it leads to.
        for spot in self.spots.iter().filter(|spot| spot.stage == Stage::Found) {
            let bytes = spot.branch.record(spot.etag.as_deref());
            keeps.push(Keep::Branch { key: spot.key(), bytes });
        }
        self.grown = false;
        // What came has been put where it belongs.
        if !self.grounds.iter().any(Ground::is_first) {
            self.bytes.clear();
        }
        (keeps, false)
    }

    /// Whether a branch has moved since, as far as [polls](Reader::poll) tell.
    #[must_use]
    pub fn news(&self) -> bool {
        self.spots.iter().any(|spot| spot.news.is_some())
    }

    /// The commit of a store that is read, and the newest one that is known, where that is another.
    #[must_use]
    pub fn moved(&self, side: Marker) -> Option<(String, String)> {
        let spot = self.spots.get(self.spot(side))?;
        let (newest, _) = spot.news.as_ref()?;
        Some((spot.branch.commit.id.clone(), newest.id.clone()))
    }

    /// Goes on to the newest commits that are known. The snapshot is empty then, but what has not changed
    /// fills it again without asking anybody.
    pub fn advance(&mut self) {
        if !self.news() {
            return;
        }
        self.epoch += 1;
        for spot in &mut self.spots {
            // What nobody looked at tells nothing of what was before.
            let old = match &spot.old {
                Some(old) if spot.branch.root.is_none_or(|root| self.forest.get(&root).is_none()) => {
                    old.clone()
                }
                _ => spot.branch.clone(),
            };
            if let Some((commit, etag)) = spot.news.take() {
                let root = commit.tree.as_deref().and_then(Id::parse);
                spot.branch = Branch { commit, root, ..Branch::default() };
                (spot.stage, spot.etag) = (Stage::Found, etag);
                spot.large.clear();
                spot.changes = Changes::Unknown;
            }
            spot.old = Some(old);
            spot.folders.clear();
            spot.belows.clear();
            spot.files.clear();
        }
        self.previous = std::mem::take(&mut self.snapshot);
        self.done.clear();
        self.walks.clear();
        self.lost.clear();
        self.current = Summaries::Unread;
        self.foresight = Foresight::Unbegun;
        self.grounds = [Ground::Unknown, Ground::Unknown];
        self.translated = false;
        self.grown = true;
        let old = |spot: &super::reader::Spot| spot.old.clone();
        let branches: Vec<Branch> = self
            .spots
            .iter()
            .flat_map(|spot| std::iter::once(spot.branch.clone()).chain(old(spot)))
            .collect();
        let known = |branch: &Branch| {
            let known = branch.known.values().flatten().filter(|(folder, _)| *folder).map(|(_, id)| *id);
            branch.root.into_iter().chain(known).collect::<Vec<Id>>()
        };
        self.forest.prune(branches.iter().flat_map(known));
        // What the cache lacked is asked of it once more, where it is wanted still; what is on its way is not.
        self.tried.retain(|_, answered| !*answered);
    }

    /// What has changed since the commits before the last [`Reader::advance`].
    #[must_use]
    pub fn changed(&self) -> Changed {
        let mut changed = Changed::default();
        for side in SIDES {
            let (Some(spot), Some(base)) = (self.spots.get(self.spot(side)), self.base(side)) else {
                continue;
            };
            let Some(old) = &spot.old else { continue };
            let moved = old.commit.id != spot.branch.commit.id;
            match side {
                Marker::State => changed.state = moved,
                Marker::Intent => changed.intent = moved,
            }
            let id = |branch: &Branch| match branch.look(&self.forest, &base) {
                Look::Folder(id) => Some(Some(id)),
                Look::Absent | Look::File(_) => Some(None),
                Look::Unknown(_) => None,
            };
            let (Some(before), Some(after)) = (id(old), id(&spot.branch)) else { continue };
            differences(
                &self.forest,
                before,
                after,
                &mut String::new(),
                &mut |path| {
                    let path = path.strip_suffix(OBJECT).map(|path| path.trim_end_matches('/'));
                    if let Some(Ok(reference)) = path.map(str::parse::<Ref>) {
                        let intent = side == Marker::Intent;
                        changed.documents.insert(if intent { reference.to_intent() } else { reference });
                    }
                },
                0,
            );
        }
        changed
    }

    /// Forgets what was read at the commits before; [`Reader::changed`] has nothing to compare with then.
    pub fn forget(&mut self) {
        self.previous = Snapshot::default();
        self.spots.iter_mut().for_each(|spot| spot.old = None);
    }
}

/// Whether a commit is not later than a time.
fn is_until(commit: &Commit, until: &str) -> bool {
    match (times::parse(&commit.time), times::parse(until)) {
        (Some(time), Some(until)) => time <= until,
        _ => false,
    }
}
