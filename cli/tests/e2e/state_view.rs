//! `state view`: what it serves of stores of both kinds, to whom, and what it never serves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::git_store;
use crate::server::Server;
use crate::world::World;

const FOLDERS: &str = r#"repo_alias("shop")
store.set(store.fs("./.store/state"), intent=store.fs("./.store/intent"))
"#;

const BRANCHES: &str = r#"repo_alias("shop")
store.set(store.git("../remote.git", branch="state"), intent=store.git("../remote.git", branch="intent"))
"#;

const FILES: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- web.ocu.star --
def build():
    print("building")
    return done(outputs={"image": "i"})
def up(environment, image):
    return done()
def down(environment, image):
    pass
task(build, "build")
phase("out", tasks=[deploy(e, up=up, down=down, inputs={"image": ref("./task/build#output/image")}) for e in environments()])
"#;

fn in_folders(config: &str) -> World {
    World::new(&format!("-- repo.ocu.star --\n{config}{FILES}"))
}

fn view(world: &World) -> Server {
    // Any free port: other tests serve too.
    Server::start(world, &["state", "view", "--port", "0"])
}

fn released(world: &World) {
    world.ok("release new env.ocu.star");
    world.ok("release new web.ocu.star");
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every file of a side, with its content, as a page would read it: head, folder, files by id.
fn read(server: &Server, side: &str) -> BTreeMap<String, String> {
    let head = server.get(&format!("api/{side}/head")).json();
    let tree = string(&head["tree"]);
    let list = server.get(&format!("api/{side}/trees/{tree}?recursive=1")).json();
    assert_eq!(list["truncated"], false);
    let entries = list["entries"].as_array().unwrap();
    let ids: Vec<&str> =
        entries.iter().filter(|entry| entry["type"] == "blob").map(|entry| string(&entry["id"])).collect();
    let blobs = server.post(&format!("api/{side}/blobs"), &json!({"ids": ids})).json();
    let text: BTreeMap<&str, &str> = blobs["blobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|blob| (string(&blob["id"]), string(&blob["text"])))
        .collect();
    let files = entries.iter().filter(|entry| entry["type"] == "blob");
    files.map(|entry| (string(&entry["path"]).to_owned(), text[string(&entry["id"])].to_owned())).collect()
}

/// What must hold for any store.
fn check_protocol(server: &Server) {
    let answer = server.get("api/state/head");
    assert_eq!(answer.status, 200);
    let head = answer.json();
    let (commit, tree) = (string(&head["commit"]), string(&head["tree"]));
    assert!(string(&head["time"]).ends_with('Z'), "{head}");
    // What has not changed is not sent again.
    let tag = answer.header("etag").unwrap();
    let again = |path: &str, tag: &str| {
        server.raw(&format!("GET /{path} HTTP/1.1\r\nHost: {}\r\nIf-None-Match: {tag}", server.address()), "")
    };
    assert_eq!(again("api/state/head", tag).status, 304);
    assert_eq!(again("api/state/head", "\"other\"").status, 200);
    assert_eq!(server.get(&format!("api/state/commits/{commit}")).json(), head);
    // Level by level comes to the same as all at once, and ids stay what they are.
    let all = server.get(&format!("api/state/trees/{tree}?recursive=1")).json();
    let mut found = Vec::new();
    let mut pending = vec![(tree.to_owned(), String::new())];
    while let Some((tree, before)) = pending.pop() {
        let list = server.get(&format!("api/state/trees/{tree}")).json();
        for entry in list["entries"].as_array().unwrap() {
            let path = format!("{before}{}", string(&entry["path"]));
            if entry["type"] == "tree" {
                pending.push((string(&entry["id"]).to_owned(), format!("{path}/")));
            }
            found.push(json!({"path": path, "type": entry["type"], "id": entry["id"]}));
        }
    }
    let sorted = |mut list: Vec<Value>| {
        list.sort_by_key(|entry| string(&entry["path"]).to_owned());
        list
    };
    assert_eq!(sorted(found), sorted(all["entries"].as_array().unwrap().clone()));
    // By path and by id it is the same file.
    let path = ".ocuroot/summary/shop%2F-%2Fweb.ocu.star.json";
    let files =
        json!({"commit": commit, "paths": [path, "refs/@/environment/prod/@object.json", "none", "refs"]});
    let files = server.post("api/state/files", &files).json();
    let files = files["files"].as_array().unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    let summary: Value = serde_json::from_str(string(&files[0]["text"])).unwrap();
    assert_eq!(summary["counts"]["releases"], 1, "{summary}");
    let blobs = server.post("api/state/blobs", &json!({"ids": [files[1]["id"]]})).json();
    assert_eq!(blobs["blobs"][0]["text"], files[1]["text"]);
    // A summary says which folder it is of, so that a viewer can see whether it is up to date.
    let entries = all["entries"].as_array().unwrap();
    let folder = entries.iter().find(|entry| entry["path"] == "refs/shop/-/web.ocu.star").unwrap();
    assert_eq!(summary["tree"], folder["id"]);
    let stores = server.get("stores.json").json();
    assert_eq!(stores, json!({"stores": [{"name": "shop", "source": "local"}]}));
}

#[test]
fn folders_and_branches_are_served_alike() {
    let world = in_folders(FOLDERS);
    released(&world);
    let server = view(&world);
    check_protocol(&server);
    // The ids are those that git gives to what lies there.
    let folder = world.root().join(".store/intent");
    git_store::git(&folder, &["init", "-q"]);
    git_store::git(&folder, &["add", ".ocuroot-store", "refs"]);
    let head = server.get("api/intent/head").json();
    assert_eq!(head["tree"], git_store::git(&folder, &["write-tree"]));
    let in_folder = read(&server, "state");
    // The same store, in git.
    let other = git_store::world(BRANCHES);
    let exported = world.command("", &["state", "export"]).output().unwrap().stdout;
    std::fs::write(other.root().join("export.jsonl"), exported).unwrap();
    other.ok("state import export.jsonl");
    let server = view(&other);
    check_protocol(&server);
    let in_git = read(&server, "state");
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&in_folder), names(&in_git));
    assert_eq!(in_folder, in_git);
}

