//! What is to be done next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::branch::Look;
use super::id::Id;
use super::keep::Recall;
use super::listing::{OBJECT, Walk, size_then};
use super::marker::{self, Layout, Wrong};
use super::reader::{
    Batch, CHANGED, FILES, Got, Ground, PAGES, Pin, Problem, Reader, SIDES, SMALL, Sent, Stage, Summaries,
    What, document,
};
use super::{Job, Wants, Work};
use crate::envelope::BlobId;
use crate::generations::OldFile;
use crate::hosts::{Ask, Wanted};
use crate::order::Gather as _;
use crate::refs::{Marker, Ref};
use crate::snapshot::{Folder, LARGE, address};
use crate::summary::{self, Summary};

impl Reader {
    /// What is to be done for `wants`, as much as can be known now; what is on its way already is left
    /// out. Nothing to be done and nothing on its way: the snapshot holds what was wanted, or there is a
    /// [problem](Reader::problem).
    pub fn jobs(&mut self, wants: &Wants) -> Vec<Job> {
        self.step(wants, usize::MAX)
    }

    /// As [`Reader::jobs`], for a page, which must stay able to answer: takes in about so many folders and
    /// entries at once. Where that is not all, it [is busy](Reader::is_busy), and goes on with the next step.
    pub fn step(&mut self, wants: &Wants, budget: usize) -> Vec<Job> {
        (self.budget, self.busy) = (budget, false);
        while self.budget > 0
            && let Some((id, bytes)) = self.packs.pop_front()
        {
            self.budget = self.budget.saturating_sub(self.forest.unpack(&id, &bytes));
        }
        if self.budget == 0 {
            self.busy = true;
            return Vec::new();
        }
        let mut batch = Batch::default();
        if self.problem.is_none() {
            for spot in 0..self.spots.len() {
                self.find(spot, &mut batch);
            }
            let foreseen = self.foresee(&mut batch);
            let mut known = foreseen && self.survey(Marker::State, &mut batch);
            // What no screen wants of intent yet is not looked at: that would be one more to wait for.
            if foreseen && wants.touch(Marker::Intent) || self.grounds.iter().any(Ground::is_first) {
                known &= self.foresee_intent(&mut batch) && self.survey(Marker::Intent, &mut batch);
            }
            if self.grounds.iter().any(Ground::is_first) {
                if known {
                    self.whole(&mut batch);
                }
            } else {
                self.wanted(wants, &mut batch);
            }
        }
        if self.problem.is_some() {
            self.busy = false;
            return Vec::new();
        }
        self.send(batch)
    }

    /// Whether the last step left something to be done that waits for nobody.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Whether answers are still to come.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Asks where the branches are now; [`Reader::news`] tells when one has moved. Nothing for a reader
    /// that has not begun, or that reads an earlier commit.
    pub fn poll(&mut self) -> Vec<Job> {
        let mut batch = Batch::default();
        for (index, spot) in self.spots.iter_mut().enumerate() {
            let settled = matches!(spot.stage, Stage::Found | Stage::Missing);
            if spot.pin == Pin::Head && settled && !spot.asking {
                spot.asking = true;
                let etag = spot.news.as_ref().map_or(&spot.etag, |(_, etag)| etag).clone();
                let ask = Ask::Head { branch: spot.place.branch.clone(), etag };
                batch.asks.push((index, ask, What::Commit { poll: true }));
            }
        }
        self.send(batch)
    }

