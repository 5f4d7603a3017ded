//! The life of a release.

use expect_test::expect;

use crate::world::World;

/// Two phases; the second takes what the first has made.
const TWO_PHASES: &str = r#"
-- release.ocu.star --
def build():
    print("building")
    return done(outputs={"image": "shop:1"})

def test(image):
    print("testing", image)
    return done()

task(build, "build")
task(test, "test", inputs={"image": input(ref="./task/build#output/image")})
"#;

/// A task, then one that waits for a person.
const APPROVAL: &str = r#"
-- release.ocu.star --
def build():
    return done(outputs={"image": "shop:1"})

def publish(image, approved):
    print("publishing", image, "approved by", approved)
    return done()

task(build, "build")
task(publish, "publish", inputs={
    "image": ref("./task/build#output/image"),
    "approved": input(ref="./custom/approved"),
})
"#;

fn world(fixture: &str) -> World {
    World::new(fixture.trim_start())
}

#[test]
fn phases_run_in_file_order() {
    let world = world(TWO_PHASES);
    world.check(
        "release new release.ocu.star",
        expect![[r#"
        shop/-/release.ocu.star/@r1 complete
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/build/1 build
          build/1 | building
        ✓ task/build/1 complete <took>
            shop/-/release.ocu.star/@r1/task/build#output/image
        › task/test/1 test
          test/1 | testing shop:1
        ✓ task/test/1 complete <took>
    "#]],
    );
    world.check(
        "release show",
        expect![[r#"
        shop/-/release.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/build/1 complete <time>
              shop/-/release.ocu.star/@r1/task/build#output/image
        phase 2
          ✓ task/test/1 complete <time>
    "#]],
    );
    world.check(
        "release list",
        expect![[r#"
        RELEASE  STATUS    COMMIT      TAGS  LIVE IN  TIME                  SUBJECT
        r1       complete  <commit 1>                 <time>  first
    "#]],
    );
    world.check(
        "state get ./@/task/build#output/image",
        expect![[r#"
        "shop:1"
    "#]],
    );
    world.check(
        "state match",
        expect![[r#"
        shop/-/release.ocu.star/@/task/build
        shop/-/release.ocu.star/@/task/test
        shop/-/release.ocu.star/@r1
        shop/-/release.ocu.star/@r1/commit/<commit 1>
        shop/-/release.ocu.star/@r1/task/build
        shop/-/release.ocu.star/@r1/task/build/1
        shop/-/release.ocu.star/@r1/task/build/1/logs
        shop/-/release.ocu.star/@r1/task/build/1/status/complete
        shop/-/release.ocu.star/@r1/task/test
        shop/-/release.ocu.star/@r1/task/test/1
        shop/-/release.ocu.star/@r1/task/test/1/logs
        shop/-/release.ocu.star/@r1/task/test/1/status/complete
        shop/-/repo.ocu.star/@
        shop/-/repo.ocu.star/@<commit 1>
    "#]],
    );
    world.check("state check", expect![[""]]);
}

#[test]
fn the_same_commit_is_not_released_twice() {
    let world = world(TWO_PHASES);
    world.ok("release new");
    world.check_reads_only(
        "release new",
        expect![[r#"
        --- stderr
        error: commit <commit 1> is released already: shop/-/release.ocu.star/@r1
          help: use --force to release it again, or `ocuroot release continue` to go on
        --- exit 1
    "#]],
    );
    world.ok("release new --force");
    world.check_reads_only(
        "release new",
        expect![[r#"
        --- stderr
        error: commit <commit 1> is released already: shop/-/release.ocu.star/@r1, shop/-/release.ocu.star/@r2
          help: use --force to release it again, or `ocuroot release continue` to go on
        --- exit 1
    "#]],
    );
    world.check(
        "release list --json",
        expect![[r#"
        [
          {
            "author": "Ada",
            "commit": "<commit 1>",
            "live_in": [],
            "release": "shop/-/release.ocu.star/@r2",
            "status": "complete",
            "subject": "first",
            "tags": [],
            "time": "<time>"
          },
          {
            "author": "Ada",
            "commit": "<commit 1>",
            "live_in": [],
            "release": "shop/-/release.ocu.star/@r1",
            "status": "complete",
            "subject": "first",
            "tags": [],
            "time": "<time>"
          }
        ]
    "#]],
    );
}

#[test]
fn a_release_that_waits_says_what_for_and_is_no_failure() {
    let world = world(APPROVAL);
    world.check(
        "release new",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            › task/build/1 build
            ✓ task/build/1 complete <took>
                shop/-/release.ocu.star/@r1/task/build#output/image
            › task/publish/1 waits for approved, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/approved (input approved)
        "#]],
    );
    world.check(
        "release show",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            commit <commit 1> first
            phase 1
              ✓ task/build/1 complete <time>
                  shop/-/release.ocu.star/@r1/task/build#output/image
            phase 2
              › task/publish/1 pending <time>
                  waits for approved, custom state that somebody must set
                    shop/-/release.ocu.star/@r1/custom/approved
        "#]],
    );
    world.check(
        "release continue",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            nothing is ready
            › task/publish/1 waits for approved, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/approved (input approved)
        "#]],
    );
    world.check(
        "state set ./@r1/custom/approved Ada",
        expect![[r#"
        --- stderr
        set shop/-/release.ocu.star/+r1/custom/approved; `ocuroot work any` carries it out
    "#]],
    );
    world.check(
        "state diff",
        expect![[r#"
        shop/-/release.ocu.star/@r1/custom/approved
    "#]],
    );
    world.check(
        "state diff --json",
        expect![[r#"
        [
          {
            "change": "create",
            "ref": "shop/-/release.ocu.star/@r1/custom/approved"
          }
        ]
    "#]],
    );
    world.check(
        "state diff --patch",
        expect![[r#"
        create shop/-/release.ocu.star/@r1/custom/approved
            intent    state
            "Ada"   |
    "#]],
    );
    world.check(
        "state apply ./@r1/custom/approved",
        expect![[r#"
        --- stderr
        applied shop/-/release.ocu.star/@r1/custom/approved
    "#]],
    );
    world.check(
        "release continue @r1",
        expect![[r#"
        shop/-/release.ocu.star/@r1 complete
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/publish/1 publish
          publish/1 | publishing shop:1 approved by Ada
        ✓ task/publish/1 complete <took>
    "#]],
    );
    world.check("state diff", expect![[""]]);
}

#[test]
fn a_release_is_carried_on_by_number_or_tag() {
    let mut world = world(
        r#"
-- release.ocu.star --
def build():
    return done(tags=["v1.0"])

def wait(ok):
    return done()

task(build, "build")
task(wait, "wait", inputs={"ok": input(ref="./custom/ok")})
"#,
    );
    world.ok("release new");
    world.check(
        "release show @v1.0",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            commit <commit 1> first
            tags   v1.0
            phase 1
              ✓ task/build/1 complete <time>
            phase 2
              › task/wait/1 pending <time>
                  waits for ok, custom state that somebody must set
                    shop/-/release.ocu.star/@r1/custom/ok
        "#]],
    );
    world.check(
        "release continue ./release.ocu.star/@v1.0",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            nothing is ready
            › task/wait/1 waits for ok, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/ok (input ok)
        "#]],
    );
    world.check(
        "release continue --release v1.0",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            nothing is ready
            › task/wait/1 waits for ok, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/ok (input ok)
        "#]],
    );
    world.check(
        "release continue release.ocu.star --release r1",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            nothing is ready
            › task/wait/1 waits for ok, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/ok (input ok)
        "#]],
    );
    world.check(
        "release continue @r7",
        expect![[r#"
            --- stderr
            there is no release shop/-/release.ocu.star/@r7; `ocuroot release list shop/-/release.ocu.star` lists those that there are
        "#]],
    );
    world.check(
        "release retry @r7",
        expect![[r#"
            --- stderr
            there is no release shop/-/release.ocu.star/@r7; `ocuroot release list shop/-/release.ocu.star` lists those that there are
        "#]],
    );
    world.check(
        "release show @r7",
        expect![[r#"
            --- stderr
            error: there is no release shop/-/release.ocu.star/@r7
              help: `ocuroot release list shop/-/release.ocu.star` lists those that there are
            --- exit 1
        "#]],
    );
    world.check(
        "state get ./@v1.0#commit",
        expect![[r#"
        "<commit 1>"
    "#]],
    );
    world.check(
        "state get ./@v1.0/task/build/1#type",
        expect![[r#"
        "task"
    "#]],
    );
    world.commit("second");
    world.check(
        "release continue @r1",
        expect![[r#"
        --- stderr
        error: shop/-/release.ocu.star/@r1 is a release of commit <commit 1>, but <commit 2> is checked out
          help: git checkout <commit 1>
        --- exit 1
    "#]],
    );
    world.check(
        "release retry @r1",
        expect![[r#"
        --- stderr
        error: shop/-/release.ocu.star/@r1 is a release of commit <commit 1>, but <commit 2> is checked out
          help: git checkout <commit 1>
        --- exit 1
    "#]],
    );
    world.check(
        "release continue",
        expect![[r#"
        --- stderr
        shop/-/release.ocu.star has no release of commit <commit 2>; `ocuroot release new` makes one
    "#]],
    );
    world.check(
        "release cancel @v1.0",
        expect![[r#"
        shop/-/release.ocu.star/@r1/task/wait/1
    "#]],
    );
    world.check(
        "release cancel @v1.0",
        expect![[r#"
        --- stderr
        error: nothing to cancel: no run of shop/-/release.ocu.star/@r1 is pending or paused
        --- exit 1
    "#]],
    );
    world.check(
        "release list",
        expect![[r#"
        RELEASE  STATUS     COMMIT      TAGS  LIVE IN  TIME                  SUBJECT
        r1       cancelled  <commit 1>  v1.0           <time>  first
    "#]],
    );
}

#[test]
fn what_failed_is_retried_with_a_new_number() {
    let world = world(
        r#"
-- release.ocu.star --
def build():
    if not is_dir("mended"):
        fail("the compiler is on fire")
    return done()

task(build, "build")

def later():
    return done()

task(later, "later")
"#,
    );
    world.check("release new", expect![[r#"
        shop/-/release.ocu.star/@r1 failed
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/build/1 build
          build/1 | error: the compiler is on fire
          build/1 |  --> release.ocu.star:3:9
          build/1 |   |
          build/1 | 3 |         fail("the compiler is on fire")
          build/1 |   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/build/1 failed <took>
        › task/later/1 waits for build, which failed <age> ago
            shop/-/release.ocu.star/@r1/task/build/*/status/complete
        error: shop/-/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/release.ocu.star/@r1
        --- exit 1
    "#]]);
    world.check(
        "release show",
        expect![[r#"
            shop/-/release.ocu.star/@r1 failed
            commit <commit 1> first
            phase 1
              ✗ task/build/1 failed <time>
                  failed <age> ago: the compiler is on fire; retry with `ocuroot release retry shop/-/release.ocu.star/@r1`
            phase 2
              › task/later/1 pending <time>
                  waits for build, which failed <age> ago
                    shop/-/release.ocu.star/@r1/task/build/*/status/complete
        "#]],
    );
    world.check("release retry", expect![[r#"
        shop/-/release.ocu.star/@r1 failed
        --- stderr
        queued shop/-/release.ocu.star/@r1/task/build/2
        shop/-/release.ocu.star/@r1 first
        › task/build/2 build
          build/2 | error: the compiler is on fire
          build/2 |  --> release.ocu.star:3:9
          build/2 |   |
          build/2 | 3 |         fail("the compiler is on fire")
          build/2 |   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/build/2 failed <took>
        › task/later/1 waits for build, which failed <age> ago, attempt 2 of 2
            shop/-/release.ocu.star/@r1/task/build/*/status/complete
        error: shop/-/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/release.ocu.star/@r1
        --- exit 1
    "#]]);
    std::fs::create_dir(world.root().join("mended")).unwrap();
    world.check(
        "release retry",
        expect![[r#"
        shop/-/release.ocu.star/@r1 complete
        --- stderr
        queued shop/-/release.ocu.star/@r1/task/build/3
        shop/-/release.ocu.star/@r1 first
        › task/build/3 build
        ✓ task/build/3 complete <took>
        › task/later/1 later
        ✓ task/later/1 complete <took>
    "#]],
    );
    world.check(
        "release retry",
        expect![[r#"
        --- stderr
        error: nothing to retry: no run of shop/-/release.ocu.star/@r1 has failed
        --- exit 1
    "#]],
    );
    world.check(
        "state match **/task/build/*/status/*",
        expect![[r#"
        shop/-/release.ocu.star/@r1/task/build/1/status/failed_retried
        shop/-/release.ocu.star/@r1/task/build/2/status/failed_retried
        shop/-/release.ocu.star/@r1/task/build/3/status/complete
    "#]],
    );
    world.check(
        "state get ./@r1/task/build/1/logs#0/message",
        expect![[r#"
        "error: the compiler is on fire"
    "#]],
    );
}

#[test]
fn the_others_of_a_failed_phase_finish_and_later_ones_never_start() {
    let world = world(
        r#"
-- release.ocu.star --
def good():
    return done()

def bad():
    fail("no")

phase("both", tasks=[task(bad, "bad"), task(good, "good")])
task(good, "after")
"#,
    );
    world.check("release new --jobs 1", expect![[r#"
        shop/-/release.ocu.star/@r1 failed
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/bad/1 bad
          bad/1 | error: no
          bad/1 |  --> release.ocu.star:5:5
          bad/1 |   |
          bad/1 | 5 |     fail("no")
          bad/1 |   |     ^^^^^^^^^^
        ✗ task/bad/1 failed <took>
        › task/good/1 good
        ✓ task/good/1 complete <took>
        › task/after/1 waits for all of phase both: bad failed <age> ago
            shop/-/release.ocu.star/@r1/task/bad/*/status/complete
        error: shop/-/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/release.ocu.star/@r1
        --- exit 1
    "#]]);
    world.check(
        "release show",
        expect![[r#"
            shop/-/release.ocu.star/@r1 failed
            commit <commit 1> first
            phase 1: both
              ✗ task/bad/1 failed <time>
                  failed <age> ago: no; retry with `ocuroot release retry shop/-/release.ocu.star/@r1`
              ✓ task/good/1 complete <time>
            phase 2
              › task/after/1 pending <time>
                  waits for all of phase both: bad failed <age> ago
                    shop/-/release.ocu.star/@r1/task/bad/*/status/complete
        "#]],
    );
}

#[test]
fn a_function_hands_over_to_another_which_may_wait() {
    let world = world(
        r#"
-- release.ocu.star --
def begin():
    print("begun")
    return next(finish, inputs={"token": input(ref="./custom/token"), "made": "here"})

def finish(token, made):
    print("finished with", token, made)
    return next(really, inputs={"x": made})

def really(x):
    return done(outputs={"x": x})

task(begin, "work")
"#,
    );
    world.check(
        "release new",
        expect![[r#"
            shop/-/release.ocu.star/@r1 paused
            --- stderr
            shop/-/release.ocu.star/@r1 first
            › task/work/1 begin
              work/1 | begun
            › task/work/1 paused <took>
            › task/work/1 waits for token, custom state that somebody must set
                shop/-/release.ocu.star/@r1/custom/token (input token)
        "#]],
    );
    world.check(
        "state match **/status/*",
        expect![[r#"
        shop/-/release.ocu.star/@r1/task/work/1/status/paused
    "#]],
    );
    world.ok("state set ./@r1/custom/token abc");
    world.ok("state apply ./@r1/custom/token");
    world.check(
        "work continue --dryrun",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "ref": "shop/-/release.ocu.star/@r1/task/work/1",
            "work_type": "run"
          }
        ]
    "#]],
    );
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/work/1 finish
          work/1 | finished with abc here
        › task/work/1 really
        ✓ task/work/1 complete <took>
            shop/-/release.ocu.star/@r1/task/work#output/x
    "#]],
    );
    world.check(
        "state get ./@r1/task/work#output",
        expect![[r#"
        {
          "x": "here"
        }
    "#]],
    );
}

#[test]
fn one_job_keeps_strict_order() {
    let mut text = String::from("-- release.ocu.star --\n");
    for n in 0..8 {
        text.push_str(&format!("def f{n}():\n    shell(\"echo {n} >> order\")\n"));
    }
    let tasks: Vec<String> = (0..8).map(|n| format!("task(f{n}, \"t{n}\")")).collect();
    text.push_str(&format!("phase(\"all\", tasks=[{}])\n", tasks.join(", ")));
    let world = World::new(&text);
    world.ok("release new -j1");
    expect![[r#"
        0
        1
        2
        3
        4
        5
        6
        7
    "#]]
    .assert_eq(&world.read("order"));
}

#[test]
fn runs_of_a_phase_execute_at_the_same_time() {
    // Each waits for a file that only the other makes; one after the other they would never end.
    let world = world(
        r#"
-- release.ocu.star --
def a():
    shell("touch a; until test -e b; do :; done")
def b():
    shell("touch b; until test -e a; do :; done")
phase("both", tasks=[task(a, "a"), task(b, "b")])
"#,
    );
    assert_eq!(world.ok("release new --jobs 2").stdout, "shop/-/release.ocu.star/@r1 complete\n");
}

#[test]
fn tags_that_cannot_be_fail_the_run() {
    for tag in ["r5", "a/b", ""] {
        let world = World::new(&format!(
            "-- release.ocu.star --\ndef f():\n    return done(tags=[{tag:?}])\ntask(f, \"t\")\n"
        ));
        let run = world.run(&["release", "new"]);
        assert_eq!(run.code, 1, "{tag}: {}", run.text());
        assert!(run.stderr.contains(&format!("{tag:?}")) || run.stderr.contains(tag), "{}", run.text());
        assert!(run.stderr.contains("tag"), "{}", run.text());
    }
    let world =
        World::new("-- release.ocu.star --\ndef f():\n    return done(tags=[\"r5\"])\ntask(f, \"t\")\n");
    world.check("release new", expect![[r#"
        shop/-/release.ocu.star/@r1 failed
        --- stderr
        shop/-/release.ocu.star/@r1 first
        › task/t/1 f
          t/1 | error: `r5` is not a tag: `r` and digits name a release by its number
          t/1 |  --> release.ocu.star:2:12
          t/1 |   |
          t/1 | 2 |     return done(tags=["r5"])
          t/1 |   |            ^^^^^^^^^^^^^^^^^
        ✗ task/t/1 failed <took>
        error: shop/-/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/release.ocu.star/@r1
        --- exit 1
    "#]]);
}

#[test]
fn a_package_without_work_gets_a_release_and_nothing_gets_none() {
    let world = World::new(
        "-- empty.ocu.star --\ndef up():\n    return done()\n[deploy(e.name, up=up, down=up) for e in environments()]\nphase(\"later\")\n-- nothing.ocu.star --\nx = 1\n",
    );
    world.check(
        "release new empty.ocu.star",
        expect![[r#"
        shop/-/empty.ocu.star/@r1 pending
        --- stderr
        shop/-/empty.ocu.star/@r1 first
    "#]],
    );
    world.check(
        "release show empty.ocu.star",
        expect![[r#"
        shop/-/empty.ocu.star/@r1 pending
        commit <commit 1> first
        phase 1: later
    "#]],
    );
    world.check(
        "release new nothing.ocu.star",
        expect![[r#"
        --- stderr
        shop/-/nothing.ocu.star defines nothing to release
    "#]],
    );
    world.check(
        "release new",
        expect![[r#"
        --- stderr
        error: there are 2 release files in $DIR/repo
          help: name one of them:
                empty.ocu.star
                nothing.ocu.star
        --- exit 1
    "#]],
    );
    world.check(
        "release new empty.ocu.star/@r1",
        expect![[r#"
        --- stderr
        error: a new release gets its number by itself; leave shop/-/empty.ocu.star/@r1 out
        --- exit 2
    "#]],
    );
    world.check(
        "release new missing.ocu.star",
        expect![[r#"
        --- stderr
        error: there is no release file $DIR/repo/missing.ocu.star
          help: name one of them:
                empty.ocu.star
                nothing.ocu.star
        --- exit 1
    "#]],
    );
    world.check(
        "release new repo.ocu.star",
        expect![[r#"
        --- stderr
        error: repo.ocu.star is no release file: it holds the settings of the repo
          help: name one of them:
                empty.ocu.star
                nothing.ocu.star
        --- exit 1
    "#]],
    );
}

#[test]
fn lint_shows_phases_and_runs_nothing() {
    let world = world(APPROVAL);
    world.check_reads_only(
        "release lint release.ocu.star",
        expect![[r#"
        phase 1
          task/build
        phase 2
          task/publish
            approved = shop/-/release.ocu.star/@r1/custom/approved
            image = shop/-/release.ocu.star/@r1/task/build#output/image
    "#]],
    );
    world.check(
        "release lint release.ocu.star --json",
        expect![[r#"
        {
          "functions": {
            "build/release.ocu.star:1:1": {
              "function": {
                "name": "build",
                "pos": "release.ocu.star:1:1"
              }
            },
            "publish/release.ocu.star:4:1": {
              "function": {
                "name": "publish",
                "pos": "release.ocu.star:4:1"
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
                      "name": "build",
                      "pos": "release.ocu.star:1:1"
                    },
                    "inputs": {},
                    "name": "build"
                  }
                }
              ]
            },
            {
              "name": "",
              "tasks": [
                {
                  "task": {
                    "fn": {
                      "name": "publish",
                      "pos": "release.ocu.star:4:1"
                    },
                    "inputs": {
                      "approved": {
                        "ref": "shop/-/release.ocu.star/@r1/custom/approved"
                      },
                      "image": {
                        "ref": "shop/-/release.ocu.star/@r1/task/build#output/image"
                      }
                    },
                    "name": "publish"
                  }
                }
              ]
            }
          ]
        }
    "#]],
    );
    assert!(world.store().is_empty());
    world.write("bad.ocu.star", "shell(\"touch made\")\n");
    world.check(
        "release lint bad.ocu.star",
        expect![[r#"
        --- stderr
        error: `shell` is not available here: this evaluation runs nothing
         --> bad.ocu.star:1:1
          |
        1 | shell("touch made")
          | ^^^^^^^^^^^^^^^^^^^
        help: call it in the function of a task or a deploy, which only runs in a release
        --- exit 1
    "#]],
    );
    assert!(!world.root().join("made").exists());
}