#[test]
fn both_sides_of_a_shared_store_are_the_same() {
    let shared = in_folders("repo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\n");
    released(&shared);
    let server = view(&shared);
    assert_eq!(server.get("api/state/head").json(), server.get("api/intent/head").json());
    let files = read(&server, "intent");
    for path in [
        "state/.ocuroot-store",
        "intent/.ocuroot-store",
        "state/.ocuroot/summary/shop%2F-%2Fweb.ocu.star.json",
    ] {
        assert!(files.contains_key(path), "{path} not in {:?}", files.keys());
    }
    // What is not of the store stays out of it.
    shared.write(".store/secret", "secret");
    shared.write(".store/state/refs/secret", "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", shared.root().join(".store/state/refs/etc")).unwrap();
    shared.ok("state set @/custom/x 1");
    let now = read(&server, "state");
    assert!(now.keys().any(|path| path.contains("custom/x")));
    assert!(!now.keys().any(|path| path.contains("secret") || path.contains("etc")), "{:?}", now.keys());
}

#[test]
fn an_old_store_is_served_as_it_is() {
    let world = in_folders("repo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\n");
    let document = r#"{"kind":"ref","body":{"commit":"c0ffee","package":{"phases":[]}}}"#;
    world.write(".store/.ocuroot-store", r#"{"version":1}"#);
    world.write(".store/refs/shop/-/a.ocu.star/@c0ffee.1/@object.json", document);
    world.write(".store/refs/@/environment/prod/@object.json", r#"{"kind":"ref","body":{"name":"prod"}}"#);
    let files = read(&view(&world), "state");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ".ocuroot-store",
            "refs/@/environment/prod/@object.json",
            "refs/shop/-/a.ocu.star/@c0ffee.1/@object.json"
        ]
    );
    assert_eq!(files[names[2]], document);
}

#[test]
fn a_store_that_is_not_there_yet_is_empty() {
    let world = in_folders(FOLDERS);
    let server = view(&world);
    let head = server.get("api/state/head").json();
    assert_eq!(head["tree"], "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert_eq!(
        server.get("api/state/trees/4b825dc642cb6eb9a060e54bf8d69288fbee4904").json()["entries"],
        json!([])
    );
    let world = git_store::world(
        "repo_alias(\"shop\")\nstore.set(store.git(\"../remote.git\", branch=\"s\", create_branch=True))\n",
    );
    let server = view(&world);
    let answer = server.get("api/state/head");
    assert_eq!(
        (answer.status, answer.json()),
        (404, json!({"message": "nobody has written to this store yet"}))
    );
    assert_eq!(server.events().next().unwrap(), json!({"state": null, "intent": null}));
}

