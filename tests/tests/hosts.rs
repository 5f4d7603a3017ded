//! What the dashboard asks of a host, asked of a real Gitea on this machine, and of emulators of GitHub
//! and GitLab (`githost/`).
//!
//! Skipped without the hosts' programs, as `ci.rs` is.

#![expect(clippy::indexing_slicing, reason = "what is not there fails the test")]
#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ocuroot_core::hosts::limits::Way;
use ocuroot_core::hosts::signin;
use ocuroot_core::hosts::{
    Answer, Ask, Change, EntryKind, Exchange, Head, Host as GitHost, HostError, Kind, Limits, Listing,
    Method, Now, Request, Response, Side, Token, Unreachable, Wanted,
};
use ocuroot_tests::Outcome;
use ocuroot_tests::githost::repo::Repo;
use ocuroot_tests::githost::{Host, PASSWORD, USER, shared, wait_for};
use serde_json::json;

fn play(scenario: impl FnOnce(&Host) -> Outcome) {
    if let Err(error) = shared::play(scenario) {
        panic!("{error}");
    }
}

/// Somebody who reads a repo.
struct Reader {
    agent: ureq::Agent,
    host: GitHost,
    token: Option<Token>,
    limits: Limits,
    /// What was sent for the last question.
    sent: Vec<Request>,
}

impl Reader {
    fn new(host: &Host, repo: &str, token: Option<&str>) -> Outcome<Self> {
        let name = host.url().trim_start_matches("http://");
        let source = format!("gitea:{name}/{USER}/{repo}").parse()?;
        Ok(Self::of(GitHost::new(&source, Side::State), token))
    }

