//! The file-system store among real processes: killed at every step, many at once, on a full disk.
//!
//! A test that needs another process runs this binary again, with the job in `STORE_JOB`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ocuroot::store::{Commit, Decided, Location, StoreError, Stores};
use ocuroot_core::Ref;
use ocuroot_core::envelope::Document;
use ocuroot_core::snapshot::{Snapshot, Unmet};
use ocuroot_core::transaction::{Edit, Transaction};

/// Documents by ref; none deletes.
type Values<'a> = &'a [(&'a str, Option<&'a str>)];

fn r(text: &str) -> Ref {
    text.parse().unwrap()
}

fn open(folder: &Path) -> Result<Stores, StoreError> {
    Stores::open(Location::Fs(folder.join("state")), Some(Location::Fs(folder.join("intent"))))
}

fn open_shared(folder: &Path) -> Stores {
    Stores::open(Location::Fs(folder.to_owned()), None).unwrap()
}

fn set(stores: &Stores, values: Values<'_>) -> Result<(), Decided<StoreError>> {
    stores.decide(&mut Snapshot::default(), |snapshot| {
        let mut edit = Edit::new(snapshot, "set");
        for (reference, value) in values {
            match value {
                Some(value) => edit.put_body(&r(reference), "string", value)?,
                None => edit.delete(&r(reference))?,
            }
        }
        Ok::<_, Unmet<StoreError>>((edit.finish(), ()))
    })
}

fn get(stores: &Stores, reference: &str) -> Result<Option<String>, StoreError> {
    stores.ask(&mut Snapshot::default(), |snapshot| {
        Ok(snapshot.get(&r(reference))?.and_then(Document::read::<String>))
    })
}

/// A folder in memory where there is one: a killed process leaves the same behind there, and
/// syncing costs nothing.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Every file below a folder with its content, locks aside, and every empty folder in `refs/`.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        let entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let name = folder.strip_prefix(top).unwrap().display().to_string();
        if entries.is_empty() && name.contains("refs/") {
            found.insert(format!("{name}/"), "empty".to_owned());
        }
        for path in entries {
            let name = path.strip_prefix(top).unwrap().display().to_string();
            if path.is_dir() {
                walk(top, &path, found);
            } else if !name.ends_with(".ocuroot-lock") {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

// Jobs of other processes.

fn spawn(job: &str, folder: &Path, crash_at: Option<u64>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "another_process", "--nocapture"]).env("STORE_JOB", job);
    command.env("STORE_FOLDER", folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(step) = crash_at {
        command.env("OCUROOT_CRASH_AT", step.to_string());
    }
    command.spawn().unwrap()
}

/// Runs a job to its end; whether it came there.
fn run(job: &str, folder: &Path, crash_at: Option<u64>) -> bool {
    let output = spawn(job, folder, crash_at).wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{job}: {stderr}");
    output.status.success()
}

/// Not a test by itself: what the other processes do.
#[test]
fn another_process() {
    let Ok(job) = std::env::var("STORE_JOB") else { return };
    let folder = PathBuf::from(std::env::var("STORE_FOLDER").unwrap());
    match job.as_str() {
        "change" => set(&open(&folder).unwrap(), CHANGE).unwrap(),
        "open" => drop(open(&folder).unwrap()),
        "upgrade" => drop(open(&folder).unwrap().upgrade(false).unwrap()),
        "upgrade shared" => drop(open_shared(&folder).upgrade(false).unwrap()),
        "count" => count(&folder, THREADS),
        "pairs" => {
            let stores = open(&folder).unwrap();
            for number in 0..PAIRS {
                let value = number.to_string();
                let value = Some(value.as_str());
                set(
                    &stores,
                    &[("@/custom/left", value), ("+/custom/right", value), ("x/-/y/@/custom/third", value)],
                )
                .unwrap();
            }
        }
        "hold" => {
            // As the store does it, from outside of it.
            let path = folder.join("state/.ocuroot-lock");
            let mut file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
            file.lock().unwrap();
            write!(file, "{:019}\n{{\"pid\":{},\"host\":\"elsewhere\"}}", 7, std::process::id()).unwrap();
            println!("\nlocked");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
        other => panic!("no such job: {other}"),
    }
}

// Killed at every step.

const BEFORE: Values<'static> = &[
    ("@/custom/kept", Some("kept")),
    ("@/custom/replaced", Some("old")),
    ("a/-/p/@r1/task/build/1/status/pending", Some("deleted")),
    ("a/-/p/@r1/custom/deleted", Some("deleted")),
    ("+/environment/gone", Some("deleted")),
];

const CHANGE: Values<'static> = &[
    ("@/custom/replaced", Some("new")),
    ("a/-/p/@r1/task/build/1/status/pending", None),
    ("a/-/p/@r1/task/build/1/status/running", Some("new")),
    ("a/-/p/@r1/custom/deleted", None),
    ("a/-/q with space/@r1/custom/ünï", Some("new")),
    ("+/environment/gone", None),
    ("+/environment/come", Some("new")),
];

