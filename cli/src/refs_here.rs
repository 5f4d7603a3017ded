//! Refs as people type them on the command line.
//!
//! A ref argument may be the path of a release file, a ref relative to the working directory, or a
//! full one. `../p` is normalised here, because a ref holds no `..`; everything else is core's.

use ocuroot_core::{Ref, push, repo_config};

use crate::error::Failure;
use crate::git;
use crate::repo::{Place, Repo, within};

/// How many release files are listed that are further down.
const MOST: usize = 20;

/// The long way to name a package and a release.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Target {
    /// Release file that is meant, that relative refs start from, or that a listing is narrowed to
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub package: Option<String>,
    /// Release that is meant, that relative refs start from, or that a listing is narrowed to: r4, or a tag
    #[arg(long, value_name = "RELEASE", help_heading = "Target")]
    pub release: Option<String>,
}

/// The full ref that `text` means in `repo`.
///
/// # Errors
/// When it is no ref, or the repo has no name and one is needed.
pub fn resolve(repo: &Repo, text: &str, target: &Target) -> Result<Ref, Failure> {
    let text = normalise(&repo.folder, text)?;
    let reference: Ref = text.parse()?;
    let complete = reference.is_global() || reference.repo().is_some_and(|name| name != ".");
    if complete && !(is_bare_release(&reference) && has_one_file(repo, target)) {
        return Ok(reference);
    }
    let base = base(repo, target, needs_file(&reference))?;
    if is_bare_release(&reference) {
        // `@r4` names no document of its own that anyone would ask a release command for.
        return Ok(base.with_release(reference.release().unwrap_or_default())?);
    }
    Ok(reference.relative_to(&base)?)
}

/// The ref that a command is about: the one that is typed, else the release that `--package` and
/// `--release` name, which without `--release` is the newest.
///
/// # Errors
/// As [`resolve`] and [`package`].
pub fn named(repo: &Repo, text: Option<&str>, target: &Target) -> Result<Ref, Failure> {
    match text {
        Some(text) => resolve(repo, text, target),
        None => {
            let package = package(repo, None, target)?;
            Ok(if package.release().is_some() { package } else { package.with_release("")? })
        }
    }
}

/// Whether the ref is nothing but a release: `@r4`.
fn is_bare_release(reference: &Ref) -> bool {
    reference.is_global() && reference.kind().is_none() && reference.release().is_some_and(|r| !r.is_empty())
}

/// Whether the ref takes its package from where it is typed: `./@/task/build`, `./custom/ok`.
fn needs_file(reference: &Ref) -> bool {
    is_bare_release(reference) || matches!(reference.path(), "" | ".")
}

fn has_one_file(repo: &Repo, target: &Target) -> bool {
    target.package.is_some() || repo.packages_here().len() == 1
}

/// What relative refs start from: the working directory, or the package that is named or is the
/// only one here.
fn base(repo: &Repo, target: &Target, wants_file: bool) -> Result<Ref, Failure> {
    let file = match &target.package {
        Some(package) => Some(normalise(&repo.folder, package)?),
        None if wants_file => match repo.packages_here().as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        None => None,
    };
    let path = match (&file, repo.folder.as_str()) {
        (Some(file), _) if file.starts_with("//") => file.trim_start_matches('/').to_owned(),
        (Some(file), folder) => within(folder, file),
        (None, folder) => folder.to_owned(),
    };
    let mut base: Ref = format!("{}/-/{path}", repo.name()?).parse()?;
    if let Some(release) = &target.release {
        base = base.with_release(release.trim_start_matches('@'))?;
    }
    Ok(base)
}

/// The package that a release file's path, or the lack of one, means.
///
/// # Errors
/// When none is named and there is not exactly one here.
pub fn package(repo: &Repo, file: Option<&str>, target: &Target) -> Result<Ref, Failure> {
    let reference = match file.or(target.package.as_deref()) {
        Some(text) => {
            let reference = resolve(repo, text, &Target { package: None, release: target.release.clone() })?;
            if reference.kind().is_some() {
                return Err(Failure::Usage(format!("{reference} is not a release file")));
            }
            if is_bare_release(&reference) {
                return Err(which_file(repo));
            }
            if let (Some(_), Some(_)) = (file, &target.package)
                && !reference.path().is_empty()
            {
                let named = base(repo, &Target { release: None, ..target.clone() }, true)?;
                if named != reference.package() {
                    return Err(Failure::Usage(format!(
                        "{reference} is not of the package that --package names, {named}"
                    )));
                }
            }
            if reference.path().is_empty() { base(repo, target, true)? } else { reference }
        }
        None => {
            let files = repo.packages_here();
            let [only] = files.as_slice() else {
                return Err(which_file(repo));
            };
            base(repo, &Target { package: Some(only.clone()), release: target.release.clone() }, true)?
        }
    };
    Ok(reference)
}

/// The package, or the release of it, that `--package` and `--release` narrow a listing to; none
/// when neither is given.
///
/// # Errors
/// As [`package`].
pub fn narrowed(repo: &Repo, target: &Target) -> Result<Option<Ref>, Failure> {
    match target {
        Target { package: None, release: None } => Ok(None),
        target => package(repo, None, target).map(Some),
    }
}

