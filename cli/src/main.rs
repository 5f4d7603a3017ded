//! `ocuroot`: the binary. Everything is in the library.

use std::process::ExitCode;

use ocuroot::commands::Cli;
use ocuroot::telemetry::Telemetry;

fn main() -> ExitCode {
    let (cli, name) = Cli::read();
    ocuroot::interrupt::install();
    let telemetry = Telemetry::start(&name);
    let code = match cli.run() {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("{}", failure.render());
            failure.exit_code()
        }
    };
    if let Some(problem) = telemetry.end(code) {
        eprintln!("warning: {problem}");
    }
    ExitCode::from(code)
}
