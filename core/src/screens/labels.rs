//! What things are called on a screen, where their refs are too long.
//!
//! ```
//! use ocuroot_core::screens::labels;
//!
//! let release = "github.com/acme/shop/-/checkout/release.ocu.star/@r142".parse()?;
//! assert_eq!(labels::package(&release), "checkout");
//! assert_eq!(labels::repo(&release), "acme/shop");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::cmp::Ordering;

use crate::natural;
use crate::refs::Ref;

/// What a release file is mostly called: its folder says more.
const USUAL: &str = "release.ocu.star";

/// The name of the package that `reference` is in: its folder, or the file without its ending.
#[must_use]
pub fn package(reference: &Ref) -> String {
    let path = reference.path();
    match path.strip_suffix(USUAL).and_then(|folder| folder.strip_suffix('/')) {
        Some(folder) if !folder.is_empty() => folder.to_owned(),
        // In the root of a repo the repo's own name is what tells it from others.
        _ if path == USUAL => {
            reference.repo().and_then(|repo| repo.rsplit('/').next()).unwrap_or(path).to_owned()
        }
        _ => path.strip_suffix(".ocu.star").unwrap_or(path).to_owned(),
    }
}

/// The name of the repo that `reference` is in: without the host, where what follows tells it.
#[must_use]
pub fn repo(reference: &Ref) -> String {
    let repo = reference.repo().unwrap_or_default();
    match repo.split_once('/') {
        Some((host, rest)) if host.contains('.') && !rest.is_empty() => rest.to_owned(),
        _ => repo.to_owned(),
    }
}

/// The order of packages on a screen: by repo, then by name, as people count.
#[must_use]
pub fn order(one: &Ref, other: &Ref) -> Ordering {
    natural::compare(&repo(one), &repo(other))
        .then_with(|| natural::compare(&package(one), &package(other)))
        .then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be_understood() {
        for (reference, name, of_repo) in [
            ("github.com/acme/shop/-/checkout/release.ocu.star", "checkout", "acme/shop"),
            ("github.com/acme/shop/-/release.ocu.star/@r1", "shop", "acme/shop"),
            ("shop/-/web.ocu.star/@/deploy/prod", "web", "shop"),
            ("shop/-/a/b.ocu.star", "a/b", "shop"),
            ("minimal/repo/-/plain", "plain", "minimal/repo"),
        ] {
            let reference: Ref = reference.parse().unwrap();
            assert_eq!((package(&reference).as_str(), repo(&reference).as_str()), (name, of_repo), "{reference}");
        }
    }

    #[test]
    fn packages_come_by_repo_and_then_as_people_count() {
        let mut all: Vec<Ref> = ["x.y/b/-/a2.ocu.star", "b/-/a10.ocu.star", "a/-/z.ocu.star"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        all.sort_by(order);
        let all: Vec<&str> = all.iter().map(Ref::as_str).collect();
        assert_eq!(all, ["a/-/z.ocu.star", "x.y/b/-/a2.ocu.star", "b/-/a10.ocu.star"]);
    }
}
