//! GitLab.

use ocuroot_core::hosts::{Ask, HostError};

use crate::played::{BEFORE, BLOB, COMMIT, Played, TREE, below, brief, changes, files, folder, head};

const PROJECT: &str = "/projects/acme%2Fshop%2Freleases";
const GRAPHQL: &str = "POST https://gitlab.com/api/graphql";

fn gitlab(recorded: &[&str]) -> Played {
    Played::new("gitlab:gitlab.com/acme/shop/releases", true).with(recorded)
}

fn tree(path: &str, more: &str) -> String {
    format!("GET PROJECT/repository/tree?ref={COMMIT}&path={path}&per_page=100&pagination=keyset{more}")
}

/// What is asked, the requests that it takes, and the answer.
#[track_caller]
fn check(mut played: Played, ask: Ask, requests: &[&str], answer: &str) -> Played {
    let came = played.ask(ask).unwrap();
    assert_eq!(brief(&came), answer);
    let requests: Vec<String> = requests.iter().map(|r| r.replace("PROJECT", PROJECT)).collect();
    assert_eq!(played.asked, requests);
    assert!(played.requests.iter().all(|request| request.auth));
    played
}

#[test]
fn a_branch_a_commit_and_who_asks() {
    let branch = "GET PROJECT/repository/branches/ocuroot%2Fstate";
    let at = format!("ocuroot/state 1:- 2026-05-09T10:12:00.000+00:00 `Release 3` Ada {COMMIT}");
    check(gitlab(&["branch"]), head("ocuroot/state"), &[branch], &at);
    let same = Ask::Head { branch: Some("ocuroot/state".into()), etag: Some(COMMIT.into()) };
    check(gitlab(&["branch"]), same, &[branch], "Unchanged");
    let main = "GET PROJECT/repository/branches/main";
    let played = gitlab(&["project"]).instead(&main.replace("PROJECT", PROJECT), "branch");
    check(played, Ask::Head { branch: None, etag: None }, &["GET PROJECT", main], &at);
    let missing = gitlab(&["project"]).instead(&branch.replace("PROJECT", PROJECT), "missing");
    check(missing, head("ocuroot/state"), &[branch, "GET PROJECT"], "Missing");
    let none = gitlab(&[])
        .instead(&branch.replace("PROJECT", PROJECT), "missing")
        .instead(&format!("GET {PROJECT}"), "missing")
        .ask(head("ocuroot/state"));
    assert!(matches!(none, Err(HostError::NotFound { signed_in: true, .. })));
    let commit = format!("GET PROJECT/repository/commits/{COMMIT}");
    let ask = Ask::Commit { id: COMMIT.into() };
    check(gitlab(&["commit"]), ask, &[&commit], "1:- 2026-05-09T10:12:00.000+00:00 `Release 3` Ada");
    check(gitlab(&["user"]), Ask::Viewer, &["GET /user"], "ada");
}

#[test]
fn folders_page_by_page() {
    let summary = ".ocuroot%2Fsummary";
    check(gitlab(&["root"]), folder("", None), &[&tree("", "")], ".ocuroot/@3 README@4");
    check(
        gitlab(&["tree-1", "tree-2"]),
        folder(".ocuroot/summary", Some(BLOB)),
        &[&tree(summary, ""), &tree(summary, "&page_token=abc%3D")],
        "a/@2 web.json@4",
    );
    // Older versions answer nothing where there is nothing, newer ones that it is not found.
    check(gitlab(&["none"]), folder(".ocuroot/summary", None), &[&tree(summary, "")], "none");
    let played = gitlab(&[]).instead(&tree(summary, "").replace("PROJECT", PROJECT), "missing");
    check(played, folder(".ocuroot/summary", None), &[&tree(summary, "")], "none");
}