    fn send(&mut self, batch: Batch) -> Vec<Job> {
        let mut jobs = Vec::new();
        let Batch { branches, trees, blobs, asks, files, old } = batch;
        if !(branches.is_empty() && trees.is_empty() && blobs.is_empty()) {
            let texts = |ids: &std::collections::BTreeSet<Id>| ids.iter().map(Id::to_string).collect();
            let recall = Recall {
                branches: branches.iter().filter_map(|spot| self.spots.get(*spot)).map(|s| s.key()).collect(),
                trees: texts(&trees),
                blobs: texts(&blobs),
            };
            let ids: Vec<Id> = trees.into_iter().chain(blobs).collect();
            self.tried.extend(ids.iter().map(|id| (*id, false)));
            let what = What::Recall { branches, ids };
            jobs.push(self.job(0, Work::Recall(recall), what));
        }
        for (spot, ask, what) in asks {
            let Some(place) = self.spots.get(spot) else { continue };
            let host = place.place.host;
            jobs.push(self.job(spot, Work::Ask { host, ask }, what));
        }
        for (index, files) in files.into_iter().enumerate() {
            let Some(spot) = self.spots.get_mut(index) else { continue };
            let (host, commit) = (spot.place.host, spot.branch.commit.id.clone());
            let mut files: Vec<(String, Option<Id>)> = files.into_iter().collect();
            files.retain(|(path, _)| spot.files.insert(path.clone()));
            for part in files.chunks(FILES) {
                let wanted = |(path, blob): &(String, Option<Id>)| Wanted {
                    path: path.clone(),
                    blob: blob.map(|blob| blob.to_string()),
                };
                let ask = Ask::Files { commit: commit.clone(), files: part.iter().map(wanted).collect() };
                jobs.push(self.job(index, Work::Ask { host, ask }, What::Files { files: part.to_vec() }));
            }
        }
        if let Some(files) = old {
            jobs.push(self.job(0, Work::Translate(files), What::Translation));
        }
        jobs
    }

    fn job(&mut self, spot: usize, work: Work, what: What) -> Job {
        self.ids = self.ids.wrapping_add(1);
        self.flying.push((self.ids, Sent { epoch: self.epoch, spot, what }));
        Job { id: self.ids, work }
    }

    /// Which commit is read.
    fn find(&mut self, index: usize, batch: &mut Batch) {
        let state = self.spots.first().filter(|state| state.stage == Stage::Found);
        let state = state.map(|state| state.branch.commit.id.clone());
        let Some(spot) = self.spots.get_mut(index) else { return };
        if spot.asking {
            return;
        }
        let ask = match (spot.stage, &spot.pin) {
            (Stage::Found | Stage::Missing, _) => return,
            (Stage::New, _) => {
                spot.asking = true;
                batch.branches.push(index);
                return;
            }
            (Stage::Open, Pin::Head) => {
                Ask::Head { branch: spot.place.branch.clone(), etag: spot.etag.clone() }
            }
            (Stage::Open, Pin::Commit(id)) => Ask::Commit { id: id.clone() },
            // Not before one knows how early.
            (Stage::Open | Stage::Page(_), Pin::Before(_)) if state.is_none() => return,
            (Stage::Open, Pin::Before(_)) => Ask::Head { branch: spot.place.branch.clone(), etag: None },
            (Stage::Page(page), _) => {
                Ask::History { from: spot.branch.commit.id.clone(), path: None, page: page.min(PAGES) }
            }
        };
        spot.asking = true;
        batch.asks.push((index, ask, What::Commit { poll: false }));
    }

    /// Where a store lies in its branch, and its version. Returns whether that is known.
    fn survey(&mut self, side: Marker, batch: &mut Batch) -> bool {
        if self.grounds.get(side as usize) != Some(&Ground::Unknown) {
            return true;
        }
        let ground = self.ground(side, batch);
        let known = ground != Ground::Unknown;
        if let Some(there) = self.grounds.get_mut(side as usize) {
            *there = ground;
        }
        known
    }

