//! `ocuroot version`

use super::print;
use crate::error::Failure;

/// Print the version
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Prints it.
    ///
    /// # Errors
    /// When stdout cannot be written to.
    pub fn run(self) -> Result<(), Failure> {
        print(ocuroot_core::VERSION)
    }
}
