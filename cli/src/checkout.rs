//! Sources at another commit, or of another repo, for as long as they are needed.
//!
//! Work that belongs elsewhere must not touch the checkout that a command runs in: its commands
//! run, and its files are read and written, in a folder of its own, which goes when the work is
//! done, however that ends.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Failure;
use crate::git;

/// A folder with the sources of one repo at one commit.
#[derive(Debug)]
pub struct Checkout {
    folder: TempDir,
    /// The repo whose worktree this is; none for a clone.
    worktree_of: Option<PathBuf>,
}

impl Checkout {
    /// A fresh worktree of the repo at `root`.
    ///
    /// # Errors
    /// When git does not have the commit, or the folder cannot be made.
    pub fn worktree(root: &Path, commit: &str) -> Result<Checkout, Failure> {
        let folder = temporary()?;
        git::add_worktree(root, &tree(&folder), commit)?;
        Ok(Checkout { folder, worktree_of: Some(root.to_owned()) })
    }

    /// A fresh clone from the first of `urls` that has the commit.
    ///
    /// # Errors
    /// When none has it; the error is that of the last one.
    pub fn clone(urls: &[String], commit: &str) -> Result<Checkout, Failure> {
        let mut last = Failure::Unsuccessful("no remote is recorded to clone it from".to_owned());
        for url in urls {
            let folder = temporary()?;
            match git::clone(url, &tree(&folder), commit) {
                Ok(()) => return Ok(Checkout { folder, worktree_of: None }),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    /// Where the sources are.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        tree(&self.folder)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(root) = &self.worktree_of {
            // The folder goes in any case; without this git would remember it.
            let _ = git::remove_worktree(root, &self.root());
        }
    }
}

fn temporary() -> Result<TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("ocuroot-")
        .tempdir()
        .map_err(|source| Failure::File { path: std::env::temp_dir(), source })
}

/// Git makes the folder that it fills.
fn tree(folder: &TempDir) -> PathBuf {
    folder.path().join("source")
}
