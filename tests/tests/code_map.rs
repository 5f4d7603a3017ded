//! The code map of `ARCHITECTURE.md` names every source file, and only files that are there.
//!
//! A row names a file (`cli/src/work.rs`), all of a kind in a folder (`cli/src/commands/*.rs`), or
//! a folder with all that is below it (`core/benches/`).
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_code_map_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root above the crate");
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, _)| name)
        .filter(|name| name.contains('/'))
        .collect();

    let mut files = BTreeSet::new();
    for folder in ["core", "cli", "web", "tests", "xtask"] {
        for part in ["src", "tests", "benches"] {
            collect(root, &format!("{folder}/{part}"), &mut files);
        }
    }
    assert!(files.len() > 50, "only {} source files found", files.len());

    let covers = |name: &str, file: &str| match name.strip_suffix("*.rs") {
        Some(folder) => file.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')),
        None if name.ends_with('/') => file.starts_with(name),
        None => file == name,
    };
    let missing: Vec<_> = files.iter().filter(|file| !named.iter().any(|name| covers(name, file))).collect();
    assert!(missing.is_empty(), "add a line to the code map of ARCHITECTURE.md for each of {missing:?}");
    let gone: Vec<_> = named
        .iter()
        .filter(|name| !name.contains('*') && !root.join(name.trim_end_matches('/')).exists())
        .collect();
    assert!(gone.is_empty(), "the code map of ARCHITECTURE.md names what is not there: {gone:?}");
}

/// Every Rust file below a folder, as a path from the root. A folder that is not there has none.
fn collect(root: &Path, folder: &str, files: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(root, &path, files);
        } else if path.ends_with(".rs") {
            files.insert(path);
        }
    }
}
