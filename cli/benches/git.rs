//! How long whole commands take on a git store of 100,000 documents, and what many processes at once
//! come to; each figure beside its limit.
//!
//! `cargo bench -p ocuroot --bench git`, all or, with names behind `--`, some of `reads`, `plans`,
//! `release`, `crowd`, `states`, `size`. Limits are to what git itself does with the same store in the
//! same run, so that they hold on any machine.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may end")]

mod measure;
mod shape;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use measure::{line, median, millis};
use shape::Shape;

/// A repo whose stores are two branches of a bare repo beside it.
struct Place {
    folder: tempfile::TempDir,
}

/// One task, then three deployments, of functions that do nothing.
const RELEASE: &str = "\
def nothing():
    pass
def up(environment):
    pass
task(nothing, \"build\")
phase(\"everywhere\", tasks=[deploy(e, up=up, down=up) for e in environments()])
";

const ENVIRONMENTS: &str =
    "for name in [\"a\", \"b\", \"c\"]:\n    register_environment(environment(name))\n";

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        std::fs::create_dir(place.at("repo")).unwrap();
        place.git("", &["init", "-q", "--bare", "-b", "state", "remote.git"]);
        place.git("remote.git", &["config", "uploadpack.allowFilter", "true"]);
        place.git("repo", &["init", "-q"]);
        let url = format!("file://{}", place.at("remote.git").display());
        let git = |branch: &str| format!("store.git(\"{url}\", branch=\"{branch}\")");
        let config = format!("repo_alias(\"mono\")\nstore.set({}, intent={})\n", git("state"), git("intent"));
        for (name, text) in [("repo", config.as_str()), ("env", ENVIRONMENTS), ("release", RELEASE)] {
            std::fs::write(place.at("repo").join(format!("{name}.ocu.star")), text).unwrap();
        }
        place.git("repo", &["add", "-A"]);
        place.git("repo", &["commit", "-q", "-m", "first"]);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.at(folder)).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "P"), ("EMAIL", "p@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command.env("OCUROOT_HOME", self.at("home")).stdin(Stdio::null());
        command
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.command("git", folder, arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn shell(&self, folder: &str, script: &str) {
        let output = self.command("sh", folder, &["-c", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", said(&output));
    }

    fn ocuroot(&self, arguments: &[&str]) -> Output {
        let output = self.command(env!("CARGO_BIN_EXE_ocuroot"), "repo", arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        output
    }

    /// The clone that the commands use.
    fn clone(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.at("home/stores")).unwrap();
        entries.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
    }

    /// One small commit, pushed to a branch of its own.
    fn bare_push(&self, number: usize) {
        let clone = self.at("pusher.git");
        if !clone.exists() {
            self.git("", &["clone", "-q", "--bare", "remote.git", "pusher.git"]);
            let empty = self.git("pusher.git", &["mktree"]);
            let first = self.git("pusher.git", &["commit-tree", "-m", "x", &empty]);
            self.git("pusher.git", &["push", "-q", "origin", &format!("{first}:refs/heads/pushed")]);
        }
        let folder = clone.to_string_lossy().into_owned();
        let blob = format!("echo {number} | git hash-object -w --stdin");
        let tree = format!("printf '100644 blob %s\\tx\\n' $({blob}) | git mktree");
        self.shell(&folder, &format!("git commit-tree -p $(git rev-parse -q --verify refs/heads/next || git ls-remote origin refs/heads/pushed | cut -f1) -m x $({tree}) > made && git update-ref refs/heads/next $(cat made)"));
    }

    /// How long one `git push` of one small commit takes.
    fn push_time(&self) -> Duration {
        let mut number = 0;
        let mut times: Vec<Duration> = (0..15)
            .map(|_| {
                number += 1;
                self.bare_push(number);
                let began = Instant::now();
                self.git("pusher.git", &["push", "-q", "origin", "refs/heads/next:refs/heads/pushed"]);
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn main() {
    // Cargo also calls benchmarks when it runs tests; then there is nothing to do.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts: [(&str, fn()); 6] = [
        ("reads", reads),
        ("plans", plans),
        ("release", release),
        ("crowd", crowd),
        ("states", states),
        ("size", size),
    ];
    for (name, part) in parts {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            part();
        }
    }
}

/// A place whose store has 100,000 documents, with nothing to do.
fn large() -> Place {
    let place = Place::new();
    let mut files = Vec::new();
    shape::documents(Shape::LARGE, &mut |at, document| files.push(shape::file(at, document)));
    shape::import(&place.at("remote.git"), "state", "state", &files);
    let mut intent = Vec::new();
    shape::intent(Shape::LARGE, &mut |at, document| intent.push(shape::file(at, document)));
    shape::import(&place.at("remote.git"), "intent", "intent", &intent);
    place.git("remote.git", &["repack", "-adq"]);
    println!("a store of {} documents, and {} of intent", files.len(), intent.len());
    place
}

/// `git ls-tree -r` of the whole store, piped to `grep`.
fn list_tree(place: &Place) -> Duration {
    let taken = median(7, || {
        place.shell("remote.git", "git ls-tree -r --name-only state | grep -c '@/deploy/env03/' >/dev/null");
    });
    println!("{:<58} {:>9.1} ms", "git ls-tree -r | grep", millis(taken));
    taken
}

const PACKAGE: &str = "example.com/o/mono/-/p01/release.ocu.star";

fn reads() {
    let place = large();
    let url = format!("file://{}", place.at("remote.git").display());
    let one = format!("{PACKAGE}/@r5/deploy/env03");
    let clone = median(5, || {
        let _ = std::fs::remove_dir_all(place.at("cold.git"));
        let flags = ["--bare", "--depth", "1", "--filter=blob:none", "-b", "state"];
        place.git("", &[&["clone", "-q"][..], &flags, &[&url, "cold.git"]].concat());
        place.git("cold.git", &["cat-file", "blob", &format!("state:refs/{one}/@object.json")])
    });
    println!("{:<58} {:>9.1} ms", "git clone, then git cat-file", millis(clone));
    let first = median(5, || {
        let _ = std::fs::remove_dir_all(place.at("home"));
        place.ocuroot(&["state", "get", &one])
    });
    line("first state get, no clone yet", first, clone, 1.5);

    let folder = place.clone().to_string_lossy().into_owned();
    let refspecs = ["+refs/heads/state:refs/heads/state", "+refs/heads/intent:refs/heads/intent"];
    let fetching = [&["fetch", "-q", "--no-tags", url.as_str()][..], &refspecs].concat();
    let fetch = median(51, || place.git(&folder, &fetching));
    println!("{:<58} {:>9.1} ms", "git fetch, nothing new", millis(fetch));
    let get = median(51, || place.ocuroot(&["state", "get", &one]));
    line(
        "state get, beside 15 ms beyond the fetch",
        get.saturating_sub(fetch),
        Duration::from_millis(15),
        1.0,
    );
    let below = median(51, || place.ocuroot(&["state", "match", &format!("{PACKAGE}/@r5/**")]));
    line(
        "match <package>/@r5/**, beside 5 ms beyond get",
        below.saturating_sub(get),
        Duration::from_millis(5),
        1.0,
    );

    let tree = list_tree(&place);
    for (pattern, limit) in [("**/@/deploy/env03", 0.2), ("**/status/failed", 1.5)] {
        let taken = median(9, || place.ocuroot(&["state", "match", pattern])).saturating_sub(fetch);
        line(&format!("state match '{pattern}', beyond the fetch"), taken, tree, limit);
    }
}

fn plans() {
    let place = large();
    let tree = list_tree(&place);
    // The clone is there, with the documents that are needed: what is measured is the thinking.
    place.ocuroot(&["work", "cascade", "--dryrun"]);
    let tell = |what: &str, arguments: &[&str]| {
        let first = median(3, || {
            let _ = std::fs::remove_dir_all(place.at("home/cache"));
            place.ocuroot(arguments)
        });
        line(&format!("{what}, for the first time"), first, tree, 4.0);
        let again = median(5, || place.ocuroot(arguments));
        line(&format!("{what}, again"), again, tree, 1.0);
        let _ = std::fs::remove_dir_all(place.at("home/cache"));
        println!("{:<58} {:>9.1} MB of 300", format!("{what}, memory"), memory(&place, arguments));
    };
    tell("work cascade --dryrun", &["work", "cascade", "--dryrun"]);
    tell("state diff", &["state", "diff"]);
}

/// The most memory that a command has at any time, in MB.
fn memory(place: &Place, arguments: &[&str]) -> f64 {
    let script = format!(
        "exec 3>&1; /usr/bin/env python3 -c 'import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' {} {}",
        env!("CARGO_BIN_EXE_ocuroot"),
        arguments.join(" ")
    );
    let output = place.command("sh", "repo", &["-c", &script]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().unwrap_or(f64::NAN) / 1024.0
}

/// How many pushes to `branch` the remote has seen, by its log of the branch.
fn pushes(place: &Place, branch: &str) -> usize {
    std::fs::read_to_string(place.at("remote.git/logs/refs/heads").join(branch))
        .map_or(0, |text| text.lines().count())
}

fn release() {
    let place = Place::new();
    place.git("remote.git", &["config", "core.logAllRefUpdates", "true"]);
    place.ocuroot(&["release", "new", "env.ocu.star"]);
    let push = place.push_time();
    println!("{:<58} {:>9.1} ms", "one git push of one small commit", millis(push));
    let before = pushes(&place, "state");
    place.ocuroot(&["release", "new", "release.ocu.star"]);
    let made = pushes(&place, "state") - before;
    println!("{:<58} {made:>9} of 3", "pushes of a release of 1 task, then 3 deploys");
    let taken = median(11, || place.ocuroot(&["release", "new", "release.ocu.star", "--force"]));
    line("that release", taken, push, 5.0);
    let alone = pushed_alone(&place);
    unlimited("its three commits, by git push alone", alone, push);
}

/// Prints a figure, and how it stands to `base`, where nobody has set a limit.
fn unlimited(what: &str, taken: Duration, base: Duration) {
    let ratio = taken.as_secs_f64() / base.as_secs_f64();
    println!("{what:<58} {:>9.1} ms   {ratio:>6.3}", millis(taken));
}

/// How long `git push` takes for the three commits of the last release, from a clone that has them to a
/// remote that does not: what a release cannot be faster than.
fn pushed_alone(place: &Place) -> Duration {
    let commits = place.git("remote.git", &["rev-list", "--reverse", "-3", "state"]);
    place.git("", &["clone", "-q", "--bare", "remote.git", "from.git"]);
    let times = (0..11).map(|_| {
        let _ = std::fs::remove_dir_all(place.at("to.git"));
        place.git("", &["clone", "-q", "--bare", "--no-local", "remote.git", "to.git"]);
        place.git("to.git", &["update-ref", "refs/heads/state", "state~3"]);
        place.git("to.git", &["reflog", "expire", "--expire=all", "--all"]);
        place.git("to.git", &["repack", "-adq"]);
        let url = format!("file://{}", place.at("to.git").display());
        let began = Instant::now();
        for commit in commits.lines() {
            place.git("from.git", &["push", "-q", &url, &format!("{commit}:refs/heads/state")]);
        }
        began.elapsed()
    });
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap()
}

/// Starts a number of processes at once, each with a home of its own, and waits for all. Those that are
/// `apart` do not see that they are on one machine.
fn at_once(
    place: &Place,
    count: usize,
    apart: bool,
    start: impl Fn(&Place, usize) -> Command,
) -> (Duration, Vec<Output>) {
    let began = Instant::now();
    let children: Vec<_> = (0..count)
        .map(|number| {
            let mut command = start(place, number);
            let home = place.at(&format!("home{number}"));
            std::fs::create_dir_all(&home).unwrap();
            command.env("OCUROOT_HOME", &home);
            if apart {
                command.env("TMPDIR", &home);
            }
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    (began.elapsed(), outputs)
}

fn crowd() {
    crowd_of(false);
    crowd_of(true);
}

fn crowd_of(apart: bool) {
    const MANY: usize = 20;
    let place = Place::new();
    place.ocuroot(&["release", "new", "env.ocu.star"]);
    let push = place.push_time();
    let (taken, outputs) = at_once(&place, MANY, apart, |place, _| {
        let arguments = ["release", "new", "release.ocu.star", "--force"];
        place.command(env!("CARGO_BIN_EXE_ocuroot"), "repo", &arguments)
    });
    let failed: Vec<String> = outputs.iter().filter(|output| !output.status.success()).map(said).collect();
    let count = |pattern: &str| {
        let found = place.ocuroot(&["state", "match", pattern]);
        String::from_utf8_lossy(&found.stdout).lines().count()
    };
    place.ocuroot(&["state", "check"]);
    let machines = if apart { "each on a machine of its own" } else { "on one machine" };
    println!(
        "{MANY} releases at once, {machines}: {} failed, {} numbers of {MANY}, {} runs complete of {}, {} open",
        failed.len(),
        count("**/@r*"),
        count("**/status/complete"),
        MANY * 4,
        count("**/status/{pending,running,paused,failed,cancelled}"),
    );
    failed.iter().for_each(|text| println!("{text}"));
    let (what, pushes) = (format!("{MANY} releases at once, beside 60 pushes"), push * 60);
    if apart {
        // What takes turns there is the remote; nobody has set a limit.
        unlimited(&what, taken, pushes);
    } else {
        line(&what, taken, pushes, 4.0);
    }
}

fn states() {
    const MANY: usize = 50;
    const EACH: usize = 20;
    let place = Place::new();
    place.ocuroot(&["release", "new", "env.ocu.star"]);
    let (taken, outputs) = at_once(&place, MANY, false, |place, number| {
        let binary = env!("CARGO_BIN_EXE_ocuroot");
        let script = format!(
            "for n in $(seq {EACH}); do '{binary}' state set @/custom/p{number}/s$n $n || exit 1; done"
        );
        place.command("sh", "repo", &["-c", &script])
    });
    let failed: Vec<String> = outputs.iter().filter(|output| !output.status.success()).map(said).collect();
    failed.iter().for_each(|text| println!("{text}"));
    let there = place.ocuroot(&["state", "match", "+/custom/**"]);
    let there = String::from_utf8_lossy(&there.stdout).lines().count();
    println!(
        "{MANY} processes that set {EACH} states each: {there} of {} there, {} failed, {:.1} s",
        MANY * EACH,
        failed.len(),
        taken.as_secs_f64()
    );
}

/// What a folder takes on the disk, in kB.
fn kilobytes(place: &Place, folder: &Path) -> f64 {
    let output = place.command("du", "", &["-sk", &folder.to_string_lossy()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn size() {
    const MANY: usize = 1_000;
    let place = Place::new();
    place.ocuroot(&["release", "new", "env.ocu.star"]);
    let began = Instant::now();
    for _ in 0..MANY {
        place.ocuroot(&["release", "new", "release.ocu.star", "--force"]);
    }
    println!("{MANY} releases one after another: {:.1} s", began.elapsed().as_secs_f64());
    let clone = kilobytes(&place, &place.clone());
    // A copy of it: the remote itself may be about to do the same.
    place.git("", &["clone", "-q", "--mirror", "--no-local", "remote.git", "tidied.git"]);
    place.git("tidied.git", &["gc", "-q", "--prune=now"]);
    let remote = kilobytes(&place, &place.at("tidied.git"));
    println!(
        "the clone after {MANY} releases: {:.1} MB, {:.2} of 2 of the remote's own {:.1} MB",
        clone / 1024.0,
        clone / remote,
        remote / 1024.0
    );
}
