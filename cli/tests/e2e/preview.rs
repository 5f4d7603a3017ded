//! `preview`: the release that a file would make, as a page reads it, while the file changes.

use serde_json::{Value, json};

use crate::server::Server;
use crate::world::World;

const FILES: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- lib/names.star --
NAME = "build"
-- web.ocu.star --
load("lib/names.star", "NAME")
def build():
    return done()
def up(environment):
    return done()
def down(environment):
    pass
task(build, name=NAME)
phase("out", tasks=[deploy(e, up=up, down=down) for e in environments()])
"#;

const LIB: &str = "lib/names.star";

/// The places of the runs that are pending.
fn runs(server: &Server) -> Vec<String> {
    let head = server.get("api/state/head").json();
    let tree = head["tree"].as_str().unwrap();
    let list = server.get(&format!("api/state/trees/{tree}?recursive=1")).json();
    let paths = list["entries"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap());
    let run = |path: &str| {
        let rest = path.strip_prefix("state/refs/shop/-/web.ocu.star/@r1/")?;
        Some(rest.strip_suffix("/status/pending")?.to_owned())
    };
    paths.filter_map(run).collect()
}

/// The next news that are about what is wrong, or about nothing being wrong.
fn until(events: &mut impl Iterator<Item = Value>, wrong: bool) -> Value {
    events.find(|event| event["problem"].is_string() == wrong).unwrap()
}

#[test]
fn a_release_that_was_never_made_is_shown_and_follows_the_file() {
    let world = World::new(FILES);
    world.ok("release new env.ocu.star");
    let before = world.store();
    let server = Server::start(&world, &["preview", "web.ocu.star", "--port", "0", "--pure"]);
    let mut events = server.events();
    // Perhaps it is not evaluated yet.
    while runs(&server).is_empty() {
        events.next().unwrap();
    }
    assert_eq!(runs(&server), ["deploy/prod/1", "task/build/1"]);
    assert_eq!(server.get("stores.json").json()["stores"][0]["source"], "local");
    // A file that it loads changes.
    let good = server.get("api/state/head").json();
    world.write(LIB, "NAME = \"compile\"\n");
    events.find(|event| event["state"] != good["commit"]).unwrap();
    assert_eq!(runs(&server), ["deploy/prod/1", "task/compile/1"]);
    // A mistake is said, and what was there before stays.
    world.write(LIB, "NAME = \n");
    let event = until(&mut events, true);
    assert!(event["problem"].as_str().unwrap().contains("lib/names.star:1"), "{event}");
    assert_eq!(runs(&server), ["deploy/prod/1", "task/compile/1"]);
    world.write(LIB, "NAME = \"test\"\n");
    until(&mut events, false);
    assert_eq!(runs(&server), ["deploy/prod/1", "task/test/1"]);
    assert!(before == world.store(), "preview wrote to the store");
    let (code, stderr) = server.interrupt();
    assert_eq!(code, 0);
    assert!(stderr.contains("lib/names.star:1") && stderr.contains("in order again"), "{stderr}");
}

#[test]
fn effects_are_refused_on_request_only() {
    let file = "-- a.ocu.star --\nname = shell(\"echo built\").stdout.strip()\ndef f():\n    return done()\ntask(f, name=name)\n";
    let world = World::new(file);
    let server = Server::start(&world, &["preview", "a.ocu.star", "--port", "0", "--pure"]);
    let event = until(&mut server.events(), true);
    assert!(event["problem"].as_str().unwrap().contains("shell"), "{event}");
    let server = Server::start(&world, &["preview", "a.ocu.star", "--port", "0"]);
    let there = || {
        let head = server.get("api/state/head").json();
        let path = "state/refs/shop/-/a.ocu.star/@r1/task/built/1/@object.json";
        server.post("api/state/files", &json!({"commit": head["commit"], "paths": [path]})).json()["files"]
            != json!([])
    };
    let mut events = server.events();
    while !there() {
        events.next().unwrap();
    }
}

#[test]
fn its_address_opens_the_release() {
    let world = World::new(FILES);
    let mut command = world.command("", &["preview", "nothing.ocu.star"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let server = Server::start(&world, &["preview", "web.ocu.star", "--port", "0"]);
    assert!(server.url().ends_with("/?view=release&ref=shop/-/web.ocu.star/@r1"), "{}", server.url());
    // What says to the page that nobody has made it.
    assert_eq!(server.get("stores.json").json()["stores"][0]["preview"], "shop/-/web.ocu.star/@r1");
}
