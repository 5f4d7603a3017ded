//! What a chore needs on this machine: found, or installed after saying what and why.
//!
//! Nothing is fetched that is there already, so a second run needs no network. Tools come from
//! the registries that cargo, npm and the system's package manager know, never as a downloaded
//! binary of their own.

use std::path::Path;
use std::time::Instant;

use crate::githost::{self, Program};
use crate::project::{self, Failure, Outcome, Project};

/// The chore that is about to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Demo,
    DemoCi,
    Bundle,
    Test,
    Ci,
}

/// What a machine is expected to have: (names, why, where it comes from).
const EXPECTED: [(&[&str], &str, &str); 4] = [
    (&["cargo"], "builds everything", "https://rustup.rs"),
    (&["git"], "a release is of a commit", "your system's package manager"),
    (
        &["cc", "gcc", "clang", "cl"],
        "links what cargo builds",
        "your system's package manager (build-essential, Xcode's command line tools)",
    ),
    (&["node"], "runs the example's servers and the browser tests", "https://nodejs.org"),
];

/// A thing that set-up can install.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Crates,
    WasmTarget,
    WasmBindgen,
    WasmSplit,
    WasmOpt,
    Chromium,
    /// What npm installs into a folder that has a lock file.
    Npm(Tests),
    CargoDeny,
    GitHost(Program),
}

/// Tests that Node.js runs, with what they need from npm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tests {
    /// The dashboard in a real browser.
    Browser,
    /// The emulated git hosts.
    GitHosts,
}

impl Tests {
    /// Where they live, from the clone's root.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Browser => "tests/browser",
            Self::GitHosts => "tests/githost",
        }
    }
}

/// What matters for a program that we compile: most only wait for others, or for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speed {
    ToCompile,
    ToRun,
}

const WASM_SPLIT: &str = "0.2.4";
const CARGO_DENY: &str = "0.20.2";

/// Names under which systems install the browser.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where wasm-opt is installed, from the clone's root.
pub(crate) const WASM_OPT: &str = "xtask/wasm-opt";

const WASM_SPLIT_PROGRAM: &str = "wasm-split-cli";

