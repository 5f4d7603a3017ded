//! `ocuroot`: the binary. Everything is in the library.

use std::process::ExitCode;

use ocuroot::commands::Cli;
use ocuroot::telemetry::Telemetry;
use ocuroot::view::say;

fn main() -> ExitCode {
    let (cli, name) = Cli::read();
    ocuroot::log_file::install();
    ocuroot::interrupt::install();
    let telemetry = Telemetry::start(&name);
    let code = match cli.run() {
        Ok(()) => 0,
        Err(failure) => {
            let message = ocuroot::secrets::mask(&failure.render());
            tracing::error!(exit_code = failure.exit_code(), "{message}");
            say(&message);
            failure.exit_code()
        }
    };
    if let Some(problem) = telemetry.end(code) {
        say(&format!("warning: {problem}"));
    }
    ExitCode::from(code)
}
