//! `--cascade`: what a command has changed is followed up, wherever that leads.

use std::process::{Child, Command, Stdio};

use crate::team::{WEB, WEB_LINE, assert_tidy, commit, news, ok_in, repo, run_in, team};
use crate::world::World;

/// Two packages: `b` takes a number from what `a` has deployed.
const CHAIN: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- a/release.ocu.star --
def up(environment):
    return done(outputs={"n": read("n.txt").strip()})
def down(environment):
    pass
phase("all", tasks=[deploy(e, up=up, down=down) for e in environments()])
-- a/n.txt --
1
-- b/release.ocu.star --
def up(environment, n):
    return done(outputs={"line": n + " with the sources of " + read("version.txt").strip()})
def down(environment, n):
    pass
phase("all", tasks=[
    deploy(e, up=up, down=down, inputs={"n": ref("./-/a/release.ocu.star/@/deploy/%s#output/n" % e.name)})
    for e in environments()
])
-- b/version.txt --
first
"#;

const LINE: &str = "state get ./-/b/release.ocu.star/@/deploy/prod#output/line";

fn deployed() -> World {
    let world = World::new(CHAIN);
    for line in
        ["release new env.ocu.star", "release new a/release.ocu.star", "release new b/release.ocu.star"]
    {
        world.ok(line);
    }
    world
}

#[test]
fn another_commits_work_is_done_with_its_own_sources_and_leaves_nothing_behind() {
    let mut world = deployed();
    assert_eq!(world.ok(LINE).stdout, "\"1 with the sources of first\"\n");
    world.write("a/n.txt", "2\n");
    world.write("b/version.txt", "second\n");
    world.commit("second");
    world.ok("release new a/release.ocu.star");
    assert_eq!(world.ok(LINE).stdout, "\"1 with the sources of first\"\n", "nobody asked for more");

    world.write("a/n.txt", "3\n");
    world.commit("third");
    world.ok("release new a/release.ocu.star --cascade");
    assert_eq!(world.ok(LINE).stdout, "\"3 with the sources of first\"\n");
    let worktrees = Command::new("git")
        .args(["worktree", "list", "--porcelain"])
        .current_dir(world.root())
        .output()
        .unwrap();
    let list = String::from_utf8(worktrees.stdout).unwrap();
    assert_eq!(list.matches("worktree ").count(), 1, "{list}");
}

#[test]
fn applying_an_environment_deploys_to_it() {
    let world = deployed();
    world.run(&["state", "set", "@/environment/qa", r#"{"name":"qa"}"#, "-f=json"]);
    let run = world.ok("state apply @/environment/qa --cascade");
    assert!(run.stderr.contains("a/release.ocu.star/@r1/deploy/qa/1"), "{}", run.text());
    assert_eq!(
        world.ok("state match **/@/deploy/qa").stdout,
        "shop/-/a/release.ocu.star/@/deploy/qa\nshop/-/b/release.ocu.star/@/deploy/qa\n"
    );
}

#[test]
fn what_waited_before_is_left_alone() {
    let world = deployed();
    world.ok("state set @/custom/unrelated yes");
    world.run(&["state", "set", "@/environment/qa", r#"{"name":"qa"}"#, "-f=json"]);
    world.ok("state apply @/environment/qa --cascade");
    assert_eq!(world.ok("state diff").stdout, "@/custom/unrelated\n");
}

#[test]
fn cascade_does_the_work_of_other_repos_in_clones_and_of_other_commits_in_worktrees() {
    let world = team();
    assert_eq!(ok_in(&world, "web", "work cascade -d").stdout, "[]\n");
    assert!(ok_in(&world, "web", "work cascade").stderr.contains("there is no work anywhere"));
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"1 with first\"\n");

    // Of another repo, whose own checkout has moved on.
    world.write("../web/version.txt", "second\n");
    let second = commit(&world, "web");
    news(&world, "2\n");
    let plan = ok_in(&world, "api", "work cascade --dryrun").stdout;
    assert!(plan.contains("web/-/a.ocu.star/@r1/deploy/prod"), "{plan}");
    // What says of this checkout what it is must not be believed in the clone.
    let world = world.with("OCU_CFG_repo_alias", "api").with("OCU_REPO_COMMIT_OVERRIDE", &"a".repeat(40));
    ok_in(&world, "api", "work cascade");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"2 with first\"\n");
    assert_eq!(ok_in(&world, "web", &WEB_LINE.replace("line", "alias")).stdout, "\"none\"\n");
    assert_tidy(&world);
    let world = world.with("OCU_CFG_repo_alias", "").with("OCU_REPO_COMMIT_OVERRIDE", "");

    // Of another commit of this repo.
    news(&world, "3\n");
    ok_in(&world, "web", "work cascade");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"3 with first\"\n");
    assert_eq!(world.read("../web/left.txt"), "1", "what is checked out is left alone");
    assert_tidy(&world);

    // Of a commit that a shallow checkout does not have.
    let url = format!("file://{}", world.root().join("../web.git").canonicalize().unwrap().display());
    world.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    assert_eq!(world.git(&["-C", "../shallow", "rev-parse", "HEAD"]), second);
    news(&world, "4\n");
    ok_in(&world, "shallow", "work cascade");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"4 with first\"\n");
    assert_eq!(world.git(&["-C", "../shallow", "rev-parse", "--is-shallow-repository"]), "true");
}