/// Where wasm-split is installed; it tells nobody its version, so none that is on PATH would do.
pub(crate) fn wasm_split(project: &Project) -> std::path::PathBuf {
    let folder = project.tools().join(format!("{WASM_SPLIT_PROGRAM}-{WASM_SPLIT}"));
    folder.join("bin").join(WASM_SPLIT_PROGRAM).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Makes sure that everything `chore` needs is there.
///
/// # Errors
///
/// Names the thing that is missing and could not be installed, and what to do.
pub(crate) fn run(project: &Project, chore: For) -> Outcome {
    // What Node.js does for the dashboard can be left undone.
    let without_node = chore == For::Bundle && project.which(&["npm"]).is_none();
    for (names, why, from) in EXPECTED {
        if project.which(names).is_none() && !(without_node && names.contains(&"node")) {
            return Err(Failure::new(
                format!("{} is not on PATH; it {why}", names.join(" or ")),
                format!("install it: {from}"),
            ));
        }
    }
    if !without_node {
        expect_node(project)?;
    }
    let hosted = githost::expect(project);
    if let (For::Ci | For::DemoCi, Err(_)) = (chore, &hosted) {
        return hosted;
    }

    let wanted: &[Thing] = match chore {
        For::Demo | For::DemoCi => &[],
        For::Bundle if without_node => {
            &[Thing::Crates, Thing::WasmTarget, Thing::WasmBindgen, Thing::WasmSplit]
        }
        For::Bundle => {
            &[Thing::Crates, Thing::WasmTarget, Thing::WasmBindgen, Thing::WasmSplit, Thing::WasmOpt]
        }
        For::Test | For::Ci => &[
            Thing::Crates,
            Thing::WasmTarget,
            Thing::WasmBindgen,
            Thing::WasmSplit,
            Thing::WasmOpt,
            Thing::Chromium,
            Thing::Npm(Tests::Browser),
            Thing::Npm(Tests::GitHosts),
        ],
    };
    let last: &[Thing] = match chore {
        For::Ci => &[Thing::CargoDeny],
        For::Demo | For::DemoCi | For::Bundle | For::Test => &[],
    };
    let programs: &[Program] = match (chore, &hosted) {
        (For::Demo | For::Bundle, _) | (_, Err(_)) => &[],
        (For::DemoCi | For::Test | For::Ci, Ok(())) => &Program::ALL,
    };
    let programs = programs.iter().copied().map(Thing::GitHost);
    let mut missing = Vec::new();
    for thing in wanted.iter().chain(last).copied().chain(programs) {
        if !thing.is_there(project)? {
            missing.push(thing);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }

    println!("To be installed:");
    for thing in &missing {
        println!("  {}: {}", thing.name(project)?, thing.why());
        println!("      by {}{}", thing.how(project)?, thing.note());
    }
    for (i, thing) in missing.iter().enumerate() {
        let name = thing.name(project)?;
        println!("\n[{}/{}] {name}", i + 1, missing.len());
        let start = Instant::now();
        thing.install(project).map_err(|failure| thing.explain(project, failure))?;
        if !thing.is_there(project)? {
            return Err(Failure::new(
                format!("{name} was installed, and yet is not found"),
                format!("PATH is {}", project.path().to_string_lossy()),
            ));
        }
        let took = project::duration(start.elapsed());
        println!("[{}/{}] {name}: installed in {took}", i + 1, missing.len());
    }
    // Only an interrupted installation has a use for what was compiled on the way.
    let scratch = scratch(project);
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(|e| project::file("remove", &scratch, &e))?;
    }
    Ok(())
}

/// The oldest Node.js that what we run on it supports.
const NODE: u32 = 20;

fn expect_node(project: &Project) -> Outcome {
    let version = project::output(project.command("node").arg("--version"))?;
    let major = version.trim_start_matches('v').split('.').next();
    match major.and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major >= NODE => Ok(()),
        _ => Err(Failure::new(
            format!("node is {}, and {NODE} or newer is needed", version.trim()),
            "install a newer one: https://nodejs.org",
        )),
    }
}

/// The browser that tests drive.
pub(crate) fn chromium(project: &Project) -> Option<std::path::PathBuf> {
    project.which(&CHROMIUM)
}

/// Where tools are compiled. Shared by them, for what they have in common.
fn scratch(project: &Project) -> std::path::PathBuf {
    project.tools().join("build")
}

impl Thing {
    fn name(self, project: &Project) -> Outcome<String> {
        Ok(match self {
            Self::Crates => "the crates in Cargo.lock".to_owned(),
            Self::WasmTarget => "Rust's target wasm32-unknown-unknown".to_owned(),
            Self::WasmBindgen => format!("wasm-bindgen {}", wasm_bindgen_version(project)?),
            Self::WasmSplit => format!("wasm-split {WASM_SPLIT}"),
            Self::WasmOpt => "wasm-opt".to_owned(),
            Self::Chromium => "chromium".to_owned(),
            Self::Npm(tests) => format!("the npm packages of {}", tests.folder()),
            Self::CargoDeny => format!("cargo-deny {CARGO_DENY}"),
            Self::GitHost(program) => program.name().to_owned(),
        })
    }