    fn of(host: GitHost, token: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self {
            agent: config.into(),
            host,
            token: token.and_then(Token::new),
            limits: Limits::default(),
            sent: Vec::new(),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<Answer, HostError> {
        let mut exchange = Exchange::new(&self.host, &self.limits, ask, self.token.is_some())?;
        self.sent.clear();
        loop {
            if let Some(answer) = exchange.answer() {
                self.limits = exchange.limits();
                return Ok(answer);
            }
            for (id, request) in exchange.requests() {
                let came = self.send(&request);
                self.sent.push(request);
                exchange.respond(id, came)?;
            }
        }
    }

    fn send(&self, request: &Request) -> Result<Response, Unreachable> {
        let unreachable = |error: &dyn std::error::Error| Unreachable { detail: error.to_string() };
        let mut building = ureq::http::Request::builder().method(request.method.word()).uri(&request.url);
        for (name, value) in &request.headers {
            building = building.header(*name, value);
        }
        if let (true, Some(token)) = (request.auth, &self.token) {
            let (name, value) = token.header();
            building = building.header(name, value);
        }
        let body = request.body.clone().unwrap_or_default();
        let built = building.body(body).map_err(|error| unreachable(&error))?;
        let mut answer = match request.method {
            Method::Get => self.agent.run(built.map(|_| ())),
            Method::Post => self.agent.run(built),
        }
        .map_err(|error| unreachable(&error))?;
        let headers = answer.headers().iter();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec();
        let body = body.map_err(|error| unreachable(&error))?;
        Ok(Response { status: answer.status().as_u16(), headers, body })
    }

    fn head(&mut self, branch: Option<&str>, etag: Option<String>) -> Result<Head, HostError> {
        match self.ask(Ask::Head { branch: branch.map(str::to_owned), etag })? {
            Answer::Head(head) => Ok(head),
            other => panic!("{other:?}"),
        }
    }

    fn files(&mut self, commit: &str, files: &[Wanted]) -> Outcome<BTreeMap<String, Option<Vec<u8>>>> {
        match self.ask(Ask::Files { commit: commit.to_owned(), files: files.to_vec() }) {
            Ok(Answer::Files(files)) => Ok(files.into_iter().map(|file| (file.path, file.bytes)).collect()),
            other => Err(format!("{other:?}").into()),
        }
    }
}

const ODD: &str = "odd/a b/#?%41&é\"<i>.json";
const BINARY: [u8; 4] = [0, 255, 10, 13];

fn text(at: usize) -> String {
    format!("{{\"at\":{at}}}\n")
}

/// A repo with a commit. The host calls it empty until it has looked at what was pushed.
fn begun(host: &Host, name: &str) -> Outcome {
    let repo = Repo::create(host, name)?;
    repo.write("a", "a")?;
    repo.push("First")?;
    let branch = format!("/repos/{USER}/{name}/branches/main");
    wait_for("the host to see the first commit", || Ok(host.api().get(&branch).ok())).map(drop)
}

/// More files than hosts give out at once, more entries than they list at once, and odd ones.
fn fill(folder: &Path) -> Outcome {
    let write = |path: &str, content: &[u8]| -> Outcome {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        Ok(std::fs::write(path, content)?)
    };
    for at in 0..70 {
        write(&format!("refs/p/{at}"), text(at).as_bytes())?;
    }
    for at in 0..1050 {
        write(&format!("many/{}/{at}", at % 7), text(at).as_bytes())?;
    }
    write(ODD, b"odd")?;
    write("odd/empty", b"")?;
    write("odd/binary", &BINARY)
}

const FIRST: &str = "All of it\n\nwith more to say";
const SECOND: &str = "Release 2";

/// What hosts of all kinds answer to the same questions about a repo that was [`fill`]ed.
fn reads_everything(reader: &mut Reader, commit: &str) -> Outcome {
    let kind = reader.host.source.kind;
    let Head::At { branch, commit: head, etag } = reader.head(None, None)? else {
        return Err("there is a branch".into());
    };
    assert_eq!((branch.as_str(), &head.id, head.subject.as_str()), ("main", &commit.to_owned(), SECOND));
    assert_eq!(head.author, "Ann");
    assert!(ocuroot_core::times::seconds(&head.time, &head.time).is_some(), "{}", head.time);
    assert_eq!(reader.head(Some("main"), etag)?, Head::Unchanged);
    assert_eq!(reader.head(Some("no/such branch"), None)?, Head::Missing);
    let Answer::Commit(whole) = reader.ask(Ask::Commit { id: commit.to_owned() })? else {
        return Err("there is a commit".into());
    };
    assert_eq!((&whole.id, &whole.subject, &whole.author), (&head.id, &head.subject, &head.author));
    let root = whole.tree;
    assert_eq!(root.is_some(), kind != Kind::GitLab);

    // Folders, by path and by id.
    let folder = |path: &str, tree: Option<String>| {
        let (commit, path) = (commit.to_owned(), path.to_owned());
        Ask::Folder { commit, path, tree }
    };
    let Answer::Folder(Some(top)) = reader.ask(folder("", root))? else { return Err("no root".into()) };
    let names: Vec<&str> = top.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(names, ["many", "odd", "refs"]);
    let Answer::Folder(Some(refs)) = reader.ask(folder("refs/p", None))? else {
        return Err("no refs/p".into());
    };
    assert_eq!(refs.len(), 70);
    assert!(refs.iter().all(|entry| entry.kind == EntryKind::File));
    assert_eq!(reader.ask(folder("refs/none", None))?, Answer::Folder(None));
    assert_eq!(reader.ask(folder("refs/p/1", None))?, Answer::Folder(None));
    // One whose id somebody has told is not an empty one where it is refused.
    let refused = reader.ask(folder("x", Some("1".repeat(40))));
    assert!(matches!(refused, Err(HostError::NotFound { .. })), "{refused:?}");

    // More than a page holds.
    let below = Ask::Below { commit: commit.to_owned(), path: "many".into(), tree: None };
    let Answer::Below(Some(many)) = reader.ask(below)? else { return Err("no listing".into()) };
    assert!(many.whole);
    assert_eq!(many.entries.len(), 1050 + 7);
    match kind {
        Kind::Gitea => assert_eq!(reader.sent.len(), 2, "two pages"),
        Kind::GitHub => assert_eq!(reader.sent.len(), 2, "the root, and all of it"),
        // A page has a hundred, and so it is taken apart.
        _ => assert!(reader.sent.len() < 25, "{}", reader.sent.len()),
    }

    // More files than are given out at once, some of them odd.
    let wanted = |path: &str| Wanted { path: path.to_owned(), blob: None };
    let mut asked: Vec<Wanted> = (0..70).map(|at| wanted(&format!("refs/p/{at}"))).collect();
    asked.extend(["refs/p/none", "refs/p", ODD, "odd/empty", "odd/binary", "odd/../odd/empty"].map(wanted));
    let files = reader.files(commit, &asked)?;
    assert_eq!(files.len(), asked.len());
    match kind {
        Kind::Gitea => {
            assert_eq!(reader.limits, Limits { batch: None, way: Some(Way::Contents), names: Some(true) });
            assert_eq!(reader.sent.len(), 3, "three batches");
        }
        Kind::GitHub if reader.token.is_none() => assert_eq!(reader.sent.len(), 75),
        _ => assert_eq!(reader.sent.len(), 1 + 1, "a query, and the binary file"),
    }
    for at in 1..70 {
        assert_eq!(files[&format!("refs/p/{at}")], Some(text(at).into_bytes()));
    }
    let of = |path: &str| files[path].as_deref();
    assert_eq!(of("refs/p/0"), Some(text(1000).as_bytes()));
    assert_eq!((of("refs/p/none"), of("refs/p"), of("odd/../odd/empty")), (None, None, None));
    assert_eq!(
        (of(ODD), of("odd/empty"), of("odd/binary")),
        (Some(&b"odd"[..]), Some(&[][..]), Some(&BINARY[..]))
    );
    // One by one it is the same, by path and by id.
    reader.limits = Limits::default();
    for at in asked.iter().skip(68) {
        assert_eq!(reader.files(commit, std::slice::from_ref(at))?[&at.path], files[&at.path]);
    }
    let id = |name: &str| refs.iter().find(|entry| entry.path == name).map(|entry| entry.id.clone());
    let by_id = |path: &str, blob| Wanted { path: path.to_owned(), blob };
    let asked = [by_id("refs/p/7", id("7")), by_id("refs/none", Some("1".repeat(40)))];
    let found = reader.files(commit, &asked)?;
    assert_eq!((&found["refs/p/7"], &found["refs/none"]), (&files["refs/p/7"], &None));

    let history =
        |path: Option<&str>, page| Ask::History { from: "main".into(), path: path.map(str::to_owned), page };
    let Answer::History(all) = reader.ask(history(None, 1))? else { return Err("no history".into()) };
    let subjects: Vec<&str> = all.commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!((subjects.as_slice(), all.more), (&["Release 2", "All of it"][..], false));
    let first = all.commits.last().map(|commit| commit.id.clone()).unwrap_or_default();
    let changes = Ask::Changes { from: first, to: commit.to_owned() };
    let Answer::Changes(Some(changes)) = reader.ask(changes)? else { return Err("no changes".into()) };
    let now = if kind == Kind::GitHub { Now::Blob(id("0").unwrap_or_default()) } else { Now::Untold };
    assert_eq!(changes, [Change { path: "refs/p/0".to_owned(), now }]);
    let changes = Ask::Changes { from: "1".repeat(40), to: commit.to_owned() };
    assert_eq!(reader.ask(changes)?, Answer::Changes(None));
    let Answer::History(one) = reader.ask(history(Some(ODD), 1))? else {
        return Err("no history".into());
    };
    assert_eq!(one.commits.len(), 1);
    let Answer::History(none) = reader.ask(history(Some("none"), 1))? else {
        return Err("no history".into());
    };
    assert!(none.commits.is_empty() && !none.more);
    Ok(())
}

#[test]
fn a_repo_is_read() {
    play(|host| {
        let repo = Repo::create(host, "read")?;
        fill(&host.folder().join("clones/read"))?;
        repo.push(FIRST)?;
        repo.write("refs/p/0", &text(1000))?;
        let commit = repo.push(SECOND)?;
        reads_everything(&mut Reader::new(host, "read", None)?, &commit)
    });
}

/// A repo of the same content on a host of which there is but an emulator.
fn emulated(kind: &str, name: &str, more: &[&str], read: impl FnOnce(Emulator, &str) -> Outcome) {
    let played = || -> Outcome {
        let folder = tempfile::tempdir()?;
        fill(folder.path())?;
        let git = |words: &[&str]| -> Outcome<String> {
            let mut git = Command::new("git");
            git.current_dir(folder.path()).args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]);
            let output = git.args(words).output()?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8(output.stdout)?)
        };
        git(&["init", "--quiet", "--initial-branch=main"])?;
        git(&["add", "--all"])?;
        git(&["commit", "--quiet", "--message", FIRST])?;
        std::fs::write(folder.path().join("refs/p/0"), text(1000))?;
        git(&["commit", "--quiet", "--all", "--message", SECOND])?;
        let commit = git(&["rev-parse", "HEAD"])?;
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("githost/main.mjs");
        let mut node = Command::new("node");
        node.arg(program).arg(kind).arg("--repo").arg(format!("{name}={}/.git", folder.path().display()));
        // It ends when its input does, with this test at the latest.
        let mut node = node.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(node.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let at: serde_json::Value = serde_json::from_str(&line)?;
        let root = |name: &str| at[name].as_str().map(str::to_owned);
        let read = read(Emulator { api: root("api"), raw: root("raw") }, commit.trim());
        drop(node.stdin.take());
        node.wait()?;
        read
    };
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: there is no node on PATH");
        return;
    }
    if let Err(error) = played() {
        panic!("{error}");
    }
}