    fn ground(&mut self, side: Marker, batch: &mut Batch) -> Ground {
        let index = self.spot(side);
        let (Some(spot), Some(state)) = (self.spots.get(index), self.spots.first()) else {
            return Ground::Unknown;
        };
        if !matches!(state.stage, Stage::Found | Stage::Missing) {
            return Ground::Unknown;
        }
        // Two names for one commit are one store, too.
        let shared = self.spots.len() == 1 || spot.branch.commit.id == state.branch.commit.id;
        match (spot.stage, side) {
            (Stage::Found, _) => {}
            (Stage::Missing, Marker::State) => {
                self.problem = Some(Problem::NoBranch { name: spot.place.branch.clone() });
                return Ground::Unknown;
            }
            // Nobody has intended anything yet.
            (Stage::Missing, Marker::Intent) => return Ground::Nothing,
            _ => return Ground::Unknown,
        }
        let items = match self.list(index, "", false, batch) {
            Got::There(root) => self.forest.get(&root).unwrap_or_default(),
            Got::Absent => return Ground::Nothing,
            Got::Waiting => return Ground::Unknown,
        };
        let has = |name: &str, folder| self.forest.child(items, name).is_some_and(|i| i.folder == folder);
        let own = match side {
            Marker::State => "state",
            Marker::Intent => "intent",
        };
        let (at_root, refs, inside) = (has(marker::NAME, false), has("refs", true), has(own, true));
        let is_empty = items.is_empty();
        if at_root {
            return self.marked(index, side, "", shared && side == Marker::Intent, batch);
        }
        if inside {
            match self.list(index, own, false, batch) {
                Got::There(folder) => {
                    let items = self.forest.get(&folder).unwrap_or_default();
                    if self.forest.child(items, marker::NAME).is_some() {
                        return self.marked(index, side, &format!("{own}/"), false, batch);
                    }
                }
                Got::Absent => {}
                Got::Waiting => return Ground::Unknown,
            }
        }
        // Somebody may have lost the marker; what is there can be looked at all the same.
        if refs && !(shared && side == Marker::Intent) {
            return Ground::At { prefix: String::new(), layout: Layout::Current };
        }
        if side == Marker::State && !is_empty {
            self.problem =
                self.spots.get(index).map(|spot| Problem::NoStore { name: spot.place.branch.clone() });
            return Ground::Unknown;
        }
        Ground::Nothing
    }

    /// What the marker below `prefix` says; `others` if the store of state lies there, and this is intent.
    fn marked(&mut self, spot: usize, side: Marker, prefix: &str, others: bool, batch: &mut Batch) -> Ground {
        let path = format!("{prefix}{}", marker::NAME);
        let bytes = match self.file(spot, &path, batch) {
            Got::There(bytes) => bytes,
            Got::Absent => return Ground::Nothing,
            Got::Waiting => return Ground::Unknown,
        };
        match marker::parse(&bytes, side) {
            _ if others => Ground::Nothing,
            Ok(layout) => Ground::At { prefix: prefix.to_owned(), layout },
            Err(wrong) => {
                self.problem = Some(match wrong {
                    Wrong::Side => Problem::Side { side },
                    Wrong::Version(found) => Problem::Version { side, found },
                    Wrong::Text(why) => Problem::Marker { side, why },
                });
                Ground::Unknown
            }
        }
    }

    /// Whether the cache is still to be asked for a folder, and for what was there before: that knows
    /// folders in it that have not changed.
    pub(super) fn recall(&mut self, index: usize, path: &str, id: Id, batch: &mut Batch) -> bool {
        let old = self.spots.get(index).and_then(|spot| spot.old.as_ref());
        let old = match old.map(|old| old.look(&self.forest, path)) {
            Some(Look::Folder(old) | Look::Unknown(Some((_, old)))) => Some(old),
            _ => None,
        };
        let mut waiting = false;
        for id in std::iter::once(id).chain(old.filter(|old| *old != id)) {
            match self.tried.get(&id) {
                _ if self.forest.get(&id).is_some() => {}
                Some(true) => {}
                Some(false) => waiting = true,
                None => {
                    batch.trees.insert(id);
                    waiting = true;
                }
            }
        }
        waiting
    }

    /// The folder at a path, listed; with `deep`, everything below it is asked for as well.
    pub(super) fn list(&mut self, index: usize, path: &str, deep: bool, batch: &mut Batch) -> Got<Id> {
        let Some(spot) = self.spots.get(index) else { return Got::Absent };
        let id = match spot.branch.look(&self.forest, path) {
            Look::Absent | Look::File(_) => return Got::Absent,
            Look::Folder(id) if self.forest.get(&id).is_some() => return Got::There(id),
            Look::Folder(id) => {
                if self.recall(index, path, id, batch) {
                    return Got::Waiting;
                }
                Some(id)
            }
            Look::Unknown(Some((at, id))) => {
                // A folder on the way that is being listed tells its id, by which it is found at once.
                if spot.folders.contains(&at) || self.recall(index, &at, id, batch) {
                    return Got::Waiting;
                }
                None
            }
            Look::Unknown(None) => None,
        };
        self.ask_folder(index, path, id, deep, batch);
        Got::Waiting
    }

