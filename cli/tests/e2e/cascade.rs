//! `--cascade`: what a command has changed is followed up, wherever that leads.

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
    let worktrees = std::process::Command::new("git")
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
