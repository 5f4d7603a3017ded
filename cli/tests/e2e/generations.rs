//! Stores of older versions: read, refused to be written, upgraded, exported, imported.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use expect_test::expect;

use crate::world::World;

const REPO: &str = "-- a.ocu.star --\ndef f():\n    return done()\ntask(f, \"f\")\n";

/// A release with a task that is done and a deployment that is not, and intent, as old tools left them.
/// `COMMIT` stands for the commit.
const OLD: &str = r#"
    @/environment/prod = {"name":"prod","attributes":{}}
    shop/-/a.ocu.star/@COMMIT.1 = {"commit":"COMMIT","package":{"functions":{},"phases":[{"name":"","work":[{"call":{"name":"f","inputs":{},"fn":{"name":"f","pos":"a.ocu.star:1:1"}}}]},{"name":"","work":[{"deploy":{"environment":"prod","up":{"name":"f","pos":"a.ocu.star:1:1"},"down":{"name":"f","pos":"a.ocu.star:1:1"},"inputs":{}}}]}]}}
    shop/-/a.ocu.star/@COMMIT.1/call/f = {"type":"","release":"shop/-/a.ocu.star/@COMMIT.1","entrypoint":"shop/-/a.ocu.star/@COMMIT.1/call/f/1/functions/1","output":{"x":"made"}}
    shop/-/a.ocu.star/@COMMIT.1/call/f/status/complete = {"time":"2025-01-01T00:00:02Z"}
    shop/-/a.ocu.star/@COMMIT.1/call/f/1 = {"type":"","release":"shop/-/a.ocu.star/@COMMIT.1","entrypoint":"shop/-/a.ocu.star/@COMMIT.1/call/f/1/functions/1","output":{"x":"made"}}
    shop/-/a.ocu.star/@COMMIT.1/call/f/1/logs = null
    shop/-/a.ocu.star/@COMMIT.1/call/f/1/status/complete = {"time":"2025-01-01T00:00:02Z"}
    shop/-/a.ocu.star/@COMMIT.1/call/f/1/functions/1 = {"current":{"id":"1","fn":{"name":"f","pos":"a.ocu.star:1:1"},"status":"complete","inputs":{}},"history":[{"time":"2025-01-01T00:00:02Z","status":"complete"}]}
    shop/-/a.ocu.star/@COMMIT.1/call/f/1/functions/1/status/complete = {"time":"2025-01-01T00:00:02Z"}
    shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1 = {"type":"","release":"shop/-/a.ocu.star/@COMMIT.1","entrypoint":"shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1/functions/1","output":null}
    shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1/status/pending = {"time":"2025-01-01T00:00:01Z"}
    shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1/functions/1 = {"current":{"id":"1","fn":{"name":"f","pos":"a.ocu.star:1:1"},"status":"pending","dependencies":["shop/-/a.ocu.star/@COMMIT.1/call/f/1/status/complete"],"inputs":{}},"history":[{"time":"2025-01-01T00:00:01Z","status":"pending"}]}
    shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1/functions/1/status/pending = {"time":"2025-01-01T00:00:01Z"}
    shop/-/a.ocu.star/@/call/f -> shop/-/a.ocu.star/@COMMIT.1/call/f/1
    shop/-/a.ocu.star/@/call/f/1 -> shop/-/a.ocu.star/@COMMIT.1/call/f/1
    shop/-/a.ocu.star/@v1 -> shop/-/a.ocu.star/@COMMIT.1
    intent:
    +/environment/prod = {"name":"prod","attributes":{}}
    shop/-/a.ocu.star/+COMMIT.1/custom/ok = "yes"
"#;

/// Where the two sides of a store lie, below the repo.
const APART: (&str, &str) = (".store/state", ".store/intent");
const TOGETHER: (&str, &str) = (".store", ".store");

fn commit(world: &World) -> String {
    world.git(&["rev-list", "--max-parents=0", "HEAD"])
}