    fn ask_folder(&mut self, index: usize, path: &str, id: Option<Id>, deep: bool, batch: &mut Batch) {
        let Some(spot) = self.spots.get_mut(index).filter(|spot| !spot.is_asked(path)) else { return };
        let asked = if deep { &mut spot.belows } else { &mut spot.folders };
        asked.insert(path.to_owned());
        let (commit, path) = (spot.branch.commit.id.clone(), path.to_owned());
        let tree = id.map(|id| id.to_string());
        let ask = match deep {
            true => Ask::Below { commit, path: path.clone(), tree },
            false => Ask::Folder { commit, path: path.clone(), tree },
        };
        batch.asks.push((index, ask, What::Folder { path, id, deep }));
    }

    /// Takes off the budget what it costs to read JSON of so many bytes. Whether there was anything left; if
    /// not, it is read with the next step.
    fn spend(&mut self, bytes: usize) -> bool {
        // About what an entry of a listing costs.
        const BYTES: usize = 50;
        let left = self.budget > 0;
        self.budget = self.budget.saturating_sub(bytes / BYTES);
        self.busy |= !left;
        left
    }

    /// The content of a file.
    pub(super) fn file(&mut self, index: usize, path: &str, batch: &mut Batch) -> Got<Arc<[u8]>> {
        let Some(spot) = self.spots.get(index) else { return Got::Absent };
        let id = match spot.branch.look(&self.forest, path) {
            Look::Absent | Look::Folder(_) => return Got::Absent,
            Look::File(id) => {
                if let Some(bytes) = self.bytes.get(&id) {
                    return Got::There(Arc::clone(bytes));
                }
                if let Some(bytes) = marker::well_known(&id).filter(|_| path.ends_with(marker::NAME)) {
                    return Got::There(Arc::from(bytes));
                }
                if self.lost.contains(&id) {
                    return Got::Absent;
                }
                match self.tried.get(&id) {
                    Some(true) => {}
                    Some(false) => return Got::Waiting,
                    None => {
                        batch.blobs.insert(id);
                        return Got::Waiting;
                    }
                }
                Some(id)
            }
            Look::Unknown(Some((at, id))) => {
                if self.recall(index, &at, id, batch) {
                    return Got::Waiting;
                }
                None
            }
            Look::Unknown(None) => None,
        };
        if let Some(files) = batch.files.get_mut(index) {
            files.insert(path.to_owned(), id);
        }
        Got::Waiting
    }

    fn wanted(&mut self, wants: &Wants, batch: &mut Batch) {
        if wants.summaries && self.current == Summaries::Unread {
            self.summarise(batch);
        }
        // How much there is of state, summaries tell: a host that is asked for all of a large folder takes
        // seconds to answer with a part of it.
        let unknown = wants.summaries && self.current == Summaries::Unread;
        for folder in &wants.needs.folders {
            let waits = unknown
                && folder.side == Marker::State
                && folder.below.is_some()
                && !folder.path.split('/').any(|segment| segment.starts_with('@'));
            if !waits && !self.done.contains(folder) && self.want_folder(folder, batch) {
                self.done.insert(folder.clone());
            }
        }
        for reference in &wants.needs.bodies {
            self.want_body(reference, batch);
        }
    }

    fn summarise(&mut self, batch: &mut Batch) {
        let prefix = match self.grounds.first() {
            Some(Ground::At { prefix, .. }) => prefix.clone(),
            Some(Ground::Nothing) => {
                self.current = Summaries::Absent;
                return;
            }
            _ => return,
        };
        let read = match self.read_summaries(&prefix, batch) {
            Got::There(read) => read,
            Got::Absent => {
                self.current = Summaries::Absent;
                return;
            }
            Got::Waiting => return,
        };
        // Around packages there are often no others. Then their ids tell those of the folders around
        // them, which need no listing.
        let told = read.iter().filter_map(|(package, summary)| {
            Some((package.as_str(), Some((true, Id::parse(&summary.tree)?))))
        });
        self.forest.suppose(None, &told.collect::<Vec<_>>());
        self.current = Summaries::Read(Arc::new(read), None);
    }

