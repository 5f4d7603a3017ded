//! The steps by which a store changes, one call each.
//!
//! Whatever is written to a store goes through here, for two reasons: errors name what was done
//! to which path, and tests can end the process before any step. `OCUROOT_CRASH_AT=<n>` makes the
//! process abort before its n-th step. It exists for tests; nobody sets it otherwise.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::error::StoreError;

/// Carries out steps, and counts them.
#[derive(Debug, Default)]
pub(super) struct Disk {
    crash_at: Option<u64>,
    steps: AtomicU64,
}

impl Disk {
    /// A disk that crashes where the environment says.
    pub(super) fn from_env() -> Disk {
        let crash_at = std::env::var("OCUROOT_CRASH_AT").ok().and_then(|text| text.parse().ok());
        Disk { crash_at, steps: AtomicU64::new(0) }
    }

    fn step(&self) {
        if let Some(crash_at) = self.crash_at
            && self.steps.fetch_add(1, Ordering::SeqCst) + 1 == crash_at
        {
            std::process::abort();
        }
    }

    /// Makes a folder and those above it, unless they are there.
    pub(super) fn make_folder(&self, path: &Path) -> Result<(), StoreError> {
        if path.is_dir() {
            return Ok(());
        }
        self.step();
        std::fs::create_dir_all(path).map_err(|error| StoreError::write("create", path, error))
    }

    /// Writes a file, which needs not be on the disk yet afterwards.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<File, StoreError> {
        self.step();
        let write = || {
            let mut file = File::create(path)?;
            file.write_all(bytes)?;
            Ok(file)
        };
        write().map_err(|error| StoreError::write("write", path, error))
    }

    /// Makes a file's content survive the loss of power.
    pub(super) fn sync(&self, file: &File, path: &Path) -> Result<(), StoreError> {
        self.step();
        file.sync_all().map_err(|error| StoreError::write("write", path, error))
    }

    /// Makes what was created, renamed and removed in a folder survive the loss of power, where
    /// the system lets one ask for it.
    pub(super) fn sync_folder(&self, path: &Path) -> Result<(), StoreError> {
        self.step();
        if cfg!(unix) {
            File::open(path)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| StoreError::write("write", path, error))?;
        }
        Ok(())
    }

    /// Renames a file; what was at `to` is replaced at once. Returns whether there was one to
    /// rename.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<bool, StoreError> {
        self.step();
        match std::fs::rename(from, to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::write("write", to, error)),
        }
    }

    /// Removes a file. One that is not there counts as removed.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.step();
        match std::fs::remove_file(path) {
            Err(error) if !super::lock::absent(&error) => Err(StoreError::write("remove", path, error)),
            _ => Ok(()),
        }
    }

    /// Removes a folder and those above it that are empty then, up to `top`, which stays.
    pub(super) fn remove_empty_folders(&self, path: &Path, top: &Path) -> Result<(), StoreError> {
        let below = |path: &&Path| path.starts_with(top) && *path != top;
        for folder in path.ancestors().take_while(below) {
            self.step();
            match std::fs::remove_dir(folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => break,
                Err(error) => return Err(StoreError::write("remove", folder, error)),
            }
        }
        Ok(())
    }
}