#[test]
fn who_comes_by_another_name_is_refused() {
    let world = in_folders(FOLDERS);
    let server = view(&world);
    for (host, status) in [
        (server.address(), 200),
        ("localhost:1", 200),
        ("[::1]", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.1.2.3", 421),
    ] {
        for path in ["", "stores.json", "api/state/head", "api/events"] {
            if status == 200 && path == "api/events" {
                continue;
            }
            let answer = server.raw(&format!("GET /{path} HTTP/1.1\r\nHost: {host}"), "");
            assert_eq!(answer.status, status, "{host} {path}");
        }
    }
    let answer = server.raw(
        &format!("GET /api/state/head HTTP/1.1\r\nHost: {}\r\nOrigin: http://evil.example", server.address()),
        "",
    );
    assert_eq!(answer.header("access-control-allow-origin"), None);
    for (name, part) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert!(answer.header(name).unwrap_or_default().contains(part), "{name}: {}", answer.headers);
    }
}

#[test]
fn nothing_but_the_store_is_served() {
    let world = in_folders(FOLDERS);
    released(&world);
    let server = view(&world);
    let head = server.get("api/state/head").json();
    let commit = string(&head["commit"]);
    for (path, status) in [
        ("../../etc/passwd", 404),
        ("..%2f..%2fetc%2fpasswd", 404),
        ("/etc/passwd", 404),
        ("api/state/trees/../../../etc", 404),
        ("api/state/trees/..%2f..%2f", 404),
        ("api/state/trees/0123456789012345678901234567890123456789", 404),
        ("api/state/commits/0123456789012345678901234567890123456789", 404),
        ("api/state/commits/HEAD", 404),
        ("api/elsewhere/head", 404),
        ("api/state", 404),
        ("api/", 404),
        ("api/state/blobs", 405),
        ("api/state/commits?page=0", 400),
        (".ocuroot-store", 404),
        ("repo.ocu.star", 404),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(!string(&answer.json()["message"]).is_empty(), "{path}");
    }
    let paths = json!({"commit": commit, "paths": [
        "../repo.ocu.star", "/etc/passwd", "refs/../../../repo.ocu.star", ".ocuroot-lock", "refs/@/../@/environment/prod/@object.json",
    ]});
    assert_eq!(server.post("api/state/files", &paths).json(), json!({"files": []}));
    let ids = json!({"ids": ["../../repo.ocu.star", "0123456789012345678901234567890123456789", ""]});
    assert_eq!(server.post("api/state/blobs", &ids).json(), json!({"blobs": []}));
    for (body, status) in [("{", 400), ("[]", 400), ("{\"ids\":[1]}", 400)] {
        let head = format!("POST /api/state/blobs HTTP/1.1\r\nHost: {}", server.address());
        assert_eq!(server.raw(&head, body).status, status, "{body}");
    }
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let head = format!("{method} /api/state/head HTTP/1.1\r\nHost: {}", server.address());
        assert_eq!(server.raw(&head, "").status, 405, "{method}");
    }
    assert_eq!(server.post("api/state/head", &json!({})).status, 405);
    assert_eq!(server.post("index.html", &json!({})).status, 405);
}

/// A clone of a store's remote can hold more than the store: what was fetched by hand, what was on the
/// branch before it was rewritten.
#[test]
fn what_else_is_in_a_clone_is_not_served() {
    let world = git_store::world(BRANCHES);
    world.ok("state set @/custom/x 1");
    git_store::edit(&world, "remote.git", "state", "README.md", "see you later\n");
    let remote = git_store::beside(&world, "remote.git");
    let secret = git_store::git(&remote, &["rev-parse", "state:README.md"]);
    let commit = git_store::git(&remote, &["rev-parse", "state"]);
    let tree = git_store::git(&remote, &["rev-parse", "state^{tree}"]);
    // It is another branch's from now on.
    git_store::git(&remote, &["branch", "secret", "state"]);
    git_store::git(&remote, &["update-ref", "refs/heads/state", "state~1"]);
    world.ok("state get +/custom/x");
    let stores = world.home().join("stores");
    let clone = std::fs::read_dir(stores).unwrap().flatten().find(|entry| entry.path().join("HEAD").exists());
    let clone = clone.unwrap().path();
    git_store::git(
        &clone,
        &["fetch", "-q", "--no-filter", remote.to_str().unwrap(), "secret:refs/heads/secret"],
    );
    assert_eq!(git_store::git(&clone, &["cat-file", "blob", &secret]), "see you later");
    let server = view(&world);
    assert_eq!(server.post("api/state/blobs", &json!({"ids": [secret]})).json(), json!({"blobs": []}));
    assert_eq!(server.get(&format!("api/state/trees/{tree}")).status, 404);
    for commit in [&commit, &commit[..9]] {
        assert_eq!(server.get(&format!("api/state/commits/{commit}")).status, 404);
    }
    assert_eq!(server.get(&format!("api/state/commits?from={commit}")).status, 404);
    assert_eq!(
        server.post("api/state/files", &json!({"commit": commit, "paths": ["README.md"]})).status,
        404
    );
    // Nor does one side give what is the other's.
    let intent = server.get("api/intent/head").json();
    assert_eq!(server.get(&format!("api/intent/trees/{}", string(&intent["tree"]))).status, 200);
    assert_eq!(server.get(&format!("api/state/trees/{}", string(&intent["tree"]))).status, 404);
}