/// Whether `reference`, of state or of intent, is in what a listing is narrowed to.
#[must_use]
pub fn is_in(reference: &Ref, narrowed: Option<&Ref>) -> bool {
    narrowed.is_none_or(|narrowed| match narrowed.release() {
        Some(_) => reference.to_state().is_below(&narrowed.to_state()),
        None => reference.package() == *narrowed,
    })
}

/// As [`package`], of what is to be released: that may also be a file that declares environments.
///
/// # Errors
/// As there.
pub fn to_release(repo: &Repo, file: Option<&str>, target: &Target) -> Result<Ref, Failure> {
    if file.is_some() || target.package.is_some() {
        return package(repo, file, target);
    }
    let files = repo.files_here();
    match files.as_slice() {
        [only] => package(repo, Some(only), target),
        [] => Err(which_file(repo)),
        _ => Err(Failure::WhichFile { message: several(repo, &files), files }),
    }
}

fn several(repo: &Repo, files: &[String]) -> String {
    format!("there are {} release files in {}", files.len(), repo.here().display())
}

/// Says that a release file has to be named, and which there are.
fn which_file(repo: &Repo) -> Failure {
    if let Place::Store(checkout) = &repo.place {
        return Failure::NoSource(checkout.folder.clone());
    }
    let (here, files, all) = (repo.here(), repo.packages_here(), repo.files_here());
    let message = match (files.is_empty(), all.as_slice()) {
        (false, _) => several(repo, &files),
        (true, []) => format!("there is no release file (*.ocu.star) in {}", here.display()),
        (true, [only]) => {
            format!("{only} declares environments, and nothing else in {} can be released", here.display())
        }
        (true, _) => format!("the files in {} declare environments, and have no releases", here.display()),
    };
    Failure::WhichFile { message, files: candidates(repo, &repo.folder) }
}

/// The release files that may be meant where a folder is named, as one types them: those in it, else those
/// below.
fn candidates(repo: &Repo, folder: &str) -> Vec<String> {
    let typed = |path: &str| {
        let below = if repo.folder.is_empty() { Some(path) } else { below(path, &repo.folder) };
        below.map_or_else(|| format!("./-/{path}"), str::to_owned)
    };
    let here = repo.packages_in(folder);
    if !here.is_empty() {
        return here.iter().map(|file| typed(&within(folder, file))).collect();
    }
    let all = git::all_files(&repo.root).unwrap_or_default();
    let files = all.iter().filter(|path| push::is_release_file(path));
    let files = files.filter(|path| folder.is_empty() || below(path, folder).is_some());
    let files = files.filter(|path| path.contains('/') && !repo.declares_environments(path));
    files.take(MOST).map(|path| typed(path)).collect()
}

/// What is left of a path below a folder.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// Why nothing is at a ref: it names a folder where a release file is meant, or else just that.
#[must_use]
pub fn not_found(repo: &Repo, reference: Ref, nearest: Option<Ref>) -> Failure {
    if is_folder(repo, &reference) {
        let message = format!("{reference} not found: it names no release file");
        return Failure::WhichFile { message, files: candidates(repo, reference.path()) };
    }
    Failure::NotFound { reference, nearest }
}

/// Whether a ref of this repo names a folder of it as if that were a release file.
fn is_folder(repo: &Repo, reference: &Ref) -> bool {
    let own = matches!(repo.place, Place::Source(_)) && reference.repo() == repo.name().ok();
    own && !reference.is_global() && repo.root.join(reference.path()).is_dir()
}

/// Refuses a package of this repo whose file is not in the checkout.
///
/// # Errors
/// When it is not; with the release files that are.
pub fn require_file(repo: &Repo, package: &Ref) -> Result<(), Failure> {
    let path = repo.root.join(package.path());
    let own = matches!(repo.place, Place::Source(_)) && package.repo() == Some(repo.name()?);
    if !own || path.is_file() {
        return Ok(());
    }
    if is_folder(repo, package) {
        let message = format!("{} is a folder, not a release file", path.display());
        return Err(Failure::WhichFile { message, files: candidates(repo, package.path()) });
    }
    let message = format!("there is no release file {}", path.display());
    Err(Failure::WhichFile { message, files: candidates(repo, &repo.folder) })
}

/// As [`require_file`], of what is to be released.
///
/// # Errors
/// As there, and for the file that holds the settings of the repo.
pub fn require_release_file(repo: &Repo, package: &Ref) -> Result<(), Failure> {
    if package.path() == repo_config::FILE {
        let message = format!("{} is no release file: it holds the settings of the repo", repo_config::FILE);
        return Err(Failure::WhichFile { message, files: candidates(repo, &repo.folder) });
    }
    require_file(repo, package)
}

/// Takes `..` out of a path that starts with it, against the working directory.
fn normalise(folder: &str, text: &str) -> Result<String, Failure> {
    // Elsewhere in a ref `..` means nothing, and the parser says so.
    if text.split('/').find(|segment| *segment != ".") != Some("..") {
        return Ok(text.to_owned());
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let mut rest = text.split('/');
    let mut after = Vec::new();
    for segment in rest.by_ref() {
        match segment {
            "." if after.is_empty() => {}
            ".." if after.is_empty() => {
                if parts.pop().is_none() {
                    return Err(Failure::Usage(format!("{text} leads out of the repo")));
                }
            }
            other => after.push(other),
        }
    }
    parts.extend(after);
    Ok(format!("//{}", parts.join("/")))
}
