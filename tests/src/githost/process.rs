//! Programs that run beside a test and end with it, however it ends.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// Starts a program, says its process id, and ends it when whoever started this shell has gone:
/// then nobody holds the other end of its standard input. `$0` is where the output goes.
const GUARD: &str = r#""$@" >"$0" 2>&1 & echo $!; read -r _; kill $! 2>/dev/null; wait $!"#;

/// How long a program may take to end by itself once it was told to.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that runs until this is dropped or this process ends.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    pid: Pid,
}

impl Guarded {
    /// Starts `command`; its output goes to the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &Command, log: &Path) -> Outcome<Self> {
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(GUARD).arg(log).arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        // Ctrl-C is for the test; what it started ends with it.
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guard = guard.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = guard.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| format!("{:?} was not started", command.get_program()))?;
        Ok(Self { guard, pid })
    }

    /// Ends it at once with everything that it has started, as when a machine loses its power.
    ///
    /// # Errors
    /// When the system does not say which processes there are.
    pub fn kill_with_all_below(&self) -> Outcome {
        let below = below(self.pid.as_raw_pid())?;
        // From the top: whoever could notice that something below has ended is gone by then.
        for pid in std::iter::once(self.pid).chain(below) {
            // Whatever has ended meanwhile need not be ended.
            let _ = kill_process(pid, Signal::KILL);
        }
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.guard.try_wait() {
            if Instant::now() > deadline {
                // The guard still waits for it, so the id is still its own.
                let _ = kill_process(self.pid, Signal::KILL);
                let _ = self.guard.wait();
                return;
            }
            std::thread::sleep(super::POLL);
        }
    }
}

/// The processes that `top` has started, those that they have started, and so on.
fn below(top: i32) -> Outcome<Vec<Pid>> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="].map(OsStr::new)).output()?;
    let table = String::from_utf8_lossy(&output.stdout);
    let pairs: Vec<(i32, i32)> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().map(str::parse);
            Some((words.next()?.ok()?, words.next()?.ok()?))
        })
        .collect();
    let mut found = vec![top];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(found.into_iter().skip(1).filter_map(Pid::from_raw).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_alive(pid: Pid) -> bool {
        rustix::process::test_kill_process(pid).is_ok()
    }

    #[test]
    fn what_is_guarded_ends_with_its_guard() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("tail");
        command.args(["-f", "/dev/null"]);
        let guarded = Guarded::start(&command, &folder.path().join("log")).unwrap();
        let pid = guarded.pid;
        assert!(is_alive(pid));
        drop(guarded);
        assert!(!is_alive(pid));
    }

    #[test]
    fn what_is_killed_takes_along_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "tail -f /dev/null & echo $!; wait"]);
        let log = folder.path().join("log");
        let guarded = Guarded::start(&command, &log).unwrap();
        let child = super::super::wait_for("the child's id", || {
            // The guard has to make it first.
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Ok(said.strip_suffix('\n').and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw))
        });
        let child = child.unwrap();
        guarded.kill_with_all_below().unwrap();
        super::super::wait_for("the child to go", || Ok((!is_alive(child)).then_some(()))).unwrap();
    }
}