    fn why(self) -> &'static str {
        match self {
            Self::Crates => "what the tool and the dashboard are built from",
            Self::WasmTarget => "the dashboard runs in the browser",
            Self::WasmBindgen => "joins the dashboard's wasm to JavaScript",
            Self::WasmSplit => "cuts what the dashboard loads later from what it loads first",
            Self::WasmOpt => "makes the dashboard small",
            Self::Chromium => "the browser that the tests open the dashboard in",
            Self::Npm(Tests::Browser) => "drive the browser, and look for what keeps people out",
            Self::Npm(Tests::GitHosts) => "describe what git hosts answer",
            Self::CargoDeny => "checks licences and sources of dependencies",
            Self::GitHost(Program::Gitea) => "the git host that tests run CI on",
            Self::GitHost(Program::Runner) => "runs the jobs of that git host",
        }
    }

    /// The command that installs it, as one would type it.
    fn how(self, project: &Project) -> Outcome<String> {
        Ok(match self {
            Self::Crates => "cargo fetch".to_owned(),
            Self::WasmTarget => "rustup target add wasm32-unknown-unknown".to_owned(),
            Self::WasmBindgen => {
                let version = wasm_bindgen_version(project)?;
                format!("cargo install wasm-bindgen-cli@{version}")
            }
            Self::WasmSplit => {
                format!("cargo install wasm_split_cli_support@{WASM_SPLIT} --features build-binary")
            }
            Self::WasmOpt => format!("npm ci, in {WASM_OPT}"),
            Self::Chromium => "apt-get install chromium".to_owned(),
            Self::Npm(tests) => format!("npm ci, in {}", tests.folder()),
            Self::CargoDeny => format!("cargo install cargo-deny@{CARGO_DENY}"),
            Self::GitHost(program) => program.how(),
        })
    }

    /// What one should know before it is installed: what takes long, and what changes the system.
    fn note(self) -> &'static str {
        match self {
            Self::GitHost(Program::Gitea) => " (some 4 minutes on 2 cores)",
            Self::WasmBindgen | Self::WasmSplit | Self::CargoDeny => " (some 2 minutes on 2 cores)",
            Self::GitHost(Program::Runner) => " (a minute on 2 cores)",
            Self::Chromium => " (into the system; as root or with sudo)",
            Self::Npm(Tests::GitHosts) => " (400 MB, most of it the same description for every edition)",
            Self::Crates | Self::WasmTarget | Self::WasmOpt | Self::Npm(Tests::Browser) => "",
        }
    }

    fn is_there(self, project: &Project) -> Outcome<bool> {
        Ok(match self {
            // Cargo knows best; asked without the network it takes a moment.
            Self::Crates => project
                .cargo("fetch --locked --offline --quiet")
                .args(targets(project)?)
                .stderr(std::process::Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
            Self::WasmTarget => {
                let sysroot = project::output(project.command("rustc").args(["--print", "sysroot"]))?;
                Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir()
            }
            Self::WasmBindgen => is_version(project, "wasm-bindgen", &wasm_bindgen_version(project)?),
            Self::WasmSplit => wasm_split(project).is_file(),
            Self::Chromium => chromium(project).is_some(),
            Self::WasmOpt => npm_has(project, WASM_OPT),
            Self::Npm(tests) => npm_has(project, tests.folder()),
            Self::CargoDeny => is_version(project, "cargo-deny", CARGO_DENY),
            Self::GitHost(program) => program.is_there(project)?,
        })
    }

    fn install(self, project: &Project) -> Outcome {
        match self {
            Self::Crates => project::run(project.cargo("fetch --locked").args(targets(project)?)),
            Self::WasmTarget => {
                project::run(project.command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))
            }
            Self::WasmBindgen => {
                let version = wasm_bindgen_version(project)?;
                cargo_install(project, "wasm-bindgen-cli", &version, "wasm-bindgen", &[], Speed::ToRun)
            }
            Self::WasmSplit => cargo_install(
                project,
                "wasm_split_cli_support",
                WASM_SPLIT,
                WASM_SPLIT_PROGRAM,
                &["--features", "build-binary"],
                Speed::ToRun,
            ),
            Self::Chromium => install_chromium(project),
            Self::WasmOpt => npm_ci(project, WASM_OPT),
            Self::Npm(tests) => npm_ci(project, tests.folder()),
            Self::CargoDeny => {
                cargo_install(project, "cargo-deny", CARGO_DENY, "cargo-deny", &[], Speed::ToCompile)
            }
            Self::GitHost(program) => program.install(project),
        }
    }

    fn explain(self, project: &Project, failure: Failure) -> Failure {
        let name = self.name(project).unwrap_or_default();
        let how = self.how(project).unwrap_or_default();
        failure
            .because(format!("{name} could not be installed"))
            .advise(format!("is the network there? Or install it yourself, so that it is on PATH: {how}"))
    }
}

