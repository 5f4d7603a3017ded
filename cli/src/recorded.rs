//! The configuration of a repo as a store holds it.
//!
//! Every repo that writes to a store records its `repo.ocu.star` there, once per commit. So its
//! trigger can be called, and its sources cloned, from any checkout of another repo or of the store.

use std::path::Path;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::RepoConfig;
use ocuroot_core::repo_config;
use ocuroot_core::sdk::{Diagnostics, FileKind, Host, HostError, Limits, Program};

use crate::git;
use crate::native_host::{FileSource, LogSink, NativeHost};

/// Evaluates the configuration that is recorded at `at`, `<repo>/-/repo.ocu.star/@<commit>`. Its
/// commands run in `root`, the root of the checkout that the command runs in; `is_here` says whether
/// that is one of that repo at that commit.
///
/// What it loads is read from the working tree where that is so, else from the commit's git objects.
///
/// # Errors
/// Every problem of the file, or that what it loads is to be had neither here nor there.
pub fn evaluate(
    root: &Path,
    at: &Ref,
    config: &RepoConfig,
    is_here: bool,
    sink: LogSink,
) -> Result<(Program, NativeHost), Diagnostics> {
    let source = repo_config::source(config)
        .ok_or_else(|| Diagnostics::message(format!("{at} holds no text of a repo.ocu.star")))?;
    let host = NativeHost::new(root, root, crate::secrets::known())
        .with_source(files(root, at, source, is_here))
        .logging_to(sink);
    let base = format!("./-/{}", repo_config::FILE)
        .parse::<Ref>()
        .map_err(|error| Diagnostics::message(error.to_string()))?;
    let program = Program::evaluate(repo_config::FILE, FileKind::Repo, &base, &host, &Limits::default())?;
    Ok((program, host))
}

fn files(root: &Path, at: &Ref, source: String, is_here: bool) -> FileSource {
    let (root, at) = (root.to_owned(), at.clone());
    let tree = NativeHost::new(&root, &root, Arc::default());
    Arc::new(move |path| {
        if path == repo_config::FILE {
            return Ok(source.clone());
        }
        if is_here {
            return tree.source(path);
        }
        let (repo, commit) = (at.repo().unwrap_or_default(), at.release().unwrap_or_default());
        let below = git::file_at(&root, commit, &format!("./{path}"));
        below.or_else(|_| git::file_at(&root, commit, path)).map_err(|_| {
            HostError::new(format!(
                "`{path}` cannot be read: neither the files nor the git objects of {repo} at {commit} are in {}; run this in a checkout of {repo} that has the commit",
                root.display()
            ))
        })
    })
}
