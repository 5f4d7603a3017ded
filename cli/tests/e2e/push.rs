//! `push`: what has changed is released, and what follows is done.

use expect_test::expect;

use crate::team::{WEB_LINE, assert_tidy, commit, news, ok_in, run_in, team};
use crate::world::World;

/// `b` watches `lib`; `z` declares the environment that both deploy to.
const REPO: &str = r#"-- repo.ocu.star --
repo_alias("shop")
store.set(store.fs("./.store"))
release_ignore = ["tests*"]
-- a/release.ocu.star --
load("//lib/lib.star", "number")
def build():
    return done(outputs={"n": number})
def up(environment):
    pass
task(build, "build")
phase("deploy", tasks=[deploy(e, up=up, down=up) for e in environments()])
-- b.ocu.star --
def build():
    return done(watch=["lib", "./data/"])
task(build, "build")
-- lib/lib.star --
number = 1
-- lib/tasks.ocu.star --
def nothing():
    pass
-- tests/x.ocu.star --
fail("not to be released")
-- z.ocu.star --
register_environment(environment("prod"))
"#;

#[test]
fn the_first_push_releases_everything_and_later_ones_what_has_changed() {
    let mut world = World::new(REPO);
    world.check_reads_only(
        "push -n",
        expect![[r#"
            a/release.ocu.star
            b.ocu.star
            lib/tasks.ocu.star
            z.ocu.star
        "#]],
    );
    world.check_reads_only(
        "push --dryrun --json",
        expect![[r#"
            [
              {
                "commit": "<commit 1>",
                "ref": "shop/-/a/release.ocu.star",
                "work_type": "release"
              },
              {
                "commit": "<commit 1>",
                "ref": "shop/-/b.ocu.star",
                "work_type": "release"
              },
              {
                "commit": "<commit 1>",
                "ref": "shop/-/lib/tasks.ocu.star",
                "work_type": "release"
              },
              {
                "commit": "<commit 1>",
                "ref": "shop/-/z.ocu.star",
                "work_type": "release"
              }
            ]
        "#]],
    );
    world.check(
        "push -j1",
        expect![[r#"
            @/environment/prod
            shop/-/a/release.ocu.star/@r1 complete
            shop/-/b.ocu.star/@r1 complete
            --- stderr
            a/release.ocu.star
            b.ocu.star
            lib/tasks.ocu.star
            z.ocu.star
            shop/-/lib/tasks.ocu.star defines nothing to release
            shop/-/a/release.ocu.star/@r1 first
            shop/-/b.ocu.star/@r1 first
            › a/release.ocu.star/@r1/task/build/1 build
            ✓ a/release.ocu.star/@r1/task/build/1 complete <took>
                shop/-/a/release.ocu.star/@r1/task/build#output/n
            › a/release.ocu.star/@r1/deploy/prod/1 up
            ✓ a/release.ocu.star/@r1/deploy/prod/1 complete <took>
            › b.ocu.star/@r1/task/build/1 build
            ✓ b.ocu.star/@r1/task/build/1 complete <took>
        "#]],
    );
    world.check(
        "state get ./-/repo.ocu.star/@/push/index",
        expect![[r#"
            {
              "commit": "<commit 1>",
              "previous_commit": "",
              "release_configs": {
                "shop/-/a/release.ocu.star": {
                  "watch_files": []
                },
                "shop/-/b.ocu.star": {
                  "watch_files": [
                    "./data/",
                    "lib"
                  ]
                }
              }
            }
        "#]],
    );
    // Nothing has changed.
    world.check(
        "push",
        expect![[r#"
            --- stderr
            no release file has changed since the last push
            there is no work anywhere
        "#]],
    );
    // What is watched, deleted files among it; what is loaded is not watched by itself.
    world.write("lib/lib.star", "number = 2\n");
    world.git(&["rm", "-q", "z.ocu.star"]);
    world.commit("second");
    world.check(
        "push",
        expect![[r#"
            shop/-/b.ocu.star/@r2 complete
            --- stderr
            b.ocu.star: something in lib has changed, which it watches
            shop/-/b.ocu.star/@r2 second
            › task/build/1 build
            ✓ task/build/1 complete <took>
        "#]],
    );
    world.write("c.ocu.star", "fail(\"broken\")\n");
    world.write("b.ocu.star", &world.read("b.ocu.star").replace("\"lib\", ", ""));
    world.commit("third");
    world.check(
        "push",
        expect![[r#"
            shop/-/b.ocu.star/@r3 complete
            --- stderr
            b.ocu.star: it has changed
            c.ocu.star: it has changed
            shop/-/c.ocu.star is not released
            error: broken
             --> c.ocu.star:1:1
              |
            1 | fail("broken")
              | ^^^^^^^^^^^^^^
            shop/-/b.ocu.star/@r3 third
            › task/build/1 build
            ✓ task/build/1 complete <took>
            error: 1 thing could not be done, as said above
            --- exit 1
        "#]],
    );
    // What could not be released is tried again; the rest is left.
    world.write("other.txt", "");
    world.commit("fourth");
    world.check_reads_only(
        "push -n",
        expect![[r#"
            c.ocu.star
        "#]],
    );
    world.write("c.ocu.star", "def f():\n    fail(\"no\")\ntask(f, \"f\")\n");
    world.write("data/x", "");
    world.commit("fifth");
    world.check(
        "push -j1",
        expect![[r#"
            shop/-/b.ocu.star/@r4 complete
            shop/-/c.ocu.star/@r1 failed
            --- stderr
            b.ocu.star: something in ./data/ has changed, which it watches
            c.ocu.star: it has changed
            shop/-/b.ocu.star/@r4 fifth
            shop/-/c.ocu.star/@r1 fifth
            › b.ocu.star/@r4/task/build/1 build
            ✓ b.ocu.star/@r4/task/build/1 complete <took>
            › c.ocu.star/@r1/task/f/1 f
              c.ocu.star/@r1/task/f/1 | error: no
              c.ocu.star/@r1/task/f/1 |  --> c.ocu.star:2:5
              c.ocu.star/@r1/task/f/1 |   |
              c.ocu.star/@r1/task/f/1 | 2 |     fail("no")
              c.ocu.star/@r1/task/f/1 |   |     ^^^^^^^^^^
            ✗ c.ocu.star/@r1/task/f/1 failed <took>
            error: shop/-/c.ocu.star/@r1/task/f/1 failed
            --- exit 1
        "#]],
    );
    world.check(
        "state get ./-/repo.ocu.star/@/push/index",
        expect![[r#"
            {
              "commit": "<commit 5>",
              "previous_commit": "<commit 3>",
              "release_configs": {
                "shop/-/a/release.ocu.star": {
                  "watch_files": []
                },
                "shop/-/b.ocu.star": {
                  "watch_files": [
                    "./data/"
                  ]
                },
                "shop/-/c.ocu.star": {
                  "watch_files": []
                }
              }
            }
        "#]],
    );
    assert_eq!(world.ok("push -n").stdout, "");
}

#[test]
fn what_is_not_committed_is_not_pushed() {
    let world = World::new(REPO);
    world.write("a/release.ocu.star", "");
    world.write("new.txt", "");
    assert_eq!(world.ok("push -n").stdout.lines().count(), 4);
    world.check_reads_only(
        "push",
        expect![[r#"
            --- stderr
            error: not everything is committed: a/release.ocu.star, new.txt
              help: commit, stash or ignore them: what is pushed is a commit
            --- exit 1
        "#]],
    );
}

#[test]
fn without_a_commit_there_is_nothing_to_push() {
    let world = World::bare();
    world.write("repo.ocu.star", "repo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\n");
    world.git(&["init", "-q"]);
    world.check_reads_only(
        "push",
        expect![[r#"
            --- stderr
            error: no commit is checked out in $DIR/repo: there is none yet
              help: a release is of a commit: `git init` if need be, and commit first
            --- exit 1
        "#]],
    );
}

#[test]
fn release_ignore_that_is_no_glob_is_said() {
    let world = World::new(
        "-- repo.ocu.star --\nrepo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\nrelease_ignore = [\"[a\"]\n",
    );
    world.check_reads_only(
        "push -n",
        expect![[r#"
            --- stderr
            error: release_ignore in repo.ocu.star: `[` at byte 0 of the pattern `[a`: this `[` is never closed; add a `]`, or write `\[` for the character
            --- exit 1
        "#]],
    );
}

#[test]
fn a_push_is_few_transactions() {
    let world = World::new(REPO);
    world.ok("push");
    let log = std::fs::read_dir(world.home().join("logs")).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::read_to_string(log).unwrap();
    // All releases with the environment, the ends of two phases, what there is to know for the next push.
    assert_eq!(log.matches("wrote to the store").count(), 4, "{log}");
    assert!(log.contains("release shop/-/a/release.ocu.star/@r1 and 1 more"), "{log}");
}

#[test]
fn a_push_cascades_to_other_repos() {
    let world = team();
    world.write("../api/n.txt", "2\n");
    commit(&world, "api");
    ok_in(&world, "api", "push");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"2 with first\"\n");
    assert_tidy(&world);
}

#[test]
fn a_shallow_checkout_fetches_what_was_pushed_last_or_says_how_to() {
    let world = team();
    ok_in(&world, "api", "push");
    world.write("../api/n.txt", "2\n");
    commit(&world, "api");
    let url = format!("file://{}", world.root().join("../api.git").canonicalize().unwrap().display());
    world.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    assert_eq!(ok_in(&world, "shallow", "push -n").stdout, "");
    std::fs::remove_dir_all(world.root().join("../shallow")).unwrap();
    world.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    std::fs::rename(world.root().join("../api.git"), world.root().join("../away.git")).unwrap();
    let run = run_in(&world, "shallow", "push -n");
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("which is not in this checkout"), "{}", run.text());
    assert!(run.stderr.contains("git fetch --unshallow"), "{}", run.text());
    // On a platform it is named what to set there.
    let mut world = world;
    for (platform, setting) in [("GITLAB_CI", "`GIT_DEPTH: 0`"), ("GITHUB_ACTIONS", "`fetch-depth: 0`")] {
        world = world.with(platform, "true");
        let run = run_in(&world, "shallow", "push -n");
        assert!(run.stderr.contains(setting), "{}", run.text());
    }
}

#[test]
fn a_push_of_intent_carries_it_out_and_remembers_its_commit() {
    let world = team();
    news(&world, "2\n");
    ok_in(&world, "web", "state set @/custom/wanted 1");
    assert_eq!(ok_in(&world, "store/intent", "push -n").stdout, "@/custom/wanted\n");
    let plan = ok_in(&world, "store", "push -n --json").stdout;
    assert!(plan.contains("@/custom/wanted") && plan.contains("web/-/a.ocu.star/@r1/deploy/prod"), "{plan}");
    // A plain folder has no commit that could be remembered.
    ok_in(&world, "store", "push");
    assert_eq!(ok_in(&world, "web", "state diff").stdout, "");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"2 with first\"\n");
    assert_eq!(run_in(&world, "web", "state get @/push/intent_commit").code, 1);

    world.git(&["-C", "../store", "init", "-q", "-b", "main"]);
    world.git(&["-C", "../store", "add", "-A"]);
    world.git(&["-C", "../store", "commit", "-q", "-m", "intent"]);
    let first = world.git(&["-C", "../store", "rev-parse", "HEAD"]);
    ok_in(&world, "store", "push");
    world.git(&["-C", "../store", "commit", "-q", "--allow-empty", "-m", "more"]);
    let second = world.git(&["-C", "../store", "rev-parse", "HEAD"]);
    ok_in(&world, "store/intent", "push");
    let index = ok_in(&world, "web", "state get @/push/intent_commit").stdout;
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    assert_eq!((&index["commit"], &index["previous_commit"]), (&second.into(), &first.into()));
}

#[test]
fn two_jobs_for_the_same_commit() {
    let world = World::new(REPO);
    // At once: one of them releases it, for the other it is done.
    let start = || {
        let mut command = world.command("", &["push"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    for job in [start(), start()] {
        let run = world.tidy(&job.wait_with_output().unwrap());
        assert_eq!(run.code, 0, "{}", run.text());
    }
    assert_eq!(world.ok("state match shop/-/b.ocu.star/@r*").stdout, "shop/-/b.ocu.star/@r1\n");
    // One that released a file by itself is no obstacle either.
    let mut world = World::new(REPO);
    world.ok("push");
    world.write("b.ocu.star", &format!("{}# more\n", world.read("b.ocu.star")));
    world.commit("second");
    world.ok("release new b.ocu.star");
    world.check(
        "push",
        expect![[r#"
        --- stderr
        b.ocu.star: it has changed
        shop/-/b.ocu.star is released at this commit already: shop/-/b.ocu.star/@r2
        there is no work anywhere
    "#]],
    );
    world.ok("state check");
}
