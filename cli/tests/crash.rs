//! A release whose process is killed, at every step by which it changes a store, and what is left then:
//! a store that is as it was before the step's transaction or as it is after it, and a release that the
//! next process finishes.
//!
//! What happens inside of one transaction in a folder is in `store.rs`; here whole commands run, on both
//! kinds of store.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const ENVIRONMENTS: &str = "for name in [\"a\", \"b\"]:\n    register_environment(environment(name))\n";

const RELEASE: &str = r#"
def build():
    return done(outputs={"image": "i"}, tags=["v1"])
def up(environment, image):
    return done(outputs={"at": environment["name"]})
def down(environment, image):
    pass
task(build, "build")
phase("everywhere", tasks=[
    deploy(e, up=up, down=down, inputs={"image": ref("./task/build#output/image")})
    for e in environments()
])
"#;

/// A folder with a repo, and with remotes for its store where the store is in git.
struct Place(PathBuf);

impl Place {
    fn new(folder: &Path, store: &str) -> Place {
        let place = Place(folder.to_owned());
        let repo = folder.join("repo");
        fs::create_dir_all(&repo).unwrap();
        place.git(&["init", "-q", "--bare", "../remote.git"]);
        place.git(&["init", "-q", "-b", "main"]);
        fs::write(repo.join("repo.ocu.star"), format!("repo_alias(\"shop\")\nstore.set({store})\n")).unwrap();
        fs::write(repo.join("env.ocu.star"), ENVIRONMENTS).unwrap();
        fs::write(repo.join("release.ocu.star"), RELEASE).unwrap();
        fs::write(repo.join(".gitignore"), ".store\n").unwrap();
        place.git(&["add", "-A"]);
        place.git(&["commit", "-q", "-m", "first"]);
        place.ok(&["release", "new", "env.ocu.star"], &[]);
        place
    }

    fn copy(&self, to: &Path) -> Place {
        let status = Command::new("cp").arg("-a").arg(&self.0).arg(to).status().unwrap();
        assert!(status.success());
        // As on a machine that has not seen the store.
        let _ = fs::remove_dir_all(to.join("home"));
        Place(to.to_owned())
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.0.join("repo"))
            .env("OCUROOT_HOME", self.0.join("home"))
            .env("TMPDIR", self.0.parent().unwrap())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CEILING_DIRECTORIES", self.0.parent().unwrap());
        for (name, value) in [("NAME", "Ada"), ("EMAIL", "ada@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git", arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn ocuroot(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_ocuroot"), arguments);
        command.envs(environment.iter().copied()).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let output = self.ocuroot(arguments, environment);
        assert!(output.status.success(), "ocuroot {arguments:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Releases, and is killed before the given step. Whether it came to its end.
    fn release(&self, step: u64) -> bool {
        let step = step.to_string();
        let output = self.ocuroot(&["release", "new", "release.ocu.star"], &[("OCUROOT_CRASH_AT", &step)]);
        let killed = std::os::unix::process::ExitStatusExt::signal(&output.status).is_some();
        assert!(killed || output.status.success(), "step {step}: {}", text(&output));
        !killed
    }

    /// Looks at what a dead process left, and finishes its work.
    fn finish(&self, step: u64) {
        let found = self.ocuroot(&["state", "check"], &[]);
        assert!(found.status.success(), "step {step}: {}", text(&found));
        let again = self.ocuroot(&["release", "new", "release.ocu.star"], &[]);
        if !again.status.success() {
            // It was made, and a run may be left running that nobody executes.
            assert!(text(&again).contains("is released already"), "step {step}: {}", text(&again));
            let retried = self.ocuroot(
                &["release", "retry", "--stale", "release.ocu.star/@r1"],
                &[("OCUROOT_LEASE", "0s")],
            );
            let none = text(&retried).contains("nothing to retry");
            assert!(none || retried.status.success(), "step {step}: {}", text(&retried));
            self.ok(&["release", "continue", "release.ocu.star/@r1"], &[]);
        }
        let live = self.ok(&["state", "match", "**/@/deploy/*"], &[]);
        assert_eq!(
            live, "shop/-/release.ocu.star/@/deploy/a\nshop/-/release.ocu.star/@/deploy/b\n",
            "step {step}"
        );
        let open = self.ok(&["state", "match", "**/status/{pending,running,paused,failed}"], &[]);
        assert_eq!(open, "", "step {step}");
        assert_eq!(self.ok(&["state", "diff"], &[]), "", "step {step}");
        self.ok(&["state", "check"], &[]);
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Kills a release before every `stride`-th of its steps. Returns how many times.
fn killed_at_every(store: &str, by_git: bool, stride: u64) -> usize {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let before = Place::new(&folder.path().join("before"), store);
    if by_git {
        // Whoever has set up when a remote tidies up is pushed to as one elsewhere is.
        before.git(&["-C", "../remote.git", "config", "gc.auto", "6700"]);
    }
    let (next, end, points) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let step = next.fetch_add(1, Ordering::SeqCst) * stride + 1;
                    if step >= end.load(Ordering::SeqCst) {
                        return;
                    }
                    let place = before.copy(&folder.path().join(step.to_string()));
                    if place.release(step) {
                        end.fetch_min(step, Ordering::SeqCst);
                    } else {
                        points.fetch_add(1, Ordering::SeqCst);
                    }
                    place.finish(step);
                    fs::remove_dir_all(&place.0).unwrap();
                }
            });
        }
    });
    points.into_inner()
}

#[test]
fn in_git_a_killed_release_is_finished_by_the_next_process() {
    let two =
        r#"store.git("../remote.git", branch="state"), intent=store.git("../remote.git", branch="intent")"#;
    let points = [false, true].map(|by_git| killed_at_every(two, by_git, 1));
    println!("{points:?} points");
    assert!(points.iter().all(|points| *points >= 100), "only {points:?} points");
}

#[test]
fn in_a_folder_a_killed_release_is_finished_by_the_next_process() {
    // Each transaction by itself is killed at every step in `store.rs`.
    let points = killed_at_every(r#"store.fs(".store")"#, false, 3);
    println!("{points} points");
    assert!(points >= 40, "only {points} points");
}