#[test]
fn a_repo_is_cloned_from_the_first_remote_that_has_the_commit() {
    let world = team();
    // What the file says comes first, and does not work; what was recorded does.
    repo(
        &world,
        "named",
        "remotes([\"/nowhere/at/all.git\"])\n",
        &[("a.ocu.star", WEB), ("version.txt", "named\n")],
    );
    ok_in(&world, "named", "release new a.ocu.star");
    std::fs::remove_dir_all(world.root().join("../named")).unwrap();
    news(&world, "2\n");
    ok_in(&world, "api", "work cascade");
    let line = WEB_LINE.replace("web/-/", "named/-/");
    assert_eq!(ok_in(&world, "web", &line).stdout, "\"2 with named\"\n");
    assert_tidy(&world);
}

#[test]
fn a_commit_that_is_gone_is_reported_and_the_rest_goes_on() {
    let world = team();
    repo(&world, "gone", "", &[("a.ocu.star", WEB), ("version.txt", "gone\n")]);
    ok_in(&world, "gone", "release new a.ocu.star");
    let hash = world.git(&["-C", "../gone", "rev-parse", "HEAD"]);
    std::fs::remove_dir_all(world.root().join("../gone.git")).unwrap();
    world.git(&["init", "-q", "--bare", "-b", "main", "../gone.git"]);
    news(&world, "2\n");
    let run = run_in(&world, "api", "work cascade");
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains(&format!("cannot do the work of gone at {hash}")), "{}", run.text());
    assert!(run.stderr.contains("push the commit to a remote of the repo again"), "{}", run.text());
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"2 with first\"\n");
    assert_tidy(&world);
}

#[test]
fn work_that_would_fill_the_disk_is_refused() {
    let world = team();
    news(&world, "2\n");
    let world = world.with("OCUROOT_MIN_FREE_MB", "999999999999");
    let run = run_in(&world, "api", "work cascade");
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("without filling the disk"), "{}", run.text());
    assert!(run.stderr.contains("TMPDIR"), "{}", run.text());
    assert_tidy(&world);
    // Here no room is needed.
    ok_in(&world, "web", "work cascade");
    assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, "\"2 with first\"\n");
}