struct Emulator {
    api: Option<String>,
    raw: Option<String>,
}

impl Emulator {
    fn reader(&self, source: &str, token: Option<&str>) -> Outcome<Reader> {
        let host = GitHost::new(&source.parse()?, Side::State);
        Ok(Reader::of(host.with_roots(self.api.as_deref(), self.raw.as_deref()), token))
    }
}

#[test]
fn a_repo_on_github_is_read_with_a_token_and_without() {
    emulated("github", "acme/releases", &["--token", "ghp_ada"], |emulator, commit| {
        let mut ada = emulator.reader("github:acme/releases", Some("ghp_ada"))?;
        assert!(matches!(ada.ask(Ask::Viewer)?, Answer::Viewer(viewer) if viewer.login == "ada"));
        assert_eq!(ada.ask(Ask::Proposals { into: "main".into() })?, Answer::Proposals(Vec::new()));
        reads_everything(&mut ada, commit)?;
        let mut nobody = emulator.reader("github:acme/releases", None)?;
        assert_eq!(nobody.ask(Ask::Viewer), Err(HostError::NotSignedIn));
        reads_everything(&mut nobody, commit)
    });
}

#[test]
fn a_folder_too_large_for_github_is_said_to_be_so() {
    let limits = ["--limit", "treeEntries=200", "--token", "ghp_ada"];
    emulated("github", "acme/releases", &limits, |emulator, commit| {
        for token in [Some("ghp_ada"), None] {
            let mut reader = emulator.reader("github:acme/releases", token)?;
            let below = Ask::Below { commit: commit.to_owned(), path: String::new(), tree: None };
            let cut = Listing { entries: Vec::new(), whole: false };
            assert_eq!(reader.ask(below)?, Answer::Below(Some(cut)));
        }
        Ok(())
    });
}

