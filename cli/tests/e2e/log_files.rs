//! The log of every invocation.

use crate::world::World;

const RELEASE: &str = "-- a.ocu.star --\ntoken = secret(\"hunter2\")\ndef f():\n    print(\"log in with\", token)\n    fail(\"cannot log in with \" + token)\ntask(f, \"f\")\n";

fn logs(world: &World) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(world.home().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.into_iter().map(|name| std::fs::read_to_string(name).unwrap()).collect()
}

#[test]
fn each_command_leaves_a_log() {
    let world = World::new(RELEASE);
    world.run(&["release", "new", "--jobs=1"]);
    world.ok("state set @/custom/password hunter3");
    let logs = logs(&world);
    assert_eq!(logs.len(), 2);
    for part in [
        "ocuroot release new --jobs=1",
        "run started",
        "task/f/1",
        "run ended",
        "exit_code=1",
        "wrote to the store",
    ] {
        assert!(logs[0].contains(part), "{part}: {}", logs[0]);
    }
    assert!(!logs[0].contains("git "), "{}", logs[0]);
    assert!(logs[1].contains("ocuroot state set @/custom/password"), "{}", logs[1]);
    assert!(!logs.concat().contains("hunter"), "{}", logs.concat());
}

#[test]
fn debug_logs_say_more() {
    let world = World::new(RELEASE).with("OCUROOT_DEBUG", "1");
    world.run(&["release", "new"]);
    let logs = logs(&world).concat();
    assert!(logs.contains("git log -1"), "{logs}");
    assert!(!logs.contains("hunter2"), "{logs}");
}

#[test]
fn the_newest_50_are_kept() {
    let world = World::new("");
    let folder = world.home().join("logs");
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..70 {
        std::fs::write(folder.join(format!("20200101T0000{n:02}.000000Z-1.log")), "old").unwrap();
    }
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    world.ok("version");
    let names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 51, "{names:?}");
    assert!(names.contains(&"notes.txt".to_owned()));
    assert!(!names.contains(&"20200101T000020.000000Z-1.log".to_owned()));
    assert!(names.contains(&"20200101T000021.000000Z-1.log".to_owned()));
}

#[test]
fn a_home_that_cannot_be_written_to_is_no_failure() {
    let world = World::new("").with("OCUROOT_HOME", "/dev/null/home");
    let run = world.ok("version");
    assert_eq!(run.stderr, "");
    let world = World::new("").with("OCUROOT_HOME", "").with("HOME", "");
    world.ok("version");
}
