//! Where a command runs: in a source repo, or in a checkout of a store.
//!
//! A source repo has `repo.ocu.star` at its root, a name and a commit. It is evaluated for every
//! command, so this is kept cheap: git is asked only when something needs its answer. A checkout of a
//! store has none of these; which stores there are it learns from the configuration that a source repo
//! has recorded in it.

use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ocuroot_core::release::Commit;
use ocuroot_core::repo_config;
use ocuroot_core::repo_name::repo_name_from_url;
use ocuroot_core::sdk::{FileKind, Limits, Program, RepoSettings, StoreConfig};
use ocuroot_core::secrets::Secrets;
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::{Marker as Side, Ref};

use crate::error::Failure;
use crate::git;
use crate::lint_host::LintHost;
use crate::native_host::{LogSink, NativeHost};
use crate::recorded;
use crate::store::{GitLocation, Location, StoreError, Stores};
use crate::view::{say, warn};

/// Where a command runs, with the configuration that holds there.
pub struct Repo {
    /// The folder with `repo.ocu.star`, or with a store's marker.
    pub root: PathBuf,
    /// The working directory relative to it, with `/`; empty at the root.
    pub folder: String,
    /// What is checked out.
    pub place: Place,
    /// The program of `repo.ocu.star`: settings and `trigger`.
    pub program: Program,
    /// What is masked in all output.
    pub secrets: Arc<Secrets>,
}

/// What is checked out where a command runs.
#[derive(Debug)]
pub enum Place {
    /// A source repo.
    Source(Source),
    /// A store, as a folder or as a checkout of the git repo that it lies in.
    Store(StoreCheckout),
}

/// See [`Place::Source`].
#[derive(Debug)]
pub struct Source {
    /// The text of `repo.ocu.star`.
    pub text: String,
    name: OnceCell<String>,
    commit: OnceCell<Commit>,
}

/// See [`Place::Store`].
#[derive(Debug)]
pub struct StoreCheckout {
    /// The folder with the marker.
    pub folder: PathBuf,
    /// What the marker says.
    pub side: Side,
    /// Whose configuration names the stores: `<repo>/-/repo.ocu.star/@<commit>`.
    pub config: Ref,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("root", &self.root).field("place", &self.place).finish_non_exhaustive()
    }
}

/// What a folder is the root of.
enum Root {
    Source,
    /// With the folder of the marker.
    Store(PathBuf),
}

/// The root that `folder` is, if it is one. The top of a shared store has no marker of its own, but
/// the folders of its two sides have.
fn root_at(folder: &Path) -> Option<Root> {
    if is_store(folder) {
        return Some(Root::Store(folder.to_owned()));
    }
    if folder.join(repo_config::FILE).is_file() {
        return Some(Root::Source);
    }
    ["intent", "state"].map(|side| folder.join(side)).into_iter().find(|side| is_store(side)).map(Root::Store)
}

/// Whether a store has its marker in this folder.
#[must_use]
pub fn is_store(folder: &Path) -> bool {
    folder.join(".ocuroot-store").is_file()
}

impl Repo {
    /// The repo, or the checkout of a store, that `start`, an absolute folder, is in.
    ///
    /// # Errors
    /// When there is none, or its configuration does not evaluate.
    pub fn open(start: &Path) -> Result<Repo, Failure> {
        let found = start.ancestors().find_map(|folder| Some((folder, root_at(folder)?)));
        match found.ok_or_else(|| Failure::NoRepo(start.to_owned()))? {
            (root, Root::Source) => Repo::open_source(root, start),
            (root, Root::Store(folder)) => Repo::open_store(root, folder),
        }
    }

