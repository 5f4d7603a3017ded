//! Why something waits, as the command line says it.

use expect_test::expect;

use crate::world::World;

const FILES: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- network.ocu.star --
def up(environment):
    if not is_dir("cable"):
        fail("the cable is cut")
    return done(outputs={"port": 80})

def down(environment):
    pass

phase("deploy", tasks=[deploy("prod", up=up, down=down)])
-- web.ocu.star --
def build():
    return done()

def up(environment, port, approve):
    pass

def down(environment, port, approve):
    pass

task(build, "build")
phase("deploy", tasks=[
    deploy("prod", up=up, down=down, inputs={
        "port": input(ref="./-/network.ocu.star/@/deploy/prod#output/port"),
        "approve": input(ref="./custom/approve"),
    }),
])
"#;

fn world() -> World {
    let world = World::new(FILES);
    world.ok("release new env.ocu.star");
    world.run(&["release", "new", "network.ocu.star"]);
    world.ok("release new web.ocu.star");
    world
}

#[test]
fn it_leads_to_what_a_person_can_do() {
    let world = world();
    world.check("state why web.ocu.star/@r1", expect![[r#"
        shop/-/web.ocu.star/@r1: 1 of 2 complete
        shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, custom state that somebody must set, and for network's deploy to prod, which failed <age> ago
        what would help:
          ocuroot state set shop/-/web.ocu.star/@r1/custom/approve yes   (starts nothing by itself: something else is missing too)
          ocuroot release retry shop/-/network.ocu.star/@r1
    "#]]);
    world.check("state why ./-/web.ocu.star/@r1/deploy/prod", expect![[r#"
        shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, custom state that somebody must set, and for network's deploy to prod, which failed <age> ago
        what would help:
          ocuroot state set shop/-/web.ocu.star/@r1/custom/approve yes   (starts nothing by itself: something else is missing too)
          ocuroot release retry shop/-/network.ocu.star/@r1
    "#]]);
    world.check("state why ./-/network.ocu.star/@/deploy/prod", expect![[r#"
        shop/-/network.ocu.star/@/deploy/prod: nothing is there yet
        shop/-/network.ocu.star/@r1/deploy/prod/1: failed <age> ago: the cable is cut; retry with `ocuroot release retry shop/-/network.ocu.star/@r1`
    "#]]);
    world.check("state why @/environment/prod", expect![[r#"
        @/environment/prod: 2 things are not done
        shop/-/network.ocu.star/@r1/deploy/prod/1: failed <age> ago: the cable is cut; retry with `ocuroot release retry shop/-/network.ocu.star/@r1`
        shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, custom state that somebody must set, and for network's deploy to prod, which failed <age> ago
        what would help:
          ocuroot state set shop/-/web.ocu.star/@r1/custom/approve yes   (starts nothing by itself: something else is missing too)
    "#]]);
    world.check(
        "state why web.ocu.star/@r1/deploy/prod/1 --json",
        expect![[r#"
        {
          "blockers": [
            {
              "input": "approve",
              "sentence": [
                "custom state that somebody must set"
              ],
              "source": "shop/-/web.ocu.star/@r1/custom/approve",
              "status": "needs-approval",
              "there": false
            },
            {
              "input": "port",
              "sentence": [
                "failed <age> ago"
              ],
              "source": "shop/-/network.ocu.star/@/deploy/prod#output/port",
              "status": "failed",
              "there": false
            },
            {
              "sentence": [
                "complete"
              ],
              "source": "shop/-/web.ocu.star/@r1/task/build/*/status/complete",
              "status": "complete",
              "there": true
            },
            {
              "input": "environment",
              "sentence": [
                "there"
              ],
              "source": "@/environment/prod",
              "status": "complete",
              "there": true
            }
          ],
          "help": [
            {
              "alone": false,
              "do": "approve",
              "ref": "shop/-/web.ocu.star/@r1/custom/approve"
            },
            {
              "alone": true,
              "command": "ocuroot release retry shop/-/network.ocu.star/@r1",
              "do": "retry"
            }
          ],
          "ref": "shop/-/web.ocu.star/@r1/deploy/prod/1",
          "sentence": [
            "waits for ",
            {
              "label": "approve",
              "ref": "shop/-/web.ocu.star/@r1/custom/approve"
            },
            ", custom state that somebody must set, and for network's ",
            {
              "label": "deploy to prod",
              "ref": "shop/-/network.ocu.star/@r1/deploy/prod/1"
            },
            ", which failed <age> ago"
          ],
          "since": "<time>",
          "status": "needs-approval"
        }
    "#]],
    );
    world.check("release show web.ocu.star/@r1", expect![[r#"
        shop/-/web.ocu.star/@r1 paused
        commit <commit 1> first
        phase 1
          ✓ task/build/1 complete <time>
        phase 2: deploy
          › deploy/prod/1 pending <time>
              waits for approve, custom state that somebody must set, and for network's deploy to prod, which failed <age> ago
                shop/-/web.ocu.star/@r1/custom/approve
                shop/-/network.ocu.star/@/deploy/prod#output/port
    "#]]);
    world.check_reads_only("work any --dryrun", expect![[r#"
        []
        --- stderr
        left out: shop/-/network.ocu.star/@/deploy/prod: shop/-/network.ocu.star/@r1/deploy/prod/1 failed and waits for `ocuroot release retry`
        left out: shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, custom state that somebody must set, and for network's deploy to prod, which failed <age> ago
    "#]]);
}

#[test]
fn what_was_done_about_it_is_seen() {
    let world = world();
    std::fs::create_dir(world.root().join("cable")).unwrap();
    world.ok("release retry network.ocu.star");
    world.check(
        "state why web.ocu.star/@r1/deploy/prod/1",
        expect![[r#"
            shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, custom state that somebody must set
            what would help:
              ocuroot state set shop/-/web.ocu.star/@r1/custom/approve yes
        "#]],
    );
    world.ok("state set web.ocu.star/@r1/custom/approve yes");
    world.check("state why web.ocu.star/@r1/deploy/prod/1", expect![[r#"
        shop/-/web.ocu.star/@r1/deploy/prod/1: waits for approve, which is set in intent, and only has to be applied
        what would help:
          ocuroot state apply shop/-/web.ocu.star/@r1/custom/approve
    "#]]);
    world.ok("state apply web.ocu.star/@r1/custom/approve");
    world.check("state why web.ocu.star/@r1/deploy/prod/1", expect![[r#"
        shop/-/web.ocu.star/@r1/deploy/prod/1: ready, and no worker has taken it; start it with `ocuroot release continue shop/-/web.ocu.star/@r1` at commit <commit 1>
    "#]]);
    world.ok("work any");
    world.check(
        "state why web.ocu.star/@r1/deploy/prod/1",
        expect![[r#"
            shop/-/web.ocu.star/@r1/deploy/prod/1: completed <age> ago
        "#]],
    );
    world.check(
        "state why web.ocu.star",
        expect![[r#"
            shop/-/web.ocu.star: r1: completed <age> ago, nothing waits
        "#]],
    );
    world.check(
        "state why web.ocu.star/@/deploy/prod",
        expect![[r#"
            shop/-/web.ocu.star/@/deploy/prod: r1 completed <age> ago, nothing waits
        "#]],
    );
}

#[test]
fn what_is_not_there_is_an_error() {
    let world = world();
    world.check(
        "state why web.ocu.star/@r7",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/@r7 not found
          help: did you mean shop/-/web.ocu.star/@r1?
        --- exit 1
    "#]],
    );
    world.check(
        "state why @/environment/nowhere",
        expect![[r#"
        --- stderr
        error: @/environment/nowhere not found
          help: did you mean @/environment/prod?
        --- exit 1
    "#]],
    );
}
