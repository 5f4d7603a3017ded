//! `ocuroot release lint`

use std::sync::Arc;

use ocuroot_core::documents::{Package, Work};
use ocuroot_core::sdk::{FileKind, Limits, Program};

use super::{here, print_json, print_lines};
use crate::error::Failure;
use crate::lint_host::LintHost;
use crate::refs_here::{self, Target};
use crate::repo::Repo;
use crate::session::Session;
use crate::session::environments;
use crate::view::warn;

/// Evaluate a release file and print its phases, or every problem
///
/// Effects are refused: no command runs, nothing is written, nothing is fetched.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release file
    #[arg(required_unless_present = "package")]
    file: Option<String>,
    /// Print the package as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Lints.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn run(self) -> Result<(), Failure> {
        let start = here()?;
        let repo = Repo::open(&start)?;
        let package = refs_here::package(&repo, self.file.as_deref(), &self.target)?.package();
        refs_here::require_file(&repo, &package)?;
        // A store is not needed to lint; without one there are no environments.
        let known = match Session::open(&start, Arc::new(crate::view::Quiet)) {
            Ok(mut session) => session.read(environments)?,
            Err(_) => Vec::new(),
        };
        let host = LintHost::new(&repo.root, package.path(), known);
        let release = package.with_release("r1")?;
        let program =
            Program::evaluate(package.path(), FileKind::Release, &release, &host, &Limits::default())?;
        warn(program.warnings());
        match program.package() {
            Some(package) if self.json => print_json(package),
            Some(package) => print_lines(&describe(package)),
            None if self.json => print_json(&program.environments()),
            None => {
                let names = program.environments().iter().map(|env| format!("environment {}", env.name));
                print_lines(&names.collect::<Vec<_>>())
            }
        }
    }
}

fn describe(package: &Package) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, phase) in package.phases.iter().enumerate() {
        lines.push(match phase.name.as_str() {
            "" => format!("phase {}", index + 1),
            name => format!("phase {}: {name}", index + 1),
        });
        for work in &phase.tasks {
            let inputs = match work {
                Work::Task(task) => &task.inputs,
                Work::Deploy(deploy) => &deploy.inputs,
            };
            lines.push(format!("  {}", work.place()));
            for (name, input) in inputs {
                let from = input.source.clone().or_else(|| input.default.as_ref().map(ToString::to_string));
                let from = from.or_else(|| input.value.as_ref().map(ToString::to_string)).unwrap_or_default();
                lines.push(format!("    {name} = {from}"));
            }
        }
    }
    lines
}