    /// The summaries of the store that lies at `prefix`.
    pub(super) fn read_summaries(&mut self, prefix: &str, batch: &mut Batch) -> Got<BTreeMap<Ref, Summary>> {
        let path = format!("{prefix}{}", summary::FOLDER);
        // The folder around it holds nothing else, and its id is known.
        let around = path.rsplit_once('/').map_or("", |(around, _)| around).to_owned();
        let folder = match self.list(0, &around, true, batch) {
            Got::There(_) => self.list(0, &path, false, batch),
            other => other,
        };
        let folder = match folder {
            Got::There(folder) => folder,
            Got::Absent => return Got::Absent,
            Got::Waiting => return Got::Waiting,
        };
        let files = self.forest.get(&folder).unwrap_or_default().iter().filter(|item| !item.folder);
        let files = files.map(|item| (self.forest.name_of(item).to_owned(), item.id));
        let files: Vec<(String, Id)> = files.filter(|(name, _)| name.ends_with(".json")).collect();
        let (mut read, mut whole) = (Vec::new(), true);
        let listed: BTreeSet<Id> = files.iter().map(|(_, id)| *id).gather();
        for (name, id) in files {
            let path = format!("{path}/{name}");
            let parsed = match self.summaries.get(&id) {
                Some(parsed) => parsed.clone(),
                None => match self.file(0, &path, batch) {
                    Got::There(bytes) if self.spend(bytes.len()) => {
                        let parsed = Summary::parse(&bytes).map(Arc::new);
                        self.bytes.remove(&id);
                        self.summaries.insert(id, parsed.clone());
                        parsed
                    }
                    Got::Absent => None,
                    Got::There(_) | Got::Waiting => {
                        whole = false;
                        None
                    }
                },
            };
            read.extend(parsed.filter(|summary| path.ends_with(&summary::path(&summary.package))));
        }
        if !whole {
            return Got::Waiting;
        }
        let read = read.iter().map(|summary| (summary.package.clone(), Summary::clone(summary))).collect();
        // Those of commits before are of no use.
        self.summaries.retain(|id, _| listed.contains(id));
        Got::There(read)
    }

    /// Lists what is needed; returns whether the snapshot has it now.
    fn want_folder(&mut self, folder: &Folder, batch: &mut Batch) -> bool {
        let Folder { side, path: below, below: glob } = folder;
        let base = match self.grounds.get(*side as usize) {
            Some(Ground::At { prefix, .. }) => format!("{prefix}refs"),
            Some(Ground::Nothing) => {
                self.snapshot.list(*side, below, false, []);
                return true;
            }
            _ => return false,
        };
        let index = self.spot(*side);
        let path = if below.is_empty() { base.clone() } else { format!("{base}/{below}") };
        if self.list_home(*side, &base, below, &path, batch) {
            return false;
        }
        let deep = (glob.is_some() || self.is_tried(*side, below)) && self.at_once(*side, below);
        let around = self.around(index, *side, &base, &path).filter(|_| deep);
        let listed = match around {
            Some(around) => self.list(index, &around, true, batch),
            None => self.list(index, &path, deep, batch),
        };
        let mut walk = match (self.walks.remove(folder), listed) {
            (Some(walk), _) => walk,
            (None, Got::There(id)) => Walk::new(&mut self.snapshot, *side, (&path, below, id), glob.as_ref()),
            (None, Got::Absent) => {
                self.snapshot.list(*side, below, false, []);
                return true;
            }
            (None, Got::Waiting) => return false,
        };
        walk.go_on(&self.forest, &mut self.snapshot, &mut self.budget);
        self.busy |= walk.is_busy();
        let missing = walk.missing(&self.forest);
        if missing.is_empty() && !walk.is_busy() {
            return true;
        }
        self.walks.insert(folder.clone(), walk);
        for (path, id) in missing {
            if self.recall(index, &path, id, batch) {
                continue;
            }
            let below = path.get(base.len() + 1..).unwrap_or_default();
            let deep = self.at_once(*side, below);
            self.ask_folder(index, &path, Some(id), deep, batch);
        }
        false
    }

    /// The folder around `path` that is the deepest one whose id is known, if it is as good to list that
    /// whole: a folder whose id the host has to find first takes two requests on some.
    fn around(&self, index: usize, side: Marker, base: &str, path: &str) -> Option<String> {
        match self.spots.get(index)?.branch.look(&self.forest, path) {
            Look::Unknown(Some((around, _))) => {
                let below = around.strip_prefix(base)?.strip_prefix('/')?;
                self.at_once(side, below).then_some(around)
            }
            _ => None,
        }
    }