    fn open_source(root: &Path, start: &Path) -> Result<Repo, Failure> {
        let path = root.join(repo_config::FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
        let secrets = crate::secrets::known();
        let host = NativeHost::new(root, root, Arc::clone(&secrets)).logging_to(saying());
        let base = format!("./-/{}", repo_config::FILE).parse::<Ref>()?;
        let program = Program::evaluate(repo_config::FILE, FileKind::Repo, &base, &host, &Limits::default())?;
        warn(program.warnings());
        let folder = start.strip_prefix(root).unwrap_or(Path::new(""));
        let folder = folder.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let source = Source { text, name: OnceCell::new(), commit: OnceCell::new() };
        Ok(Repo { root: root.to_owned(), folder, place: Place::Source(source), program, secrets })
    }

    /// The first repo that has recorded its configuration in the store, and names one in it, says where
    /// the stores are.
    fn open_store(root: &Path, folder: PathBuf) -> Result<Repo, Failure> {
        let (store, side) = one_side(&folder)?;
        let recorded = store.ask(&mut Snapshot::default(), |snapshot| repo_config::newest(snapshot, side))?;
        let mut problems = Vec::new();
        for (config, body) in recorded {
            match recorded::evaluate(root, &config, &body, false, saying()) {
                Ok((program, _)) if program.repo().state.is_some() => {
                    return Ok(Repo {
                        root: root.to_owned(),
                        folder: String::new(),
                        place: Place::Store(StoreCheckout { folder, side, config }),
                        program,
                        secrets: crate::secrets::known(),
                    });
                }
                Ok(_) => problems.push(format!("{config} names no store")),
                Err(diagnostics) => {
                    problems.push(format!("{config}: {}", diagnostics.to_string().trim_end()))
                }
            }
        }
        Err(Failure::NoRecordedRepo { root: root.to_owned(), problems })
    }

    /// What `repo.ocu.star` sets.
    #[must_use]
    pub fn settings(&self) -> &RepoSettings {
        self.program.repo()
    }

    /// The stores that the configuration names.
    ///
    /// # Errors
    /// When it names none, or they cannot be opened.
    pub fn stores(&self) -> Result<Stores, Failure> {
        let settings = self.settings();
        let state = settings
            .state
            .as_ref()
            .ok_or_else(|| Failure::NoStore(self.root.join(repo_config::FILE).display().to_string()))?;
        let state = self.location(state)?;
        let intent = settings.intent.as_ref().map(|intent| self.location(intent)).transpose()?;
        Ok(Stores::open(state, intent)?)
    }

    fn location(&self, config: &StoreConfig) -> Result<Location, Failure> {
        match config {
            StoreConfig::Fs(fs) => Ok(Location::Fs(self.store_folder(&fs.path)?)),
            StoreConfig::Git(git) => Ok(Location::Git(GitLocation {
                url: self.remote_url(&git.remote_url),
                branch: git.branch.clone().filter(|branch| !branch.is_empty()),
                create_branch: git.create_branch,
                support_files: git.support_files.clone(),
            })),
        }
    }

    /// A remote as git is given it. The path of a folder starts at the root of the repo, wherever the
    /// command runs.
    fn remote_url(&self, url: &str) -> String {
        let relative = url.starts_with("./") || url.starts_with("../") || matches!(url, "." | "..");
        if !relative {
            return url.to_owned();
        }
        let path = self.root.join(url);
        path.canonicalize().unwrap_or(path).to_string_lossy().into_owned()
    }

    /// The folder that `store.fs(path)` means.
    fn store_folder(&self, path: &str) -> Result<PathBuf, Failure> {
        let absolute = Path::new(path).is_absolute();
        match &self.place {
            Place::Source(_) => {
                // Older tools took an absolute path for one inside the repo.
                let inside = self.root.join(path.trim_start_matches('/'));
                let there = is_store(&inside) || is_store(&inside.join("state"));
                Ok(if absolute && !there { PathBuf::from(path) } else { inside })
            }
            Place::Store(_) if absolute => Ok(PathBuf::from(path)),
            Place::Store(checkout) => {
                checkout.resolve(self.settings(), path).ok_or_else(|| Failure::RelativeStore {
                    path: path.to_owned(),
                    folder: checkout.folder.clone(),
                    config: checkout.config.clone(),
                })
            }
        }
    }

    /// The source repo that is checked out.
    fn source(&self) -> Result<&Source, Failure> {
        match &self.place {
            Place::Source(source) => Ok(source),
            Place::Store(checkout) => Err(Failure::NoSource(checkout.folder.clone())),
        }
    }

    /// The name of the repo in refs: its alias, or the URL path of `origin`.
    ///
    /// # Errors
    /// When it has neither, or this is no source repo.
    pub fn name(&self) -> Result<&str, Failure> {
        let source = self.source()?;
        if let Some(name) = source.name.get() {
            return Ok(name);
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = match variable("OCU_CFG_repo_alias").or_else(|| self.settings().alias.clone()) {
            Some(alias) => alias,
            None => {
                let url = match variable("OCU_REPO_URL_OVERRIDE") {
                    Some(url) => url,
                    None => git::origin(&self.root)
                        .map_err(|_| Failure::NoName("it has no remote called origin".to_owned()))?,
                };
                repo_name_from_url(&url).ok_or_else(|| {
                    let url = repo_config::strip_userinfo(&url);
                    Failure::NoName(format!("none can be made of the URL of its remote, {url}"))
                })?
            }
        };
        Ok(source.name.get_or_init(|| name))
    }

    /// The source commit: the one that is checked out, or `OCU_REPO_COMMIT_OVERRIDE`.
    ///
    /// # Errors
    /// When git does not know, or this is no source repo.
    pub fn commit(&self) -> Result<&Commit, Failure> {
        let source = self.source()?;
        if let Some(commit) = source.commit.get() {
            return Ok(commit);
        }
        let commit = match std::env::var("OCU_REPO_COMMIT_OVERRIDE") {
            Ok(hash) if !hash.is_empty() => git::describe(&self.root, &hash),
            _ => git::head(&self.root)?,
        };
        Ok(source.commit.get_or_init(|| commit))
    }

    /// The working directory.
    #[must_use]
    pub fn here(&self) -> PathBuf {
        // Joining nothing would add a slash.
        if self.folder.is_empty() { self.root.clone() } else { self.root.join(&self.folder) }
    }

    /// The release files in the working directory, by name: all `*.ocu.star` but `repo.ocu.star`.
    #[must_use]
    pub fn files_here(&self) -> Vec<String> {
        self.files_in(&self.folder)
    }

    /// Those of [`files_here`](Repo::files_here) that can have releases.
    #[must_use]
    pub fn packages_here(&self) -> Vec<String> {
        self.packages_in(&self.folder)
    }

    /// The release files in a folder, a path from the root, that can have releases: a file that declares
    /// environments has none.
    #[must_use]
    pub fn packages_in(&self, folder: &str) -> Vec<String> {
        let mut files = self.files_in(folder);
        files.retain(|file| !self.declares_environments(&within(folder, file)));
        files
    }

    /// Whether a file, by its path from the root, declares environments. One that cannot be evaluated
    /// without effects does not.
    #[must_use]
    pub fn declares_environments(&self, path: &str) -> bool {
        // Evaluating takes longer than reading, and most files have nothing to do with it.
        let text = std::fs::read_to_string(self.root.join(path)).unwrap_or_default();
        let Ok(release) = format!("./-/{path}/@r1").parse::<Ref>() else { return false };
        if !text.contains("register_environment") {
            return false;
        }
        let host = LintHost::new(&self.root, path, Vec::new());
        Program::evaluate(path, FileKind::Release, &release, &host, &Limits::default())
            .is_ok_and(|program| program.package().is_none() && !program.environments().is_empty())
    }

    fn files_in(&self, folder: &str) -> Vec<String> {
        let mut files: Vec<String> = std::fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".ocu.star") && name != repo_config::FILE)
            .collect();
        files.sort();
        files
    }
}

