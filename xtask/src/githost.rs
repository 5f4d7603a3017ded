//! The git host and the CI runner that tests run workflows on, built from the Go module proxy.
//!
//! Each is a Go module in `tests/gitea` that names one program and, in `go.sum`, everything that it
//! is built from. It is built once: beside the program lie the module's files as they were then, and
//! as long as they are the same nothing is to do.

use std::path::{Path, PathBuf};

use crate::project::{self, Failure, Outcome, Project};

/// What is built of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The git host.
    Gitea,
    /// What runs its jobs.
    Runner,
}

/// Where their programs are compiled from, from the clone's root.
const MODULES: &str = "tests/gitea";

/// The oldest Go that the modules accept.
const GO: (u32, u32) = (1, 26);

impl Program {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Gitea, Self::Runner];

    /// What it is called on PATH.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gitea => "gitea",
            Self::Runner => "gitea-runner",
        }
    }

    fn module(self, project: &Project) -> PathBuf {
        let modules = project.root().join(MODULES);
        match self {
            Self::Gitea => modules,
            Self::Runner => modules.join("runner"),
        }
    }

    /// The Go package that becomes the program.
    fn package(self) -> &'static str {
        match self {
            Self::Gitea => "code.gitea.io/gitea",
            Self::Runner => "gitea.com/gitea/runner",
        }
    }

    /// The command that builds it, as one would type it in its module's folder.
    pub(crate) fn how(self) -> String {
        format!("go build {}, in {MODULES}", self.package())
    }

    /// The version that its module asks for.
    fn version(self, project: &Project) -> Outcome<String> {
        let path = self.module(project).join("go.mod");
        required(&project::read(&path)?, self.package()).ok_or_else(|| {
            Failure::new(
                format!("{} does not require {}", path.display(), self.package()),
                "has the module been renamed? See xtask/src/githost.rs",
            )
        })
    }

    /// Where it is installed.
    fn folder(self, project: &Project) -> Outcome<PathBuf> {
        Ok(project.tools().join(format!("{}-{}", self.name(), self.version(project)?)))
    }

    /// Whether it is there, built of what its module says now.
    pub(crate) fn is_there(self, project: &Project) -> Outcome<bool> {
        let (module, folder) = (self.module(project), self.folder(project)?);
        let same = |name: &str| match (std::fs::read(module.join(name)), std::fs::read(folder.join(name))) {
            (Ok(wanted), Ok(built)) => wanted == built,
            _ => false,
        };
        Ok(folder.join("bin").join(self.name()).is_file() && same("go.mod") && same("go.sum"))
    }

    /// Builds it.
    ///
    /// # Errors
    /// When Go or the network is missing.
    pub(crate) fn install(self, project: &Project) -> Outcome {
        let (module, folder) = (self.module(project), self.folder(project)?);
        let go = |words: &[&str]| {
            let mut go = project.command("go");
            go.args(words).current_dir(&module).env("GOWORK", "off").env("GOFLAGS", "-buildvcs=false");
            go
        };
        let mut build = go(&["build", "-mod=readonly", "-ldflags", "-s -w"]);
        if self == Self::Gitea {
            build.args(["-tags", "sqlite sqlite_unlock_notify"]).env("CGO_ENABLED", "1");
        }
        project::run(build.arg("-o").arg(folder.join("bin").join(self.name())).arg(self.package()))?;
        if self == Self::Gitea {
            // What it reads while it runs.
            let sources = project::output(&mut go(&["list", "-m", "-f", "{{.Dir}}", self.package()]))?;
            for part in ["templates", "options"] {
                project::copy(&Path::new(sources.trim()).join(part), &folder.join("share").join(part))?;
            }
        }
        // Last: without these it counts as not there.
        for name in ["go.mod", "go.sum"] {
            project::write(&folder.join(name), &project::read(&module.join(name))?)?;
        }
        Ok(())
    }
}

/// Whether the host is there or can be built, and if not, why.
///
/// # Errors
/// That Go is missing or too old, with what to do about it.
pub(crate) fn expect(project: &Project) -> Outcome {
    let mut there = true;
    for program in Program::ALL {
        there &= program.is_there(project)?;
    }
    if there {
        return Ok(());
    }
    let (major, minor) = GO;
    let next = format!("install Go {major}.{minor} or newer: https://go.dev");
    if project.which(&["go"]).is_none() {
        return Err(Failure::new("go is not on PATH; it builds the git host that tests run CI on", next));
    }
    let said = project::output(project.command("go").arg("version"))?;
    match version(&said) {
        Some(found) if found >= GO => Ok(()),
        _ => Err(Failure::new(format!("go is too old or odd: {}", said.trim()), next)),
    }
}

/// The version of a module that a `go.mod` requires, without the `v`.
fn required(file: &str, module: &str) -> Option<String> {
    file.lines().find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        if words.next() != Some(module) {
            return None;
        }
        Some(words.next()?.strip_prefix('v')?.to_owned())
    })
}

/// `go version go1.26.8 linux/amd64`
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_go_writes() {
        let file = "module x\n\nrequire code.gitea.io/gitea v1.26.0\n\nrequire (\n\tb.c/d v0.1.0 // indirect\n)\n\nreplace code.gitea.io/gitea => ./x\n";
        assert_eq!(required(file, "code.gitea.io/gitea").as_deref(), Some("1.26.0"));
        assert_eq!(required(file, "b.c/d").as_deref(), Some("0.1.0"));
        assert_eq!(required(file, "b.c"), None);
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("go version devel +abc"), None);
    }
}
