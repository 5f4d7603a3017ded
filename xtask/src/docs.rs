//! Keeps docs/cli.md the same as what the tool says of itself.

use crate::project::{self, Failure, Outcome, Project};

/// Whether the page is written, or only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Writes docs/cli.md anew, or says that somebody should.
///
/// # Errors
///
/// When the tool does not build, or the page differs and was only to be compared.
pub(crate) fn run(project: &Project, mode: Mode) -> Outcome {
    let path = project.root().join("docs/cli.md");
    let page =
        project::output(&mut project.cargo("run --locked --quiet --package ocuroot -- man --markdown"))?;
    match mode {
        Mode::Write => project::write(&path, &page),
        Mode::Check if project::read(&path).is_ok_and(|there| there == page) => Ok(()),
        Mode::Check => Err(Failure::new(
            format!("{} is not what the tool says of itself", path.display()),
            "run `cargo xtask docs` and commit what it wrote",
        )),
    }
}
