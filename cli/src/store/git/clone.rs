//! The bare clone in which a remote's branches are read and written.
//!
//! It lies in `$OCUROOT_HOME/stores/` and is kept from one command to the next, so that a fetch brings
//! only what is new. It begins with the newest commit alone and, where the remote allows it, without
//! the contents of files; those come when somebody asks for them. The remote is the truth: a fetch
//! replaces what the clone had, and a clone that is broken is made anew.
//!
//! A process reads the branches as they were when it fetched, once; others that use the same clone
//! meanwhile do not change that.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::{ErrorCode, Odb, OdbLookupFlags, Oid, Repository, RepositoryInitOptions};
use ocuroot_core::envelope::BlobId;
use ocuroot_core::repo_config::strip_userinfo;

use super::super::error::StoreError;
use super::super::steps::step;
use super::command::{Answer, REMOTE, beside, git, problem};
use super::commit::pause;
use super::local::Local;
use super::turn::Notes;
use super::{pack, upkeep};

/// Branches of one remote, and where they are kept.
#[derive(Debug)]
pub(super) struct Clone {
    url: String,
    folder: PathBuf,
    wanted: Vec<Wanted>,
    pub(super) opened: RefCell<Option<Opened>>,
    /// How often the branches were found to be others than before.
    moves: Cell<u64>,
    remade: Cell<bool>,
    /// What had been pushed from this machine before the last fetch.
    pub(super) notes: RefCell<Notes>,
    local: OnceCell<Option<Local>>,
}

/// A branch as repo.ocu.star names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// None is the remote's default branch.
    pub(super) branch: Option<String>,
    /// Whether to make it where it is missing.
    pub(super) create: bool,
}

pub(super) struct Opened {
    pub(super) repo: Repository,
    /// In the order of `wanted`.
    pub(super) branches: Vec<Branch>,
    /// Says to others that the clone is in use.
    _in_use: Option<File>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("branches", &self.branches).finish_non_exhaustive()
    }
}

/// A branch as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) name: String,
    /// Its commit; none while the remote does not have the branch.
    pub(super) tip: Option<Oid>,
}

/// How often a fetch is tried again because somebody else's git uses the clone.
const DISTURBED: u32 = 5;
/// How long to wait for another process that fetches into the same clone.
const PATIENCE: Duration = Duration::from_secs(60);
/// The setting of a clone that names the remote's default branch.
const DEFAULT_BRANCH: &str = "ocuroot.defaultbranch";
/// Where the remote's HEAD is kept, to notice when it names another branch.
const HEAD: &str = "refs/ocuroot/head";
/// What the default branch of a remote is called that has none.
const MAIN: &str = "main";

impl Clone {
    /// The clone for some branches of the remote at `url`, in `home`. Nothing is done yet.
    pub(super) fn new(home: &Path, url: &str, wanted: Vec<Wanted>) -> Clone {
        let shown = strip_userinfo(url);
        let branches: Vec<&str> =
            wanted.iter().map(|wanted| wanted.branch.as_deref().unwrap_or_default()).collect();
        let key = BlobId::of(format!("{shown}\n{}", branches.join("\n")).as_bytes()).to_string();
        let name = shown.trim_end_matches('/').trim_end_matches(".git").rsplit(['/', ':', '\\']).next();
        let name: String = name
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
            .take(40)
            .collect();
        let folder = home.join("stores").join(format!("{name}-{}", key.get(..12).unwrap_or(&key)));
        Clone {
            url: url.to_owned(),
            folder,
            wanted,
            opened: RefCell::new(None),
            moves: Cell::new(0),
            remade: Cell::new(false),
            notes: RefCell::default(),
            local: OnceCell::new(),
        }
    }

    /// The remote, if it is a repo in a folder of this machine.
    pub(super) fn local(&self) -> Option<&Local> {
        self.local.get_or_init(|| Local::at(&self.url)).as_ref()
    }