#[test]
fn killed_at_any_step_a_transaction_is_whole_or_never_was() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    set(&open(&at("old")).unwrap(), BEFORE).unwrap();
    // One store is upgraded on the way, so that the marker is a part of the transaction.
    fs::write(at("old").join("intent/.ocuroot-store"), "{\"version\":2}").unwrap();
    fs::write(at("old").join("state/README.md"), "mine").unwrap();
    copy(&at("old"), &at("new"));
    assert!(run("change", &at("new"), None));
    let (old, new) = (tree(&at("old")), tree(&at("new")));
    assert_ne!(old, new);

    let (mut was_new, mut points) = (false, 0);
    for step in 1.. {
        let crashed = at(&format!("crashed{step}"));
        copy(&at("old"), &crashed);
        if run("change", &crashed, Some(step)) {
            break;
        }
        // Whoever finishes it may be killed as well.
        for second in 1.. {
            let again = at(&format!("again{step}.{second}"));
            copy(&crashed, &again);
            let finished = run("open", &again, Some(second));
            points += 1;
            open(&again).unwrap();
            let found = tree(&again);
            assert!(found == old || found == new, "killed at {step} and {second}: {found:#?}");
            assert!(found == new || !was_new, "killed at {step} and {second}: the change was there before");
            fs::remove_dir_all(&again).unwrap();
            if finished {
                was_new = found == new;
                break;
            }
        }
        // And the next writer goes on from there without being told.
        if !was_new {
            assert!(run("change", &crashed, None));
            assert_eq!(tree(&crashed), new);
        }
        fs::remove_dir_all(&crashed).unwrap();
    }
    assert!(was_new);
    println!("{points} crashes");
    assert!(points >= 200, "only {points} crashes were tried");
}

#[test]
fn a_new_store_killed_at_any_step_is_new_or_whole() {
    let folder = scratch();
    for step in 1.. {
        let crashed = folder.path().join(step.to_string());
        let finished = run("change", &crashed, Some(step));
        let stores = open(&crashed).unwrap();
        let found = ["@/custom/replaced", "+/environment/come"].map(|name| get(&stores, name).unwrap());
        assert!(found.iter().all(Option::is_none) || found.iter().all(Option::is_some), "{step}: {found:?}");
        if finished {
            assert!(step > 15, "only {step} steps");
            break;
        }
    }
}

