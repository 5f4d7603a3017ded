//! Whether a folder has room for what is about to be put there.
//!
//! Clones and worktrees can be large, and a disk that is full stops more than the command that filled
//! it.

use std::path::Path;

use crate::error::Failure;

/// How many megabytes stay free, unless `OCUROOT_MIN_FREE_MB` says otherwise.
const RESERVE_MB: u64 = 200;

const MB: u64 = 1_000_000;

/// Refuses where, with `bytes` more in `folder`, less would be left than should stay free.
///
/// # Errors
/// [`Failure::NoSpace`], or when `OCUROOT_MIN_FREE_MB` is no number.
pub fn require(folder: &Path, bytes: u64) -> Result<(), Failure> {
    let reserve = match std::env::var("OCUROOT_MIN_FREE_MB") {
        Err(_) => RESERVE_MB,
        Ok(text) => text.parse().map_err(|_| {
            Failure::Usage(format!("OCUROOT_MIN_FREE_MB is {text:?}, which is no number of megabytes"))
        })?,
    };
    // What cannot be told is no reason to refuse.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = reserve.saturating_mul(MB).saturating_add(bytes);
    if free >= needed {
        return Ok(());
    }
    Err(Failure::NoSpace { folder: folder.to_owned(), needed_mb: needed.div_ceil(MB), free_mb: free / MB })
}
