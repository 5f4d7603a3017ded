//! Refs as people type them: files, relative ones, full ones, and all that is no ref.

use expect_test::expect;

use crate::world::World;

const REPO: &str = r#"-- web.ocu.star --
def f():
    return done(outputs={"n": 1, "list": [{"a": None}, "two"]})
task(f, "f")
-- lib/api.ocu.star --
def f():
    return done(outputs={"n": 2})
task(f, "f")
-- lib/deep/readme --
"#;

#[test]
fn packages_by_path() {
    let world = World::new(REPO);
    world.check_in(
        "lib",
        "release new",
        expect![[r#"
        shop/-/lib/api.ocu.star/@r1 complete
        --- stderr
        shop/-/lib/api.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
            shop/-/lib/api.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib",
        "release new ../web.ocu.star",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
            shop/-/web.ocu.star/@r1/task/f#output/list
            shop/-/web.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show ../api.ocu.star",
        expect![[r#"
        shop/-/lib/api.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
              shop/-/lib/api.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show ../../web.ocu.star/@r1",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
              shop/-/web.ocu.star/@r1/task/f#output/list
              shop/-/web.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show //web.ocu.star",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
              shop/-/web.ocu.star/@r1/task/f#output/list
              shop/-/web.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show shop/-/web.ocu.star/@r1",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
              shop/-/web.ocu.star/@r1/task/f#output/list
              shop/-/web.ocu.star/@r1/task/f#output/n
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show ../../../web.ocu.star",
        expect![[r#"
        --- stderr
        error: ../../../web.ocu.star leads out of the repo
        --- exit 2
    "#]],
    );
    world.check_in(
        "lib/deep",
        "release show",
        expect![[r#"
        --- stderr
        error: there is no release file (*.ocu.star) in $DIR/repo/lib/deep
        --- exit 1
    "#]],
    );
    world.check_in(
        "lib",
        "state get ./@/task/f#output/n",
        expect![[r#"
        2
    "#]],
    );
    world.check_in(
        "lib",
        "state get @r1#commit",
        expect![[r#"
        {
          "commit": "<commit 1>",
          "package": {
            "functions": {
              "f/api.ocu.star:1:1": {
                "function": {
                  "name": "f",
                  "pos": "api.ocu.star:1:1"
                }
              }
            },
            "phases": [
              {
                "name": "",
                "tasks": [
                  {
                    "task": {
                      "fn": {
                        "name": "f",
                        "pos": "api.ocu.star:1:1"
                      },
                      "inputs": {},
                      "name": "f"
                    }
                  }
                ]
              }
            ]
          }
        }
    "#]],
    );
    world.check_in(
        "lib",
        "state get ../web.ocu.star/@r1/task/f#output/n",
        expect![[r#"
        1
    "#]],
    );
    world.check_in(
        "lib",
        "state get ./task/f#output/n --release r1",
        expect![[r#"
        2
    "#]],
    );
    world.check_in(
        "lib",
        "state get --package ../web.ocu.star ./@/task/f#output/n",
        expect![[r#"
        1
    "#]],
    );
    world.check(
        "state get ./task/f#output/n --package lib/api.ocu.star --release r1",
        expect![[r#"
        2
    "#]],
    );
    world.check(
        "state get ./@/task/f#output/n",
        expect![[r#"
        1
    "#]],
    );
    world.check(
        "release list --package lib/api.ocu.star",
        expect![[r#"
        RELEASE  STATUS    COMMIT      TAGS  LIVE IN  TIME                  SUBJECT
        r1       complete  <commit 1>                 <time>  first
    "#]],
    );
    world.check(
        "release list nope.ocu.star",
        expect![[r#"
        --- stderr
        error: there is no release file $DIR/repo/nope.ocu.star
          help: name one of them:
                web.ocu.star
        --- exit 1
    "#]],
    );
    world.check(
        "release show web.ocu.star/@r1/task/f",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/@r1/task/f is not a release file
        --- exit 2
    "#]],
    );
    world.check(
        "release cancel web.ocu.star",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star names no release: add one, as in shop/-/web.ocu.star/@r4
        --- exit 2
    "#]],
    );
}

#[test]
fn fields_and_what_is_not_there() {
    let world = World::new(REPO);
    world.ok("release new web.ocu.star");
    world.check(
        "state get web.ocu.star/@r1/task/f#output/list/1",
        expect![[r#"
        "two"
    "#]],
    );
    world.check(
        "state get web.ocu.star/@1/task/f#output/list/1",
        expect![[r#"
        "two"
    "#]],
    );
    world.check(
        "state get web.ocu.star/@/call/f/#output/list/1",
        expect![[r#"
        "two"
    "#]],
    );
    world.check(
        "state get web.ocu.star/@r1/task/f#output/list/0/a",
        expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/@r1/task/f#output/list/0/a not found
              help: shop/-/web.ocu.star/@r1/task/f is there, but has no such field
            --- exit 1
        "#]],
    );
    world.check(
        "state get web.ocu.star/@r1/task/f#output/list/2",
        expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/@r1/task/f#output/list/2 not found
              help: shop/-/web.ocu.star/@r1/task/f is there, but has no such field
            --- exit 1
        "#]],
    );
    world.check(
        "state get web.ocu.star/@r1/task/g",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/@r1/task/g not found
          help: did you mean shop/-/web.ocu.star/@r1/task/f?
        --- exit 1
    "#]],
    );
    world.check(
        "state get wep.ocu.star/@r1/task/f",
        expect![[r#"
        --- stderr
        error: shop/-/wep.ocu.star/@r1/task/f not found
          help: `ocuroot state match` lists what there is
        --- exit 1
    "#]],
    );
    world.check(
        "state get @/environment/production",
        expect![[r#"
        --- stderr
        error: @/environment/production not found
          help: `ocuroot state match` lists what there is
        --- exit 1
    "#]],
    );
    world.check("state match nothing/**", expect![[""]]);
    world.check(
        "state match **/task/* --no-links",
        expect![[r#"
        shop/-/web.ocu.star/@r1/task/f
    "#]],
    );
    world.check(
        "state match **/task/* -l --json",
        expect![[r#"
        [
          "shop/-/web.ocu.star/@r1/task/f"
        ]
    "#]],
    );
    world.check(
        "state match **/call/f",
        expect![[r#"
        shop/-/web.ocu.star/@/task/f
        shop/-/web.ocu.star/@r1/task/f
    "#]],
    );
}

#[test]
fn what_is_no_ref_is_refused_with_its_place() {
    let world = World::new(REPO);
    let long = format!("a/-/{}", "x".repeat(256));
    let longer = format!("a/-/{}", "x/".repeat(2100));
    for (reference, expected) in [
        (
            "a/-/p/@/invalid/x",
            expect![[r#"
            --- stderr
            error: `invalid` at byte 8 of `a/-/p/@/invalid/x`: unknown type; after the release write one of task, deploy, custom, environment, commit, push, op
            --- exit 2
        "#]],
        ),
        (
            "repo.git/package@/deploy/x",
            expect![[r#"
            --- stderr
            error: `package@` at byte 9 of `repo.git/package@/deploy/x`: `@` starts a release, so it stands right after a `/`; write `path/@release`
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@/custom/@x",
            expect![[r#"
            --- stderr
            error: `@x` at byte 15 of `a/-/p/@/custom/@x`: a segment after the type does not start with `@`; rename it
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@/task/x#@y",
            expect![[r#"
            --- stderr
            error: `@y` at byte 15 of `a/-/p/@/task/x#@y`: a segment after the type does not start with `@`; rename it
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@/custom/a=b",
            expect![[r#"
            --- stderr
            error: `a=b` at byte 15 of `a/-/p/@/custom/a=b`: a subpath holds no `=`; remove it
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/../q",
            expect![[r#"
                --- stderr
                error: `..` at byte 6 of `a/-/p/../q`: a ref does not go up with `..`; write the path from the root of the repo
                --- exit 2
            "#]],
        ),
        (
            "a/-/p//q",
            expect![[r#"
            --- stderr
            error: byte 6 of `a/-/p//q`: a segment is empty; write one `/`, not two
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@/custom/x//y",
            expect![[r#"
            --- stderr
            error: byte 17 of `a/-/p/@/custom/x//y`: a segment is empty; write one `/`, not two
            --- exit 2
        "#]],
        ),
        (
            "a/-/p\u{7}",
            expect![[r#"
            --- stderr
            error: `\u{7}` at byte 5 of `a/-/p\u{7}`: a ref holds no control characters; remove it
            --- exit 2
        "#]],
        ),
        (
            "a/-/p\\q",
            expect![[r#"
            --- stderr
            error: `\\` at byte 5 of `a/-/p\\q`: a ref holds no backslash; separate segments with `/`
            --- exit 2
        "#]],
        ),
        (
            "@/p/environment/x",
            expect![[r#"
            --- stderr
            error: `p` at byte 2 of `@/p/environment/x`: unknown type; after the release write one of task, deploy, custom, environment, commit, push, op
            --- exit 2
        "#]],
        ),
        (
            "a/-/b/-/c",
            expect![[r#"
            --- stderr
            error: `-` at byte 6 of `a/-/b/-/c`: `-` stands only once, between repo and path (`repo/-/path`); rename this one
            --- exit 2
        "#]],
        ),
        (
            "a/./b",
            expect![[r#"
            --- stderr
            error: `.` at byte 2 of `a/./b`: `.` stands only for the current repo (`./-/`) or in a leading `./`; drop it
            --- exit 2
        "#]],
        ),
        (
            "/a/b",
            expect![[r#"
            --- stderr
            error: `/` at byte 0 of `/a/b`: a ref does not start with `/`; drop it, or start with `//` for the root of the current repo
            --- exit 2
        "#]],
        ),
        (
            "https://example.org/x",
            expect![[r#"
            --- stderr
            error: `https://` at byte 0 of `https://example.org/x`: a ref is not a URL; drop the scheme and start with the host
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@@",
            expect![[r#"
            --- stderr
            error: `@@` at byte 6 of `a/-/p/@@`: a ref has one release; keep one `@` or `+`
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/+@",
            expect![[r#"
            --- stderr
            error: `+@` at byte 6 of `a/-/p/+@`: a ref has one release; keep one `@` or `+`
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@r1@r2",
            expect![[r#"
            --- stderr
            error: `@r1@r2` at byte 6 of `a/-/p/@r1@r2`: a ref has one release; keep one `@` or `+`
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@r 1",
            expect![[r#"
            --- stderr
            error: `@r 1` at byte 6 of `a/-/p/@r 1`: a release holds no white space; remove it
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@//",
            expect![[r#"
            --- stderr
            error: `//` at byte 7 of `a/-/p/@//`: a ref ends in at most one `/`; drop the others
            --- exit 2
        "#]],
        ),
        (
            "a/-/p/@/task/",
            expect![[r#"
            --- stderr
            error: `task` at byte 8 of `a/-/p/@/task/`: a type is followed by a name; write it, as in `task/build`
            --- exit 2
        "#]],
        ),
        (
            "a/-/+p/@",
            expect![[r#"
            --- stderr
            error: `@` at byte 7 of `a/-/+p/@`: a ref has one release; keep one `@` or `+`
            --- exit 2
        "#]],
        ),
        (
            "",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star not found
              help: `ocuroot state match` lists what there is
            --- exit 1
        "#]],
        ),
    ] {
        let run = world.run(&["state", "get", reference]);
        expected.assert_eq(&run.text());
    }
    for reference in [&long, &longer] {
        let run = world.run(&["state", "get", reference]);
        assert_eq!(run.code, 2, "{}", run.text());
        assert!(run.stderr.contains(" bytes; shorten it"), "{}", run.text());
    }
}

#[test]
fn listings_are_narrowed_to_a_package_or_a_release() {
    let world = World::new(
        "-- a.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n-- b.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n",
    );
    for line in ["release new a.ocu.star", "release new b.ocu.star", "release new b.ocu.star --force"] {
        world.ok(line);
    }
    world.ok("state set b.ocu.star/@r2/custom/x 1");
    assert_eq!(
        world.ok("state match **/status/* --package b.ocu.star").stdout,
        "shop/-/b.ocu.star/@r1/task/f/1/status/complete\nshop/-/b.ocu.star/@r2/task/f/1/status/complete\n"
    );
    assert_eq!(
        world.ok("state match **/status/* --package b.ocu.star --release r2").stdout,
        "shop/-/b.ocu.star/@r2/task/f/1/status/complete\n"
    );
    assert_eq!(world.ok("state diff --package a.ocu.star").stdout, "");
    assert_eq!(world.ok("state diff --package b.ocu.star").stdout, "shop/-/b.ocu.star/@r2/custom/x\n");
}

#[test]
fn package_and_release_name_what_a_command_is_about() {
    let world = World::new(
        "-- a.ocu.star --\ndef f(x):\n    pass\ntask(f, \"f\", inputs={\"x\": ref(\"./custom/x\")})\n-- b.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n",
    );
    for line in ["release new a.ocu.star", "release new b.ocu.star", "release new b.ocu.star --force"] {
        world.ok(line);
    }
    let b1 = world.ok("state get b.ocu.star/@r1").stdout;
    assert_eq!(world.ok("state get --package b.ocu.star --release r1").stdout, b1);
    // Without a release it is the newest.
    let b2 = world.ok("state get b.ocu.star/@r2").stdout;
    assert_eq!(world.ok("state get --package b.ocu.star").stdout, b2);
    assert_eq!(world.ok("release lint --package b.ocu.star").stdout, "phase 1\n  task/f\n");
    assert_eq!(
        world.ok("release cancel --release r1 --package a.ocu.star").stdout,
        "shop/-/a.ocu.star/@r1/task/f/1\n"
    );
    for (line, expected) in [
        (
            "state get",
            expect![[r#"
                --- stderr
                error: the following required arguments were not provided:
                  <REFERENCE>

                Usage: ocuroot state get <REFERENCE>

                For more information, try '--help'.
                --- exit 2
            "#]],
        ),
        (
            "state get --package b.ocu.star --release v",
            expect![[r#"
                --- stderr
                error: shop/-/b.ocu.star/@v not found
                  help: did you mean shop/-/b.ocu.star/@r2?
                --- exit 1
            "#]],
        ),
        (
            "state apply --package b.ocu.star --release r1",
            expect![[r#"
                --- stderr
                error: shop/-/b.ocu.star/@r1 is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
                --- exit 1
            "#]],
        ),
        (
            "state delete --package b.ocu.star --release r1",
            expect![[r#"
                --- stderr
                error: shop/-/b.ocu.star/+r1 is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
                --- exit 1
            "#]],
        ),
        (
            "release cancel --package b.ocu.star",
            expect![[r#"
                --- stderr
                error: shop/-/b.ocu.star names no release: add one, as in shop/-/b.ocu.star/@r4
                --- exit 2
            "#]],
        ),
        (
            "release lint",
            expect![[r#"
                --- stderr
                error: the following required arguments were not provided:
                  <FILE>

                Usage: ocuroot release lint <FILE>

                For more information, try '--help'.
                --- exit 2
            "#]],
        ),
        (
            "release list b.ocu.star --package a.ocu.star",
            expect![[r#"
                --- stderr
                error: shop/-/b.ocu.star is not of the package that --package names, shop/-/a.ocu.star
                --- exit 2
            "#]],
        ),
    ] {
        world.check_reads_only(line, expected);
    }
}

#[test]
fn a_check_is_narrowed_and_mends_no_more_than_it_says() {
    let world = World::new(
        "-- a.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n-- b.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n",
    );
    world.ok("release new a.ocu.star");
    world.ok("release new b.ocu.star");
    for file in ["a", "b"] {
        let status = format!(".store/state/refs/shop/-/{file}.ocu.star/@r1/task/f/1/status/complete");
        std::fs::remove_dir_all(world.root().join(status)).unwrap();
        world.write(&format!(".store/state/refs/shop/-/{file}.ocu.star/@r1/a=b/@object.json"), "{}");
    }
    assert_eq!(world.run(&["state", "check"]).stdout.lines().count(), 4);
    world.check(
        "state check --package a.ocu.star",
        expect![[r#"
            shop/-/a.ocu.star/@r1/a=b: refs/shop/-/a.ocu.star/@r1/a=b is no ref, so nothing reads it; move the file or delete it
            shop/-/a.ocu.star/@r1/task/f/1: the run has no status, and counts as pending; --fix writes that down
            --- stderr
            error: 2 problems found
            --- exit 1
        "#]],
    );
    world.check(
        "state check --package a.ocu.star --release r1 --fix",
        expect![[r#"
            shop/-/a.ocu.star/@r1/a=b: refs/shop/-/a.ocu.star/@r1/a=b is no ref, so nothing reads it; move the file or delete it
            shop/-/a.ocu.star/@r1/task/f/1: mended: the run has no status, and counts as pending; --fix writes that down
            --- stderr
            error: 1 problem found
            --- exit 1
        "#]],
    );
    assert_eq!(world.ok("state check --package a.ocu.star --release r2").stdout, "");
    let left = world.run(&["state", "check"]).stdout;
    assert!(
        left.contains("b.ocu.star/@r1/task/f/1:") && !left.contains("a.ocu.star/@r1/task/f/1:"),
        "{left}"
    );
}

#[test]
fn short_flags_take_their_value_with_and_without_an_equals_sign() {
    let world = World::new("");
    for line in
        ["state set @/custom/a 1 -f=json", "state set @/custom/a 1 -f json", "state set -fjson @/custom/a 1"]
    {
        world.ok(line);
        assert_eq!(world.ok("state get +/custom/a").stdout, "1\n");
        world.ok("state delete @/custom/a");
    }
}

/// A root whose only file declares environments, and packages further down.
const SEVERAL: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- api/release.ocu.star --
def f():
    pass
task(f, "f")
-- web/a.ocu.star --
def f():
    pass
task(f, "f")
-- web/b.ocu.star --
def f():
    pass
task(f, "f")
-- web/env.ocu.star --
register_environment(environment("qa"))
"#;

#[test]
fn a_file_that_declares_environments_is_not_taken_for_one_that_has_releases() {
    let world = World::new(SEVERAL);
    world.ok("release new api/release.ocu.star");
    for line in [
        "release show",
        "release show @r1",
        "release list",
        "release continue",
        "release retry",
        "release rollback",
        "state why",
    ] {
        world.check_reads_only(
            line,
            expect![[r#"
                --- stderr
                error: env.ocu.star declares environments, and nothing else in $DIR/repo can be released
                  help: name one of them:
                        api/release.ocu.star
                        web/a.ocu.star
                        web/b.ocu.star
                --- exit 1
            "#]],
        );
    }
    for line in ["state why ./@r1", "state get ./@r1"] {
        world.check_reads_only(
            line,
            expect![[r#"
                --- stderr
                error: shop/-/@r1 not found: it names no release file
                  help: name one of them:
                        api/release.ocu.star
                        web/a.ocu.star
                        web/b.ocu.star
                --- exit 1
            "#]],
        );
    }
    for line in ["state why ./api/@r1", "state get ./api/@r1"] {
        world.check_reads_only(
            line,
            expect![[r#"
                --- stderr
                error: shop/-/api/@r1 not found: it names no release file
                  help: name one of them:
                        api/release.ocu.star
                --- exit 1
            "#]],
        );
    }
    world.check_in(
        "web",
        "release show api",
        expect![[r#"
        --- stderr
        error: there is no release file $DIR/repo/web/api
          help: name one of them:
                a.ocu.star
                b.ocu.star
        --- exit 1
    "#]],
    );
    world.check_in(
        "web",
        "release show ../api",
        expect![[r#"
        --- stderr
        error: $DIR/repo/api is a folder, not a release file
          help: name one of them:
                ./-/api/release.ocu.star
        --- exit 1
    "#]],
    );
    world.check_in(
        "web",
        "state why ./@r1",
        expect![[r#"
        --- stderr
        error: shop/-/web/@r1 not found: it names no release file
          help: name one of them:
                a.ocu.star
                b.ocu.star
        --- exit 1
    "#]],
    );
    world.check_in(
        "web",
        "release continue",
        expect![[r#"
        --- stderr
        error: there are 2 release files in $DIR/repo/web
          help: name one of them:
                a.ocu.star
                b.ocu.star
        --- exit 1
    "#]],
    );
    world.check_in(
        "web",
        "release new",
        expect![[r#"
        --- stderr
        error: there are 3 release files in $DIR/repo/web
          help: name one of them:
                a.ocu.star
                b.ocu.star
                env.ocu.star
        --- exit 1
    "#]],
    );
    world.check_in(
        "api",
        "state why ./@r1",
        expect![[r#"
        shop/-/api/release.ocu.star/@r1: completed <age> ago, nothing waits
    "#]],
    );
    // It is released by its name, or where there is no other.
    world.check(
        "release new",
        expect![[r#"
        @/environment/prod
    "#]],
    );
}

#[test]
fn beside_a_file_that_declares_environments_a_package_need_not_be_named() {
    let world = World::new(
        "-- env.ocu.star --\nregister_environment(environment(\"prod\"))\n-- web.ocu.star --\ndef f():\n    pass\ntask(f, \"f\")\n",
    );
    world.ok("release new web.ocu.star");
    world.check(
        "state why ./@r1",
        expect![[r#"
        shop/-/web.ocu.star/@r1: completed <age> ago, nothing waits
    "#]],
    );
    world.check(
        "release continue",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        --- stderr
        shop/-/web.ocu.star/@r1 first
        nothing is ready
    "#]],
    );
    world.check(
        "state get ./@r1/task/f#type",
        expect![[r#"
        "task"
    "#]],
    );
}

#[test]
fn a_release_that_is_not_there() {
    let world = World::new(SEVERAL);
    world.ok("release new api/release.ocu.star");
    for (line, expected) in [
        (
            "release continue api/release.ocu.star/@r7",
            expect![[r#"
            --- stderr
            there is no release shop/-/api/release.ocu.star/@r7; `ocuroot release list shop/-/api/release.ocu.star` lists those that there are
        "#]],
        ),
        (
            "release retry api/release.ocu.star/@v7",
            expect![[r#"
            --- stderr
            there is no release shop/-/api/release.ocu.star/@v7; `ocuroot release list shop/-/api/release.ocu.star` lists those that there are
        "#]],
        ),
        (
            "release show api/release.ocu.star/@r7",
            expect![[r#"
            --- stderr
            error: there is no release shop/-/api/release.ocu.star/@r7
              help: `ocuroot release list shop/-/api/release.ocu.star` lists those that there are
            --- exit 1
        "#]],
        ),
        (
            "release cancel api/release.ocu.star/@r7",
            expect![[r#"
            --- stderr
            error: there is no release shop/-/api/release.ocu.star/@r7
              help: `ocuroot release list shop/-/api/release.ocu.star` lists those that there are
            --- exit 1
        "#]],
        ),
        (
            "release rollback api/release.ocu.star/@r7",
            expect![[r#"
            --- stderr
            error: there is no release shop/-/api/release.ocu.star/@r7
              help: `ocuroot release list shop/-/api/release.ocu.star` lists those that there are
            --- exit 1
        "#]],
        ),
        // Nothing was released of it, or it is not even there.
        (
            "release show web/a.ocu.star",
            expect![[r#"
            --- stderr
            error: there is no release shop/-/web/a.ocu.star/@
              help: nothing of it has been released yet: `ocuroot release new` does
            --- exit 1
        "#]],
        ),
        (
            "release continue nope.ocu.star/@r7",
            expect![[r#"
            --- stderr
            error: there is no release file $DIR/repo/nope.ocu.star
              help: name one of them:
                    api/release.ocu.star
                    web/a.ocu.star
                    web/b.ocu.star
            --- exit 1
        "#]],
        ),
        (
            "release cancel nope.ocu.star/@r7",
            expect![[r#"
            --- stderr
            error: there is no release file $DIR/repo/nope.ocu.star
              help: name one of them:
                    api/release.ocu.star
                    web/a.ocu.star
                    web/b.ocu.star
            --- exit 1
        "#]],
        ),
    ] {
        world.check_reads_only(line, expected);
    }
}
