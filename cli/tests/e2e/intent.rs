//! Intent: environments, custom state, what should be deployed where.

use expect_test::expect;

use crate::world::World;

/// Two environments and a package that is deployed to each.
const SHOP: &str = r#"-- environments.ocu.star --
register_environment(environment("staging", attributes={"tier": "test"}))
register_environment(environment("production", attributes={"tier": "live"}))
-- web.ocu.star --
def build():
    return done(outputs={"image": "web:" + read("version").strip()})

def up(environment, image):
    print("up", environment["name"], environment["attributes"], image)
    return done(outputs={"host": environment["name"] + ".example.org"})

def down(environment, image):
    print("down", environment["name"], image)
    return done()

task(build, "build")
for e in environments():
    deploy(e.name, up=up, down=down, inputs={"image": ref("./task/build#output/image")})
-- version --
1
"#;

fn deployed() -> World {
    let world = World::new(SHOP);
    world.ok("release new environments.ocu.star");
    world.ok("release new web.ocu.star --jobs 1");
    world
}

#[test]
fn a_file_of_environments_sets_them() {
    let world = World::new(SHOP);
    world.check(
        "release new environments.ocu.star",
        expect![[r#"
        @/environment/staging
        @/environment/production
    "#]],
    );
    world.check(
        "state match",
        expect![[r#"
        @/environment/production
        @/environment/staging
        shop/-/repo.ocu.star/@
        shop/-/repo.ocu.star/@<commit 1>
    "#]],
    );
    world.check(
        "state match --intent",
        expect![[r#"
        +/environment/production
        +/environment/staging
        shop/-/repo.ocu.star/+
        shop/-/repo.ocu.star/+<commit 1>
    "#]],
    );
    world.check(
        "state match +/environment/*",
        expect![[r#"
        +/environment/production
        +/environment/staging
    "#]],
    );
    world.check(
        "state get @/environment/staging",
        expect![[r#"
        {
          "attributes": {
            "tier": "test"
          },
          "name": "staging"
        }
    "#]],
    );
    world.check(
        "release new web.ocu.star --jobs 1",
        expect![[r#"
        shop/-/web.ocu.star/@r1 complete
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › task/build/1 build
        ✓ task/build/1 complete <took>
            shop/-/web.ocu.star/@r1/task/build#output/image
        › deploy/production/1 up
          production/1 | up production {"tier": "live"} web:1
        ✓ deploy/production/1 complete <took>
            shop/-/web.ocu.star/@r1/deploy/production#output/host
        › deploy/staging/1 up
          staging/1 | up staging {"tier": "test"} web:1
        ✓ deploy/staging/1 complete <took>
            shop/-/web.ocu.star/@r1/deploy/staging#output/host
    "#]],
    );
    world.check(
        "release list web.ocu.star",
        expect![[r#"
        RELEASE  STATUS    COMMIT      TAGS  LIVE IN             TIME                  SUBJECT
        r1       complete  <commit 1>        production staging  <time>  first
    "#]],
    );
    world.check(
        "state get ./web.ocu.star/@/deploy/staging#output/host",
        expect![[r#"
        "staging.example.org"
    "#]],
    );
    world.check(
        "state get shop/-/web.ocu.star/+/deploy/staging",
        expect![[r#"
        {
          "input": {
            "environment": {
              "ref": "@/environment/staging",
              "value": {
                "attributes": {
                  "tier": "test"
                },
                "name": "staging"
              }
            },
            "image": {
              "ref": "shop/-/web.ocu.star/@r1/task/build#output/image",
              "value": "web:1"
            }
          },
          "release": "shop/-/web.ocu.star/@r1"
        }
    "#]],
    );
    world.check("state diff", expect![[""]]);
    world.check(
        "work any --dryrun",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn a_new_environment_is_deployed_to() {
    let world = deployed();
    world.check(
        r#"state set @/environment/canary --format json '{"name":"canary","attributes":{"tier":"test"}}'"#,
        expect![[r#"
            --- stderr
            set +/environment/canary; `ocuroot work any` carries it out
        "#]],
    );
    world.check_reads_only(
        "work any -d",
        expect![[r#"
        [
          {
            "ref": "@/environment/canary",
            "work_type": "create"
          }
        ]
    "#]],
    );
    world.check(
        "state apply @/environment/canary",
        expect![[r#"
        --- stderr
        applied @/environment/canary
          shop/-/web.ocu.star/@r1/op/check_envs
    "#]],
    );
    world.check_reads_only(
        "work ops --dryrun",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "ref": "shop/-/web.ocu.star/@r1/op/check_envs",
            "work_type": "op"
          }
        ]
    "#]],
    );
    world.check(
        "work ops",
        expect![[r#"
        --- stderr
        checked environments of shop/-/web.ocu.star/@r1
          shop/-/web.ocu.star/@r1/deploy/canary/1
    "#]],
    );
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › deploy/canary/1 up
          canary/1 | up canary {"tier": "test"} web:1
        ✓ deploy/canary/1 complete <took>
            shop/-/web.ocu.star/@r1/deploy/canary#output/host
    "#]],
    );
    world.check(
        "work any --dryrun",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn a_deleted_environment_is_taken_down() {
    let world = deployed();
    world.check(
        "state delete @/environment/staging",
        expect![[r#"
        --- stderr
        deleted +/environment/staging; `ocuroot work any` carries it out
    "#]],
    );
    world.check(
        "state diff",
        expect![[r#"
        @/environment/staging
    "#]],
    );
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        applied @/environment/staging
          shop/-/web.ocu.star/@r1/deploy/staging/2
        shop/-/web.ocu.star/@r1 first
        › deploy/staging/2 down
          staging/2 | down staging web:1
        ✓ deploy/staging/2 complete <took>
    "#]],
    );
    world.check(
        "state match **/deploy/staging",
        expect![[r#"
        shop/-/web.ocu.star/@r1/deploy/staging
    "#]],
    );
    world.check(
        "state get web.ocu.star/@/deploy/staging",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/@/deploy/staging not found
          help: did you mean shop/-/web.ocu.star/@r1/deploy/staging?
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
    world.check(
        "state delete @/environment/staging",
        expect![[r#"
        --- stderr
        error: there is no intent at +/environment/staging
        --- exit 1
    "#]],
    );
    // And back again.
    world.ok(r#"state set @/environment/staging -f=json '{"name":"staging","attributes":{"tier":"new"}}'"#);
    world.check(
        "work any --comprehensive -j 1",
        expect![[r#"
        --- stderr
        applied @/environment/staging
          shop/-/web.ocu.star/@r1/op/check_envs
        checked environments of shop/-/web.ocu.star/@r1
          shop/-/web.ocu.star/@r1/deploy/staging/3
        shop/-/web.ocu.star/@r1 first
        › deploy/staging/3 up
          staging/3 | up staging {"tier": "new"} web:1
        ✓ deploy/staging/3 complete <took>
            shop/-/web.ocu.star/@r1/deploy/staging#output/host
    "#]],
    );
    world.check("state check", expect![[""]]);
}

#[test]
fn intent_takes_a_deployment_back_to_an_older_release() {
    let mut world = deployed();
    world.write("version", "2\n");
    world.commit("second");
    world.ok("release new web.ocu.star --jobs 1");
    world.check(
        "state get web.ocu.star/@/deploy/production#release",
        expect![[r#"
        "shop/-/web.ocu.star/@r2"
    "#]],
    );
    world.ok(
        r#"state set web.ocu.star/@/deploy/production -f json '{"release":"shop/-/web.ocu.star/@r1","input":{"image":{"ref":"shop/-/web.ocu.star/@r1/task/build#output/image"},"environment":{"ref":"@/environment/production"}}}'"#,
    );
    world.check("state diff --patch", expect![[r#"
        update shop/-/web.ocu.star/@/deploy/production
            intent                                                            state
            {                                                                 {
              "input": {                                                        "input": {
                "environment": {                                                  "environment": {
                  "ref": "@/environment/production"                         |       "ref": "@/environment/production",
                },                                                          |       "value": {
                "image": {                                                  |         "attributes": {
                  "ref": "shop/-/web.ocu.star/@r1/task/build#output/image"  |           "tier": "live"
                }                                                           |         },
              },                                                            |         "name": "production"
              "release": "shop/-/web.ocu.star/@r1"                          |       }
            }                                                               |     },
                                                                            |     "image": {
                                                                            |       "ref": "shop/-/web.ocu.star/@r2/task/build#output/image",
                                                                            |       "value": "web:2"
                                                                            |     }
                                                                            |   },
                                                                            |   "output": {
                                                                            |     "host": "production.example.org"
                                                                            |   },
                                                                            |   "release": "shop/-/web.ocu.star/@r2",
                                                                            |   "run_ref": "shop/-/web.ocu.star/@r2/deploy/production/1",
                                                                            |   "type": "up"
                                                                            | }
    "#]]);
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        applied shop/-/web.ocu.star/@/deploy/production
          shop/-/web.ocu.star/@r1/deploy/production/2
        shop has work at <commit 1> and no trigger; in a checkout of it run:
          git checkout <commit 1>
          ocuroot work any
    "#]],
    );
    world.git(&["checkout", "-q", "HEAD~"]);
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › deploy/production/2 up
          production/2 | up production {"tier": "live"} web:1
        ✓ deploy/production/2 complete <took>
            shop/-/web.ocu.star/@r1/deploy/production#output/host
    "#]],
    );
    world.check(
        "state get web.ocu.star/@/deploy/production#release",
        expect![[r#"
        "shop/-/web.ocu.star/@r1"
    "#]],
    );
    world.check(
        "release list web.ocu.star",
        expect![[r#"
        RELEASE  STATUS    COMMIT      TAGS  LIVE IN     TIME                  SUBJECT
        r2       complete  <commit 2>        staging     <time>  second
        r1       complete  <commit 1>        production  <time>  first
    "#]],
    );
    world.check("state diff", expect![[""]]);
}

#[test]
fn deleted_deploy_intent_takes_it_down() {
    let world = deployed();
    world.check(
        "state delete ./web.ocu.star/+/deploy/production",
        expect![[r#"
        --- stderr
        deleted shop/-/web.ocu.star/+/deploy/production; `ocuroot work any` carries it out
    "#]],
    );
    world.check(
        "state apply web.ocu.star/@/deploy/production",
        expect![[r#"
        --- stderr
        applied shop/-/web.ocu.star/@/deploy/production
          shop/-/web.ocu.star/@r1/deploy/production/2
    "#]],
    );
    world.check(
        "state apply web.ocu.star/@/deploy/production",
        expect![[r#"
            --- stderr
            nothing to do: shop/-/web.ocu.star/@r1/deploy/production/2 is pending
        "#]],
    );
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › deploy/production/2 down
          production/2 | down production web:1
        ✓ deploy/production/2 complete <took>
    "#]],
    );
    world.check(
        "state get web.ocu.star/@/deploy/production",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/@/deploy/production not found
          help: did you mean shop/-/web.ocu.star/@r1/deploy/production?
        --- exit 1
    "#]],
    );
    world.check(
        "state apply web.ocu.star/@/deploy/production",
        expect![[r#"
        --- stderr
        error: there is nothing at shop/-/web.ocu.star/@/deploy/production, in intent or in state
        --- exit 1
    "#]],
    );
}

#[test]
fn a_changed_output_of_another_package_deploys_again() {
    let mut world = World::new(
        r#"-- network.ocu.star --
def f():
    return done(outputs={"range": read("range").strip()})
task(f, "range")
-- range --
10.0.0.0/8
-- web.ocu.star --
def up(environment, range):
    print("up in", range)
    return done()
def down(environment, range):
    return done()
deploy("prod", up=up, down=down, inputs={"range": input(ref="./-/network.ocu.star/@/task/range#output/range")})
"#,
    );
    world.ok(r#"state set @/environment/prod -f json '{"name":"prod"}'"#);
    world.ok("state apply @/environment/prod");
    world.check(
        "release new web.ocu.star",
        expect![[r#"
            shop/-/web.ocu.star/@r1 pending
            --- stderr
            shop/-/web.ocu.star/@r1 first
            › deploy/prod/1 waits for network, which has no release yet
                shop/-/network.ocu.star/@/task/range#output/range (input range)
        "#]],
    );
    world.ok("release new network.ocu.star");
    world.check(
        "work continue",
        expect![[r#"
        --- stderr
        shop/-/web.ocu.star/@r1 first
        › deploy/prod/1 up
          prod/1 | up in 10.0.0.0/8
        ✓ deploy/prod/1 complete <took>
    "#]],
    );
    world.write("range", "192.168.0.0/16\n");
    world.commit("second");
    world.ok("release new network.ocu.star");
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
        shop has work at <commit 1> and no trigger; in a checkout of it run:
          git checkout <commit 1>
          ocuroot work any
    "#]],
    );
    world.git(&["checkout", "-q", "HEAD~"]);
    world.check(
        "work any -d",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "ref": "shop/-/web.ocu.star/@r1/deploy/prod",
            "work_type": "run"
          }
        ]
    "#]],
    );
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        shop/-/web.ocu.star/@r1/deploy/prod/2: deployed again, since range changed
        shop/-/web.ocu.star/@r1 first
        › deploy/prod/2 up
          prod/2 | up in 192.168.0.0/16
        ✓ deploy/prod/2 complete <took>
    "#]],
    );
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
    "#]],
    );
}

#[test]
fn values_are_strings_json_or_starlark() {
    let world = World::new("-- a.ocu.star --\n");
    world.ok("state set @/custom/a 5");
    world.check(
        "state get +/custom/a",
        expect![[r#"
        "5"
    "#]],
    );
    world.ok("state set @/custom/a -f json 12345678901234567890.5e3");
    world.check(
        "state get +/custom/a",
        expect![[r#"
        12345678901234567890.5e+3
    "#]],
    );
    world.ok("state set @/custom/a -f starlark 'dict(n=1+2,l=[x*x for x in range(3)])'");
    world.check(
        "state get +/custom/a",
        expect![[r#"
        {
          "l": [
            0,
            1,
            4
          ],
          "n": 3
        }
    "#]],
    );
    world.check(
        "state set @/custom/a -f json {nope",
        expect![[r#"
        --- stderr
        error: the value is not JSON: key must be a string at line 1 column 2
        --- exit 1
    "#]],
    );
    world.check(
        "state set @/custom/a -f starlark 'x +'",
        expect![[r#"
        --- stderr
        error: Parse error: unexpected symbol ')', expected expression
         --> value:3:1
          |
        3 | )})
          | ^
        --- exit 1
    "#]],
    );
    world.check(
        "state set @/custom/a -f starlark '1 // 0'",
        expect![[r#"
        --- stderr
        error: Floor division by zero: 1 // 0
         --> value:2:1
          |
        2 | 1 // 0
          | ^^^^^^
        --- exit 1
    "#]],
    );
    world.check(
        "state set @/custom/a -f toml 1",
        expect![[r#"
        --- stderr
        error: invalid value 'toml' for '--format <FORMAT>'
          [possible values: string, json, starlark]

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    world.check(
        "state set @/custom/a#x 1",
        expect![[r#"
        --- stderr
        error: @/custom/a#x names a field; set the whole document
        --- exit 2
    "#]],
    );
    world.check("state set ./@/task/x 1", expect![[r#"
        --- stderr
        error: shop/-/a.ocu.star/+/task/x is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
        --- exit 1
    "#]]);
    world.check(
        "state set +/custom/b --format=json -5",
        expect![[r#"
        --- stderr
        set +/custom/b; `ocuroot work any` carries it out
    "#]],
    );
    world.check(
        "state get +/custom/b",
        expect![[r#"
        -5
    "#]],
    );
    let mut command = world.command("", &["state", "set", "@/custom/c", "-"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"two\nlines\n").unwrap();
    assert!(child.wait().unwrap().success());
    world.check(
        "state get +/custom/c",
        expect![[r#"
        "two\nlines"
    "#]],
    );
    world.check(
        "state delete @/custom/nope",
        expect![[r#"
        --- stderr
        error: there is no intent at +/custom/nope
        --- exit 1
    "#]],
    );
    world.check(
        "state apply @/custom/nope",
        expect![[r#"
        --- stderr
        error: there is nothing at @/custom/nope, in intent or in state
        --- exit 1
    "#]],
    );
    world.check(
        "state apply @/custom/a",
        expect![[r#"
        --- stderr
        applied @/custom/a
    "#]],
    );
    world.check(
        "state apply @/custom/a",
        expect![[r#"
        --- stderr
        nothing to do: state is as intended
    "#]],
    );
    world.ok("state delete +/custom/a");
    world.check(
        "state diff --json",
        expect![[r#"
        [
          {
            "change": "delete",
            "ref": "@/custom/a"
          },
          {
            "change": "create",
            "ref": "@/custom/b"
          },
          {
            "change": "create",
            "ref": "@/custom/c"
          }
        ]
    "#]],
    );
    world.check(
        "state apply @/custom/a",
        expect![[r#"
        --- stderr
        applied @/custom/a
    "#]],
    );
    world.check(
        "state match",
        expect![[r#"
        shop/-/repo.ocu.star/@
        shop/-/repo.ocu.star/@<commit 1>
    "#]],
    );
}

#[test]
fn intent_that_makes_no_sense_is_refused() {
    let world = deployed();
    for (line, expected) in [
        (
            r#"state set @/environment/prod -f json '{"name":"production"}'"#,
            expect![[r#"
            --- stderr
            error: +/environment/prod: the environment is called "production" but its ref says "prod"; make them the same
            --- exit 1
        "#]],
        ),
        (
            r#"state set @/environment/prod -f json '{"name":"prod","attributes":{"n":1}}'"#,
            expect![[r#"
            --- stderr
            error: +/environment/prod: not an environment (invalid type: number, expected a string); expected {"name": "…", "attributes": {"…": "…"}}
            --- exit 1
        "#]],
        ),
        (
            r#"state set @/environment/prod -f json '["prod"]'"#,
            expect![[r#"
            --- stderr
            error: +/environment/prod: not an environment (invalid type: sequence, expected an object); expected {"name": "…", "attributes": {"…": "…"}}
            --- exit 1
        "#]],
        ),
        (
            "state set @/environment/prod prod",
            expect![[r#"
            --- stderr
            error: +/environment/prod: not an environment (invalid type: string "prod", expected an object); expected {"name": "…", "attributes": {"…": "…"}}
            --- exit 1
        "#]],
        ),
        (
            r#"state set '@/environment/a b' -f json '{"name":"a b"}'"#,
            expect![[r#"
            --- stderr
            error: +/environment/a b: `a b` is not an environment name: it must not hold ' '
            --- exit 1
        "#]],
        ),
        (
            r#"state set web.ocu.star/@/deploy/staging -f json '{"release":"nonsense//@"}'"#,
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/+/deploy/staging: not a deployment intent (byte 9 of `nonsense//@`: a segment is empty; write one `/`, not two); expected {"release": "<ref>", "input": {…}}
            --- exit 1
        "#]],
        ),
        (
            r#"state set web.ocu.star/@/deploy/staging r1"#,
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/+/deploy/staging: not a deployment intent (invalid type: string "r1", expected an object); expected {"release": "<ref>", "input": {…}}
            --- exit 1
        "#]],
        ),
        (
            "state set web.ocu.star/@r1/deploy/staging r1",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/+r1/deploy/staging is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
            --- exit 1
        "#]],
        ),
        (
            "state set web.ocu.star/@/op/check_envs 1",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/+/op/check_envs is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
            --- exit 1
        "#]],
        ),
        (
            "state set web.ocu.star 1",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
            --- exit 1
        "#]],
        ),
        (
            "state delete web.ocu.star/@r1/task/build",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/+r1/task/build is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
            --- exit 1
        "#]],
        ),
        (
            "state apply web.ocu.star/@r1/task/build",
            expect![[r#"
            --- stderr
            error: shop/-/web.ocu.star/@r1/task/build is not intent: only deployments (…/@/deploy/<environment>), custom state and environments (@/environment/<name>) can be set and applied
            --- exit 1
        "#]],
        ),
    ] {
        world.check_reads_only(line, expected);
    }
}

#[test]
fn intent_for_what_there_is_not_is_refused_when_it_is_applied() {
    let world = deployed();
    world.ok(r#"state set web.ocu.star/@/deploy/nowhere -f json '{"release":"shop/-/web.ocu.star/@r1","input":{}}'"#);
    world.ok(r#"state set web.ocu.star/@/deploy/staging -f json '{"release":"shop/-/web.ocu.star/@r9","input":{}}'"#);
    world.check_reads_only("state apply web.ocu.star/@/deploy/nowhere", expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/+/deploy/nowhere: shop/-/web.ocu.star/@r1 has no deployment to nowhere (it deploys to: production, staging)
        --- exit 1
    "#]]);
    world.check_reads_only(
        "state apply web.ocu.star/@/deploy/staging",
        expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/+/deploy/staging: there is no release shop/-/web.ocu.star/@r9
        --- exit 1
    "#]],
    );
    world.check_reads_only("work any", expect![[r#"
        --- stderr
        not applied: shop/-/web.ocu.star/+/deploy/nowhere: shop/-/web.ocu.star/@r1 has no deployment to nowhere (it deploys to: production, staging)
        not applied: shop/-/web.ocu.star/+/deploy/staging: there is no release shop/-/web.ocu.star/@r9
        error: 2 things could not be done, as said above
        --- exit 1
    "#]]);
}

#[test]
fn intent_that_cannot_be_read_takes_nothing_down() {
    let world = deployed();
    world.ok("state set @/custom/fine 1");
    world.ok("state apply @/custom/fine");
    let before = world.store();
    for path in ["@/environment/staging", "@/custom/fine", "shop/-/web.ocu.star/@/deploy/production"] {
        let path = format!(".store/intent/refs/{path}/@object.json");
        assert!(!world.read(&path).is_empty());
        world.write(&path, "<<<<<<< HEAD\n{nope");
    }
    world.check_reads_only(
        "work any --dryrun",
        expect![[r#"
            []
            --- stderr
            left out: @/custom/fine: +/custom/fine cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
            left out: @/environment/staging: +/environment/staging cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
            left out: shop/-/web.ocu.star/@/deploy/production: shop/-/web.ocu.star/+/deploy/production cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        "#]],
    );
    world.check("work any", expect![[r#"
        --- stderr
        not applied: +/custom/fine cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        not applied: +/environment/staging cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        not applied: shop/-/web.ocu.star/+/deploy/production cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        error: 3 things could not be done, as said above
        --- exit 1
    "#]]);
    world.check("state apply @/environment/staging", expect![[r#"
        --- stderr
        error: +/environment/staging cannot be read (not a document: expected value at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        --- exit 1
    "#]]);
    world.check("state check", expect![[r#"
        +/custom/fine: not a document: expected value at line 1 column 1; put the file right by hand, or delete it
        +/environment/staging: not a document: expected value at line 1 column 1; put the file right by hand, or delete it
        shop/-/web.ocu.star/+/deploy/production: not a document: expected value at line 1 column 1; put the file right by hand, or delete it
        --- stderr
        error: 3 problems found
        --- exit 1
    "#]]);
    world.check(
        "state get +/custom/fine",
        expect![[r#"
        --- stderr
        error: +/custom/fine: not a document: expected value at line 1 column 1
        --- exit 1
    "#]],
    );
    let now = world.store();
    let state = |files: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        let state = world.root().join(".store/state");
        files
            .iter()
            .filter(|(path, _)| path.starts_with(&state))
            .map(|(p, t)| (p.clone(), t.clone()))
            .collect::<Vec<_>>()
    };
    assert!(state(&before) == state(&now), "something was done to state");
}

#[test]
fn intent_that_came_in_by_hand_is_reported_and_the_rest_applied() {
    let world = deployed();
    world.ok("state set @/custom/fine 1");
    for (path, body) in [
        ("shop/-/web.ocu.star/@/deploy/nowhere", r#"{"release":"shop/-/web.ocu.star/@r1","input":{}}"#),
        ("@/environment/wrong", r#"{"name":"right","attributes":{}}"#),
    ] {
        world.write(
            &format!(".store/intent/refs/{path}/@object.json"),
            &format!(r#"{{"kind":"ref","body_type":"x","body":{body}}}"#),
        );
    }
    world.write(".store/intent/refs/@/custom/broken/@object.json", "{nope");
    world.check(
        "state diff",
        expect![[r#"
        @/custom/broken
        @/custom/fine
        @/environment/wrong
        shop/-/web.ocu.star/@/deploy/nowhere
    "#]],
    );
    world.check("state apply web.ocu.star/@/deploy/nowhere", expect![[r#"
        --- stderr
        error: shop/-/web.ocu.star/+/deploy/nowhere: shop/-/web.ocu.star/@r1 has no deployment to nowhere (it deploys to: production, staging)
        --- exit 1
    "#]]);
    world.check("state apply @/environment/wrong", expect![[r#"
        --- stderr
        error: @/environment/wrong: the environment is called "right" but its ref says "wrong"; make them the same
        --- exit 1
    "#]]);
    world.check("state apply @/custom/broken", expect![[r#"
        --- stderr
        error: +/custom/broken cannot be read (not a document: key must be a string at line 1 column 2): mend it, or delete it with `ocuroot state delete`
        --- exit 1
    "#]]);
    world.check(
        "work any -d",
        expect![[r#"
            [
              {
                "ref": "@/custom/fine",
                "work_type": "create"
              }
            ]
            --- stderr
            left out: @/custom/broken: +/custom/broken cannot be read (not a document: key must be a string at line 1 column 2): mend it, or delete it with `ocuroot state delete`
            left out: @/environment/wrong: @/environment/wrong: the environment is called "right" but its ref says "wrong"; make them the same
            left out: shop/-/web.ocu.star/@/deploy/nowhere: shop/-/web.ocu.star/+/deploy/nowhere: shop/-/web.ocu.star/@r1 has no deployment to nowhere (it deploys to: production, staging)
        "#]],
    );
    world.check("work any", expect![[r#"
        --- stderr
        not applied: +/custom/broken cannot be read (not a document: key must be a string at line 1 column 2): mend it, or delete it with `ocuroot state delete`
        not applied: @/environment/wrong: the environment is called "right" but its ref says "wrong"; make them the same
        not applied: shop/-/web.ocu.star/+/deploy/nowhere: shop/-/web.ocu.star/@r1 has no deployment to nowhere (it deploys to: production, staging)
        applied @/custom/fine
        error: 3 things could not be done, as said above
        --- exit 1
    "#]]);
    world.check(
        "state get @/custom/fine",
        expect![[r#"
        "1"
    "#]],
    );
}
