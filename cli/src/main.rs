//! `ocuroot`: the binary. Everything is in the library.

use std::process::ExitCode;

use clap::Parser;
use ocuroot::commands::Cli;

fn main() -> ExitCode {
    // Exits by itself for help, and with 2 for a command line that it does not understand.
    let cli = Cli::parse();
    ocuroot::interrupt::install();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.render());
            ExitCode::from(failure.exit_code())
        }
    }
}
