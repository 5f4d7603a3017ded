//! `release rollback`: back to what was live before.

use expect_test::expect;

use crate::world::World;

/// A version that is in a file, deployed to two environments one after the other.
const WEB: &str = r#"-- env.ocu.star --
register_environment(environment("qa"))
register_environment(environment("prod"))
-- web.ocu.star --
VERSION = read("version.txt").strip()

def up(environment):
    if VERSION == "broken" and environment["name"] == "prod":
        fail("it does not start")
    return done(outputs={"version": VERSION})

def down(environment):
    pass

for environment in environments():
    phase(environment.name, tasks=[deploy(environment.name, up=up, down=down)])
-- version.txt --
1
-- other.ocu.star --
def build():
    return done()
task(build, "build")
"#;

/// With each of these versions released, all of them everywhere.
fn released(versions: &[&str]) -> World {
    let mut world = World::new(WEB);
    world.ok("release new env.ocu.star");
    for version in versions {
        world.write("version.txt", &format!("{version}\n"));
        world.commit(version);
        world.run(&["release", "new", "web.ocu.star"]);
    }
    world
}

#[test]
fn back_and_back_again_and_carried_out_as_any_other_intent() {
    let world = released(&["1", "2", "3"]);
    world.check(
        "release rollback web.ocu.star",
        expect![[r#"
            prod: shop/-/web.ocu.star/@r3 -> shop/-/web.ocu.star/@r2
            qa: shop/-/web.ocu.star/@r3 -> shop/-/web.ocu.star/@r2
            --- stderr
            set intent; `ocuroot work any` carries it out
        "#]],
    );
    let diff = "shop/-/web.ocu.star/@/deploy/prod\nshop/-/web.ocu.star/@/deploy/qa\n";
    assert_eq!(world.ok("state diff").stdout, diff);
    world.ok("work any");
    // The release before is another commit's, which is checked out to do its work.
    world.git(&["checkout", "-q", "HEAD~1"]);
    world.ok("work any");
    assert_eq!(
        world.ok("state get web.ocu.star/@/deploy/prod#release").stdout,
        "\"shop/-/web.ocu.star/@r2\"\n"
    );
    assert_eq!(world.ok("state diff").stdout, "");
    world.check(
        "release rollback web.ocu.star --env prod",
        expect![[r#"
            prod: shop/-/web.ocu.star/@r2 -> shop/-/web.ocu.star/@r1
            --- stderr
            set intent; `ocuroot work any` carries it out
        "#]],
    );
}

#[test]
fn what_is_marked_as_bad_is_not_selected_again() {
    let world = released(&["1", "2", "3"]);
    world.check(
        "release rollback --env prod --mark-bad web.ocu.star/@r1",
        expect![[r#"
            prod: shop/-/web.ocu.star/@r3 -> shop/-/web.ocu.star/@r1
            --- stderr
            set intent; `ocuroot work any` carries it out
        "#]],
    );
    world.ok("state set web.ocu.star/@r2/custom/bad slow");
    world.ok("work any");
    world.check(
        "release rollback --env qa web.ocu.star",
        expect![[r#"
            qa: shop/-/web.ocu.star/@r3 -> shop/-/web.ocu.star/@r1
            --- stderr
            qa: shop/-/web.ocu.star/@r2 is marked as bad, so it was passed over
            set intent; `ocuroot work any` carries it out
        "#]],
    );
    world.check(
        "release rollback --env qa web.ocu.star/@r3",
        expect![[r#"
            qa: shop/-/web.ocu.star/@r1 -> shop/-/web.ocu.star/@r3
            --- stderr
            warning: shop/-/web.ocu.star/@r3 is marked as bad
            what has not started of shop/-/web.ocu.star/@r1 still can: ocuroot release cancel shop/-/web.ocu.star/@r1
            set intent; `ocuroot work any` carries it out
        "#]],
    );
}

#[test]
fn a_deploy_that_failed_is_taken_back_and_nothing_has_to_be_done() {
    let world = released(&["1", "broken"]);
    world.check(
        "release rollback web.ocu.star --env prod",
        expect![[r#"
            prod: shop/-/web.ocu.star/@r2 -> shop/-/web.ocu.star/@r1
            --- stderr
            what has not started of shop/-/web.ocu.star/@r2 still can: ocuroot release cancel shop/-/web.ocu.star/@r2
            set intent; `ocuroot work any` carries it out
        "#]],
    );
    assert_eq!(world.ok("state diff").stdout, "");
}

#[test]
fn what_cannot_be_rolled_back_is_left_as_it_is() {
    let world = released(&["1"]);
    for (line, expected) in [
        (
            "release rollback web.ocu.star",
            expect![[r#"
                --- stderr
                error: nothing is rolled back: in prod no release was live before shop/-/web.ocu.star/@r1; in qa no release was live before shop/-/web.ocu.star/@r1
                  help: name the release to go to, or with --env other environments
                --- exit 1
            "#]],
        ),
        (
            "release rollback other.ocu.star",
            expect![[r#"
                --- stderr
                error: nothing to roll back: no release of shop/-/other.ocu.star is deployed
                --- exit 1
            "#]],
        ),
        (
            "release rollback wev.ocu.star",
            expect![[r#"
                --- stderr
                error: there is no release file $DIR/repo/wev.ocu.star
                  help: name one of them:
                        other.ocu.star
                        web.ocu.star
                --- exit 1
            "#]],
        ),
        (
            "release rollback",
            expect![[r#"
                --- stderr
                error: there are 2 release files in $DIR/repo
                  help: name one of them:
                        other.ocu.star
                        web.ocu.star
                --- exit 1
            "#]],
        ),
        (
            "release rollback web.ocu.star --env staging",
            expect![[r#"
                --- stderr
                error: shop/-/web.ocu.star is not deployed to staging (it is deployed to: prod, qa)
                --- exit 1
            "#]],
        ),
        (
            "release rollback web.ocu.star/@r7",
            expect![[r#"
                --- stderr
                error: there is no release shop/-/web.ocu.star/@r7
                  help: `ocuroot release list shop/-/web.ocu.star` lists those that there are
                --- exit 1
            "#]],
        ),
        (
            "release rollback web.ocu.star/@r1",
            expect![[r#"
                --- stderr
                error: nothing to roll back: shop/-/web.ocu.star/@r1 is what should be deployed there already
                --- exit 1
            "#]],
        ),
        (
            "release rollback --package web.ocu.star other.ocu.star/@r1",
            expect![[r#"
                --- stderr
                error: shop/-/other.ocu.star/@r1 is not of the package that --package names, shop/-/web.ocu.star
                --- exit 2
            "#]],
        ),
    ] {
        world.check_reads_only(line, expected);
    }
}
