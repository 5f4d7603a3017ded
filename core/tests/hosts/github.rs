//! GitHub.

use ocuroot_core::hosts::{Ask, HostError, Method};

use crate::played::{BEFORE, BLOB, COMMIT, FOLDER, Played, TREE, below, brief, changes, files, folder, head};

const REPO: &str = "/repos/acme/releases";

fn github(signed_in: bool, recorded: &[&str]) -> Played {
    Played::new("github:acme/releases", signed_in).with(recorded)
}

/// What is asked, the requests that it takes, and the answer.
#[track_caller]
fn check(mut played: Played, ask: Ask, requests: &[&str], answer: &str) -> Played {
    let came = played.ask(ask).unwrap();
    assert_eq!(brief(&came), answer);
    let requests: Vec<String> = requests.iter().map(|r| r.replace("REPO", REPO)).collect();
    assert_eq!(played.asked, requests);
    played
}

#[test]
fn a_branch_by_name_and_by_default() {
    let at = "ocuroot/state 1:2 2026-05-09T10:12:00Z `Release 3` Ada W/\"abc\"";
    let played =
        check(github(true, &["branch"]), head("ocuroot/state"), &["GET REPO/branches/ocuroot%2Fstate"], at);
    let request = &played.requests[0];
    assert!(request.auth);
    assert!(request.headers.contains(&("X-GitHub-Api-Version", "2022-11-28".to_owned())));
    check(
        github(false, &["repo"]).instead("GET /repos/acme/releases/branches/main", "branch"),
        Ask::Head { branch: None, etag: None },
        &["GET REPO", "GET REPO/branches/main"],
        at,
    );
}

#[test]
fn an_unchanged_branch_and_a_missing_one() {
    let branch = "GET /repos/acme/releases/branches/ocuroot%2Fstate";
    let ask = Ask::Head { branch: Some("ocuroot/state".into()), etag: Some("W/\"abc\"".into()) };
    let played = check(
        github(true, &[]).answering(branch, 304, ""),
        ask,
        &["GET REPO/branches/ocuroot%2Fstate"],
        "Unchanged",
    );
    assert!(played.requests[0].headers.contains(&("If-None-Match", "W/\"abc\"".to_owned())));
    check(
        github(true, &["repo"]).instead(branch, "missing"),
        head("ocuroot/state"),
        &["GET REPO/branches/ocuroot%2Fstate", "GET REPO"],
        "Missing",
    );
    // No such repo, as far as we are told.
    let mut played =
        github(false, &[]).instead(branch, "missing").instead("GET /repos/acme/releases", "missing");
    let error = played.ask(head("ocuroot/state")).unwrap_err();
    assert!(matches!(error, HostError::NotFound { signed_in: false, .. }));
    assert!(error.hint(&played.host).contains("private"));
}

#[test]
fn a_commit() {
    let ask = Ask::Commit { id: COMMIT.into() };
    let answer = "1:2 2026-05-09T10:12:00Z `Release 3` Ada";
    check(
        github(true, &["commit"]),
        ask,
        &["GET REPO/git/commits/1111111111111111111111111111111111111111"],
        answer,
    );
    // By the start of its hash, which the other does not take.
    let cut = format!("GET {REPO}/commits/1111111?per_page=1");
    let found = format!(
        r#"{{"sha":"{COMMIT}","commit":{{"message":"Release 3\n","author":{{"name":"Ada"}},
            "committer":{{"date":"2026-05-09T10:12:00Z"}},"tree":{{"sha":"{TREE}"}}}},"files":[]}}"#
    );
    check(
        github(true, &[]).answering(&cut, 200, &found),
        Ask::Commit { id: "1111111".into() },
        &["GET REPO/commits/1111111?per_page=1"],
        answer,
    );
    // It also takes the name of a branch.
    let branch = format!("GET {REPO}/commits/deadbee?per_page=1");
    let asked = github(true, &[]).answering(&branch, 200, &found).ask(Ask::Commit { id: "deadbee".into() });
    assert_eq!(asked.unwrap_err(), HostError::NoCommit { id: "deadbee".into() });
}

