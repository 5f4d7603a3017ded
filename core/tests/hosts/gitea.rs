//! Gitea and Forgejo. What a real Gitea answers is in `tests/tests/hosts.rs`; here is what others do.

use ocuroot_core::hosts::limits::Way;
use ocuroot_core::hosts::{Ask, HostError, Limits};

use crate::played::{BEFORE, BLOB, COMMIT, FOLDER, Played, TREE, below, brief, changes, files, folder, head};

const REPO: &str = "/repos/acme/releases";

fn gitea(recorded: &[&str]) -> Played {
    Played::new("gitea:git.acme.com/acme/releases", true).with(recorded)
}

/// What is asked, the requests that it takes, and the answer.
#[track_caller]
fn check(mut played: Played, ask: Ask, requests: &[&str], answer: &str) -> Played {
    let came = played.ask(ask).unwrap();
    assert_eq!(brief(&came), answer);
    let requests: Vec<String> = requests.iter().map(|r| r.replace("REPO", REPO)).collect();
    assert_eq!(played.asked, requests);
    assert!(played.requests.iter().all(|request| request.auth));
    played
}

#[test]
fn a_branch_a_commit_and_who_asks() {
    let branch = "GET REPO/branches/ocuroot/state";
    let at = format!("ocuroot/state 1:- 2026-05-09T10:12:00Z `Release 3` Ada {COMMIT}");
    check(gitea(&["branch"]), head("ocuroot/state"), &[branch], &at);
    let same = Ask::Head { branch: Some("ocuroot/state".into()), etag: Some(COMMIT.into()) };
    check(gitea(&["branch"]), same, &[branch], "Unchanged");
    let default = Ask::Head { branch: None, etag: None };
    let main = "GET REPO/branches/main";
    let played = gitea(&["repo"]).instead(&main.replace("REPO", REPO), "branch");
    check(played, default, &["GET REPO", main], &at);
    let missing = gitea(&["repo"]).instead(&branch.replace("REPO", REPO), "missing");
    check(missing, head("ocuroot/state"), &[branch, "GET REPO"], "Missing");
    let commit = format!("GET REPO/git/commits/{COMMIT}?stat=false&verification=false&files=false");
    let ask = Ask::Commit { id: COMMIT.into() };
    check(gitea(&["commit"]), ask, &[&commit], "1:2 2026-05-09T10:12:00Z `Release 3` Ada");
    check(gitea(&["user"]), Ask::Viewer, &["GET /user"], "ada");
}

#[test]
fn folders_are_found_by_name_or_from_the_root_down() {
    let root = format!("GET REPO/git/trees/{COMMIT}?page=1");
    let tree = format!("GET REPO/git/trees/{FOLDER}?page=1");
    let named = |path: &str| format!("GET REPO/git/trees/{COMMIT}%3A{path}?page=1");
    let given = |request: &str| request.replace("REPO", REPO);
    let refused = r#"{"message":"sha not found"}"#;
    check(gitea(&["root"]), folder("", None), &[&root], ".ocuroot/@3 README@4");
    check(gitea(&["tree"]), folder("x", Some(FOLDER)), &[&tree], "a/@2 web.json@4");

    let at = named(".ocuroot");
    let played = gitea(&[]).instead(&given(&at), "tree");
    let mut played = check(played, folder(".ocuroot", None), &[&at], "a/@2 web.json@4");
    assert_eq!(played.limits.names, Some(true));
    // From then on, what is not there is not looked for twice.
    played.asked.clear();
    let played = played.answering(&given(&named("gone%2Fx")), 400, refused);
    check(played, folder("gone/x", None), &[&named("gone%2Fx")], "none");

    // Something before the instance does not bear it.
    let played = gitea(&["root", "tree"]).answering(&given(&at), 404, "no such page");
    let mut played = check(played, folder(".ocuroot", None), &[&at, &root, &tree], "a/@2 web.json@4");
    assert_eq!(played.limits.names, Some(false));
    played.asked.clear();
    check(played, folder("README", None), &[&root], "none");
}

