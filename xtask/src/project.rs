//! Where things lie, how a program is run, and how a failure is told.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    next: String,
}

/// What a chore, or a part of one, comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }

    /// The same failure as the reason for a larger one.
    pub(crate) fn because(self, larger: impl fmt::Display) -> Self {
        Self { what: format!("{larger}: {}", self.what), ..self }
    }

    /// The same failure with better advice, for a caller who knows more.
    pub(crate) fn advise(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n what to do: {}", self.what, self.next)
    }
}

/// The folders that chores work in.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
    target: PathBuf,
    tools: PathBuf,
}

impl Project {
    /// Finds the project around this program.
    ///
    /// # Errors
    ///
    /// When this program was moved out of the target folder that cargo built it in.
    pub(crate) fn find() -> Outcome<Self> {
        // Asked for at run time: a target folder may be shared by several clones.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest
            .as_deref()
            .and_then(Path::parent)
            .ok_or_else(|| {
                Failure::new(
                    "cargo did not say where the project is",
                    "start this program with `cargo xtask`",
                )
            })?
            .to_path_buf();
        // <target>/<profile>/xtask. This heeds every way in which cargo's target folder can be set.
        let program = std::env::current_exe()
            .map_err(|e| Failure::new(format!("cannot find this program: {e}"), "run it again"))?;
        let target =
            program.parent().and_then(Path::parent).map_or_else(|| root.join("target"), Path::to_path_buf);
        let tools = match std::env::var_os("OCUROOT_TOOLS") {
            Some(folder) if !folder.is_empty() => root.join(folder),
            _ => target.join("tools"),
        };
        Ok(Self { root, target, tools })
    }

    /// The clone.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where [`crate::setup`] puts tools, each in a folder named for its version.
    pub(crate) fn tools(&self) -> &Path {
        &self.tools
    }

    /// The search path for programs: the tools that set-up installed, then the user's own.
    pub(crate) fn path(&self) -> OsString {
        let installed = std::fs::read_dir(&self.tools)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin"))
            .filter(|bin| bin.is_dir());
        let mut folders: Vec<PathBuf> = installed.collect();
        folders.sort();
        let own = std::env::var_os("PATH").unwrap_or_default();
        folders.extend(std::env::split_paths(&own));
        // Only a folder with a separator in its name cannot be joined; the user's PATH still can.
        std::env::join_paths(folders).unwrap_or(own)
    }

    /// The first of `names` that is on [`Self::path`].
    pub(crate) fn which(&self, names: &[&str]) -> Option<PathBuf> {
        let path = self.path();
        let extension = std::env::consts::EXE_SUFFIX;
        std::env::split_paths(&path)
            .flat_map(|folder| names.iter().map(move |name| folder.join(format!("{name}{extension}"))))
            .find(|candidate| candidate.is_file())
    }

    /// A command in the clone's folder that finds the installed tools.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.path()).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// `cargo` with these words, in the clone's folder.
    pub(crate) fn cargo(&self, words: &str) -> Command {
        let mut command = self.command("cargo");
        command.args(words.split_whitespace());
        command
    }
}

/// Runs a command to its end; its output is the user's to see.
///
/// # Errors
///
/// When it cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|e| not_started(command, &e))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(command, status))
}

/// Runs a command to its end and returns what it wrote to stdout; stderr stays the user's to see.
///
/// # Errors
///
/// When it cannot be started, or ends with anything but success.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| not_started(command, &e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(command, output.status))
}

/// Runs a command to its end. What it says is shown only if it fails.
///
/// # Errors
///
/// When it cannot be started, or ends with anything but success.
pub(crate) fn quietly(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().map_err(|e| not_started(command, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    eprint!("{}", said.concat());
    Err(failed(command, output.status))
}

fn failed(command: &Command, status: std::process::ExitStatus) -> Failure {
    Failure::new(format!("`{}` failed ({status})", words(command)), "see its output above")
}

pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("`{}` could not be started: {error}", words(command)),
        format!("is {} installed, and on PATH?", command.get_program().to_string_lossy()),
    )
}

/// A command as one would type it.
pub(crate) fn words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@+,%#".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Does a part of a chore under a heading, and says how long it took.
///
/// # Errors
///
/// Those of the part.
pub(crate) fn section<T>(title: &str, part: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    println!("\n== {title}");
    let start = Instant::now();
    let result = part()?;
    println!("== {title}: done in {}", duration(start.elapsed()));
    Ok(result)
}

/// `4 s`, `5 min 1 s`.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Reads a file of the project.
///
/// # Errors
///
/// When it cannot be read, or is not UTF-8.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|e| file("read", path, &e))
}

/// Writes a file, and the folders it lies in.
///
/// # Errors
///
/// When one of them cannot be written.
pub(crate) fn write(path: &Path, content: &str) -> Outcome {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| file("create", folder, &e))?;
    }
    std::fs::write(path, content).map_err(|e| file("write", path, &e))
}

/// Copies a folder with all that is below it, but not what somebody's own try there left behind.
///
/// # Errors
///
/// When something cannot be read or written.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to).map_err(|e| file("create", to, &e))?;
    let entries = std::fs::read_dir(from).map_err(|e| file("list", from, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| file("list", from, &e))?;
        if [".git", ".run", ".store"].iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to).map_err(|e| file("copy", &from, &e))?;
        }
    }
    Ok(())
}

/// A failure to `verb` a file.
pub(crate) fn file(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot {verb} {}: {error}", path.display()),
        "check that it exists, that you may, and that the disk has room",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_one_types_them() {
        let mut command = Command::new("ocuroot");
        command.args(["state", "set", "@/custom/it", "it's {1}", ""]);
        assert_eq!(words(&command), r"ocuroot state set @/custom/it 'it'\''s {1}' ''");
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(duration(Duration::from_millis(59_900)), "59 s");
        assert_eq!(duration(Duration::from_secs(301)), "5 min 1 s");
    }
}
