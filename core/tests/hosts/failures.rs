//! What goes wrong: answers that are none, limits, broken hosts, hostile names, and giving up.

use std::time::Duration;

use ocuroot_core::hosts::{
    Answer, Ask, Exchange, Host, HostError, Limits, Progress, Response, Side, Unreachable, Until,
};

use crate::played::{BLOB, COMMIT, FOLDER, Played, below, brief, files, folder, head};

type Headers<'a> = &'a [(&'a str, &'a str)];

/// One source of each kind, and the request for the head of `state`.
const HOSTS: [(&str, &str); 4] = [
    ("github:acme/releases", "GET /repos/acme/releases/branches/state"),
    ("gitlab:gitlab.com/acme/releases", "GET /projects/acme%2Freleases/repository/branches/state"),
    ("gitea:git.acme.com/acme/releases", "GET /repos/acme/releases/branches/state"),
    ("local", "GET /head"),
];

fn failure(source: &str, request: &str, status: u16, headers: Headers<'_>, body: &str) -> HostError {
    let mut played = Played::new(source, source != "local").answering_with(request, status, headers, body);
    played.ask(head("state")).unwrap_err()
}

#[test]
fn statuses_say_what_is_wrong() {
    let limited = |until| HostError::RateLimited { until, signed_in: true };
    let forbidden = |detail: &str| HostError::Forbidden { detail: detail.into() };
    let conflict = |status| HostError::Conflict { status, detail: "so".into() };
    let so = r#"{"message":"so"}"#;
    let cases: [(u16, Headers<'_>, &str, HostError); 16] = [
        (401, &[], r#"{"message":"Bad credentials"}"#, HostError::BadToken),
        (
            403,
            &[],
            r#"{"message":"Resource not accessible by personal access token"}"#,
            forbidden("Resource not accessible by personal access token"),
        ),
        (403, &[], "<html>", forbidden("")),
        (403, &[("X-RateLimit-Remaining", "4999"), ("X-RateLimit-Reset", "1800000000")], so, forbidden("so")),
        (
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000000")],
            "",
            limited(Some(Until::At(1_800_000_000))),
        ),
        (
            403,
            &[("retry-after", "30"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000000")],
            "",
            limited(Some(Until::Seconds(30))),
        ),
        (403, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#, limited(None)),
        (429, &[("Retry-After", "7")], "", limited(Some(Until::Seconds(7)))),
        (
            429,
            &[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "1800000000")],
            "",
            limited(Some(Until::At(1_800_000_000))),
        ),
        (429, &[("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")], "", limited(None)),
        (409, &[], so, conflict(409)),
        (410, &[], so, conflict(410)),
        (422, &[], so, conflict(422)),
        (500, &[], "", HostError::ServerError { status: 500 }),
        (503, &[], "<html>", HostError::ServerError { status: 503 }),
        (
            302,
            &[],
            "",
            HostError::Garbage {
                expected: "an HTTP status of success or failure",
                detail: "status 302 of HEAD".into(),
            },
        ),
    ];
    for (source, request) in &HOSTS[..3] {
        for (status, headers, body, expected) in &cases {
            let mut came = failure(source, request, *status, headers, body);
            if let HostError::Garbage { detail, .. } = &mut came {
                *detail = "status 302 of HEAD".into();
            }
            assert_eq!(came, *expected, "{source} {status} {headers:?}");
        }
    }
}

#[test]
fn answers_that_are_no_answers() {
    for (source, request) in HOSTS {
        for body in [
            "",
            "<html>login</html>",
            "null",
            "[]",
            "{}",
            r#"{"name":1,"commit":"x"}"#,
            "{\"name\":\"st",
            "\u{feff}{}",
        ] {
            let error = failure(source, request, 200, &[], body);
            let HostError::Garbage { expected, detail } = &error else { panic!("{source}: {error:?}") };
            assert!(detail.starts_with("it ") && detail.contains("line "), "{detail}");
            assert!(expected.contains("branch") || expected.contains("commit"), "{expected}");
        }
    }
    let tree = format!("GET /repos/acme/releases/git/trees/{FOLDER}");
    let blob = format!("GET /repos/acme/releases/git/blobs/{BLOB}");
    let graphql = "POST /graphql";
    for (request, ask, body) in [
        (tree.as_str(), folder("x", Some(FOLDER)), r#"{"tree":[{"path":"a"}],"truncated":false}"#),
        (tree.as_str(), folder("x", Some(FOLDER)), r#"{"tree":{}}"#),
        (graphql, files(&[("a", None)]), "[]"),
        (graphql, files(&[("a", None)]), r#"{"data":{"repository":{"f0":{"oid":1}}}}"#),
        (
            blob.as_str(),
            files(&[("a", Some(BLOB))]),
            r#"{"sha":"4","size":1,"content":"*","encoding":"base64"}"#,
        ),
        (blob.as_str(), files(&[("a", Some(BLOB))]), "raw"),
    ] {
        let spoilt = r#"{"data":null,"errors":[{"message":"Something went wrong"}]}"#;
        let mut played = Played::new("github:acme/releases", true).answering(request, 200, body);
        if request == blob {
            played = played.answering(graphql, 200, spoilt);
        }
        assert!(matches!(played.ask(ask), Err(HostError::Garbage { .. })), "{request} {body}");
    }
    // Cut off, and said to be whole.
    let mut played = Played::new("github:acme/releases", true)
        .answering(graphql, 200, r#"{"data":null,"errors":[{"message":"Something went wrong"}]}"#)
        .answering(&blob, 200, r#"{"sha":"4","size":9,"content":"YQ==","encoding":"base64"}"#);
    let cut = played.ask(files(&[("a", Some(BLOB))])).unwrap_err();
    assert_eq!(cut, HostError::Truncated { what: "a".into() });
}

#[test]
fn refusals_of_graphql_come_with_success() {
    for (body, expected) in [
        (
            r#"{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#,
            HostError::RateLimited { until: None, signed_in: true },
        ),
        (
            r#"{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"message":"Could not resolve"}]}"#,
            HostError::NotFound { what: "acme/releases".into(), signed_in: true },
        ),
        (
            r#"{"data":{"repository":null},"errors":[{"type":"FORBIDDEN","message":"by policy"}]}"#,
            HostError::Forbidden { detail: "by policy".into() },
        ),
    ] {
        let mut played = Played::new("github:acme/releases", true).answering("POST /graphql", 200, body);
        assert_eq!(played.ask(files(&[("a", None)])), Err(expected));
    }
}

fn response(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}

fn exchange(source: &str, ask: Ask) -> Exchange {
    let host = Host::new(&source.parse().unwrap(), Side::State);
    Exchange::new(&host, &Limits::default(), ask, false).unwrap()
}

#[test]
fn what_may_pass_is_asked_again_and_then_answered() {
    let mut exchange = exchange("local", head("state"));
    let (id, request) = exchange.requests().remove(0);
    let away = Unreachable { detail: "no route".into() };
    for (attempt, came, wait) in [
        (1, Err(away), Some(500)),
        (2, Ok(response(503, "")), Some(1000)),
        (3, Ok(response(429, "")), Some(60_000)),
        (4, Ok(response(502, "")), Some(4000)),
        (5, Ok(response(502, "")), None),
    ] {
        let error = exchange.respond(id, came).unwrap_err();
        assert_eq!(error.retry_after(attempt, 0), wait.map(Duration::from_millis), "{error:?}");
        assert_eq!(exchange.again(id), Some(request.clone()));
        assert!(exchange.requests().is_empty() && exchange.answer().is_none());
    }
    let body = r#"{"commit":"1","tree":"2","time":"t","subject":"s","author":"a"}"#;
    exchange.respond(id, Ok(response(200, body))).unwrap();
    assert!(matches!(exchange.answer(), Some(Answer::Head(_))));
    assert_eq!(exchange.answer(), None);
    // Whatever comes now, comes too late.
    exchange.respond(id, Ok(response(200, body))).unwrap();
    exchange.respond(99, Ok(response(500, ""))).unwrap();
    assert_eq!((exchange.again(id), exchange.answer()), (None, None));
}

#[test]
fn a_query_is_asked_again_when_the_limit_has_passed() {
    let host = Host::new(&"github:a/r".parse().unwrap(), Side::State);
    let mut exchange = Exchange::new(&host, &Limits::default(), files(&[("a", None)]), true).unwrap();
    let (id, request) = exchange.requests().remove(0);
    let mut limited = response(200, r#"{"errors":[{"type":"RATE_LIMITED","message":"m"}]}"#);
    limited.headers.push(("x-ratelimit-reset".into(), "90".into()));
    let error = exchange.respond(id, Ok(limited)).unwrap_err();
    assert_eq!(error.retry_after(1, 30), Some(Duration::from_secs(60)));
    assert_eq!(exchange.again(id), Some(request));
    // The word in a file is no refusal.
    let text = r#"{"data":{"repository":{"f0":{"oid":"1","text":"RATE_LIMITED"}}}}"#;
    exchange.respond(id, Ok(response(200, text))).unwrap();
    assert_eq!(brief(&exchange.answer().unwrap()), "a=RATE_LIMITED");
}

#[test]
fn one_failure_ends_all_of_an_exchange() {
    let mut exchange = exchange("github:a/r", files(&[("a", None), ("b", None)]));
    let requests = exchange.requests();
    assert!(exchange.respond(requests[0].0, Ok(response(400, ""))).is_err());
    assert_eq!(exchange.again(requests[1].0), None);
    assert_eq!(exchange.respond(requests[1].0, Ok(response(500, ""))), Ok(()));
    assert_eq!(exchange.answer(), None);
}

#[test]
fn how_long_to_wait() {
    let limited = |until| HostError::RateLimited { until, signed_in: true };
    for (error, attempt, wait) in [
        (limited(Some(Until::At(1_000_090))), 1, Some(90)),
        (limited(Some(Until::At(5))), 1, Some(1)),
        (limited(Some(Until::Seconds(30))), 3, Some(30)),
        (limited(Some(Until::Seconds(30))), 4, None),
        (limited(None), 1, Some(60)),
        (HostError::ServerError { status: 501 }, 1, None),
        (HostError::BadToken, 1, None),
        (HostError::NotFound { what: String::new(), signed_in: true }, 1, None),
    ] {
        assert_eq!(error.retry_after(attempt, 1_000_000), wait.map(Duration::from_secs), "{error:?}");
    }
}

#[test]
fn after_what_will_not_pass_it_is_over() {
    let mut exchange = exchange("local", head("state"));
    let (id, _) = exchange.requests().remove(0);
    assert_eq!(exchange.respond(id, Ok(response(401, ""))), Err(HostError::NotSignedIn));
    assert_eq!((exchange.again(id), exchange.answer(), exchange.requests().len()), (None, None, 0));
}

#[test]
fn a_long_listing_says_how_far_it_is_and_can_be_stopped() {
    let mut exchange = exchange("gitea:h/a/r", below("x", Some(FOLDER)));
    let entry = |name: &str| format!(r#"{{"path":"{name}","mode":"100644","type":"blob","sha":"{BLOB}"}}"#);
    let (id, _) = exchange.requests().remove(0);
    let large = format!(r#"{{"tree":[{}],"truncated":true,"total_count":9}}"#, entry("z"));
    exchange.respond(id, Ok(response(200, &large))).unwrap();
    assert_eq!(exchange.progress(), Progress { done: 0, expected: Some(9) });
    let (id, _) = exchange.requests().remove(0);
    let folder = format!(r#"{{"path":"a","mode":"040000","type":"tree","sha":"{COMMIT}"}}"#);
    let level = format!(r#"{{"tree":[{},{folder}],"truncated":false,"total_count":2}}"#, entry("z"));
    exchange.respond(id, Ok(response(200, &level))).unwrap();
    assert_eq!(exchange.progress(), Progress { done: 2, expected: Some(9) });
    assert_eq!(exchange.requests().len(), 1);
    assert_eq!(brief(&exchange.stop().unwrap()), "a/@1 z@4 …");
    // Stopped is stopped.
    assert!(exchange.requests().is_empty() && exchange.answer().is_none());

    let mut exchange = crate::failures::exchange("local", head("state"));
    assert_eq!(exchange.stop(), None);
}

#[test]
fn files_are_counted() {
    let mut exchange = exchange("github:a/r", files(&[("a", None), ("b", None)]));
    let requests = exchange.requests();
    assert_eq!(exchange.progress(), Progress { done: 0, expected: Some(2) });
    exchange.respond(requests[1].0, Ok(response(200, "b"))).unwrap();
    assert_eq!(exchange.progress(), Progress { done: 1, expected: Some(2) });
    exchange.respond(requests[0].0, Ok(response(404, ""))).unwrap();
    assert_eq!(brief(&exchange.answer().unwrap()), "a! b=b");
}

/// Names of which a browser, or a server, would make another place.
#[test]
fn hostile_names_stay_names() {
    for (source, _) in HOSTS {
        for name in ["..", "../../user", "a/../b", "./a", "/etc", "a//b", "a/"] {
            let mut played = Played::new(source, true);
            assert_eq!(brief(&played.ask(head(name)).unwrap()), "Missing");
            assert_eq!(brief(&played.ask(folder(name, None)).unwrap()), "none");
            assert_eq!(brief(&played.ask(below(name, None)).unwrap()), "none");
            assert_eq!(brief(&played.ask(files(&[(name, None)])).unwrap()), format!("{name}!"));
            let commit = played.ask(Ask::Commit { id: name.into() });
            assert!(matches!(commit, Err(HostError::NoCommit { .. })));
            assert!(played.asked.is_empty());
        }
        for name in ["a?b", "a#b", "a b", "a%2f..", "a\\..\\b", "a\nb", "a&page=2", "é😀", "\"<script>"] {
            let host = Host::new(&source.parse().unwrap(), Side::State);
            let history = Ask::History { from: name.into(), path: Some(name.into()), page: 1 };
            for ask in [head(name), folder(name, None), files(&[(name, None)]), history] {
                let mut exchange = Exchange::new(&host, &Limits::default(), ask, false).unwrap();
                for (_, request) in exchange.requests() {
                    let url = &request.url;
                    let plain = |c: char| c.is_ascii_alphanumeric() || ":/?&=%-._~".contains(c);
                    assert!(url.chars().all(plain), "{url}");
                    assert!(url.matches('?').count() <= 1 && !url.contains("page=2"), "{url}");
                }
            }
        }
    }
}

#[test]
fn every_failure_says_what_happened_where_and_what_to_do() {
    let all = [
        HostError::NotSignedIn,
        HostError::BadToken,
        HostError::Forbidden { detail: "no".into() },
        HostError::RateLimited { until: None, signed_in: true },
        HostError::RateLimited { until: None, signed_in: false },
        HostError::NotFound { what: "x".into(), signed_in: true },
        HostError::NotFound { what: "x".into(), signed_in: false },
        HostError::NoCommit { id: "zzz".into() },
        HostError::Conflict { status: 409, detail: String::new() },
        HostError::ServerError { status: 500 },
        HostError::Unreachable { detail: "TypeError: Failed to fetch".into() },
        HostError::Garbage { expected: "a commit", detail: "EOF".into() },
        HostError::Truncated { what: "x".into() },
    ];
    for (source, _) in HOSTS {
        let host = Host::new(&source.parse().unwrap(), Side::State);
        for error in &all {
            let (message, hint) = (error.message(&host), error.hint(&host));
            assert!(message.ends_with('.') && hint.ends_with('.'), "{message} {hint}");
            let name = if source == "local" { "The local server" } else { host.source.host.as_str() };
            assert!(message.starts_with(name), "{message}");
        }
    }
    let gitea = Host::new(&HOSTS[2].0.parse().unwrap(), Side::State);
    let away = &HostError::Unreachable { detail: "TypeError: Failed to fetch".into() };
    assert_eq!(away.message(&gitea), "git.acme.com cannot be reached: TypeError: Failed to fetch.");
    assert!(away.hint(&gitea).contains("ALLOW_DOMAIN"));
    assert!(all[6].hint(&gitea).contains("private"));
    // The host has no part in this.
    let blocked = HostError::Blocked { origin: "https://git.acme.com:3000".into() };
    assert_eq!(blocked.message(&gitea), "This page may not reach git.acme.com:3000.");
    assert!(blocked.hint(&gitea).starts_with("Add it to stores.json and publish the page anew."));
    assert_eq!(blocked.retry_after(1, 0), None);
}

#[test]
fn a_commit_that_is_not_there_is_not_a_repo_that_is_not_there() {
    let bare = "?stat=false&verification=false&files=false";
    for (source, commit, statuses, repo, found) in [
        (
            "github:acme/releases",
            "/repos/acme/releases/git/commits/zzz".to_owned(),
            [404, 422],
            "/repos/acme/releases",
            "repo",
        ),
        (
            "gitlab:gitlab.com/acme/shop/releases",
            "/projects/acme%2Fshop%2Freleases/repository/commits/zzz".to_owned(),
            [404, 400],
            "/projects/acme%2Fshop%2Freleases",
            "project",
        ),
        (
            "gitea:git.acme.com/acme/releases",
            format!("/repos/acme/releases/git/commits/zzz{bare}"),
            [404, 422],
            "/repos/acme/releases",
            "repo",
        ),
    ] {
        let ask = || Ask::Commit { id: "zzz".into() };
        let (commit, repo) = (format!("GET {commit}"), format!("GET {repo}"));
        for status in statuses {
            let refusing = || Played::new(source, false).answering(&commit, status, "{}");
            let error = refusing().instead(&repo, found).ask(ask()).unwrap_err();
            assert_eq!(error, HostError::NoCommit { id: "zzz".into() }, "{source}");
            let error = refusing().answering(&repo, 404, "{}").ask(ask()).unwrap_err();
            assert!(matches!(error, HostError::NotFound { .. }), "{source}: {error:?}");
        }
    }
    let mut local = Played::new("local", false).answering("GET /commits/zzz", 404, "");
    let error = local.ask(Ask::Commit { id: "zzz".into() }).unwrap_err();
    assert_eq!(error, HostError::NoCommit { id: "zzz".into() });
}