/// The path of a file in a folder; both count from the root.
#[must_use]
pub fn within(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

impl StoreCheckout {
    /// The folder that a relative path in the configuration means, as far as this checkout shows: it
    /// is that folder itself, or lies where the path says, so that others are to be found from there.
    fn resolve(&self, settings: &RepoSettings, path: &str) -> Option<PathBuf> {
        let (own, folder) = match (&settings.intent, self.side) {
            // Both sides lie in folders of one place.
            (None, _) => (settings.state.as_ref()?, self.folder.parent()?),
            (Some(_), Side::State) => (settings.state.as_ref()?, self.folder.as_path()),
            (Some(intent), Side::Intent) => (intent, self.folder.as_path()),
        };
        let StoreConfig::Fs(own) = own else { return None };
        if own.path == path {
            return Some(folder.to_owned());
        }
        let below: PathBuf =
            Path::new(&own.path).components().filter(|part| !matches!(part, Component::CurDir)).collect();
        let root = folder.ends_with(&below).then(|| folder.ancestors().nth(below.components().count()))?;
        Some(root?.join(path))
    }
}

/// The one side of the stores that lies in `folder`, opened to be read, and which it is.
fn one_side(folder: &Path) -> Result<(Stores, Side), StoreError> {
    let here = Location::Fs(folder.to_owned());
    // Nothing is there, which is what a new store looks like.
    let nowhere = Location::Fs(folder.join(".ocuroot-none"));
    match Stores::open(here.clone(), Some(nowhere.clone())) {
        Err(StoreError::WrongSide { .. }) => Ok((Stores::open(nowhere, Some(here))?, Side::Intent)),
        opened => Ok((opened?, Side::State)),
    }
}

/// Prints what a configuration prints.
fn saying() -> LogSink {
    Arc::new(|log| say(&log.message))
}
