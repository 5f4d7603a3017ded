//! A store in folders, as a git host would show it.
//!
//! What lies there now counts as the newest commit; there are none before. Summaries, which only git
//! stores have, are put in as if they lay there, since a viewer looks at them first.
//!
//! Each transaction of ours is counted ([`lock`](super::lock)), so it takes two small reads to know
//! that nothing has changed. What people change by hand is found by looking at every file; that is
//! done seldom enough that it costs little of the time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use ocuroot_core::envelope::BlobId;
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary;
use ocuroot_core::{Marker as Side, Ref};

use super::super::Moment;
use super::super::error::StoreError;
use super::super::layout::{OBJECT, REFS};
use super::super::marker::NAME as MARKER;
use super::super::offer::{Commit, Contents, Entry, File, History, Offer, parse_id, rfc3339};
use super::FsStores;
use super::lock::absent;
use super::read::{Batch, in_order, read_document};
use super::whole::all_below;

/// How many states of a store are kept: a page may be about to ask for a folder of the one before.
const KEPT: usize = 8;
/// How many files all of those may have together, lest a large store fills the memory.
const KEPT_FILES: usize = 300_000;
/// How many bytes of files are kept that may be asked for when they have been replaced already, and how
/// many one of them may have.
const REPLACED: usize = 32 << 20;
const REPLACED_FILE: usize = 64 << 10;
/// All files are looked at no more often than this, and no more than a small part of the time.
const PAUSE: Duration = Duration::from_secs(2);
const PART: u32 = 20;

/// See the [module's page](self).
#[derive(Debug)]
pub(in super::super) struct FolderOffer {
    stores: FsStores,
    roots: Vec<Root>,
    seen: Option<Seen>,
    /// The id of each file as it was when it had this stamp.
    ids: HashMap<PathBuf, (Stamp, BlobId)>,
    /// Summaries by the id of the package's folder.
    summaries: HashMap<BlobId, (String, Vec<u8>)>,
    recent: Recent,
}

/// What was found in files, the latest of it.
#[derive(Debug, Default)]
struct Recent {
    bytes: HashMap<BlobId, Vec<u8>>,
    /// Oldest first.
    order: VecDeque<BlobId>,
    size: usize,
}

impl Recent {
    fn keep(&mut self, id: BlobId, bytes: Vec<u8>) {
        if bytes.len() > REPLACED_FILE || self.bytes.contains_key(&id) {
            return;
        }
        self.size += bytes.len();
        self.bytes.insert(id, bytes);
        self.order.push_back(id);
        while self.size > REPLACED {
            let Some(oldest) = self.order.pop_front() else { break };
            self.size -= self.bytes.remove(&oldest).map_or(0, |bytes| bytes.len());
        }
    }
}

/// What stands for one branch: the folder of a side, or that around both.
#[derive(Debug)]
struct Root {
    folder: PathBuf,
    /// Where stores lie in it: empty, or with a slash at the end.
    stores: Vec<&'static str>,
    /// Where state lies in it.
    state: Option<&'static str>,
    /// Newest first.
    kept: VecDeque<State>,
}

/// What a root was at some moment.
#[derive(Debug, Default)]
struct State {
    contents: Contents,
    /// What does not lie there, by its id.
    made: HashMap<BlobId, Vec<u8>>,
    /// When something was written there last, in seconds since 1970.
    time: i64,
}

/// When all files were looked at.
#[derive(Debug)]
struct Seen {
    moment: Moment,
    at: Instant,
    took: Duration,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Duration,
    size: u64,
    /// A file that replaces another has a number of its own.
    number: u64,
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Stamp {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let number = 0;
        Stamp { modified: modified.unwrap_or_default(), size: metadata.len(), number }
    }
}

/// A file that was found.
struct Found {
    /// From the folder of its root.
    path: String,
    file: PathBuf,
    stamp: Stamp,
    id: BlobId,
    /// What is in it, if it had to be read.
    bytes: Option<Vec<u8>>,
}

