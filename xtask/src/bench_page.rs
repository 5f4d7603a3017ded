//! Measures the dashboard in a real browser, and prints a table.

use crate::bundle::{self, Profile};
use crate::project::{self, Failure, Outcome, Project, section};
use crate::setup::{self, Tests};

/// Builds what is measured and what it is measured with, then runs `tests/browser/bench.mjs`; `parts` are
/// parts of that, none for all of them.
///
/// # Errors
///
/// When something does not build, or a figure cannot be had. A figure beyond its limit is no failure: it
/// says so in its row.
pub(crate) fn run(project: &Project, parts: &[&str]) -> Outcome {
    section("set-up", || setup::run(project, setup::For::Test))?;
    let bundle = section("the dashboard", || bundle::run(project, Profile::Release))?;
    section("the tool, stores and a git host", || {
        project::run(&mut project.cargo("build --locked -p ocuroot --bins --example big_store"))?;
        project::run(&mut project.cargo("build --locked -p ocuroot-tests --example gitea"))
    })?;
    let chromium = setup::chromium(project)
        .ok_or_else(|| Failure::new("no chromium on PATH", "`cargo xtask setup` installs it, or says how"))?;
    let mut node = project.command("node");
    node.arg("bench.mjs")
        .args(parts)
        .env("OCUROOT_BIN", project.target().join("debug/ocuroot"))
        .env("OCUROOT_BUNDLE", bundle)
        .env("OCUROOT_CHROMIUM", chromium)
        .current_dir(project.root().join(Tests::Browser.folder()));
    project::run(&mut node)
}