/// A release of version 1: what becomes one document, what moves, and what goes away.
const OLD: &[(&str, &str)] = &[
    ("+/environment/prod", r#"{"name":"prod"}"#),
    ("x/-/p/@abcdef0.1", r#"{"commit":"abcdef0","package":{"phases":[]}}"#),
    ("x/-/p/@abcdef0.1/call/b/1", r#"{"output":{}}"#),
    (
        "x/-/p/@abcdef0.1/call/b/1/functions/1",
        r#"{"current":{"fn":{"name":"f","pos":"p:1:1"},"status":"complete"}}"#,
    ),
    ("x/-/p/+abcdef0.1/custom/ok", "1"),
];

#[test]
fn killed_at_any_step_an_upgrade_leaves_the_old_store_or_the_new_one() {
    for (job, state, intent) in [("upgrade", "state", "intent"), ("upgrade shared", "", "")] {
        let folder = scratch();
        let at = |name: &str| folder.path().join(name);
        for side in [state, intent] {
            fs::create_dir_all(at("old").join(side)).unwrap();
            fs::write(at("old").join(side).join(".ocuroot-store"), "{\"version\":1}").unwrap();
        }
        for (path, body) in OLD {
            let side = if path.contains('+') { intent } else { state };
            let file = at("old").join(side).join("refs").join(path);
            fs::create_dir_all(&file).unwrap();
            fs::write(file.join("@object.json"), format!(r#"{{"kind":"ref","body":{body}}}"#)).unwrap();
        }
        // As it will be, and where it will be.
        let same = at("old").join(state).join("refs/@/custom/same");
        fs::create_dir_all(&same).unwrap();
        fs::write(same.join("@object.json"), Document::new("string", &"same").to_text()).unwrap();
        let open = |folder: &Path| if job == "upgrade" { open(folder).unwrap() } else { open_shared(folder) };
        // What a store says is the same before and after, and a mix of both would say something else.
        let expected = open(&at("old")).everything().unwrap();
        copy(&at("old"), &at("new"));
        assert!(run(job, &at("new"), None));
        let new = tree(&at("new"));
        assert_eq!(open(&at("new")).everything().unwrap(), expected);
        let mut points = 0;
        for step in 1.. {
            let crashed = at(&format!("crashed{step}"));
            copy(&at("old"), &crashed);
            let finished = run(job, &crashed, Some(step));
            assert_eq!(open(&crashed).everything().unwrap(), expected, "{job} killed at {step}");
            assert!(run(job, &crashed, None));
            assert!(tree(&crashed) == new, "{job} killed at {step}: {:#?}", tree(&crashed));
            points += 1;
            if finished {
                break;
            }
        }
        assert!(points > 50, "only {points} steps");
    }
}

// Many at once.

const PROCESSES: usize = 5;
const THREADS: usize = 3;
const ROUNDS: usize = 15;

/// Adds to one counter from several threads, and leaves a document of its own for each addition.
fn count(folder: &Path, threads: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let stores = open(folder).unwrap();
                let mut snapshot = Snapshot::default();
                for _ in 0..ROUNDS {
                    stores.decide(&mut snapshot, add_one).unwrap();
                }
            });
        }
    });
}

fn add_one(snapshot: &Snapshot) -> Result<(Transaction, u64), Unmet<StoreError>> {
    let counter = r("@/custom/counter");
    let number = snapshot.get(&counter)?.and_then(Document::read::<u64>).unwrap_or(0) + 1;
    let mut edit = Edit::new(snapshot, "add");
    edit.put_body(&counter, "float64", &number)?;
    edit.put_body(&r(&format!("x/-/p/@r{number}")), "float64", &number)?;
    Ok((edit.finish(), number))
}

#[test]
fn no_addition_is_lost_among_threads_and_processes() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..PROCESSES).map(|_| spawn("count", folder.path(), None)).collect();
    count(folder.path(), THREADS);
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let stores = open(folder.path()).unwrap();
    let total = (PROCESSES + 1) * THREADS * ROUNDS;
    let releases = stores
        .ask(&mut Snapshot::default(), |snapshot| snapshot.search(&"x/-/p/@*".parse().unwrap()))
        .unwrap();
    assert_eq!(releases.len(), total);
    let mut snapshot = Snapshot::default();
    assert_eq!(stores.decide(&mut snapshot, add_one).unwrap(), total as u64 + 1);
}

const PAIRS: usize = 60;

#[test]
fn a_reader_never_sees_a_part_of_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = spawn("pairs", folder.path(), None);
    let stores = open(folder.path()).unwrap();
    let value = |snapshot: &Snapshot, reference: &str| {
        snapshot.get(&r(reference)).map(|found| found.and_then(Document::read::<String>))
    };
    loop {
        // Each is needed only when the one before is there: three batches.
        let seen = stores
            .ask(&mut Snapshot::default(), |snapshot| {
                let left = value(snapshot, "@/custom/left")?;
                let right = value(snapshot, "+/custom/right")?;
                Ok([left, right, value(snapshot, "x/-/y/@/custom/third")?])
            })
            .unwrap();
        assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
        let at_once = ["@/custom/left", "+/custom/right"];
        let mut snapshot = Snapshot::default();
        let mut needs = ocuroot_core::snapshot::Needs::default();
        needs.bodies.extend(at_once.map(r));
        stores.load(&needs, &mut snapshot).unwrap();
        let [left, right] = at_once.map(|reference| value(&snapshot, reference).unwrap());
        assert_eq!(left, right);
        if writer.try_wait().unwrap().is_some() && seen[0].as_deref() == Some(&(PAIRS - 1).to_string()) {
            break;
        }
    }
}