    /// Whether all of a store is asked for though no more than one folder is wanted: most stores are small,
    /// and a host that says at once that one is too large can be asked whether this one is.
    fn is_tried(&self, side: Marker, below: &str) -> bool {
        let is_new = |spot: &super::reader::Spot| spot.old.is_none() && spot.place.page > SMALL;
        side == Marker::State && below.is_empty() && self.spots.first().is_some_and(is_new)
    }

    /// Lists the folder around what may not be there, so that a host is not asked for what it does not
    /// have: a browser writes each such answer into its console, as an error. Returns whether that is to be
    /// waited for.
    fn list_home(&mut self, side: Marker, base: &str, below: &str, path: &str, batch: &mut Batch) -> bool {
        let index = self.spot(side);
        let Some(spot) = self.spots.get(index) else { return false };
        if !matches!(spot.branch.look(&self.forest, path), Look::Unknown(_)) {
            return false;
        }
        let Some(home) = self.home(side, below) else { return false };
        let path = if home.is_empty() { base.to_owned() } else { format!("{base}/{home}") };
        let deep = self.at_once(side, home);
        deep && matches!(self.list(index, &path, true, batch), Got::Waiting)
    }

    /// The folder that is listed before what is in it is asked for. None where what is asked for is most
    /// likely there.
    fn home<'p>(&self, side: Marker, below: &'p str) -> Option<&'p str> {
        // Environments and custom state are few.
        if below.starts_with("@/") {
            return (side == Marker::Intent || !self.is_in_use(below)).then_some("@");
        }
        // Few intend more for a package than what is deployed where.
        let (package, _) = below.split_once("/@").filter(|_| side == Marker::Intent)?;
        match self.estimate(side, "") {
            Some(size) if size <= CHANGED => Some(""),
            _ => Some(package),
        }
    }

    /// Whether summaries name the environment at this path as one that is in use. What was known before is
    /// better listed: most of it is still the same.
    fn is_in_use(&self, below: &str) -> bool {
        let (Some(name), Summaries::Read(read, _)) = (below.strip_prefix("@/environment/"), &self.current)
        else {
            return false;
        };
        let is_new = self.spots.first().is_some_and(|spot| spot.old.is_none());
        let uses = |summary: &Summary| {
            let mut phases = summary.phases.iter().flatten().flatten();
            summary.live.contains_key(name) || phases.any(|other| other == name)
        };
        is_new && read.values().any(uses)
    }

    /// Whether everything below a folder is to be listed at once.
    fn at_once(&self, side: Marker, below: &str) -> bool {
        let Some(spot) = self.spots.get(self.spot(side)) else { return false };
        let Some(base) = self.base(side) else { return false };
        let path = if below.is_empty() { base } else { format!("{base}/{below}") };
        if spot.large.contains(&path) {
            return false;
        }
        // One release, or what is current of a package.
        if below.split('/').any(|segment| segment.starts_with('@')) {
            return true;
        }
        // Of what was there before, most is still the same.
        if let Some(size) = size_then(&self.forest, spot.old.as_ref(), &path, CHANGED) {
            return size <= CHANGED;
        }
        match self.estimate(side, below) {
            Some(size) => size <= spot.place.page.max(SMALL),
            // In a folder that is too large others are, too.
            None => !spot.large.iter().any(|large| path.starts_with(large)),
        }
    }

    /// How many entries there may be below a folder, by what summaries count.
    fn estimate(&self, side: Marker, below: &str) -> Option<usize> {
        let Summaries::Read(read, _) = &self.current else { return None };
        let within = |package: &Ref| {
            let package = package.as_str();
            let rest = package.strip_prefix(below);
            below.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let size = |summary: &Summary| match side {
            // A folder and a file for each document, and folders around them.
            Marker::Intent => summary.live.len() * 3,
            Marker::State => {
                let runs: usize = summary.counts.runs.values().sum();
                runs * 11 + summary.counts.releases * 8 + summary.live.len() * 3
            }
        };
        let found = read.iter().filter(|(package, _)| within(package)).map(|(_, summary)| size(summary));
        found.reduce(|a, b| a + b)
    }

    /// Loads a document, if it has come.
    fn want_body(&mut self, reference: &Ref, batch: &mut Batch) {
        if self.snapshot.knows(reference) {
            return;
        }
        let (side, path) = address(reference);
        let odd = path.split('/').any(|segment| matches!(segment, "." | ".."));
        let base = match self.grounds.get(side as usize) {
            Some(Ground::At { prefix, .. }) if !odd => format!("{prefix}refs"),
            Some(Ground::Unknown) | None => return,
            _ => {
                self.snapshot.load(reference, None);
                return;
            }
        };
        let (index, file) = (self.spot(side), document(&base, &path));
        // A document that is what it was before needs no reading.
        if let Some(spot) = self.spots.get(index)
            && let Some(old) = &spot.old
            && let Look::File(id) = spot.branch.look(&self.forest, &file)
            && old.look(&self.forest, &file) == Look::File(id)
            && self.snapshot.share(&self.previous, reference)
        {
            return;
        }
        if self.list_home(side, &base, &path, &file, batch) {
            return;
        }
        match self.file(index, &file, batch) {
            Got::There(bytes) if self.spend(bytes.len().min(LARGE)) => {
                let id = self.spots.get(index).map(|spot| spot.branch.look(&self.forest, &file));
                let blob = match id {
                    Some(Look::File(id)) => id.short(),
                    _ => None,
                };
                let blob = blob.unwrap_or_else(|| BlobId::of(&bytes));
                self.snapshot.load_blob(reference, &bytes, blob);
            }
            Got::Absent => self.snapshot.load(reference, None),
            Got::There(_) | Got::Waiting => {}
        }
    }

    /// Reads both stores whole, and has them translated.
    fn whole(&mut self, batch: &mut Batch) {
        self.current = Summaries::Absent;
        let now =
            |(_, sent): &(u32, Sent)| matches!(sent.what, What::Translation) && sent.epoch == self.epoch;
        if self.translated || self.flying.iter().any(now) {
            return;
        }
        let (mut files, mut whole) = (Vec::new(), true);
        for side in SIDES {
            let Some(base) = self.base(side) else { continue };
            let index = self.spot(side);
            let page = self.spots.get(index).map_or(0, |spot| spot.place.page);
            let large = self.spots.get(index).is_some_and(|spot| spot.large.contains(&base));
            let root = match self.list(index, &base, page > 0 && !large, batch) {
                Got::There(root) => root,
                Got::Absent => continue,
                Got::Waiting => {
                    whole = false;
                    continue;
                }
            };
            let (paths, missing) = self.documents(&root, &base);
            for (path, id) in missing {
                whole = false;
                if !self.recall(index, &path, id, batch) {
                    let large = self.spots.get(index).is_some_and(|spot| spot.large.contains(&path));
                    self.ask_folder(index, &path, Some(id), !large, batch);
                }
            }
            for path in paths {
                match self.file(index, &path, batch) {
                    Got::There(bytes) => {
                        let inner = path.get(base.len() + 1..).unwrap_or_default();
                        let inner = inner.strip_suffix(OBJECT).unwrap_or(inner).trim_end_matches('/');
                        files.push(OldFile { side, path: inner.to_owned(), bytes: bytes.to_vec() });
                    }
                    Got::Absent => {}
                    Got::Waiting => whole = false,
                }
            }
        }
        if whole {
            batch.old = Some(files);
        }
    }

    /// All documents' files below a folder, and the folders that are not listed.
    fn documents(&self, root: &Id, base: &str) -> (Vec<String>, Vec<(String, Id)>) {
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        let mut open = vec![(base.to_owned(), *root)];
        while let Some((path, id)) = open.pop() {
            let Some(items) = self.forest.get(&id) else {
                missing.push((path, id));
                continue;
            };
            if open.len() > 3_000_000 || path.len() > Ref::MAX_LEN + base.len() {
                continue;
            }
            for item in items {
                let name = self.forest.name_of(item);
                let inner = format!("{path}/{name}");
                match item.folder {
                    true => open.push((inner, item.id)),
                    false if name == OBJECT => files.push(inner),
                    false => {}
                }
            }
        }
        (files, missing)
    }
}
