//! On a CI platform: its own terms in the log, and what later steps and people are told.

use std::path::PathBuf;
use std::process::Stdio;

use expect_test::expect;

use crate::world::{Run, World};

/// `b` fails, both print, and the deployment waits for an approval.
const REPO: &str = r#"-- a.ocu.star --
register_environment(environment("prod"))
-- app/release.ocu.star --
def build():
    shell("echo one; echo '::warning::of the user'; echo '##[debug]x'")
    return done(outputs={"n": 1})
def check():
    shell("echo checking; exit 3")
def up(environment, ok):
    pass
task(build, "build")
phase("deploy", tasks=[deploy(e, up=up, down=up, inputs={"ok": input(ref="./@/custom/approve")}) for e in environments()])
-- bad/release.ocu.star --
def build():
    return done()
task(build, "build", inputs={"imgae": "x"})
"#;

fn actions(fixture: &str) -> World {
    let world = World::new(fixture).with("GITHUB_ACTIONS", "true");
    let (summary, output) = (world.root().join("../summary.md"), world.root().join("../output"));
    let workspace = world.root().display().to_string();
    world
        .with("GITHUB_STEP_SUMMARY", &summary.display().to_string())
        .with("GITHUB_OUTPUT", &output.display().to_string())
        .with("GITHUB_WORKSPACE", &workspace)
}

/// What is in a file beside the repo.
fn beside(world: &World, name: &str) -> String {
    world.tidy_text(&std::fs::read_to_string(world.root().join("..").join(name)).unwrap_or_default())
}