#[test]
fn an_intent_that_cannot_be_applied_keeps_nothing_back_and_is_said_once() {
    let world = team();
    ok_in(&world, "web", "state set @/custom/good 1");
    ok_in(
        &world,
        "web",
        r#"state set -f=json web/-/a.ocu.star/@/deploy/prod {"release":"web/-/a.ocu.star/@r9"}"#,
    );
    let run = run_in(&world, "web", "work cascade");
    assert_eq!(run.code, 1, "{}", run.text());
    assert_eq!(run.stderr.matches("there is no release web/-/a.ocu.star/@r9").count(), 1, "{}", run.text());
    assert_eq!(ok_in(&world, "web", "state get @/custom/good").stdout, "\"1\"\n");
}

#[test]
fn what_feeds_itself_across_repos_is_explained() {
    let world = team();
    let circle = |other: &str, n: &str| {
        format!(
            "def up(environment, other):\n    return done(outputs={{\"n\": {n}}})\ndef down(environment, other):\n    pass\nphase(\"all\", tasks=[deploy(e, up=up, down=down, inputs={{\"other\": input(ref=\"{other}/-/c.ocu.star/@/deploy/%s#output/n\" % e.name, default=0)}}) for e in environments()])\n"
        )
    };
    world.write("../api/c.ocu.star", &circle("web", "other + 1"));
    world.write("../web/c.ocu.star", &circle("api", "other % 2"));
    for name in ["api", "web"] {
        commit(&world, name);
        ok_in(&world, name, "release new c.ocu.star");
    }
    let run = run_in(&world, "api", "work cascade");
    assert_eq!(run.code, 1, "{}", run.text());
    for part in [
        "comes up again and again",
        "  api/-/c.ocu.star/@r1/deploy/prod takes other from web/-/c.ocu.star/@/deploy/prod#output/n\n",
        "  web/-/c.ocu.star/@r1/deploy/prod takes other from api/-/c.ocu.star/@/deploy/prod#output/n\n",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.text());
    }
    assert!(!run.stderr.contains("a.ocu.star/@r1/deploy/prod takes"), "{}", run.text());
    assert_tidy(&world);
}

#[test]
fn whoever_gives_up_leaves_no_checkout_behind() {
    let world = team();
    news(&world, "2\n");
    let pipe = world.root().join("../pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.canonicalize().unwrap();
    let cascade = |at: &str, runs: &str| {
        let mut command = world.command(at, &["work", "cascade"]);
        command.env("PIPE", &pipe).env("RUNS", runs);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Ends when the command in the checkout, or git's hook, has written.
        std::fs::read_to_string(&pipe).unwrap();
        assert_eq!(std::fs::read_dir(world.root().join("../tmp")).unwrap().count(), 1);
        child
    };
    let waits = "echo started > $PIPE; exec tail -f /dev/null";
    let end = |child: Child, signal: &str| {
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        world.tidy(&child.wait_with_output().unwrap())
    };
    // While a function executes in a clone.
    let run = end(cascade("../api", waits), "INT");
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("error: interrupted"), "{}", run.text());
    assert_tidy(&world);

    // While git makes a worktree.
    world.write("../web/version.txt", "second\n");
    commit(&world, "web");
    world.write(
        "../web/.git/hooks/post-checkout",
        "#!/bin/sh\necho started > $PIPE\nexec tail -f /dev/null\n",
    );
    assert!(
        Command::new("chmod")
            .arg("+x")
            .arg(world.root().join("../web/.git/hooks/post-checkout"))
            .status()
            .unwrap()
            .success()
    );
    news(&world, "3\n");
    let run = end(cascade("../web", ":"), "TERM");
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("error: interrupted"), "{}", run.text());
    assert_tidy(&world);

    // Twice, since a command will not end. It comes last, for its run may be left running.
    news(&world, "4\n");
    let stubborn =
        cascade("../api", "trap '' TERM INT; echo started > $PIPE; while :; do read x < $PIPE || :; done");
    let id = stubborn.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let run = end(stubborn, "INT");
    assert!(run.code == 130 || run.stderr.contains("error: interrupted"), "{}", run.text());
    assert_tidy(&world);
}