#[test]
fn pages_of_a_listing_come_at_once() {
    let page = |page: u32| format!("GET REPO/git/trees/{FOLDER}?recursive=true&page={page}");
    let all = "a/@2 a/b@4 web.json@4";
    check(gitea(&["tree-recursive"]), below("x", Some(FOLDER)), &[&page(1)], all);
    check(
        gitea(&["tree-1", "tree-2", "tree-3"]),
        below("x", Some(FOLDER)),
        &[&page(1), &page(3), &page(2)],
        all,
    );
}

#[test]
fn a_folder_whose_id_is_known_is_not_an_empty_one_where_it_is_refused() {
    let page = |id: &str, more: &str| format!("GET {REPO}/git/trees/{id}?{more}");
    let (flat, deep) = (page(FOLDER, "page=1"), page(FOLDER, "recursive=true&page=1"));
    let root = page(COMMIT, "page=1");
    let inner = page(TREE, "recursive=true&page=1");
    let second = page(FOLDER, "recursive=true&page=2");
    for (recorded, ask, refused) in [
        (&[][..], folder("x", Some(FOLDER)), &flat),
        (&[], below("x", Some(FOLDER)), &deep),
        (&[], folder("", None), &root),
        (&["tree-large", "tree"], below("x", Some(FOLDER)), &inner),
        (&["tree-1", "tree-3"], below("x", Some(FOLDER)), &second),
    ] {
        // What git does not know is a bad request to some versions.
        for status in [400, 404] {
            let mut played = gitea(recorded).answering(refused, status, r#"{"message":"sha not found"}"#);
            let error = played.ask(ask.clone()).unwrap_err();
            assert!(matches!(error, HostError::NotFound { signed_in: true, .. }), "{refused}: {error:?}");
        }
    }
}

#[test]
fn a_listing_that_claims_to_have_more_than_there_can_be() {
    let count = usize::MAX;
    let body = format!(
        r#"{{"tree":[{{"path":"a","type":"tree","sha":"{TREE}"}}],"truncated":true,"total_count":{count}}}"#
    );
    let page = |page: u32| format!("GET {REPO}/git/trees/{FOLDER}?page={page}");
    let mut played = gitea(&[]);
    // It has an answer for each of them, and always another page.
    for number in 1..=3000 {
        played = played.answering(&page(number), 200, &body);
    }
    let error = played.ask(folder("x", Some(FOLDER))).unwrap_err();
    assert!(matches!(error, HostError::Truncated { .. }), "{error:?}");
    assert!(played.asked.len() < 2100, "{}", played.asked.len());
    // And one that has no more ends it.
    let last = r#"{"tree":[],"truncated":false}"#;
    let mut played = gitea(&[]).answering(&page(1), 200, &body);
    for number in 2..=21 {
        played = played.answering(&page(number), 200, last);
    }
    assert_eq!(brief(&played.ask(folder("x", Some(FOLDER))).unwrap()), "a/@2");
}

#[test]
fn a_listing_of_many_pages_is_taken_apart() {
    check(
        gitea(&["tree-large", "tree", "tree-a"]),
        below("x", Some(FOLDER)),
        &[
            &format!("GET REPO/git/trees/{FOLDER}?recursive=true&page=1"),
            &format!("GET REPO/git/trees/{FOLDER}?page=1"),
            &format!("GET REPO/git/trees/{TREE}?recursive=true&page=1"),
        ],
        "a/@2 a/b@4 web.json@4",
    );
}

fn five() -> Ask {
    files(&[("a", None), ("gone", None), ("folder", None), ("large", None), ("empty", Some(BLOB))])
}

#[test]
fn many_files_of_gitea_in_batches_of_its_own_size() {
    let batch = format!("POST {REPO}/file-contents?ref={COMMIT}");
    let raw = format!("GET {REPO}/raw/large?ref={COMMIT}");
    let mut played = gitea(&[])
        // The last request is answered first.
        .instead(&batch, "files-3")
        .instead(&batch, "files-2")
        .instead(&batch, "files-1")
        .answering(&raw, 200, "raw");
    played.limits.batch = Some(2);
    let requests = [batch.as_str(), &batch, &batch, &raw];
    let played = check(played, five(), &requests, "a={} empty= folder! gone! large=raw");
    let learnt = Limits { batch: Some(2), way: Some(Way::Contents), ..Limits::default() };
    assert_eq!(played.limits, learnt);
    assert_eq!(played.requests[1].body.as_deref(), Some(r#"{"files":["folder","large"]}"#));
}

#[test]
fn for_very_many_files_it_is_worth_asking_how_many_at_once() {
    let names: Vec<String> = (0..301).map(|number| format!("f{number}")).collect();
    let wanted: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), None)).collect();
    let batch = format!("POST {REPO}/file-contents?ref={COMMIT}");
    let mut played = gitea(&["version"])
        .answering("GET /settings/api", 200, r#"{"default_paging_num":1000}"#)
        .answering(&batch, 200, &format!("[{}]", vec!["null"; 301].join(",")));
    played.ask(files(&wanted)).unwrap();
    assert_eq!(played.asked, ["GET /settings/api", "GET /version", &batch]);
}

#[test]
fn an_instance_that_answers_fewer_files_than_asked_is_asked_for_the_rest() {
    let batch = format!("POST {REPO}/file-contents?ref={COMMIT}");
    let raw = format!("GET {REPO}/raw/large?ref={COMMIT}");
    let mut played = gitea(&["files-1", "files-2", "files-3"]).answering(&raw, 200, "raw");
    played.limits.way = Some(Way::Contents);
    let requests = [batch.as_str(), &batch, &raw, &batch];
    let played = check(played, five(), &requests, "a={} empty= folder! gone! large=raw");
    assert_eq!(played.limits.batch, Some(2));
}

#[test]
fn many_files_of_forgejo_by_id() {
    let ids = format!("GET REPO/git/blobs?shas={FOLDER},{BLOB}");
    let raw = |name: &str| format!("GET REPO/raw/{name}?ref={COMMIT}");
    let contents = format!("POST {REPO}/file-contents?ref={COMMIT}");
    let wanted = files(&[("a", Some(BLOB)), ("b", Some(BLOB)), ("gone", Some(FOLDER)), ("c", None)]);
    let played = gitea(&["version-forgejo"])
        .answering("GET /settings/api", 200, r#"{"default_paging_num":30}"#)
        .answering(&contents, 405, "")
        .instead(&ids.replace("REPO", REPO), "blobs")
        .instead(&raw("gone").replace("REPO", REPO), "missing")
        .answering(&raw("c").replace("REPO", REPO), 200, "raw");
    let requests = [&contents, "GET /settings/api", "GET /version", &ids, &raw("gone"), &raw("c")];
    let played = check(played, wanted, &requests, "a={} b={} c=raw gone!");
    assert_eq!(played.limits.way, Some(Way::Blobs));
}

#[test]
fn older_instances_and_few_files_one_by_one() {
    let blob = format!("GET REPO/git/blobs/{BLOB}");
    let raw = format!("GET REPO/raw/a%20b/%23.json?ref={COMMIT}");
    let one = files(&[("a b/#.json", Some(BLOB))]);
    check(gitea(&["blob"]), one.clone(), &[&blob], r"a b/#.json=\xff\x00\x01");
    let large = gitea(&["blob-large"]).answering(&raw.replace("REPO", REPO), 200, "large");
    check(large, one, &[&blob, &raw], "a b/#.json=large");
    let wanted = files(&[("a", Some(BLOB)), ("b", Some(BLOB)), ("c", Some(BLOB)), ("d", Some(BLOB))]);
    let contents = format!("POST {REPO}/file-contents?ref={COMMIT}");
    let played = check(
        gitea(&["version-old", "settings", "blob"]).answering(&contents, 404, ""),
        wanted,
        &[&contents, "GET /settings/api", "GET /version", &blob, &blob, &blob, &blob],
        r"a=\xff\x00\x01 b=\xff\x00\x01 c=\xff\x00\x01 d=\xff\x00\x01",
    );
    assert_eq!(played.limits.way, Some(Way::Single));
}

#[test]
fn what_differs_between_two_commits() {
    let asked = format!("GET {REPO}/compare/{BEFORE}...{COMMIT}");
    let commit = |id: &str, before: &[&str], files: &str| {
        let parents: Vec<String> = before.iter().map(|id| format!(r#"{{"sha":"{id}"}}"#)).collect();
        format!(r#"{{"sha":"{id}","parents":[{}],"files":{files}}}"#, parents.join(","))
    };
    let [one, two] = [
        r#"[{"filename":"b"},{"filename":"a"}]"#,
        r#"[{"filename":"b","status":"removed"},{"filename":"c"}]"#,
    ];
    let first = commit(TREE, &[BEFORE], one);
    for (commits, expected) in [
        (vec![commit(COMMIT, &[BEFORE], one)], "a b"),
        (vec![commit(COMMIT, &[TREE], two), first.clone()], "a b! c"),
        (vec![first.clone(), commit(COMMIT, &[TREE], two)], "a b! c"),
        // One is not told; one joins two; files are not told; there is no way from the one to the other.
        (vec![commit(COMMIT, &[TREE], two)], "untold"),
        (vec![commit(COMMIT, &[TREE, BLOB], two), first.clone()], "untold"),
        (vec![commit(COMMIT, &[BEFORE], "null")], "untold"),
        (vec![commit(COMMIT, &[], one)], "untold"),
        (vec![commit(COMMIT, &[COMMIT], one)], "untold"),
        (vec![], "untold"),
    ] {
        let answer = format!(r#"{{"total_commits":{},"commits":[{}]}}"#, commits.len(), commits.join(","));
        let told = gitea(&[]).answering(&asked, 200, &answer).ask(changes()).unwrap();
        assert_eq!(brief(&told), expected, "{answer}");
    }
    let gone = gitea(&[]).instead(&asked, "missing").ask(changes()).unwrap();
    assert_eq!(brief(&gone), "untold");
}

#[test]
fn history_and_proposals() {
    let ask = Ask::History { from: "state".into(), path: Some("a b/#c".into()), page: 1 };
    let commits =
        "REPO/commits?sha=state&limit=50&page=1&stat=false&verification=false&files=false&path=a%20b%2F%23c";
    let commits = format!("GET {commits}");
    check(gitea(&["commits"]), ask.clone(), &[&commits], "1:2 2026-05-09T10:12:00Z `Release 3` Ada …");
    check(gitea(&[]).instead(&commits.replace("REPO", REPO), "missing"), ask, &[&commits], "");
    let all = Ask::History { from: "state".into(), path: None, page: 1 };
    let request =
        format!("GET {REPO}/commits?sha=state&limit=50&page=1&stat=false&verification=false&files=false");
    assert!(matches!(gitea(&[]).instead(&request, "missing").ask(all), Err(HostError::NotFound { .. })));
    let pulls = |page: u32| format!("GET REPO/pulls?state=open&base_branch=intent&limit=50&page={page}");
    check(
        gitea(&["pulls", "pulls-2"]),
        Ask::Proposals { into: "intent".into() },
        &[&pulls(1), &pulls(2)],
        "draft #7 `Approve web 3` ada 2026-05-09T10:12:00Z ocuroot/intent/approve-x1 http://h/acme/releases/pulls/7\n\
         #6 `Approve web 3` ada 2026-05-09T10:12:00Z ocuroot/intent/approve-x1 http://h/acme/releases/pulls/6",
    );
}