impl FolderOffer {
    /// Offers these stores.
    pub(in super::super) fn new(stores: FsStores) -> FolderOffer {
        let root = |folder: &Path, stores, state| Root {
            folder: folder.to_owned(),
            stores,
            state,
            kept: VecDeque::new(),
        };
        let roots = match &stores.shared {
            // One of version 1 lies in the shared folder itself.
            Some(shared) => vec![root(shared, vec!["", "state/", "intent/"], Some("state/"))],
            None => vec![
                root(stores.folder(Side::State), vec![""], Some("")),
                root(stores.folder(Side::Intent), vec![""], None),
            ],
        };
        FolderOffer {
            stores,
            roots,
            seen: None,
            ids: HashMap::new(),
            summaries: HashMap::new(),
            recent: Recent::default(),
        }
    }

    /// What stands for the branch of a side.
    fn root(&mut self, side: Side) -> Result<(&Root, &Recent), StoreError> {
        self.look()?;
        let index = if side == Side::Intent { self.roots.len() - 1 } else { 0 };
        Ok((self.roots.get(index).ok_or(StoreError::MixedKinds)?, &self.recent))
    }

    /// Looks whether something has changed.
    fn look(&mut self) -> Result<(), StoreError> {
        if let Some(seen) = &self.seen {
            let now = self.stores.generations()?;
            let unchanged = seen.moment == now && self.stores.pending()?.is_none();
            if unchanged && seen.at.elapsed() < PAUSE.max(seen.took * PART) {
                return Ok(());
            }
        }
        let began = Instant::now();
        let (found, moment) = self.stores.at_one_moment(None, || {
            let found = self.roots.iter().map(|root| self.find(root)).collect::<Result<Vec<_>, _>>()?;
            self.states(&found).map(|states| (found, states))
        })?;
        let (found, (states, summaries)) = found;
        self.summaries = summaries;
        self.ids.clear();
        for found in found.into_iter().flatten() {
            if let Some(bytes) = found.bytes {
                self.recent.keep(found.id, bytes);
            }
            self.ids.insert(found.file, (found.stamp, found.id));
        }
        for (root, state) in self.roots.iter_mut().zip(states) {
            if root.kept.front().is_none_or(|newest| newest.contents.root() != state.contents.root()) {
                root.kept.push_front(state);
            }
            let files =
                |root: &Root| root.kept.iter().map(|state| state.contents.files().len()).sum::<usize>();
            while root.kept.len() > 1 && (root.kept.len() > KEPT || files(root) > KEPT_FILES) {
                root.kept.pop_back();
            }
        }
        self.seen = Some(Seen { moment, at: Instant::now(), took: began.elapsed() });
        Ok(())
    }

