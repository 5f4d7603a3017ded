//! Freezes: deploys wait, tasks go on, and everybody is told.

use expect_test::expect;

use crate::world::World;

const WEB: &str = r#"-- env.ocu.star --
register_environment(environment("qa"))
register_environment(environment("prod"))
-- web.ocu.star --
def build():
    return done(outputs={"image": "web:1"})

def up(environment):
    print("up", environment["name"])

def down(environment):
    print("down", environment["name"])

task(build, "build")
phase("deploy", tasks=[deploy(e.name, up=up, down=down) for e in environments()])
"#;

fn world() -> World {
    let world = World::new(WEB);
    world.ok("release new env.ocu.star");
    world
}

fn freeze(world: &World, at: &str, body: &str) {
    let run = world.run(&["state", "set", at, body, "-f=json"]);
    assert_eq!(run.code, 0, "{}", run.text());
    world.ok(&format!("state apply {at}"));
}

#[test]
fn deploys_wait_with_the_reason_and_tasks_go_on() {
    let world = world();
    freeze(&world, "@/custom/freeze", r#"{"reason": "end of year", "until": "2999-12-27"}"#);
    world.check(
        "release new web.ocu.star --jobs 1",
        expect![[r#"
            shop/-/web.ocu.star/@r1 paused
            --- stderr
            shop/-/web.ocu.star/@r1 first
            › task/build/1 build
            ✓ task/build/1 complete <took>
                shop/-/web.ocu.star/@r1/task/build#output/image
            frozen until 2999-12-27: end of year (@/custom/freeze); with --override-freeze "why" these start all the same:
              shop/-/web.ocu.star/@r1/deploy/prod/1
              shop/-/web.ocu.star/@r1/deploy/qa/1
        "#]],
    );
    for command in ["work any", "work continue", "work any --comprehensive"] {
        world.check_reads_only(
            command,
            expect![[r#"
                --- stderr
                frozen until 2999-12-27: end of year (@/custom/freeze); with --override-freeze "why" these start all the same:
                  shop/-/web.ocu.star/@r1/deploy/prod/1
                  shop/-/web.ocu.star/@r1/deploy/qa/1
            "#]],
        );
    }
    for command in ["work any", "work continue", "work trigger"] {
        world.check_reads_only(
            &format!("{command} --dryrun"),
            expect![[r#"
                []
                --- stderr
                frozen until 2999-12-27: end of year (@/custom/freeze); with --override-freeze "why" these start all the same:
                  shop/-/web.ocu.star/@r1/deploy/prod/1
                  shop/-/web.ocu.star/@r1/deploy/qa/1
            "#]],
        );
    }
    world.check_reads_only(
        "release continue web.ocu.star",
        expect![[r#"
            shop/-/web.ocu.star/@r1 paused
            --- stderr
            shop/-/web.ocu.star/@r1 first
            frozen until 2999-12-27: end of year (@/custom/freeze); with --override-freeze "why" these start all the same:
              shop/-/web.ocu.star/@r1/deploy/prod/1
              shop/-/web.ocu.star/@r1/deploy/qa/1
        "#]],
    );
    // Once it is lifted the same command that lifts it deploys.
    world.ok("state delete @/custom/freeze");
    let run = world.ok("work any");
    assert!(run.stderr.contains("deploy/prod/1 complete"), "{}", run.text());
}

#[test]
fn one_environment_and_the_way_round_it() {
    let world = world();
    freeze(&world, "@/custom/freeze/prod", r#"{"reason": "fire drill"}"#);
    let run = world.ok("release new web.ocu.star");
    assert!(run.stderr.contains("deploy/qa/1 complete"), "{}", run.text());
    assert!(!run.stderr.contains("deploy/prod/1 complete"), "{}", run.text());
    let words = ["work", "any", "--dryrun", "--override-freeze", "it is the fix"];
    assert!(world.run(&words).stdout.contains("web.ocu.star/@r1/deploy/prod/1"));
    let run = world.run(&["work", "continue", "--override-freeze", " it is the fix "]);
    assert_eq!(run.code, 0, "{}", run.text());
    assert_eq!(
        world.ok("state get web.ocu.star/@r1/deploy/prod/1#override_freeze").stdout,
        "\"it is the fix\"\n"
    );
    // There was nothing to override for the other.
    assert_eq!(world.run(&["state", "get", "web.ocu.star/@r1/deploy/qa/1#override_freeze"]).code, 1);
    // A new release, overridden from the start.
    let run = world.run(&["release", "new", "web.ocu.star", "--force", "--override-freeze=again"]);
    assert_eq!(run.stdout, "shop/-/web.ocu.star/@r2 complete\n", "{}", run.text());
    assert_eq!(world.ok("state get web.ocu.star/@r2/deploy/prod/1#override_freeze").stdout, "\"again\"\n");
}

#[test]
fn what_is_taken_down_waits_too_and_a_retry_does() {
    let world = world();
    world.ok("release new web.ocu.star");
    freeze(&world, "@/custom/freeze", r#""no hands""#);
    world.ok("state delete @/environment/qa");
    world.check(
        "work any",
        expect![[r#"
            --- stderr
            applied @/environment/qa
              shop/-/web.ocu.star/@r1/deploy/qa/2
            frozen: no hands (@/custom/freeze); with --override-freeze "why" this starts all the same:
              shop/-/web.ocu.star/@r1/deploy/qa/2
        "#]],
    );
    let run = world.run(&["work", "any", "--override-freeze=the disk is full"]);
    assert!(run.stderr.contains("down qa"), "{}", run.text());
}

#[test]
fn a_cascade_ends_and_says_what_is_held() {
    let world = world();
    world.ok("release new web.ocu.star");
    freeze(&world, "@/custom/freeze/prod", r#"{"reason": "fire drill"}"#);
    world.ok("state set web.ocu.star/@/deploy/prod {\"release\":\"shop/-/web.ocu.star/@r1\",\"input\":{\"environment\":{\"value\":7}}} -f=json");
    world.check(
        "state apply web.ocu.star/@/deploy/prod --cascade",
        expect![[r#"
            --- stderr
            applied shop/-/web.ocu.star/@/deploy/prod
              shop/-/web.ocu.star/@r1/deploy/prod/2
            frozen: fire drill (@/custom/freeze/prod); with --override-freeze "why" this starts all the same:
              shop/-/web.ocu.star/@r1/deploy/prod/2
        "#]],
    );
}

#[test]
fn what_is_no_freeze_freezes_all_the_same_and_is_said_to_be_malformed() {
    let world = world();
    world.check(
        "state set @/custom/freeze {\"reason\":\"x\"}",
        expect![[r#"
            --- stderr
            set +/custom/freeze; `ocuroot work any` carries it out
            warning: @/custom/freeze will freeze all the same, but it is text that looks like JSON; set it with --format json
        "#]],
    );
    world.check(
        "state set @/custom/freeze/prdo {\"reason\":\"x\",\"until\":\"tomorrow\"} -f=json",
        expect![[r#"
            --- stderr
            set +/custom/freeze/prdo; `ocuroot work any` carries it out
            warning: @/custom/freeze/prdo will freeze all the same, but `until` is neither a time (<time>) nor a date
            warning: there is no environment prdo
        "#]],
    );
    freeze(&world, "@/custom/freeze", "7");
    let run = world.ok("release new web.ocu.star");
    assert!(
        run.stderr.contains(
            "frozen (@/custom/freeze is malformed: expected {\"reason\": \"…\", \"until\": \"…\"})"
        ),
        "{}",
        run.text()
    );
    // One that is over is none.
    freeze(&world, "@/custom/freeze", r#"{"reason": "past", "until": "2020-01-01T00:00:00Z"}"#);
    let run = world.ok("work continue");
    assert!(run.stderr.contains("deploy/prod/1 complete"), "{}", run.text());
}

#[test]
fn an_override_has_to_say_why() {
    let world = world();
    for words in [&["work", "any", "--override-freeze", " "][..], &["release", "new", "--override-freeze="]] {
        let run = world.run(words);
        assert_eq!(run.code, 2, "{}", run.text());
        assert!(run.stderr.contains("say why"), "{}", run.text());
    }
}
