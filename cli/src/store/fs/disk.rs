//! The steps by which a store changes, one call each.
//!
//! Whatever is written to a store goes through here, for two reasons: errors name what was done
//! to which path, and tests can end the process before any [`step`].

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::super::error::StoreError;
use super::super::steps::step;

/// Makes a folder and those above it, unless they are there.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    step();
    std::fs::create_dir_all(path).map_err(|error| StoreError::write("create", path, error))
}

/// Writes a file, which needs not be on the disk yet afterwards.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<File, StoreError> {
    step();
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    write().map_err(|error| StoreError::write("write", path, error))
}

/// Makes a file's content survive the loss of power.
pub(super) fn sync(file: &File, path: &Path) -> Result<(), StoreError> {
    step();
    file.sync_all().map_err(|error| StoreError::write("write", path, error))
}

/// Makes what was created, renamed and removed in a folder survive the loss of power, where
/// the system lets one ask for it.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    step();
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| StoreError::write("write", path, error))?;
    }
    Ok(())
}

/// Renames a file; what was at `to` is replaced at once. Returns whether there was one to
/// rename.
pub(super) fn rename(from: &Path, to: &Path) -> Result<bool, StoreError> {
    step();
    match std::fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::write("write", to, error)),
    }
}

/// Removes a file. One that is not there counts as removed.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    step();
    match std::fs::remove_file(path) {
        Err(error) if !super::lock::absent(&error) => Err(StoreError::write("remove", path, error)),
        _ => Ok(()),
    }
}

/// Removes a folder and those above it that are empty then, up to `top`, which stays.
pub(super) fn remove_empty_folders(path: &Path, top: &Path) -> Result<(), StoreError> {
    let below = |path: &&Path| path.starts_with(top) && *path != top;
    for folder in path.ancestors().take_while(below) {
        step();
        match std::fs::remove_dir(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => break,
            Err(error) => return Err(StoreError::write("remove", folder, error)),
        }
    }
    Ok(())
}
