//! What a change must pass to land: the checks that are quick to fail, then every test.

use crate::linters::{self, Need};
use crate::project::{self, Outcome, Project, section};
use crate::{setup, test};

/// Runs every check and every test.
///
/// # Errors
///
/// The first part that failed.
pub(crate) fn run(project: &Project) -> Outcome {
    let cargo = |words: &str| project::run(&mut project.cargo(words));

    section("format", || cargo("fmt --all --check"))?;
    section("set-up", || setup::run(project, setup::For::Ci))?;
    section("linters for CI files", || linters::install(project, Need::Required))?;
    section("licences and sources of dependencies", || {
        cargo("deny --locked check --hide-inclusion-graph bans licenses sources")
    })?;
    section("lints", || {
        cargo("clippy --locked --workspace --all-targets -- -D warnings")?;
        cargo("clippy --locked --package ocuroot-web --target wasm32-unknown-unknown -- -D warnings")
    })?;
    section("core for the browser, with and without each feature", || {
        let core = "build --locked --package ocuroot-core --target wasm32-unknown-unknown";
        cargo(core)?;
        cargo(&format!("{core} --features starlark"))
    })?;
    test::run(project)
}
