//! The server of `state view`.

use ocuroot_core::hosts::{Ask, HostError};

use crate::played::{BLOB, COMMIT, FOLDER, Played, below, brief, files, folder, head};

#[track_caller]
fn check(recorded: &[&str], ask: Ask, requests: &[&str], answer: &str) {
    let mut played = Played::new("local", false).with(recorded);
    let came = played.ask(ask).unwrap();
    assert_eq!(brief(&came), answer);
    assert_eq!(played.asked, requests);
    assert!(played.requests.iter().all(|request| request.url.starts_with("api/state/")));
}

#[test]
fn what_one_asks_and_what_it_says() {
    let commit = format!("GET /commits/{COMMIT}");
    let root = "GET /trees/2222222222222222222222222222222222222222";
    let tree = format!("GET /trees/{FOLDER}");
    let recursive = format!("{tree}?recursive=1");
    let at = "1:2 2026-05-09T10:12:00Z `Release 3` Ada";
    check(&["head"], head("state"), &["GET /head"], &format!("state {at} \"1\""));
    check(&["commit"], Ask::Commit { id: COMMIT.into() }, &[&commit], at);
    check(&["tree"], folder("x", Some(FOLDER)), &[&tree], "a/@2 web.json@4");
    check(&["commit", "root", "tree"], folder("s", None), &[&commit, root, &tree], "a/@2 web.json@4");
    check(&["commit", "root"], folder("README", None), &[&commit, root], "none");
    check(&["tree-recursive"], below("x", Some(FOLDER)), &[&recursive], "a/@2 a/b@4 web.json@4");
    let ids = files(&[("a", Some(BLOB)), ("b", Some(COMMIT)), ("c", Some(BLOB)), ("d", Some(FOLDER))]);
    check(&["blobs"], ids, &["POST /blobs"], r"a={}\n b=\xff\x00 c={}\n d!");
    check(&["files"], files(&[("a b", None), ("gone", Some(BLOB))]), &["POST /files"], r"a b={} gone!");
    let history = Ask::History { from: COMMIT.into(), path: Some("a b".into()), page: 2 };
    let commits = format!("GET /commits?from={COMMIT}&path=a%20b&page=2");
    check(&["commits"], history, &[&commits], &format!("{at} …"));
    check(&[], Ask::Proposals { into: "intent".into() }, &[], "");
}

#[test]
fn unchanged_missing_and_nobody() {
    let ask = Ask::Head { branch: None, etag: Some("\"1\"".into()) };
    let mut played = Played::new("local", false).answering("GET /head", 304, "");
    assert_eq!(brief(&played.ask(ask).unwrap()), "Unchanged");
    let mut played = Played::new("local", false).answering("GET /head", 404, "");
    assert_eq!(brief(&played.ask(head("state")).unwrap()), "Missing");
    assert_eq!(played.ask(Ask::Viewer), Err(HostError::NotSignedIn));
}