#[test]
fn a_push_on_actions() {
    let mut world = actions(REPO);
    world.git(&["rm", "-q", "-r", "bad"]);
    world.commit("a % subject\r::error::of another, with a | and `code`");
    world.check(
        "push -j1",
        expect![[r#"
            @/environment/prod
            shop/-/app/release.ocu.star/@r1 paused
            --- stderr
            a.ocu.star
            app/release.ocu.star
            shop/-/app/release.ocu.star/@r1 a % subject
            : :error::of another, with a | and `code`
            › task/build/1 build
            ::group::✓ task/build/1 complete <took>
            one
            ::warning::of the user
            ##[debug]x
            shop/-/app/release.ocu.star/@r1/task/build#output/n
            ::endgroup::
            › deploy/prod/1 waits for approve, custom state that somebody must set
                shop/-/app/release.ocu.star/@/custom/approve (input ok)
        "#]],
    );
    expect![[r#"
        ### ✓ ocuroot push

        | release | commit | |
        | --- | --- | --- |
        | <code>shop/-/app/release.ocu.star/&#64;r1</code> | <code><commit 2></code> a &#37; subject &#58;&#58;error&#58;&#58;of another, with a &#124; and &#96;code&#96; | › paused |

        **Waiting**

        * <code>shop/-/app/release.ocu.star/&#64;r1/deploy/prod/1</code> waits for <code>shop/-/app/release.ocu.star/&#64;/custom/approve</code>

    "#]].assert_eq(&beside(&world, "summary.md"));
    expect![[r#"
        release<<ocuroot-ends
        shop/-/app/release.ocu.star/@r1
        ocuroot-ends
        status<<ocuroot-ends
        waiting
        ocuroot-ends
        deployed<<ocuroot-ends
        []
        ocuroot-ends
    "#]]
    .assert_eq(&beside(&world, "output"));
    // What was deployed is in the outputs of the command that did it.
    world.ok("state set app/release.ocu.star/@/custom/approve yes");
    world.ok("work any");
    let output = beside(&world, "output");
    let deployed = output.rsplit("deployed<<ocuroot-ends\n").next().unwrap();
    expect![[r#"
        [{"change":"up","environment":"prod","release":"shop/-/app/release.ocu.star/@r1"}]
        ocuroot-ends
    "#]]
    .assert_eq(deployed);
}

#[test]
fn a_run_that_fails_on_actions() {
    let world = actions(&REPO.replace("task(build, \"build\")\nphase", "task(check, \"check\")\nphase"));
    world.check("release new app/release.ocu.star", expect![[r#"
        shop/-/app/release.ocu.star/@r1 failed
        --- stderr
        shop/-/app/release.ocu.star/@r1 first
        › task/check/1 check
        ::group::✗ task/check/1 failed <took>
        checking
        error: command exited with code 3: echo checking; exit 3
         --> app/release.ocu.star:5:5
          |
        5 |     shell("echo checking; exit 3")
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ::endgroup::
        ::error file=app/release.ocu.star,line=5,col=5,endColumn=35,title=task/check/1 failed::command exited with code 3: echo checking; exit 3
        error: shop/-/app/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/app/release.ocu.star/@r1
        ::error::shop/-/app/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/app/release.ocu.star/@r1
        --- exit 1
    "#]]);
    expect![[r####"
        ### ✗ ocuroot release new

        | release | commit | |
        | --- | --- | --- |
        | <code>shop/-/app/release.ocu.star/&#64;r1</code> | <code><commit 1></code> first | ✗ failed |

        **Failed**

        <code>shop/-/app/release.ocu.star/&#64;r1/task/check/1</code>

        ```
        checking
        error: command exited with code 3: echo checking; exit 3
         --> app/release.ocu.star:5:5
          |
        5 |     shell("echo checking; exit 3")
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ```

        ```
        error: shop/-/app/release.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/app/release.ocu.star/@r1
        ```

    "####]].assert_eq(&beside(&world, "summary.md"));
    expect![[r#"
        release<<ocuroot-ends
        shop/-/app/release.ocu.star/@r1
        ocuroot-ends
        status<<ocuroot-ends
        failed
        ocuroot-ends
        deployed<<ocuroot-ends
        []
        ocuroot-ends
    "#]]
    .assert_eq(&beside(&world, "output"));
}

#[test]
fn a_file_with_a_problem_is_marked_where_it_is() {
    let world = actions(REPO);
    world.check_in("bad", "release new", expect![[r#"
        --- stderr
        error: function `build` (release.ocu.star:1:1) has no parameter `imgae`
         --> bad/release.ocu.star:3:1
          |
        3 | task(build, "build", inputs={"imgae": "x"})
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        help: add `imgae` to its parameters, or drop the input
        ::error file=bad/release.ocu.star,line=3,col=1,endColumn=44::function `build` (release.ocu.star:1:1) has no parameter `imgae`%0Aadd `imgae` to its parameters, or drop the input
        --- exit 1
    "#]]);
    // A checkout below the workspace.
    let below = world.root().parent().unwrap().display().to_string();
    let world = world.with("GITHUB_WORKSPACE", &below);
    let run = world.run(&["push"]);
    assert!(run.stderr.contains("\n::error file=repo/bad/release.ocu.star,line=3,col=1,"), "{}", run.text());
    assert_eq!(run.code, 1);
    // Elsewhere nothing is marked.
    let plain = World::new(REPO).run(&["push"]);
    assert!(!plain.text().contains("::error"), "{}", plain.text());
}

#[test]
fn a_trigger_that_fails_is_marked_where_it_is_if_that_is_here() {
    let mut world = actions(
        r#"-- repo.ocu.star --
repo_alias("shop")
store.set(store.fs("./.store"))
def start(commit):
    fail("403: the token lacks `actions: write`")
trigger(start)
-- a.ocu.star --
phase("none", tasks=[])
"#,
    );
    world.ok("release new");
    world.check("work trigger --intent", expect![[r#"
        --- stderr
        the trigger of shop failed
        error: 403: the token lacks `actions: write`
         --> repo.ocu.star:4:5
          |
        4 |     fail("403: the token lacks `actions: write`")
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ::error file=repo.ocu.star,line=4,col=5,endColumn=50,title=the trigger of shop failed::403: the token lacks `actions: write`
        error: 1 trigger failed
        ::error::1 trigger failed
        --- exit 1
    "#]]);
    // What is recorded is of another commit, whose lines are others.
    world.write("repo.ocu.star", &format!("# more\n{}", world.read("repo.ocu.star")));
    world.commit("second");
    let run = world.run(&["work", "trigger", "--intent"]);
    assert!(
        run.stderr.contains("\n::error title=the trigger of shop failed::repo.ocu.star:4:5: 403"),
        "{}",
        run.text()
    );
}

#[test]
fn a_file_that_is_odd_is_marked_too() {
    let world = actions(
        "-- a.ocu.star --\ndef f():\n    return done()\ntask(f, \"f\")\nocuroot(\"0.3.0\")\nocuroot(\"0.3.0\")\n",
    );
    world.check("release lint a.ocu.star", expect![[r#"
        phase 1
          task/f
        --- stderr
        warning: `ocuroot` is called a second time; the last call counts
         --> a.ocu.star:5:1
          |
        5 | ocuroot("0.3.0")
          | ^^^^^^^^^^^^^^^^
        ::warning file=a.ocu.star,line=5,col=1,endColumn=17::`ocuroot` is called a second time; the last call counts
    "#]]);
    world.check("release new a.ocu.star", expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        warning: `ocuroot` is called a second time; the last call counts
         --> a.ocu.star:5:1
          |
        5 | ocuroot("0.3.0")
          | ^^^^^^^^^^^^^^^^
        ::warning file=a.ocu.star,line=5,col=1,endColumn=17::`ocuroot` is called a second time; the last call counts
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]]);
}

#[test]
fn an_error_is_an_annotation_and_changes_no_exit_code() {
    for (line, code) in [("state get @/custom/none", 1), ("state match {", 2)] {
        let here = actions("").run(&line.split(' ').collect::<Vec<_>>());
        let elsewhere = World::new("").run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((here.code, elsewhere.code), (code, code), "{line}");
        assert_eq!(here.stdout, elsewhere.stdout);
        assert!(here.stderr.contains("::error::"), "{}", here.text());
        assert!(here.stderr.starts_with(elsewhere.stderr.trim_end()), "{}", here.text());
    }
}

#[test]
fn runs_side_by_side_stay_whole() {
    let world = actions(
        r#"-- a.ocu.star --
def talk(name):
    shell("for i in 1 2 3 4 5 6 7 8 9; do echo " + name + "; done")
    return done()
[task(talk, "t%d" % i, inputs={"name": "says-t%d" % i}) for i in range(6)]
"#,
    );
    let run = world.run(&["release", "new", "-j6"]);
    let mut open: Option<String> = None;
    let mut groups = 0;
    for line in run.stderr.lines() {
        if let Some(title) = line.strip_prefix("::group::✓ task/") {
            assert_eq!(open, None, "{}", run.text());
            open = title.split_once('/').map(|(name, _)| name.to_owned());
            groups += 1;
        } else if line == "::endgroup::" {
            assert!(open.take().is_some(), "{}", run.text());
        } else if let Some(name) = line.strip_prefix("says-") {
            assert_eq!(open.as_deref(), Some(name), "{}", run.text());
        }
    }
    assert_eq!((groups, run.code), (6, 0), "{}", run.text());
}

/// What the runner reads when a step's script runs `ocuroot` so.
fn script(world: &World, script: &str) -> Run {
    let command = world.command("", &[]);
    let ocuroot = command.get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script]).arg(ocuroot).current_dir(world.root()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    world.tidy(&shell.stdin(Stdio::null()).output().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn secrets_are_told_to_the_runner_and_to_nobody_else() {
    let repo = "-- a.ocu.star --\npassword = secret(\"100%hunter2\")\ndef f():\n    secret(\"first line\\n}\\n\")\n    print(\"it is \" + password)\n    shell(\"echo again $P\", env={\"P\": password})\n    return done()\ntask(f, \"f\")\n";
    let run = script(&actions(repo), "$0 release new -j1; exit $?");
    expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        ::add-mask::100%25hunter2
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ::add-mask::first line
        ::group::✓ task/f/1 complete <took>
        it is <secret>
        again <secret>
        ::endgroup::
    "#]]
    .assert_eq(&run.text());
    for script_text in [
        "$0 release new 2>log; exit $?",
        "$0 release new 2>&1 | tee log",
        "exec 2>log; $0 release new; exit 0",
    ] {
        let world = actions(repo);
        let run = script(&world, script_text);
        let log = world.read("log");
        assert!(log.contains("it is <secret>"), "{script_text}: {log}");
        assert!(!log.contains("hunter2") && !run.text().contains("hunter2"), "{script_text}: {log}");
    }
    // Only those who can mask it are told.
    let plain = script(&World::new(repo).with("GITLAB_CI", "true"), "$0 release new -j1; exit $?");
    assert!(!plain.text().contains("hunter2"), "{}", plain.text());
}

#[test]
fn a_push_on_gitlab() {
    let mut world = World::new(REPO).with("GITLAB_CI", "true");
    let project = world.root().display().to_string();
    world = world.with("CI_PROJECT_DIR", &project);
    world.git(&["rm", "-q", "-r", "bad"]);
    world.commit("a subject\u{1b}[0Ksection_end:1:x");
    let run = world.run(&["push", "-j1"]);
    let digits = |text: &str| -> String {
        let mut number = String::new();
        let mut tidy = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            tidy.push_str(if number.len() > 8 { "<seconds>" } else { &number });
            number.clear();
            tidy.push(c);
        }
        tidy.trim_end_matches('\0').replace('\u{1b}', "ESC").replace('\r', "CR")
    };
    expect![[r#"
        @/environment/prod
        shop/-/app/release.ocu.star/@r1 paused
        --- stderr
        a.ocu.star
        app/release.ocu.star
        shop/-/app/release.ocu.star/@r1 a subject␛[0Ksection_end:1:x
        › task/build/1 build
        ESC[0Ksection_start:<seconds>:ocuroot_build_1_1[collapsed=true]CRESC[0K✓ task/build/1 complete <took>
        one
        ::warning::of the user
        ##[debug]x
        shop/-/app/release.ocu.star/@r1/task/build#output/n
        ESC[0Ksection_end:<seconds>:ocuroot_build_1_1CRESC[0K
        › deploy/prod/1 waits for approve, custom state that somebody must set
            shop/-/app/release.ocu.star/@/custom/approve (input ok)
    "#]]
    .assert_eq(&digits(&run.text()));
    expect![[r#"
        OCUROOT_RELEASE=shop/-/app/release.ocu.star/@r1
        OCUROOT_STATUS=waiting
        OCUROOT_DEPLOYED=[]
    "#]]
    .assert_eq(&world.read("ocuroot.env"));
    // What it has written is no change of the repo.
    world.ok("push");
    expect![[r#"
        OCUROOT_RELEASE=
        OCUROOT_STATUS=complete
        OCUROOT_DEPLOYED=[]
    "#]]
    .assert_eq(&world.read("ocuroot.env"));
    // It can have another name.
    let other = world.root().join("../other.env");
    std::fs::write(&other, "MINE=1\n").unwrap();
    let world = world.with("OCUROOT_DOTENV", "../other.env");
    world.run(&["push"]);
    assert!(beside(&world, "other.env").starts_with("MINE=1\nOCUROOT_RELEASE="));
}

#[test]
fn elsewhere_all_is_as_it_was() {
    let world = World::new(REPO).with("CI", "true").with("GITHUB_OUTPUT", "/nowhere/at/all");
    let run = world.run(&["release", "new", "app/release.ocu.star"]);
    assert!(run.stderr.contains("  build/1 | one\n"), "{}", run.text());
    assert!(!run.stderr.contains("::group"), "{}", run.text());
}

#[test]
fn a_summary_that_cannot_be_written_is_said_and_changes_nothing() {
    let world = actions(REPO).with("GITHUB_STEP_SUMMARY", "/nowhere/at/all");
    let run = world.run(&["release", "new", "app/release.ocu.star"]);
    assert_eq!(run.code, 0, "{}", run.text());
    assert!(run.stderr.contains("warning: cannot write the summary to /nowhere/at/all: "), "{}", run.text());
    assert!(beside(&world, "output").contains("status<<"), "outputs are written all the same");
}

/// The lines of an events file, without what differs from one time to the next.
fn events(path: PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = event.as_object_mut().unwrap();
            assert!(fields.remove("time").unwrap().as_str().unwrap().ends_with('Z'));
            fields.remove("seconds");
            fields.remove("commit");
            event.to_string()
        })
        .collect()
}

#[test]
fn events_are_lines_of_json() {
    let world = World::new(REPO);
    // A file in the checkout is no change of it.
    let run = world.run(&["push", "-j1", "--events", "events.jsonl"]);
    assert_eq!(run.code, 1, "{}", run.text());
    expect![[r###"
        {"command":"push","event":"start","version":"0.4.0"}
        {"event":"note","message":"a.ocu.star"}
        {"event":"note","message":"app/release.ocu.star"}
        {"event":"note","message":"bad/release.ocu.star"}
        {"column":1,"event":"problem","file":"bad/release.ocu.star","hint":"add `imgae` to its parameters, or drop the input","line":3,"message":"function `build` (release.ocu.star:1:1) has no parameter `imgae`","severity":"error","what":"shop/-/bad/release.ocu.star is not released"}
        {"event":"release","release":"shop/-/app/release.ocu.star/@r1","subject":"first"}
        {"event":"started","function":"build","release":"shop/-/app/release.ocu.star/@r1","run":"shop/-/app/release.ocu.star/@r1/task/build/1"}
        {"event":"output","of":"shop/-/app/release.ocu.star/@r1/task/build/1","stream":1,"text":"one"}
        {"event":"output","of":"shop/-/app/release.ocu.star/@r1/task/build/1","stream":1,"text":"::warning::of the user"}
        {"event":"output","of":"shop/-/app/release.ocu.star/@r1/task/build/1","stream":1,"text":"##[debug]x"}
        {"event":"ended","outputs":["shop/-/app/release.ocu.star/@r1/task/build#output/n"],"release":"shop/-/app/release.ocu.star/@r1","run":"shop/-/app/release.ocu.star/@r1/task/build/1","status":"complete","type":"task"}
        {"event":"standing","release":"shop/-/app/release.ocu.star/@r1","status":"paused"}
        {"event":"waiting","missing":["shop/-/app/release.ocu.star/@/custom/approve"],"release":"shop/-/app/release.ocu.star/@r1","run":"shop/-/app/release.ocu.star/@r1/deploy/prod/1","why":"waits for approve, custom state that somebody must set"}
        {"command":"push","event":"end","exit_code":1,"message":"1 thing could not be done, as said above"}"###]].assert_eq(&events(world.root().join("events.jsonl")).join("\n"));
    // The next command adds to it.
    world.run(&["--events", "events.jsonl", "state", "get", "@/custom/none"]);
    let lines = events(world.root().join("events.jsonl"));
    expect![[r#"
        {"command":"state get","event":"start","version":"0.4.0"}
        {"command":"state get","event":"end","exit_code":1,"hint":"did you mean @/environment/prod?","message":"@/custom/none not found"}"#]].assert_eq(&lines[lines.len() - 2..].join("\n"));
}

#[test]
fn events_hold_no_secret() {
    let mut world = World::new(
        "-- a.ocu.star --\nquoted = secret('a \"b\" c')\ndef f():\n    print(quoted)\n    fail(\"no \" + quoted)\ntask(f, \"f\")\n",
    );
    // A text that nothing has masked on its way.
    world.commit("was a \"b\" c before");
    world.run(&["release", "new", "--events", "../events.jsonl"]);
    let text = beside(&world, "events.jsonl");
    assert!(text.contains("\"subject\":\"was <secret> before\""), "{text}");
    assert!(text.contains("<secret>") && !text.contains("b\\\" c"), "{text}");
}

#[test]
fn events_that_cannot_be_written() {
    let world = World::new(REPO);
    world.check(
        "push --events nowhere/x",
        expect![[r#"
        --- stderr
        error: cannot write nowhere/x: No such file or directory (os error 2)
        --- exit 1
    "#]],
    );
    world.check(
        "push --events -",
        expect![[r#"
        --- stderr
        error: --events needs a file: stdout is for the answer of the command
        --- exit 2
    "#]],
    );
    assert!(world.store().is_empty(), "nothing was done");
}

#[test]
fn nothing_needs_a_branch() {
    let mut world = World::new(&REPO.replace("\"imgae\": \"x\"", ""));
    world.git(&["checkout", "-q", "--detach"]);
    for line in [
        "push",
        "release list app/release.ocu.star",
        "work any",
        "work trigger",
        "work cascade",
        "state diff",
    ] {
        world.ok(line);
    }
    world.write("bad/release.ocu.star", &format!("{}# more\n", world.read("bad/release.ocu.star")));
    let commit = world.commit("second");
    world.ok("push");
    world.ok(&format!("find-deploys HEAD~1 {commit}"));
    world.ok("release new --force bad/release.ocu.star");
    world.ok("release continue bad/release.ocu.star");
}
