//! Every test: of the crates, of CI on a git host, of the page in a real browser, and of the demo.

use std::process::Command;

use crate::bundle::{self, Profile};
use crate::demo::{self, Servers};
use crate::githost;
use crate::linters::{self, Need};
use crate::project::{self, Failure, Outcome, Project, section};
use crate::setup::{self, Tests};

/// Installs what is missing, then runs every test.
///
/// # Errors
///
/// The first part that failed.
pub(crate) fn run(project: &Project) -> Outcome {
    section("set-up", || setup::run(project, setup::For::Test))?;
    section("linters for CI files", || linters::install(project, Need::IfPossible))?;
    let host = githost::expect(project);
    let hosted = host.is_ok();
    if let Err(failure) = host {
        println!("Tests of CI on a git host are skipped.\n{failure}\n");
    }
    section("tests of the crates", || {
        let mut tests = project.cargo("test --locked --workspace");
        require_host(&mut tests, hosted);
        project::run(&mut tests)
    })?;
    section("tests of the git hosts for tests", || {
        node_tests(project, Tests::GitHosts, |node| require_host(node, hosted))
    })?;
    section("the dashboard", || bundle::run(project, Profile::Dev))
        .and_then(|bundle| section("tests in a browser", || browser(project, &bundle, hosted)))?;
    section("the demo", || demo::run(project, Servers::End))
}

/// Says that tests which need a real git host must run, where there can be one.
fn require_host(tests: &mut Command, hosted: bool) {
    if hosted {
        tests.env("OCUROOT_TEST_CI", "required");
    }
}

fn browser(project: &Project, bundle: &std::path::Path, hosted: bool) -> Outcome {
    let chromium = setup::chromium(project)
        .ok_or_else(|| Failure::new("no chromium on PATH", "`cargo xtask setup` installs it, or says how"))?;
    node_tests(project, Tests::Browser, |node| {
        node.env("OCUROOT_BUNDLE", bundle).env("OCUROOT_CHROMIUM", chromium);
        require_host(node, hosted);
    })
}

/// Runs tests by Node.js, which find in `OCUROOT_BIN` the binary that the tests of the crates had built.
fn node_tests(project: &Project, tests: Tests, add: impl FnOnce(&mut Command)) -> Outcome {
    let mut node = project.command("node");
    node.arg("--test")
        .env("OCUROOT_BIN", project.target().join("debug/ocuroot"))
        .current_dir(project.root().join(tests.folder()));
    add(&mut node);
    project::run(&mut node)
}
