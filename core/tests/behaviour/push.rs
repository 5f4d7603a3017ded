//! What a push releases, and what it leaves.

use std::collections::BTreeSet;

use ocuroot_core::documents::{PushIndex, PushedFile};
use ocuroot_core::push::{self, Pushed, Sources, Why, ignore, is_release_file, previous, record, to_release};
use ocuroot_core::snapshot::Unmet;

use crate::fixture::{ask, check, r};

fn texts(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// `a.ocu.star` watches some paths, `b.ocu.star` none, `c.ocu.star` has no entry.
fn index(watched: &[&str]) -> PushIndex {
    let file = |watched: &[&str]| PushedFile {
        watch_files: texts(watched).into_iter().collect(),
        ..PushedFile::default()
    };
    PushIndex {
        commit: "old".into(),
        release_configs: [("s/-/a.ocu.star".into(), file(watched)), ("s/-/b.ocu.star".into(), file(&[]))]
            .into(),
        ..PushIndex::default()
    }
}

fn released(previous: Option<&PushIndex>, changed: &[&str], ignored: &[&str]) -> Vec<(String, Why)> {
    let ignored: Vec<_> = ignored.iter().map(|pattern| ignore(pattern).unwrap()).collect();
    let files = texts(&["a.ocu.star", "b.ocu.star", "sub/c.ocu.star"]);
    to_release(previous, &Sources { repo: "s", files: &files, changed: &texts(changed) }, &ignored)
}

#[test]
fn the_first_push_releases_everything_that_is_not_ignored() {
    let names = |found: Vec<(String, Why)>| found.into_iter().map(|(file, _)| file).collect::<Vec<_>>();
    assert_eq!(names(released(None, &[], &[])), ["a.ocu.star", "b.ocu.star", "sub/c.ocu.star"]);
    for (ignored, left) in [
        ("sub/**", &["a.ocu.star", "b.ocu.star"][..]),
        ("*", &[]),
        ("sub*", &["a.ocu.star", "b.ocu.star"]),
        ("?.ocu.star", &["sub/c.ocu.star"]),
        ("sub?c.ocu.star", &["a.ocu.star", "b.ocu.star"]),
        ("[ab].ocu.star", &["sub/c.ocu.star"]),
        ("{a,sub/c}.ocu.star", &["b.ocu.star"]),
        (r"\a.ocu.star", &["b.ocu.star", "sub/c.ocu.star"]),
        ("c.ocu.star", &["a.ocu.star", "b.ocu.star", "sub/c.ocu.star"]),
    ] {
        assert_eq!(names(released(None, &[], &[ignored])), left, "{ignored}");
    }
    assert!(ignore("**/call/x").unwrap().is_match("a/call/x"), "a path is no ref");
    assert!(ignore("+/x").unwrap().is_match("+/x"));
    assert!(ignore("[a").is_err());
}

#[test]
fn a_later_push_releases_what_changed_and_what_watches_it() {
    let watched = |path: &str| ("a.ocu.star".to_owned(), Why::Watched(path.to_owned()));
    let changed = |file: &str| (file.to_owned(), Why::Changed);
    for (watch, change, expected) in [
        ("lib", "b.ocu.star", vec![changed("b.ocu.star")]),
        ("lib", "sub/c.ocu.star", vec![changed("sub/c.ocu.star")]),
        ("lib", "docs/a.md", vec![]),
        ("lib", "lib/x/y.rs", vec![watched("lib")]),
        ("lib", "library.txt", vec![watched("lib")]),
        ("lib/", "library.txt", vec![]),
        ("./lib/", "lib/x", vec![watched("./lib/")]),
        ("/lib", "lib/x", vec![watched("/lib")]),
        ("x/lib", "lib/x", vec![]),
        (".", "anything", vec![watched(".")]),
        ("", "anything", vec![]),
        (".github", "x.github", vec![]),
    ] {
        assert_eq!(released(Some(&index(&[watch])), &[change], &[]), expected, "{watch} {change}");
    }
    assert_eq!(released(Some(&index(&["lib"])), &["lib/x"], &["a*"]), []);
    let mut failed = index(&[]);
    failed.unreleased.insert("s/-/sub/c.ocu.star".into());
    assert_eq!(released(Some(&failed), &[], &[]), [("sub/c.ocu.star".to_owned(), Why::Unreleased)]);
}

#[test]
fn release_files_by_their_names() {
    for (path, expected) in [
        ("a.ocu.star", true),
        ("x/y/release.ocu.star", true),
        ("repo.ocu.star", false),
        ("x/repo.ocu.star", false),
        ("x/my-repo.ocu.star", true),
        ("a.star", false),
        ("a.ocu.star.bak", false),
    ] {
        assert_eq!(is_release_file(path), expected, "{path}");
    }
}

const STORE: &str = r#"
s/-/a.ocu.star/@r1 = release old: x
s/-/a.ocu.star/@r1/task/x/1 = {"type":"task","release":"s/-/a.ocu.star/@r1","functions":[{"fn":{"name":"x","pos":"p:1:1"},"inputs":{}}],"watch_files":["gone"]}
s/-/a.ocu.star/@r2 = release new: x; y
s/-/a.ocu.star/@r2/task/x/1 = {"type":"task","release":"s/-/a.ocu.star/@r2","functions":[{"fn":{"name":"x","pos":"p:1:1"},"inputs":{}}],"watch_files":["lib","b"]}
s/-/a.ocu.star/@r2/task/x/1/status/failed_retried = {"time":""}
s/-/a.ocu.star/@r2/task/x/2 = {"type":"task","release":"s/-/a.ocu.star/@r2","functions":[{"fn":{"name":"x","pos":"p:1:1"},"inputs":{}}],"watch_files":["lib"]}
s/-/a.ocu.star/@r2/task/x/2/status/complete = {"time":""}
s/-/a.ocu.star/@r2/task/y/1 = {"type":"task","release":"s/-/a.ocu.star/@r2","functions":[{"fn":{"name":"x","pos":"p:1:1"},"inputs":{}}],"watch_files":null}
s/-/a.ocu.star/@r2/task/y/1/status/complete = {"time":""}
s/-/a.ocu.star/@r1/task/x/1/status/complete = {"time":""}
s/-/repo.ocu.star/@old/push/index = {"commit":"old","previous_commit":"","release_configs":{"s/-/a.ocu.star":{"watch_files":["gone"]},"s/-/b.ocu.star":{"watch_files":["kept"]}},"theirs":1}
s/-/repo.ocu.star/@/push/index -> s/-/repo.ocu.star/@old/push/index
"#;

#[test]
fn a_push_leaves_what_the_next_one_has_to_know() {
    let (released, failed) = (
        BTreeSet::from([r("s/-/a.ocu.star"), r("s/-/environments.ocu.star")]),
        BTreeSet::from([r("s/-/c.ocu.star")]),
    );
    let pushed = Pushed { repo: "s", commit: "new", released: &released, unreleased: &failed };
    check(
        STORE,
        |snapshot| record(snapshot, &pushed),
        r#"
        ~ s/-/repo.ocu.star/@/push/index -> s/-/repo.ocu.star/@new/push/index
        + s/-/repo.ocu.star/@new/push/index = {"commit":"new","previous_commit":"old","release_configs":{"s/-/a.ocu.star":{"watch_files":["b","lib"]},"s/-/b.ocu.star":{"watch_files":["kept"]}},"theirs":1,"unreleased":["s/-/c.ocu.star"]}
        "#,
    );
    // Once more at the same commit.
    let pushed =
        Pushed { repo: "s", commit: "old", released: &BTreeSet::new(), unreleased: &BTreeSet::new() };
    check(STORE, |snapshot| record(snapshot, &pushed), "");
    let found = ask(STORE, |snapshot| match previous(snapshot, "s") {
        Ok(index) => Ok(index.map(|index| index.commit)),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(circle)) => panic!("{circle}"),
    });
    assert_eq!(found.as_deref(), Some("old"));
}

#[test]
fn the_commit_of_intent_is_kept() {
    check(
        r#"@/push/intent_commit = {"commit":"a","previous_commit":"","release_configs":null}"#,
        |snapshot| push::record_intent(snapshot, "b"),
        r#"~ @/push/intent_commit = {"commit":"b","previous_commit":"a","release_configs":{}}"#,
    );
}