/// Whether npm has installed what the folder's lock file says.
fn npm_has(project: &Project, folder: &str) -> bool {
    let folder = project.root().join(folder);
    let modified = |file: &str| folder.join(file).metadata().and_then(|m| m.modified());
    // npm writes this file when it is done.
    match (modified("node_modules/.package-lock.json"), modified("package-lock.json")) {
        (Ok(installed), Ok(wanted)) => installed >= wanted,
        _ => false,
    }
}

fn npm_ci(project: &Project, folder: &str) -> Outcome {
    let folder = project.root().join(folder);
    project::run(project.command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// Crates are fetched for this machine and for the browser, not for every system there is.
fn targets(project: &Project) -> Outcome<Vec<String>> {
    let about = project::output(project.command("rustc").arg("-vV"))?;
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Failure::new("rustc names no host", "see `rustc -vV`"))?;
    let words = ["--target", host, "--target", "wasm32-unknown-unknown"];
    Ok(words.map(str::to_owned).to_vec())
}

/// The version of the crate, which the program must match exactly.
fn wasm_bindgen_version(project: &Project) -> Outcome<String> {
    let path = project.root().join("Cargo.lock");
    let lock = project::read(&path)?;
    locked_version(&lock, "wasm-bindgen").ok_or_else(|| {
        Failure::new(
            format!("{} has no wasm-bindgen", path.display()),
            "run `cargo metadata` to write it anew",
        )
    })
}

fn locked_version(lock: &str, name: &str) -> Option<String> {
    let name = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.strip_suffix('"')?.to_owned())
}

/// Whether `program --version` says this version.
fn is_version(project: &Project, program: &str, version: &str) -> bool {
    if project.which(&[program]).is_none() {
        return false;
    }
    project.command(program).arg("--version").stderr(std::process::Stdio::null()).output().is_ok_and(
        |output| {
            let said = String::from_utf8_lossy(&output.stdout);
            said.split_whitespace().nth(1) == Some(version)
        },
    )
}

/// Compiles a program of another crate, for speed of compiling rather than of running.
fn cargo_install(
    project: &Project,
    krate: &str,
    version: &str,
    program: &str,
    features: &[&str],
    speed: Speed,
) -> Outcome {
    let root = project.tools().join(format!("{program}-{version}"));
    let install = |locked: &[&str]| {
        project::run(
            project
                .command("cargo")
                .args(["install", "--no-default-features"])
                .args(features)
                .args(locked)
                .args(["--version", version, "--root"])
                .arg(&root)
                .arg(krate)
                // Not the clone's: its own profile and settings are not for other people's code.
                .current_dir(std::env::temp_dir())
                .env("CARGO_TARGET_DIR", scratch(project))
                .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "fallback")
                .env(
                    "CARGO_PROFILE_RELEASE_OPT_LEVEL",
                    match speed {
                        Speed::ToCompile => "0",
                        Speed::ToRun => "1",
                    },
                )
                .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        )
    };
    // The versions that its authors tested; where a registry lags behind, those that it has.
    install(&["--locked"]).or_else(|failure| {
        eprintln!("{failure}\nOnce more, with the newest versions that the registry has:");
        install(&[])
    })
}

fn install_chromium(project: &Project) -> Outcome {
    let missing = |why: &str| {
        Failure::new(
            format!("no chromium on PATH, and {why}"),
            format!("install Chromium or Chrome, so that one of {} is on PATH", CHROMIUM.join(", ")),
        )
    };
    if project.which(&["apt-get"]).is_none() {
        return Err(missing("no apt-get to install it with"));
    }
    let is_root = project::output(project.command("id").arg("-u"))?.trim() == "0";
    if !is_root && project.which(&["sudo"]).is_none() {
        return Err(missing("apt-get needs root or sudo"));
    }
    let apt_get = |words: &[&str]| {
        let mut command = project.command(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            command.args(["--", "apt-get"]);
        }
        // Another installation may be under way: wait for it.
        command
            .args(["-q", "-o", "DPkg::Lock::Timeout=120"])
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive");
        project::run(&mut command)
    };
    apt_get(&["update"])?;
    // The fonts, because text without one has no height.
    apt_get(&["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.1\"\n";
        assert_eq!(locked_version(lock, "a").as_deref(), Some("2.0.1"));
        assert_eq!(locked_version(lock, "b"), None);
    }
}