fn write_old(world: &World, fixture: &str, (state, intent): (&str, &str)) {
    let fixture = fixture.replace("COMMIT", &commit(world));
    let mut side = state;
    for folder in [state, intent] {
        world.write(&format!("{folder}/.ocuroot-store"), "{\"version\":1}");
    }
    for line in fixture.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "intent:" {
            side = intent;
            continue;
        }
        let (path, text) = match (line.split_once(" -> "), line.split_once(" !")) {
            (Some((path, target)), _) => (path, format!(r#"{{"kind":"link","body":"{target}"}}"#)),
            (_, Some((path, bytes))) => (path, bytes.to_owned()),
            _ => {
                let (path, body) = line.split_once(" = ").unwrap();
                (path, format!(r#"{{"kind":"ref","body_type":"old","body":{body}}}"#))
            }
        };
        world.write(&format!("{side}/refs/{path}/@object.json"), &text);
    }
}

fn old() -> World {
    let world = World::new(REPO);
    write_old(&world, OLD, APART);
    world
}

/// The lines of `state export`, which says all that a store means.
fn export(world: &World) -> String {
    world.ok("state export").stdout
}

#[test]
fn a_store_of_version_1_is_read_by_every_command() {
    let world = old();
    world.check_reads_only(
        "state match",
        expect![[r#"
        @/environment/prod
        shop/-/a.ocu.star/@/task/f
        shop/-/a.ocu.star/@<commit 1>.1
        shop/-/a.ocu.star/@r1
        shop/-/a.ocu.star/@r1/commit/<commit 1>
        shop/-/a.ocu.star/@r1/deploy/prod/1
        shop/-/a.ocu.star/@r1/deploy/prod/1/status/pending
        shop/-/a.ocu.star/@r1/task/f
        shop/-/a.ocu.star/@r1/task/f/1
        shop/-/a.ocu.star/@r1/task/f/1/logs
        shop/-/a.ocu.star/@r1/task/f/1/status/complete
        shop/-/a.ocu.star/@v1
    "#]],
    );
    world.check_reads_only(
        "state match --intent",
        expect![[r#"
        +/environment/prod
        shop/-/a.ocu.star/+r1/custom/ok
    "#]],
    );
    for spelling in [
        "@r1/task/f#output/x",
        "@<>.1/call/f#output/x",
        "@v1/call/f#output/x",
        "@/call/f#output/x",
        "@1/task/f#output/x",
    ] {
        let reference = format!("shop/-/a.ocu.star/{}", spelling.replace("<>", &commit(&world)));
        assert_eq!(world.ok(&format!("state get {reference}")).stdout, "\"made\"\n", "{spelling}");
    }
    for spelling in ["+r1", "+<>.1", "+v1"] {
        let reference = format!("shop/-/a.ocu.star/{}/custom/ok", spelling.replace("<>", &commit(&world)));
        assert_eq!(world.ok(&format!("state get {reference}")).stdout, "\"yes\"\n", "{spelling}");
    }
    world.check_reads_only(
        "state diff",
        expect![[r#"
        shop/-/a.ocu.star/@r1/custom/ok
    "#]],
    );
    world.check_reads_only("release list", expect![[r#"
        RELEASE  STATUS  COMMIT      TAGS                                           LIVE IN  TIME                  SUBJECT
        r1       paused  <commit 1>  <commit 1>.1 v1           <time>
    "#]]);
    world.check_reads_only(
        "release show @v1",
        expect![[r#"
            shop/-/a.ocu.star/@r1 paused
            commit <commit 1>
            tags   <commit 1>.1 v1
            phase 1
              ✓ task/f/1 complete <time>
                  shop/-/a.ocu.star/@r1/task/f#output/x
            phase 2
              › deploy/prod/1 pending <time>
                  ready, and no worker has taken it; start it with `ocuroot release continue shop/-/a.ocu.star/@r1` at commit <commit 1>
        "#]],
    );
    world.check_reads_only(
        "work any --dryrun",
        expect![[r#"
        [
          {
            "ref": "shop/-/a.ocu.star/@r1/custom/ok",
            "work_type": "create"
          },
          {
            "commit": "<commit 1>",
            "ref": "shop/-/a.ocu.star/@r1/deploy/prod/1",
            "work_type": "run"
          }
        ]
    "#]],
    );
    world.check_reads_only("state check", expect![[""]]);
    world.check_reads_only("find-deploys HEAD HEAD", expect![[""]]);
}

#[test]
fn nothing_is_written_to_a_store_of_version_1_before_it_is_upgraded() {
    let world = old();
    let refused = |line: &str| {
        let before = world.store();
        let run = world.run(&line.split(' ').collect::<Vec<_>>());
        let why = "has the old version 1 and can only be read: run `ocuroot state upgrade` first";
        assert!(run.code == 1 && run.stderr.contains(why), "{line}: {}", run.text());
        assert!(before == world.store(), "{line} changed the store");
    };
    for line in ["state set @/custom/x 1", "release new --force", "release continue @r1", "work any"] {
        refused(line);
    }
    // One of the two is enough, since the other is read in its light.
    world.write(".store/intent/.ocuroot-store", "{\"version\":3}");
    refused("state set @/custom/x 1");
}

#[test]
fn an_upgrade_changes_how_a_store_is_written_and_not_what_it_says() {
    let world = old();
    let before = export(&world);
    world.check_reads_only(
        "state upgrade --dryrun",
        expect![[r#"
            would upgrade $DIR/repo/.store from version 1 to 3
            18 documents become 14: 14 are written, 15 removed, which others hold now
            shop/-/a.ocu.star/@<commit 1>.1 is shop/-/a.ocu.star/@r1 now
        "#]],
    );
    world.check(
        "state upgrade",
        expect![[r#"
            upgraded $DIR/repo/.store from version 1 to 3
            18 documents become 14: 14 are written, 15 removed, which others hold now
            shop/-/a.ocu.star/@<commit 1>.1 is shop/-/a.ocu.star/@r1 now
        "#]],
    );
    assert_eq!(export(&world), before);
    world.check_reads_only(
        "state upgrade",
        expect![[r#"
        nothing to upgrade in $DIR/repo/.store: what is written there is of version 3
    "#]],
    );
    assert_eq!(world.read(".store/state/.ocuroot-store"), r#"{"version":3,"Tags":{"state":{}}}"#);
    assert_eq!(world.read(".store/intent/.ocuroot-store"), r#"{"version":3,"Tags":{"intent":{}}}"#);
    let old_files: Vec<PathBuf> = world
        .store()
        .into_keys()
        .filter(|path| ["/call/", "/functions/", "/+"].iter().any(|old| path.to_string_lossy().contains(old)))
        .collect();
    assert_eq!(old_files, Vec::<PathBuf>::new());
    world.check("state check", expect![[""]]);
    // And it goes on from there.
    world.ok("release continue @r1");
    world.ok("work any");
    world.check("release list", expect![[r#"
        RELEASE  STATUS    COMMIT      TAGS                                           LIVE IN  TIME                  SUBJECT
        r1       complete  <commit 1>  <commit 1>.1 v1  prod     <time>
    "#]]);
    world.check(
        "find-deploys HEAD HEAD",
        expect![[r#"
        shop/-/a.ocu.star/@r1/deploy/prod
    "#]],
    );
    world.check(
        "find-deploys --json HEAD HEAD",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "environment": "prod",
            "live": true,
            "ref": "shop/-/a.ocu.star/@r1/deploy/prod",
            "release": "shop/-/a.ocu.star/@r1"
          }
        ]
    "#]],
    );
}

#[test]
fn a_store_of_version_1_that_is_state_and_intent_in_one_place() {
    let world = World::new(REPO);
    write_old(&world, OLD, TOGETHER);
    // What needs no translation has to come along all the same, and what has none.
    let (same, none) =
        ("{\n  \"kind\": \"ref\",\n  \"body_type\": \"string\",\n  \"body\": \"same\"\n}", "{half");
    world.write(".store/refs/@/custom/same/@object.json", same);
    world.write(".store/refs/x@y/@object.json", none);
    world.write(".store/README.md", "mine\n");
    world.write(".store/refs/mine.txt", "mine\n");
    let apart = old();
    apart.write(".store/state/refs/@/custom/same/@object.json", same);
    apart.write(".store/state/refs/x@y/@object.json", none);
    assert_eq!(export(&world), export(&apart));
    let run = world.run(&["state", "set", "@/custom/x", "1"]);
    assert!(run.stderr.contains("can only be read"), "{}", run.text());
    world.ok("state upgrade");
    assert_eq!(export(&world), export(&apart));
    let files: Vec<String> = std::fs::read_dir(world.root().join(".store"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(files, ["README.md", "intent", "refs", "state"]);
    assert_eq!(world.read(".store/refs/mine.txt"), "mine\n");
    assert_eq!(world.read(".store/state/refs/x@y/@object.json"), none);
    assert_eq!(world.ok("state get @/custom/same").stdout, "\"same\"\n");
    world.ok("state set @/custom/x 1");
    // Or two places are named, and all lies in the first.
    let world = World::new(
        "-- repo.ocu.star --\nrepo_alias(\"shop\")\nstore.set(store.fs(\"./.store/all\"), intent = store.fs(\"./.store/none\"))\n",
    );
    write_old(&world, OLD, (".store/all", ".store/all"));
    world.write(".store/all/refs/@/custom/same/@object.json", same);
    world.write(".store/all/refs/x@y/@object.json", none);
    assert_eq!(world.tidy_text(&export(&world)), apart.tidy_text(&export(&apart)));
    world.ok("state upgrade");
    assert_eq!(world.tidy_text(&export(&world)), apart.tidy_text(&export(&apart)));
    assert_eq!(world.read(".store/none/.ocuroot-store"), r#"{"version":3,"Tags":{"intent":{}}}"#);
}

#[test]
fn what_an_upgrade_cannot_translate_is_listed_and_kept() {
    let world = old();
    write_old(
        &world,
        "
        shop/-/a.ocu.star/@COMMIT.1/deploy/prod/1 !{half
        x@y = 1
        shop/-/a.ocu.star/+COMMIT.1/custom/ok = \"another\"
        ",
        APART,
    );
    world.check_reads_only("state upgrade --dryrun", expect![[r#"
        would upgrade $DIR/repo/.store from version 1 to 3
        20 documents become 17: 14 are written, 14 removed, which others hold now
        shop/-/a.ocu.star/@<commit 1>.1 is shop/-/a.ocu.star/@r1 now
        to look at (4):
        shop/-/a.ocu.star/+<commit 1>.1/custom/ok: kept as it is, and nothing reads it: shop/-/a.ocu.star/+<commit 1>.1/custom/ok means the same document, and says something else
        shop/-/a.ocu.star/@<commit 1>.1/deploy/prod/1: kept as it is: not a document: key must be a string at line 1 column 2
        shop/-/a.ocu.star/@<commit 1>.1/deploy/prod/1/functions/1: kept as it is, and nothing reads it: it could not be made a part of shop/-/a.ocu.star/@r1/deploy/prod/1
        x@y: kept as it is, and nothing reads it: its path is no ref: `x@y` at byte 0: `@` starts a release, so it stands right after a `/`; write `path/@release`
    "#]]);
    world.ok("state upgrade");
    world.check("state check", expect![[r#"
        shop/-/a.ocu.star/+<commit 1>.1/custom/ok: refs/shop/-/a.ocu.star/+<commit 1>.1/custom/ok is not where shop/-/a.ocu.star/+<commit 1>.1/custom/ok is stored, so nothing reads it; move the file or delete it
        shop/-/a.ocu.star/@r1/deploy/prod/1: not a document: key must be a string at line 1 column 2; put the file right by hand, or delete it
        x@y: refs/x@y is no ref, so nothing reads it; move the file or delete it
        --- stderr
        error: 3 problems found
        --- exit 1
    "#]]);
}

#[test]
fn stores_of_other_versions() {
    // Version 2 differs in its marker only.
    let world = World::new(REPO);
    world.ok("release new");
    world.ok("state set @/custom/x 1");
    let before = export(&world);
    for side in ["state", "intent"] {
        world.write(&format!(".store/{side}/.ocuroot-store"), "{\"version\":2}");
    }
    world.check_reads_only(
        "state upgrade --dryrun",
        expect![[r#"
        would upgrade $DIR/repo/.store from version 2 to 3
    "#]],
    );
    world.check(
        "state upgrade",
        expect![[r#"
        upgraded $DIR/repo/.store from version 2 to 3
    "#]],
    );
    world.check_reads_only(
        "state upgrade",
        expect![[r#"
        nothing to upgrade in $DIR/repo/.store: what is written there is of version 3
    "#]],
    );
    assert_eq!(export(&world), before);
    world.write(".store/intent/.ocuroot-store", "{\"version\":9}");
    for line in ["state upgrade", "state export", "state match"] {
        world.check_reads_only(
            line,
            expect![[r#"
                --- stderr
                error: the store in $DIR/repo/.store/intent has version 9, and this build of Ocuroot knows versions 1, 2 and 3: install a newer Ocuroot. Nothing was changed
                --- exit 1
            "#]],
        );
    }
    World::new(REPO).check_reads_only(
        "state upgrade",
        expect![[r#"
        nothing to upgrade in $DIR/repo/.store: what is written there is of version 3
    "#]],
    );
}

/// Pipes text into a command.
fn pipe(world: &World, arguments: &[&str], text: &str) -> crate::world::Run {
    let mut command = world.command("", arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    world.tidy(&child.wait_with_output().unwrap())
}

/// What a command prints, as it is.
fn raw(world: &World, arguments: &[&str]) -> String {
    String::from_utf8(world.command("", arguments).output().unwrap().stdout).unwrap()
}

#[test]
fn a_store_goes_through_a_file_and_comes_back_the_same() {
    let world = World::new(REPO);
    world.ok("release new");
    world.ok("state set @/custom/x 1");
    world.write(".store/state/refs/@/custom/broken/@object.json", "{half");
    world.write(".store/intent/refs/a=b/@object.json", "");
    let exported = raw(&world, &["state", "export"]);
    let other = World::new("");
    assert_eq!(
        pipe(&other, &["state", "import"], &exported).text(),
        format!("{} documents written, 0 were there already\n", exported.lines().count())
    );
    assert_eq!(raw(&other, &["state", "export"]), exported);
    let files = |world: &World| -> BTreeMap<PathBuf, Vec<u8>> {
        let top = world.root();
        world
            .store()
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(&top).unwrap().to_owned(), bytes))
            .collect()
    };
    assert!(files(&world) == files(&other));
    // Again, from a file: nothing is left to do.
    other.ok("state export export.jsonl");
    assert_eq!(other.read("export.jsonl"), exported);
    let before = other.store();
    assert!(other.ok("state import export.jsonl").stdout.starts_with("0 documents written"));
    assert!(before == other.store());
    // An old store is migrated by the way.
    let (old, new) = (old(), World::new(""));
    let exported = raw(&old, &["state", "export"]);
    assert_eq!(pipe(&new, &["state", "import", "-"], &exported).code, 0);
    assert_eq!(raw(&new, &["state", "export"]), exported);
    assert_eq!(raw(&new, &["state", "export", "-"]), exported);
}

#[test]
fn imports_that_are_refused() {
    let world = World::new(REPO);
    world.ok("state set @/custom/x 1");
    let line = |value: &str| {
        format!(
            "{{\"ref\":\"+/custom/x\",\"document\":{{\"kind\":\"ref\",\"body_type\":\"string\",\"body\":{value}}}}}\n"
        )
    };
    let before = world.store();
    let new = "{\"ref\":\"@/custom/new\",\"base64\":\"\"}\n";
    for (text, expected) in [
        (
            format!("{new}{}", line("\"2\"")),
            expect![[r#"
            --- stderr
            error: 1 document is there already and not the same: +/custom/x. Nothing was written
              help: --force overwrites them with what the file says
            --- exit 1
        "#]],
        ),
        (
            format!("{new}\nnot json\n"),
            expect![[r#"
                --- stderr
                error: line 3 of stdin: not a line of an export (expected ident at column 2). Nothing was written
                --- exit 1
            "#]],
        ),
        (
            format!("{new}{{\"ref\":\"@/custom/../../x\",\"base64\":\"\"}}"),
            expect![[r#"
            --- stderr
            error: line 2 of stdin: `..` at byte 9 of `@/custom/../../x`: a ref does not go up with `..`; write the path from the root of the repo. Nothing was written
            --- exit 1
        "#]],
        ),
    ] {
        expected.assert_eq(&pipe(&world, &["state", "import"], &text).text());
        assert!(before == world.store(), "{text}");
    }
    world.check(
        "state import not-there.jsonl",
        expect![[r#"
        --- stderr
        error: cannot read not-there.jsonl: No such file or directory (os error 2)
        --- exit 1
    "#]],
    );
    expect![[r#"
        2 documents written, 0 were there already
    "#]]
    .assert_eq(&pipe(&world, &["state", "import", "--force"], &format!("{new}{}", line("\"2\""))).text());
    world.check(
        "state get +/custom/x",
        expect![[r#"
        "2"
    "#]],
    );
    let old = old();
    let before = old.store();
    expect![[r#"
        --- stderr
        error: the store in $DIR/repo/.store/state has the old version 1 and can only be read: run `ocuroot state upgrade` first
        --- exit 1
    "#]].assert_eq(&pipe(&old, &["state", "import", "--force"], new).text());
    assert!(before == old.store());
    world.check(
        "state export not/there.jsonl",
        expect![[r#"
        --- stderr
        error: cannot write not/there.jsonl: No such file or directory (os error 2)
        --- exit 1
    "#]],
    );
}

const DEPLOYED: &str = "\
-- environments.ocu.star --
register_environment(environment(\"prod\"))
-- a.ocu.star --
def up(environment):
    return done()
phase(\"all\", tasks = [deploy(e, up = up, down = up) for e in environments()])
-- sub/b.ocu.star --
def up(environment):
    return done()
phase(\"all\", tasks = [deploy(e, up = up, down = up) for e in environments()])
";

#[test]
fn deployments_of_the_commits_between_two() {
    let mut world = World::new(DEPLOYED);
    world.ok("release new environments.ocu.star");
    world.ok("release new a.ocu.star");
    world.git(&["tag", "one"]);
    world.commit("second");
    world.ok("release new a.ocu.star");
    world.ok("release new sub/b.ocu.star");
    world.git(&["checkout", "-q", "-b", "side", "one"]);
    world.commit("aside");
    world.ok("release new a.ocu.star");
    world.git(&["checkout", "-q", "main"]);
    world.commit("fourth");
    world.ok("release new --force a.ocu.star");
    world.ok("release new --force a.ocu.star");
    world.check_reads_only(
        "find-deploys one HEAD",
        expect![[r#"
        shop/-/a.ocu.star/@r1/deploy/prod
        shop/-/a.ocu.star/@r2/deploy/prod
        shop/-/sub/b.ocu.star/@r1/deploy/prod
        shop/-/a.ocu.star/@r4/deploy/prod
        shop/-/a.ocu.star/@r5/deploy/prod
    "#]],
    );
    world.check_reads_only(
        "find-deploys HEAD~1 HEAD~1",
        expect![[r#"
        shop/-/a.ocu.star/@r2/deploy/prod
        shop/-/sub/b.ocu.star/@r1/deploy/prod
    "#]],
    );
    world.check_reads_only(
        "find-deploys HEAD~1 HEAD --json",
        expect![[r#"
        [
          {
            "commit": "<commit 2>",
            "environment": "prod",
            "live": false,
            "ref": "shop/-/a.ocu.star/@r2/deploy/prod",
            "release": "shop/-/a.ocu.star/@r2"
          },
          {
            "commit": "<commit 2>",
            "environment": "prod",
            "live": true,
            "ref": "shop/-/sub/b.ocu.star/@r1/deploy/prod",
            "release": "shop/-/sub/b.ocu.star/@r1"
          },
          {
            "commit": "<commit 4>",
            "environment": "prod",
            "live": false,
            "ref": "shop/-/a.ocu.star/@r4/deploy/prod",
            "release": "shop/-/a.ocu.star/@r4"
          },
          {
            "commit": "<commit 4>",
            "environment": "prod",
            "live": true,
            "ref": "shop/-/a.ocu.star/@r5/deploy/prod",
            "release": "shop/-/a.ocu.star/@r5"
          }
        ]
    "#]],
    );
    world.git(&["merge", "-q", "--no-edit", "side"]);
    world.check_reads_only(
        "find-deploys HEAD~2 HEAD",
        expect![[r#"
        shop/-/a.ocu.star/@r2/deploy/prod
        shop/-/sub/b.ocu.star/@r1/deploy/prod
        shop/-/a.ocu.star/@r4/deploy/prod
        shop/-/a.ocu.star/@r5/deploy/prod
        shop/-/a.ocu.star/@r3/deploy/prod
    "#]],
    );
    world.check_in("sub", "find-deploys HEAD HEAD", expect![[""]]);
    // What git does not know, and what is the wrong way round.
    world.check_reads_only(
        "find-deploys nowhere HEAD",
        expect![[r#"
        --- stderr
        error: nowhere is no commit of this repo
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "find-deploys HEAD one",
        expect![[r#"
        --- stderr
        error: HEAD does not come before one in the history
          help: the other way round? ocuroot find-deploys one HEAD
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "find-deploys side~0 HEAD~1",
        expect![[r#"
        --- stderr
        error: side~0 does not come before HEAD~1 in the history
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "find-deploys HEAD",
        expect![[r#"
        --- stderr
        error: the following required arguments were not provided:
          <END>

        Usage: ocuroot find-deploys <START> <END>

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
}

#[test]
fn a_shallow_checkout_says_so() {
    let mut world = World::new(DEPLOYED);
    let first = commit(&world);
    world.commit("second");
    world.commit("third");
    let clone = world.root().join("../clone");
    let url = format!("file://{}", world.root().display());
    world.git(&["clone", "-q", "--depth", "2", &url, &clone.to_string_lossy()]);
    let in_clone = |arguments: &[&str]| {
        let mut command = world.command("", arguments);
        world.tidy(&command.current_dir(Path::new(&clone)).output().unwrap()).text()
    };
    expect![[r#"
        --- stderr
        error: <commit 1> is no commit of this repo, as far as this shallow checkout knows
          help: fetch the history that is missing: git fetch --unshallow
        --- exit 1
    "#]]
    .assert_eq(&in_clone(&["find-deploys", &first, "HEAD"]));
    expect![[r#"
        --- stderr
        error: HEAD does not come before HEAD~1 in the history
          help: the other way round? ocuroot find-deploys HEAD~1 HEAD
        --- exit 1
    "#]]
    .assert_eq(&in_clone(&["find-deploys", "HEAD", "HEAD~1"]));
    expect![[""]].assert_eq(&in_clone(&["find-deploys", "HEAD~1", "HEAD"]));
}

/// A copy of a real store, in a repo of that name.
fn real(name: &str) -> Option<World> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    let world = World::new(&format!(
        "-- repo.ocu.star --\nrepo_alias(\"github.com/ocuroot/{name}\")\nstore.set(store.fs(\"./.store/state\"), intent = store.fs(\"./.store/intent\"))\n-- frontend/release.ocu.star --\n-- release.ocu.star --\n"
    ));
    copy(&data, &world.root().join(".store"))?;
    Some(world)
}

fn copy(from: &Path, to: &Path) -> Option<()> {
    std::fs::create_dir_all(to).ok()?;
    for entry in std::fs::read_dir(from).ok()?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).ok()?;
        }
    }
    Some(())
}

#[test]
fn real_stores_are_read_and_upgraded() {
    for (name, file, releases) in
        [("vps-demo", "frontend/release.ocu.star", 16), ("gh-actions-example", "release.ocu.star", 4)]
    {
        let Some(world) = real(name) else { return eprintln!("skipped: no real stores here") };
        let look = |world: &World| {
            let lines = [
                "state match",
                "state match --intent",
                "state match --no-links",
                "state match **/{call,deploy}/**",
                "state diff",
                "work any --dryrun",
                &format!("release list {file}"),
                &format!("release show {file}/@r1"),
            ]
            .map(|line| world.ok(line).stdout);
            (lines, raw(world, &["state", "export"]))
        };
        let before = world.store();
        let old = look(&world);
        assert_eq!(old.0[6].lines().count(), releases + 1, "{}", old.0[6]);
        assert!(before == world.store(), "looking changed the store of {name}");
        let dryrun = world.ok("state upgrade --dryrun").stdout;
        assert!(before == world.store());
        assert_eq!(dryrun.replace("would upgrade", "upgraded"), world.ok("state upgrade").stdout);
        assert!(!dryrun.contains("to look at"), "{dryrun}");
        assert!(old == look(&world), "the store of {name} says something else after its upgrade");
        assert!(world.ok("state upgrade").stdout.starts_with("nothing to upgrade"));
        // Two deployments were under way when the tool was stopped, and the store says so.
        let check = world.run(&["state", "check"]);
        let stale = if name == "vps-demo" { 2 } else { 0 };
        assert_eq!(
            check.stdout.lines().filter(|line| line.contains("left running by a process")).count(),
            stale
        );
        assert_eq!(check.stdout.lines().count(), stale, "{}", check.text());
    }
}