#[test]
fn a_project_on_gitlab_is_read() {
    emulated("gitlab", "acme/shop/releases", &["--token", "glpat"], |emulator, commit| {
        let mut ada = emulator.reader("gitlab:gitlab.com/acme/shop/releases", Some("glpat"))?;
        assert!(matches!(ada.ask(Ask::Viewer)?, Answer::Viewer(viewer) if viewer.login == "ada"));
        assert_eq!(ada.ask(Ask::Proposals { into: "main".into() })?, Answer::Proposals(Vec::new()));
        reads_everything(&mut ada, commit)
    });
}

#[test]
fn a_small_gitlab_answers_fewer_files_at_once() {
    for limit in ["graphqlPage=20", "graphqlPaths=20"] {
        emulated("gitlab", "acme/releases", &["--limit", limit], |emulator, commit| {
            let mut nobody = emulator.reader("gitlab:gitlab.com/acme/releases", None)?;
            let wanted = |at| Wanted { path: format!("refs/p/{at}"), blob: None };
            let files = nobody.files(commit, &(0..75).map(wanted).collect::<Vec<_>>())?;
            assert_eq!(files.values().filter(|bytes| bytes.is_some()).count(), 70, "{limit}");
            assert!(nobody.limits.batch.is_some_and(|batch| batch <= 20), "{limit} {:?}", nobody.limits);
            Ok(())
        });
    }
}

