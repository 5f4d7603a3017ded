//! `ocuroot`: the binary. Everything is in the library.

use std::process::ExitCode;

use clap::Parser;
use ocuroot::commands::Cli;

fn main() -> ExitCode {
    // Exits by itself for help, and with 2 for a command line that it does not understand.
    let cli = Cli::parse();
    ocuroot::log_file::install();
    ocuroot::interrupt::install();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let message = ocuroot::secrets::mask(&failure.render());
            tracing::error!(exit_code = failure.exit_code(), "{message}");
            eprintln!("{message}");
            ExitCode::from(failure.exit_code())
        }
    }
}
