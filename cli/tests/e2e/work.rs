//! Work: what is due, dry runs, triggers, loops.

use expect_test::expect;

use crate::world::World;

const WAITS: &str = r#"-- a.ocu.star --
def f(ok):
    print("ok is", ok)
    return done()
task(f, "f", inputs={"ok": input(ref="@/custom/ok")})
"#;

#[test]
fn work_that_is_not_there_is_said() {
    let world = World::new(WAITS);
    for line in ["work any", "work continue", "work ops", "work trigger", "work trigger --intent"] {
        let run = world.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(run.code, 0, "{line}: {}", run.text());
        assert_eq!(run.stdout, "", "{line}");
    }
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
    "#]],
    );
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        nothing is ready at this commit
    "#]],
    );
    world.check(
        "work ops",
        expect![[r#"
        --- stderr
        no operation waits at this commit
    "#]],
    );
    world.check(
        "work trigger",
        expect![[r#"
        --- stderr
        there is no work anywhere
    "#]],
    );
    for line in ["work any -d", "work continue -d", "work ops -d", "work trigger -d"] {
        assert_eq!(world.run(&line.split(' ').collect::<Vec<_>>()).text(), "[]\n", "{line}");
    }
    assert!(world.store().is_empty());
}

#[test]
fn any_does_all_kinds_and_dry_runs_change_nothing() {
    let world = World::new(WAITS);
    world.ok("release new");
    world.ok("state set @/custom/ok yes");
    world.check_reads_only(
        "work any --dryrun",
        expect![[r#"
            [
              {
                "ref": "@/custom/ok",
                "work_type": "create"
              }
            ]
            --- stderr
            left out: shop/-/a.ocu.star/@r1/task/f/1: waits for @/custom/ok, which is set in intent, and only has to be applied
        "#]],
    );
    world.check_reads_only(
        "work continue --dryrun",
        expect![[r#"
            []
            --- stderr
            left out: shop/-/a.ocu.star/@r1/task/f/1: waits for @/custom/ok, which is set in intent, and only has to be applied
        "#]],
    );
    world.check_reads_only(
        "work ops -d",
        expect![[r#"
        []
    "#]],
    );
    world.check_reads_only(
        "work trigger -d",
        expect![[r#"
            [
              {
                "ref": "@/custom/ok",
                "work_type": "create"
              }
            ]
            --- stderr
            left out: shop/-/a.ocu.star/@r1/task/f/1: waits for @/custom/ok, which is set in intent, and only has to be applied
        "#]],
    );
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        nothing is ready at this commit
    "#]],
    );
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        applied @/custom/ok
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
          f/1 | ok is yes
        ✓ task/f/1 complete <took>
    "#]],
    );
    world.check(
        "work any -d",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn a_run_that_fails_makes_work_exit_with_1_after_the_rest() {
    let mut world = World::new(
        r#"-- a.ocu.star --
def f(ok):
    fail("a is broken")
task(f, "f", inputs={"ok": input(ref="@/custom/ok")})
-- b.ocu.star --
def f(ok):
    return done()
task(f, "f", inputs={"ok": input(ref="@/custom/ok")})
"#,
    );
    world.ok("release new a.ocu.star");
    world.ok("release new b.ocu.star");
    world.ok("state set @/custom/ok yes");
    world.check(
        "work any -j 1",
        expect![[r#"
            --- stderr
            applied @/custom/ok
            shop/-/a.ocu.star/@r1 first
            shop/-/b.ocu.star/@r1 first
            › a.ocu.star/@r1/task/f/1 f
              a.ocu.star/@r1/task/f/1 | error: a is broken
              a.ocu.star/@r1/task/f/1 |  --> a.ocu.star:2:5
              a.ocu.star/@r1/task/f/1 |   |
              a.ocu.star/@r1/task/f/1 | 2 |     fail("a is broken")
              a.ocu.star/@r1/task/f/1 |   |     ^^^^^^^^^^^^^^^^^^^
            ✗ a.ocu.star/@r1/task/f/1 failed <took>
            › b.ocu.star/@r1/task/f/1 f
            ✓ b.ocu.star/@r1/task/f/1 complete <took>
            error: shop/-/a.ocu.star/@r1/task/f/1 failed
            --- exit 1
        "#]],
    );
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
    "#]],
    );
    world.commit("second");
    world.check(
        "work any -d",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn triggers_are_called_where_work_is() {
    let mut world = World::new(&format!(
        "-- repo.ocu.star --\nrepo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\ndef start(commit):\n    print(\"starting\", commit)\n    shell(\"echo \" + commit + \" >> triggered\")\ntrigger(start)\n{WAITS}"
    ));
    world.ok("release new");
    world.check(
        "work trigger",
        expect![[r#"
        --- stderr
        there is no work anywhere
    "#]],
    );
    world.ok("state set @/custom/ok yes");
    world.ok("state apply @/custom/ok");
    world.check_reads_only(
        "work trigger --dryrun",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "ref": "shop/-/a.ocu.star/@r1/task/f/1",
            "work_type": "run"
          }
        ]
    "#]],
    );
    world.check(
        "work trigger",
        expect![[r#"
        --- stderr
        starting <commit 1>
        triggered shop at <commit 1>
    "#]],
    );
    expect![[r#"
        <commit 1>
    "#]]
    .assert_eq(&world.tidy_text(&world.read("triggered")));
    world.commit("second");
    // Work of another commit is left to its trigger.
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
        starting <commit 1>
        triggered shop at <commit 1>
    "#]],
    );
    world.check(
        "work trigger --intent",
        expect![[r#"
        --- stderr
        starting <commit 1>
        triggered shop at <commit 1>
    "#]],
    );
}

#[test]
fn a_trigger_that_fails_is_reported() {
    let mut world = World::new(&format!(
        "-- repo.ocu.star --\nrepo_alias(\"shop\")\nstore.set(store.fs(\"./.store\"))\ndef start(commit):\n    fail(\"no CI today\")\ntrigger(start)\n{WAITS}"
    ));
    world.ok("release new");
    world.ok("state set @/custom/ok yes");
    world.ok("state apply @/custom/ok");
    world.check(
        "work trigger",
        expect![[r#"
        --- stderr
        the trigger of shop failed
        error: no CI today
         --> repo.ocu.star:4:5
          |
        4 |     fail("no CI today")
          |     ^^^^^^^^^^^^^^^^^^^
        error: 1 trigger failed
        --- exit 1
    "#]],
    );
    world.commit("second");
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
        the trigger of shop failed
        error: no CI today
         --> repo.ocu.star:4:5
          |
        4 |     fail("no CI today")
          |     ^^^^^^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn a_repo_without_a_trigger_says_what_to_run() {
    let world = World::new(WAITS);
    world.ok("release new");
    world.ok("state set @/custom/ok yes");
    world.ok("state apply @/custom/ok");
    world.check(
        "work trigger",
        expect![[r#"
        --- stderr
        shop has work at <commit 1> and no trigger; in a checkout of it run:
          git checkout <commit 1>
          ocuroot work any
    "#]],
    );
}

#[test]
fn comprehensive_goes_on_until_nothing_is_left() {
    let world = World::new(
        r#"-- network.ocu.star --
def up(environment, approved):
    return done(outputs={"range": approved})
def down(environment, approved):
    return done()
phase("deploy", tasks=[
    deploy(e.name, up=up, down=down, inputs={"approved": input(ref="@/custom/approved")})
    for e in environments()
])
-- web.ocu.star --
def up(environment, range):
    print("up in", range)
    return done()
def down(environment, range):
    return done()
phase("deploy", tasks=[
    deploy(e.name, up=up, down=down, inputs={"range": input(ref="./-/network.ocu.star/@/deploy/%s#output/range" % e.name)})
    for e in environments()
])
"#,
    );
    world.ok("release new web.ocu.star");
    world.ok("release new network.ocu.star");
    world.ok(r#"state set @/environment/prod -f json '{"name":"prod"}'"#);
    world.ok("state set @/custom/approved 10.0.0.0/8");
    world.check(
        "work any --comprehensive -j 1",
        expect![[r#"
            --- stderr
            applied @/custom/approved
            applied @/environment/prod
              shop/-/network.ocu.star/@r1/op/check_envs
              shop/-/web.ocu.star/@r1/op/check_envs
            checked environments of shop/-/network.ocu.star/@r1
              shop/-/network.ocu.star/@r1/deploy/prod/1
            checked environments of shop/-/web.ocu.star/@r1
              shop/-/web.ocu.star/@r1/deploy/prod/1
            shop/-/network.ocu.star/@r1 first
            › deploy/prod/1 up
            ✓ deploy/prod/1 complete <took>
                shop/-/network.ocu.star/@r1/deploy/prod#output/range
            shop/-/web.ocu.star/@r1 first
            › web.ocu.star/@r1/deploy/prod/1 up
              web.ocu.star/@r1/deploy/prod/1 | up in 10.0.0.0/8
            ✓ web.ocu.star/@r1/deploy/prod/1 complete <took>
        "#]],
    );
    world.ok("state set @/custom/approved 192.168.0.0/16");
    world.check(
        "work any --comprehensive -j 1",
        expect![[r#"
            --- stderr
            applied @/custom/approved
            shop/-/network.ocu.star/@r1/deploy/prod/2: deployed again, since approved changed
            shop/-/network.ocu.star/@r1 first
            › deploy/prod/2 up
            ✓ deploy/prod/2 complete <took>
                shop/-/network.ocu.star/@r1/deploy/prod#output/range
            shop/-/web.ocu.star/@r1/deploy/prod/2: deployed again, since range changed
            shop/-/web.ocu.star/@r1 first
            › web.ocu.star/@r1/deploy/prod/2 up
              web.ocu.star/@r1/deploy/prod/2 | up in 192.168.0.0/16
            ✓ web.ocu.star/@r1/deploy/prod/2 complete <took>
        "#]],
    );
    world.check(
        "work any -d",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn work_that_feeds_itself_is_noticed() {
    let world = World::new(
        r#"-- a.ocu.star --
def up(environment, other):
    return done(outputs={"n": other + 1})
def down(environment, other):
    return done()
deploy("prod", up=up, down=down, inputs={"other": input(ref="./-/b.ocu.star/@/deploy/prod#output/n", default=0)})
-- b.ocu.star --
def up(environment, other):
    return done(outputs={"n": other % 2})
def down(environment, other):
    return done()
deploy("prod", up=up, down=down, inputs={"other": input(ref="./-/a.ocu.star/@/deploy/prod#output/n", default=0)})
"#,
    );
    world.ok(r#"state set @/environment/prod -f json '{"name":"prod"}'"#);
    world.ok("state apply @/environment/prod");
    world.ok("release new a.ocu.star");
    world.ok("release new b.ocu.star");
    world.check(
        "work any --comprehensive -j 1",
        expect![[r#"
            --- stderr
            shop/-/a.ocu.star/@r1/deploy/prod/2: deployed again, since other changed
            shop/-/a.ocu.star/@r1 first
            › deploy/prod/2 up
            ✓ deploy/prod/2 complete <took>
                shop/-/a.ocu.star/@r1/deploy/prod#output/n
            shop/-/b.ocu.star/@r1/deploy/prod/2: deployed again, since other changed
            shop/-/b.ocu.star/@r1 first
            › b.ocu.star/@r1/deploy/prod/2 up
            ✓ b.ocu.star/@r1/deploy/prod/2 complete <took>
                shop/-/b.ocu.star/@r1/deploy/prod#output/n
            shop/-/a.ocu.star/@r1/deploy/prod/3: deployed again, since other changed
            shop/-/a.ocu.star/@r1 first
            › a.ocu.star/@r1/deploy/prod/3 up
            ✓ a.ocu.star/@r1/deploy/prod/3 complete <took>
                shop/-/a.ocu.star/@r1/deploy/prod#output/n
            shop/-/b.ocu.star/@r1/deploy/prod/3: deployed again, since other changed
            shop/-/b.ocu.star/@r1 first
            › b.ocu.star/@r1/deploy/prod/3 up
            ✓ b.ocu.star/@r1/deploy/prod/3 complete <took>
                shop/-/b.ocu.star/@r1/deploy/prod#output/n
            shop/-/a.ocu.star/@r1/deploy/prod/4: deployed again, since other changed
            shop/-/a.ocu.star/@r1 first
            › a.ocu.star/@r1/deploy/prod/4 up
            ✓ a.ocu.star/@r1/deploy/prod/4 complete <took>
                shop/-/a.ocu.star/@r1/deploy/prod#output/n
            shop/-/b.ocu.star/@r1/deploy/prod/4: deployed again, since other changed
            shop/-/b.ocu.star/@r1 first
            › b.ocu.star/@r1/deploy/prod/4 up
            ✓ b.ocu.star/@r1/deploy/prod/4 complete <took>
                shop/-/b.ocu.star/@r1/deploy/prod#output/n
            shop/-/a.ocu.star/@r1/deploy/prod/5: deployed again, since other changed
            shop/-/a.ocu.star/@r1 first
            › a.ocu.star/@r1/deploy/prod/5 up
            ✓ a.ocu.star/@r1/deploy/prod/5 complete <took>
                shop/-/a.ocu.star/@r1/deploy/prod#output/n
            shop/-/b.ocu.star/@r1/deploy/prod/5: deployed again, since other changed
            shop/-/b.ocu.star/@r1 first
            › b.ocu.star/@r1/deploy/prod/5 up
            ✓ b.ocu.star/@r1/deploy/prod/5 complete <took>
                shop/-/b.ocu.star/@r1/deploy/prod#output/n
            error: this work comes up again and again, so it is left:
              shop/-/a.ocu.star/@r1/deploy/prod takes other from shop/-/b.ocu.star/@/deploy/prod#output/n
              shop/-/b.ocu.star/@r1/deploy/prod takes other from shop/-/a.ocu.star/@/deploy/prod#output/n
              each changes what another takes; break the circle, or make an output that settles
            --- exit 1
        "#]],
    );
}
