//! What checks the CI files that `ocuroot init` writes: linters and schemas that others publish.
//!
//! They come from the registries of Go and Python. A machine without these runs the tests without them,
//! and they say so; what has to pass for a change to land needs them.

use std::path::Path;

use crate::project::{self, Failure, Outcome, Project};

/// How much they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Where their registry's client is missing, that is said.
    IfPossible,
    /// It is an error.
    Required,
}

/// A linter, and what installs it.
struct Linter {
    name: &'static str,
    version: &'static str,
    why: &'static str,
    by: &'static str,
}

const LINTERS: [Linter; 2] = [
    Linter { name: "actionlint", version: "1.7.12", why: "workflows of GitHub, Gitea and Forgejo", by: "go" },
    Linter {
        name: "check-jsonschema",
        version: "0.39.0",
        why: "files for GitLab, CircleCI and Buildkite",
        by: "python3",
    },
];

/// Installs those that are missing, each into a folder of its own among the tools.
///
/// # Errors
///
/// Names the one that could not be installed, if it is needed.
pub(crate) fn install(project: &Project, need: Need) -> Outcome {
    for linter in LINTERS {
        let Linter { name, version, why, by } = linter;
        let folder = project.tools().join(format!("{name}-{version}"));
        if folder.join("bin").join(name).is_file() {
            continue;
        }
        if project.which(&[by]).is_none() {
            let problem = format!("{by} is not on PATH; it installs {name}, which checks {why}");
            match need {
                Need::Required => return Err(Failure::new(problem, format!("install {by}"))),
                Need::IfPossible => println!("{problem}: its tests will be skipped"),
            }
            continue;
        }
        println!("\n{name} {version}, which checks {why}: by {by}");
        let installed = match by {
            "go" => go(project, version, &folder),
            _ => python(project, name, version, &folder),
        };
        match (installed, need) {
            (Ok(()), _) => {}
            (Err(failure), Need::Required) => {
                return Err(failure.because(format!("{name} could not be installed")));
            }
            (Err(failure), Need::IfPossible) => println!("{failure}\nThe tests with {name} will be skipped"),
        }
    }
    Ok(())
}

fn go(project: &Project, version: &str, folder: &Path) -> Outcome {
    let package = format!("github.com/rhysd/actionlint/cmd/actionlint@v{version}");
    project::run(project.command("go").args(["install", &package]).env("GOBIN", folder.join("bin")))
}

/// Only the linter itself is to be found by its name, not the Python that it runs on.
fn python(project: &Project, name: &str, version: &str, folder: &Path) -> Outcome {
    let (own, bin) = (folder.join("python"), folder.join("bin"));
    project::run(project.command("python3").args(["-m", "venv", "--clear"]).arg(&own))?;
    let requirement = format!("{name}=={version}");
    let pip = own.join("bin/pip");
    project::run(project.command(&pip).args(["install", "--quiet", &requirement]))?;
    std::fs::create_dir_all(&bin).map_err(|e| project::file("make", &bin, &e))?;
    let (program, link) = (own.join("bin").join(name), bin.join(name));
    link_to(&program, &link).map_err(|e| project::file("make", &link, &e))
}

#[cfg(unix)]
fn link_to(program: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(program, link)
}

#[cfg(not(unix))]
fn link_to(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("links are made on Unix only"))
}
