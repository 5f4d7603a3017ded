//! What packages and repos are called where the page around says the rest.
//!
//! ```
//! use ocuroot_core::screens::titles;
//!
//! let name = |text: &str| titles::package(&text.parse().unwrap());
//! assert_eq!(name("github.com/acme/shop/-/checkout/release.ocu.star"), "checkout");
//! assert_eq!(name("github.com/acme/shop/-/release.ocu.star"), "shop");
//! assert_eq!(name("github.com/acme/shop/-/ops/web.ocu.star"), "ops/web");
//! assert_eq!(titles::repo("github.com/acme/shop", true), "acme/shop");
//! ```

use crate::natural;
use crate::refs::Ref;

/// A package's short name: its path without the file's ending, or just its folder where the file is
/// called `release.ocu.star`. One at the root of its repo is called as the repo.
#[must_use]
pub fn package(package: &Ref) -> String {
    let path = package.path();
    let path = path.strip_suffix(".ocu.star").unwrap_or(path);
    let path = match path.strip_suffix("release") {
        Some("") => "",
        Some(folder) => folder.strip_suffix('/').unwrap_or(path),
        None => path,
    };
    if !path.is_empty() {
        return path.to_owned();
    }
    package.repo().and_then(|repo| repo.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// A repo's name; without its host where all that one sees are on the same.
#[must_use]
pub fn repo(repo: &str, same_host: bool) -> &str {
    match repo.split_once('/') {
        Some((host, rest)) if same_host && host.contains('.') => rest,
        _ => repo,
    }
}

/// Whether all repos are on one host.
#[must_use]
pub fn same_host<'a>(repos: impl IntoIterator<Item = &'a str>) -> bool {
    let mut hosts = repos.into_iter().map(|repo| repo.split('/').next());
    let first = hosts.next();
    hosts.all(|host| Some(host) == first)
}

/// The order of packages, or of what lies in them: by repo, then by name, as people count.
#[must_use]
pub fn order(one: &Ref, other: &Ref) -> std::cmp::Ordering {
    let repo_of = |reference: &Ref| repo(reference.repo().unwrap_or_default(), true).to_owned();
    natural::compare(&repo_of(one), &repo_of(other))
        .then_with(|| natural::compare(&package(one), &package(other)))
        .then_with(|| natural::compare(one.package().as_str(), other.package().as_str()))
}
