//! A log of every invocation, for the day after.
//!
//! Each process writes `$OCUROOT_HOME/logs/<time>-<pid>.log`: what it was asked, what it wrote to
//! the stores, how its runs ended, and why it failed. With `OCUROOT_DEBUG=1` also what it asked git.
//! The newest [`KEPT`] are kept. Secrets are masked. That no log can be written is no reason for a
//! command to fail, nor worth a word.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use crate::secrets;

/// How many logs are kept, this process's own among them.
pub const KEPT: usize = 50;

/// `$OCUROOT_HOME`, by default `~/.ocuroot`. None where there is no home.
#[must_use]
pub fn home() -> Option<PathBuf> {
    match std::env::var_os("OCUROOT_HOME") {
        Some(home) if !home.is_empty() => Some(PathBuf::from(home)),
        _ => Some(std::env::home_dir().filter(|home| !home.as_os_str().is_empty())?.join(".ocuroot")),
    }
}

/// From now on events of this process go to its log.
pub fn install() {
    let Some(folder) = home().map(|home| home.join("logs")) else { return };
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ");
    // A log may be from another user of the same home, or from a container with the same pids.
    let Ok(file) = File::create_new(folder.join(format!("{time}-{}.log", std::process::id()))) else {
        return;
    };
    remove_old(&folder);
    let verbose = std::env::var_os("OCUROOT_DEBUG").is_some_and(|value| !value.is_empty() && value != "0");
    let level = if verbose { LevelFilter::TRACE } else { LevelFilter::INFO };
    let file = Arc::new(file);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(verbose)
        .with_writer(move || Masked { file: Arc::clone(&file), line: Vec::new() })
        .finish();
    // Fails only when there is one already, in a test of the library.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Leaves the newest logs. Their names sort by time.
fn remove_old(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut logs: Vec<OsString> = entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    let old = logs.len().saturating_sub(KEPT);
    for name in logs.into_iter().take(old) {
        // Another process may have removed it first.
        let _ = std::fs::remove_file(folder.join(name));
    }
}

/// Writes an event once it is whole, so that a secret is never cut in two, with secrets masked.
struct Masked {
    file: Arc<File>,
    line: Vec<u8>,
}

impl Write for Masked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let line = secrets::mask(&String::from_utf8_lossy(&std::mem::take(&mut self.line)));
        (&*self.file).write_all(line.as_bytes())
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // A full disk must not end a release.
        let _ = self.flush();
    }
}
