//! What goes where: machines read stdout, people stderr; colour, moving lines, secrets.

use std::process::Stdio;

use expect_test::expect;

use crate::terminal::Terminal;
use crate::world::World;

const RELEASE: &str = r#"-- a.ocu.star --
token = secret("hunter2")
def f():
    print("with", token)
    shell("echo 'out hunter2'; echo 'err hunter2' >&2")
    return done(outputs={"who": "ada"})
def g():
    fail("no entry for " + token)
phase("work", tasks=[task(f, "f"), task(g, "g")])
"#;

#[test]
fn secrets_are_masked_everywhere() {
    let world = World::new(RELEASE);
    let run = world.run(&["release", "new", "-j1"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("out <secret>") && run.stderr.contains("no entry for <secret>"),
        "{}",
        run.text()
    );
    assert!(!run.text().contains("hunter2"), "{}", run.text());
    for (path, text) in world.store() {
        // The definition of the release quotes no source.
        assert!(!String::from_utf8_lossy(&text).contains("hunter2"), "{}", path.display());
    }
    // In a file that fails while it is evaluated, the excerpt is masked too.
    world.write("b.ocu.star", "fail(\"at \" + secret(\"hunter2\"))\n");
    world.check(
        "release new b.ocu.star",
        expect![[r#"
            --- stderr
            warning: b.ocu.star is not committed; the release is recorded as the commit's, but runs what is here
            error: at <secret>
             --> b.ocu.star:1:1
              |
            1 | fail("at " + secret("<secret>"))
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            --- exit 1
        "#]],
    );
    world.check(
        "release lint b.ocu.star",
        expect![[r#"
        --- stderr
        error: at <secret>
         --> b.ocu.star:1:1
          |
        1 | fail("at " + secret("<secret>"))
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
}

#[test]
fn colour() {
    let world = World::new(RELEASE);
    let has = |run: &crate::world::Run| run.stderr.contains('\u{1b}');
    assert!(!has(&world.run(&["release", "new"])));
    assert!(has(&world.run(&["release", "new", "--force", "--color", "always"])));
    assert!(has(&world.run(&["--color=always", "release", "new", "--force"])));
    let run = world.run(&["release", "new", "--force", "--color=always"]);
    assert!(!run.stdout.contains('\u{1b}'), "{run:?}");
    assert!(!has(&world.run(&["release", "new", "--force", "--color=never"])));
    assert_eq!(world.run(&["release", "new", "--color=blue"]).code, 2);
}

/// What a terminal gets to see.
fn on_a_terminal(world: &World, arguments: &[&str]) -> String {
    Terminal::start(world.command("", arguments)).transcript()
}

#[test]
fn a_terminal_shows_a_tree() {
    let world = World::new(RELEASE);
    let seen = on_a_terminal(&world, &["release", "new"]);
    for part in [
        "\u{1b}[32m✓\u{1b}[0m task/f/1",
        "\u{1b}[31m✗\u{1b}[0m task/g/1",
        "#output/who",
        "no entry for <secret>",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("panicked") && !seen.contains("hunter2"), "{seen}");
    let world = World::new(RELEASE).with("NO_COLOR", "1");
    let seen = on_a_terminal(&world, &["release", "new"]);
    assert!(seen.contains("✓ task/f/1") && !seen.contains("\u{1b}[32m"), "{seen}");
    let world = World::new(RELEASE).with("CI", "true");
    let seen = on_a_terminal(&world, &["release", "new"]);
    assert!(seen.contains("✓ task/f/1 complete") && !seen.contains('\u{1b}'), "{seen}");
    let world = World::new(RELEASE).with("TERM", "dumb");
    let seen = on_a_terminal(&world, &["release", "new"]);
    assert!(!seen.contains('\u{1b}'), "{seen}");
}

#[test]
fn json_of_every_listing_is_json() {
    let world = World::new(RELEASE);
    world.run(&["release", "new"]);
    world.ok("state set @/custom/x 1");
    for line in [
        "release list --json",
        "release show --json",
        "release show @r1 --json",
        "release lint a.ocu.star --json",
        "state match --json",
        "state diff --json",
        "state check --json",
        "state get @r1",
        "work any -d",
        "work continue -d",
        "work ops -d",
        "work trigger -d",
    ] {
        let run = world.ok(line);
        assert_eq!(run.stderr, "", "{line}");
        // Times and hashes were replaced by words, which are strings still.
        let value: serde_json::Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(!value.is_null(), "{line}");
    }
    world.check(
        "release show --json",
        expect![[r#"
            {
              "author": "Ada",
              "commit": "<commit 1>",
              "live_in": [],
              "phases": [
                {
                  "name": "work",
                  "work": [
                    {
                      "place": "task/f",
                      "runs": [
                        {
                          "number": 1,
                          "outputs": [
                            "shop/-/a.ocu.star/@r1/task/f#output/who"
                          ],
                          "run": "shop/-/a.ocu.star/@r1/task/f/1",
                          "since": "<time>",
                          "status": "complete",
                          "waits_for": []
                        }
                      ]
                    },
                    {
                      "place": "task/g",
                      "runs": [
                        {
                          "number": 1,
                          "outputs": [],
                          "run": "shop/-/a.ocu.star/@r1/task/g/1",
                          "since": "<time>",
                          "status": "failed",
                          "waits_for": []
                        }
                      ]
                    }
                  ]
                }
              ],
              "release": "shop/-/a.ocu.star/@r1",
              "status": "failed",
              "subject": "first",
              "tags": [],
              "time": "<time>",
              "why": [
                {
                  "help": [
                    {
                      "alone": true,
                      "command": "ocuroot release retry shop/-/a.ocu.star/@r1",
                      "do": "retry"
                    }
                  ],
                  "ref": "shop/-/a.ocu.star/@r1/task/g/1",
                  "sentence": [
                    "failed <age> ago: no entry for <secret>; retry with ",
                    {
                      "command": "ocuroot release retry shop/-/a.ocu.star/@r1"
                    }
                  ],
                  "since": "<time>",
                  "status": "failed"
                }
              ]
            }
        "#]],
    );
}

#[test]
fn flags_may_stand_anywhere() {
    let world = World::new(RELEASE);
    world.run(&["release", "new"]);
    let expected = world.ok("release show --json a.ocu.star");
    for line in ["release show a.ocu.star --json", "release --color never show a.ocu.star --json"] {
        assert_eq!(world.ok(line), expected, "{line}");
    }
    for line in ["-f json 1", "-f=json 1", "-fjson 1", "--format=json 1", "1 -f=json", "1 --format json"] {
        world.ok(&format!("state set @/custom/x {line}"));
        assert_eq!(world.ok("state get +/custom/x").stdout, "1\n", "{line}");
    }
    world.ok("state set @/custom/x -- -f=json");
    assert_eq!(world.ok("state get +/custom/x").stdout, "\"-f=json\"\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let world = World::new(RELEASE);
    world.run(&["release", "new"]);
    let mut command = world.command("", &["state", "match"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let run = world.tidy(&output);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}
