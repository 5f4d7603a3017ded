//! What refs are called in a sentence about a run: as short as the context allows.
//!
//! Within one release `build` says enough; another package is named by its file (`network's deploy to
//! prod`), or where every file is called `release.ocu.star`, by its folder.

use super::Sentence;
use crate::refs::{Kind, Ref};

/// What `reference` is called where `context`, a ref of a release or package, is what one speaks of.
pub(crate) fn of(reference: &Ref, context: &Ref) -> Sentence {
    let (before, label) = words(reference, context);
    Sentence::text(&before).and(Sentence::reference(reference, &label))
}

/// What stands before the link, and what it is called.
fn words(reference: &Ref, context: &Ref) -> (String, String) {
    let place = || reference.segments().next().unwrap_or_default();
    let label = match reference.kind() {
        Some(Kind::Task) => place().to_owned(),
        Some(Kind::Deploy) => format!("deploy to {}", place()),
        Some(Kind::Custom) if reference.is_global() => return (String::new(), reference.to_string()),
        Some(Kind::Custom) => reference.subpath().to_owned(),
        Some(Kind::Environment) => return (String::new(), format!("environment {}", reference.subpath())),
        None if !reference.is_global() => {
            let release = reference.release().unwrap_or_default();
            let label = match (reference.package() == context.package(), release) {
                (true, "") => "the newest release".to_owned(),
                (true, release) => release.to_owned(),
                (false, "") => package(reference),
                (false, release) => format!("{} {release}", package(reference)),
            };
            return (String::new(), label);
        }
        _ => return (String::new(), reference.to_string()),
    };
    let elsewhere = reference.package() != context.package();
    let other = reference.release_number().filter(|number| context.release_number() != Some(*number));
    let whose = match other {
        _ if elsewhere => format!("{}'s ", package(reference)),
        Some(number) if context.release_number().is_some() => format!("r{number}'s "),
        _ if reference.kind() == Some(Kind::Deploy) => "the ".to_owned(),
        _ => String::new(),
    };
    (whose, label)
}

/// A package's short name.
fn package(reference: &Ref) -> String {
    let mut parts = reference.path().rsplit('/');
    let file = parts.next().unwrap_or_default();
    let stem = file.strip_suffix(".ocu.star").unwrap_or(file);
    let folder = parts.next().or_else(|| reference.repo()?.rsplit('/').next());
    match folder {
        Some(folder) if stem == "release" || stem.is_empty() => folder.to_owned(),
        _ => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_context_says_is_left_out() {
        let own: Ref = "git.example/acme/shop/-/web/release.ocu.star/@r4".parse().unwrap();
        for (reference, expected) in [
            ("git.example/acme/shop/-/web/release.ocu.star/@r4/task/build/2", "build"),
            ("git.example/acme/shop/-/web/release.ocu.star/@r4/deploy/prod", "the deploy to prod"),
            ("git.example/acme/shop/-/web/release.ocu.star/@r3/deploy/prod", "r3's deploy to prod"),
            ("git.example/acme/shop/-/web/release.ocu.star/@/task/build#output/x", "build"),
            ("git.example/acme/shop/-/web/release.ocu.star/@r4/custom/ok/a", "ok/a"),
            ("git.example/acme/shop/-/web/release.ocu.star/@r5", "r5"),
            ("git.example/acme/shop/-/network.ocu.star/@/deploy/prod", "network's deploy to prod"),
            ("git.example/acme/shop/-/network/release.ocu.star/@r1/task/t", "network's t"),
            ("git.example/acme/shop/-/release.ocu.star/@/task/t", "shop's t"),
            ("git.example/acme/shop/-/network.ocu.star/@r7", "network r7"),
            ("@/custom/ok", "@/custom/ok"),
            ("@/environment/prod", "environment prod"),
        ] {
            assert_eq!(of(&reference.parse().unwrap(), &own).to_string(), expected, "{reference}");
        }
    }
}