#[test]
fn a_folder_that_was_listed_is_not_an_empty_one_where_it_is_refused() {
    let summary = ".ocuroot%2Fsummary";
    let known = |deep: bool| match deep {
        false => folder(".ocuroot/summary", Some(TREE)),
        true => below(".ocuroot/summary", Some(TREE)),
    };
    let second = "&page_token=abc%3D";
    for (recorded, ask, refused, status, body) in [
        (&[][..], known(false), tree(summary, ""), 404, r#"{"message":"404 Tree Not Found"}"#),
        // Older versions say so.
        (&[], known(false), tree(summary, ""), 200, "[]"),
        (&[], known(true), tree(summary, "&recursive=true"), 404, "{}"),
        (&[], folder("", None), tree("", ""), 404, "{}"),
        (&["tree-1"], folder(".ocuroot/summary", None), tree(summary, second), 404, "{}"),
    ] {
        let refused = refused.replace("PROJECT", PROJECT);
        let mut played = gitlab(recorded).answering(&refused, status, body);
        let error = played.ask(ask).unwrap_err();
        assert!(matches!(error, HostError::NotFound { signed_in: true, .. }), "{refused}: {error:?}");
    }
}

#[test]
fn what_does_not_fit_a_few_pages_is_taken_apart_by_folders() {
    let summary = ".ocuroot%2Fsummary";
    let all = "a/@2 a/b@4 web.json@4";
    let recursive = tree(summary, "&recursive=true");
    check(gitlab(&["below"]), below(".ocuroot/summary", None), &[&recursive], all);
    // A few parts come one after the other.
    let part = |token: &str| tree(summary, &format!("&recursive=true&page_token={token}"));
    let next = |token: &str| {
        format!("<https://gitlab.com/api/v4/projects/3/repository/tree?page_token={token}>; rel=\"next\"")
    };
    let given = |request: &str| request.replace("PROJECT", PROJECT);
    let last = r#"[{"id":"ID","type":"blob","path":".ocuroot/summary/web.json"}]"#;
    let last = last.replace("ID", &"4".repeat(40));
    let played = gitlab(&["below-1"]).answering(&given(&part("abc%3D")), 200, &last);
    check(played, below(".ocuroot/summary", None), &[&recursive, &part("abc%3D")], "a/@2 web.json@4");
    let mut played = gitlab(&["below-1", "tree-1", "tree-2", "below-a"]);
    let tokens = ["abc%3D", "2", "3", "4", "5"];
    let nexts = ["2", "3", "4", "5", "6"];
    for (token, after) in tokens.iter().zip(nexts) {
        played = played.answering_with(&given(&part(token)), 200, &[("link", &next(after))], "[]");
    }
    let mut requests = vec![recursive.clone()];
    requests.extend(tokens.iter().map(|token| part(token)));
    requests.extend([
        tree(summary, ""),
        tree(summary, "&page_token=abc%3D"),
        tree(".ocuroot%2Fsummary%2Fa", "&recursive=true"),
    ]);
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    check(played, below(".ocuroot/summary", None), &requests, all);
}

#[test]
fn files_by_graphql() {
    let wanted =
        files(&[("a", None), ("binary", None), ("cut", None), ("empty", None), ("gone", Some(BLOB))]);
    let blob = format!("GET PROJECT/repository/blobs/{BLOB}/raw");
    let played = gitlab(&["blob"]).instead(GRAPHQL, "files");
    let played = check(
        played,
        wanted,
        &[GRAPHQL, &blob, &blob],
        r#"a={\"a\":\"\xc3\xa9\"}\n binary=raw cut=raw empty= gone!"#,
    );
    let body = played.requests[0].body.as_deref().unwrap();
    assert!(body.ends_with(&format!(
        r#""variables":{{"p":"acme/shop/releases","r":"{COMMIT}","f":["a","binary","cut","empty","gone"]}}}}"#
    )));
}

#[test]
fn small_instances_bear_fewer_files_in_a_query() {
    // Answers only some, and says so.
    let wanted = files(&[("a", None), ("b", None), ("c", None), ("gone", None)]);
    let played = gitlab(&[]).instead(GRAPHQL, "files-some").instead(GRAPHQL, "files-rest");
    let played = check(played, wanted.clone(), &[GRAPHQL, GRAPHQL], "a=x b=y c=z gone!");
    assert_eq!(played.limits.batch, Some(2));
    // Refuses.
    let played = gitlab(&[])
        .instead(GRAPHQL, "complex")
        .instead(GRAPHQL, "files-rest")
        .instead(GRAPHQL, "files-some")
        .instead(GRAPHQL, "files-rest");
    let mut played = check(played, wanted, &[GRAPHQL; 3], "a=x b=y c=z gone!");
    assert_eq!(played.limits.batch, Some(2));
    // Remembered.
    played.asked.clear();
    let mut played = played.instead(GRAPHQL, "files-some").instead(GRAPHQL, "files-rest");
    let _ = played.ask(files(&[("a", None), ("b", None), ("c", None)]));
    assert_eq!(played.asked.len(), 2);
    // Even a single file is too much.
    let file = format!("GET PROJECT/repository/files/a%2Fb.json/raw?ref={COMMIT}");
    let played = gitlab(&["file"]).instead(GRAPHQL, "complex");
    check(played, files(&[("a/b.json", None)]), &[GRAPHQL, &file], "a/b.json=raw");
}

#[test]
fn a_project_that_is_not_there() {
    let mut played = gitlab(&[]).instead(GRAPHQL, "no-project");
    assert!(matches!(played.ask(files(&[("a", None)])), Err(HostError::NotFound { .. })));
}

#[test]
fn history_and_proposals() {
    let ask = Ask::History { from: "state".into(), path: Some("a b/#c".into()), page: 1 };
    let commits = "GET PROJECT/repository/commits?ref_name=state&per_page=100&page=1&path=a%20b%2F%23c";
    let answer = "1:- 2026-05-09T10:12:00.000+00:00 `Release 3` Ada …";
    check(gitlab(&["commits"]), ask, &[commits], answer);
    let page = |page: u32| {
        format!("GET PROJECT/merge_requests?state=opened&target_branch=intent&per_page=100&page={page}")
    };
    let at = "2026-05-09T10:12:00.000Z ocuroot/intent/approve-x1 https://gitlab.com/acme/shop/releases/-/merge_requests";
    check(
        gitlab(&["merge-requests", "merge-requests-2"]),
        Ask::Proposals { into: "intent".into() },
        &[&page(1), &page(2)],
        &format!("draft #7 `Draft: Approve web 3` ada {at}/7\n#6 `Draft: Approve web 3`  {at}/6"),
    );
}

#[test]
fn what_differs_between_two_commits() {
    let asked = format!("GET {PROJECT}/repository/compare?from={BEFORE}&to={COMMIT}&straight=true");
    let diff = |before: &str, after: &str| {
        let (moved, gone) = (before != after, before == "gone");
        format!(
            r#"{{"old_path":"{before}","new_path":"{after}","renamed_file":{moved},"deleted_file":{gone}}}"#
        )
    };
    let compared = |diffs: &[String], timeout: bool| {
        format!(r#"{{"diffs":[{}],"compare_timeout":{timeout}}}"#, diffs.join(","))
    };
    let some = [diff("b", "b"), diff("c", "a"), diff("gone", "gone")];
    for (answer, expected) in [
        (compared(&some, false), "b c! a gone!"),
        (compared(&[], false), ""),
        (compared(&some, true), "untold"),
        (compared(&vec![diff("a", "a"); 100], false), "untold"),
        (r#"{"diffs":null}"#.to_owned(), "untold"),
    ] {
        let told = gitlab(&[]).answering(&asked, 200, &answer).ask(changes()).unwrap();
        assert_eq!(brief(&told), expected, "{answer}");
    }
    let gone = gitlab(&[]).answering(&asked, 404, "{}").ask(changes()).unwrap();
    assert_eq!(brief(&gone), "untold");
}
