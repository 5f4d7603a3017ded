//! `ocuroot completions`

use clap::CommandFactory;

use super::Cli;
use crate::error::Failure;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Args {
    /// Prints it.
    ///
    /// # Errors
    /// When stdout cannot be written to.
    pub fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ocuroot", &mut script);
        super::print(String::from_utf8_lossy(&script).trim_end())
    }
}
