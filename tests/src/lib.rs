//! What tests of the whole tool share: where the binary is, and a git host with CI.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub mod githost;

/// What a part of a test comes to. The error is a text for people.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The binary: `OCUROOT_BIN`, or the one that was built into the folder that this test is in.
///
/// # Errors
/// When there is none.
pub fn ocuroot() -> Outcome<PathBuf> {
    if let Some(binary) = std::env::var_os("OCUROOT_BIN") {
        return Ok(PathBuf::from(binary));
    }
    let test = std::env::current_exe()?;
    // <target>/<profile>/deps/test
    let folder = test.ancestors().nth(2).unwrap_or(Path::new("."));
    let binary = folder.join(format!("ocuroot{}", std::env::consts::EXE_SUFFIX));
    if binary.is_file() {
        return Ok(binary);
    }
    let release = if cfg!(debug_assertions) { "" } else { " --release" };
    Err(format!(
        "there is no {}; build it with `cargo build{release} --package ocuroot`, or name one in OCUROOT_BIN",
        binary.display()
    )
    .into())
}

/// The PATH, with `folder` in front, which is made and holds nothing but `ocuroot`.
///
/// # Errors
/// When there is no binary, or the folder cannot be made.
pub fn path_with_ocuroot(folder: &Path) -> Outcome<OsString> {
    std::fs::create_dir_all(folder)?;
    std::os::unix::fs::symlink(ocuroot()?, folder.join("ocuroot"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path)))?)
}
