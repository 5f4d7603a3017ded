//! Sources at another commit, or of another repo, for as long as they are needed.
//!
//! Work that belongs elsewhere must not touch the checkout that a command runs in: its commands
//! run, and its files are read and written, in a folder of its own, which goes when the work is
//! done, however that ends.

use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::git;
use crate::interrupt::{self, Cleanup};
use crate::space;

/// Where the sources of releases are, and what their functions must not see.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The folder with `repo.ocu.star`.
    pub root: PathBuf,
    /// Environment variables that speak of the checkout that the command runs in, and not of this one.
    pub hidden: Vec<&'static str>,
}

impl Sources {
    /// Those that the command runs in.
    #[must_use]
    pub fn here(root: &Path) -> Sources {
        Sources { root: root.to_owned(), hidden: Vec::new() }
    }

    /// Whether these are they.
    #[must_use]
    pub fn are_here(&self) -> bool {
        self.hidden.is_empty()
    }
}

/// Says which commit is checked out here.
const OF_THE_COMMIT: &str = "OCU_REPO_COMMIT_OVERRIDE";

/// Say which repo is checked out here.
const OF_THE_REPO: &[&str] = &["OCU_REPO_URL_OVERRIDE", "OCU_CFG_repo_alias"];

/// A folder with the sources of one repo at one commit. It goes when this is dropped, or the process
/// is told to end.
#[derive(Debug)]
pub struct Checkout {
    /// Where in it the sources are.
    pub sources: Sources,
    _cleanup: Cleanup,
}

impl Checkout {
    /// A fresh worktree of the repo at `root`, which has the commit.
    ///
    /// # Errors
    /// When the disk is nearly full, or the folder cannot be made.
    pub fn worktree(root: &Path, commit: &str) -> Result<Checkout, Failure> {
        let folder = temporary()?;
        let tree = folder.join("source");
        let cleanup = {
            let (root, folder, tree) = (root.to_owned(), folder.clone(), tree.clone());
            interrupt::cleanup(move || {
                // The folder goes in any case; without this git would remember it.
                let _ = git::remove_worktree(&root, &tree);
                remove(&folder);
            })
        };
        space::require(&folder, git::tree_size(root, commit))?;
        git::add_worktree(root, &tree, commit)?;
        let root = tree.join(git::prefix(root));
        let hidden = [&[OF_THE_COMMIT], git::TIES].concat();
        Ok(Checkout { sources: Sources { root, hidden }, _cleanup: cleanup })
    }

    /// A fresh clone from the first of `urls` that has the commit.
    ///
    /// # Errors
    /// When none has it, with what each said; or when the disk is nearly full.
    pub fn clone(urls: &[String], commit: &str) -> Result<Checkout, Failure> {
        let mut problems = Vec::new();
        for url in urls {
            let folder = temporary()?;
            let cleanup = {
                let folder = folder.clone();
                interrupt::cleanup(move || remove(&folder))
            };
            let tree = folder.join("source");
            space::require(&folder, 0)?;
            let checked_out = git::clone(url, &tree, commit)
                .map_err(Failure::from)
                .and_then(|()| space::require(&folder, git::tree_size(&tree, commit)))
                .and_then(|()| Ok(git::checkout(&tree, commit)?));
            match checked_out {
                Ok(()) => {
                    let hidden = [&[OF_THE_COMMIT], OF_THE_REPO, git::TIES].concat();
                    let sources = Sources { root: git::ocuroot_root(&tree), hidden };
                    return Ok(Checkout { sources, _cleanup: cleanup });
                }
                Err(Failure::Git(error)) if !interrupt::is_set() => problems.push(error.to_string()),
                Err(other) => return Err(other),
            }
        }
        Err(Failure::Unsuccessful(match problems.as_slice() {
            [] => "no remote is recorded to clone it from; set `remotes([…])` in its repo.ocu.star".into(),
            problems => problems.join("; "),
        }))
    }
}

fn temporary() -> Result<PathBuf, Failure> {
    let folder = tempfile::Builder::new().prefix("ocuroot-").tempdir();
    // The clean-up removes it, since that is done before the process ends by a signal, too.
    folder.map(tempfile::TempDir::keep).map_err(|source| Failure::File { path: std::env::temp_dir(), source })
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), "cannot remove a temporary folder: {error}");
    }
}