#[test]
fn folders_by_id_by_commit_and_by_path() {
    let tree = "GET REPO/git/trees/3333333333333333333333333333333333333333";
    check(github(true, &["tree"]), folder("x/y", Some(FOLDER)), &[tree], "a/@2 web.json@4");
    // Links and other repos are left out.
    let root = "GET REPO/git/trees/1111111111111111111111111111111111111111";
    check(github(false, &["root"]), folder("", None), &[root], ".ocuroot/@3 README@4");
    let contents = format!("GET REPO/contents/.ocuroot/summary?ref={COMMIT}");
    check(github(false, &["contents"]), folder(".ocuroot/summary", None), &[&contents], "a/@2 web.json@4");
    check(github(false, &["contents-file"]), folder(".ocuroot/summary", None), &[&contents], "none");
    let missing = github(true, &[]).instead(&contents.replace("REPO", REPO), "missing");
    check(missing, folder(".ocuroot/summary", None), &[&contents], "none");
}

#[test]
fn a_folder_whose_id_is_known_is_not_an_empty_one_where_it_is_refused() {
    let tree = |id: &str, more: &str| format!("GET {REPO}/git/trees/{id}{more}");
    for (recorded, ask, refused) in [
        (&[][..], folder("x", Some(FOLDER)), tree(FOLDER, "")),
        (&[], below("x", Some(FOLDER)), tree(FOLDER, "?recursive=1")),
        (&[], folder("", None), tree(COMMIT, "")),
        (&["contents-parent"], below(".ocuroot/summary", None), tree(FOLDER, "?recursive=1")),
    ] {
        let mut played = github(true, recorded).answering(&refused, 404, r#"{"message":"Not Found"}"#);
        let error = played.ask(ask).unwrap_err();
        assert!(matches!(error, HostError::NotFound { signed_in: true, .. }), "{refused}: {error:?}");
    }
}

#[test]
fn a_folder_too_large_for_the_contents_api_is_found_from_its_parent() {
    let item = format!(r#"{{"name":"n","sha":"{BLOB}","type":"file"}}"#);
    let thousand = format!("[{}]", vec![item; 1000].join(","));
    let contents = format!("GET {REPO}/contents/.ocuroot/summary?ref={COMMIT}");
    check(
        github(true, &["contents-parent", "tree"]).answering(&contents, 200, &thousand),
        folder(".ocuroot/summary", None),
        &[
            &contents,
            &format!("GET REPO/contents/.ocuroot?ref={COMMIT}"),
            &format!("GET REPO/git/trees/{FOLDER}"),
        ],
        "a/@2 web.json@4",
    );
}

#[test]
fn everything_below_a_folder() {
    let recursive = format!("GET REPO/git/trees/{FOLDER}?recursive=1");
    let all = "a/@2 a/b@4 web.json@4";
    check(github(true, &["tree-recursive"]), below("x", Some(FOLDER)), &[&recursive], all);
    check(
        github(true, &["tree-recursive", "contents-parent"]),
        below(".ocuroot/summary", None),
        &[&format!("GET REPO/contents/.ocuroot?ref={COMMIT}"), &recursive],
        all,
    );
    check(
        github(true, &["tree-recursive", "root"]),
        below(".ocuroot", None),
        &[&format!("GET REPO/git/trees/{COMMIT}"), &recursive],
        all,
    );
}

#[test]
fn what_differs_between_two_commits() {
    let asked = format!("GET {REPO}/compare/{BEFORE}...{COMMIT}?per_page=1");
    let compared = |status: &str, files: &str| format!(r#"{{"status":"{status}","files":[{files}]}}"#);
    let file = |name: &str, status: &str, more: &str| {
        format!(r#"{{"sha":"{BLOB}","filename":"{name}","status":"{status}"{more}}}"#)
    };
    let all = [
        file("a", "modified", ""),
        file("b", "removed", ""),
        file("c", "renamed", r#","previous_filename":"d""#),
        file("e", "copied", r#","previous_filename":"a""#),
        r#"{"sha":null,"filename":"f","status":"removed"}"#.to_owned(),
    ];
    let check = |answer: &str, expected: &str| {
        let mut played = github(true, &[]).answering(&asked, 200, answer);
        assert_eq!(brief(&played.ask(changes()).unwrap()), expected);
    };
    check(&compared("ahead", &all.join(",")), "a@4 b! d! c@4 e@4 f!");
    check(&compared("identical", ""), "");
    // From where the histories part, which is not what was asked; and more than it tells.
    check(&compared("diverged", &all.join(",")), "untold");
    check(&compared("behind", ""), "untold");
    check(&compared("ahead", &vec![file("a", "added", ""); 300].join(",")), "untold");
    let gone = github(false, &[]).instead(&asked, "missing").ask(changes()).unwrap();
    assert_eq!(brief(&gone), "untold");
}

#[test]
fn a_listing_that_was_cut_off_is_none() {
    let recursive = format!("GET REPO/git/trees/{FOLDER}?recursive=1");
    for signed_in in [true, false] {
        check(github(signed_in, &["tree-cut"]), below("x", Some(FOLDER)), &[&recursive], " …");
    }
    // However that is written.
    let text = r#"{"truncated": true, "tree": []}"#;
    let mut played = github(true, &[]).answering(&recursive.replace("REPO", REPO), 200, text);
    assert_eq!(brief(&played.ask(below("x", Some(FOLDER))).unwrap()), " …");
}

#[test]
fn files_by_graphql() {
    let ask = files(&[
        ("a.json", Some(BLOB)),
        ("gone \"}", None),
        ("binary", Some(BLOB)),
        ("folder", None),
        ("large", Some(BLOB)),
        ("x/../y", None),
    ]);
    let blob = format!("GET REPO/git/blobs/{BLOB}");
    let played = check(
        github(true, &[])
            .instead("POST https://api.github.com/graphql", "files")
            .instead("POST /graphql", "files")
            .answering(&format!("GET /repos/acme/releases/git/blobs/{BLOB}"), 200, "raw"),
        ask,
        &["POST /graphql", &blob, &blob],
        r#"a.json={\"a\":1}\n binary=raw folder! gone "}! large=raw x/../y!"#,
    );
    let accept = ("Accept", "application/vnd.github.raw+json".to_owned());
    assert!(played.requests[1].headers.contains(&accept), "{:?}", played.requests[1].headers);
    let request = &played.requests[0];
    assert_eq!(request.method, Method::Post);
    let body = request.body.as_deref().unwrap();
    let query = body.split_once("\"variables\"").unwrap().0;
    assert!(query.contains("f1:object(expression:$v1){...b}"), "{query}");
    assert!(!query.contains("gone"), "names are variables: {query}");
}

#[test]
fn a_query_that_takes_too_long_is_halved() {
    let graphql = "POST /graphql";
    let texts = |count: usize| {
        let texts: Vec<String> = (0..count)
            .map(|at| format!(r#""f{at}":{{"oid":"{BLOB}","text":"t","isTruncated":false}}"#))
            .collect();
        format!(r#"{{"data":{{"repository":{{{}}}}}}}"#, texts.join(","))
    };
    let names: Vec<String> = (0..20).map(|at| format!("f{at:02}")).collect();
    let wanted: Vec<(&str, Option<&str>)> = names.iter().map(|n| (n.as_str(), Some(BLOB))).collect();
    let played = github(true, &[])
        .answering(graphql, 502, "<html>")
        .answering(graphql, 200, &texts(10))
        .answering(graphql, 200, &texts(10));
    let answer = names.iter().map(|name| format!("{name}=t")).collect::<Vec<_>>().join(" ");
    check(played, files(&wanted), &[graphql; 3], &answer);
    // The server, not the question.
    let error = github(true, &[]).answering(graphql, 502, "").ask(files(&wanted[..5])).unwrap_err();
    assert_eq!(error, HostError::ServerError { status: 502 });
}

#[test]
fn a_file_that_spoils_a_query_comes_by_itself() {
    let graphql = "POST /graphql";
    let spoilt = r#"{"data":{"repository":{"f0":null}},"errors":[{"message":"too large"}]}"#;
    let good = format!(r#"{{"data":{{"repository":{{"f0":{{"oid":"{BLOB}","text":"t"}}}}}}}}"#);
    let played = github(true, &[])
        .answering(graphql, 200, spoilt)
        .answering(graphql, 200, &good)
        .answering(graphql, 200, spoilt)
        .answering(&format!("GET /repos/acme/releases/git/blobs/{BLOB}"), 200, "raw");
    let ask = files(&[("a", Some(BLOB)), ("b", Some(BLOB))]);
    let blob = format!("GET REPO/git/blobs/{BLOB}");
    check(played, ask, &[graphql, graphql, graphql, &blob], "a=raw b=t");
}

#[test]
fn files_without_a_token_come_from_the_host_of_raw_files() {
    let raw = format!("GET https://raw.githubusercontent.com/acme/releases/{COMMIT}");
    let played = github(false, &[]).answering(&format!("{raw}/a%20b/%23%3Fc.json"), 200, "{}").answering(
        &format!("{raw}/gone"),
        404,
        "404: Not Found",
    );
    let ask = files(&[("a b/#?c.json", Some("9e26dfeeb6e641a33dae4961196235bdb965b21b")), ("gone", None)]);
    let played = check(
        played,
        ask,
        &[&format!("{raw}/gone"), &format!("{raw}/a%20b/%23%3Fc.json")],
        "a b/#?c.json={} gone!",
    );
    assert!(played.requests.iter().all(|request| !request.auth && request.headers.is_empty()));
}

#[test]
fn a_raw_file_that_is_not_the_one_its_folder_names_is_none() {
    let raw = format!("GET https://raw.githubusercontent.com/acme/releases/{COMMIT}/a.json");
    // As `git hash-object` says.
    let blob = "0967ef424bce6791893e9a57bb952f80fd536e93";
    let ask = |played: Played| {
        let mut played = played;
        played.ask(files(&[("a.json", Some(blob))])).map(|came| brief(&came))
    };
    assert_eq!(ask(github(false, &[]).answering(&raw, 200, "{}\n")).unwrap(), "a.json={}\\n");
    assert_eq!(ask(github(false, &[]).answering(&raw, 404, "")).unwrap(), "a.json!");
    for cut in ["{}", "{", ""] {
        let error = ask(github(false, &[]).answering(&raw, 200, cut)).unwrap_err();
        assert!(matches!(&error, HostError::Garbage { .. }), "{error:?}");
        assert!(error.to_string().contains("a.json is cut off"), "{error}");
    }
}

#[test]
fn an_enterprise_server_has_no_raw_files_for_everybody() {
    let blob = format!("GET /repos/acme/releases/git/blobs/{BLOB}");
    let contents = format!("GET /repos/acme/releases/contents/b?ref={COMMIT}");
    let mut played = Played::new("github:ghe.acme.com/acme/releases", false)
        .answering(&blob, 200, "blob")
        .answering(&contents, 200, "raw");
    let came = played.ask(files(&[("a", Some(BLOB)), ("b", None)])).unwrap();
    assert_eq!(brief(&came), "a=blob b=raw");
    assert!(played.requests[0].url.starts_with("https://ghe.acme.com/api/v3/repos/"));
}

#[test]
fn history_proposals_and_who_asks() {
    let ask = Ask::History { from: "state".into(), path: Some("a b/#c".into()), page: 1 };
    check(
        github(true, &["commits"]),
        ask,
        &["GET REPO/commits?sha=state&per_page=100&page=1&path=a%20b%2F%23c"],
        "1:2 2026-05-09T10:12:00Z `Release 3` Ada …",
    );
    check(
        github(true, &["pulls", "pulls-2"]),
        Ask::Proposals { into: "intent".into() },
        &[
            "GET REPO/pulls?state=open&base=intent&per_page=100&page=1",
            "GET REPO/pulls?state=open&base=intent&per_page=100&page=2",
        ],
        "draft #7 `Approve web 3` ada 2026-05-09T10:12:00Z ocuroot/intent/approve-x1 https://github.com/acme/releases/pull/7\n\
         #6 `Approve web 3`  2026-05-09T10:12:00Z ocuroot/intent/approve-x1 https://github.com/acme/releases/pull/7",
    );
    check(github(true, &["user"]), Ask::Viewer, &["GET /user"], "ada");
}
