//! Many processes on one git store, each as if on a machine of its own: nothing is lost, nothing is
//! done twice, and remotes of every kind will do.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use expect_test::expect;

use crate::git_store::{beside, git, world};
use crate::world::World;

const CONFIG: &str = r#"repo_alias("shop")
store.set(store.git("../remote.git", branch="state"), intent=store.git("../remote.git", branch="intent"))
"#;

/// Starts a command with a home of its own; those with odd numbers share a machine, the others do not.
fn start(world: &World, number: usize, arguments: &[&str]) -> Child {
    let mut command = world.command("", arguments);
    let home = beside(world, &format!("home{number}"));
    std::fs::create_dir_all(&home).unwrap();
    command.env("OCUROOT_HOME", &home);
    if number.is_multiple_of(2) {
        command.env("TMPDIR", &home);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What they printed; each has to succeed.
#[track_caller]
fn all_succeed(world: &World, children: Vec<Child>) -> Vec<String> {
    let ended = children.into_iter().map(|child| world.tidy(&child.wait_with_output().unwrap()));
    ended
        .map(|run| {
            assert_eq!(run.code, 0, "{}", run.text());
            run.stdout
        })
        .collect()
}

fn lines(world: &World, line: &str) -> usize {
    world.ok(line).stdout.lines().count()
}

#[test]
fn jobs_that_release_at_once_get_a_number_each() {
    const JOBS: usize = 8;
    let world = world(CONFIG);
    world.ok("release new env.ocu.star");
    let jobs =
        (0..JOBS).map(|n| start(&world, n, &["release", "new", "release.ocu.star", "--force"])).collect();
    let printed: BTreeSet<String> = all_succeed(&world, jobs).into_iter().collect();
    let expected: BTreeSet<String> =
        (1..=JOBS).map(|n| format!("shop/-/release.ocu.star/@r{n} complete\n")).collect();
    assert_eq!(printed, expected);
    assert_eq!(lines(&world, "state match **/status/complete"), JOBS * 4);
    assert_eq!(lines(&world, "state match **/status/*"), JOBS * 4);
    world.check("state check", expect![""]);
}

#[test]
fn one_of_two_jobs_releases_a_commit() {
    let world = world(CONFIG);
    world.ok("release new env.ocu.star");
    let jobs: Vec<Child> =
        (0..2).map(|n| start(&world, n, &["release", "new", "release.ocu.star"])).collect();
    let ended: Vec<_> = jobs.into_iter().map(|job| world.tidy(&job.wait_with_output().unwrap())).collect();
    let mut codes: Vec<i32> = ended.iter().map(|run| run.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1], "{ended:?}");
    assert!(ended.iter().any(|run| run.stderr.contains("is released already")), "{ended:?}");
    assert_eq!(lines(&world, "state match **/@r*"), 1);
}

#[test]
fn no_state_that_is_set_at_once_is_lost() {
    const PEOPLE: usize = 6;
    const EACH: usize = 5;
    let world = world(CONFIG);
    std::thread::scope(|scope| {
        for person in 0..PEOPLE {
            let world = &world;
            scope.spawn(move || {
                for number in 0..EACH {
                    let at = format!("@/custom/p{person}/n{number}");
                    all_succeed(world, vec![start(world, person, &["state", "set", &at, "x"])]);
                }
            });
        }
    });
    assert_eq!(lines(&world, "state match +/custom/**"), PEOPLE * EACH);
}

#[test]
fn workers_share_what_is_ready_and_do_nothing_twice() {
    const TASKS: usize = 6;
    let fixture = format!(
        "-- repo.ocu.star --\n{CONFIG}-- a.ocu.star --\ndef step(ok):\n    shell(\"echo done >> ../done\")\nphase(\"all\", tasks=[task(step, \"t%d\" % n, inputs={{\"ok\": ref(\"@/custom/ok\")}}) for n in range({TASKS})])\n"
    );
    let world = World::new(&fixture);
    git(&beside(&world, ""), &["init", "-q", "--bare", "remote.git"]);
    world.ok("release new a.ocu.star");
    world.ok("state set @/custom/ok yes");
    world.ok("state apply @/custom/ok");
    let workers = (0..4).map(|n| start(&world, n, &["work", "continue", "-j2"])).collect();
    all_succeed(&world, workers);
    assert_eq!(std::fs::read_to_string(beside(&world, "done")).unwrap().lines().count(), TASKS);
    assert_eq!(lines(&world, "state match **/status/complete"), TASKS);
    assert_eq!(lines(&world, "state match **/status/*"), TASKS);
}

#[test]
fn what_was_claimed_ahead_is_given_back_to_others() {
    // The first worker claims both at once, and executes one at a time: the first waits for the second,
    // which only another worker can execute.
    let fixture = format!(
        "-- repo.ocu.star --\n{CONFIG}-- a.ocu.star --\ndef first():\n    shell(\"cat ../pipe\")\ndef second():\n    shell(\"echo go > ../pipe\")\nphase(\"all\", tasks=[task(first, \"first\"), task(second, \"second\")])\n"
    );
    let world = World::new(&fixture);
    git(&beside(&world, ""), &["init", "-q", "--bare", "remote.git"]);
    let made = std::process::Command::new("mkfifo").arg(beside(&world, "pipe")).status().unwrap();
    assert!(made.success());
    let one = start(&world, 1, &["release", "new", "a.ocu.star", "-j1"]);
    // Until the second is there to be taken, there is nothing to do for others.
    loop {
        let two = all_succeed(&world, vec![start(&world, 2, &["work", "continue", "-j1"])]);
        drop(two);
        if lines(&world, "state match **/second/1/status/complete") == 1 {
            break;
        }
    }
    all_succeed(&world, vec![one]);
    assert_eq!(lines(&world, "state match **/status/complete"), 2);
}

/// Starts a release that waits, lets others write meanwhile, and takes away the homes of `gone`. Returns how
/// often the release fetched after that.
fn fetches_after(writers: &[usize], gone: &[usize]) -> usize {
    let fixture = format!(
        "-- repo.ocu.star --\n{CONFIG}-- a.ocu.star --\ndef wait():\n    shell(\"cat ../pipe\")\ntask(wait, \"wait\")\n-- b.ocu.star --\ndef quick():\n    pass\ntask(quick, \"quick\")\n"
    );
    let world = World::new(&fixture);
    git(&beside(&world, ""), &["init", "-q", "--bare", "remote.git"]);
    let pipe = beside(&world, "pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut waiting = world.command("", &["release", "new", "a.ocu.star"]);
    let trace = beside(&world, "trace");
    waiting.env("GIT_TRACE2", &trace).stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.env("OCUROOT_HOME", beside(&world, "home1")).spawn().unwrap();
    while lines(&world, "state match **/wait/1/status/running") == 0 {}
    for writer in writers {
        all_succeed(&world, vec![start(&world, *writer, &["release", "new", "b.ocu.star", "--force"])]);
    }
    for number in gone {
        std::fs::remove_dir_all(beside(&world, &format!("home{number}"))).unwrap();
    }
    std::fs::write(&pipe, "go").unwrap();
    all_succeed(&world, vec![waiting]);
    assert_eq!(lines(&world, "state match **/quick/1/status/complete"), writers.len());
    assert_eq!(lines(&world, "state match **/wait/1/status/complete"), 1);
    world.check("state check", expect![""]);
    git(&beside(&world, "home1/stores").read_dir().unwrap().find_map(clone).unwrap(), &["fsck"]);
    let trace = std::fs::read_to_string(trace).unwrap();
    let after = trace.lines().skip_while(|line| !line.contains(" receive-pack "));
    after.filter(|line| line.contains(" start git ") && line.contains(" fetch ")).count()
}

fn clone(entry: std::io::Result<std::fs::DirEntry>) -> Option<std::path::PathBuf> {
    entry.ok().map(|entry| entry.path()).filter(|path| path.is_dir())
}

#[test]
fn what_others_on_this_machine_wrote_is_taken_from_them() {
    assert_eq!(fetches_after(&[3], &[]), 0);
    assert_eq!(fetches_after(&[3, 5, 3], &[]), 0);
}

#[test]
fn what_others_wrote_elsewhere_is_fetched() {
    assert_eq!(fetches_after(&[2], &[]), 1);
    assert_eq!(fetches_after(&[3, 2, 5], &[]), 1);
    assert_eq!(fetches_after(&[3, 5], &[3]), 1, "who wrote it is gone");
}

/// Serves the files of a folder over HTTP, as a host does that knows nothing of git.
fn serve(folder: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || answer(stream, &folder));
        }
    });
    port
}

fn answer(mut stream: TcpStream, folder: &Path) {
    let mut first = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    reader.read_line(&mut first).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
    let (status, body) = match std::fs::read(folder.join(path.trim_start_matches('/'))) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

#[test]
fn a_host_that_knows_neither_filters_nor_shallow_fetches_can_be_read() {
    let world = world(CONFIG);
    world.ok("release new env.ocu.star");
    git(&beside(&world, "remote.git"), &["update-server-info"]);
    let port = serve(&beside(&world, ""));
    let url = format!("http://127.0.0.1:{port}/remote.git");
    world.write("repo.ocu.star", &CONFIG.replace("../remote.git", &url));
    world.check(
        "state match '@/environment/*'",
        expect![[r#"
        @/environment/a
        @/environment/b
        @/environment/c
    "#]],
    );
    let run = world.run(&["state", "set", "@/custom/x", "y"]);
    assert_eq!(run.code, 1, "{}", run.text());
    let start = format!("error: the store needs `git` access to {url}: ");
    assert!(run.stderr.starts_with(&start), "{}", run.text());
}
