//! The repo that a command runs in: its root, its configuration, its name, its commit.
//!
//! `repo.ocu.star` marks the root and is evaluated for every command, so this is kept cheap: git is
//! asked only when something needs its answer.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::repo_config;
use ocuroot_core::repo_name::repo_name_from_url;
use ocuroot_core::sdk::{FileKind, Limits, Program, RepoSettings, StoreConfig};
use ocuroot_core::secrets::Secrets;

use crate::error::Failure;
use crate::git;
use crate::native_host::NativeHost;
use crate::store::{GitLocation, Location, Stores};
use crate::view::say;

/// A repo with its evaluated configuration.
pub struct Repo {
    /// The folder with `repo.ocu.star`.
    pub root: PathBuf,
    /// The working directory relative to it, with `/`; empty at the root.
    pub folder: String,
    /// The text of `repo.ocu.star`.
    pub source: String,
    /// Its program: settings and `trigger`.
    pub program: Program,
    /// What is masked in all output.
    pub secrets: Arc<Secrets>,
    name: OnceCell<String>,
    commit: OnceCell<String>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("root", &self.root).finish_non_exhaustive()
    }
}

/// The nearest folder from `start` upwards with `repo.ocu.star` or a store's marker.
fn find_root(start: &Path) -> Option<&Path> {
    start.ancestors().find(|folder| folder.join(repo_config::FILE).is_file() || is_store(folder))
}

fn is_store(folder: &Path) -> bool {
    folder.join(".ocuroot-store").is_file()
}

impl Repo {
    /// The repo that `start`, an absolute folder, is in.
    ///
    /// # Errors
    /// When there is none, or its configuration does not evaluate.
    pub fn open(start: &Path) -> Result<Repo, Failure> {
        let nearest = find_root(start).ok_or_else(|| Failure::NoRepo(start.to_owned()))?;
        let (root, start) = if is_store(nearest) {
            // A store in a folder of the repo that it belongs to is that repo's.
            let around = nearest.ancestors().skip(1).filter_map(find_root).find(|root| !is_store(root));
            let root = around.ok_or_else(|| {
                Failure::Unsupported(format!(
                    "{} is a store, not a source repo; run this in the repo whose repo.ocu.star names the store",
                    nearest.display()
                ))
            })?;
            (root, root)
        } else {
            (nearest, start)
        };
        let path = root.join(repo_config::FILE);
        let source = std::fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
        let secrets = crate::secrets::known();
        let host = NativeHost::new(root, root, Arc::clone(&secrets)).logging_to(Arc::new(|log| {
            say(&log.message);
        }));
        let base = format!("./-/{}", repo_config::FILE).parse::<Ref>()?;
        let program = Program::evaluate(repo_config::FILE, FileKind::Repo, &base, &host, &Limits::default())?;
        for warning in program.warnings() {
            say(&format!("{warning}"));
        }
        let folder = start.strip_prefix(root).unwrap_or(Path::new(""));
        let folder = folder.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        Ok(Repo {
            root: root.to_owned(),
            folder,
            source,
            program,
            secrets,
            name: OnceCell::new(),
            commit: OnceCell::new(),
        })
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
            StoreConfig::Fs(fs) => {
                // Older tools took an absolute path for one inside the repo.
                let inside = self.root.join(fs.path.trim_start_matches('/'));
                let there = is_store(&inside) || is_store(&inside.join("state"));
                let absolute = Path::new(&fs.path).is_absolute() && !there;
                Ok(Location::Fs(if absolute { PathBuf::from(&fs.path) } else { inside }))
            }
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

    /// The name of the repo in refs: its alias, or the URL path of `origin`.
    ///
    /// # Errors
    /// When it has neither.
    pub fn name(&self) -> Result<&str, Failure> {
        if let Some(name) = self.name.get() {
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
        Ok(self.name.get_or_init(|| name))
    }

    /// The source commit: the one that is checked out, or `OCU_REPO_COMMIT_OVERRIDE`.
    ///
    /// # Errors
    /// When git does not know.
    pub fn commit(&self) -> Result<&str, Failure> {
        if let Some(commit) = self.commit.get() {
            return Ok(commit);
        }
        let commit = match std::env::var("OCU_REPO_COMMIT_OVERRIDE") {
            Ok(commit) if !commit.is_empty() => commit,
            _ => git::head(&self.root)?,
        };
        Ok(self.commit.get_or_init(|| commit))
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
        let mut files: Vec<String> = std::fs::read_dir(self.here())
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