#[test]
fn proposals_into_a_branch() {
    play(|host| {
        begun(host, "proposed")?;
        let api = |path: &str| format!("/repos/{USER}/proposed{path}");
        for branch in ["intent", "other"] {
            host.api()
                .post(&api("/branches"), &json!({ "new_branch_name": branch, "old_branch_name": "main" }))?;
        }
        for (head, base) in [("ocuroot/intent/x-1", "intent"), ("y", "other")] {
            let file = json!({ "operation": "create", "path": head, "content": "YQ==" });
            let commit = json!({ "branch": base, "new_branch": head, "message": head, "files": [file] });
            host.api().post(&api("/contents"), &commit)?;
            host.api().post(
                &api("/pulls"),
                &json!({ "base": base, "head": head, "title": format!("WIP: {head}") }),
            )?;
        }
        let mut reader = Reader::new(host, "proposed", None)?;
        let Answer::Proposals(found) = reader.ask(Ask::Proposals { into: "intent".into() })? else {
            return Err("no proposals".into());
        };
        let [proposal] = found.as_slice() else { return Err(format!("{found:?}").into()) };
        assert_eq!(
            (proposal.title.as_str(), proposal.author.as_str(), proposal.branch.as_str(), proposal.draft),
            ("WIP: ocuroot/intent/x-1", USER, "ocuroot/intent/x-1", true)
        );
        let pages = format!("{}/{}/pulls/", reader.host.web, reader.host.source.repo);
        assert!(proposal.url.starts_with(&pages), "{}", proposal.url);
        Ok(())
    });
}

#[test]
fn who_asks_and_what_they_may() {
    play(|host| {
        begun(host, "hidden")?;
        host.api().patch(&format!("/repos/{USER}/hidden"), &json!({ "private": true }))?;

        let token = host.token("reader", &["read:repository", "read:user"])?;
        let mut reader = Reader::new(host, "hidden", Some(&token))?;
        let Answer::Viewer(viewer) = reader.ask(Ask::Viewer)? else { return Err("nobody".into()) };
        assert_eq!(viewer.login, USER);
        assert!(matches!(reader.head(Some("main"), None)?, Head::At { .. }));

        let mut nobody = Reader::new(host, "hidden", None)?;
        assert_eq!(nobody.ask(Ask::Viewer), Err(HostError::NotSignedIn));
        assert!(matches!(nobody.head(None, None), Err(HostError::NotFound { signed_in: false, .. })));
        assert!(matches!(nobody.head(Some("main"), None), Err(HostError::NotFound { .. })));

        let mut mistyped = Reader::new(host, "hidden", Some("0123456789"))?;
        assert_eq!(mistyped.ask(Ask::Viewer), Err(HostError::BadToken));
        let token = host.token("other", &["read:issue"])?;
        let mut other = Reader::new(host, "hidden", Some(&token))?;
        assert!(matches!(other.head(Some("main"), None), Err(HostError::Forbidden { .. })));

        Repo::create(host, "empty")?;
        let mut empty = Reader::new(host, "empty", None)?;
        assert_eq!(
            (empty.head(None, None)?, empty.head(Some("main"), None)?),
            (Head::Missing, Head::Missing)
        );

        let mut missing = Reader::new(host, "missing", Some(&token))?;
        missing.host.api = "http://127.0.0.1:9/api/v1".into();
        assert!(matches!(missing.head(None, None), Err(HostError::Unreachable { .. })));
        Ok(())
    });
}

