//! Writes a store of any size into a new bare repo, with its summaries, for tests of the page:
//! `big_store REPO PACKAGES RELEASES DEPLOYS`. 50, 12 and 40 make 100,000 documents.
#![expect(clippy::unwrap_used, reason = "a helper of tests that cannot run may end")]

#[path = "../benches/shape/mod.rs"]
mod shape;

use std::path::Path;
use std::process::{Command, Stdio};

use ocuroot_core::Ref;
use ocuroot_core::memory::Memory;
use ocuroot_core::summary;
use shape::Shape;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repo, packages, releases, deploys] = arguments.as_slice() else {
        eprintln!("usage: big_store REPO PACKAGES RELEASES DEPLOYS");
        std::process::exit(2);
    };
    let [packages, releases, deploys] = [packages, releases, deploys].map(|text| text.parse().unwrap());
    let repo = Path::new(repo);
    let shape = Shape { packages, releases, deploys };

    git(repo.parent().unwrap(), &["init", "-q", "--bare", "-b", "state", &repo.to_string_lossy()]);
    let (mut files, mut memory) = (Vec::new(), Memory::default());
    shape::documents(shape, &mut |at, document| {
        files.push(shape::file(at, document));
        memory.put(at, document);
    });
    shape::import(repo, "state", "state", &files);
    let mut intent = Vec::new();
    shape::intent(shape, &mut |at, document| {
        intent.push(shape::file(at, document));
        memory.put(&at.to_intent(), document);
    });
    shape::import(repo, "intent", "intent", &intent);

    let summaries = summaries(repo, &memory);
    shape::add(repo, "state", &summaries);
    git(repo, &["repack", "-adq"]);
    println!("{} documents of state, {} of intent, {} summaries", files.len(), intent.len(), summaries.len());
}

/// The summary of each package, as the tool writes it.
fn summaries(repo: &Path, memory: &Memory) -> shape::Files {
    let snapshot = memory.snapshot();
    let packages = summary::packages(&snapshot).unwrap();
    let file = |package: &Ref| {
        let tree = git(repo, &["rev-parse", &format!("state:refs/{package}")]);
        let summary = summary::of_package(&snapshot, package, &tree).unwrap()?;
        Some((summary::path(package), summary.to_text()))
    };
    packages.iter().filter_map(file).collect()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new("git").args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