    /// Every file of the stores in a root: markers and documents. What else lies there belongs to
    /// people, and so does whatever a link leads to.
    fn find(&self, root: &Root) -> Result<Vec<Found>, StoreError> {
        let mut paths = Vec::new();
        for store in &root.stores {
            paths.push(format!("{store}{MARKER}"));
            let refs = root.folder.join(store).join(REFS);
            // A link in its place leads out of the store.
            if refs.is_symlink() {
                continue;
            }
            let listings = all_below(&refs)?.into_iter().filter(|listing| listing.document);
            paths.extend(listings.map(|listing| match listing.path.as_str() {
                "" => format!("{store}{REFS}/{OBJECT}"),
                path => format!("{store}{REFS}/{path}/{OBJECT}"),
            }));
        }
        let found = in_order(&paths, |path| {
            let file = root.folder.join(path);
            let metadata = match std::fs::symlink_metadata(&file) {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => return Ok(None),
                Err(error) if absent(&error) => return Ok(None),
                Err(error) => return Err(StoreError::read("open", &file, error)),
            };
            let stamp = Stamp::of(&metadata);
            let known = self.ids.get(&file).filter(|(known, _)| *known == stamp);
            if let Some((_, id)) = known {
                return Ok(Some(Found { path: path.clone(), file, stamp, id: *id, bytes: None }));
            }
            let Some(bytes) = read_document(&file)? else { return Ok(None) };
            let id = BlobId::of(&bytes);
            Ok(Some(Found { path: path.clone(), file, stamp, id, bytes: Some(bytes) }))
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What the roots are, with summaries.
    #[expect(clippy::type_complexity, reason = "used once, right above")]
    fn states(
        &self,
        found: &[Vec<Found>],
    ) -> Result<(Vec<State>, HashMap<BlobId, (String, Vec<u8>)>), StoreError> {
        let mut states = Vec::new();
        let mut all = HashMap::new();
        for (root, found) in self.roots.iter().zip(found) {
            let mut contents = match root.kept.front() {
                Some(state) => state.contents.clone(),
                None => Contents::default(),
            };
            let now: BTreeMap<&str, BlobId> =
                found.iter().map(|found| (found.path.as_str(), found.id)).collect();
            let summary_folder = format!("{}{}/", root.state.unwrap_or_default(), summary::FOLDER);
            let gone: Vec<_> = contents
                .files()
                .keys()
                .filter(|path| !now.contains_key(path.as_str()) && !path.starts_with(&summary_folder))
                .map(|path| (path.clone(), None))
                .collect();
            let new = now.iter().filter(|(path, id)| contents.file(path) != Some(**id));
            let new: Vec<_> = new.map(|(path, id)| ((*path).to_owned(), Some(*id))).collect();
            contents.change(gone.into_iter().chain(new));
            let mut made = HashMap::new();
            if let Some(prefix) = root.state
                && self.stores.translated()?.is_none()
            {
                let summaries = self.summaries_of(&contents, prefix)?;
                let wanted: BTreeMap<String, BlobId> = summaries
                    .values()
                    .map(|(path, text)| (format!("{prefix}{path}"), BlobId::of(text)))
                    .collect();
                let gone = contents.files().keys().filter(|path| path.starts_with(&summary_folder));
                let gone: Vec<_> = gone
                    .filter(|path| !wanted.contains_key(*path))
                    .map(|path| (path.clone(), None))
                    .collect();
                contents
                    .change(gone.into_iter().chain(wanted.into_iter().map(|(path, id)| (path, Some(id)))));
                made.extend(summaries.values().map(|(_, text)| (BlobId::of(text), text.clone())));
                all.extend(summaries);
            }
            let time = found.iter().map(|found| found.stamp.modified.as_secs()).max().unwrap_or(0);
            states.push(State { contents, made, time: i64::try_from(time).unwrap_or(0) });
        }
        Ok((states, all))
    }

    /// The summaries of all packages, by the ids of their folders; those of packages that have not
    /// changed are what they were.
    fn summaries_of(
        &self,
        contents: &Contents,
        prefix: &str,
    ) -> Result<HashMap<BlobId, (String, Vec<u8>)>, StoreError> {
        let mut summaries = HashMap::new();
        let mut missing: Vec<(Ref, BlobId)> = Vec::new();
        for package in packages(contents, &format!("{prefix}{REFS}/")) {
            let Some(tree) = contents.folder(&format!("{prefix}{REFS}/{package}")) else { continue };
            match self.summaries.get(&tree) {
                Some(known) => drop(summaries.insert(tree, known.clone())),
                None => missing.push((package, tree)),
            }
        }
        let mut snapshot = Snapshot::default();
        while !missing.is_empty() {
            let mut needs = Needs::default();
            let mut left = Vec::new();
            for (package, tree) in missing {
                match summary::of_package(&snapshot, &package, &tree.to_string()) {
                    Ok(Some(summary)) => {
                        let text = summary.to_text().into_bytes();
                        summaries.insert(tree, (summary::path(&package), text));
                    }
                    Ok(None) => {}
                    Err(more) => {
                        needs.merge(more);
                        left.push((package, tree));
                    }
                }
            }
            missing = left;
            Batch::read(&self.stores.roots, &needs)?.record(&mut snapshot);
        }
        Ok(summaries)
    }

    /// What is in a file, by its id.
    fn bytes(root: &Root, recent: &Recent, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        for state in &root.kept {
            if let Some(bytes) = state.made.get(&id) {
                return Ok(Some(bytes.clone()));
            }
            let Some(path) = state.contents.file_of(id) else { continue };
            if let Some(bytes) = recent.bytes.get(&id) {
                return Ok(Some(bytes.clone()));
            }
            let bytes = read_document(&root.folder.join(path))?;
            // It may have been written anew since it was looked at.
            if let Some(bytes) = bytes.filter(|bytes| BlobId::of(bytes) == id) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// The packages with releases, sorted.
fn packages(contents: &Contents, refs: &str) -> Vec<Ref> {
    let mut packages: Vec<Ref> = Vec::new();
    for path in contents.files().keys() {
        let Some(folder) = path.strip_prefix(refs).and_then(|path| path.strip_suffix("/@object.json")) else {
            continue;
        };
        if !folder.rsplit('/').next().is_some_and(|name| name.starts_with("@r")) {
            continue;
        }
        let Ok(release) = folder.parse::<Ref>() else { continue };
        if release.release_number().is_some() && release.as_str() == folder {
            packages.push(release.package());
        }
    }
    packages.sort();
    packages.dedup();
    packages
}

/// What the state of a root is called as a commit.
fn commit_of(state: &State) -> Commit {
    let tree = state.contents.root().to_string();
    Commit {
        id: BlobId::of(format!("commit {tree}").as_bytes()).to_string(),
        tree,
        time: rfc3339(state.time),
        subject: String::new(),
        author: String::new(),
    }
}

impl Offer for FolderOffer {
    fn head(&mut self, side: Side) -> Result<Option<Commit>, StoreError> {
        Ok(self.root(side)?.0.kept.front().map(commit_of))
    }

    fn commit(&mut self, side: Side, id: &str) -> Result<Option<Commit>, StoreError> {
        Ok(self.root(side)?.0.kept.iter().map(commit_of).find(|commit| commit.id == id))
    }

    fn tree(&mut self, side: Side, id: &str, recursive: bool) -> Result<Option<Vec<Entry>>, StoreError> {
        let Some(id) = parse_id(id) else { return Ok(None) };
        Ok(self.root(side)?.0.kept.iter().find_map(|state| state.contents.list(id, recursive)))
    }

    fn blobs(&mut self, side: Side, ids: &[String]) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let (root, recent) = self.root(side)?;
        let read = in_order(ids, |id| match parse_id(id) {
            Some(parsed) => FolderOffer::bytes(root, recent, parsed),
            None => Ok(None),
        })?;
        Ok(ids.iter().zip(read).filter_map(|(id, bytes)| Some((id.clone(), bytes?))).collect())
    }

    fn files(&mut self, side: Side, commit: &str, paths: &[String]) -> Result<Option<Vec<File>>, StoreError> {
        let (root, recent) = self.root(side)?;
        let Some(state) = root.kept.iter().find(|state| commit_of(state).id == commit) else {
            return Ok(None);
        };
        let mut files = Vec::new();
        for path in paths {
            let Some(id) = state.contents.file(path) else { continue };
            if let Some(bytes) = FolderOffer::bytes(root, recent, id)? {
                files.push(File { path: path.clone(), id: id.to_string(), bytes });
            }
        }
        Ok(Some(files))
    }

    fn history(&mut self, side: Side, from: &str, _: &str, _: usize) -> Result<Option<History>, StoreError> {
        Ok(self.commit(side, from)?.map(|_| History::default()))
    }
}

#[cfg(test)]
mod tests {
    use ocuroot_core::envelope::Document;
    use ocuroot_core::transaction::{Transaction, Write};

    use super::*;

    #[test]
    fn what_a_page_is_about_to_ask_for_is_there_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let open = || FsStores::open(folder.path().join("state"), folder.path().join("intent")).unwrap();
        let writer = open();
        let set = |value: u32| {
            let put = Write::Put(Document::new("float64", &value));
            let writes = [("@/custom/a".parse().unwrap(), put)].into();
            writer.commit(&Transaction { writes, ..Transaction::default() }, None).map(|_| ()).unwrap();
        };
        set(1);
        let mut offer = FolderOffer::new(open());
        let then = offer.head(Side::State).unwrap().unwrap();
        set(2);
        assert_ne!(offer.head(Side::State).unwrap().unwrap(), then);
        // The folder as it was, and the file that has been replaced meanwhile.
        let entries = offer.tree(Side::State, &then.tree, true).unwrap().unwrap();
        let file = entries.iter().find(|entry| entry.path.ends_with("a/@object.json")).unwrap();
        let blobs = offer.blobs(Side::State, std::slice::from_ref(&file.id)).unwrap();
        assert!(String::from_utf8_lossy(&blobs[0].1).contains("\"body\": 1"));
        assert_eq!(offer.commit(Side::State, &then.id).unwrap(), Some(then));
        // The other side never had it.
        assert!(offer.blobs(Side::Intent, std::slice::from_ref(&file.id)).unwrap().is_empty());
    }
}