#[test]
fn history_reaches_back_further_than_the_clone() {
    let world = git_store::world(BRANCHES);
    for value in 1..=3 {
        world.ok(&format!("state set @/custom/x {value}"));
        world.ok(&format!("state set @/custom/other {value}"));
    }
    let remote = git_store::beside(&world, "remote.git");
    let all: Vec<String> =
        git_store::git(&remote, &["rev-list", "intent"]).lines().map(str::to_owned).collect();
    // A machine that has never seen the store: its clone begins with the newest commit.
    std::fs::remove_dir_all(world.home()).unwrap();
    let server = view(&world);
    let ids = |answer: Value| -> Vec<String> {
        assert_eq!(answer["more"], false);
        answer["commits"].as_array().unwrap().iter().map(|c| string(&c["commit"]).to_owned()).collect()
    };
    let head = server.get("api/intent/head").json();
    assert_eq!(head["commit"], all[0]);
    assert_eq!(head["author"], "Ocuroot");
    assert_eq!(head["subject"], git_store::git(&remote, &["log", "-1", "--format=%s", "intent"]));
    assert_eq!(ids(server.get("api/intent/commits").json()), all);
    let path = "refs/@/custom/x/@object.json";
    let changes = git_store::git(&remote, &["log", "--format=%H", "intent", "--", path]);
    assert_eq!(
        ids(server.get(&format!("api/intent/commits?path={path}")).json()),
        changes.lines().collect::<Vec<_>>()
    );
    let before = format!("api/intent/commits?from={}&path={path}", all[3]);
    let expected = git_store::git(&remote, &["log", "--format=%H", &all[3], "--", path]);
    assert_eq!(ids(server.get(&before).json()), expected.lines().collect::<Vec<_>>());
    assert_eq!(
        ids(server.get(&format!("api/intent/commits?path={path}&page=2")).json()),
        Vec::<String>::new()
    );
    // The store as it was then.
    let oldest = all.last().unwrap();
    let commit = server.get(&format!("api/intent/commits/{oldest}")).json();
    assert_eq!(commit["tree"], git_store::git(&remote, &["rev-parse", &format!("{oldest}^{{tree}}")]));
    // Hashes are written down by their start.
    assert_eq!(server.get(&format!("api/intent/commits/{}", &oldest[..9])).json(), commit);
    let files = server.post("api/intent/files", &json!({"commit": oldest, "paths": [path]})).json();
    assert!(string(&files["files"][0]["text"]).contains("\"body\": \"1\""), "{files}");
    assert_eq!(server.get(&format!("api/intent/trees/{}", string(&commit["tree"]))).status, 200);
}

#[test]
fn listeners_hear_of_a_release_as_it_runs() {
    for config in [FOLDERS, BRANCHES] {
        let world = if config == FOLDERS { in_folders(config) } else { git_store::world(config) };
        world.ok("release new env.ocu.star");
        let server = view(&world);
        let mut events = server.events();
        let first = events.next().unwrap();
        assert_eq!(first["state"], server.get("api/state/head").json()["commit"]);
        world.ok(if config == FOLDERS { "release new web.ocu.star" } else { "release new release.ocu.star" });
        let last = server.get("api/state/head").json();
        assert_ne!(first["state"], last["commit"]);
        // There may be several on the way.
        events.find(|event| event["state"] == last["commit"]).unwrap();
    }
}

