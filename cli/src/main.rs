//! `ocuroot`: the binary. Everything is in the library.

use std::process::ExitCode;

use ocuroot::commands::Cli;
use ocuroot::error::Failure;
use ocuroot::report;
use ocuroot::telemetry::Telemetry;
use ocuroot::view::{say, show_failure};

fn main() -> ExitCode {
    let (cli, name) = Cli::read();
    ocuroot::log_file::install();
    ocuroot::interrupt::install();
    let telemetry = Telemetry::start(&name);
    let result = report::start(&name, cli.events.as_deref()).and_then(|()| cli.run());
    report::finish_views();
    let failure = result.err();
    let code = failure.as_ref().map_or(0, Failure::exit_code);
    if let Some(failure) = &failure {
        tracing::error!(exit_code = code, "{}", failure.render());
        show_failure(failure);
    }
    report::end(failure.as_ref(), code);
    if let Some(problem) = telemetry.end(code) {
        say(&format!("warning: {problem}"));
    }
    ExitCode::from(code)
}