    /// The remote, as messages name it.
    pub(super) fn shown(&self) -> String {
        strip_userinfo(&self.url)
    }

    /// How often the branches moved under this process.
    pub(super) fn moves(&self) -> u64 {
        self.moves.get()
    }

    /// The branches, fetched once for this process.
    ///
    /// # Errors
    /// When the remote cannot be read.
    pub(super) fn branches(&self) -> Result<Vec<Branch>, StoreError> {
        if self.opened.borrow().is_none() {
            self.fetch()?;
        }
        Ok(self.opened.borrow().as_ref().map(|opened| opened.branches.clone()).unwrap_or_default())
    }

    /// Calls `work` with the clone's repository. A clone that turns out to be broken is made anew,
    /// once, and `work` is called again; it should then look at the branches anew.
    ///
    /// # Errors
    /// When the remote cannot be read, or the clone cannot be used.
    pub(super) fn with<T>(
        &self,
        work: impl Fn(&Repository, &Odb<'_>) -> Result<T, git2::Error>,
    ) -> Result<T, StoreError> {
        loop {
            self.branches()?;
            let result = {
                let opened = self.opened.borrow();
                let Some(opened) = opened.as_ref() else {
                    return Err(self.broken("it was closed"));
                };
                opened.repo.odb().and_then(|odb| work(&opened.repo, &odb))
            };
            match result {
                Ok(value) => return Ok(value),
                Err(error) if full(&error) => {
                    let source =
                        std::io::Error::new(std::io::ErrorKind::StorageFull, error.message().to_owned());
                    return Err(StoreError::DiskFull { path: self.folder.clone(), source });
                }
                Err(error) if error.code() == ErrorCode::Invalid || self.remade.get() => {
                    return Err(self.broken(error.message()));
                }
                Err(error) => self.remake(error.message())?,
            }
        }
    }

    fn broken(&self, reason: &str) -> StoreError {
        StoreError::Clone { folder: self.folder.clone(), reason: reason.to_owned() }
    }

    pub(super) fn git(&self, arguments: &[&str], stdin: Option<&str>) -> Result<Answer, StoreError> {
        git(&self.folder, &self.url, arguments, stdin)
    }

    /// Throws the clone away and fetches what it needs again.
    fn remake(&self, reason: &str) -> Result<(), StoreError> {
        let _alone = self.lock()?;
        self.discard(reason)?;
        self.fetch_alone()
    }

    /// Throws the clone away, for the first time in this process; a second time would not help either.
    fn discard(&self, reason: &str) -> Result<(), StoreError> {
        tracing::warn!(folder = %self.folder.display(), reason, "the clone of a store is broken and is made anew");
        if self.remade.replace(true) {
            return Err(self.broken(reason));
        }
        *self.opened.borrow_mut() = None;
        // Aside first: that is one step, and whoever still reads there can go on.
        let aside = self.folder.with_extension(format!("broken-{}", std::process::id()));
        let moved = std::fs::rename(&self.folder, &aside);
        let removed = std::fs::remove_dir_all(if moved.is_ok() { &aside } else { &self.folder });
        match removed {
            Err(error) if self.folder.exists() => Err(StoreError::write("remove", &self.folder, error)),
            _ => Ok(()),
        }
    }

    /// Brings the clone to where the remote is.
    ///
    /// # Errors
    /// When the remote cannot be read, a branch is missing that is not to be made, or the clone cannot
    /// be written.
    pub(super) fn fetch(&self) -> Result<(), StoreError> {
        let _alone = self.lock()?;
        self.fetch_alone()
    }

    /// As [`Clone::fetch`], by who has locked the clone.
    fn fetch_alone(&self) -> Result<(), StoreError> {
        match self.fetch_once() {
            Err(StoreError::Clone { reason, .. }) if !self.remade.get() => {
                self.discard(&reason)?;
                self.fetch_once()
            }
            result => result,
        }
    }

    fn fetch_once(&self) -> Result<(), StoreError> {
        let repo = self.repository()?;
        let names = self.names(&repo)?;
        *self.notes.borrow_mut() = Notes::read(&self.shown());
        if !self.is_up_to_date(&repo, &names) {
            self.fetch_branches(&repo, &names)?;
        }
        let names = if self.default_has_changed(&repo, &names) {
            let _ = repo.config().and_then(|mut config| config.remove(DEFAULT_BRANCH));
            let names = self.names(&repo)?;
            self.fetch_branches(&repo, &names)?;
            names
        } else {
            names
        };
        let mut branches = Vec::new();
        for name in names {
            let tip = match repo.refname_to_id(&full_name(&name)) {
                Ok(tip) => Some(tip),
                Err(error) if error.code() == ErrorCode::NotFound => None,
                Err(error) => return Err(self.broken(error.message())),
            };
            branches.push(Branch { name, tip });
        }
        let missing =
            branches.iter().zip(&self.wanted).find(|(branch, wanted)| branch.tip.is_none() && !wanted.create);
        if let Some((branch, _)) = missing {
            return Err(StoreError::NoBranch { url: self.shown(), branch: branch.name.clone() });
        }
        let mut opened = self.opened.borrow_mut();
        match opened.as_mut() {
            Some(opened) if opened.branches == branches => {}
            Some(opened) => {
                opened.branches = branches;
                self.moves.set(self.moves.get() + 1);
            }
            None => {
                let in_use = upkeep::announce(&self.folder);
                pack::in_memory(&repo).map_err(|error| self.broken(error.message()))?;
                *opened = Some(Opened { repo, branches, _in_use: in_use });
                self.moves.set(self.moves.get() + 1);
            }
        }
        Ok(())
    }

    /// Brings the clone to where the others of this machine have brought the remote. What they wrote is
    /// taken from their clones; where some of it came from elsewhere, the remote is asked.
    ///
    /// # Errors
    /// As for [`Clone::fetch`].
    pub(super) fn catch_up(&self) -> Result<(), StoreError> {
        let notes = Notes::read(&self.shown());
        match self.take_over(&notes) {
            Some(branches) => {
                *self.notes.borrow_mut() = notes;
                if let Some(opened) = self.opened.borrow_mut().as_mut() {
                    opened.branches = branches;
                    self.moves.set(self.moves.get() + 1);
                }
                Ok(())
            }
            None => self.fetch(),
        }
    }

    /// The branches as they are noted, once all that came to them is in this clone too.
    fn take_over(&self, notes: &Notes) -> Option<Vec<Branch>> {
        let opened = self.opened.borrow();
        let Opened { repo, branches, .. } = opened.as_ref()?;
        let mut packs = Vec::new();
        let mut new = Vec::new();
        for Branch { name, tip } in branches {
            let (tip, since) = notes.since(name, *tip)?;
            packs.extend(since);
            new.push(Branch { name: name.clone(), tip });
        }
        packs.dedup();
        for pack in packs {
            let taken = pack::take(&self.folder, pack);
            taken.inspect_err(|error| tracing::debug!(pack = %pack.display(), %error, "not taken")).ok()?;
        }
        repo.odb().and_then(|odb| odb.refresh()).ok()?;
        for Branch { name, tip } in &new {
            if let Some(tip) = tip {
                repo.find_commit(*tip).ok()?;
                // Only a hint for the next fetch, as after a push.
                let _ = repo.reference(&full_name(name), *tip, true, "taken over");
            }
        }
        Some(new)
    }

    /// Keeps other processes from fetching into the same clone meanwhile.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.folder.with_extension("lock");
        let made = self.folder.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.map_err(|error| StoreError::write("create", &self.folder, error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let file = lock.map_err(|error| StoreError::write("lock", &path, error))?;
        let began = Instant::now();
        // Git copes with company; without the lock it only has to try more often.
        while file.try_lock().is_err() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(file)
    }

    /// The clone's repository, made if it is not there.
    fn repository(&self) -> Result<Repository, StoreError> {
        // The ids of objects are checked where they arrive, by git.
        git2::opts::strict_hash_verification(false);
        git2::opts::enable_caching(false);
        // What a folder or a commit that is written names was there before or was written just now.
        git2::opts::strict_object_creation(false);
        if self.folder.join("HEAD").is_file() {
            return Repository::open_bare(&self.folder).map_err(|error| self.broken(error.message()));
        }
        step();
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(false);
        let made = Repository::init_opts(&self.folder, &options).and_then(|repo| {
            let mut config = repo.config()?;
            config.set_bool("remote.origin.promisor", true)?;
            config.set_str("remote.origin.partialclonefilter", "blob:none")?;
            Ok(repo)
        });
        made.map_err(|error| {
            if full(&error) {
                let source = std::io::Error::new(std::io::ErrorKind::StorageFull, error.message().to_owned());
                return StoreError::DiskFull { path: self.folder.clone(), source };
            }
            self.broken(error.message())
        })
    }

    /// What the wanted branches are called.
    fn names(&self, repo: &Repository) -> Result<Vec<String>, StoreError> {
        self.wanted
            .iter()
            .map(|wanted| match &wanted.branch {
                Some(branch) => Ok(branch.clone()),
                None => self.default_branch(repo),
            })
            .collect()
    }

    fn default_branch(&self, repo: &Repository) -> Result<String, StoreError> {
        if let Ok(known) = repo.config().and_then(|config| config.get_string(DEFAULT_BRANCH)) {
            return Ok(known);
        }
        let text = self.git(&["ls-remote", "--symref", "origin", "HEAD", "refs/heads/*"], None)?;
        let text = text.or_problem(&self.url)?;
        let head =
            text.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
        // A HEAD that points at no branch is not told; neither is that of an empty repo.
        let name =
            head.map_or_else(|| self.head_of_empty().unwrap_or_else(|| MAIN.to_owned()), str::to_owned);
        if text.contains(&format!("\trefs/heads/{name}\n")) {
            // The answer will do until the branch is gone.
            let _ = repo.config().and_then(|mut config| config.set_str(DEFAULT_BRANCH, &name));
        }
        Ok(name)
    }

    /// The default branch to be of a repo without any commit, which only a clone is told of.
    fn head_of_empty(&self) -> Option<String> {
        let probe = tempfile::tempdir().ok()?;
        let into = probe.path().join("probe");
        let into = into.to_str()?;
        let arguments = ["clone", "--quiet", "--bare", "--depth=1", "--filter=tree:0", REMOTE, into];
        // It has to make the folder that it is to work in, so it runs beside it.
        beside(probe.path(), &self.url, &arguments).ok().filter(|answer| answer.success)?;
        let head = std::fs::read_to_string(probe.path().join("probe/HEAD")).ok()?;
        head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
    }

    /// Whether a fetch would bring nothing, as far as can be seen without one: in a remote in a folder of this
    /// machine all is where it was.
    fn is_up_to_date(&self, repo: &Repository, names: &[String]) -> bool {
        let Some(local) = self.local() else { return false };
        let same =
            |there: &str, here: &str| repo.refname_to_id(here).is_ok_and(|tip| local.is_at(there, tip));
        let by_default = self.wanted.iter().any(|wanted| wanted.branch.is_none());
        names.iter().all(|name| same(&full_name(name), &full_name(name)))
            && (!by_default || same("HEAD", HEAD))
    }

    /// Whether the remote's HEAD, which was fetched too, is not where the branch is that it named before.
    fn default_has_changed(&self, repo: &Repository, names: &[String]) -> bool {
        let by_default = self.wanted.iter().zip(names).find(|(wanted, _)| wanted.branch.is_none());
        let Some((_, name)) = by_default else { return false };
        let known = repo.config().and_then(|config| config.get_string(DEFAULT_BRANCH)).is_ok();
        let head = repo.refname_to_id(HEAD).ok();
        known && head.is_some() && head != repo.refname_to_id(&full_name(name)).ok()
    }

    fn fetch_branches(&self, repo: &Repository, names: &[String]) -> Result<(), StoreError> {
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        names.dedup();
        let new = |name: &&String| repo.refname_to_id(&full_name(name)).is_err();
        if names.iter().any(new) && !names.iter().all(new) {
            // Of the new ones the newest commit will do; the others go on from where they were.
            let (new, known): (Vec<&String>, Vec<&String>) = names.into_iter().partition(new);
            self.fetch_alike(repo, new, true)?;
            return self.fetch_alike(repo, known, false);
        }
        let shallow = names.iter().all(new);
        self.fetch_alike(repo, names, shallow)
    }

    fn fetch_alike(
        &self,
        repo: &Repository,
        mut names: Vec<&String>,
        mut shallow: bool,
    ) -> Result<(), StoreError> {
        let by_default = self.wanted.iter().any(|wanted| wanted.branch.is_none());
        let mut head =
            by_default && repo.config().and_then(|config| config.get_string(DEFAULT_BRANCH)).is_ok();
        let mut asked = false;
        let mut disturbed = 0;
        loop {
            if names.is_empty() {
                return Ok(());
            }
            let mut refspecs: Vec<String> =
                names.iter().map(|name| format!("+{0}:{0}", full_name(name))).collect();
            refspecs.extend(head.then(|| format!("+HEAD:{HEAD}")));
            let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
            if shallow {
                arguments.push("--depth=1");
            } else if self.opened.borrow().is_some() {
                // Others were faster. What is there now is little more than before, and about to be looked
                // at; by which steps it came there does not matter.
                arguments.extend(["--depth=1", "--no-filter"]);
            }
            arguments.push("origin");
            arguments.extend(refspecs.iter().map(String::as_str));
            step();
            let answer = self.git(&arguments, None)?;
            if answer.success {
                return Ok(());
            }
            let stderr = answer.stderr.as_str();
            if stderr.contains("couldn't find remote ref") && !asked {
                // Some branch is not there (any more); it takes a question to know which.
                asked = true;
                head = false;
                let there =
                    self.git(&["ls-remote", "origin", "refs/heads/*"], None)?.or_problem(&self.url)?;
                for name in &names {
                    if !there.contains(&format!("\t{}\n", full_name(name))) {
                        self.forget(repo, name);
                    }
                }
                names.retain(|name| there.contains(&format!("\t{}\n", full_name(name))));
                continue;
            }
            if shallow && (stderr.contains("shallow") || stderr.contains("dumb http")) {
                // An old server, or one that knows nothing of git: all of the history, then, and all
                // contents, since that one is not to be asked for some of them either.
                shallow = false;
                let whole = repo.config().and_then(|mut config| {
                    config.remove("remote.origin.promisor")?;
                    config.remove("remote.origin.partialclonefilter")
                });
                whole.map_err(|error| self.broken(error.message()))?;
                continue;
            }
            let in_the_way = stderr.contains("shallow file has changed") || stderr.contains("File exists");
            if in_the_way && disturbed < DISTURBED {
                // Somebody's own git in the same clone.
                disturbed += 1;
                pause(disturbed);
                continue;
            }
            return Err(self.failed(stderr));
        }
    }

    fn forget(&self, repo: &Repository, branch: &str) {
        if let Ok(mut reference) = repo.find_reference(&full_name(branch)) {
            // What is left is found missing again, and costs a question.
            let _ = reference.delete();
        }
        if self.wanted.iter().any(|wanted| wanted.branch.is_none()) {
            let _ = repo.config().and_then(|mut config| config.remove(DEFAULT_BRANCH));
        }
    }

    /// What a failed command of git means: the clone is broken, the disk is full, or the remote does
    /// not answer.
    pub(super) fn failed(&self, stderr: &str) -> StoreError {
        let own: String = stderr.lines().filter(|line| !line.starts_with("remote:")).collect();
        let says = |needles: &[&str]| needles.iter().any(|needle| own.contains(needle));
        if says(&["No space left on device", "Disk quota exceeded"]) {
            let source = std::io::Error::new(std::io::ErrorKind::StorageFull, "git found no space left");
            return StoreError::DiskFull { path: self.folder.clone(), source };
        }
        let ours = says(&[
            "bad object",
            "is corrupt",
            "is empty",
            "object corrupt or missing",
            "unable to read tree",
            "invalid sha1 pointer",
            "packfile",
            "did not send all necessary objects",
            "bad tree",
            "unable to parse object",
            "cannot lock ref",
            "reference broken",
        ]) || (own.contains("bad config") && own.contains(&*self.folder.to_string_lossy()))
            || stderr.contains(&format!("not a git repository: '{}'", self.folder.display()));
        if ours { self.broken(stderr) } else { problem(&self.url, stderr) }
    }

    /// Fetches those of `blobs` that the clone lacks, all in one go.
    ///
    /// # Errors
    /// When the remote does not give them.
    pub(super) fn fetch_blobs(&self, blobs: &[Oid]) -> Result<(), StoreError> {
        let missing = self.with(|_, odb| {
            // Without looking for new packs for each: a clone that was just opened has none.
            let lacks = |blob: &&Oid| !odb.exists_ext(**blob, OdbLookupFlags::NO_REFRESH);
            Ok(blobs.iter().filter(lacks).map(|blob| format!("{blob}\n")).collect::<String>())
        })?;
        if missing.is_empty() {
            return Ok(());
        }
        let arguments = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--filter=blob:none",
            "--stdin",
            "origin",
        ];
        let answer = {
            let _alone = self.lock()?;
            self.git(&arguments, Some(&missing))?
        };
        if !answer.success {
            return Err(self.failed(&answer.stderr));
        }
        self.with(|_, odb| odb.refresh())
    }

    /// Fetches as `arguments` say, on behalf of somebody who wants to see more than commands need.
    ///
    /// # Errors
    /// When the remote does not give it.
    pub(super) fn fetch_more(&self, arguments: &[&str]) -> Result<(), StoreError> {
        let answer = {
            let _alone = self.lock()?;
            self.git(arguments, None)?
        };
        if !answer.success {
            return Err(self.failed(&answer.stderr));
        }
        self.with(|_, odb| odb.refresh())
    }

    /// What it is a clone of: the remote's URL, which may hold userinfo.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A branch as it was asked for.
    pub(super) fn wanted(&self, branch: usize) -> Option<&Wanted> {
        self.wanted.get(branch)
    }

    /// Housekeeping, if it is due and nobody else uses the clone.
    pub(super) fn keep_up(&self) {
        if self.opened.borrow().is_none() {
            upkeep::run_if_due(&self.folder, &self.url);
        }
    }
}

pub(super) fn full_name(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn full(error: &git2::Error) -> bool {
    error.message().contains("No space left") || error.message().contains("quota")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_named_by_its_remote_without_userinfo() {
        let folder = |url: &str, branch: &str| {
            let wanted = Wanted { branch: Some(branch.to_owned()), create: true };
            Clone::new(Path::new("/home"), url, vec![wanted]).folder
        };
        let plain = folder("https://h/o/store.git", "state");
        assert_eq!(plain, folder("https://me:token@h/o/store.git", "state"));
        assert!(
            plain.starts_with("/home/stores") && plain.to_string_lossy().contains("/store-"),
            "{plain:?}"
        );
        assert_ne!(plain, folder("https://h/o/store.git", "intent"));
        assert_ne!(plain, folder("https://h/p/store.git", "state"));
    }
}
