//! `cargo xtask <chore>`: what this project's people do besides writing code.
//!
//! A chore is a file of its own; [`project`] knows where things lie, and how a program is run and
//! a failure told. There are no dependencies: this program stands between a fresh clone and its
//! first release, and is compiled before anything else can be.

use std::process::ExitCode;

use project::{Failure, Outcome, Project};

mod bench_page;
mod bundle;
mod ci;
mod demo;
mod docs;
mod githost;
mod linters;
mod project;
mod sbom;
mod setup;
mod test;

const HELP: &str = "\
cargo xtask <chore>

  demo [--keep]   build the tool, release examples/shop with it, and look at what happened, at last in
                  the dashboard, which stays until Ctrl-C if there is a terminal; --keep leaves it
                  and the shop's servers running
  demo --ci [--keep]
                  the same on a git host with CI, from a push to every environment: both are built
                  (with Go) and run on this machine; --keep waits before it ends them
  test            install what the tests need, then run every test
  ci              fmt, clippy, licences and the wasm builds, then `test`
  bundle [--release]
                  build the dashboard into target/bundle; --release makes it small, and prints how small
  bench-page [PART…]
                  measure the dashboard in a browser, beside what it is to reach; the parts are in
                  tests/browser/bench.mjs
  setup [demo|demo-ci|bundle|test|ci]
                  only install what a chore needs (default: test)
  docs [--check]  write docs/cli.md anew from the tool's own help
  sbom FILE       list what the tool is built from (CycloneDX, JSON)

Tools that a chore installs go to target/tools. OCUROOT_TOOLS names another folder for them, one
that several clones can share.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Outcome {
    if matches!(arguments, [] | ["help" | "--help" | "-h", ..]) {
        print!("{HELP}");
        return Ok(());
    }
    let project = Project::find()?;
    match arguments {
        ["demo"] => demo::run(&project, demo::Servers::End),
        ["demo", "--keep"] => demo::run(&project, demo::Servers::Keep),
        ["demo", "--ci"] => demo::on_a_git_host(&project, demo::Servers::End),
        ["demo", "--ci", "--keep"] => demo::on_a_git_host(&project, demo::Servers::Keep),
        ["test"] => test::run(&project),
        ["ci"] => ci::run(&project),
        ["bundle"] => bundle::run(&project, bundle::Profile::Dev).map(drop),
        ["bundle", "--release"] => bundle::run(&project, bundle::Profile::Release).map(drop),
        ["bench-page", parts @ ..] => bench_page::run(&project, parts),
        ["setup"] | ["setup", "test"] => setup::run(&project, setup::For::Test)
            .and_then(|()| linters::install(&project, linters::Need::IfPossible)),
        ["setup", "demo"] => setup::run(&project, setup::For::Demo),
        ["setup", "demo-ci"] => setup::run(&project, setup::For::DemoCi),
        ["setup", "bundle"] => setup::run(&project, setup::For::Bundle),
        ["setup", "ci"] => setup::run(&project, setup::For::Ci)
            .and_then(|()| linters::install(&project, linters::Need::Required)),
        ["docs"] => docs::run(&project, docs::Mode::Write),
        ["docs", "--check"] => docs::run(&project, docs::Mode::Check),
        ["sbom", file] => sbom::run(&project, file),
        _ => Err(Failure::new(
            format!("there is no chore `{}`", arguments.join(" ")),
            "`cargo xtask help` lists them",
        )),
    }
}