#[test]
fn listeners_hear_what_happens_elsewhere() {
    let world = git_store::world(BRANCHES);
    world.ok("state set @/custom/x 1");
    let server = view(&world);
    let mut events = server.events();
    let first = events.next().unwrap();
    git_store::edit(&world, "remote.git", "intent", "README.md", "hello\n");
    let now = git_store::git(&git_store::beside(&world, "remote.git"), &["rev-parse", "intent"]);
    let event = events.find(|event| event["intent"] == now).unwrap();
    assert_eq!(event["state"], first["state"]);
    // A remote that is gone is told, and what was there before is served on.
    std::fs::rename(git_store::beside(&world, "remote.git"), git_store::beside(&world, "gone.git")).unwrap();
    let event = events.find(|event| !event["problem"].is_null()).unwrap();
    assert!(string(&event["problem"]).contains("the store needs `git` access"), "{event}");
    assert_eq!(event["intent"], now);
    assert_eq!(server.get("api/intent/head").json()["commit"], now);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_also_while_somebody_listens() {
    let world = in_folders(FOLDERS);
    let server = view(&world);
    let mut events = server.events();
    events.next().unwrap();
    let (code, stderr) = server.interrupt();
    assert_eq!(code, 0, "{stderr}");
    assert!(events.next().is_none());
}

#[test]
fn a_port_that_is_taken_is_told() {
    let world = in_folders(FOLDERS);
    let server = view(&world);
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let run = world.run(&["state", "view", "--port", &port]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("something else listens there"), "{}", run.stderr);
}

#[test]
fn the_dashboard_comes_from_the_folder_that_a_debug_build_is_told() {
    let world = in_folders(FOLDERS);
    world.write("bundle/index.html", "<!doctype html>the dashboard");
    world.write("bundle/app-0123456789abcdef.js", "export {}");
    world.write("bundle/stores.json", "[]");
    let world = world.with("OCUROOT_BUNDLE_DIR", "bundle");
    let server = view(&world);
    let page = server.get("");
    assert_eq!(page.body, "<!doctype html>the dashboard");
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(server.get("index.html?view=release&ref=x").body, page.body);
    let script = server.get("app-0123456789abcdef.js");
    assert!(script.header("content-type").unwrap().starts_with("text/javascript"));
    assert!(script.header("cache-control").unwrap().contains("immutable"));
    assert!(server.get("stores.json").body.contains("local"));
    let without = in_folders(FOLDERS).with("OCUROOT_BUNDLE_DIR", "/nowhere");
    let server = view(&without);
    assert!(server.get("").body.contains("no dashboard"));
    let (_, stderr) = server.interrupt();
    assert!(stderr.contains("cargo xtask bundle --release"), "{stderr}");
}

#[test]
fn the_dashboard_of_a_folder_that_is_named_is_served() {
    let world = in_folders(FOLDERS).with("OCUROOT_BUNDLE_DIR", "/nowhere");
    world.write("bundle/index.html", "<!doctype html>the dashboard");
    let server = Server::start(&world, &["state", "view", "--port", "0", "--from", "bundle"]);
    assert_eq!(server.get("").body, "<!doctype html>the dashboard");
    assert_eq!(server.interrupt().1, "");
    let run = world.run(&["state", "view", "--from", "elsewhere"]);
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("there is no dashboard in elsewhere"), "{}", run.text());
}

#[test]
fn an_exported_dashboard_reaches_the_stores_that_it_offers() {
    let world = World::new("");
    world.write(
        "bundle/index.html",
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; connect-src 'self' https://gitlab.com; base-uri 'none'\">",
    );
    world.write("bundle/app-0123456789abcdef.js", "export {}");
    let stores = r#"{"stores":[{"source":"gitea:git.acme.dev/acme/shop"}]}"#;
    world.write("mine.json", stores);
    world.ok("state view --export public --from bundle --stores mine.json");
    assert_eq!(world.read("public/stores.json"), stores);
    assert_eq!(world.read("public/app-0123456789abcdef.js"), "export {}");
    let page = world.read("public/index.html");
    assert!(page.contains("connect-src 'self' https://git.acme.dev; base-uri"), "{page}");
    world.ok("state view --export plain --from bundle");
    assert_eq!(world.read("plain/index.html"), world.read("bundle/index.html"));
    assert_eq!(world.read("plain/stores.json"), "{\"stores\": []}\n");
    world.write("mine.json", "{}");
    for line in [
        "state view --export public --from bundle --stores mine.json",
        "state view --export public --from nowhere",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(world.run(&words).code, 1, "{line}");
    }
}
