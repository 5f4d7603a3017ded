//! How long whole commands take on a file-system store of 100,000 documents: the binary as users
//! run it, each figure beside its limit.
//!
//! `cargo bench -p ocuroot --bench commands`. Limits are to what else this machine does in the same
//! run, so that they hold on any machine; all but the start of the binary itself.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may end")]

mod measure;
mod shape;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use measure::{find, line, median, millis};
use shape::Shape;

fn main() {
    // Cargo also calls benchmarks when it runs tests; then there is nothing to do.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_ocuroot")).unwrap().len();
    println!("the binary: {:.1} MB of 25 MB", size as f64 / 1e6);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = folder.path();
    let documents = shape::write(Shape::LARGE, &root.join("store/state"));
    let config =
        "repo_alias(\"mono\")\nstore.set(store.fs(\"./store/state\"), intent=store.fs(\"./store/intent\"))\n";
    std::fs::write(root.join("repo.ocu.star"), config).unwrap();
    println!("a store of {documents} documents");

    let version = median(51, || ocuroot(root, &["version"]));
    line("ocuroot version", version, Duration::from_millis(10), 1.0);
    let beside = |what: &str, arguments: &[&str], more: Duration| {
        let taken = median(51, || ocuroot(root, arguments)).saturating_sub(version);
        line(&format!("{what}, beyond version"), taken, more, 1.0);
    };
    let few = Duration::from_millis(5);
    let package = "example.com/o/mono/-/p01/release.ocu.star";
    beside("state get", &["state", "get", &format!("{package}/@r5/deploy/env03")], few);
    beside("state match <package>/@r5/**", &["state", "match", &format!("{package}/@r5/**")], few * 2);

    let all = median(5, || find(&root.join("store/state/refs")));
    println!("{:<58} {:>9.1} ms", "find", millis(all));
    let matching = |pattern: &str, limit: f64| {
        let taken = median(5, || ocuroot(root, &["state", "match", pattern]));
        line(&format!("state match '{pattern}'"), taken, all, limit);
    };
    matching("**/@/deploy/env03", 0.2);
    matching("**", 1.2);
    matching("**/status/failed", 1.5);
}

fn ocuroot(root: &Path, arguments: &[&str]) {
    let status = Command::new(env!("CARGO_BIN_EXE_ocuroot"))
        .args(arguments)
        .current_dir(root)
        .env("OCUROOT_HOME", root.join("home"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
}
