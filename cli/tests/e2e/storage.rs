//! Stores that cannot be written to: rights, space, locks.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect;

use crate::world::World;

const RELEASE: &str = "-- a.ocu.star --\ndef f():\n    if is_dir(\"fill\"):\n        shell(\"cat /dev/zero > .store/fill || :\", mute=True)\n    return done()\ntask(f, \"f\")\n";

fn set_rights(path: &Path, file: u32, folder: u32) {
    let rights = if path.is_dir() { folder } else { file };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(rights)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            set_rights(&entry.unwrap().path(), file, folder);
        }
    }
}

#[test]
fn a_store_that_may_only_be_read() {
    let world = World::new(RELEASE)
        .with("GIT_CONFIG_COUNT", "1")
        .with("GIT_CONFIG_KEY_0", "safe.directory")
        .with("GIT_CONFIG_VALUE_0", "*");
    world.ok("release new");
    set_rights(&world.root().join(".."), 0o644, 0o755);
    set_rights(&world.root().join(".store"), 0o444, 0o555);
    let run = |arguments: &[&str]| {
        // Rights mean nothing to root, so somebody else has to try.
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let plain = world.command("", arguments);
        let mut command = Command::new(if root { "setpriv" } else { env!("CARGO_BIN_EXE_ocuroot") });
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_ocuroot")]);
        }
        command.args(arguments).current_dir(world.root()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.output()
    };
    let Ok(output) = run(&["version"]) else {
        return eprintln!("skipped: no setpriv to give up root's rights with");
    };
    if !output.status.success() {
        return eprintln!("skipped: nobody else may run the binary: {}", world.tidy(&output).text());
    }
    let before = world.store();
    expect![[r#"
        --- stderr
        error: cannot write to $DIR/repo/.store/state/.ocuroot-lock: Permission denied (os error 13). Check the rights of the store's folder, and that its file system is not mounted read-only
        --- exit 1
    "#]].assert_eq(&world.tidy(&run(&["release", "new", "--force"]).unwrap()).text());
    expect![[r#"
        --- stderr
        error: cannot write to $DIR/repo/.store/intent/.ocuroot-lock: Permission denied (os error 13). Check the rights of the store's folder, and that its file system is not mounted read-only
        --- exit 1
    "#]].assert_eq(&world.tidy(&run(&["state", "set", "@/custom/x", "1"]).unwrap()).text());
    expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1/status/complete
    "#]]
    .assert_eq(&world.tidy(&run(&["state", "match", "**/status/*"]).unwrap()).text());
    assert!(before == world.store());
    set_rights(&world.root().join(".store"), 0o644, 0o755);
}

/// Runs a script in which `.store` is a small file system of its own.
fn small_disk(world: &World, script: &str) -> Option<String> {
    std::fs::create_dir_all(world.root().join(".store")).unwrap();
    let mounted = "mount -t tmpfs -o size=1m none .store 2>/dev/null || { echo no mount; exit 0; }";
    let plain = world.command("", &[]);
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{mounted}\nexec 2>&1\n{script}")])
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("OCUROOT", env!("CARGO_BIN_EXE_ocuroot"))
        .current_dir(world.root())
        .output();
    let run = world.tidy(&output.ok()?);
    (run.code == 0 && run.stdout != "no mount\n").then_some(run.stdout)
}

#[test]
fn a_full_disk() {
    let world = World::new(RELEASE);
    let script = r#"
        $OCUROOT release new
        $OCUROOT state match > before
        cat /dev/zero > .store/fill 2>/dev/null
        $OCUROOT release new --force; echo exit $?
        $OCUROOT state set @/custom/x 1; echo exit $?
        $OCUROOT state match | diff before - && echo the same
        rm .store/fill
        $OCUROOT state match | diff before - && echo the same
        $OCUROOT state check && echo checked
        find .store -name '*tmp*' -o -name '*journal*'
        $OCUROOT release new --force
    "#;
    let Some(text) = small_disk(&world, script) else {
        return eprintln!("skipped: nothing can be mounted here");
    };
    expect![[r#"
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
        shop/-/a.ocu.star/@r1 complete
        warning: before is not committed; the release is recorded as the commit's, but runs what is here
        error: no space left to write $DIR/repo/.store/state/.ocuroot-journal.prepare: No space left on device (os error 28). Nothing was changed; make room and try again
        exit 1
        error: no space left to write $DIR/repo/.store/intent/.ocuroot-journal.prepare: No space left on device (os error 28). Nothing was changed; make room and try again
        exit 1
        the same
        the same
        checked
        warning: before is not committed; the release is recorded as the commit's, but runs what is here
        shop/-/a.ocu.star/@r2 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
        shop/-/a.ocu.star/@r2 complete
    "#]].assert_eq(&text);
}

#[test]
fn a_disk_that_fills_up_during_a_run() {
    let world = World::new(RELEASE);
    std::fs::create_dir(world.root().join("fill")).unwrap();
    let script = r#"
        $OCUROOT release new; echo exit $?
        rm .store/fill; rmdir fill
        $OCUROOT state match '**/status/*'
        OCUROOT_LEASE=0 $OCUROOT release retry --stale
        $OCUROOT state check && echo checked
    "#;
    let Some(text) = small_disk(&world, script) else {
        return eprintln!("skipped: nothing can be mounted here");
    };
    expect![[r#"
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        how shop/-/a.ocu.star/@r1/task/f/1 ended is not recorded; it is stale after a while, then: ocuroot release retry --stale shop/-/a.ocu.star/@r1
        error: no space left to write $DIR/repo/.store/state/.ocuroot-journal.prepare: No space left on device (os error 28). Nothing was changed; make room and try again
        exit 1
        shop/-/a.ocu.star/@r1/task/f/1/status/running
        shop/-/a.ocu.star/@r1/task/f/1 was stale, and has failed
        queued shop/-/a.ocu.star/@r1/task/f/2
        shop/-/a.ocu.star/@r1 first
        › task/f/2 f
        ✓ task/f/2 complete <took>
        shop/-/a.ocu.star/@r1 complete
        checked
    "#]].assert_eq(&text);
}

/// Of a store in git the remote's disk may be full, or that of the clones.
#[test]
fn a_full_disk_under_git() {
    for (full, words) in [("remote", "Make room on the remote"), ("home", "no space left to write")] {
        let world = World::new(
            "-- repo.ocu.star --\nrepo_alias(\"shop\")\nstore.set(store.git(\"./remote.git\", branch=\"state\"), intent=store.git(\"./remote.git\", branch=\"intent\"))\n",
        );
        let place = match full {
            "remote" => "git init -q --bare .store/remote.git && ln -s .store/remote.git remote.git",
            _ => "git init -q --bare remote.git; export OCUROOT_HOME=$PWD/.store/home",
        };
        let script = format!(
            r#"
            {place}
            $OCUROOT state set @/custom/x 1
            cat /dev/zero > .store/fill 2>/dev/null
            $OCUROOT state set @/custom/x 2; echo exit $?
            rm .store/fill
            $OCUROOT state get +/custom/x
            $OCUROOT state set @/custom/x 2; echo exit $?
            $OCUROOT state get +/custom/x
            $OCUROOT state check && echo checked
        "#
        );
        let Some(text) = small_disk(&world, &script) else {
            return eprintln!("skipped: nothing can be mounted here");
        };
        assert!(text.contains(words), "{full}: {text}");
        let set = "set +/custom/x; `ocuroot work any` carries it out\n";
        let then = format!("exit 1\n\"1\"\n{set}exit 0\n\"2\"\nchecked\n");
        assert!(text.ends_with(&then), "{full}: {text}");
    }
}

#[test]
fn a_lock_that_somebody_holds_is_waited_for() {
    let world = World::new(RELEASE);
    world.ok("release new");
    let path = world.root().join(".store/intent/.ocuroot-lock");
    world.ok("state set @/custom/x 1");
    let lock = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    lock.lock().unwrap();
    let mut command = world.command("", &["state", "set", "@/custom/x", "2"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("waiting"), "{line}");
    lock.unlock().unwrap();
    stderr.read_to_string(&mut line).unwrap();
    assert!(child.wait().unwrap().success(), "{line}");
    world.check(
        "state get +/custom/x",
        expect![[r#"
        "2"
    "#]],
    );
}

#[test]
fn a_lock_that_a_dead_process_left_is_no_lock() {
    let world = World::new(RELEASE);
    world.ok("release new");
    for text in ["", "garbage", "{\"pid\":4194304,\"host\":\"gone\"}"] {
        world.write(".store/state/.ocuroot-lock", text);
        world.write(".store/intent/.ocuroot-lock", text);
        world.ok("release new --force");
        world.ok("state set @/custom/x 2");
    }
    world.check("state check", expect![[""]]);
}