/// Asks as a browser does that is at the host itself: follows nothing, and has a session.
fn browse(reader: &Reader, session: &str, request: &Request) -> Outcome<Response> {
    let cookie = ("Cookie", session.to_owned());
    let mut headers = request.headers.clone();
    headers.push(cookie);
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let browser =
        Reader { agent, host: reader.host.clone(), token: None, limits: Limits::default(), sent: vec![] };
    browser.send(&Request { headers, ..request.clone() }).map_err(|error| error.detail.into())
}

#[test]
fn signing_in_with_pkce() {
    play(|host| {
        let page = "http://127.0.0.1:8080/releases/";
        let app = json!({ "name": "page", "redirect_uris": [page], "confidential_client": false });
        let app = host.api().post("/user/applications/oauth2", &app)?;
        let client = app["client_id"].as_str().ok_or("no client")?;
        let mut reader = Reader::new(host, "none", None)?;
        let (state, verifier) = (signin::secret([1; 32]), signin::secret([2; 32]));
        let url = signin::authorize_url(&reader.host, client, page, &state, &verifier)
            .ok_or("no way to sign in")?;

        // Ann signs in at the host, comes to the page that asks her, and agrees.
        let form = |path: &str, body: String| Request {
            method: Method::Post,
            url: format!("{}/{path}", host.url()),
            headers: vec![("Content-Type", "application/x-www-form-urlencoded".into())],
            body: Some(body),
            auth: false,
        };
        let login = form("user/login", format!("user_name={USER}&password={}", PASSWORD.replace(' ', "+")));
        let login = browse(&reader, "", &login)?;
        // The last one counts: signing in makes a session anew.
        let cookies = login.headers.iter().filter(|(name, _)| name == "set-cookie");
        let mut cookies = cookies.filter_map(|(_, value)| value.split(';').next());
        let session = cookies.rfind(|cookie| cookie.starts_with("i_like_gitea=")).ok_or("no session")?;
        let asked =
            Request { method: Method::Get, url: url.clone(), headers: vec![], body: None, auth: false };
        let asked = browse(&reader, session, &asked)?;
        assert_eq!(asked.status, 200, "{:?}", asked.headers);
        let scope = url.split("scope=").nth(1).and_then(|rest| rest.split('&').next()).ok_or("no scope")?;
        let agree = format!(
            "client_id={client}&granted=true&state={state}&redirect_uri={}&scope={scope}&nonce=",
            page.replace(':', "%3A").replace('/', "%2F")
        );
        let agreed = browse(&reader, session, &form("login/oauth/grant", agree))?;
        let back = agreed.header("location").ok_or("not sent back")?;
        let query =
            back.strip_prefix(page).and_then(|rest| rest.strip_prefix('?')).ok_or("sent elsewhere")?;
        assert_eq!(signin::code(query, "another"), Some(Err(signin::Refused::State)));
        let code = signin::code(query, &state).ok_or("no code")??;

        let ask = |reader: &Reader, request: &Request| reader.send(request).map_err(|error| error.detail);
        let wrong = signin::token_request(&reader.host, client, page, &code, "wrong").ok_or("no way")?;
        assert_eq!(signin::grant(&wrong, &ask(&reader, &wrong)?), Err(HostError::BadToken));
        let request = signin::token_request(&reader.host, client, page, &code, &verifier).ok_or("no way")?;
        let granted = signin::grant(&request, &ask(&reader, &request)?)?;
        reader.token = Some(granted.token);
        assert!(matches!(reader.ask(Ask::Viewer)?, Answer::Viewer(viewer) if viewer.login == USER));

        let refresh = granted.refresh.ok_or("nothing to refresh with")?;
        let request = signin::refresh_request(&reader.host, client, page, &refresh).ok_or("no way")?;
        reader.token = Some(signin::grant(&request, &ask(&reader, &request)?)?.token);
        assert!(matches!(reader.ask(Ask::Viewer)?, Answer::Viewer(viewer) if viewer.login == USER));
        Ok(())
    });
}