#[test]
fn a_live_process_is_waited_for_and_a_dead_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    set(&open(folder.path()).unwrap(), &[("@/custom/a", Some("1"))]).unwrap();
    let mut child = spawn("hold", folder.path(), None);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "locked"));

    let impatient = || open(folder.path()).unwrap().with_wait_limit(Duration::ZERO);
    let error = set(&impatient(), &[("@/custom/a", Some("2"))]).unwrap_err();
    let Decided::Store(StoreError::Locked { holder: Some(holder), .. }) = &error else { panic!("{error}") };
    assert_eq!((holder.pid, holder.host.as_str()), (child.id(), "elsewhere"));
    // Readers do not mind, and neither do writers of the other store.
    assert_eq!(get(&impatient(), "@/custom/a").unwrap().as_deref(), Some("1"));
    set(&impatient(), &[("+/custom/b", Some("2"))]).unwrap();

    child.kill().unwrap();
    child.wait().unwrap();
    set(&impatient(), &[("@/custom/a", Some("2"))]).unwrap();
    assert_eq!(get(&impatient(), "@/custom/a").unwrap().as_deref(), Some("2"));
}

// File systems that say no.

/// A small file system of its own, where this process may mount one.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(options: &str) -> Option<Mount> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "ocuroot-test"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: this process may not mount a tmpfs");
        }
        mounted.then_some(Mount(folder))
    }

    fn remount(&self, options: &str) {
        let status =
            Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_store_that_cannot_be_written_can_be_read() {
    let Some(mount) = Mount::new("size=1m") else { return };
    let folder = mount.0.path();
    set(&open(folder).unwrap(), &[("@/custom/a", Some("1"))]).unwrap();
    mount.remount("ro");
    let stores = open(folder).unwrap();
    assert_eq!(get(&stores, "@/custom/a").unwrap().as_deref(), Some("1"));
    for values in [[("@/custom/a", Some("2"))], [("+/custom/a", Some("2"))]] {
        let error = set(&stores, &values).unwrap_err();
        assert!(matches!(error, Decided::Store(StoreError::ReadOnly { .. })), "{error}");
    }
    // What another process left: a transaction that never was does no harm, the rest of one that
    // has happened cannot be left out.
    let journal = folder.join("state/.ocuroot-journal");
    mount.remount("rw");
    fs::write(folder.join("state/.ocuroot-journal.prepare"), "{").unwrap();
    mount.remount("ro");
    assert_eq!(get(&open(folder).unwrap(), "@/custom/a").unwrap().as_deref(), Some("1"));
    mount.remount("rw");
    fs::rename(folder.join("state/.ocuroot-journal.prepare"), &journal).unwrap();
    mount.remount("ro");
    let error = open(folder).unwrap_err();
    assert!(matches!(error, StoreError::Unfinished { .. }), "{error}");
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let Some(mount) = Mount::new("size=128k") else { return };
    let folder = mount.0.path();
    let stores = open(folder).unwrap();
    set(&stores, &[("@/custom/a", Some("1")), ("+/custom/a", Some("1"))]).unwrap();
    let before = tree(folder);
    let names: Vec<String> = (0..100).map(|number| format!("x/-/p/@r{number}/custom/big")).collect();
    let text = "x".repeat(3000);
    let mut values: Vec<(&str, Option<&str>)> =
        names.iter().map(|name| (name.as_str(), Some(text.as_str()))).collect();
    values.push(("@/custom/a", None));
    let error = set(&stores, &values).unwrap_err();
    let Decided::Store(StoreError::DiskFull { path, .. }) = &error else { panic!("{error}") };
    assert!(path.starts_with(folder.canonicalize().unwrap()), "{error}");
    assert_eq!(tree(folder), before);
    // And there is room again for what fits.
    set(&stores, &[("@/custom/a", None), ("@/custom/b", Some("2"))]).unwrap();
    assert_eq!(get(&stores, "@/custom/b").unwrap().as_deref(), Some("2"));
}

#[test]
fn a_conflict_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path()).unwrap();
    set(&stores, &[("@/custom/a", Some("1"))]).unwrap();
    let stale = {
        let snapshot = Snapshot::empty();
        let mut edit = Edit::new(&snapshot, "stale");
        edit.put_body(&r("@/custom/a"), "string", &"2").unwrap();
        edit.put_body(&r("+/custom/b"), "string", &"2").unwrap();
        edit.finish()
    };
    let before = tree(folder.path());
    assert_eq!(stores.commit(&stale).unwrap(), Commit::Conflict(vec![r("@/custom/a")]));
    assert_eq!(tree(folder.path()), before);
    assert!(!folder.path().join("intent").exists());
}
