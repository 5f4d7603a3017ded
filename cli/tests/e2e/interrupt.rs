//! Ctrl-C, and processes that die. Nothing is lost: a retry takes it up.

use std::process::{Child, Command, Output, Stdio};

use expect_test::expect;

use crate::world::World;

/// A task that says through a pipe that it has started, and with which pid, and goes on until a
/// file is there.
fn world(shell: &str) -> World {
    let world = World::new(&format!(
        "-- a.ocu.star --\ndef f():\n    if not is_dir(\"mended\"):\n        shell({shell:?})\n    return done()\ntask(f, \"f\")\ntask(f, \"later\")\n"
    ));
    let made = Command::new("mkfifo").arg(world.root().join("started")).status().unwrap();
    assert!(made.success());
    world
}

/// Starts a release and waits until its task runs. Returns the task's pid.
fn start(world: &World) -> (Child, String) {
    let mut command = world.command("", &["release", "new"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Ends when the task has written, however long that takes.
    let pid = std::fs::read_to_string(world.root().join("started")).unwrap();
    (child, pid.trim().to_owned())
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn end(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// Whether a process is there, and not merely waiting to be collected by its parent.
fn is_alive(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn an_interrupted_run_has_failed_and_is_retried() {
    let world = world("echo $$ > started; tail -f /dev/null");
    let (child, pid) = start(&world);
    assert!(is_alive(&pid));
    signal(&child, "INT");
    expect![[r#"
        --- stderr
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
          f/1 | error: command exited with code 143: echo $$ > started; tail -f /dev/null
          f/1 |  --> a.ocu.star:3:9
          f/1 |   |
          f/1 | 3 |         shell("echo $$ > started; tail -f /dev/null")
          f/1 |   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/f/1 failed <took>
        error: interrupted; `ocuroot release retry` takes it up again
        --- exit 1
    "#]]
    .assert_eq(&world.tidy(&end(child)).text());
    assert!(!is_alive(&pid), "the command still runs");
    world.check(
        "state match **/status/*",
        expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1/status/failed
        shop/-/a.ocu.star/@r1/task/later/1/status/pending
    "#]],
    );
    world.check("state check", expect![[""]]);
    std::fs::create_dir(world.root().join("mended")).unwrap();
    world.check(
        "release retry",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        queued shop/-/a.ocu.star/@r1/task/f/2
        shop/-/a.ocu.star/@r1 first
        › task/f/2 f
        ✓ task/f/2 complete <took>
        › task/later/1 f
        ✓ task/later/1 complete <took>
    "#]],
    );
}

#[test]
fn a_command_that_will_not_end_is_killed() {
    let world = world("trap '' TERM INT; echo $$ > started; while :; do read x < started || :; done");
    let (child, pid) = start(&world);
    signal(&child, "TERM");
    let run = world.tidy(&end(child));
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(!is_alive(&pid), "the command still runs");
    world.check(
        "state match **/task/f/*/status/*",
        expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1/status/failed
    "#]],
    );
}

#[test]
fn work_takes_up_what_a_process_has_left_that_died() {
    let world = world("echo $$ > started; tail -f /dev/null").with("OCUROOT_LEASE", "0");
    let (child, pid) = start(&world);
    signal(&child, "KILL");
    end(child);
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    std::fs::create_dir(world.root().join("mended")).unwrap();
    world.check(
        "work any --stale",
        expect![[r#"
            --- stderr
            shop/-/a.ocu.star/@r1/task/f/1 was stale; queued shop/-/a.ocu.star/@r1/task/f/2
            shop/-/a.ocu.star/@r1 first
            › task/f/2 f
            ✓ task/f/2 complete <took>
            › task/later/1 f
            ✓ task/later/1 complete <took>
        "#]],
    );
    world.check("state check", expect![[""]]);
}

#[test]
fn a_process_that_dies_leaves_a_stale_run() {
    let world = world("echo $$ > started; tail -f /dev/null");
    let (child, pid) = start(&world);
    signal(&child, "KILL");
    end(child);
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    world.check(
        "state match **/status/*",
        expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1/status/running
        shop/-/a.ocu.star/@r1/task/later/1/status/pending
    "#]],
    );
    // It may be alive on another machine, so it is left alone for a while.
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        nothing to do at this commit
    "#]],
    );
    world.check(
        "release retry",
        expect![[r#"
        --- stderr
        error: nothing to retry: no run of shop/-/a.ocu.star/@r1 has failed
        --- exit 1
    "#]],
    );
    let world = world.with("OCUROOT_LEASE", "0");
    world.check("work any", expect![[r#"
        --- stderr
        shop/-/a.ocu.star/@r1/task/f/1 was left running and is stale; take it up with: ocuroot release retry --stale shop/-/a.ocu.star/@r1
        nothing to do at this commit
    "#]]);
    world.check("state check", expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1: left running by a process that has not been heard of; `ocuroot release retry --stale shop/-/a.ocu.star/@r1` takes it up
        --- stderr
        error: 1 problem found
        --- exit 1
    "#]]);
    std::fs::create_dir(world.root().join("mended")).unwrap();
    world.check(
        "release retry --stale",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        shop/-/a.ocu.star/@r1/task/f/1 was stale, and has failed
        queued shop/-/a.ocu.star/@r1/task/f/2
        shop/-/a.ocu.star/@r1 first
        › task/f/2 f
        ✓ task/f/2 complete <took>
        › task/later/1 f
        ✓ task/later/1 complete <took>
    "#]],
    );
    world.check("state check", expect![[""]]);
    let world = world.with("OCUROOT_LEASE", "soon");
    world.check(
        "work any",
        expect![[r#"
        --- stderr
        error: OCUROOT_LEASE is "soon", which is no duration; use seconds (90) or a form like 15m
        --- exit 2
    "#]],
    );
}

#[test]
fn an_interrupted_evaluation_leaves_nothing() {
    let world =
        World::new("-- a.ocu.star --\nshell(\"echo $$ > started; exec tail -f /dev/null > alive\")\n");
    for pipe in ["started", "alive"] {
        assert!(Command::new("mkfifo").arg(world.root().join(pipe)).status().unwrap().success());
    }
    let (child, _) = start(&world);
    let mut alive = std::fs::File::open(world.root().join("alive")).unwrap();
    signal(&child, "INT");
    expect![[""]].assert_eq(&world.tidy(&end(child)).stdout);
    // A pipe ends when nobody is left who could write to it.
    std::io::Read::read_to_end(&mut alive, &mut Vec::new()).unwrap();
    assert!(world.store().is_empty());
}
